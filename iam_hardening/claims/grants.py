"""What an identity is meant to be able to do, worked out from the settings alone.

It knows action and resource patterns, the account that a resource has to be in (`StringEquals` on
`aws:ResourceAccount`), and the AWS-managed policies in the table below as far as the probes reach (s3, iam,
ec2). It does not evaluate other conditions: where such a statement or an unknown managed policy could matter,
nothing is claimed, and the rehearsal says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from iam_hardening.aws import naming
from iam_hardening.claims.claim import ALLOWED, REFUSED
from iam_hardening.config import Permissions, Statement

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
    # The accounts that the resource has to be in; None: any.
    accounts: frozenset[str] | None = None
    # Has a condition that is not evaluated.
    conditional: bool = False
    # All but these, instead of the others.
    not_actions: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()

    def covers(self, action: str, resource: str) -> bool:
        actions, resources = self.not_actions or self.actions, self.not_resources or self.resources
        by_action = any(fnmatchcase(action.lower(), pattern.lower()) for pattern in actions)
        by_resource = any(fnmatchcase(resource, pattern) for pattern in resources)
        return by_action != bool(self.not_actions) and by_resource != bool(self.not_resources)

    def applies(self, owner: str | None) -> bool | None:
        """Whether its conditions hold for a resource in the account `owner`; None: not known."""
        if self.accounts is not None:
            if owner is None:
                return None
            if owner not in self.accounts:
                return False
        return None if self.conditional else True


@dataclass(frozen=True)
class Grants:
    """`unknown_policies` are managed policies that the table does not know: what they add is not claimed.
    `boundary` is the most that can come of it."""

    grants: tuple[_Grant, ...]
    unknown_policies: tuple[str, ...]
    boundary: "Grants | None" = None

    def verdict(self, action: str, resource: str, *, owner: str | None = None) -> str | None:
        """`allowed`, `refused`, or None where the settings alone do not tell. `owner` is the ID of the
        account that a resource is in whose ARN does not say so."""
        owner = naming.account_of(resource) or owner
        granted = self._without_boundary(action, resource, owner)
        limit = self.boundary.verdict(action, resource, owner=owner) if self.boundary else ALLOWED
        if REFUSED in (granted, limit):
            return REFUSED
        return granted if limit == ALLOWED else None

    def is_outside_boundary(self, action: str, resource: str, *, owner: str | None = None) -> bool:
        return self.boundary is not None and self.boundary.verdict(action, resource, owner=owner) == REFUSED

    def _without_boundary(self, action: str, resource: str, owner: str | None) -> str | None:
        covering = [(grant, grant.applies(owner)) for grant in self.grants if grant.covers(action, resource)]
        if any(grant.effect == "Deny" and applies for grant, applies in covering):
            return REFUSED
        if any(applies is None for _, applies in covering):
            return None
        if any(applies for _, applies in covering):
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
    known = [_Grant("Allow", _MANAGED[name], ("*",)) for name in names if name in _MANAGED]
    return Grants(
        (*known, *map(_spelled_out, written)),
        tuple(name for name in names if name not in _MANAGED),
        grants_of(managed_policies=[boundary]) if boundary else None,
    )


def _spelled_out(statement: Statement) -> _Grant:
    accounts = resource_accounts(statement)
    others = sum(len(keys) for keys in statement.conditions.values()) - (accounts is not None)
    # What a variable stands for is not in the file either.
    others += sum("${" in resource for resource in statement.not_resources)
    return _Grant(
        statement.effect,
        tuple(statement.actions),
        tuple(statement.resources),
        accounts=accounts,
        conditional=others > 0,
        not_actions=tuple(statement.not_actions),
        not_resources=tuple(statement.not_resources),
    )


def resource_accounts(statement: Statement) -> frozenset[str] | None:
    """The accounts that the statement asks its resources to be in; None where it does not ask."""
    for key, value in statement.conditions.get("StringEquals", {}).items():
        if key.lower() == "aws:resourceaccount":
            return frozenset([value] if isinstance(value, str) else value)
    return None
