"""Passwords: the account's policy, the first sign-in's forced reset, and whose password it is."""

from typing import Any

import pytest

from tests.emulator.cloud import ALLOWED, EVERYTHING, Account, Cloud, Gap, deny, document, names, verdict

pytestmark = pytest.mark.emulator

VIOLATION = "PasswordPolicyViolation"
FIRST, SECOND, THIRD = "First-Password-1", "Second-Password-2", "Third-Password-3"
CIS = {
    "MinimumPasswordLength": 14,
    "RequireSymbols": True,
    "RequireNumbers": True,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
    "AllowUsersToChangePassword": True,
    "PasswordReusePrevention": 2,
}


def _with_policy(cloud: Cloud, **changes: Any) -> Account:
    account = cloud.account()
    account.iam.update_account_password_policy(**(CIS | changes))
    return account


def a_weak_first_password(cloud: Cloud) -> str:
    account = _with_policy(cloud)
    account.user("Ada")
    return verdict(account.iam.create_login_profile, UserName="Ada", Password="short")


def changing_the_own_password(cloud: Cloud) -> tuple[str, str]:
    account = _with_policy(cloud)
    ada = account.user("Ada", EVERYTHING)
    account.iam.create_login_profile(UserName="Ada", Password=FIRST, PasswordResetRequired=True)
    wrong = verdict(ada.iam.change_password, OldPassword="guess", NewPassword=SECOND)
    return wrong, verdict(ada.iam.change_password, OldPassword=FIRST, NewPassword=SECOND)


def a_partial_update(cloud: Cloud) -> int:
    account = _with_policy(cloud)
    account.iam.update_account_password_policy(RequireNumbers=True)
    policy = account.iam.get_account_password_policy()["PasswordPolicy"]
    return int(policy["MinimumPasswordLength"])


def a_length_out_of_range(cloud: Cloud) -> str:
    return verdict(cloud.account().iam.update_account_password_policy, MinimumPasswordLength=5)


def the_accounts_leave_to_change_it(cloud: Cloud) -> tuple[str, str]:
    found = []
    for leave in (True, False):
        account = _with_policy(cloud, AllowUsersToChangePassword=leave)
        found.append(verdict(account.user("Ada").iam.get_account_password_policy))
    return found[0], found[1]


GAPS = (
    Gap("a weak password is refused", a_weak_first_password, VIOLATION, ALLOWED),
    Gap(
        "a user changes its own password who knows it",
        changing_the_own_password,
        ("AccessDenied", ALLOWED),
        ("InvalidAction", "InvalidAction"),
    ),
    Gap("an update replaces the whole policy", a_partial_update, 6, 14),
    Gap("a length out of range is refused", a_length_out_of_range, "ValidationError", ALLOWED),
    Gap(
        "the account may leave passwords to its users",
        the_accounts_leave_to_change_it,
        (ALLOWED, "AccessDenied"),
        ("AccessDenied", "AccessDenied"),
    ),
)


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_emulated_aws_answers_as_aws(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_behaviour_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


@pytest.mark.parametrize(
    "weak",
    [
        "Sh0rt-pass",
        "no-uppercase-123",
        "NO-LOWERCASE-123",
        "No-Numbers-At-All",
        "NoSymbolsAtAll123",
        "Aa1-" * 33,
    ],
)
def test_each_rule_of_the_policy_counts(emulated: Cloud, weak: str) -> None:
    account = _with_policy(emulated)
    account.user("Ada")
    with pytest.raises(account.iam.exceptions.PasswordPolicyViolationException) as refused:
        account.iam.create_login_profile(UserName="Ada", Password=weak)
    assert weak not in str(refused.value)
    assert verdict(account.iam.create_login_profile, UserName="Ada", Password=FIRST) == ALLOWED


def test_without_a_policy_aws_has_its_own(emulated: Cloud) -> None:
    account = emulated.account()
    account.user("Ada")
    create = account.iam.create_login_profile
    assert verdict(create, UserName="Ada", Password="only-lowercase") == VIOLATION
    assert verdict(create, UserName="Ada", Password="Ab1-") == VIOLATION
    assert verdict(create, UserName="Ada", Password="Ab1-longer") == ALLOWED


def test_the_own_change_ends_a_forced_reset_and_an_administrators_does_not(emulated: Cloud) -> None:
    account = _with_policy(emulated)
    ada = account.user("Ada")
    account.iam.create_login_profile(UserName="Ada", Password=FIRST, PasswordResetRequired=True)

    def must_reset() -> bool:
        return bool(account.iam.get_login_profile(UserName="Ada")["LoginProfile"]["PasswordResetRequired"])

    account.iam.update_login_profile(UserName="Ada", Password=SECOND)
    assert must_reset()
    ada.iam.change_password(OldPassword=SECOND, NewPassword=THIRD)
    assert not must_reset()


def test_recent_passwords_are_not_taken_again(emulated: Cloud) -> None:
    account = _with_policy(emulated)
    ada = account.user("Ada")
    account.iam.create_login_profile(UserName="Ada", Password=FIRST)
    change = ada.iam.change_password
    assert verdict(change, OldPassword=FIRST, NewPassword=FIRST) == VIOLATION
    assert verdict(change, OldPassword=FIRST, NewPassword=SECOND) == ALLOWED
    assert verdict(change, OldPassword=SECOND, NewPassword=FIRST) == VIOLATION
    assert verdict(change, OldPassword=SECOND, NewPassword=THIRD) == ALLOWED
    assert verdict(change, OldPassword=THIRD, NewPassword=FIRST) == ALLOWED


def test_an_explicit_deny_stands_above_the_accounts_leave(emulated: Cloud) -> None:
    account = _with_policy(emulated)
    ada = account.user("Ada", document(deny("iam:ChangePassword")))
    account.iam.create_login_profile(UserName="Ada", Password=FIRST)
    assert verdict(ada.iam.change_password, OldPassword=FIRST, NewPassword=SECOND) == "AccessDenied"


def test_who_has_no_password_cannot_change_it(emulated: Cloud) -> None:
    account = _with_policy(emulated)
    ada = account.user("Ada", EVERYTHING)
    assert verdict(ada.iam.change_password, OldPassword=FIRST, NewPassword=SECOND) == "NoSuchEntity"
    assert verdict(account.iam.change_password, OldPassword=FIRST, NewPassword=SECOND) == "InvalidUserType"
