"""The customer-managed policies that a stack makes in its account, by name."""

from collections.abc import Iterator

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies import vault_server
from iam_hardening.aws.policies.documents import Document
from iam_hardening.config import Settings, added_policies, vault_principal
from iam_hardening.config.added_policies import AddedPolicy
from iam_hardening.model import vault as vault_model
from iam_hardening.model import vault_boundary


def documents(settings: Settings, instance_arn: str | None = None) -> dict[str, Document]:
    """For people, roles, the instance and Vault. `instance_arn`: of the stack's instance, for what Vault
    hands out to debug it; the settings do not know its ID."""
    made: dict[str, Document] = {}
    if settings.is_central:
        made |= added_policies.for_people(settings, strict_onboarding=settings.strict_onboarding)
    for holder in (*settings.groups.values(), *settings.cross_account_roles.values(), settings.instance):
        made |= holder.documents() if holder else {}
    made |= {policy.name: policy.document for policy in _added(settings) if policy.document}
    if settings.vault_server:
        name, table = settings.vault_server.name, settings.vault_server.table
        made[name] = vault_server.vault_storage(
            naming.table_arn(settings.partition, settings.region, settings.account_id, table)
        )
    if settings.vault:
        made |= _of_vault(settings, settings.vault, instance_arn)
    return made


def _added(settings: Settings) -> Iterator[AddedPolicy]:
    for name, group in settings.groups.items():
        yield from added_policies.to_group(settings, name, group)
    for name, role in settings.cross_account_roles.items():
        yield from added_policies.to_cross_account_role(settings, name, role)
    if settings.instance:
        yield from added_policies.to_instance(settings, settings.instance)


def _of_vault(settings: Settings, vault: config.Vault, instance_arn: str | None) -> dict[str, Document]:
    partition, account_id = settings.partition, settings.account_id
    made = {
        naming.VAULT_BOUNDARY_POLICY: vault_boundary.boundary(settings, vault),
        vault.principal_name: vault_principal.document(
            settings,
            vault,
            boundary_arn=naming.policy_arn(partition, account_id, naming.VAULT_BOUNDARY_POLICY),
            attachable_policy_arns=[
                # Its path is AWS's to know.
                policy if policy.startswith("arn:") else naming.policy_arn(partition, "aws", policy)
                for policy in vault_principal.attachable_policies(vault)
            ],
        ),
    }
    for role in vault_model.engine_roles(settings, vault).values():
        document = role.document(instance_arn)
        if role.iam_role and document:
            made[role.iam_role] = document
    return made
