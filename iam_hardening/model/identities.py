"""Who an account is to hold: groups, people and roles, with policies, trust, boundaries and log-ins.

Worked out from the settings alone, for every command that compares an account with it. Policies are
distinguished by owner (AWS, or this account) and name, as their ARNs cannot be known without asking AWS for
the path. Users that Vault issues come and go: `iam_hardening/model/vault.py` says of which kinds they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies.documents import Document
from iam_hardening.config import Account, Permissions, Settings, added_policies, trust
from iam_hardening.config.added_policies import AddedPolicy
from iam_hardening.model import vault as vault_model

Kind = Literal["group", "user", "role"]

# Longer than any preset's minimum; the provider draws it at random from all character classes.
_INITIAL_PASSWORD_LENGTH = 24
# Groups and roles, and Vault's user, outside the path of those that Vault issues.
ROOT_PATH = "/"


@dataclass(frozen=True, order=True)
class PolicyName:
    """A managed policy: AWS's own, or one of this account."""

    name: str
    is_aws: bool

    def __str__(self) -> str:
        return self.name if self.is_aws else f"{self.name} (own)"

    @classmethod
    def of_arn(cls, arn: str) -> "PolicyName":
        return cls(name=arn.rsplit("/", 1)[-1], is_aws=naming.account_of(arn) == "aws")

    @classmethod
    def configured(cls, name_or_arn: str) -> "PolicyName":
        """As a stack file writes it: a bare name is a policy of AWS."""
        return cls.of_arn(name_or_arn) if name_or_arn.startswith("arn:") else cls(name_or_arn, True)

    @classmethod
    def own(cls, name: str) -> "PolicyName":
        return cls(name=name, is_aws=False)


@dataclass(frozen=True, kw_only=True)
class LogIn:
    """A person's console password, as it is first set: drawn at random, and to be changed at once.

    `pgp_key`: what encrypts it; None: it is a secret of the stack.
    """

    password_length: int
    pgp_key: str | None
    must_be_reset: bool = True


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One group, user or role as it should be. None means that the stack file says nothing of it.

    `is_made` False: it is there without the stack, which only attaches these policies to it.
    """

    kind: Kind
    name: str
    attached: frozenset[PolicyName]
    is_made: bool = True
    path: str = ROOT_PATH
    # The stack writes managed policies only.
    inline: frozenset[str] = frozenset()
    boundary: PolicyName | None = None
    # Of a group.
    members: frozenset[str] | None = None
    # Of a user.
    groups: frozenset[str] | None = None
    log_in: LogIn | None = None
    has_access_key: bool = False
    # Of a role.
    trust: Document | None = None
    max_session_seconds: int | None = None
    instance_profile: str | None = None
    # An up takes away inline policies that were put on it by hand.
    inline_is_exclusive: bool = False


def identities(settings: Settings) -> Iterator[Identity]:
    yield from _groups(settings)
    yield from _people(settings)
    yield from _cross_account_roles(settings)
    yield from _instance_roles(settings)
    if settings.vault:
        yield from _principal_of_vault(settings, settings.vault)
        yield from _session_roles(settings, settings.vault)


def log_in(user: config.User, password_policy: config.PasswordPolicy) -> LogIn:
    minimum = int(password_policy.values()["minimum_password_length"])
    return LogIn(password_length=max(minimum, _INITIAL_PASSWORD_LENGTH), pgp_key=user.pgp_key)


def _groups(settings: Settings) -> Iterator[Identity]:
    for name, group in settings.groups.items():
        yield Identity(
            kind="group",
            name=name,
            attached=_attached(group, added_policies.to_group(settings, name, group)),
            members=frozenset(person for person, user in settings.users.items() if name in user.groups),
        )


def _people(settings: Settings) -> Iterator[Identity]:
    for name, user in settings.users.items():
        yield Identity(
            kind="user",
            name=name,
            attached=frozenset(),
            groups=frozenset(user.groups),
            path=user.path,
            log_in=log_in(user, settings.password_policy),
        )


def _cross_account_roles(settings: Settings) -> Iterator[Identity]:
    for name, role in settings.cross_account_roles.items():
        boundary = role.permissions_boundary
        yield Identity(
            kind="role",
            name=name,
            attached=_attached(role, added_policies.to_cross_account_role(settings, name, role)),
            trust=trust.of_cross_account_role(settings, role),
            max_session_seconds=role.max_session_duration,
            boundary=PolicyName.configured(boundary) if boundary else None,
            inline_is_exclusive=True,
        )


def _instance_roles(settings: Settings) -> Iterator[Identity]:
    """Of the stack's instance, and of Vault's nodes."""
    if settings.instance:
        instance = settings.instance
        yield Identity(
            kind="role",
            name=instance.role_name,
            attached=_attached(instance, added_policies.to_instance(settings, instance)),
            trust=trust.of_instances(settings),
            instance_profile=instance.profile_name,
        )
    if settings.vault_server:
        name = settings.vault_server.name
        own = {PolicyName.own(name)}
        if settings.vault and settings.own_role_of_vault:
            own.add(PolicyName.own(settings.vault.principal_name))
        yield Identity(
            kind="role",
            name=name,
            attached=frozenset(own),
            trust=trust.of_instances(settings),
            instance_profile=name,
        )


def _principal_of_vault(settings: Settings, vault: config.Vault) -> Iterator[Identity]:
    """Where it is the role of Vault's nodes that this stack makes, it is among the instance roles."""
    attached = frozenset({PolicyName.own(vault.principal_name)})
    if vault.runs_on_role is None:
        yield Identity(
            kind="user", name=vault.principal, attached=attached, groups=frozenset(), has_access_key=True
        )
    elif settings.own_role_of_vault is None:
        yield Identity(kind="role", name=vault.principal, attached=attached, is_made=False)


def _session_roles(account: Account, vault: config.Vault) -> Iterator[Identity]:
    """The roles whose sessions Vault issues."""
    for name, role in vault_model.engine_roles(account, vault).items():
        if role.iam_role is None:
            continue
        own = {PolicyName.own(role.iam_role)} if role.has_document else set()
        yield Identity(
            kind="role",
            name=role.iam_role,
            attached=frozenset({*map(PolicyName.configured, role.managed_policies), *own}),
            trust=trust.of_vault_sessions(trust.vaults_principal_arn(account, vault), vault.roles[name]),
            max_session_seconds=role.max_session_seconds,
            boundary=PolicyName.own(naming.VAULT_BOUNDARY_POLICY),
            inline_is_exclusive=True,
        )


def _attached(permissions: Permissions, added: Sequence[AddedPolicy]) -> frozenset[PolicyName]:
    return frozenset(
        {
            *map(PolicyName.configured, permissions.managed_policies),
            *map(PolicyName.own, permissions.policies),
            *(PolicyName(policy.name, policy.is_aws) for policy in added),
        }
    )
