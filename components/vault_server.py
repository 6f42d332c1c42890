"""What a production Vault needs of AWS: storage, a key for its seal, and an instance role.

The table survives mistakes (point-in-time recovery, deletion protection) and the key unseals Vault without
people who type shares. Vault encrypts everything before it stores it, so who reads the table reads nothing;
who may use the key and reads the table has it all. So the key's policy lets one role use it, and leaves to
IAM only its administration.

Deliberately not here: the instances that run Vault, their network and load balancer, TLS certificates, DNS.
They belong to the platform the reader has; docs/vault-server.md says what they have to give. Vault itself
was not run on this: DynamoDB and KMS calls with the role's credentials were, in the rehearsal.
"""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.permissions import customer_managed_policy
from iam_hardening import config
from iam_hardening.aws.policies import documents
from iam_hardening.aws.policies import vault_server as vault_server_policies
from iam_hardening.config import Account, trust

# The names are Vault's, and cannot be chosen. Source: HashiCorp, "DynamoDB storage backend", table schema.
_HASH_KEY, _RANGE_KEY = "Path", "Key"
# AWS's longest: time to notice that a key without which nothing in the table can be read is going.
_KEY_DELETION_WINDOW_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class VaultServerArgs:
    """The section's `name` is the role's, its profile's and policy's, and the key's alias.

    The account's `protect` keeps table and key from deletion: Pulumi's own protection on both, AWS's on the
    table.
    """

    account: Account
    server: config.VaultServer


class VaultServer(pulumi.ComponentResource):
    """The table, the seal's key, the role with its instance profile, and Vault's configuration file."""

    table_arn: pulumi.Output[str]
    key_arn: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    profile_name: pulumi.Output[str]
    # `vault.hcl`, the same on every node.
    configuration: pulumi.Output[str]

    def __init__(self, name: str, args: VaultServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("iam-hardening:index:VaultServer", name, None, opts)
        account, server = args.account, args.server
        child = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions(parent=self, protect=account.protect or None)
        table = aws.dynamodb.Table(
            f"{name}-table",
            name=server.table,
            billing_mode="PAY_PER_REQUEST",
            hash_key=_HASH_KEY,
            range_key=_RANGE_KEY,
            attributes=[
                aws.dynamodb.TableAttributeArgs(name=key, type="S") for key in (_HASH_KEY, _RANGE_KEY)
            ],
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
            # With AWS's key for DynamoDB in this account. With a key of ours the role would need more of KMS
            # than its seal does, for data that Vault has encrypted already.
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=True),
            deletion_protection_enabled=account.protect,
            tags=dict(account.tags),
            opts=kept,
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=server.name,
            description="Vault's own access to its storage and its seal",
            assume_role_policy=documents.render(trust.of_instances(account)),
            tags=dict(account.tags),
            opts=child,
        )
        policy = customer_managed_policy(
            f"{name}-storage",
            self,
            policy_name=server.name,
            description="What Vault's DynamoDB storage needs, on its table only",
            policy=table.arn.apply(lambda arn: documents.render(vault_server_policies.vault_storage(arn))),
            tags=account.tags,
        )
        aws.iam.RolePolicyAttachment(f"{name}-storage", role=role.name, policy_arn=policy.arn, opts=child)
        profile = aws.iam.InstanceProfile(
            f"{name}-profile", name=server.name, role=role.name, tags=dict(account.tags), opts=child
        )
        key = aws.kms.Key(
            f"{name}-seal",
            description=f"Unseals Vault ({server.name})",
            enable_key_rotation=True,
            deletion_window_in_days=_KEY_DELETION_WINDOW_DAYS,
            policy=role.arn.apply(
                lambda arn: documents.render(
                    vault_server_policies.vault_seal_key(account.partition, account.account_id, arn)
                )
            ),
            tags=dict(account.tags),
            opts=kept,
        )
        aws.kms.Alias(f"{name}-seal", name=f"alias/{server.name}", target_key_id=key.key_id, opts=child)
        self.table_arn = table.arn
        self.key_arn = key.arn
        self.role_arn = role.arn
        self.profile_name = profile.name
        self.configuration = pulumi.Output.all(table.name, key.arn).apply(
            lambda made: configuration_file(args, table_name=made[0], key_arn=made[1])
        )
        self.register_outputs(
            {
                "table_arn": self.table_arn,
                "key_arn": self.key_arn,
                "role_arn": self.role_arn,
                "profile_name": self.profile_name,
                "configuration": self.configuration,
            }
        )


def configuration_file(args: VaultServerArgs, *, table_name: str, key_arn: str) -> str:
    """Vault's configuration file. Credentials are not in it: Vault asks the instance for the role's."""
    region = json.dumps(args.account.region)
    return f"""\
# Written by pulumi (stack output vault_server_configuration). The same on every node.

storage "dynamodb" {{
  # Without it a second node would not wait for the first one's lock.
  ha_enabled = "true"
  region     = {region}
  table      = {json.dumps(table_name)}
}}

seal "awskms" {{
  region     = {region}
  kms_key_id = {json.dumps(key_arn)}
}}

listener "tcp" {{
  address         = "0.0.0.0:8200"
  cluster_address = "0.0.0.0:8201"
  tls_cert_file   = {json.dumps(args.server.tls_certificate_file)}
  tls_key_file    = {json.dumps(args.server.tls_key_file)}
}}

# Where clients find Vault, and where the nodes find each other (Vault fills in the node's own address).
api_addr     = {json.dumps(args.server.api_address)}
cluster_addr = "https://{{{{ GetPrivateIP }}}}:8201"
"""
