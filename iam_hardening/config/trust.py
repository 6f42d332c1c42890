"""Who may assume each kind of role: its trust policy, from the account and the role's section.

Below the model, because the rules of a stack file measure these documents before there are settings.
"""

from iam_hardening.aws.policies import roles, vault
from iam_hardening.aws.policies.documents import Document
from iam_hardening.config.account import Account
from iam_hardening.config.schema import CrossAccountRole, Vault, VaultRole


def trusted_account_id(account: Account, role: CrossAccountRole) -> str | None:
    """The account whose people, or whose service, a role is for; None where the file names none."""
    return role.trusted_account_id or account.trusted_account_id


def of_cross_account_role(account: Account, role: CrossAccountRole) -> Document:
    trusted = trusted_account_id(account, role) or ""
    if role.is_for_third_party:
        return roles.trust_third_party(
            account.partition, trusted, external_id=role.external_id or "", principal_arns=role.principals
        )
    return roles.trust_account(
        account.partition,
        trusted,
        require_mfa=role.require_mfa,
        mfa_max_age_seconds=role.mfa_max_age,
        principal_arns=role.principals,
        session_name_is_user_name=role.session_name_is_user_name,
    )


def of_instances(account: Account) -> Document:
    """Of a role in an instance profile: the stack's instance, or Vault's nodes."""
    return roles.trust_ec2(account.partition)


def of_vault_sessions(principal_arn: str, role: VaultRole) -> Document:
    """Of the IAM role behind a Vault role of the kind `assumed_role`."""
    return vault.trust_vault(principal_arn, external_id=role.external_id, session_tags=role.session_tags)


def vaults_principal_arn(account: Account, vault: Vault) -> str:
    """The principal that Vault acts as in the account: the role that it runs on, or its user."""
    return vault.principal_arn(account.partition, account.account_id)
