"""What a stack file adds to the boundary of what Vault issues: reading, or one of the known tokens."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from iam_hardening.aws import naming
from iam_hardening.aws.policies.documents import MANAGED_POLICY_MAX_CHARACTERS
from iam_hardening.aws.policies.documents import size as policy_size
from iam_hardening.aws.policies.vault_boundary import (
    CREDENTIALS_OF_OTHER_SERVICES,
    IDENTITY_SERVICES,
    ProtectedByBoundary,
    vault_issued_user_boundary,
)
from iam_hardening.config.errors import Problem, shown
from iam_hardening.config.rules.account import repeated
from iam_hardening.config.schema import Vault
from iam_hardening.config.stack_file import StackFile

_RULES_AND_TOPIC = 7
# CodeArtifact and ECR Public ask for it in addition to their own action.
_BEARER_TOKEN = "sts:GetServiceBearerToken"
_READ = re.compile(r"(?:BatchGet|Describe|Get|List|Search)[A-Z]\w*")
# A read by its name, but what it answers lets the reader in somewhere.
_GIVES_ACCESS = re.compile(r"Token|Credential|Session|Password|Secret|Federat|Delegat|Authorization")


def check_boundary(file: StackFile) -> Iterator[Problem]:
    vault = file.config.vault
    if vault is None:
        return
    yield from repeated(file.key("vault", "boundaryAllows"), vault.boundary_allows)
    yield from repeated(file.key("vault", "logBuckets"), vault.log_buckets)
    for number, action in enumerate(vault.boundary_allows):
        if not _may_be_allowed(action):
            yield Problem(
                file.key("vault", "boundaryAllows", number),
                f"is {shown(action)}; allowed: reading without a wildcard (Describe…, Get…, List…) in an "
                f"identity service, such as organizations:ListAccounts, {_BEARER_TOKEN}, or a token of "
                "docs/just-in-time.md, such as ecr:GetAuthorizationToken. Anything else is allowed already, "
                "or could outlive the lease",
            )
    yield from _too_large(file, vault)


def _too_large(file: StackFile, vault: Vault) -> Iterator[Problem]:
    """As large as the boundary can get with this file: every alarm on, names and regions at their longest."""
    server = file.config.vault_server
    partition = file.partition or "aws"
    protected = ProtectedByBoundary(
        log_buckets=[naming.bucket_arn(partition, name) for name in ("x" * 63, *vault.log_buckets)],
        alarms=[naming.event_rule_arn(partition, "*", "0" * 12, "x" * 20)] * _RULES_AND_TOPIC,
        key_aliases=[naming.key_alias_arn(partition, "*", "0" * 12, "x" * 64)] * 2,
        tables=[naming.table_arn(partition, "x" * 14, "0" * 12, server.table)] if server else [],
        nodes=True,
    )
    size = policy_size(vault_issued_user_boundary(protected, vault.boundary_allows))
    if size > MANAGED_POLICY_MAX_CHARACTERS:
        yield Problem(
            file.key("vault"),
            f"boundaryAllows and logBuckets make a boundary of {size:,} characters; AWS allows "
            f"{MANAGED_POLICY_MAX_CHARACTERS:,}. Name fewer",
        )


def _may_be_allowed(action: str) -> bool:
    if "*" in action or "?" in action:
        return False
    if action == _BEARER_TOKEN or any(
        fnmatchcase(action, pattern) for pattern in CREDENTIALS_OF_OTHER_SERVICES
    ):
        return True
    service, name = action.split(":", 1)
    return service in IDENTITY_SERVICES and bool(_READ.fullmatch(name)) and not _GIVES_ACCESS.search(name)
