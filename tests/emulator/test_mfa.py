"""MFA: enrolment, sessions, and what a stolen key without a device can do about devices."""

from typing import Any
from urllib.request import Request, urlopen

import pyotp
import pytest

from tests.emulator.cloud import (
    ALLOWED,
    EVERYTHING,
    Cloud,
    Credentials,
    Gap,
    Principal,
    User,
    allow,
    codes_of_any_seed,
    document,
    names,
    trust,
    two_codes,
    verdict,
)

pytestmark = pytest.mark.emulator

WRONG = "AccessDenied"
ONLY_WITH_MFA = document(allow("s3:ListAllMyBuckets", Bool={"aws:MultiFactorAuthPresent": "true"}))
UNLESS_WITHOUT_MFA = document(
    allow("*"),
    {
        "Effect": "Deny",
        "NotAction": ["sts:GetSessionToken", "iam:CreateVirtualMFADevice", "iam:EnableMFADevice"],
        "Resource": "*",
        "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    },
)


def new_device(user: Principal, name: str = "phone") -> tuple[str, bytes]:
    created = user.iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    return created["SerialNumber"], created["Base32StringSeed"]


def enable(by: Principal, user_name: str, serial: str, first: str, second: str) -> str:
    return verdict(
        by.iam.enable_mfa_device,
        UserName=user_name,
        SerialNumber=serial,
        AuthenticationCode1=first,
        AuthenticationCode2=second,
    )


def enabled(cloud: Cloud, *policies: Any) -> tuple[User, str, pyotp.TOTP]:
    user = cloud.account().user("Ada", *(policies or (EVERYTHING,)))
    serial, seed = new_device(user)
    codes = pyotp.TOTP(seed.decode())
    enable(user, user.name, serial, *two_codes(codes))
    return user, serial, codes


def seed_is_base32(cloud: Cloud) -> bool:
    _, seed = new_device(cloud.account().user("Ada", EVERYTHING))
    return set(seed.decode()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def enrol_with_wrong_codes(cloud: Cloud) -> str:
    user = cloud.account().user("Ada", EVERYTHING)
    serial, _ = new_device(user)
    return enable(user, user.name, serial, "000000", "111111")


def resync_with_wrong_codes(cloud: Cloud) -> str:
    account = cloud.account()
    user = account.user("Ada", EVERYTHING)
    serial, seed = new_device(user)
    enable(user, user.name, serial, *codes_of_any_seed(seed))
    return verdict(
        account.iam.resync_mfa_device,
        UserName=user.name,
        SerialNumber=serial,
        AuthenticationCode1="000000",
        AuthenticationCode2="111111",
    )


def _enabled_anyhow(cloud: Cloud, *policies: Any) -> tuple[User, str, str]:
    user = cloud.account().user("Ada", *(policies or (EVERYTHING,)))
    serial, seed = new_device(user)
    first, second = codes_of_any_seed(seed)
    enable(user, user.name, serial, first, second)
    return user, serial, second


def session_with_a_wrong_code(cloud: Cloud) -> str:
    user, serial, _ = _enabled_anyhow(cloud)
    return verdict(user.sts.get_session_token, SerialNumber=serial, TokenCode="000000")


def session_with_somebody_elses_device(cloud: Cloud) -> str:
    account = cloud.account()
    ada, bob = account.user("Ada", EVERYTHING), account.user("Bob", EVERYTHING)
    serial, seed = new_device(ada)
    first, second = codes_of_any_seed(seed)
    enable(ada, ada.name, serial, first, second)
    return verdict(bob.sts.get_session_token, SerialNumber=serial, TokenCode=second)


def what_a_session_with_mfa_may(cloud: Cloud) -> tuple[str, str]:
    user, serial, code = _enabled_anyhow(cloud, UNLESS_WITHOUT_MFA)
    session = Principal(
        user.url, Credentials.of(user.sts.get_session_token(SerialNumber=serial, TokenCode=code))
    )
    return verdict(user.client("s3").list_buckets), verdict(session.client("s3").list_buckets)


def iam_in_a_session_without_mfa(cloud: Cloud) -> str:
    return verdict(cloud.account().user("Ada", EVERYTHING).session().iam.list_users)


def second_device_by_the_key_alone(cloud: Cloud) -> str:
    user, _, _ = _enabled_anyhow(cloud)
    serial, seed = new_device(user, "attacker")
    return enable(user, user.name, serial, *codes_of_any_seed(seed))


def taking_the_device_away_by_the_key_alone(cloud: Cloud) -> str:
    user, serial, _ = _enabled_anyhow(cloud)
    return verdict(user.iam.deactivate_mfa_device, UserName=user.name, SerialNumber=serial)


def reading_a_device(cloud: Cloud) -> str:
    user, serial, _ = _enabled_anyhow(cloud)
    return verdict(user.iam.get_mfa_device, SerialNumber=serial, UserName=user.name)


def listing_own_devices_without_a_name(cloud: Cloud) -> int:
    user, _, _ = _enabled_anyhow(cloud)
    return len(user.iam.list_mfa_devices()["MFADevices"])


GAPS = (
    Gap("the seed is Base32 so that an app can make codes", seed_is_base32, True, False),
    Gap("wrong codes do not enrol a device", enrol_with_wrong_codes, "InvalidAuthenticationCode", ALLOWED),
    Gap("wrong codes do not resync a device", resync_with_wrong_codes, "InvalidAuthenticationCode", ALLOWED),
    Gap("a wrong code gives no session", session_with_a_wrong_code, WRONG, ALLOWED),
    Gap(
        "a code of someone elses device gives no session", session_with_somebody_elses_device, WRONG, ALLOWED
    ),
    Gap(
        "a session with MFA may what the key without MFA may not",
        what_a_session_with_mfa_may,
        (WRONG, ALLOWED),
        (WRONG, WRONG),
    ),
    Gap("a session without MFA cannot call IAM", iam_in_a_session_without_mfa, WRONG, ALLOWED),
    Gap("the key alone cannot add a second device", second_device_by_the_key_alone, WRONG, ALLOWED),
    Gap("the key alone cannot take the device away", taking_the_device_away_by_the_key_alone, WRONG, ALLOWED),
    Gap("a device can be read", reading_a_device, ALLOWED, "InvalidAction"),
    Gap("listing devices without a name lists the callers", listing_own_devices_without_a_name, 1, 0),
)


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_emulated_aws_answers_as_aws(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_behaviour_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


def test_with_mfa_the_user_may_add_and_take_away_devices(emulated: Cloud) -> None:
    user, serial, codes = enabled(emulated)
    session = user.session(serial, codes)
    second, seed = new_device(session, "tablet")
    assert enable(session, user.name, second, *two_codes(pyotp.TOTP(seed.decode()))) == ALLOWED
    assert verdict(session.iam.deactivate_mfa_device, UserName=user.name, SerialNumber=serial) == ALLOWED


def test_an_administrators_key_may_still_reset_somebody_elses_device(emulated: Cloud) -> None:
    account = emulated.account()
    ada, admin = account.user("Ada", EVERYTHING), account.user("Admin", EVERYTHING)
    serial, _ = ada.enrol()
    admin.enrol("admin")
    assert verdict(admin.iam.deactivate_mfa_device, UserName="Ada", SerialNumber=serial) == ALLOWED


def test_a_long_term_key_carries_no_mfa_key_at_all(emulated: Cloud) -> None:
    """`Bool … false` therefore does not catch it, which is why policies need `BoolIfExists`."""
    account = emulated.account()
    catches_false = document(
        allow("*"), {**allow("s3:*", Bool={"aws:MultiFactorAuthPresent": "false"}), "Effect": "Deny"}
    )
    user = account.user("Ada", catches_false)
    assert verdict(user.client("s3").list_buckets) == ALLOWED
    assert verdict(user.session().client("s3").list_buckets) == WRONG


def test_the_age_of_the_code_is_known_in_the_session(emulated: Cloud) -> None:
    fresh = document(
        allow(["iam:*", "sts:*"]),
        allow("s3:ListAllMyBuckets", NumericLessThan={"aws:MultiFactorAuthAge": "300"}),
        allow("sns:ListTopics", NumericGreaterThan={"aws:MultiFactorAuthAge": "300"}),
    )
    user, serial, codes = enabled(emulated, fresh)
    session = user.session(serial, codes)
    assert verdict(session.client("s3").list_buckets) == ALLOWED
    assert verdict(session.client("sns").list_topics) == "AuthorizationError"


def test_a_role_that_asks_for_mfa_is_given_with_mfa_only(emulated: Cloud) -> None:
    user, serial, codes = enabled(emulated)
    target = emulated.account()
    role = target.role(
        "test_role", trust(user.arn.split(":user")[0] + ":root", Bool={"aws:MultiFactorAuthPresent": "true"})
    )
    assume = {"RoleArn": role, "RoleSessionName": "ada"}
    assert verdict(user.sts.assume_role, **assume) == WRONG
    assert verdict(user.session().sts.assume_role, **assume) == WRONG
    assert verdict(user.sts.assume_role, **assume, SerialNumber=serial, TokenCode="000000") == WRONG
    assert verdict(user.sts.assume_role, **assume, SerialNumber=serial, TokenCode=codes.now()) == ALLOWED
    assert verdict(user.session(serial, codes).sts.assume_role, **assume) == ALLOWED


def test_a_roles_session_does_not_inherit_the_callers_mfa(emulated: Cloud) -> None:
    user, serial, codes = enabled(emulated)
    target = emulated.account()
    role = target.role("reader", trust(user.arn.split(":user")[0] + ":root"), ONLY_WITH_MFA, EVERYTHING)
    asks_for_mfa = target.role("second", trust(target.root_arn, Bool={"aws:MultiFactorAuthPresent": "true"}))
    session = user.session(serial, codes).assume(role)
    assert verdict(session.client("s3").list_buckets) == ALLOWED  # by EVERYTHING
    assert verdict(session.sts.assume_role, RoleArn=asks_for_mfa, RoleSessionName="chained") == WRONG


def test_a_device_in_use_is_not_deleted_and_not_given_twice(emulated: Cloud) -> None:
    account = emulated.account()
    ada, bob = account.user("Ada", EVERYTHING), account.user("Bob", EVERYTHING)
    serial, codes = ada.enrol()
    assert verdict(account.iam.delete_virtual_mfa_device, SerialNumber=serial) == "DeleteConflict"
    assert enable(bob, "Bob", serial, *two_codes(codes)) == "EntityAlreadyExists"
    account.iam.deactivate_mfa_device(UserName="Ada", SerialNumber=serial)
    assert verdict(account.iam.delete_virtual_mfa_device, SerialNumber=serial) == ALLOWED


def test_an_mfa_session_can_be_made_to_look_older_and_young_again(emulated: Cloud) -> None:
    fresh = document(
        allow(["iam:*", "sts:*"]), allow("s3:*", NumericLessThan={"aws:MultiFactorAuthAge": "300"})
    )
    user, serial, codes = enabled(emulated, fresh)
    session = user.session(serial, codes)
    assert verdict(session.client("s3").list_buckets) == ALLOWED
    try:
        make_mfa_older(emulated, 300)
        assert verdict(session.client("s3").list_buckets) == WRONG
    finally:
        make_mfa_older(emulated, 0)
    assert verdict(session.client("s3").list_buckets) == ALLOWED


def make_mfa_older(cloud: Cloud, seconds: int) -> None:
    control = Request(f"{cloud.url}/_emulated_aws/mfa-age?seconds={seconds}", method="POST")
    urlopen(control, timeout=5).close()
