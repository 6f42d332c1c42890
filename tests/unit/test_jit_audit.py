"""Reading Vault's audit log: hand-outs, their people, and the IAM users behind them."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from iam_hardening.clients import operator
from iam_hardening.clients.aws import Credentials
from iam_hardening.commands.jit import audit
from tests.options import options

HOUR = timedelta(hours=1)
ROOT = Path(__file__).parents[2]
KEY = "AKIAIOSFODNN7EXAMPLE"
SOMEBODY = Credentials(access_key_id="AKIAI44QH8DHBEXAMPLE", secret_access_key="unused")


def entry(path: str, *, kind: str = "response", operation: str = "read", **more: Any) -> str:
    line: dict[str, Any] = {
        "type": kind,
        "time": "2026-11-24T12:00:00.5Z",
        "auth": {"display_name": "userpass-alice", "entity_id": "e-1"},
        "request": {"path": path, "operation": operation, "remote_address": "192.0.2.1"},
    }
    return json.dumps({**line, **more})


def hand_out(role: str = "test", lease: str = "aws/creds/test/abc", **data: str) -> str:
    shown = {"access_key": KEY, "secret_key": "hmac-sha256:1", **data}
    return entry(f"aws/creds/{role}", response={"secret": {"lease_id": lease}, "data": shown})


@pytest.fixture
def iam() -> Iterator[Stubber]:
    with Stubber(operator.client("iam", "us-east-1", SOMEBODY)) as stubber:
        yield stubber


@pytest.fixture
def cloudtrail() -> Iterator[Stubber]:
    with Stubber(operator.client("cloudtrail", "us-east-1", SOMEBODY)) as stubber:
        yield stubber


def test_a_hand_out_says_who_got_which_roles_credentials_when_and_from_where() -> None:
    (found,) = audit.given([hand_out()], "aws", HOUR)
    assert (found.when, found.who, found.entity) == ("2026-11-24T12:00:00.5Z", "userpass-alice", "e-1")
    assert (found.address, found.role, found.lease) == ("192.0.2.1", "test", "aws/creds/test/abc")
    assert found.access_key_id == KEY


@pytest.mark.parametrize(
    "line",
    [
        entry("aws/creds/test", kind="request"),
        entry("aws/creds/test", error="permission denied"),
        entry("aws/roles/test"),
        entry("other/creds/test", response={"data": {"access_key": KEY}}),
        entry("aws/creds/test", response={"data": {}}),
        "",
    ],
    ids=["a request", "a refusal", "another path", "another mount", "nothing handed out", "an empty line"],
)
def test_what_handed_nothing_out_is_no_hand_out(line: str) -> None:
    assert audit.given([line], "aws", HOUR) == []


def test_ending_a_roles_leases_together_applies_to_its_own_leases_only() -> None:
    other = hand_out("other", "aws/creds/other/x")
    revoked = entry("sys/leases/revoke-prefix/aws/creds/test", operation="update")
    first, second = audit.given([hand_out(), other, revoked], "aws", HOUR)
    assert (first.ended_early_by, second.ended_early_by) == ("userpass-alice", "")


def test_ending_a_roles_leases_says_nothing_of_a_role_whose_name_begins_alike() -> None:
    longer = hand_out("test-admin", "aws/creds/test-admin/x")
    revoked = entry("sys/leases/revoke-prefix/aws/creds/test", operation="update")
    (found,) = audit.given([longer, revoked], "aws", HOUR)
    assert found.ended_early_by == ""


@pytest.mark.parametrize(("revoked_at", "by"), [("12:59", "userpass-alice"), ("13:01", "")])
def test_a_lease_that_had_ended_by_its_time_was_ended_early_by_nobody(revoked_at: str, by: str) -> None:
    moment = f"2026-11-24T{revoked_at}:00.123456789Z"
    revoked = entry("sys/leases/revoke-prefix/aws/creds/test", operation="update", time=moment)
    (found,) = audit.given([hand_out(), revoked], "aws", HOUR)
    assert found.ended_early_by == by


def test_a_revocation_that_names_no_lease_ends_nothing() -> None:
    (found,) = audit.given([hand_out(), entry("sys/leases/revoke", operation="update")], "aws", HOUR)
    assert found.ended_early_by == ""


@pytest.mark.parametrize("line", ["no json", "[1]", '{"type": "response"}'])
def test_a_file_that_is_no_audit_log_is_reported_with_the_line(line: str) -> None:
    with pytest.raises(operator.CannotError, match="Line 2 is no line of a Vault audit log"):
        audit.given([hand_out(), line], "aws", HOUR)


def test_a_living_keys_user_is_the_one_that_iam_names(iam: Stubber, cloudtrail: Stubber) -> None:
    answer = {
        "UserName": "vault-userpass-alice-test-1",
        "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"},
    }
    iam.add_response("get_access_key_last_used", answer, {"AccessKeyId": KEY})
    (found,) = audit.with_users(audit.given([hand_out()], "aws", HOUR), iam.client, cloudtrail.client)
    assert found.identity == "vault-userpass-alice-test-1"


def test_a_deleted_keys_user_is_the_one_that_cloudtrail_remembers(iam: Stubber, cloudtrail: Stubber) -> None:
    iam.add_client_error("get_access_key_last_used", "AccessDenied")
    made = {
        "EventName": "CreateAccessKey",
        "Resources": [
            {"ResourceType": "AWS::IAM::AccessKey", "ResourceName": KEY},
            {"ResourceType": "AWS::IAM::User", "ResourceName": "vault-userpass-alice-test-1"},
        ],
    }
    asked = {"LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": KEY}]}
    cloudtrail.add_response("lookup_events", {"Events": [{"EventName": "DeleteAccessKey"}, made]}, asked)
    (found,) = audit.with_users(audit.given([hand_out()], "aws", HOUR), iam.client, cloudtrail.client)
    assert found.identity == "vault-userpass-alice-test-1"


def test_a_key_without_an_event_is_reported_as_such(iam: Stubber, cloudtrail: Stubber) -> None:
    iam.add_client_error("get_access_key_last_used", "NoSuchEntity")
    cloudtrail.add_response("lookup_events", {"Events": []})
    (found,) = audit.with_users(audit.given([hand_out()], "aws", HOUR), iam.client, cloudtrail.client)
    assert found.identity == "not known any more"


def test_a_session_is_named_by_vault_and_nobody_is_asked(iam: Stubber, cloudtrail: Stubber) -> None:
    arn = "arn:aws:sts::222222222222:assumed-role/vault-aws-verify-data/vault-1"
    (found,) = audit.with_users(audit.given([hand_out(arn=arn)], "aws", HOUR), iam.client, cloudtrail.client)
    assert found.identity == arn


def test_a_log_that_cannot_be_read_is_reported_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.run(**options(["--stack", "dev", "--log", "/nonesuch/audit.log"]), stack_files=ROOT) == 2
    assert "--log /nonesuch/audit.log: No such file or directory" in capsys.readouterr().err


def test_a_stack_without_vault_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.run(**options(["--stack", "central", "--log", "-"]), stack_files=ROOT) == 2
    assert "no stack with a vault section; known: dev" in capsys.readouterr().err
