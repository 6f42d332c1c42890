"""The walk through every setting: none is left out, each value is one that the stack file's checks take, and
the document has the table as it is."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
import yaml

from iam_hardening import config as settings
from iam_hardening.config.schema import ProjectConfig, Section
from tests.engine import settings_walk
from tests.engine.settings_walk import (
    ABSENT,
    BASE,
    KINDS,
    RENAME,
    Row,
    Walk,
    as_stack_file,
    found,
    put,
    walks,
)
from tests.stack_files import PROJECT, ROOT, handed_over

DATA: dict[str, Any] = yaml.safe_load(settings_walk.FILE.read_text())
WALKS = walks()
ROWS = [(walk, row) for walk in WALKS.values() for row in walk.rows]
# Statements stand under groups, roles, the instance and Vault's roles; one of them is walked key by key.
STATEMENTS = (
    "crossAccountRoles.NAME.policies.NAME.",
    "instance.policies.NAME.",
    "vault.roles.NAME.statements.",
)


def load(config: dict[str, Any], stack: str) -> settings.Settings:
    return settings.load(handed_over(as_stack_file(config)), project=PROJECT, stack=stack)


def sections(annotation: Any) -> Iterator[tuple[str, type[Section]]]:
    """The models in a field's type, each with what stands between its key and the model's keys."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield "", annotation
        return
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from sections(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for each in get_args(annotation):
            yield from sections(each)
    elif origin is dict:
        for between, model in sections(get_args(annotation)[1]):
            yield f".NAME{between}", model
    elif origin is list:
        yield from sections(get_args(annotation)[0])


def is_map(annotation: Any) -> bool:
    """Whether the keys are names that the user chooses, and the values sections or lists of them."""
    return get_origin(annotation) is dict and any(sections(annotation))


def every_setting(model: type[Section], before: str = "") -> Iterator[str]:
    for field in model.model_fields.values():
        name = f"{before}{field.alias}"
        annotation = field.annotation
        yield f"{name}.NAME" if is_map(annotation) else name
        for between, inner in sections(annotation):
            yield from every_setting(inner, f"{name}{between}.")


def test_every_setting_is_walked_or_is_said_to_be_tried_elsewhere() -> None:
    wanted = {name for name in every_setting(ProjectConfig) if not name.startswith(STATEMENTS)}
    assert len(wanted) > 100
    walked = {row.of for _, row in ROWS} | DATA["elsewhere"].keys()
    assert wanted - walked == set()
    assert walked - wanted == set()


def test_no_setting_is_walked_twice_in_a_stack() -> None:
    for walk in WALKS.values():
        names = [row.of for row in walk.rows]
        assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(("walk", "row"), ROWS, ids=[f"{w.stack}-{r.of}" for w, r in ROWS])
def test_a_walk_begins_and_ends_with_the_base_and_is_accepted_at_each_step(walk: Walk, row: Row) -> None:
    start = found(walk.base, row.path)
    assert row.walk[0] in (start, BASE)
    assert row.walk[-1] == row.walk[0]
    before = walk.base
    for moment in range(1, len(row.walk)):
        now = walk.config({row.of: moment})
        load(now, walk.stack)
        assert now != before, f"{row.of}: step {moment} changes nothing"
        before = now


@pytest.mark.parametrize("walk", WALKS.values(), ids=list(WALKS))
def test_the_changes_that_are_made_together_are_accepted_together(walk: Walk) -> None:
    for _, moments in walk.ups():
        load(walk.config(moments), walk.stack)


def test_each_kind_of_change_is_walked_where_it_is_possible() -> None:
    """A key that the user chooses is added, renamed and removed; any other key is changed."""
    for _, row in ROWS:
        kinds = {row.kind(moment) for moment in range(1, len(row.walk))}
        if row.of.endswith(".NAME"):
            assert kinds >= {"add", "rename", "remove"}, row.of
        else:
            assert ("change" in kinds) != bool(row.no_change), row.of
        if ABSENT in row.walk:
            assert kinds >= {"add", "remove"}, row.of


@pytest.mark.parametrize("change", DATA["refused"], ids=lambda each: f"{each['of']} {each['kind']}")
def test_what_the_table_calls_refused_is_refused(change: dict[str, Any]) -> None:
    assert change["kind"] in KINDS
    config = WALKS[change["stack"]].config({})
    load(config, change["stack"])
    put(config, change["at"], change["value"])
    with pytest.raises(settings.ConfigError, match=change["says"]):
        load(config, change["stack"])


def test_what_is_tried_elsewhere_is_tried_there() -> None:
    for setting, entry in DATA["elsewhere"].items():
        file, _, name = entry["test"].partition("::")
        text = (ROOT / file).read_text()
        assert not name or f"def {name}(" in text or f"\n{name}: " in text, setting


def test_the_document_has_the_table_of_what_was_recorded() -> None:
    text = settings_walk.DOCUMENT.read_text()
    assert settings_walk.document(text) == text


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], "nothing in the account"),
        (["update Policy a", "update Policy b"], "in place: Policy"),
        (
            ["create-replacement Instance i", "replace Instance i", "delete-replaced Instance i"],
            "**replaced**: Instance",
        ),
        (["create User u", "delete Group g"], "deleted: Group; made: User"),
    ],
)
def test_steps_are_said_by_what_a_reader_needs(steps: list[str], said: str) -> None:
    assert settings_walk.cell(steps) == said


def test_an_absent_key_and_a_renamed_one_are_edits() -> None:
    row = Row(of="a.NAME", at="a.x", walk=[ABSENT, {"k": 1}, f"{RENAME}y", ABSENT])
    walk = Walk(stack="s", base={"a": {}}, rows=[row])
    assert [walk.config({"a.NAME": moment})["a"] for moment in range(4)] == [
        {},
        {"x": {"k": 1}},
        {"y": {"k": 1}},
        {},
    ]
    assert [row.kind(moment) for moment in (1, 2, 3)] == ["add", "rename", "remove"]
