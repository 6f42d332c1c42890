"""When keys and roles were last used: by real calls, and by no others."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.emulator.cloud import (
    ALLOWED,
    EVERYTHING,
    Account,
    Cloud,
    Credentials,
    Gap,
    User,
    names,
    trust,
    verdict,
)

pytestmark = pytest.mark.emulator

NEVER = ("N/A", "N/A", False)


def _use_of(account: Account, key: str) -> tuple[str, str, bool]:
    found = account.iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]
    return found["ServiceName"], found["Region"], "LastUsedDate" in found


def _role_and_session(account: Account) -> tuple[dict[str, Any], dict[str, Any]]:
    """The role as GetRole has it before and after a call in a session of it."""
    alice = account.user("alice", EVERYTHING)
    arn = account.role("reader", trust(account.root_arn), EVERYTHING)
    session = alice.assume(arn)
    before = account.iam.get_role(RoleName="reader")["Role"].get("RoleLastUsed", {})
    session.client("s3", "eu-west-1").list_buckets()
    return before, account.iam.get_role(RoleName="reader")["Role"].get("RoleLastUsed", {})


def a_key_in_use(cloud: Cloud) -> list[tuple[str, str, bool]]:
    account = cloud.account()
    alice = account.user("alice", EVERYTHING)
    key, found = alice.credentials.access_key_id, []
    found.append(_use_of(account, key))
    alice.client("s3", "eu-west-1").list_buckets()
    found.append(_use_of(account, key))
    alice.client("sts", "us-east-2").get_caller_identity()
    found.append(_use_of(account, key))
    return found


def a_role_in_use(cloud: Cloud) -> tuple[str | None, str | None]:
    before, after = _role_and_session(cloud.account())
    return before.get("Region"), after.get("Region")


GAPS = (
    Gap(
        "a key says for what it was last used",
        a_key_in_use,
        [NEVER, ("s3", "eu-west-1", True), ("sts", "us-east-2", True)],
        [NEVER] * 3,
    ),
    Gap("a role says where it was last used", a_role_in_use, (None, "eu-west-1"), (None, None)),
)


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_emulated_aws_answers_as_aws(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_behaviour_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


@pytest.fixture
def account(emulated: Cloud) -> Account:
    return emulated.account()


def test_a_refused_call_is_a_use_and_a_wrong_signature_is_not(account: Account) -> None:
    bob = account.user("bob")
    key = bob.credentials.access_key_id
    forged = User(bob.url, Credentials(key, "not-the-secret"), bob.name, bob.arn)
    assert verdict(forged.client("s3").list_buckets) == "SignatureDoesNotMatch"
    assert _use_of(account, key) == NEVER
    assert verdict(bob.client("s3").list_buckets) != ALLOWED
    assert _use_of(account, key)[0] == "s3"


def test_the_date_is_that_of_the_call(account: Account) -> None:
    alice = account.user("alice", EVERYTHING)
    alice.client("s3").list_buckets()
    found = account.iam.get_access_key_last_used(AccessKeyId=alice.credentials.access_key_id)
    used = found["AccessKeyLastUsed"]["LastUsedDate"]
    assert timedelta(seconds=-2) < datetime.now(UTC) - used < timedelta(minutes=5)


def test_another_key_role_and_account_know_nothing_of_it(account: Account, emulated: Cloud) -> None:
    alice = account.user("alice", EVERYTHING)
    other = account.user("bob")
    alice.client("s3").list_buckets()
    assert _use_of(account, other.credentials.access_key_id) == NEVER
    _role_and_session(account_two := emulated.account())
    assert account_two.iam.get_role(RoleName="reader")["Role"]["RoleLastUsed"]
    account.role("reader", trust(account.root_arn))
    assert "LastUsedDate" not in account.iam.get_role(RoleName="reader")["Role"].get("RoleLastUsed", {})


def test_the_whole_picture_has_the_use_of_roles_and_a_role_made_anew_was_never_used(account: Account) -> None:
    def in_the_picture() -> list[bool]:
        details = account.iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
        return ["LastUsedDate" in role.get("RoleLastUsed", {}) for role in details]

    _role_and_session(account)
    assert in_the_picture() == [True]
    account.iam.delete_role_policy(RoleName="reader", PolicyName="policy0")
    account.iam.delete_role(RoleName="reader")
    account.iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(trust(account.root_arn)))
    assert in_the_picture() == [False]
