"""Ending a role's sessions: the exact calls, nobody else's account, nothing without a yes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from access import live, revoke_sessions
from access.sessions import Credentials

ROOT = Path(__file__).parents[2]
DEV = "222222222222"
NOW = "Sat, 31 Jan 2026 12:00:00 GMT"
SOMEBODY = Credentials(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="unused")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def sts() -> Iterator[Stubber]:
    with Stubber(live.client("sts", "us-east-1", SOMEBODY)) as stubber:
        yield stubber


@pytest.fixture
def iam() -> Iterator[Stubber]:
    with Stubber(live.client("iam", "us-east-1", SOMEBODY)) as stubber:
        yield stubber


Command = Callable[..., int]


@pytest.fixture
def command(sts: Stubber, iam: Stubber) -> Command:
    """Runs the command against the two stubs; `typed` is what the person answers."""

    def run(*arguments: str, typed: str = "") -> int:
        clients = {"sts": sts.client, "iam": iam.client}
        return revoke_sessions.main(
            list(arguments), make_client=lambda service, *_: clients[service], ask=lambda _: typed
        )

    return run


def whose(sts: Stubber, account_id: str) -> None:
    arn = f"arn:aws:iam::{account_id}:user/Administrator"
    sts.add_response("get_caller_identity", {"Account": account_id, "Arn": arn, "UserId": "AIDA"}, {})


def the_two_calls(iam: Stubber, longest_seconds: int) -> None:
    role = {
        "Path": "/",
        "RoleName": "test_role",
        "RoleId": "AROAIOSFODNN7EXAMPLE",
        "Arn": f"arn:aws:iam::{DEV}:role/test_role",
        "CreateDate": "2026-01-01T00:00:00Z",
        "MaxSessionDuration": longest_seconds,
    }
    answer: dict[str, Any] = {"Role": role, "ResponseMetadata": {"HTTPHeaders": {"date": NOW}}}
    iam.add_response("get_role", answer, {"RoleName": "test_role"})
    document = {
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
    put = {
        "RoleName": "test_role",
        "PolicyName": "AWSRevokeOlderSessions",
        "PolicyDocument": json.dumps(document),
    }
    iam.add_response("put_role_policy", {}, put)


ROLE = ("--role", "test_role", "--stack", "dev")


def test_after_a_yes_the_consoles_policy_is_put_on_the_role_with_awss_own_time(
    command: Command, sts: Stubber, iam: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    whose(sts, DEV)
    the_two_calls(iam, longest_seconds=7200)
    assert command(*ROLE, typed="test_role") == revoke_sessions.DONE
    sts.assert_no_pending_responses()
    iam.assert_no_pending_responses()
    printed = capsys.readouterr().out
    assert "Sessions issued before 2026-01-31 12:00:01 UTC are refused" in printed
    assert "After 2026-01-31 14:00:01 UTC" in printed
    assert "pulumi up --refresh --stack dev" in printed


def test_with_yes_nobody_is_asked(command: Command, sts: Stubber, iam: Stubber) -> None:
    whose(sts, DEV)
    the_two_calls(iam, longest_seconds=3600)
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
    ("arguments", "told"),
    [
        (("--role", "rest_role", "--stack", "dev"), "ROLE=rest_role: not under crossAccountRoles of dev"),
        (("--role", "test_role", "--stack", "prod"), "STACK=prod: no such stack; known: central, dev"),
        (("--role", "test_role", "--stack", "central"), "known: none"),
    ],
)
def test_a_role_that_no_stack_file_has_is_refused_with_the_known_ones(
    command: Command, arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*arguments, "--yes") == revoke_sessions.COULD_NOT
    assert told in capsys.readouterr().err


def test_a_refusal_of_aws_is_told_in_its_words(
    command: Command, sts: Stubber, iam: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    whose(sts, DEV)
    iam.add_client_error("get_role", "NoSuchEntity", "The role with name test_role cannot be found.")
    assert command(*ROLE, "--yes") == revoke_sessions.COULD_NOT
    assert "Looking at the role test_role failed" in capsys.readouterr().err
