"""The denial that ends a role's live sessions: put on, found again, taken away.

Temporary credentials cannot be deleted. Like the console's «Revoke sessions» a policy on the role denies
everything to sessions that were issued before a moment. It is a separate managed policy, not the console's
inline one: the stack's roles lose inline policies that are not the stack's with every `up --refresh`, and the
old sessions would work again. It must stay until the last of them has ended: 12 hours, AWS's longest for a
session of a role and for a console session that was made of one.

Source: IAM User Guide, "Revoke IAM role temporary security credentials"; STS, "AssumeRole"; IAM User Guide,
"Enabling custom identity broker access to the AWS console".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from iam_hardening.aws.naming import REVOKE_SESSIONS_POLICY, revocation_policy_name
from iam_hardening.aws.policies import documents
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.clients import operator

LONGEST_SESSION = timedelta(hours=12)
_SECONDS_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# AWS keeps five versions of a policy.
_VERSIONS = 5


@dataclass(frozen=True, kw_only=True)
class Revoked:
    """Sessions issued before `moment` are refused; none of them can be alive after `ended`. `is_inline`: AWS
    allows no more managed policies on the role, so the next `up --refresh` takes the denial away."""

    moment: datetime
    is_inline: bool = False

    @property
    def ended(self) -> datetime:
        return self.moment + LONGEST_SESSION


def revoke(iam: Any, role_name: str) -> Revoked:
    """Raises live.CannotError."""
    found = operator.call(f"Looking at the role {role_name}", iam.get_role, RoleName=role_name)
    # AWS's clock and not ours, and the second after: issue times have no fractions of seconds.
    moment = _now(found).replace(microsecond=0) + timedelta(seconds=1)
    document = documents.render(roles_policies.revoke_older_sessions(moment.strftime(_SECONDS_FORMAT)))
    doing = f"Putting the policy {revocation_policy_name(role_name)} on the role {role_name}"
    arn = _policy_arn(found)
    try:
        _write(iam, role_name, arn, document)
        iam.attach_role_policy(RoleName=role_name, PolicyArn=arn)
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "LimitExceeded":
            raise operator.CannotError(f"{doing} failed: {refusal}") from None
        operator.call(
            f"Putting the policy {REVOKE_SESSIONS_POLICY} on the role {role_name}",
            iam.put_role_policy,
            RoleName=role_name,
            PolicyName=REVOKE_SESSIONS_POLICY,
            PolicyDocument=document,
        )
        return Revoked(moment=moment, is_inline=True)
    return Revoked(moment=moment)


def find(iam: Any, role_name: str) -> tuple[Revoked, datetime] | None:
    """The denial on a role, and AWS's time now; None where there is none. Raises live.CannotError."""
    role = operator.call(f"Looking at the role {role_name}", iam.get_role, RoleName=role_name)
    name, arn = revocation_policy_name(role_name), _policy_arn(role)
    attached = operator.call(
        f"Looking at the policies of {role_name}", iam.list_attached_role_policies, RoleName=role_name
    )["AttachedPolicies"]
    if all(policy["PolicyArn"] != arn for policy in attached):
        return None
    policy = operator.call(f"Looking at the policy {name}", iam.get_policy, PolicyArn=arn)["Policy"]
    version = operator.call(
        f"Looking at the policy {name}",
        iam.get_policy_version,
        PolicyArn=arn,
        VersionId=policy["DefaultVersionId"],
    )["PolicyVersion"]
    moment = moment_of(version["Document"])
    return (Revoked(moment=moment), _now(role)) if moment else None


def lift(iam: Any, role_name: str) -> None:
    """Take the denial away. Raises live.CannotError, and may be run again then."""
    role = operator.call(f"Looking at the role {role_name}", iam.get_role, RoleName=role_name)
    arn, name = _policy_arn(role), revocation_policy_name(role_name)
    operator.call(
        f"Taking the policy {name} off the role", iam.detach_role_policy, RoleName=role_name, PolicyArn=arn
    )
    versions = operator.call(f"Looking at the policy {name}", iam.list_policy_versions, PolicyArn=arn)
    for version in versions["Versions"]:
        if not version["IsDefaultVersion"]:
            operator.call(
                f"Deleting the policy {name}",
                iam.delete_policy_version,
                PolicyArn=arn,
                VersionId=version["VersionId"],
            )
    operator.call(f"Deleting the policy {name}", iam.delete_policy, PolicyArn=arn)


def moment_of(document: Mapping[str, Any]) -> datetime | None:
    """The moment of a document that is the denial and nothing else; None of any other document."""
    statements = document.get("Statement") or []
    statement = statements[0] if isinstance(statements, list) and statements else {}
    text = statement.get("Condition", {}).get("DateLessThan", {}).get("aws:TokenIssueTime", "")
    if not isinstance(text, str) or document != roles_policies.revoke_older_sessions(text):
        return None
    try:
        return datetime.strptime(text, _SECONDS_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def says(revoked: Revoked, lift_command: str) -> str:
    """What a person has to know and do after it."""
    kept = (
        "The role has as many managed policies as AWS allows, so the denial is an inline policy: an up with "
        f"--refresh before {revoked.ended:%Y-%m-%d %H:%M:%S} UTC would take it away, and old sessions would "
        "work again."
        if revoked.is_inline
        else "It stays through every pulumi up until you take it away. No such session is left after "
        f"{revoked.ended:%Y-%m-%d %H:%M:%S} UTC: {lift_command}"
    )
    return (
        f"Sessions issued before {revoked.moment:%Y-%m-%d %H:%M:%S} UTC are refused, and console sessions "
        f"made of them; AWS needs some seconds to know it everywhere.\n{kept}"
    )


def lifting(iam: Any, role_name: str, *, early: bool) -> str:
    """Take the denial away, unless sessions that it ends could still be alive; a sentence that says what was
    done. Raises live.CannotError."""
    found = find(iam, role_name)
    if found is None:
        return f"No sessions of {role_name} are denied by these commands; nothing was changed."
    revoked, now = found
    if now < revoked.ended and not early:
        raise operator.CannotError(
            f"Sessions of {role_name} issued before {revoked.moment:%Y-%m-%d %H:%M:%S} UTC can be alive "
            f"until {revoked.ended:%Y-%m-%d %H:%M:%S} UTC, and would work again. Nothing was changed. Wait "
            "until then, or add --early if they may work again."
        )
    lift(iam, role_name)
    return f"Sessions of {role_name} are no longer denied."


def _write(iam: Any, role_name: str, arn: str, document: str) -> None:
    try:
        iam.create_policy(
            PolicyName=revocation_policy_name(role_name),
            PolicyDocument=document,
            Description=f"Ends sessions of {role_name}; put there by hand",
        )
    except iam.exceptions.EntityAlreadyExistsException:
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        old = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
        if len(versions) >= _VERSIONS:
            iam.delete_policy_version(PolicyArn=arn, VersionId=min(old, key=lambda v: int(v[1:])))
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)


def _policy_arn(role: Mapping[str, Any]) -> str:
    name = role["Role"]["RoleName"]
    account = str(role["Role"]["Arn"]).partition(":role/")[0]
    return f"{account}:policy/{revocation_policy_name(name)}"


def _now(answer: Mapping[str, Any]) -> datetime:
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
