"""The fake provider's row of DynamoDB under the real engine: a table, what protects it, and its end."""

from collections.abc import Callable
from typing import Any

import pulumi_aws as aws
import pytest

pytestmark = pytest.mark.engine


def _table(
    *, protected: bool = True, recovery: bool = True, tag: str = "security", range_key: str = "Key"
) -> Callable[[], None]:
    def program() -> None:
        aws.dynamodb.Table(
            "table",
            name="vault",
            billing_mode="PAY_PER_REQUEST",
            hash_key="Path",
            range_key=range_key,
            attributes=[aws.dynamodb.TableAttributeArgs(name=key, type="S") for key in ("Path", range_key)],
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=recovery),
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=True),
            deletion_protection_enabled=protected,
            tags={"Team": tag},
        )

    return program


def _found(stack: Any) -> dict[str, Any]:
    dynamodb = stack.client("dynamodb")
    table = dynamodb.describe_table(TableName="vault")["Table"]
    backups = dynamodb.describe_continuous_backups(TableName="vault")["ContinuousBackupsDescription"]
    return {
        "keys": [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]],
        "billing": table["BillingModeSummary"]["BillingMode"],
        "encrypted": table["SSEDescription"]["Status"],
        "protected": table["DeletionProtectionEnabled"],
        "recovery": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "tags": dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
    }


def test_a_table_is_made_stays_and_goes_when_its_protection_is_lifted(stack: Any) -> None:
    stack.up(_table())
    assert stack.up().clean
    assert stack.refresh().clean
    assert _found(stack) == {
        "keys": [("Path", "HASH"), ("Key", "RANGE")],
        "billing": "PAY_PER_REQUEST",
        "encrypted": "ENABLED",
        "protected": True,
        "recovery": "ENABLED",
        "tags": [{"Key": "Team", "Value": "security"}],
    }
    with pytest.raises(Exception, match="protected against deletion"):
        stack.destroy()
    stack.up(_table(protected=False))
    stack.destroy()
    assert stack.client("dynamodb").list_tables()["TableNames"] == []


def test_a_table_changes_in_place_and_a_change_by_hand_is_undone(stack: Any) -> None:
    stack.up(_table())
    assert stack.up(_table(protected=False, recovery=False, tag="test")).updated == {"table"}
    found = _found(stack)
    assert (found["protected"], found["recovery"]) == (False, "DISABLED")
    assert found["tags"] == [{"Key": "Team", "Value": "test"}]
    stack.up(_table())
    dynamodb = stack.client("dynamodb")
    dynamodb.update_table(TableName="vault", DeletionProtectionEnabled=False)
    dynamodb.update_continuous_backups(
        TableName="vault", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    stack.refresh()
    assert stack.up().updated == {"table"}
    found = _found(stack)
    assert (found["protected"], found["recovery"]) == (True, "ENABLED")


def test_a_table_with_another_key_is_another_table(stack: Any) -> None:
    stack.up(_table(protected=False))
    stack.up(_table(protected=False, range_key="Other"))
    assert _found(stack)["keys"] == [("Path", "HASH"), ("Other", "RANGE")]
