"""The first half of the way: credentials, whose they are, the MFA device, the session made with it."""

import os

import botocore.session
from botocore.exceptions import BotoCoreError

from iam_hardening.aws.naming import user_arn
from iam_hardening.clients.aws import Credentials
from iam_hardening.commands.doctor.walk import Denied, Step, Trouble, Walk, asking

# What botocore calls where it found credentials, in words.
_SOURCES = {
    "env": "the environment",
    "shared-credentials-file": "the credentials file, profile {profile}",
    "config-file": "the config file, profile {profile}",
    "custom-process": "the credential_process of the profile {profile}",
    "login": "aws login, profile {profile}",
    "iam-role": "this instance's role",
    "container-role": "this container's role",
}
_LOSES = "AWS_PROFILE is set as well and does not count: the environment's keys win"


def find_credentials(walk: Walk) -> str:
    session = botocore.session.Session()
    profile = session.get_config_variable("profile") or "default"
    try:
        found = session.get_credentials()
        if found and found.method == "assume-role":
            raise Trouble(
                f"The profile {profile} is a role's. A person's way begins with their own credentials.",
                f"export AWS_PROFILE={walk.central.stack}",
            )
        frozen = found.get_frozen_credentials() if found else None
    except BotoCoreError as error:
        raise Trouble(
            f"{error}",
            f"export AWS_PROFILE={walk.central.stack}, the person's own profile: iam-hardening client-config "
            f"--person {walk.person} --device your-device prints it for ~/.aws/config.",
        ) from None
    key_id, secret = (frozen.access_key, frozen.secret_key) if frozen else (None, None)
    if found is None or frozen is None or key_id is None or secret is None:
        raise Trouble(
            "There are no AWS credentials, neither in the environment nor in the files under ~/.aws.",
            f"Make an access key in the console (Security credentials, in a session with MFA), store it with "
            f"aws configure --profile {walk.central.stack}, and then: {walk.session_commands()}",
        )
    walk.credentials = Credentials(access_key_id=key_id, secret_access_key=secret, session_token=frozen.token)
    if key_id.startswith("ASIA") and not frozen.token:
        raise Trouble(
            f"{key_id} is the key of a session, and its session token is not there.",
            f"The three values belong together; AWS_SESSION_TOKEN is missing. {walk.session_commands()}",
        )
    source = _SOURCES.get(found.method, found.method).format(profile=profile)
    also = f" ({_LOSES})" if found.method == "env" and "AWS_PROFILE" in os.environ else ""
    return f"{key_id}, from {source}{also}"


def whose(walk: Walk) -> str:
    sts = walk.client("sts", walk.central.region, walk.credentials)
    caller = asking(walk, "Whose these are", sts.get_caller_identity)
    arn, account_id = str(caller["Arn"]), str(caller["Account"])
    own_profile = (
        f"Use those of {walk.person}: unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN; "
        f"export AWS_PROFILE={walk.central.stack}"
    )
    kind, _, path = arn.split(":", 5)[5].partition("/")
    if kind == "root":
        raise Trouble(
            f"These are the root user's of {account_id}.",
            f"Do not work as root (docs/root-account.md). {own_profile}",
        )
    if account_id != walk.central.account_id:
        raise Trouble(
            f"These are of the account {account_id} ({arn}); {walk.person} is a user of "
            f"{walk.central.account_id}, stack {walk.central.stack}.",
            own_profile,
        )
    if kind != "user":
        raise Trouble(
            f"This is a session of something else: {arn}. A person's way begins with the person's own user.",
            own_profile,
        )
    name = path.rsplit("/", 1)[-1]
    if name != walk.person:
        known = (
            f"Or did you mean --person {name}?"
            if name in walk.central.users
            else f"Pulumi.{walk.central.stack}.yaml does not know {name}."
        )
        raise Trouble(f"These are {name}'s, not {walk.person}'s.", f"{own_profile}. {known}")
    expected = user_arn(
        walk.central.partition, walk.central.account_id, walk.central.users[name].path, walk.person
    )
    if arn != expected:
        raise Trouble(
            f"The user is {arn}; the stack file says {expected}.",
            f"pulumi up --stack {walk.central.stack} moves the user to its path.",
        )
    return arn


def find_device(walk: Walk) -> str:
    iam = walk.client("iam", walk.central.region, walk.credentials)
    try:
        answer = asking(walk, "Listing your MFA devices", iam.list_mfa_devices, UserName=walk.person)
    except Denied as denied:
        raise _denied(walk, denied) from None
    serials = [device["SerialNumber"] for device in answer["MFADevices"]]
    passkeys = [serial for serial in serials if ":u2f/" in serial]
    usable = [serial for serial in serials if serial not in passkeys]
    enrol = "Enrol an authenticator app: console, Security credentials, Assign MFA device, Authenticator app"
    if not serials:
        first = (
            " Before that an administrator marks you as new: aws iam tag-user (docs/people.md)."
            if walk.central.strict_onboarding
            else ""
        )
        raise Trouble(
            "There is no MFA device, and without one nearly everything is refused.",
            f"{enrol}; docs/people.md has the commands for it.{first}",
        )
    if not usable:
        raise Trouble(
            f"There are only passkeys or security keys ({', '.join(passkeys)}): they sign in to the console, "
            "and the command line cannot use them. It can use the six digits of an authenticator app (TOTP).",
            f"{enrol}, in a console session that you signed in to with the passkey.",
        )
    walk.serial = next((serial for serial in usable if ":mfa/" in serial), usable[0])
    beside = " (and a passkey, which the command line cannot use)" if passkeys else ""
    return f"{walk.serial}{beside}"


def session_with_mfa(walk: Walk) -> str:
    """AWS does not report whether a session was made with MFA. A harmless read shows it: everyone is in a
    group that refuses it without MFA (the settings see to that), and everyone may do it with MFA."""
    if walk.credentials is None or walk.credentials.session_token is None:
        raise Trouble(
            "This is a long-term access key: alone it says nothing of MFA, and nearly everything is refused.",
            walk.session_commands(),
        )
    iam = walk.client("iam", walk.central.region, walk.credentials)
    try:
        asking(walk, "Listing your own keys", iam.list_access_keys, UserName=walk.person)
    except Denied as denied:
        raise _denied(walk, denied) from None
    return "AWS answers what it answers with MFA only (iam:ListAccessKeys of yourself)"


def _denied(walk: Walk, denied: Denied) -> Trouble:
    """What everyone may read about themselves, and this session may not. IAM answers a session of
    GetSessionToken nothing unless it was made with a code (STS API reference, "GetSessionToken")."""
    if "service control policy" in str(denied) or "session policy" in str(denied):
        return Trouble(
            f"A policy that is not this project's refuses. {denied}",
            "Ask the owner of the organisation's service control policies, or the person who gave "
            "you this session.",
        )
    if walk.credentials and walk.credentials.session_token:
        return Trouble(
            "This session was made without an MFA code: AWS refuses what it allows to everyone with one. "
            f"{denied}",
            walk.session_commands(),
        )
    return Trouble(
        str(denied),
        "Everyone may list their own, also without MFA: iam-hardening verify --stack "
        f"{walk.central.stack} (an "
        "administrator) shows what was changed in the account.",
    )


STEPS = (
    Step("AWS credentials", find_credentials),
    Step("whose", whose),
    Step("MFA device", find_device),
    Step("MFA session", session_with_mfa),
)
