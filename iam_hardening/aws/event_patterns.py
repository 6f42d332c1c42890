"""What sets an alarm off: EventBridge patterns over CloudTrail's management events, as plain dictionaries.

Pure functions, no Pulumi and no network, as `iam_hardening/aws/policies`. A pattern names every
field it decides on; a field that an event does not have matches nothing but `{"exists": false}`.

Source: EventBridge User Guide, "Creating Amazon EventBridge event patterns" and "Events from AWS services via
AWS CloudTrail"; CloudTrail User Guide, "CloudTrail userIdentity element"; CIS AWS Foundations 5.0, section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from iam_hardening.aws.naming import VAULT_USER_NAME_PREFIX, VAULT_USER_PATH

Pattern = dict[str, Any]

_SIGN_IN = "signin.amazonaws.com"
# Without it EventBridge leaves read-only calls out. Source: EventBridge, "Read-only management events".
_WITH_READ_ONLY_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """`says` begins the message; `regions` are those where it can go off."""

    pattern: Pattern
    says: str
    regions: Sequence[str]
    read_only_events: bool = False

    @property
    def state(self) -> str:
        """Of the rule, as EventBridge names it."""
        return _WITH_READ_ONLY_EVENTS if self.read_only_events else "ENABLED"


def root_activity() -> Pattern:
    """Anything the root user does, by console, key or `aws login`, and nothing that AWS does in its name.

    No `detail-type`, so that API calls, sign-ins and what AWS adds are all seen. What root does in the
    console may be reported as invoked by the sign-in service, which CIS's own filter (4.3) leaves out. As
    which `eventType` AWS reports `aws login` it does not document: everything that the sign-in service
    reports of root counts.
    """
    return {
        "detail": {
            "userIdentity": {"type": ["Root"], "invokedBy": [{"exists": False}, _SIGN_IN]},
            "$or": [{"eventType": [{"anything-but": "AwsServiceEvent"}]}, {"eventSource": [_SIGN_IN]}],
        }
    }


def sign_in_without_mfa() -> Pattern:
    """An IAM user in the console without MFA. Root is another alarm; federated people prove MFA elsewhere."""
    return {
        "detail-type": ["AWS Console Sign In via CloudTrail"],
        "detail": {
            "eventName": ["ConsoleLogin"],
            "userIdentity": {"type": ["IAMUser"]},
            "responseElements": {"ConsoleLogin": ["Success"]},
            "additionalEventData": {"MFAUsed": [{"anything-but": "Yes"}]},
        },
    }


def iam_changes(expected_arns: Sequence[str]) -> Pattern:
    """Every change of IAM by anyone but users and roles who are expected to make some.

    A role is known by the issuer of its session, which users do not have. What AWS does for itself carries no
    ARN, and is no change by anyone.
    """
    return {"source": ["aws.iam"], "detail": {"readOnly": [False], **_by_anybody_but(expected_arns)}}


def break_glass_use(user_name: str) -> Pattern:
    """Anything that the break-glass user does or tries, its failed sign-ins included."""
    return {"detail": {"userIdentity": {"type": ["IAMUser"], "userName": [user_name]}}}


def vault_users_touched(vault_principal_arn: str) -> Pattern:
    """A change of the users that Vault issued, or of Vault's own principal, by anyone but Vault.

    Only CreateUser carries the path; the other calls carry the name, which Vault begins with its prefix. Its
    own principal may be called otherwise.
    """
    principal_name = vault_principal_arn.rsplit("/", 1)[-1]
    return {
        "source": ["aws.iam"],
        "detail": {
            "readOnly": [False],
            **_by_anybody_but([vault_principal_arn]),
            "$or": [
                {"requestParameters": {"userName": [{"prefix": VAULT_USER_NAME_PREFIX}, principal_name]}},
                {"requestParameters": {"path": [{"prefix": VAULT_USER_PATH}]}},
            ],
        },
    }


def key_changes() -> Pattern:
    """Replacing a KMS key's policy, disabling a key or scheduling its deletion, or an attempt at it.

    The expected ones too: it happens rarely, and without its key a Vault, a trail or a topic is mute.
    """
    names = ["DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion"]
    return {"source": ["aws.kms"], "detail": {"eventName": names}}


def _by_anybody_but(arns: Sequence[str]) -> dict[str, Any]:
    users = sorted(arn for arn in arns if ":user/" in arn)
    roles = sorted(arn for arn in arns if ":role/" in arn)
    identity: dict[str, Any] = {"arn": [{"anything-but": users}] if users else [{"exists": True}]}
    if roles:
        issuer = {"arn": [{"anything-but": roles}, {"exists": False}]}
        identity["sessionContext"] = {"sessionIssuer": issuer}
    return {"userIdentity": identity}
