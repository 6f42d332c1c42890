"""A production Vault's storage and seal: what its role may do there and what no one may, tried by real calls.

Vault itself does not run here. The calls are those of its DynamoDB storage and its KMS seal, made with the
credentials that an instance with the role's profile gets.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from iam_hardening.claims.claim import ALLOWED, REFUSED, Claim
from iam_hardening.clients.aws import Session
from rehearsal.recorder import Recorder
from rehearsal.scenarios.instance import credentials_of_an_instance
from rehearsal.testbed import Account, Testbed

_VAULT, _ADMINISTRATOR = "instance of Vault", "deployer"
_ENTRY = {"Path": {"S": "logical"}, "Key": {"S": "entry"}}
_LOCK = {"Path": {"S": "core"}, "Key": {"S": "_lock"}}
_VALUE = {"B": b"encrypted by Vault already"}
_ROOT_KEY = b"a root key of Vault's"
# DynamoDB's own word for a table whose deletion protection is on.
_PROTECTED = "ValidationException"
_OWN_STORAGE, _SEAL = "Vault's storage keeps its entries there", "Vault seals and unseals with it"
_NOT_VAULTS = "Vault's storage never calls it"
_FOREIGN = "what is not Vault's"

Call = Callable[[], Any]


def play(recorder: Recorder, testbed: Testbed) -> None:
    for account in testbed.accounts.values():
        if account.settings.vault_server is not None:
            with recorder.scenario(f"Production Vault's storage and seal in {account.name}"):
                _Scenario(recorder, testbed, account).play()


class _Scenario:
    """One account. `table` and `key` are names as the API takes them."""

    def __init__(self, recorder: Recorder, testbed: Testbed, account: Account) -> None:
        self.recorder, self.testbed, self.account = recorder, testbed, account
        outputs = account.stack.outputs()
        self.table = outputs["vault_server_table_arn"].rsplit("/", 1)[-1]
        self.key: str = outputs["vault_server_key_arn"]
        self.role: str = outputs["vault_server_role_arn"]
        self.profile: str = outputs["vault_server_profile"]

    def play(self) -> None:
        self._as_deployed()
        with self._instance() as instance_id:
            vault = credentials_of_an_instance(
                self.recorder, self.testbed, self.account, instance_id, who=_VAULT
            )
            self._storage(vault)
            self._seal(vault)
            self._nothing_else(vault)
        self._administrators()
        self._restored()

    @contextmanager
    def _instance(self) -> Iterator[str]:
        """A node as the reader would launch it, with the profile."""
        ec2 = self.account.admin.client("ec2")
        image = ec2.describe_images(Filters=[{"Name": "name", "Values": ["ubuntu/images/*"]}])["Images"][0]
        run = ec2.run_instances(
            ImageId=image["ImageId"],
            InstanceType="t3.micro",
            IamInstanceProfile={"Name": self.profile},
            MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
            MinCount=1,
            MaxCount=1,
        )
        instance_id = run["Instances"][0]["InstanceId"]
        try:
            yield instance_id
        finally:
            ec2.terminate_instances(InstanceIds=[instance_id])

    def _as_deployed(self) -> None:
        dynamodb, kms = self.account.admin.client("dynamodb"), self.account.admin.client("kms")
        table = dynamodb.describe_table(TableName=self.table)["Table"]
        backups = dynamodb.describe_continuous_backups(TableName=self.table)["ContinuousBackupsDescription"]
        keys = ", ".join(each["AttributeName"] for each in table["KeySchema"])
        protect = self.account.settings.protect
        for call, what, claimed, found, reason in (
            ("dynamodb:DescribeTable", "KeySchema", "Path, Key", keys, "the names are Vault's"),
            (
                "dynamodb:DescribeTable",
                "DeletionProtectionEnabled",
                protect,
                table["DeletionProtectionEnabled"],
                "not lost by mistake",
            ),
            (
                "dynamodb:DescribeTable",
                "SSEDescription",
                "KMS",
                table["SSEDescription"]["SSEType"],
                "encrypted at rest, by a key whose use CloudTrail shows",
            ),
            (
                "dynamodb:DescribeContinuousBackups",
                "PointInTimeRecovery",
                "ENABLED",
                backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
                "35 days back, to the second",
            ),
            (
                "kms:GetKeyRotationStatus",
                "KeyRotationEnabled",
                True,
                kms.get_key_rotation_status(KeyId=self.key)["KeyRotationEnabled"],
                "new key material every year",
            ),
        ):
            self.recorder.found(self._claim(_ADMINISTRATOR, call, what, str(claimed), reason), str(found))

    def _storage(self, vault: Session) -> None:
        dynamodb, on = vault.client("dynamodb"), {"TableName": self.table}
        entry = {**_ENTRY, "Value": _VALUE}
        path = {":path": _ENTRY["Path"]}
        calls: dict[str, Call] = {
            "DescribeTable": lambda: dynamodb.describe_table(**on),
            "BatchWriteItem": lambda: dynamodb.batch_write_item(
                RequestItems={self.table: [{"PutRequest": {"Item": entry}}]}
            ),
            "GetItem": lambda: dynamodb.get_item(**on, Key=_ENTRY, ConsistentRead=True),
            "Query": lambda: dynamodb.query(
                **on,
                KeyConditionExpression="#path = :path",
                ExpressionAttributeNames={"#path": "Path"},
                ExpressionAttributeValues=path,
            ),
            # The lock of the active node, as Vault takes and leaves it.
            "UpdateItem": lambda: dynamodb.update_item(
                **on,
                Key=_LOCK,
                UpdateExpression="SET #value = :value",
                ConditionExpression="attribute_not_exists(#path)",
                ExpressionAttributeNames={"#value": "Value", "#path": "Path"},
                ExpressionAttributeValues={":value": _VALUE},
            ),
            "DeleteItem": lambda: dynamodb.delete_item(**on, Key=_LOCK),
        }
        for name, call in calls.items():
            self._judge(_VAULT, f"dynamodb:{name}", f"table/{self.table}", ALLOWED, _OWN_STORAGE, call)
        # Those that change something ask for what is so already: weak permissions must not end the rehearsal.
        beyond: dict[str, Call] = {
            "PutItem": lambda: dynamodb.put_item(**on, Item=entry),
            "BatchGetItem": lambda: dynamodb.batch_get_item(RequestItems={self.table: {"Keys": [_ENTRY]}}),
            "DeleteTable": lambda: dynamodb.delete_table(**on),
            "UpdateTable": lambda: dynamodb.update_table(**on, DeletionProtectionEnabled=True),
            "UpdateContinuousBackups": lambda: dynamodb.update_continuous_backups(
                **on, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            ),
            "PutResourcePolicy": lambda: dynamodb.put_resource_policy(
                ResourceArn=f"{self._arn('table')}/{self.table}", Policy="{}"
            ),
            "Scan": lambda: dynamodb.scan(**on),
            "CreateBackup": lambda: dynamodb.create_backup(**on, BackupName="rehearsal"),
            "ExportTableToPointInTime": lambda: dynamodb.export_table_to_point_in_time(
                TableArn=f"{self._arn('table')}/{self.table}", S3Bucket="rehearsal"
            ),
        }
        for name, call in beyond.items():
            self._judge(_VAULT, f"dynamodb:{name}", f"table/{self.table}", REFUSED, _NOT_VAULTS, call)

    def _seal(self, vault: Session) -> None:
        kms, on = vault.client("kms"), {"KeyId": self.key}
        resource = "Vault's seal key"
        made = self.recorder.must(
            self._claim(_VAULT, "kms:Encrypt", resource, ALLOWED, _SEAL),
            lambda: kms.encrypt(**on, Plaintext=_ROOT_KEY),
        )
        self._judge(_VAULT, "kms:DescribeKey", resource, ALLOWED, _SEAL, lambda: kms.describe_key(**on))
        opened = self.recorder.must(
            self._claim(_VAULT, "kms:Decrypt", resource, ALLOWED, _SEAL),
            lambda: kms.decrypt(CiphertextBlob=made["CiphertextBlob"]),
        )
        self.recorder.found(
            self._claim(_VAULT, "kms:Decrypt", "the plaintext", "the same", "it unseals what it sealed"),
            "the same" if opened["Plaintext"] == _ROOT_KEY else "another",
        )
        self._judge(
            _ADMINISTRATOR,
            "kms:Decrypt",
            resource,
            REFUSED,
            "an administrator would have to change the key's policy first, and be seen",
            lambda: self.account.admin.client("kms").decrypt(CiphertextBlob=made["CiphertextBlob"]),
        )
        beyond: dict[str, Call] = {
            "ScheduleKeyDeletion": lambda: kms.schedule_key_deletion(**on),
            "DisableKey": lambda: kms.disable_key(**on),
            "DisableKeyRotation": lambda: kms.disable_key_rotation(**on),
            "GetKeyPolicy": lambda: kms.get_key_policy(**on, PolicyName="default"),
            "PutKeyPolicy": lambda: kms.put_key_policy(**on, PolicyName="default", Policy="{}"),
            "CreateGrant": lambda: kms.create_grant(**on, GranteePrincipal=self.role, Operations=["Decrypt"]),
            "GenerateDataKey": lambda: kms.generate_data_key(**on, KeySpec="AES_256"),
        }
        for name, call in beyond.items():
            self._judge(_VAULT, f"kms:{name}", resource, REFUSED, "Vault uses the key, no more", call)

    def _nothing_else(self, vault: Session) -> None:
        dynamodb, kms = vault.client("dynamodb"), vault.client("kms")
        admin = self.account.admin
        with _foreign_table(admin) as table, _foreign_key(admin) as key:
            calls: dict[tuple[str, str], Call] = {
                ("dynamodb:GetItem", "another table"): lambda: dynamodb.get_item(TableName=table, Key=_ENTRY),
                ("dynamodb:BatchWriteItem", "both tables"): lambda: dynamodb.batch_write_item(
                    RequestItems={
                        name: [{"PutRequest": {"Item": {**_ENTRY, "Value": _VALUE}}}]
                        for name in (self.table, table)
                    }
                ),
                ("dynamodb:CreateTable", "a new table"): lambda: dynamodb.create_table(**_shape("intruder")),
                ("dynamodb:ListTables", "*"): dynamodb.list_tables,
                ("kms:Encrypt", "another key"): lambda: kms.encrypt(KeyId=key, Plaintext=_ROOT_KEY),
                ("kms:CreateKey", "a new key"): kms.create_key,
                ("s3:ListAllMyBuckets", "*"): vault.client("s3").list_buckets,
                ("iam:ListUsers", "*"): vault.client("iam").list_users,
            }
            for (call, resource), make in calls.items():
                self._judge(_VAULT, call, resource, REFUSED, _FOREIGN, make)

    def _administrators(self) -> None:
        admin = self.account.admin
        self._judge(
            _ADMINISTRATOR,
            "sts:AssumeRole",
            self.role.split(":", 5)[-1],
            REFUSED,
            "the role is for instances alone, with any rights of the caller",
            lambda: admin.client("sts").assume_role(RoleArn=self.role, RoleSessionName="deployer"),
        )
        if self.account.settings.protect:
            self._judge(
                _ADMINISTRATOR,
                "dynamodb:DeleteTable",
                f"table/{self.table}",
                _PROTECTED,
                "deletion protection counts for administrators, too",
                lambda: admin.client("dynamodb").delete_table(TableName=self.table),
            )

    def _restored(self) -> None:
        """To a new table, as the runbook says; an entry that Vault wrote is there again."""
        dynamodb = self.account.admin.client("dynamodb")
        target = f"rehearsal-restored-{uuid4().hex[:8]}"
        self.recorder.must(
            self._claim(
                _ADMINISTRATOR,
                "dynamodb:RestoreTableToPointInTime",
                "a new table",
                ALLOWED,
                "what Vault lost can be had back",
            ),
            lambda: dynamodb.restore_table_to_point_in_time(
                SourceTableName=self.table, TargetTableName=target, UseLatestRestorableTime=True
            ),
        )
        try:
            dynamodb.get_waiter("table_exists").wait(TableName=target)
            item = dynamodb.get_item(TableName=target, Key=_ENTRY).get("Item", {})
            self.recorder.found(
                self._claim(
                    _ADMINISTRATOR, "dynamodb:GetItem", "the new table", "the entry", "with what was in it"
                ),
                "the entry" if item.get("Value") == _VALUE else "nothing",
            )
        finally:
            dynamodb.delete_table(TableName=target)
            dynamodb.delete_item(TableName=self.table, Key=_ENTRY)

    def _arn(self, kind: str) -> str:
        own = self.account.settings
        return f"arn:{own.partition}:dynamodb:{own.region}:{own.account_id}:{kind}"

    def _judge(self, who: str, call: str, resource: str, claimed: str, reason: str, make: Call) -> None:
        self.recorder.judge(self._claim(who, call, resource, claimed, reason), make)

    def _claim(self, who: str, call: str, resource: str, claimed: str, reason: str) -> Claim:
        return Claim(
            who=who,
            mfa="-",
            call=call,
            resource=resource,
            account=self.account.name,
            claimed=claimed,
            reason=reason,
        )


def _shape(name: str) -> dict[str, Any]:
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [
            {"AttributeName": "Path", "KeyType": "HASH"},
            {"AttributeName": "Key", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in ("Path", "Key")],
    }


@contextmanager
def _foreign_table(admin: Session) -> Iterator[str]:
    name = f"rehearsal-{uuid4().hex[:8]}"
    admin.client("dynamodb").create_table(**_shape(name))
    try:
        yield name
    finally:
        admin.client("dynamodb").delete_table(TableName=name)


@contextmanager
def _foreign_key(admin: Session) -> Iterator[str]:
    """With KMS's own policy, by which IAM decides alone."""
    kms = admin.client("kms")
    key: str = kms.create_key(Description="not Vault's")["KeyMetadata"]["KeyId"]
    try:
        yield key
    finally:
        kms.schedule_key_deletion(KeyId=key)
