"""What an identity is meant to be able to do, worked out from the settings alone.

It knows action and resource patterns, and the AWS-managed policies in the table below as far as the probes
reach (s3, iam, ec2). It does not evaluate conditions: where a conditional statement or an unknown managed
policy could matter, nothing is claimed, and the rehearsal says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from access.claims import ALLOWED, REFUSED
from settings import Permissions, Statement

# Only what these policies say about the probes' services. Source: AWS Managed Policy Reference Guide.
_MANAGED: dict[str, tuple[str, ...]] = {
    "AdministratorAccess": ("*",),
    "AWSSupportAccess": ("support:*",),
    "AmazonEC2FullAccess": ("ec2:*",),
    "AmazonEC2ReadOnlyAccess": ("ec2:Describe*", "ec2:GetSecurityGroupsForVpc"),
    "AmazonSSMManagedInstanceCore": (),
    "AmazonS3FullAccess": ("s3:*",),
    "AmazonS3ReadOnlyAccess": ("s3:Get*", "s3:List*", "s3:Describe*"),
    "IAMReadOnlyAccess": ("iam:Get*", "iam:List*"),
    "ReadOnlyAccess": ("s3:Get*", "s3:List*", "iam:Get*", "iam:List*", "ec2:Describe*"),
    "SecurityAudit": ("s3:ListAllMyBuckets", "s3:GetBucket*", "iam:Get*", "iam:List*", "ec2:Describe*"),
}
# All of them at the path `/`.
KNOWN_POLICIES = frozenset(_MANAGED)


@dataclass(frozen=True)
class _Grant:
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditional: bool

    def covers(self, action: str, resource: str) -> bool:
        return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in self.actions) and any(
            fnmatchcase(resource, pattern) for pattern in self.resources
        )


@dataclass(frozen=True)
class Grants:
    """`unknown_policies` are managed policies that the table does not know: what they add is not claimed.
    `boundary` is the most that can come of it."""

    grants: tuple[_Grant, ...]
    unknown_policies: tuple[str, ...]
    boundary: "Grants | None" = None

    def verdict(self, action: str, resource: str) -> str | None:
        """`allowed`, `refused`, or None where the settings alone do not tell."""
        granted = self._without_boundary(action, resource)
        limit = self.boundary.verdict(action, resource) if self.boundary else ALLOWED
        if REFUSED in (granted, limit):
            return REFUSED
        return granted if limit == ALLOWED else None

    def is_outside_boundary(self, action: str, resource: str) -> bool:
        return self.boundary is not None and self.boundary.verdict(action, resource) == REFUSED

    def _without_boundary(self, action: str, resource: str) -> str | None:
        covering = [grant for grant in self.grants if grant.covers(action, resource)]
        if any(grant.effect == "Deny" and not grant.conditional for grant in covering):
            return REFUSED
        if any(grant.conditional for grant in covering):
            return None
        if covering:
            return ALLOWED
        return None if self.unknown_policies else REFUSED


def grants_of(
    permissions: Iterable[Permissions] = (),
    *,
    managed_policies: Sequence[str] = (),
    statements: Sequence[Statement] = (),
    boundary: str | None = None,
) -> Grants:
    """All that these hold together: a person's groups, a role, an instance, or a Vault role's policies.
    `boundary` is the name or ARN of the managed policy that limits it."""
    holders = list(permissions)
    managed = [*managed_policies, *(policy for holder in holders for policy in holder.managed_policies)]
    written = [
        *statements,
        *(s for holder in holders for policy in holder.policies.values() for s in policy),
    ]
    names = [policy.rsplit("/", 1)[-1] for policy in managed]
    known = [_Grant("Allow", _MANAGED[name], ("*",), False) for name in names if name in _MANAGED]
    spelled_out = [
        _Grant(s.effect, tuple(s.actions), tuple(s.resources), bool(s.conditions)) for s in written
    ]
    return Grants(
        (*known, *spelled_out),
        tuple(name for name in names if name not in _MANAGED),
        grants_of(managed_policies=[boundary]) if boundary else None,
    )
