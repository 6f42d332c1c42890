"""What one line of a stack file stands for."""

from collections.abc import Mapping
from typing import Any

from iam_hardening import config as settings
from iam_hardening.commands import client_config
from tests.stack_files import PROJECT, config_of, handed_over


def load(stack: str, changes: Mapping[str, Any]) -> settings.Settings:
    config = config_of(stack) | {f"{PROJECT}:{key}": value for key, value in changes.items()}
    return settings.load(handed_over(config), project=PROJECT, stack=stack)


def test_the_break_glass_user_is_an_administrator_alone_in_a_group_that_enforces_mfa() -> None:
    account = load("central", {"breakGlass": {"user": "sealed", "pgpKey": "keybase:safe"}})
    assert account.groups["BreakGlass"].managed_policies == ["AdministratorAccess"]
    assert account.groups["BreakGlass"].enforce_mfa
    assert [name for name, user in account.users.items() if "BreakGlass" in user.groups] == ["sealed"]
    assert account.users["sealed"].groups == ["BreakGlass"]
    assert account.users["sealed"].pgp_key == "keybase:safe"
    assert account.break_glass is not None


def test_the_break_glass_user_is_no_second_administrator() -> None:
    assert load("central", {"breakGlass": {}}).only_administrator == "Administrator"


def test_without_break_glass_there_is_no_such_group() -> None:
    account = load("central", {})
    assert account.break_glass is None
    assert "BreakGlass" not in account.groups


def test_standard_roles_are_roles_of_a_workload_account_after_its_own() -> None:
    account = load("dev", {"standardRoles": ["support", "security-audit"]})
    roles = account.cross_account_roles
    assert list(roles) == ["test_role", "support", "security-audit"]
    assert roles["support"].managed_policies == ["AWSSupportAccess"]
    assert roles["security-audit"].managed_policies == ["SecurityAudit"]
    assert all(role.require_mfa for role in roles.values())
    assert account.trusted_account_id == "111111111111"


def test_standard_roles_of_the_central_account_trust_that_account_itself() -> None:
    account = load("central", {"standardRoles": ["support"]})
    assert list(account.cross_account_roles) == ["support"]
    assert account.trusted_account_id == account.account_id


def test_a_standard_role_of_the_central_account_gets_a_profile_for_whom_the_groups_grant_it() -> None:
    groups = config_of("central")["iam-hardening:groups"]
    groups["Auditors"]["mayAssume"] = ["arn:aws:iam::111111111111:role/support"]
    stacks = {"central": load("central", {"standardRoles": ["support", "security-audit"], "groups": groups})}
    made = client_config.profiles(stacks, person="Auditor", device="phone", tool=client_config.AWSUME)
    assert list(made) == ["central", "central-support"]
    assert made["central-support"]["role_arn"] == "arn:aws:iam::111111111111:role/support"


def test_onboarding_is_open_unless_it_is_strict() -> None:
    assert not load("central", {}).strict_onboarding
    assert load("central", {"onboarding": "strict"}).strict_onboarding
