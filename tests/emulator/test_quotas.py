"""Quotas that AWS raises, of one account and no other."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.emulator.cloud import ALLOWED, EVERYTHING, Account, Cloud, document, trust, verdict

pytestmark = pytest.mark.emulator


def raise_quota(account: Account, name: str, value: object) -> int:
    """The status of the emulator's answer."""
    url = f"{account.url}/_emulated_aws/quota?account={account.id}&name={name}&value={value}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def attached(account: Account, kind: str, count: int) -> list[str]:
    """What becomes of each attachment to a new identity."""
    iam, name = account.iam, f"new-{kind}"
    if kind == "Role":
        account.role(name, trust(account.root_arn))
    elif kind == "User":
        iam.create_user(UserName=name)
    else:
        iam.create_group(GroupName=name)
    attach = getattr(iam, f"attach_{kind.lower()}_policy")
    return [
        verdict(attach, **{f"{kind}Name": name}, PolicyArn=account.policy(f"{kind}-{number}", EVERYTHING))
        for number in range(count)
    ]


@pytest.fixture
def account(emulated: Cloud) -> Account:
    return emulated.account()


@pytest.mark.parametrize("kind", ["Role", "User"])
def test_a_raised_quota_counts_for_its_account_alone(account: Account, emulated: Cloud, kind: str) -> None:
    assert raise_quota(account, f"PoliciesPer{kind}", 12) == 204
    assert attached(account, kind, 13) == [ALLOWED] * 12 + ["LimitExceeded"]
    assert attached(emulated.account(), kind, 11) == [ALLOWED] * 10 + ["LimitExceeded"]


def test_the_quota_of_a_group_is_not_raised(account: Account) -> None:
    assert raise_quota(account, "PoliciesPerGroup", 12) == 404
    assert attached(account, "Group", 11)[-1] == "LimitExceeded"


@pytest.mark.parametrize(
    ("name", "value"), [("PoliciesPerRole", 26), ("PoliciesPerUser", 21), ("TrustPolicyLength", 8193)]
)
def test_aws_raises_no_quota_further(account: Account, name: str, value: int) -> None:
    assert raise_quota(account, name, value) == 404


def long_trust(account: Account, statements: int) -> Any:
    one = trust(account.root_arn)["Statement"][0]
    return document(*({**one, "Sid": f"S{number}"} for number in range(statements)))


def test_a_trust_policy_may_be_as_long_as_the_account_has_it(account: Account) -> None:
    def makes(name: str) -> str:
        text = json.dumps(long_trust(account, 20))
        assert 2048 < len("".join(text.split())) < 4096
        return verdict(account.iam.create_role, RoleName=name, AssumeRolePolicyDocument=text)

    assert makes("before") == "LimitExceeded"
    raise_quota(account, "TrustPolicyLength", 4096)
    assert makes("after") == ALLOWED


def test_the_accounts_summary_has_its_quotas(account: Account) -> None:
    def quotas() -> list[int]:
        summary = account.iam.get_account_summary()["SummaryMap"]
        names = (
            "AttachedPoliciesPerRoleQuota",
            "AttachedPoliciesPerUserQuota",
            "AttachedPoliciesPerGroupQuota",
        )
        return [summary[name] for name in (*names, "AssumeRolePolicySizeQuota")]

    assert quotas() == [10, 10, 10, 2048]
    for name, value in (("PoliciesPerRole", 15), ("PoliciesPerUser", 12), ("TrustPolicyLength", 4096)):
        raise_quota(account, name, value)
    assert quotas() == [15, 12, 10, 4096]
