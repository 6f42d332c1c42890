"""A member account's root keys: the exact calls in order, nothing deleted without the account's ID."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from iam_hardening.clients import operator
from iam_hardening.clients.aws import Credentials
from iam_hardening.commands import root_keys
from tests.options import options

ROOT = Path(__file__).parents[2]
MANAGEMENT, DEV = "111111111111", "222222222222"
SOMEBODY = Credentials(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="unused")
AUDIT, DELETE = "IAMAuditRootUserCredentials", "IAMDeleteRootUserCredentials"
MADE = datetime(2020, 2, 2, tzinfo=UTC)
KEYS = ["AKIAIOSFODNN7ROOT001", "AKIAIOSFODNN7ROOT002"]


class Aws:
    """Stubbed clients, one for each service and caller; a call that was not expected fails."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.callers: dict[str, str] = {}
        self.sts, self.organizations = self._stub("sts"), self._stub("organizations")
        self.looking, self.deleting = self._stub("iam", "looking"), self._stub("iam", "deleting")
        self.stubs = (self.sts, self.organizations, self.looking, self.deleting)

    def client(self, service: str, region: str, credentials: Credentials | None) -> Any:
        assert region == "us-east-1"
        if service != "iam":
            assert credentials is None
            return {"sts": self.sts, "organizations": self.organizations}[service].client
        assert credentials is not None
        session = {f"ASIA{AUDIT[:16].upper()}": self.looking, f"ASIA{DELETE[:16].upper()}": self.deleting}
        return session[credentials.access_key_id].client

    def caller_is(self, account_id: str) -> None:
        arn = f"arn:aws:iam::{account_id}:user/Administrator"
        self.sts.add_response("get_caller_identity", {"Account": account_id, "Arn": arn, "UserId": "A"}, {})

    def organization_is_of(self, management: str) -> None:
        answer = {"Organization": {"Id": "o-abcdefghij", "MasterAccountId": management}}
        self.organizations.add_response("describe_organization", answer, {})

    def root_session(self, task: str, account_id: str = DEV) -> None:
        credentials = {
            "AccessKeyId": f"ASIA{task[:16].upper()}",
            "SecretAccessKey": "unused",
            "SessionToken": "unused",
            "Expiration": "2026-01-31T12:15:00Z",
        }
        wanted = {
            "TargetPrincipal": account_id,
            "TaskPolicyArn": {"arn": f"arn:aws:iam::aws:policy/root-task/{task}"},
            "DurationSeconds": 900,
        }
        self.sts.add_response("assume_root", {"Credentials": credentials}, wanted)

    def root_has(self, *keys: str) -> None:
        """No user name: the caller's own keys."""
        entries = [
            {"UserName": "root", "AccessKeyId": key, "Status": "Active", "CreateDate": MADE} for key in keys
        ]
        self.looking.add_response(
            "list_access_keys", {"AccessKeyMetadata": entries, "IsTruncated": False}, {}
        )

    def all_was_asked(self) -> None:
        for stub in self.stubs:
            stub.assert_no_pending_responses()

    def _stub(self, service: str, caller: str = "") -> Stubber:
        client = operator.client(service, "us-east-1", SOMEBODY)

        def note(model: Any, **_: Any) -> None:
            self.calls.append(f"{caller} {model.name}".strip())

        client.meta.events.register("before-parameter-build", note)
        stub = Stubber(client)
        stub.activate()
        return stub


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    monkeypatch.chdir(ROOT)
    return Aws()


def run(aws: Aws, account: str = "dev", typed: str = "") -> int:
    return root_keys.run(**options(["--account", account]), make_client=aws.client, ask=lambda _: typed)


def a_member_with(aws: Aws, *keys: str) -> None:
    aws.caller_is(MANAGEMENT)
    aws.organization_is_of(MANAGEMENT)
    aws.root_session(AUDIT)
    aws.root_has(*keys)


