"""What a stack file says is in its account: groups, people and roles, with their policies and their trust.

Worked out from the settings alone, for whoever compares an account with it. Policies are told apart by owner
(AWS, or this account) and name, as their ARNs cannot be known without asking AWS for the path.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies import people as people_policies
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.aws.policies import vault as vault_policies
from iam_hardening.aws.policies import vault_server as vault_server_policies
from iam_hardening.aws.policies.documents import Document
from iam_hardening.config import Permissions, Settings, trust
from iam_hardening.model import vault_boundary

Kind = Literal["group", "user", "role"]


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
class Identity:
    """One group, user or role as it should be. None means that the stack file says nothing of it."""

    kind: Kind
    name: str
    attached: frozenset[PolicyName]
    # Of a group.
    members: frozenset[str] | None = None
    # Of a user.
    groups: frozenset[str] | None = None
    path: str = "/"
    # Of a role.
    trust: Document | None = None
    max_session_seconds: int | None = None
    boundary: PolicyName | None = None


def identities(account: Settings) -> Iterator[Identity]:
    yield from _groups(account)
    yield from _people(account)
    for name, role in account.cross_account_roles.items():
        boundary = role.permissions_boundary
        yield Identity(
            kind="role",
            name=name,
            attached=_attached(role) | _denial_of_secrets(name, role),
            trust=trust.of_cross_account_role(account, role),
            max_session_seconds=role.max_session_duration,
            boundary=PolicyName.configured(boundary) if boundary else None,
        )
    if account.instance:
        extra = set()
        if account.instance.session_manager:
            extra.add(PolicyName(naming.SESSION_MANAGER_POLICY, True))
        if account.instance.session_preferences:
            extra.add(PolicyName.own(naming.SESSION_LOG_POLICY))
        yield Identity(
            kind="role",
            name=account.instance.role_name,
            attached=_attached(account.instance) | extra,
            trust=roles_policies.trust_ec2(account.partition),
        )
    if account.vault_server:
        own = {PolicyName.own(account.vault_server.name)}
        if account.vault and account.vault.runs_on_role == account.vault_server.name:
            own.add(PolicyName.own(account.vault.principal_name))
        yield Identity(
            kind="role",
            name=account.vault_server.name,
            attached=frozenset(own),
            trust=roles_policies.trust_ec2(account.partition),
        )
    if account.vault:
        yield from _of_vault(account, account.vault)


def _of_vault(account: Settings, vault: config.Vault) -> Iterator[Identity]:
    """Vault's principal, and the roles whose sessions it hands out."""
    if vault.runs_on_role is None:
        yield Identity(
            kind="user",
            name=vault.principal_name,
            attached=frozenset({PolicyName.own(vault.principal_name)}),
            groups=frozenset(),
        )
    for name, role in vault.roles.items():
        if role.credential_type != "assumed_role":
            continue
        aws_name = naming.vault_aws_role_name(vault.mount, name)
        own = {PolicyName.own(aws_name)} if role.statements or role.debug_instance else set()
        yield Identity(
            kind="role",
            name=aws_name,
            attached=frozenset({*map(PolicyName.configured, role.managed_policies), *own}),
            trust=vault_policies.trust_vault(
                vault.principal_arn(account.partition, account.account_id),
                external_id=role.external_id,
                session_tags=role.session_tags,
            ),
            max_session_seconds=max(session_seconds(vault, role), naming.SHORTEST_MAX_SESSION_SECONDS),
            boundary=PolicyName.own(naming.VAULT_BOUNDARY_POLICY),
        )


def session_seconds(vault: config.Vault, role: config.VaultRole) -> int:
    """Of a role whose credentials are sessions of an IAM role."""
    return role.ttl or vault.default_lease_ttl


def vault_role_document(role: config.VaultRole, instance_arn: str | None) -> Document | None:
    """What the stack file lets a role's holders do, beside its managed policies; None: nothing.

    `instance_arn`: the stack's instance, of which the file does not know the ID.
    """
    statements = [statement.document() for statement in role.statements]
    if role.debug_instance and instance_arn:
        statements += roles_policies.debug_instance(instance_arn)
    return roles_policies.configured(statements) if statements else None


def _groups(account: Settings) -> Iterator[Identity]:
    for name, group in account.groups.items():
        attached = set(_attached(group))
        if group.enforce_mfa:
            attached.add(PolicyName.own(naming.ENFORCE_MFA_POLICY))
            if not config.is_administrators(group):
                attached.add(PolicyName.own(naming.SELF_SERVICE_POLICY))
        if group.may_assume:
            attached.add(PolicyName.own(naming.assume_policy_name(name)))
        if account.break_glass and name == naming.BREAK_GLASS_GROUP:
            attached.add(PolicyName.own(naming.BREAK_GLASS_POLICY))
        members = frozenset(person for person, user in account.users.items() if name in user.groups)
        yield Identity(kind="group", name=name, attached=frozenset(attached), members=members)


