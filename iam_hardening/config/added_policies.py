"""Which policies the program adds to those that a stack file spells out, by holder, and under which names.

Below the model, because the rules of a stack file count them against AWS's quotas and keep their names free.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from iam_hardening.aws import naming
from iam_hardening.aws.policies import people, roles
from iam_hardening.aws.policies.documents import Document
from iam_hardening.config.account import Account
from iam_hardening.config.schema import (
    BreakGlassGroup,
    CrossAccountRole,
    Group,
    Instance,
    ProjectConfig,
    is_administrators,
)

ENFORCE_MFA, SELF_SERVICE, ASSUME_ROLES = "enforce-mfa", "self-service", "assume-roles"
# What a group's own attachments are called after the group's name.
GROUP_ATTACHMENTS = (ENFORCE_MFA, SELF_SERVICE, ASSUME_ROLES)


@dataclass(frozen=True, kw_only=True)
class AddedPolicy:
    """One policy that a holder gets without being configured.

    `document` None: not made for this holder, but AWS's own (`is_aws`), or one for the whole account
    (`for_people`). `attachment`: what follows the holder's name in the attachment's resource name.
    """

    name: str
    document: Document | None = None
    is_aws: bool = False
    attachment: str


def for_people(account: Account, *, strict_onboarding: bool) -> dict[str, Document]:
    """The two policies that the account has once, for all its groups of people, by name."""
    partition, account_id = account.partition, account.account_id
    return {
        naming.ENFORCE_MFA_POLICY: people.enforce_mfa(
            partition, account_id, strict_onboarding=strict_onboarding
        ),
        naming.SELF_SERVICE_POLICY: people.self_service(partition, account_id),
    }


def to_group(account: Account, name: str, group: Group) -> list[AddedPolicy]:
    added = []
    if group.enforce_mfa:
        added.append(AddedPolicy(name=naming.ENFORCE_MFA_POLICY, attachment=ENFORCE_MFA))
        # Administrators may do it without.
        if not is_administrators(group):
            added.append(AddedPolicy(name=naming.SELF_SERVICE_POLICY, attachment=SELF_SERVICE))
    if group.may_assume:
        document = people.assume_roles(group.may_assume)
        policy = naming.assume_policy_name(name)
        added.append(AddedPolicy(name=policy, document=document, attachment=ASSUME_ROLES))
    if isinstance(group, BreakGlassGroup):
        no_keys = people.no_own_access_keys(account.partition, account.account_id)
        added.append(_own(naming.BREAK_GLASS_POLICY, no_keys))
    return added


def to_cross_account_role(account: Account, name: str, role: CrossAccountRole) -> list[AddedPolicy]:
    if not role.deny_secrets:
        return []
    return [_own(naming.no_secrets_policy_name(name), roles.deny_secrets(account.partition))]


def to_instance(account: Account, instance: Instance) -> list[AddedPolicy]:
    added = []
    if instance.session_manager:
        managed = naming.SESSION_MANAGER_POLICY
        added.append(AddedPolicy(name=managed, is_aws=True, attachment=managed))
    if instance.session_preferences:
        log_group = naming.log_group_arn(
            account.partition, account.region, account.account_id, instance.session_preferences.log_group
        )
        added.append(_own(naming.SESSION_LOG_POLICY, roles.write_session_logs(log_group)))
    return added


def _own(name: str, document: Document) -> AddedPolicy:
    return AddedPolicy(name=name, document=document, attachment=name)


def reserved_names(config: ProjectConfig) -> Iterator[str]:
    """The names of this account's policies that are the program's own: no configured policy may have one."""
    yield from (
        naming.ENFORCE_MFA_POLICY,
        naming.SELF_SERVICE_POLICY,
        naming.VAULT_BOUNDARY_POLICY,
        naming.BREAK_GLASS_POLICY,
    )
    yield from map(naming.assume_policy_name, config.groups)
    yield from (
        naming.no_secrets_policy_name(name)
        for name, role in config.cross_account_roles.items()
        if role.deny_secrets
    )
    if config.vault:
        yield config.vault.principal_name
        yield from (
            naming.vault_aws_role_name(config.vault.mount, name)
            for name, role in config.vault.roles.items()
            if role.is_session
        )
    if config.vault_server:
        yield config.vault_server.name
    if config.instance and config.instance.session_preferences:
        yield naming.SESSION_LOG_POLICY
