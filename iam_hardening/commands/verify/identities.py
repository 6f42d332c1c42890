"""Who has which policies, in which groups people are, and which principals roles trust: exactly what the
file says.

Everything comes from one call, `iam:GetAccountAuthorizationDetails`, so that it is a picture of one moment;
what that call leaves out of roles is asked for role by role.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from iam_hardening.aws.naming import revocation_policy_name
from iam_hardening.aws.policies.compare import canonical, difference, without_aws_paths
from iam_hardening.claims.findings import MISSING, Findings
from iam_hardening.clients import account_facts
from iam_hardening.clients.reads import answer_of
from iam_hardening.clients.revocations import Revoked, moment_of
from iam_hardening.config import Settings
from iam_hardening.model import desired_state
from iam_hardening.model.identities import Identity, Kind, PolicyName

_DETAILS = {"user": "UserDetailList", "group": "GroupDetailList", "role": "RoleDetailList"}
_NAMES = {"user": "UserName", "group": "GroupName", "role": "RoleName"}
_INLINE = {"user": "UserPolicyList", "group": "GroupPolicyList", "role": "RolePolicyList"}
_SAME = "as the stack file says"


@dataclass(frozen=True, kw_only=True)
class Live:
    """All that IAM holds. `records`: kind → name → AWS's record of it; `policies`: the account's own."""

    records: Mapping[Kind, Mapping[str, dict[str, Any]]]
    policies: Mapping[str, dict[str, Any]]

    def attached(self, kind: Kind, name: str) -> set[PolicyName]:
        record = self.records[kind][name]
        return {PolicyName.of_arn(each["PolicyArn"]) for each in record.get("AttachedManagedPolicies", [])}

    def members(self, group: str) -> set[str]:
        return {name for name, user in self.records["user"].items() if group in user.get("GroupList", [])}

    def document(self, policy: str) -> Mapping[str, Any]:
        versions = self.policies[policy]["PolicyVersionList"]
        document: Mapping[str, Any] = next(v["Document"] for v in versions if v["IsDefaultVersion"])
        return document

    def documents(self) -> dict[str, Mapping[str, Any]]:
        """The account's own policies by ARN."""
        return {record["Arn"]: self.document(name) for name, record in self.policies.items()}


def read(iam: Any) -> Live:
    """Raises NotAllowed."""

    def pages() -> list[dict[str, Any]]:
        wanted = ["User", "Group", "Role", "LocalManagedPolicy"]
        return list(iam.get_paginator("get_account_authorization_details").paginate(Filter=wanted))

    found = answer_of("iam:GetAccountAuthorizationDetails", pages) or []

    def all_of(kind: Kind) -> dict[str, dict[str, Any]]:
        return {each[_NAMES[kind]]: each for page in found for each in page.get(_DETAILS[kind], [])}

    return Live(
        records={"user": all_of("user"), "group": all_of("group"), "role": all_of("role")},
        policies={each["PolicyName"]: each for page in found for each in page.get("Policies", [])},
    )


def check(
    findings: Findings, account: Settings, iam: Any, live: Live, instance_arn: str | None = None
) -> None:
    desired = desired_state.of(account, instance_arn)
    for identity in desired.identities:
        check_identity(findings, iam, live, identity)
    for name, document in desired.policies.items():
        check_document(findings, live, name, document)


def check_identity(findings: Findings, iam: Any, live: Live, identity: Identity) -> None:
    what = f"{identity.kind} {identity.name}"
    record = live.records[identity.kind].get(identity.name)
    if record is None:
        findings.compare(
            what, "exists", "yes", MISSING, "the stack makes it" if identity.is_made else "Vault runs on it"
        )
        return
    if not identity.is_made:
        findings.compare(
            what,
            "policies of the stack",
            identity.attached,
            identity.attached & live.attached(identity.kind, identity.name),
            "without them Vault cannot do its work; what else the role has is not the stack's",
        )
        return
    findings.compare(
        what,
        "attached policies",
        identity.attached,
        live.attached(identity.kind, identity.name) - _revocation(findings, live, identity),
        "no one reviewed what is attached by hand; a missing policy locks people out or lets them in",
    )
    findings.compare(
        what,
        "inline policies",
        identity.inline,
        [each["PolicyName"] for each in record.get(_INLINE[identity.kind], [])],
        "the stack writes customer-managed policies only",
    )
    if identity.kind == "group":
        _members(findings, live, identity)
    elif identity.kind == "user":
        _user(findings, what, record, identity)
    else:
        _role(findings, iam, what, record, identity)


