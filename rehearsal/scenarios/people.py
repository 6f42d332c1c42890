"""Tutorial sections 2 to 4: a person's first day, from a bare access key to a session with MFA.

Every person of the central stack is played. The access key each starts with stands for a stolen one, too:
what is refused here without MFA is refused to a thief.
"""

from dataclasses import dataclass

from iam_hardening import config
from iam_hardening.aws.naming import iam_arn
from iam_hardening.claims.claim import ALLOWED, REFUSED, Claim
from iam_hardening.claims.grants import Grants, grants_of
from iam_hardening.clients.aws import Credentials, Session
from rehearsal.authenticator import Authenticator
from rehearsal.probes import Probe, probes
from rehearsal.recorder import Recorder
from rehearsal.scenarios import onboarding
from rehearsal.scenarios.person import WITH_MFA, Person, codes, new_password
from rehearsal.testbed import Account, Testbed


@dataclass(frozen=True, kw_only=True)
class Member:
    """A person who is through the first day. `key` carries no MFA, `mfa` does."""

    name: str
    user: config.User
    grants: Grants
    key: Session
    mfa: Session
    authenticator: Authenticator


def play(recorder: Recorder, testbed: Testbed) -> list[Member]:
    """Answers with the people who finished; each other one is reported as a false claim."""
    central = testbed.central
    if central is None:
        recorder.note("No stack is a central account: no people were played.")
        return []
    passwords = central.stack.outputs().get("passwords", {})
    members = []
    for name, user in central.settings.users.items():
        with recorder.scenario(f"First day of {name}"):
            members.append(_first_day(recorder, central, name, user, passwords.get(name)))
    return members


def grants_of_person(account: config.Settings, user: config.User) -> Grants:
    return grants_of([account.groups[group] for group in user.groups])


def _first_day(
    recorder: Recorder, central: Account, name: str, user: config.User, password: str | None
) -> Member:
    key = central.admin.client("iam").create_access_key(UserName=name)["AccessKey"]
    bare = central.admin.with_credentials(Credentials.of(key))
    person = Person(recorder, central, name, bare)
    _nothing_without_mfa(person)
    device = _create_device(person, f"{name}-phone")
    _nobody_elses_device(person, central, device)
    if central.settings.strict_onboarding:
        onboarding.unmarked(person, device)
    own_password = _change_password(person, password)
    _enrol(person, device)
    _the_device_stays(person, device)
    session = _mfa_session(person, device)
    grants = grants_of_person(central.settings, user)
    with_mfa = Person(recorder, central, name, session, mfa=WITH_MFA)
    if central.settings.strict_onboarding:
        onboarding.through(person, with_mfa, own_password)
    play_probes(recorder, central, session, grants, who=name, mfa=WITH_MFA)
    _own_devices_with_mfa(with_mfa)
    if central.settings.break_glass and central.settings.break_glass.user == name:
        _no_access_key_even_with_mfa(with_mfa)
    else:
        _own_access_key_with_mfa(with_mfa, bare)
    _nobody_else_with_mfa(with_mfa, grants)
    return Member(name=name, user=user, grants=grants, key=bare, mfa=session, authenticator=device)


def _nothing_without_mfa(person: Person) -> None:
    judge, iam, name = person.recorder.judge, person.iam, person.name
    wall = "without MFA a person may do nothing but enrol, in any group"
    judge(
        person.claim("sts:GetCallerIdentity", "-", ALLOWED, "AWS lets any valid key ask who it is"),
        person.sts.get_caller_identity,
    )
    judge(
        person.claim("s3:ListAllMyBuckets", "*", REFUSED, wall),
        person.session.client("s3").list_buckets,
    )
    judge(person.claim("iam:ListUsers", "*", REFUSED, wall), iam.list_users)
    judge(
        person.claim("iam:CreateUser", "user/rehearsal-intruder", REFUSED, wall),
        lambda: iam.create_user(UserName="rehearsal-intruder"),
    )
    judge(
        person.claim("iam:CreateAccessKey", person.user, REFUSED, "a second key would outlive the first"),
        lambda: iam.create_access_key(UserName=name),
    )
    own_key = person.session.credentials.access_key_id
    judge(
        person.claim("iam:UpdateAccessKey", person.user, REFUSED, "a thief must not lock the owner out"),
        lambda: iam.update_access_key(UserName=name, AccessKeyId=own_key, Status="Inactive"),
    )
    judge(
        person.claim("iam:TagUser", person.user, REFUSED, wall),
        lambda: iam.tag_user(UserName=name, Tags=[{"Key": "rehearsal", "Value": "tagged"}]),
    )
    judge(
        person.claim("iam:GetUser", person.user, ALLOWED, "enrolment shows whose device it is"),
        iam.get_user,
    )
    judge(
        person.claim("iam:ListMFADevices", person.user, ALLOWED, "enrolment asks for one's own devices"),
        lambda: iam.list_mfa_devices(UserName=name),
    )


