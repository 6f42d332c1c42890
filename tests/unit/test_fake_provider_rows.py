"""What the fake providers' rows say of the real providers, and that the fake providers do it.

It does not prove that the real provider's source was read rightly: only a run with the real plugins does.
"""

import re
from typing import Any
from unittest.mock import Mock

import pytest
from pulumi.runtime.proto import provider_pb2

from rehearsal.providers.aws_rows import aws_package
from rehearsal.providers.lifecycle import Lifecycle
from rehearsal.providers.rows import Call, Package, Read, Row
from rehearsal.providers.servicer import FakeProviderServicer
from rehearsal.providers.values import DEFAULTED, encode
from rehearsal.providers.vault_rows import vault_package

AWS = aws_package("http://127.0.0.1:1", {})
VAULT = vault_package("http://127.0.0.1:1", "token")
SOURCES = {"aws": r"internal/service/[a-z0-9]+/[a-z0-9_]+\.go", "vault": r"vault/resource_[a-z_]+\.go"}
ROWS = [(package, row) for package in (AWS, VAULT) for row in package.rows.values()]
every_row = pytest.mark.parametrize(("package", "row"), ROWS, ids=[row.type for _, row in ROWS])


def diff(package: Package, row: Row, old: dict[str, Any], new: dict[str, Any], state: Any = None) -> Any:
    """With the settings without which the real provider moves the thing."""
    stays = {setting: True for name, setting in row.moves.items() if name in new}
    old, new = {**stays, **old}, {**stays, **new}
    request = provider_pb2.DiffRequest(
        type=row.type, old_inputs=encode(old), olds=encode(old if state is None else state), news=encode(new)
    )
    return FakeProviderServicer(package).Diff(request, Mock())


@every_row
def test_every_row_names_the_source_that_was_read_for_it(package: Package, row: Row) -> None:
    assert re.fullmatch(SOURCES[package.name], row.source)


@every_row
def test_what_replaces_replaces_and_everything_else_changes_in_place(package: Package, row: Row) -> None:
    assert row.replaces <= row.inputs
    for name in row.inputs:
        before, after = "before", "after"
        answer = diff(package, row, {name: before}, {name: after})
        assert list(answer.diffs) == [name]
        assert list(answer.replaces) == ([name] if name in row.replaces else [])


@every_row
def test_the_same_again_is_no_change(package: Package, row: Row) -> None:
    given = dict.fromkeys(row.inputs, "same")
    assert diff(package, row, given, given).changes == provider_pb2.DiffResponse.DIFF_NONE


@every_row
def test_a_resource_that_the_program_named_goes_before_its_successor_comes(
    package: Package, row: Row
) -> None:
    for changed in row.replaces:
        before, after = {changed: "before"}, {changed: "after"}
        assert diff(package, row, before, after).deleteBeforeReplace == (
            row.deletes_first or changed == row.auto_name
        )
        if row.auto_name and changed != row.auto_name:
            named = {row.auto_name: "name"}
            assert diff(package, row, before | named, after | named).deleteBeforeReplace
            made = named | {DEFAULTED: [row.auto_name]}
            assert not diff(package, row, before | made, after | made).deleteBeforeReplace


@every_row
def test_an_input_that_the_real_provider_drops_is_dropped_without_the_other(
    package: Package, row: Row
) -> None:
    for name, other in row.sent_with.items():
        assert {name, other} <= row.inputs
        for given, sent in (({name: "x"}, None), ({name: "x", other: "y"}, "x")):
            stub = Row(
                type="stub",
                source="",
                replaces=frozenset({name, other}),
                id="i",
                create=(Call("make", {"one": name, "other": other}),),
                reads=(Read(Call("read"), {}),),
                delete=(),
                sent_with=row.sent_with,
            )
            api = Mock()
            api.call.return_value = {}
            Lifecycle(stub, api).create(given)
            made = api.call.call_args_list[0].args[1]
            assert made.get("one") == sent


def test_a_move_that_the_real_provider_would_not_survive_is_refused() -> None:
    moving = {row.type: dict(row.moves) for _, row in ROWS if row.moves}
    assert set(moving) == {
        "vault:aws/secretBackend:SecretBackend",
        "vault:index/authBackend:AuthBackend",
        "vault:jwt/authBackend:AuthBackend",
        "vault:ldap/authBackend:AuthBackend",
    }
    request = provider_pb2.DiffRequest(
        type="vault:aws/secretBackend:SecretBackend",
        old_inputs=encode({"path": "before"}),
        olds=encode({"path": "before"}),
        news=encode({"path": "after"}),
    )
    context = Mock()
    FakeProviderServicer(VAULT).Diff(request, context)
    assert "without disableRemount the real provider moves" in context.abort.call_args.args[1]


def test_only_the_public_address_is_dropped_so_far() -> None:
    dropped = {row.type: dict(row.sent_with) for _, row in ROWS if row.sent_with}
    assert dropped == {"aws:ec2/instance:Instance": {"associatePublicIpAddress": "subnetId"}}


def test_a_change_is_one_against_what_is_there_not_against_what_was_asked() -> None:
    instance = AWS.rows["aws:ec2/instance:Instance"]
    asked = {"associatePublicIpAddress": False}
    found = {"associatePublicIpAddress": True, "subnetId": "subnet-1"}
    assert list(diff(AWS, instance, asked, asked, found).replaces) == ["associatePublicIpAddress"]
    assert not diff(AWS, instance, asked, asked, {"associatePublicIpAddress": False}).diffs
    # Found, and never asked for: as it is.
    assert not diff(AWS, instance, {}, {}, found).diffs


def test_a_row_that_says_two_things_of_an_input_is_refused() -> None:
    change = Call("change", {"a": "name"})
    parts: dict[str, Any] = {
        "type": "t",
        "source": "s",
        "id": "i",
        "create": (change,),
        "reads": (),
        "delete": (),
    }
    with pytest.raises(ValueError, match=r"t: every input either replaces .*\['name'\]"):
        Row(**parts, replaces=frozenset())
    with pytest.raises(ValueError, match="either"):
        Row(**parts, replaces=frozenset({"name"}), update={"name": (change,)})
    Row(**parts, replaces=frozenset({"name"}))
    Row(**parts, replaces=frozenset(), update={"name": (change,)})