def _people(account: Settings) -> Iterator[Identity]:
    for name, user in account.users.items():
        yield Identity(
            kind="user", name=name, attached=frozenset(), groups=frozenset(user.groups), path=user.path
        )


def _denial_of_secrets(name: str, role: config.CrossAccountRole) -> frozenset[PolicyName]:
    return frozenset({PolicyName.own(naming.no_secrets_policy_name(name))} if role.deny_secrets else ())


def _attached(permissions: Permissions) -> frozenset[PolicyName]:
    managed = {PolicyName.configured(policy) for policy in permissions.managed_policies}
    return frozenset(managed | {PolicyName.own(name) for name in permissions.policies})


def documents(account: Settings, instance_arn: str | None = None) -> Mapping[str, Document]:
    """The customer-managed policies that the stack makes for people, roles, the instance and Vault, by name.

    `instance_arn`: of the stack's instance, for what Vault hands out to debug it.
    """
    made: dict[str, Document] = {}
    if account.is_central:
        made[naming.ENFORCE_MFA_POLICY] = people_policies.enforce_mfa(
            account.partition, account.account_id, strict_onboarding=account.strict_onboarding
        )
        made[naming.SELF_SERVICE_POLICY] = people_policies.self_service(account.partition, account.account_id)
    if account.break_glass:
        made[naming.BREAK_GLASS_POLICY] = people_policies.no_own_access_keys(
            account.partition, account.account_id
        )
    for name, group in account.groups.items():
        if group.may_assume:
            made[naming.assume_policy_name(name)] = people_policies.assume_roles(group.may_assume)
    holders: list[Permissions] = [*account.groups.values(), *account.cross_account_roles.values()]
    holders += [account.instance] if account.instance else []
    for name, role in account.cross_account_roles.items():
        if role.deny_secrets:
            made[naming.no_secrets_policy_name(name)] = roles_policies.deny_secrets(account.partition)
    for holder in holders:
        for name, statements in holder.policies.items():
            made[name] = roles_policies.configured([statement.document() for statement in statements])
    if account.instance and account.instance.session_preferences:
        log_group = account.instance.session_preferences.log_group
        made[naming.SESSION_LOG_POLICY] = roles_policies.write_session_logs(
            naming.log_group_arn(account.partition, account.region, account.account_id, log_group)
        )
    if account.vault_server:
        server = account.vault_server
        made[server.name] = vault_server_policies.vault_storage(
            naming.table_arn(account.partition, account.region, account.account_id, server.table)
        )
    if account.vault:
        made |= _documents_of_vault(account, account.vault, instance_arn)
    return made


def _documents_of_vault(
    account: Settings, vault: config.Vault, instance_arn: str | None
) -> dict[str, Document]:
    partition, account_id = account.partition, account.account_id
    sessions = {n: role for n, role in vault.roles.items() if role.credential_type == "assumed_role"}
    issued = [role for name, role in vault.roles.items() if name not in sessions]

    def arns_of(names: Iterable[str]) -> list[str]:
        aws_names = (naming.vault_aws_role_name(vault.mount, name) for name in names)
        return [naming.role_arn(partition, account_id, name) for name in aws_names]

    managed = {policy for role in issued for policy in role.managed_policies}
    made = {
        naming.VAULT_BOUNDARY_POLICY: vault_boundary.boundary(account, vault),
        vault.principal_name: vault_policies.vault_principal(
            partition,
            account_id,
            boundary_arn=naming.policy_arn(partition, account_id, naming.VAULT_BOUNDARY_POLICY),
            attachable_policy_arns=[
                policy if policy.startswith("arn:") else naming.policy_arn(partition, "aws", policy)
                for policy in managed
            ],
            issues_users=not vault.roles or bool(issued),
            assumable_role_arns=arns_of(sessions),
            taggable_role_arns=arns_of(name for name, role in sessions.items() if role.session_tags),
            group_arns=[
                naming.group_arn(partition, account_id, group)
                for group in sorted({group for role in vault.roles.values() for group in role.groups})
            ],
        ),
    }
    for name, role in sessions.items():
        document = vault_role_document(role, instance_arn)
        if document:
            made[naming.vault_aws_role_name(vault.mount, name)] = document
    return made