def _create_device(person: Person, device_name: str) -> Authenticator:
    made = person.recorder.must(
        person.claim(
            "iam:CreateVirtualMFADevice", f"mfa/{device_name}", ALLOWED, "a new person must be able to enrol"
        ),
        lambda: person.iam.create_virtual_mfa_device(VirtualMFADeviceName=device_name),
    )["VirtualMFADevice"]
    return Authenticator(made["SerialNumber"], made["Base32StringSeed"].decode())


def _nobody_elses_device(person: Person, central: Account, device: Authenticator) -> None:
    """The tutorial's hole: a stolen administrator's key must not let its thief act as another user."""
    judge, iam = person.recorder.judge, person.iam
    newcomer, enrolled = central.bystanders.newcomer, central.bystanders.enrolled
    theirs = central.bystanders.device
    hole = "without MFA no one touches another user: a thief could become that user"
    judge(
        person.claim("iam:EnableMFADevice", f"user/{newcomer}", REFUSED, hole),
        lambda: iam.enable_mfa_device(UserName=newcomer, SerialNumber=device.serial_number, **codes(device)),
    )
    judge(
        person.claim("iam:ResyncMFADevice", f"user/{enrolled}", REFUSED, hole),
        lambda: iam.resync_mfa_device(UserName=enrolled, SerialNumber=theirs.serial_number, **codes(theirs)),
    )
    judge(
        person.claim("iam:DeactivateMFADevice", f"user/{enrolled}", REFUSED, hole),
        lambda: iam.deactivate_mfa_device(UserName=enrolled, SerialNumber=theirs.serial_number),
    )
    judge(
        person.claim("iam:ListMFADevices", f"user/{enrolled}", REFUSED, hole),
        lambda: iam.list_mfa_devices(UserName=enrolled),
    )
    judge(
        person.claim("iam:GetMFADevice", f"user/{enrolled}", REFUSED, hole),
        lambda: iam.get_mfa_device(UserName=enrolled, SerialNumber=theirs.serial_number),
    )
    judge(
        person.claim("iam:GetUser", f"user/{enrolled}", REFUSED, hole),
        lambda: iam.get_user(UserName=enrolled),
    )


def _change_password(person: Person, initial: str | None) -> str | None:
    """Answers with the password that the person has now, where it is known."""
    if initial is None:
        person.recorder.note(f"{person.name}'s password is encrypted to a PGP key: it was not changed.")
        return None
    chosen = new_password()
    iam, user = person.iam, person.user
    person.recorder.judge(
        person.claim(
            "iam:ChangePassword (weak)",
            user,
            "PasswordPolicyViolation",
            "the password policy counts for everyone",
        ),
        lambda: iam.change_password(OldPassword=initial, NewPassword="aA1!aA1!"),
    )
    person.recorder.judge(
        person.claim(
            "iam:ChangePassword",
            user,
            ALLOWED,
            "a forced reset comes before MFA: else a new person is locked out",
        ),
        lambda: iam.change_password(OldPassword=initial, NewPassword=chosen),
    )
    return chosen


