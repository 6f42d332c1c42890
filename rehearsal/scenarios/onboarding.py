"""Strict onboarding: without MFA only people marked as new enrol, and no one can mark themselves."""

from iam_hardening.aws.naming import ONBOARDING_NEW, ONBOARDING_TAG
from iam_hardening.claims.claim import ALLOWED, REFUSED
from rehearsal.authenticator import Authenticator
from rehearsal.scenarios.person import Person, codes, new_password

_MARK = {"Key": ONBOARDING_TAG, "Value": ONBOARDING_NEW}


def unmarked(person: Person, device: Authenticator) -> None:
    """The key of a person who is not expected to enrol is useless without MFA. Ends with the mark set."""
    judge, iam, name, user = person.recorder.judge, person.iam, person.name, person.user
    thief = "who is not marked as new cannot enrol without MFA: a stolen key of theirs is worth nothing"
    judge(
        person.claim("iam:EnableMFADevice (not marked)", user, REFUSED, thief),
        lambda: iam.enable_mfa_device(UserName=name, SerialNumber=device.serial_number, **codes(device)),
    )
    judge(
        person.claim("iam:ChangePassword (not marked)", user, REFUSED, thief),
        lambda: iam.change_password(OldPassword=new_password(), NewPassword=new_password()),
    )
    judge(
        person.claim("iam:TagUser (mark)", user, REFUSED, "without MFA no one marks themselves"),
        lambda: iam.tag_user(UserName=name, Tags=[_MARK]),
    )
    person.central.admin.client("iam").tag_user(UserName=name, Tags=[_MARK])


def through(person: Person, with_mfa: Person, password: str | None) -> None:
    """The mark is taken away: the bare key changes nothing more, the person with MFA does."""
    person.central.admin.client("iam").untag_user(UserName=person.name, TagKeys=[ONBOARDING_TAG])
    person.recorder.judge(
        person.claim(
            "iam:ChangePassword (through)", person.user, REFUSED, "without MFA only who is new does"
        ),
        lambda: person.iam.change_password(
            OldPassword=password or new_password(), NewPassword=new_password()
        ),
    )
    if password is not None:
        with_mfa.recorder.judge(
            with_mfa.claim(
                "iam:ChangePassword (through)", person.user, ALLOWED, "with MFA no mark is needed"
            ),
            lambda: with_mfa.iam.change_password(OldPassword=password, NewPassword=new_password()),
        )
