"""Ending a role's sessions: the exact calls, no one else's account, nothing without a yes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.stub import Stubber

from iam_hardening.clients import operator
from iam_hardening.clients.aws import Credentials
from iam_hardening.commands import revoke_sessions
from tests.options import options

ROOT = Path(__file__).parents[2]
DEV = "222222222222"
NOW = "Sat, 31 Jan 2026 12:00:00 GMT"
SOMEBODY = Credentials(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="unused")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def sts() -> Iterator[Stubber]:
    with Stubber(operator.client("sts", "us-east-1", SOMEBODY)) as stubber:
        yield stubber


@pytest.fixture
def iam() -> Iterator[Stubber]:
    with Stubber(operator.client("iam", "us-east-1", SOMEBODY)) as stubber:
        yield stubber


Command = Callable[..., int]


@pytest.fixture
def command(sts: Stubber, iam: Stubber) -> Command:
    """Runs the command against the two stubs; `typed` is what the person answers."""

    def run(*arguments: str, typed: str = "") -> int:
        clients = {"sts": sts.client, "iam": iam.client}
        return revoke_sessions.run(
            **options(list(arguments)), make_client=lambda service, *_: clients[service], ask=lambda _: typed
        )

    return run


def whose(sts: Stubber, account_id: str) -> None:
    arn = f"arn:aws:iam::{account_id}:user/Administrator"
    sts.add_response("get_caller_identity", {"Account": account_id, "Arn": arn, "UserId": "AIDA"}, {})


POLICY_ARN = f"arn:aws:iam::{DEV}:policy/AWSRevokeOlderSessions-test_role"
ATTACH = {"RoleName": "test_role", "PolicyArn": POLICY_ARN}
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "DenySessionsIssuedBefore",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-01-31T12:00:01Z"}},
        }
    ],
}


def the_role(iam: Stubber, now: str = NOW) -> None:
    role = {
        "Path": "/",
        "RoleName": "test_role",
        "RoleId": "AROAIOSFODNN7EXAMPLE",
        "Arn": f"arn:aws:iam::{DEV}:role/test_role",
        "CreateDate": "2026-01-01T00:00:00Z",
        "MaxSessionDuration": 3600,
    }
    answer: dict[str, Any] = {"Role": role, "ResponseMetadata": {"HTTPHeaders": {"date": now}}}
    iam.add_response("get_role", answer, {"RoleName": "test_role"})


def the_calls(iam: Stubber) -> None:
    the_role(iam)
    create = {
        "PolicyName": "AWSRevokeOlderSessions-test_role",
        "PolicyDocument": json.dumps(DOCUMENT),
        "Description": "Ends sessions of test_role; put there by hand",
    }
    iam.add_response("create_policy", {}, create)
    iam.add_response("attach_role_policy", {}, ATTACH)


def the_denial(iam: Stubber, now: str, document: Any = DOCUMENT) -> None:
    the_role(iam, now)
    attached = {"AttachedPolicies": [{"PolicyName": "p", "PolicyArn": POLICY_ARN}]}
    iam.add_response("list_attached_role_policies", attached, {"RoleName": "test_role"})
    iam.add_response("get_policy", {"Policy": {"DefaultVersionId": "v2"}}, {"PolicyArn": POLICY_ARN})
    version = {"PolicyVersion": {"Document": quote(json.dumps(document)), "VersionId": "v2"}}
    iam.add_response("get_policy_version", version, {"PolicyArn": POLICY_ARN, "VersionId": "v2"})


ROLE = ("--role", "test_role", "--stack", "dev")


def test_after_a_yes_the_denial_is_attached_to_the_role_with_awss_own_time(
    command: Command, sts: Stubber, iam: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    whose(sts, DEV)
    the_calls(iam)
    assert command(*ROLE, typed="test_role") == revoke_sessions.DONE
    sts.assert_no_pending_responses()
    iam.assert_no_pending_responses()
    printed = capsys.readouterr().out
    assert "Sessions issued before 2026-01-31 12:00:01 UTC are refused" in printed
    assert "No such session is left after 2026-02-01 00:00:01 UTC" in printed
    assert "iam-hardening revoke-sessions --stack dev --role test_role --lift" in printed


def test_where_aws_takes_no_more_managed_policies_the_denial_is_inline_and_its_end_is_reported(
    command: Command, sts: Stubber, iam: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    whose(sts, DEV)
    the_role(iam)
    iam.add_response("create_policy", {})
    iam.add_client_error("attach_role_policy", "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")
    put = {
        "RoleName": "test_role",
        "PolicyName": "AWSRevokeOlderSessions",
        "PolicyDocument": json.dumps(DOCUMENT),
    }
    iam.add_response("put_role_policy", {}, put)
    assert command(*ROLE, "--yes") == revoke_sessions.DONE
    iam.assert_no_pending_responses()
    assert "an up with --refresh before 2026-02-01 00:00:01 UTC would take it away" in capsys.readouterr().out


def test_the_denial_is_not_lifted_while_a_session_could_be_alive(
    command: Command, sts: Stubber, iam: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    whose(sts, DEV)
    the_denial(iam, now="Sat, 31 Jan 2026 23:59:59 GMT")
    assert command(*ROLE, "--lift") == revoke_sessions.COULD_NOT
    assert "can be alive until 2026-02-01 00:00:01 UTC" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("now", "more"), [("Sun, 01 Feb 2026 00:00:01 GMT", []), ("Sat, 31 Jan 2026 12:00:09 GMT", ["--early"])]
)
def test_after_twelve_hours_or_at_a_persons_wish_it_is_lifted_without_a_trace(
    command: Command, sts: Stubber, iam: Stubber, now: str, more: list[str]
) -> None:
    whose(sts, DEV)
    the_denial(iam, now)
    the_role(iam, now)
    iam.add_response("detach_role_policy", {}, ATTACH)
    versions = [{"VersionId": "v2", "IsDefaultVersion": True}, {"VersionId": "v1", "IsDefaultVersion": False}]
    iam.add_response("list_policy_versions", {"Versions": versions}, {"PolicyArn": POLICY_ARN})
    iam.add_response("delete_policy_version", {}, {"PolicyArn": POLICY_ARN, "VersionId": "v1"})
    iam.add_response("delete_policy", {}, {"PolicyArn": POLICY_ARN})
    assert command(*ROLE, "--lift", *more) == revoke_sessions.DONE
    iam.assert_no_pending_responses()


def test_a_policy_of_that_name_that_says_something_else_is_left_alone(
    command: Command, sts: Stubber, iam: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    whose(sts, DEV)
    statement = {**DOCUMENT["Statement"][0], "Effect": "Allow"}  # type: ignore[dict-item]
    the_denial(iam, NOW, {**DOCUMENT, "Statement": [statement]})
    assert command(*ROLE, "--lift") == revoke_sessions.DONE
    assert "nothing was changed" in capsys.readouterr().out


def test_with_yes_nobody_is_asked(command: Command, sts: Stubber, iam: Stubber) -> None:
    whose(sts, DEV)
    the_calls(iam)
    assert command(*ROLE, "--yes", typed="no") == revoke_sessions.DONE
    iam.assert_no_pending_responses()


@pytest.mark.parametrize("typed", ["", "y", "TEST_ROLE"])
def test_without_the_roles_name_nothing_is_called(
    command: Command, sts: Stubber, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call that was not expected would be an error of the stub."""
    whose(sts, DEV)
    assert command(*ROLE, typed=typed) == revoke_sessions.STOPPED
    assert "nothing was changed" in capsys.readouterr().out


def test_credentials_of_another_account_are_refused_before_anything(
    command: Command, sts: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    whose(sts, "111111111111")
    assert command(*ROLE, "--yes") == revoke_sessions.COULD_NOT
    assert "These are credentials of the account 111111111111" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (("--role", "rest_role", "--stack", "dev"), "--role rest_role: not under crossAccountRoles of dev"),
        (("--role", "test_role", "--stack", "prod"), "--stack prod: no such stack; known: central, dev"),
        (("--role", "test_role", "--stack", "central"), "known: none"),
    ],
)
def test_a_role_that_no_stack_file_has_is_refused_with_the_known_ones(
    command: Command, arguments: tuple[str, ...], reported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*arguments, "--yes") == revoke_sessions.COULD_NOT
    assert reported in capsys.readouterr().err


def test_a_refusal_of_aws_is_reported_in_its_words(
    command: Command, sts: Stubber, iam: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    whose(sts, DEV)
    iam.add_client_error("get_role", "NoSuchEntity", "The role with name test_role cannot be found.")
    assert command(*ROLE, "--yes") == revoke_sessions.COULD_NOT
    assert "Looking at the role test_role failed" in capsys.readouterr().err