def _enrol(person: Person, device: Authenticator) -> None:
    iam, name, user = person.iam, person.name, person.user
    person.recorder.judge(
        person.claim(
            "iam:EnableMFADevice (wrong codes)",
            user,
            "InvalidAuthenticationCode",
            "only who has the device enrols it",
        ),
        lambda: iam.enable_mfa_device(
            UserName=name,
            SerialNumber=device.serial_number,
            AuthenticationCode1=device.wrong_code(),
            AuthenticationCode2=device.wrong_code(),
        ),
    )
    person.recorder.must(
        person.claim("iam:EnableMFADevice", user, ALLOWED, "a new person must be able to enrol"),
        lambda: iam.enable_mfa_device(UserName=name, SerialNumber=device.serial_number, **codes(device)),
    )


def _the_device_stays(person: Person, device: Authenticator) -> None:
    """Once enrolled, the bare key can neither take the device away nor add one of the thief's."""
    iam, name = person.iam, person.name
    second = _create_device(person, f"{name}-second")
    stays = "a stolen key must not replace its owner's device"
    person.recorder.judge(
        person.claim("iam:EnableMFADevice (second)", person.user, REFUSED, stays),
        lambda: iam.enable_mfa_device(UserName=name, SerialNumber=second.serial_number, **codes(second)),
    )
    person.recorder.judge(
        person.claim("iam:DeactivateMFADevice", person.user, REFUSED, stays),
        lambda: iam.deactivate_mfa_device(UserName=name, SerialNumber=device.serial_number),
    )
    person.recorder.judge(
        person.claim("iam:DeleteVirtualMFADevice", f"mfa/{name}-phone", REFUSED, stays),
        lambda: iam.delete_virtual_mfa_device(SerialNumber=device.serial_number),
    )


def _mfa_session(person: Person, device: Authenticator) -> Session:
    sts = person.sts
    person.recorder.judge(
        person.claim("sts:GetSessionToken (wrong code)", "-", REFUSED, "only the device's codes count"),
        lambda: sts.get_session_token(SerialNumber=device.serial_number, TokenCode=device.wrong_code()),
    )
    plain = person.recorder.must(
        person.claim("sts:GetSessionToken (no code)", "-", ALLOWED, "AWS lets any key ask; it gains nothing"),
        sts.get_session_token,
    )
    person.recorder.judge(
        person.claim(
            "iam:ListUsers (session without code)", "*", REFUSED, "a session without MFA is no MFA session"
        ),
        person.session.with_credentials(Credentials.of(plain["Credentials"])).client("iam").list_users,
    )
    answer = person.recorder.must(
        person.claim("sts:GetSessionToken", "-", ALLOWED, "this is how the command line gets MFA"),
        lambda: sts.get_session_token(SerialNumber=device.serial_number, TokenCode=device.code()),
    )
    return person.session.with_credentials(Credentials.of(answer["Credentials"]))


def _own_devices_with_mfa(person: Person) -> None:
    """With MFA a person manages devices alone: adds a second one, and takes it away."""
    iam, name = person.iam, person.name
    second = iam_arn(person.central.settings.partition, person.central.id, f"mfa/{name}-second")
    spare = _create_device(person, f"{name}-spare")
    own = "with MFA people manage their own devices, without asking anyone"
    person.recorder.must(
        person.claim("iam:EnableMFADevice (second)", person.user, ALLOWED, own),
        lambda: iam.enable_mfa_device(UserName=name, SerialNumber=spare.serial_number, **codes(spare)),
    )
    person.recorder.judge(
        person.claim("iam:DeactivateMFADevice", person.user, ALLOWED, own),
        lambda: iam.deactivate_mfa_device(UserName=name, SerialNumber=spare.serial_number),
    )
    person.recorder.judge(
        person.claim("iam:DeleteVirtualMFADevice", f"mfa/{name}-second", ALLOWED, own),
        lambda: iam.delete_virtual_mfa_device(SerialNumber=second),
    )


