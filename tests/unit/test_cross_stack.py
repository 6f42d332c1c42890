"""Stack files that are right by themselves, and would get in each other's way in a rehearsal."""

from typing import Any

import pytest

from iam_hardening import config as settings
from rehearsal import cross_stack
from rehearsal.errors import RehearsalError
from tests.stack_files import PROJECT, handed_over

PEOPLE = {"method": "userpass", "users": ["alice"], "roles": ["b"]}
ROLE = {"managedPolicies": ["ReadOnlyAccess"]}


def workload(account_id: str, region: str = "eu-west-1", **vault: Any) -> settings.Settings:
    reach = {key: vault.pop(key) for key in list(vault) if ":" in key}
    config = {
        **reach,
        "aws:region": region,
        "aws:allowedAccountIds": [account_id],
        "iam-hardening:accountKind": "workload",
        **({"iam-hardening:vault": vault} if vault else {}),
    }
    return settings.load(handed_over(config), project=PROJECT, stack="any")


@pytest.mark.parametrize(
    ("one", "other", "sentence"),
    [
        (workload("222222222222"), workload("222222222222"), "are both for the account 222222222222"),
        (
            workload("222222222222", mount="aws"),
            workload("333333333333", mount="aws"),
            "mount Vault's AWS engine at aws and aws",
        ),
        (
            workload("222222222222", mount="aws/prod"),
            workload("333333333333", mount="aws"),
            "mount Vault's AWS engine at aws/prod and aws",
        ),
        (
            workload("222222222222", mount="aws/a", roles={"b": ROLE}),
            workload("333333333333", mount="aws-a", roles={"b": ROLE}),
            "both make the Vault policy aws-a-b",
        ),
        (
            workload("222222222222", mount="aws-a", logins={"people": PEOPLE}, roles={"b": ROLE}),
            workload("333333333333", mount="aws-b", logins={"people": PEOPLE}, roles={"b": ROLE}),
            r"both make the auth method people \(vault.logins\).* such as people-dev and people-prod",
        ),
        (
            workload(
                "222222222222", mount="aws-a", roles={"b": ROLE}, logins={"a": {**PEOPLE, "users": ["b-c"]}}
            ),
            workload(
                "333333333333", mount="aws-b", roles={"b": ROLE}, logins={"a-b": {**PEOPLE, "users": ["c"]}}
            ),
            "both make Vault's entity a-b-c",
        ),
        (
            workload("222222222222", mount="aws-a", audit={"file": "/var/log/a"}),
            workload("333333333333", mount="aws-b", audit={"file": "/var/log/b"}),
            "both make the audit device file",
        ),
        (
            workload("222222222222", mount="aws-a", audit={"file": "/var/log/a", "device": "a"}),
            workload("333333333333", mount="aws-b", audit={"file": "/var/log/a", "device": "b"}),
            "both log to /var/log/a",
        ),
        (
            workload("222222222222", mount="aws-a", audit={"file": "/var/log/a", "device": "a"}),
            workload("333333333333", mount="aws-b", audit={"file": "/var/log/b", "device": "a/two"}),
            "both make the audit device a and a/two",
        ),
        (
            workload("222222222222", mount="aws", **{"vault:address": "https://one.example"}),
            workload("333333333333", mount="aws", **{"vault:address": "https://other.example"}),
            r"name two Vaults \(vault:address, vault:namespace\), and the rehearsal has one",
        ),
        (
            workload("222222222222", mount="aws-one", runsOnRole="vault"),
            workload("333333333333", mount="aws-other", runsOnRole="vault"),
            "each have a Vault that runs on a role of their own account",
        ),
        (
            workload("222222222222"),
            workload("333333333333", region="us-gov-west-1"),
            "in the partition aws-us-gov; the emulated AWS knows the commercial partition only",
        ),
    ],
)
def test_stacks_that_cannot_be_rehearsed_together_are_refused(
    one: settings.Settings, other: settings.Settings, sentence: str
) -> None:
    with pytest.raises(RehearsalError, match=sentence):
        cross_stack.check({"one": one, "other": other})


def test_all_clashes_of_all_files_are_reported_at_once() -> None:
    same: dict[str, Any] = {"mount": "aws", "logins": {"people": PEOPLE}, "roles": {"b": ROLE}}
    accounts = ("222222222222", "333333333333", "444444444444")
    with pytest.raises(RehearsalError) as refused:
        cross_stack.check({account: workload(account, **same) for account in accounts})
    said = str(refused.value)
    # Three pairs, with a mount, a policy, an auth method and an entity each.
    assert said.count("Pulumi.") == 3 * 4 * 2
    assert "rehearse them in separate folders" in said


def test_accounts_with_mounts_of_their_own_are_rehearsed_together() -> None:
    cross_stack.check(
        {
            "one": workload("222222222222", mount="aws-one", roles={"b": ROLE}, logins={"one": PEOPLE}),
            "other": workload("333333333333", mount="aws-other", roles={"b": ROLE}, logins={"other": PEOPLE}),
            "third": workload("444444444444"),
        }
    )
