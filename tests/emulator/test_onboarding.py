"""Strict onboarding as the emulated AWS decides it: the program's own policy, every kind of mark.

AWS ("IAM JSON policy elements: Condition operators"): a negated operator is true when the key is absent, so
a user without the tag is denied. A tag's value is compared with regard to case, its key without.
"""

from collections.abc import Mapping

import pytest

from iam_hardening.aws.policies import people as people_policies
from tests.emulator.cloud import EVERYTHING, Cloud, Principal, User, verdict

pytestmark = pytest.mark.emulator

REFUSED = "AccessDenied"
PAST_THE_POLICY = "InvalidAuthenticationCode"


def administrator(cloud: Cloud, tags: Mapping[str, str], path: str = "/") -> User:
    account = cloud.account()
    wall = people_policies.enforce_mfa("aws", account.id, strict_onboarding=True)
    return account.user("Ada", EVERYTHING, wall, path=path, tags=tags)


def enrols(acting: Principal, device: str = "phone") -> str:
    """With wrong codes: the question is only whether the policy lets the call through to them."""
    made = acting.iam.create_virtual_mfa_device(VirtualMFADeviceName=device)["VirtualMFADevice"]
    return verdict(
        acting.iam.enable_mfa_device,
        UserName="Ada",
        SerialNumber=made["SerialNumber"],
        AuthenticationCode1="000000",
        AuthenticationCode2="000000",
    )


@pytest.mark.parametrize(
    "tags",
    [{}, {"Onboarding": "old"}, {"Onboarding": "New"}, {"Onboarding": ""}, {"Team": "new"}],
    ids=["no tags", "another value", "another case", "empty", "another tag"],
)
def test_who_is_not_marked_enrols_and_changes_nothing_without_mfa(
    emulated: Cloud, tags: Mapping[str, str]
) -> None:
    ada = administrator(emulated, tags)
    assert enrols(ada) == REFUSED
    assert verdict(ada.iam.change_password, OldPassword="aA1!aA1!aA1!", NewPassword="bB1!bB1!bB1!") == REFUSED


@pytest.mark.parametrize("path", ["/", "/people/audit/"])
def test_who_is_marked_enrols_under_any_path(emulated: Cloud, path: str) -> None:
    ada = administrator(emulated, {"Onboarding": "new"}, path)
    assert enrols(ada) == PAST_THE_POLICY


def test_an_administrator_without_mfa_marks_nobody(emulated: Cloud) -> None:
    ada = administrator(emulated, {})
    mark = [{"Key": "Onboarding", "Value": "new"}]
    assert verdict(ada.iam.tag_user, UserName="Ada", Tags=mark) == REFUSED
    assert verdict(ada.iam.create_user, UserName="Eve", Tags=mark) == REFUSED


def test_with_mfa_no_mark_is_needed(emulated: Cloud) -> None:
    account = emulated.account()
    wall = people_policies.enforce_mfa("aws", account.id, strict_onboarding=True)
    ada = account.user("Ada", EVERYTHING, wall, tags={"Onboarding": "new"})
    serial, codes = ada.enrol()
    account.iam.untag_user(UserName="Ada", TagKeys=["Onboarding"])
    assert enrols(ada.session(serial, codes), "spare") == PAST_THE_POLICY
