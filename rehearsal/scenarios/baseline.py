"""Before and after: the same probes in an account to which nothing was deployed, and in the stacks' own.

Nothing is claimed here. What an untouched account lets happen is what the emulated AWS does for one, which is
meant to be what AWS does (docs/emulator.md). Every probe takes away again what it made.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from iam_hardening.aws.naming import ADMINISTRATOR_ACCESS, bucket_objects_arn, iam_arn
from iam_hardening.claims.claim import ALLOWED, attempt
from iam_hardening.clients.aws import Credentials, Session
from rehearsal.probes import bucket_place
from rehearsal.scenarios.account_defaults import launched_without_a_word
from rehearsal.testbed import Testbed

UNTOUCHED = "untouched account"
# Long enough for AWS's own rule where an account has no policy: 8 characters of three kinds.
_SHORT_PASSWORD = "Passw0rd"
_THIEF, _OTHER = "rehearsal-stolen-key", "rehearsal-somebody-else"


@dataclass(frozen=True, kw_only=True)
class Place:
    """`administrators` are the groups that hold AdministratorAccess; None where people are not made at all.
    In an untouched account there are none, and an administrator holds the policy in person."""

    admin: Session
    partition: str
    administrators: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Probe:
    """`look` says in a few words what it found, or None where there is nothing to look at."""

    what: str
    reason: str
    look: Callable[[Place], str | None]


def compare(testbed: Testbed) -> list[dict[str, Any]]:
    """Each probe with what it found, account by account."""
    own = [account.settings for account in testbed.accounts.values()]
    places = {
        UNTOUCHED: Place(
            admin=testbed.stranger.in_region(own[0].region), partition=own[0].partition, administrators=()
        )
    }
    for name, account in testbed.accounts.items():
        groups = [
            group
            for group, held in account.settings.groups.items()
            if ADMINISTRATOR_ACCESS in held.managed_policies
        ]
        places[name] = Place(
            admin=account.admin,
            partition=account.settings.partition,
            administrators=tuple(groups) or None,
        )
    return probe_all(places)


def probe_all(places: dict[str, Place]) -> list[dict[str, Any]]:
    compared = []
    for probe in _PROBES:
        looked = {name: probe.look(place) for name, place in places.items()}
        found = {name: text for name, text in looked.items() if text is not None}
        compared.append({"what": probe.what, "reason": probe.reason, "found": found})
    return compared


def _password_policy(place: Place) -> str:
    iam = place.admin.client("iam")
    try:
        policy = iam.get_account_password_policy()["PasswordPolicy"]
    except iam.exceptions.NoSuchEntityException:
        return "none"
    reuse = policy.get("PasswordReusePrevention")
    return f"{policy['MinimumPasswordLength']} characters, " + (
        f"none of the last {reuse}" if reuse else "old ones may come back"
    )


def _short_password(place: Place) -> str:
    with _somebody(place, _OTHER):
        iam = place.admin.client("iam")
        made = attempt(lambda: iam.create_login_profile(UserName=_OTHER, Password=_SHORT_PASSWORD))
        if made.found == ALLOWED:
            iam.delete_login_profile(UserName=_OTHER)
    return made.found


def _with_stolen_key(call: Callable[[Any], Any]) -> Callable[[Place], str | None]:
    """`call` gets the IAM client of an administrator's access key, in no MFA session."""

    def look(place: Place) -> str | None:
        if place.administrators is None:
            return None
        with _somebody(place, _OTHER), _stolen_key(place, place.administrators) as thief:
            return attempt(lambda: call(thief.client("iam"))).found

    return look


@contextmanager
def _stolen_key(place: Place, groups: Sequence[str]) -> Iterator[Session]:
    iam = place.admin.client("iam")
    everything = iam_arn(place.partition, "aws", f"policy/{ADMINISTRATOR_ACCESS}")
    with _somebody(place, _THIEF):
        for group in groups:
            iam.add_user_to_group(GroupName=group, UserName=_THIEF)
        if not groups:
            iam.attach_user_policy(UserName=_THIEF, PolicyArn=everything)
        try:
            key = iam.create_access_key(UserName=_THIEF)["AccessKey"]
            yield place.admin.with_credentials(Credentials.of(key))
        finally:
            for group in groups:
                iam.remove_user_from_group(GroupName=group, UserName=_THIEF)
            if not groups:
                iam.detach_user_policy(UserName=_THIEF, PolicyArn=everything)


@contextmanager
def _somebody(place: Place, name: str) -> Iterator[None]:
    iam = place.admin.client("iam")
    iam.create_user(UserName=name)
    try:
        yield
    finally:
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=name)


def _volume(place: Place) -> str:
    ec2 = place.admin.client("ec2")
    volume = ec2.create_volume(AvailabilityZone=f"{place.admin.region}a", Size=1)
    ec2.delete_volume(VolumeId=volume["VolumeId"])
    return "encrypted" if volume["Encrypted"] else "not encrypted"


def _metadata(place: Place) -> str:
    with launched_without_a_word(place.admin) as options:
        return "IMDSv2 required" if options["HttpTokens"] == "required" else "IMDSv1 answers"


def _analyzers(place: Place) -> str:
    analyzers = place.admin.client("accessanalyzer").list_analyzers()["analyzers"]
    return ", ".join(f"{each['type'].lower()}: {each['status'].lower()}" for each in analyzers) or "none"


def _public_bucket(place: Place) -> str:
    """A bucket whose own block its owner took away."""
    s3, bucket = place.admin.client("s3"), f"rehearsal-public-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=bucket, **bucket_place(place.admin.region))
    try:
        s3.delete_public_access_block(Bucket=bucket)
        everybody = {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": bucket_objects_arn(place.partition, bucket),
            },
        }
        return attempt(lambda: s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(everybody))).found
    finally:
        s3.delete_bucket(Bucket=bucket)


_PROBES = (
    Probe(what="the account's password policy", reason="iam:GetAccountPasswordPolicy", look=_password_policy),
    Probe(
        what="a person's password of eight characters",
        reason="iam:CreateLoginProfile with a short password",
        look=_short_password,
    ),
    Probe(
        what="an administrator's stolen key lists everyone",
        reason="iam:ListUsers with an access key, without MFA",
        look=_with_stolen_key(lambda iam: iam.list_users()),
    ),
    Probe(
        what="an administrator's stolen key makes a key for someone else",
        reason="iam:CreateAccessKey with an access key, without MFA",
        look=_with_stolen_key(lambda iam: iam.create_access_key(UserName=_OTHER)),
    ),
    Probe(what="a new volume, without a word about encryption", reason="ec2:CreateVolume", look=_volume),
    Probe(what="a new instance, without a word about metadata", reason="ec2:RunInstances", look=_metadata),
    Probe(
        what="an analyzer of what strangers could reach",
        reason="access-analyzer:ListAnalyzers",
        look=_analyzers,
    ),
    Probe(
        what="a bucket's policy that lets everyone read",
        reason="s3:PutBucketPolicy, by an administrator, the bucket's own block taken away",
        look=_public_bucket,
    ),
)