def _own_access_key_with_mfa(person: Person, bare: Session) -> None:
    """With MFA a person makes, looks at and removes their own access keys."""
    iam, name = person.iam, person.name
    own = "with MFA people manage their own access keys, without asking anyone"
    first_key = bare.credentials.access_key_id
    made = person.recorder.must(
        person.claim("iam:CreateAccessKey", person.user, ALLOWED, own),
        lambda: iam.create_access_key(UserName=name),
    )["AccessKey"]["AccessKeyId"]
    calls = {
        "iam:ListAccessKeys": lambda: iam.list_access_keys(UserName=name),
        "iam:GetAccessKeyLastUsed": lambda: iam.get_access_key_last_used(AccessKeyId=first_key),
        "iam:UpdateAccessKey": lambda: iam.update_access_key(
            UserName=name, AccessKeyId=made, Status="Inactive"
        ),
        "iam:DeleteAccessKey": lambda: iam.delete_access_key(UserName=name, AccessKeyId=made),
    }
    for action, call in calls.items():
        person.recorder.judge(person.claim(action, person.user, ALLOWED, own), call)


def _no_access_key_even_with_mfa(person: Person) -> None:
    person.recorder.judge(
        person.claim(
            "iam:CreateAccessKey",
            person.user,
            REFUSED,
            "the break-glass user signs in with the sealed password and device, never with a key",
        ),
        lambda: person.iam.create_access_key(UserName=person.name),
    )


def _nobody_else_with_mfa(person: Person, grants: Grants) -> None:
    """People without administrator rights stay with their own user, MFA or not, and cannot tag even that."""
    iam, other = person.iam, person.central.bystanders.enrolled
    serial = person.central.bystanders.device.serial_number
    other_arn = iam_arn(person.central.settings.partition, person.central.id, f"user/{other}")
    own_arn = str(iam.get_user()["User"]["Arn"])
    tags = [{"Key": "rehearsal", "Value": "tagged"}]
    own_only = "people without administrator rights manage no one but themselves"
    no_tags = "tags on a user can decide about access: only administrators set them"
    for action, call in {
        "iam:TagUser": lambda: iam.tag_user(UserName=person.name, Tags=tags),
        "iam:UntagUser": lambda: iam.untag_user(UserName=person.name, TagKeys=["Stack"]),
    }.items():
        if grants.verdict(action, own_arn) == REFUSED:
            person.recorder.judge(person.claim(action, person.user, REFUSED, no_tags), call)
    attempts = {
        "iam:DeactivateMFADevice": lambda: iam.deactivate_mfa_device(UserName=other, SerialNumber=serial),
        "iam:UpdateLoginProfile": lambda: iam.update_login_profile(UserName=other, Password=new_password()),
        "iam:ListAccessKeys": lambda: iam.list_access_keys(UserName=other),
        "iam:DeleteAccessKey": lambda: iam.delete_access_key(
            UserName=other, AccessKeyId="AKIA0000000000000000"
        ),
    }
    for action, call in attempts.items():
        if grants.verdict(action, other_arn) == REFUSED:
            person.recorder.judge(person.claim(action, f"user/{other}", REFUSED, own_only), call)


def play_probes(
    recorder: Recorder, account: Account, session: Session, grants: Grants, *, who: str, mfa: str
) -> None:
    """Every probe whose verdict the settings tell: what they grant is allowed, and nothing else is."""
    if grants.unknown_policies:
        recorder.note(
            f"{who} also holds {', '.join(grants.unknown_policies)}, which the rehearsal does not know: "
            "what is not granted elsewhere was not claimed to be refused."
        )
    for probe in probes(account.targets):
        verdict = grants.verdict(probe.action, probe.resource, owner=account.id)
        if verdict is None:
            continue
        claim = Claim(
            who=who,
            mfa=mfa,
            call=probe.action,
            resource=probe.resource.split(":", 5)[-1],
            account=account.name,
            claimed=verdict,
            reason=_reason(grants, probe, verdict, account.id),
        )
        _play_probe(recorder, account, session, probe, claim)


def _reason(grants: Grants, probe: Probe, verdict: str, owner: str) -> str:
    if verdict == ALLOWED:
        return "granted by the stack file"
    if grants.is_outside_boundary(probe.action, probe.resource, owner=owner):
        return "the permissions boundary leaves it out, with any policy"
    return "granted by nothing in the stack file"


def _play_probe(recorder: Recorder, account: Account, session: Session, probe: Probe, claim: Claim) -> None:
    made = recorder.judge(claim, lambda: probe.call(session))
    if made.found == ALLOWED and probe.undo is not None:
        probe.undo(account.admin)
