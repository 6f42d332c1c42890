"""Quotas that AWS raises: a warning above the default, until the stack file states what the account has."""

import copy
from typing import Any

import pytest

from iam_hardening import config as settings
from iam_hardening.config.files import settings_of
from tests.stack_files import PROJECT, ROOT, handed_over

Config = dict[str, Any]


def workload(**sections: Any) -> Config:
    return {
        "aws:region": "us-east-1",
        "aws:allowedAccountIds": ["222222222222"],
        "iam-hardening:accountKind": "workload",
        "iam-hardening:centralAccountId": "111111111111",
        **{f"iam-hardening:{name}": section for name, section in sections.items()},
    }


def names(count: int) -> list[str]:
    return [f"P{number}" for number in range(count)]


def role(count: int) -> Config:
    return workload(crossAccountRoles={"operations": {"managedPolicies": names(count)}})


def instance(count: int) -> Config:
    return workload(instance={"managedPolicies": names(count)})


def vault_session(count: int) -> Config:
    roles = {"deploy": {"credentialType": "assumed_role", "managedPolicies": names(count)}}
    return workload(vault={"roles": roles})


def issued_user(count: int) -> Config:
    return workload(vault={"roles": {"deploy": {"managedPolicies": names(count)}}})


def trust(people: int) -> Config:
    """About 90 characters for each."""
    arns = [f"arn:aws:iam::111111111111:user/{'n' * 50}{number:02}" for number in range(people)]
    return workload(crossAccountRoles={"operations": {"principals": arns}})


QUOTAS = [
    (role, "managedPoliciesPerRole", "crossAccountRoles.operations.managedPolicies", 10, 12, 25),
    (instance, "managedPoliciesPerRole", "instance.managedPolicies", 10, 12, 25),
    (vault_session, "managedPoliciesPerRole", "vault.roles.deploy.managedPolicies", 10, 12, 25),
    (issued_user, "managedPoliciesPerUser", "vault.roles.deploy.managedPolicies", 10, 12, 20),
    (trust, "trustPolicyLength", "crossAccountRoles.operations.principals", 20, 30, 92),
]


def load(config: Config, **quotas: int) -> settings.Settings:
    written = copy.deepcopy(config) | ({"iam-hardening:quotas": quotas} if quotas else {})
    return settings.load(handed_over(written), project=PROJECT, stack="test")


@pytest.mark.parametrize(("make", "setting", "key", "default", "more", "most"), QUOTAS)
def test_more_than_the_default_is_a_warning_that_names_the_setting(
    make: Any, setting: str, key: str, default: int, more: int, most: int
) -> None:
    assert load(make(default)).warnings == ()
    for count in (more, most):
        (warning,) = load(make(count)).warnings
        assert warning.key == f"iam-hardening:{key}"
        assert "AWS's default is" in warning.sentence
        assert warning.sentence.endswith(f"If so, say it: iam-hardening:quotas.{setting}")


@pytest.mark.parametrize(("make", "setting", "key", "default", "more", "most"), QUOTAS)
def test_more_than_aws_gives_is_a_mistake_whatever_the_file_states(
    make: Any, setting: str, key: str, default: int, more: int, most: int
) -> None:
    highest = 8192 if setting == "trustPolicyLength" else most
    for stated in ({}, {setting: highest}):
        with pytest.raises(settings.ConfigError, match=f"AWS raises this quota to {highest} at most"):
            load(make(most + 1), **stated)


@pytest.mark.parametrize(("make", "setting", "key", "default", "more", "most"), QUOTAS)
def test_what_the_file_states_is_the_quota(
    make: Any, setting: str, key: str, default: int, more: int, most: int
) -> None:
    enough, too_few = (4096, 2048) if setting == "trustPolicyLength" else (more, more - 1)
    assert load(make(more), **{setting: enough}).warnings == ()
    with pytest.raises(
        settings.ConfigError, match=rf"this account's quota is {too_few} \(iam-hardening:quotas"
    ):
        load(make(more), **{setting: too_few})


def test_the_quota_of_users_says_nothing_of_roles() -> None:
    assert load(role(12), managedPoliciesPerUser=20).warnings
    assert load(issued_user(12), managedPoliciesPerRole=25).warnings


def test_a_command_reports_warnings_of_the_stacks_that_it_needs(tmp_path: Any) -> None:
    (tmp_path / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    policies = ", ".join(names(12))
    for stack, account in (("dev", "222222222222"), ("prod", "333333333333")):
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(
            f"""
config:
  aws:region: us-east-1
  aws:allowedAccountIds: ["{account}"]
  iam-hardening:accountKind: workload
  iam-hardening:centralAccountId: "111111111111"
  iam-hardening:crossAccountRoles:
    operations: {{managedPolicies: [{policies}]}}
"""
        )
    said: list[str] = []
    settings_of(tmp_path, ["dev"], report=said.append)
    where = "iam-hardening:crossAccountRoles.operations.managedPolicies"
    assert [line.split(";")[0] for line in said] == [
        f"Pulumi.dev.yaml: warning: {where}: 12 managed policies"
    ]
