"""Rows of DynamoDB: a table with its recovery, its encryption and its protection."""

from typing import Any

from rehearsal.providers.rows import (
    ID,
    ITEM,
    Call,
    FakeProviderError,
    Made,
    Read,
    Row,
    Tags,
    Taken,
    Wait,
    regional,
)
from rehearsal.providers.values import Properties

_KEYS = {"hashKey": "HASH", "rangeKey": "RANGE"}


def _key_schema(properties: Properties, api: Any, id: str) -> Any:
    return [
        {"AttributeName": properties[name], "KeyType": kind}
        for name, kind in _KEYS.items()
        if properties.get(name)
    ]


def _attribute_definitions(properties: Properties, api: Any, id: str) -> Any:
    return [
        {"AttributeName": each["name"], "AttributeType": each["type"]}
        for each in properties.get("attributes") or []
    ]


def _encryption(properties: Properties, api: Any, id: str) -> Any:
    wanted = properties.get("serverSideEncryption")
    if not wanted:
        return None
    key = {"KMSMasterKeyId": wanted["kmsKeyArn"]} if wanted.get("kmsKeyArn") else {}
    return {"Enabled": wanted["enabled"], **({"SSEType": "KMS", **key} if wanted["enabled"] else {})}


def _recovery(properties: Properties, api: Any, id: str) -> Any:
    wanted = properties.get("pointInTimeRecovery") or {"enabled": False}
    if set(wanted) != {"enabled"}:
        raise FakeProviderError(
            "the fake provider's row has no property pointInTimeRecovery.recoveryPeriodInDays"
        )
    return {"PointInTimeRecoveryEnabled": wanted["enabled"]}


def _arn(properties: Properties, api: Any, id: str) -> str:
    return f"arn:{api.partition}:dynamodb:{api.region}:{api.account_id}:table/{id}"


def _key_of(kind: str) -> Taken:
    def find(schema: Any, known: Properties, api: Any) -> Any:
        return next((key["AttributeName"] for key in schema or [] if key["KeyType"] == kind), None)

    return Taken("KeySchema", find)


def _attributes(definitions: Any, known: Properties, api: Any) -> Any:
    return [{"name": each["AttributeName"], "type": each["AttributeType"]} for each in definitions or []]


def _encrypted(description: Any, known: Properties, api: Any) -> Any:
    """DynamoDB describes only what goes beyond its own key, with which every table is encrypted."""
    found = description or {}
    enabled = found.get("Status") in ("ENABLED", "ENABLING", "UPDATING")
    return {"enabled": enabled, "kmsKeyArn": found.get("KMSMasterKeyArn")}


def _recoverable(description: Any, known: Properties, api: Any) -> Any:
    return {"enabled": (description or {}).get("PointInTimeRecoveryStatus") == "ENABLED"}


def _billing_mode(mode: Any, known: Properties, api: Any) -> Any:
    return mode or "PROVISIONED"


_TABLE = regional(
    Row(
        type="aws:dynamodb/table:Table",
        source="internal/service/dynamodb/table.go",
        replaces=frozenset({"name", "hashKey", "rangeKey", "attributes"}),
        unlike={"attributes": "replaces only through the keys; other attributes change with their index"},
        id="{name}",
        from_id=lambda id: {"name": id},
        auto_name="name",
        defaults={"billingMode": "PROVISIONED"},
        computed=frozenset({"deletionProtectionEnabled", "pointInTimeRecovery", "serverSideEncryption"}),
        create=(
            Call(
                "dynamodb.create_table",
                {
                    "TableName": "name",
                    "BillingMode": "billingMode",
                    "KeySchema": Made(tuple(_KEYS), _key_schema),
                    "AttributeDefinitions": Made(("attributes",), _attribute_definitions),
                    "SSESpecification": Made(("serverSideEncryption",), _encryption),
                    "DeletionProtectionEnabled": "deletionProtectionEnabled",
                },
            ),
            Wait("dynamodb.table_exists", {"TableName": ID}),
            Call(
                "dynamodb.update_continuous_backups",
                {
                    "TableName": ID,
                    "PointInTimeRecoverySpecification": Made(("pointInTimeRecovery",), _recovery),
                },
                needs="pointInTimeRecovery",
            ),
        ),
        reads=(
            Read(
                Call("dynamodb.describe_table", {"TableName": ID}, "Table"),
                {
                    "name": "TableName",
                    "arn": "TableArn",
                    "billingMode": Taken("BillingModeSummary.BillingMode", _billing_mode),
                    "hashKey": _key_of("HASH"),
                    "rangeKey": _key_of("RANGE"),
                    "attributes": Taken("AttributeDefinitions", _attributes),
                    "serverSideEncryption": Taken("SSEDescription", _encrypted),
                    "deletionProtectionEnabled": "DeletionProtectionEnabled",
                },
            ),
            Read(
                Call(
                    "dynamodb.describe_continuous_backups",
                    {"TableName": ID},
                    "ContinuousBackupsDescription.PointInTimeRecoveryDescription",
                ),
                {"pointInTimeRecovery": Taken("", _recoverable)},
            ),
        ),
        update={
            "billingMode": (
                Call("dynamodb.update_table", {"TableName": ID, "BillingMode": "billingMode"}),
                Wait("dynamodb.table_exists", {"TableName": ID}),
            ),
            "deletionProtectionEnabled": (
                Call(
                    "dynamodb.update_table",
                    {"TableName": ID, "DeletionProtectionEnabled": "deletionProtectionEnabled"},
                ),
                Wait("dynamodb.table_exists", {"TableName": ID}),
            ),
            "serverSideEncryption": (
                Call(
                    "dynamodb.update_table",
                    {"TableName": ID, "SSESpecification": Made(("serverSideEncryption",), _encryption)},
                ),
                Wait("dynamodb.table_exists", {"TableName": ID}),
            ),
            "pointInTimeRecovery": (
                Call(
                    "dynamodb.update_continuous_backups",
                    {
                        "TableName": ID,
                        "PointInTimeRecoverySpecification": Made(("pointInTimeRecovery",), _recovery),
                    },
                ),
            ),
        },
        tags=(
            Tags(
                live=Call("dynamodb.list_tags_of_resource", {"ResourceArn": Made((), _arn)}, "Tags"),
                tag=Call("dynamodb.tag_resource", {"ResourceArn": Made((), _arn), "Tags": ITEM}),
                untag=Call("dynamodb.untag_resource", {"ResourceArn": Made((), _arn), "TagKeys": ITEM}),
            ),
        ),
        delete=(
            Call("dynamodb.delete_table", {"TableName": ID}),
            Wait("dynamodb.table_not_exists", {"TableName": ID}),
        ),
    )
)

DYNAMODB_ROWS = (_TABLE,)
