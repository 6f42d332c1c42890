"""A production Vault's own role: `vault_storage` is its table, `vault_seal_key` (a key policy) its seal."""

from iam_hardening.aws.naming import account_root_arn
from iam_hardening.aws.policies.documents import Document, document
from iam_hardening.aws.policies.keys import KEY_ADMINISTRATION


def vault_storage(table_arn: str) -> Document:
    """What Vault's DynamoDB storage does with its one table: entries, and the lock of the active node.

    Entries are written in batches and the lock by UpdateItem. HashiCorp's sample policy has more that its
    storage never calls; and CreateTable, with which a Vault whose table's name is mistyped would start empty
    instead of not at all. Source: the calls in Vault's physical/dynamodb, v1.18.0 and v1.21.0.
    """
    return document(
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
    )


def vault_seal_key(partition: str, account_id: str, role_arn: str) -> Document:
    """The key policy of Vault's seal: Vault's role uses the key, IAM decides who administers it.

    No administrator decrypts with it, with any IAM policy, before they have changed this policy,
    which CloudTrail shows. `*` is this key: a key policy belongs to one. Source: HashiCorp, "AWS KMS seal".
    """
    return document(
        {
            "Sid": "LetIamDecideWhoAdministersTheKey",
            "Effect": "Allow",
            "Principal": {"AWS": account_root_arn(partition, account_id)},
            "Action": KEY_ADMINISTRATION,
            "Resource": "*",
        },
        {
            "Sid": "LetVaultSealAndUnseal",
            "Effect": "Allow",
            "Principal": {"AWS": role_arn},
            "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"],
            "Resource": "*",
        },
    )