def test_both_keys_are_deleted_in_a_session_of_their_own_after_the_account_id_was_typed(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    a_member_with(aws, *KEYS)
    aws.root_session(DELETE)
    for key in KEYS:
        aws.deleting.add_response("delete_access_key", {}, {"AccessKeyId": key})
    aws.root_has()
    assert run(aws, typed=DEV) == root_keys.DONE
    aws.all_was_asked()
    assert aws.calls == [
        "GetCallerIdentity",
        "DescribeOrganization",
        "AssumeRoot",
        "looking ListAccessKeys",
        "AssumeRoot",
        "deleting DeleteAccessKey",
        "deleting DeleteAccessKey",
        "looking ListAccessKeys",
    ]
    printed = capsys.readouterr().out
    assert all(f"Deleted {key}." in printed for key in KEYS)
    assert f"The root user of {DEV} has no access key any more." in printed


@pytest.mark.parametrize("typed", ["", "yes", "dev", MANAGEMENT, DEV[:-1]])
def test_without_the_account_id_not_even_a_session_that_could_delete_is_asked_for(
    aws: Aws, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    a_member_with(aws, *KEYS)
    assert run(aws, typed=typed) == root_keys.STOPPED
    assert aws.calls == ["GetCallerIdentity", "DescribeOrganization", "AssumeRoot", "looking ListAccessKeys"]
    assert "nothing was deleted" in capsys.readouterr().out


def test_a_root_user_without_keys_is_reported_as_such(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    a_member_with(aws)
    assert run(aws) == root_keys.DONE
    assert capsys.readouterr().out == f"The root user of {DEV} has no access key.\n"


def test_any_account_of_the_organisation_may_be_named_by_its_id(aws: Aws) -> None:
    aws.caller_is(MANAGEMENT)
    aws.organization_is_of(MANAGEMENT)
    aws.root_session(AUDIT, account_id="333333333333")
    aws.root_has()
    assert run(aws, account="333333333333") == root_keys.DONE
    aws.all_was_asked()


def test_for_the_management_account_it_says_what_to_do_there(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.caller_is(MANAGEMENT)
    aws.organization_is_of(MANAGEMENT)
    assert run(aws, account="central") == root_keys.COULD_NOT
    assert aws.calls == ["GetCallerIdentity", "DescribeOrganization"]
    reported = capsys.readouterr().err
    assert "is the organisation's management account" in reported
    assert "sign in as the root user" in reported


def test_for_an_account_by_itself_it_says_what_to_do_there(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.caller_is(DEV)
    aws.organizations.add_client_error("describe_organization", "AWSOrganizationsNotInUseException", "no")
    assert run(aws) == root_keys.COULD_NOT
    reported = capsys.readouterr().err
    assert "is in no organisation" in reported
    assert "docs/root-account.md, section 3" in reported


def test_credentials_of_the_member_itself_are_the_wrong_ones(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.caller_is(DEV)
    aws.organization_is_of(MANAGEMENT)
    assert run(aws) == root_keys.COULD_NOT
    assert aws.calls == ["GetCallerIdentity", "DescribeOrganization"]
    assert f"it takes the management account's ({MANAGEMENT})" in capsys.readouterr().err


def test_a_refused_root_session_is_reported_with_what_it_takes(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.caller_is(MANAGEMENT)
    aws.organization_is_of(MANAGEMENT)
    aws.sts.add_client_error("assume_root", "AccessDenied", "not authorized to perform: sts:AssumeRoot")
    assert run(aws) == root_keys.COULD_NOT
    reported = capsys.readouterr().err
    assert "not authorized to perform: sts:AssumeRoot" in reported
    assert "organizationRootAccess: true" in reported


def test_a_key_that_could_not_be_deleted_is_named(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    a_member_with(aws, *KEYS)
    aws.root_session(DELETE)
    aws.deleting.add_response("delete_access_key", {}, {"AccessKeyId": KEYS[0]})
    aws.deleting.add_client_error("delete_access_key", "AccessDenied", "a service control policy")
    assert run(aws, typed=DEV) == root_keys.COULD_NOT
    reported = capsys.readouterr()
    assert f"Deleted {KEYS[0]}." in reported.out
    assert f"Deleting {KEYS[1]} failed" in reported.err


def test_a_key_that_is_still_there_afterwards_is_no_success(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    a_member_with(aws, KEYS[0])
    aws.root_session(DELETE)
    aws.deleting.add_response("delete_access_key", {}, {"AccessKeyId": KEYS[0]})
    aws.root_has(KEYS[0])
    assert run(aws, typed=DEV) == root_keys.COULD_NOT
    assert f"Still there: {KEYS[0]}" in capsys.readouterr().err


def test_an_unknown_account_is_refused_with_the_known_stacks(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(aws, account="prod") == root_keys.COULD_NOT
    assert "--account prod: neither a stack's name (central, dev)" in capsys.readouterr().err
    assert aws.calls == []


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_sts_is_asked_at_its_regional_endpoint(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """AssumeRoot has no global one; botocore takes that for us-east-1 where a setting says `legacy`."""
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    endpoint = operator.client("sts", region, SOMEBODY).meta.endpoint_url
    assert endpoint == f"https://sts.{region}.amazonaws.com"
