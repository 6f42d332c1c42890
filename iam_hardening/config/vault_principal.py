"""What Vault's principal gets in an account: the users, roles, groups and policies that its roles need.

Below the model, because the rules of a stack file measure the document before there are settings.
"""

from collections.abc import Mapping, Sequence

from iam_hardening.aws import naming
from iam_hardening.aws.policies import vault as vault_policies
from iam_hardening.aws.policies.documents import Document
from iam_hardening.config.account import Account
from iam_hardening.config.schema import Vault


def attachable_policies(vault: Vault) -> list[str]:
    """The managed policies, by name or ARN, that it may attach to the users it makes."""
    issuing = (role for role in vault.roles.values() if not role.is_session)
    return sorted({policy for role in issuing for policy in role.managed_policies})


def assumable_role_arns(account: Account, vault: Vault) -> dict[str, str]:
    """Vault role → the IAM role whose sessions it opens."""
    return {
        name: naming.role_arn(
            account.partition, account.account_id, naming.vault_aws_role_name(vault.mount, name)
        )
        for name, role in vault.roles.items()
        if role.is_session
    }


def taggable_role_arns(account: Account, vault: Vault) -> list[str]:
    """Those whose sessions it tags."""
    arns: Mapping[str, str] = assumable_role_arns(account, vault)
    return [arn for name, arn in arns.items() if vault.roles[name].session_tags]


def group_arns(account: Account, vault: Vault) -> list[str]:
    """The groups that it puts its users in."""
    groups = sorted({group for role in vault.roles.values() for group in role.groups})
    return [naming.group_arn(account.partition, account.account_id, group) for group in groups]


def document(
    account: Account, vault: Vault, *, boundary_arn: str, attachable_policy_arns: Sequence[str]
) -> Document:
    """The policy. The two kinds of ARNs are the caller's: only AWS knows its own policies' paths."""
    return vault_policies.vault_principal(
        account.partition,
        account.account_id,
        boundary_arn=boundary_arn,
        attachable_policy_arns=attachable_policy_arns,
        issues_users=vault.issues_users,
        assumable_role_arns=list(assumable_role_arns(account, vault).values()),
        taggable_role_arns=taggable_role_arns(account, vault),
        group_arns=group_arns(account, vault),
    )
