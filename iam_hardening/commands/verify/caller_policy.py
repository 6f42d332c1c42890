"""What the caller of `iam-hardening verify` must be allowed to do, in AWS and in Vault, and no more: reading
only."""

import json
from collections.abc import Iterator

from iam_hardening import config
from iam_hardening.aws.policies.documents import Document, document
from iam_hardening.claims.resource_policies import policy_claims
from iam_hardening.config import Settings
from iam_hardening.model import vault as vault_model

# Most of them have no resource to bind them to. Source: AWS Service Authorization Reference.
_IAM = (
    "iam:GenerateCredentialReport",
    "iam:GetAccessKeyLastUsed",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetAccountPasswordPolicy",
    "iam:GetAccountSummary",
    "iam:GetCredentialReport",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:ListAccessKeys",
    "iam:ListOpenIDConnectProviders",
    "iam:ListSAMLProviders",
    "iam:ListSSHPublicKeys",
    "iam:ListServiceSpecificCredentials",
    "iam:ListSigningCertificates",
    "iam:SimulateCustomPolicy",
    "iam:SimulatePrincipalPolicy",
)


def caller_policy(account: Settings) -> Document:
    """The policy for one stack: what its file does not ask for is not looked at."""
    defaults = account.account_defaults
    kinds = {claim.resource_id.kind for claim in policy_claims(account)}
    preferences = account.instance is not None and account.instance.session_preferences is not None
    wanted = {
        "access-analyzer:ListAnalyzers": defaults.access_analyzer,
        "cloudtrail:GetTrail": account.alarms is not None,
        "cloudtrail:GetTrailStatus": account.alarms is not None,
        "ec2:DescribeInstances": debugs_instance(account),
        "ec2:GetEbsEncryptionByDefault": defaults.ebs_encryption,
        "ec2:GetInstanceMetadataDefaults": defaults.imdsv2,
        "events:DescribeRule": account.alarms is not None,
        "events:ListTargetsByRule": account.alarms is not None,
        "sns:ListSubscriptionsByTopic": account.alarms is not None,
        "iam:GetRole": "role" in kinds,
        "iam:ListOrganizationsFeatures": account.organization_root_access,
        "logs:DescribeLogGroups": preferences,
        "ssm:GetDocument": preferences,
        "kms:DescribeKey": "key" in kinds,
        "kms:GetKeyPolicy": "key" in kinds,
        "s3:GetAccountPublicAccessBlock": defaults.s3_public_access_block,
        "s3:GetBucketPolicy": "bucket" in kinds,
        "sns:GetTopicAttributes": "topic" in kinds,
    }
    actions = sorted([*_IAM, *(action for action, needed in wanted.items() if needed)])
    return document({"Sid": "VerifyReadOnly", "Effect": "Allow", "Action": actions, "Resource": "*"})


def debugs_instance(account: Settings) -> bool:
    """Whether a role of Vault is for the stack's instance, whose ID only AWS knows."""
    return bool(account.instance and account.vault) and any(
        role.debug_instance for role in (account.vault.roles.values() if account.vault else ())
    )


def caller_vault_policy(account: Settings) -> str:
    """The Vault policy (HCL) for one stack; empty for a stack without Vault."""
    if account.vault is None:
        return ""
    return "\n".join(
        # A list of strings looks alike in HCL and in JSON.
        f'path "{path}" {{\n  capabilities = {json.dumps(capabilities)}\n}}\n'
        for path, capabilities in vault_paths(account.vault)
    )


def vault_paths(vault: config.Vault) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Path → capabilities. All roles and policies: one that is not the stack's is what is looked for."""
    yield "auth/token/lookup-self", ("read",)
    yield f"sys/mounts/{vault.mount}", ("read",)
    yield f"{vault.mount}/config/root", ("read",)
    yield f"{vault.mount}/config/lease", ("read",)
    yield f"{vault.mount}/roles", ("list",)
    yield f"{vault.mount}/roles/*", ("read",)
    yield f"{vault.mount}/static-roles", ("list",)
    yield "sys/policies/acl", ("list",)
    yield "sys/policies/acl/*", ("read",)
    if vault.audit:
        # Vault asks for sudo to read which devices there are.
        yield "sys/audit", ("read", "sudo")
    methods = vault_model.auth_methods(vault)
    if methods:
        yield "sys/auth", ("read",)
    for name, method in methods.items():
        if method.config:
            yield f"auth/{name}/config", ("read",)
        if method.type == "ldap":
            yield f"auth/{name}/groups", ("list",)
            yield f"auth/{name}/groups/*", ("read",)
            yield f"auth/{name}/users", ("list",)
            continue
        if not method.role:
            yield f"auth/{name}/users", ("list",)
            yield f"auth/{name}/users/*", ("read",)
            for entity in method.entities.values():
                yield f"identity/entity/name/{entity}", ("read",)
            continue
        yield f"auth/{name}/role", ("list",)
        yield f"auth/{name}/role/{name}", ("read",)