def _revocation(findings: Findings, live: Live, identity: Identity) -> set[PolicyName]:
    """The denial that `iam-hardening revoke-sessions` or `iam-hardening jit revoke` put on a role: reported,
    and no difference."""
    if identity.kind != "role":
        return set()
    name = revocation_policy_name(identity.name)
    moment = moment_of(live.document(name)) if name in live.policies else None
    if moment is None or PolicyName.own(name) not in live.attached("role", identity.name):
        return set()
    revoked = Revoked(moment=moment)
    findings.notes.append(
        f"role {identity.name}: sessions issued before {revoked.moment:%Y-%m-%d %H:%M:%S} UTC were ended by "
        f"hand; none can be alive after {revoked.ended:%Y-%m-%d %H:%M:%S} UTC, and --lift takes the "
        "denial away then (docs/cross-account.md)"
    )
    return {PolicyName.own(name)}


def _members(findings: Findings, live: Live, identity: Identity) -> None:
    if identity.members is not None:
        findings.compare(
            f"group {identity.name}",
            "members",
            identity.members,
            live.members(identity.name),
            "members of the group have its permissions",
        )


def _user(findings: Findings, what: str, record: Mapping[str, Any], identity: Identity) -> None:
    if identity.groups is not None:
        findings.compare(
            what,
            "groups",
            identity.groups,
            record.get("GroupList", []),
            "people have rights, and the denial without MFA, through groups",
        )
    findings.compare(what, "path", identity.path, record["Path"], "policies and boundaries go by the path")
    _boundary(findings, what, record, identity)


def _role(findings: Findings, iam: Any, what: str, record: Mapping[str, Any], identity: Identity) -> None:
    if identity.trust is not None:
        trusted = record["AssumeRolePolicyDocument"]
        findings.compare(
            what,
            "trust policy",
            _SAME,
            _SAME if canonical(trusted) == canonical(identity.trust) else difference(identity.trust, trusted),
            "it decides who has access, and whether with MFA",
        )
    _boundary(findings, what, record, identity)
    if identity.max_session_seconds is not None:
        role = answer_of("iam:GetRole", iam.get_role, RoleName=identity.name)
        found = role["Role"].get("MaxSessionDuration", 3600) if role else MISSING
        findings.compare(
            what,
            "longest session",
            f"{identity.max_session_seconds} s",
            f"{found} s",
            "a session outlives a right",
        )


def _boundary(findings: Findings, what: str, record: Mapping[str, Any], identity: Identity) -> None:
    arn = record.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    findings.compare(
        what,
        "permissions boundary",
        [identity.boundary] if identity.boundary else (),
        [PolicyName.of_arn(arn)] if arn else (),
        "the most that any policy can give",
    )


def check_document(findings: Findings, live: Live, name: str, document: Mapping[str, Any]) -> None:
    what = f"policy {name}"
    if name not in live.policies:
        findings.compare(what, "document", _SAME, MISSING, "the stack makes it")
        return
    document, found = without_aws_paths(document), without_aws_paths(live.document(name))
    same = canonical(found) == canonical(document)
    findings.compare(
        what,
        "document",
        _SAME,
        _SAME if same else difference(document, found),
        "its default version is what counts",
    )


def find_strangers(
    findings: Findings, account: Settings, iam: Any, live: Live, estate: Collection[str]
) -> None:
    """Who and what is not this stack's, and has access: reported, not judged."""
    facts = account_facts.collect(account, iam, live.records, live.documents(), estate)
    findings.strangers += facts.found
    findings.unchecked += [f"Not this stack's: it takes {action}" for action in facts.unread]
