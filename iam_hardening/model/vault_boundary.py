"""The boundary of what Vault issues in one account: what it protects there, and what a stack file allows."""

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies import vault_boundary
from iam_hardening.aws.policies.documents import Document
from iam_hardening.model import alarms as alarm_rules


def boundary(account: config.Settings, vault: config.Vault) -> Document:
    """The policy document, worked out from the settings alone."""
    return vault_boundary.vault_issued_user_boundary(protected(account, vault), vault.boundary_allows)


def protected(account: config.Settings, vault: config.Vault) -> vault_boundary.ProtectedByBoundary:
    partition, account_id = account.partition, account.account_id
    buckets: list[str] = []
    alarms: list[str] = []
    aliases: list[str] = []
    tables: list[str] = []
    if account.alarms:
        if alarm_rules.makes_trail(account):
            buckets.append(naming.trail_bucket(account_id, account.region))
        # In any region: one that is no longer the stack's may still have them.
        alarms.append(naming.topic_arn(partition, "*", account_id, naming.ALARMS))
        alarms += [
            naming.event_rule_arn(partition, "*", account_id, rule) for rule in alarm_rules.alarms(account)
        ]
        aliases.append(naming.key_alias_arn(partition, "*", account_id, naming.ALARMS))
    if account.vault_server:
        tables.append(naming.table_arn(partition, account.region, account_id, account.vault_server.table))
        aliases.append(naming.key_alias_arn(partition, account.region, account_id, account.vault_server.name))
    groups: list[str] = []
    documents: list[str] = []
    if account.instance and account.instance.session_preferences:
        group = account.instance.session_preferences.log_group
        groups.append(naming.log_group_arn(partition, account.region, account_id, group))
        documents.append(naming.session_document_arn(partition, account.region, account_id))
    return vault_boundary.ProtectedByBoundary(
        log_buckets=[naming.bucket_arn(partition, bucket) for bucket in (*buckets, *vault.log_buckets)],
        alarms=alarms,
        key_aliases=aliases,
        tables=tables,
        log_groups=groups,
        session_documents=documents,
        nodes=account.vault_server is not None or vault.runs_on_role is not None,
    )
