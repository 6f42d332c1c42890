"""A production Vault's storage, seal and role: everything that the component asks for."""

import json
from typing import Any

import pytest

from components.vault_server import VaultServer, VaultServerArgs
from iam_hardening import config
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.aws.policies import vault_server as vault_server_policies
from tests.accounts import account, section
from tests.recorder import ACCOUNT_ID, Recorder

TAGS = {"Stack": "dev"}
TABLE = "aws:dynamodb/table:Table"
KEY = "aws:kms/key:Key"
# As the recorder makes them up.
ROLE_ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/vault-server"
POLICY_ARN = f"arn:aws:iam::{ACCOUNT_ID}:policy/vault-server"


def record(recorder: Recorder, *, partition: str = "aws", protect: bool = True) -> VaultServer:
    own = account(account_id=ACCOUNT_ID, partition=partition, protect=protect)
    server = section(config.VaultServer, tableName="vault-data", apiAddress="https://vault.example.com:8200")
    args = VaultServerArgs(account=own, server=server)
    made: list[VaultServer] = []
    recorder.run(lambda: made.append(VaultServer("vault-server", args)))
    return made[0]


def output(recorder: Recorder, name: str) -> Any:
    (outputs,) = (found for found in recorder.registered_outputs.values() if name in found)
    return outputs[name]


def test_the_table_is_vaults_can_be_restored_and_is_not_deleted_by_mistake(recorder: Recorder) -> None:
    record(recorder)
    table = recorder.one(TABLE, "vault-server-table")
    assert table.inputs == {
        "name": "vault-data",
        "billingMode": "PAY_PER_REQUEST",
        "hashKey": "Path",
        "rangeKey": "Key",
        "attributes": [{"name": "Path", "type": "S"}, {"name": "Key", "type": "S"}],
        "pointInTimeRecovery": {"enabled": True},
        "serverSideEncryption": {"enabled": True},
        "deletionProtectionEnabled": True,
        "tags": TAGS,
    }
    assert table.options == {"protect": True}


def test_the_key_rotates_goes_slowly_and_is_protected(recorder: Recorder) -> None:
    record(recorder)
    key = recorder.one(KEY, "vault-server-seal")
    assert {name: value for name, value in key.inputs.items() if name != "policy"} == {
        "description": "Unseals Vault (vault-server)",
        "enableKeyRotation": True,
        "deletionWindowInDays": 30,
        "tags": TAGS,
    }
    assert key.options == {"protect": True}
    alias = recorder.one("aws:kms/alias:Alias", "vault-server-seal")
    assert alias.inputs["name"] == "alias/vault-server"


def test_without_protection_both_can_go(recorder: Recorder) -> None:
    record(recorder, protect=False)
    table = recorder.one(TABLE, "vault-server-table")
    assert table.inputs["deletionProtectionEnabled"] is False
    assert (table.options, recorder.one(KEY, "vault-server-seal").options) == ({}, {})


def test_the_keys_policy_is_for_the_role_alone_and_iam_decides_who_administers(recorder: Recorder) -> None:
    record(recorder)
    assert json.loads(recorder.one(KEY, "vault-server-seal").inputs["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LetIamDecideWhoAdministersTheKey",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"},
                "Action": [
                    "kms:CancelKeyDeletion",
                    "kms:CreateAlias",
                    "kms:DeleteAlias",
                    "kms:DescribeKey",
                    "kms:DisableKey",
                    "kms:DisableKeyRotation",
                    "kms:EnableKey",
                    "kms:EnableKeyRotation",
                    "kms:GetKeyPolicy",
                    "kms:GetKeyRotationStatus",
                    "kms:ListGrants",
                    "kms:ListKeyPolicies",
                    "kms:ListKeyRotations",
                    "kms:ListResourceTags",
                    "kms:PutKeyPolicy",
                    "kms:RevokeGrant",
                    "kms:RotateKeyOnDemand",
                    "kms:ScheduleKeyDeletion",
                    "kms:TagResource",
                    "kms:UntagResource",
                    "kms:UpdateAlias",
                    "kms:UpdateKeyDescription",
                ],
                "Resource": "*",
            },
            {
                "Sid": "LetVaultSealAndUnseal",
                "Effect": "Allow",
                "Principal": {"AWS": ROLE_ARN},
                "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"],
                "Resource": "*",
            },
        ],
    }


def test_the_role_is_for_instances_and_has_the_storage_policy_alone(recorder: Recorder) -> None:
    record(recorder)
    role = recorder.one("aws:iam/role:Role", "vault-server-role").inputs
    assert role["name"] == "vault-server"
    assert json.loads(role["assumeRolePolicy"]) == roles_policies.trust_ec2("aws")
    (attached,) = recorder.all_of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert attached.inputs == {
        "role": "vault-server",
        "policyArn": POLICY_ARN,
    }
    table_arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT_ID}:table/vault-data"
    assert json.loads(recorder.one("aws:iam/policy:Policy", "vault-server-storage").inputs["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "KeepVaultsEntriesAndLock",
                "Effect": "Allow",
                "Action": [
                    "dynamodb:BatchWriteItem",
                    "dynamodb:DeleteItem",
                    "dynamodb:DescribeTable",
                    "dynamodb:GetItem",
                    "dynamodb:Query",
                    "dynamodb:UpdateItem",
                ],
                "Resource": table_arn,
            }
        ],
    }
    profile = recorder.one("aws:iam/instanceProfile:InstanceProfile", "vault-server-profile").inputs
    assert (profile["name"], profile["role"]) == ("vault-server", "vault-server")


def test_the_configuration_file_names_what_was_made(recorder: Recorder) -> None:
    record(recorder)
    key_arn = output(recorder, "key_arn")
    assert (
        output(recorder, "configuration")
        == f"""\
# Written by pulumi (stack output vault_server_configuration). The same on every node.

storage "dynamodb" {{
  # Without it a second node would not wait for the first one's lock.
  ha_enabled = "true"
  region     = "us-east-1"
  table      = "vault-data"
}}

seal "awskms" {{
  region     = "us-east-1"
  kms_key_id = "{key_arn}"
}}

listener "tcp" {{
  address         = "0.0.0.0:8200"
  cluster_address = "0.0.0.0:8201"
  tls_cert_file   = "/opt/vault/tls/tls.crt"
  tls_key_file    = "/opt/vault/tls/tls.key"
}}

# Where clients find Vault, and where the nodes find each other (Vault fills in the node's own address).
api_addr     = "https://vault.example.com:8200"
cluster_addr = "https://{{{{ GetPrivateIP }}}}:8201"
"""
    )


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_another_partition_reaches_every_document(recorder: Recorder, partition: str) -> None:
    record(recorder, partition=partition)
    key_policy = recorder.one(KEY, "vault-server-seal").inputs["policy"]
    assert f"arn:{partition}:iam::{ACCOUNT_ID}:root" in key_policy
    trust = json.loads(recorder.one("aws:iam/role:Role", "vault-server-role").inputs["assumeRolePolicy"])
    service = "ec2.amazonaws.com.cn" if partition == "aws-cn" else "ec2.amazonaws.com"
    assert trust["Statement"][0]["Principal"] == {"Service": service}


def test_no_administrative_action_uses_the_key() -> None:
    administers, uses = vault_server_policies.vault_seal_key("aws", ACCOUNT_ID, ROLE_ARN)["Statement"]
    using = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncrypt", "kms:CreateGrant")
    assert not [action for action in administers["Action"] if action.startswith(using) or "*" in action]
    assert "kms:PutKeyPolicy" not in uses["Action"]
