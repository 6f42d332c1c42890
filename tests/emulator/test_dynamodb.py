"""DynamoDB: whose tables a call reaches, and what is left when one is lost."""

import json
from typing import Any

import pytest

from tests.emulator.cloud import (
    ALLOWED,
    EVERYTHING,
    REGION,
    Account,
    Cloud,
    Document,
    Gap,
    allow,
    document,
    names,
    verdict,
)
from tests.emulator.test_fail_closed import send

pytestmark = pytest.mark.emulator

REFUSED = "AccessDeniedException"
ITEM = {"Path": {"S": "core"}, "Key": {"S": "lock"}}
NEW_KEY = {"Path": {"S": "core"}, "Key": {"S": "new"}}
TAGS = [{"Key": "Team", "Value": "x"}]


def arn(account: Account, table: str) -> str:
    return f"arn:aws:dynamodb:{REGION}:{account.id}:table/{table}"


def shape(name: str) -> dict[str, Any]:
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [
            {"AttributeName": "Path", "KeyType": "HASH"},
            {"AttributeName": "Key", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in ("Path", "Key")],
    }


def table(account: Account, name: str = "vault", *, recovery: bool = False) -> str:
    dynamodb = account.client("dynamodb")
    dynamodb.create_table(**shape(name))
    dynamodb.put_item(TableName=name, Item=ITEM)
    if recovery:
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    return arn(account, name)


def restores(account: Account, *granted: Document, recovery: bool = True) -> str:
    table(account, recovery=recovery)
    ada = account.user("Ada", document(*granted))
    return verdict(
        ada.client("dynamodb").restore_table_to_point_in_time,
        SourceTableName="vault",
        TargetTableName="vault-restored",
        UseLatestRestorableTime=True,
    )


def a_batch_that_also_names_a_table(cloud: Cloud) -> int:
    """Status of a batch on another's table that says it is about one's own."""
    account = cloud.account()
    own, _ = table(account, "own"), table(account, "secret")
    ada = account.user("Ada", document(allow("dynamodb:BatchWriteItem", own)))
    body = {"TableName": "own", "RequestItems": {"secret": [{"DeleteRequest": {"Key": ITEM}}]}}
    target = "DynamoDB_20120810.BatchWriteItem"
    return send(
        ada,
        "dynamodb",
        "POST",
        "/",
        json.dumps(body),
        X_Amz_Target=target,
        Content_Type="application/x-amz-json-1.0",
    )


def tags_of_a_table(cloud: Cloud) -> str:
    account = cloud.account()
    made = table(account)
    ada = account.user("Ada", document(allow("dynamodb:TagResource", made)))
    return verdict(ada.client("dynamodb").tag_resource, ResourceArn=made, Tags=TAGS)


def tags_at_birth(cloud: Cloud) -> str:
    ada = cloud.account().user("Ada", document(allow("dynamodb:CreateTable")))
    return verdict(ada.client("dynamodb").create_table, **shape("vault"), Tags=TAGS)


def a_restore_without_a_say_on_the_new_table(cloud: Cloud) -> str:
    return restores(cloud.account(), allow("dynamodb:RestoreTableToPointInTime"))


def a_restore_of_what_was_not_kept(cloud: Cloud) -> str:
    return restores(cloud.account(), allow("dynamodb:*"), recovery=False)


def a_statement_by_the_name_of_its_call(cloud: Cloud) -> str:
    account = cloud.account()
    table(account)
    ada = account.user("Ada", document(allow("dynamodb:ExecuteStatement")))
    return verdict(ada.client("dynamodb").execute_statement, Statement="SELECT * FROM vault")


def a_denial_on_the_table_itself(cloud: Cloud) -> str:
    account = cloud.account()
    made = table(account)
    ada = account.user("Ada", EVERYTHING)
    statement = {
        "Effect": "Deny",
        "Principal": {"AWS": ada.arn},
        "Action": "dynamodb:GetItem",
        "Resource": made,
    }
    account.client("dynamodb").put_resource_policy(ResourceArn=made, Policy=json.dumps(document(statement)))
    return verdict(ada.client("dynamodb").get_item, TableName="vault", Key=ITEM)


GAPS = [
    Gap("a batch reaches no table by naming another", a_batch_that_also_names_a_table, 403, 200),
    Gap("tags are authorised on the table", tags_of_a_table, ALLOWED, REFUSED),
    Gap("tags at birth need a permission", tags_at_birth, REFUSED, ALLOWED),
    Gap("a restore writes the new table", a_restore_without_a_say_on_the_new_table, REFUSED, ALLOWED),
    Gap(
        "only what was kept is restored",
        a_restore_of_what_was_not_kept,
        "PointInTimeRecoveryUnavailableException",
        ALLOWED,
    ),
    Gap("PartiQL has actions of its own", a_statement_by_the_name_of_its_call, REFUSED, ALLOWED),
    Gap("a tables own policy denies", a_denial_on_the_table_itself, REFUSED, ALLOWED),
]


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_behaves_as_aws_documents(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


@pytest.fixture
def account(emulated: Cloud) -> Account:
    return emulated.account()


def test_one_table_is_not_another(account: Account) -> None:
    own, _ = table(account, "own"), table(account, "other")
    dynamodb = account.user("Ada", document(allow("dynamodb:*", own))).client("dynamodb")
    for name, expected in (("own", ALLOWED), ("other", REFUSED)):
        assert verdict(dynamodb.get_item, TableName=name, Key=ITEM) == expected
        assert verdict(dynamodb.put_item, TableName=name, Item=NEW_KEY) == expected
        assert verdict(dynamodb.batch_get_item, RequestItems={name: {"Keys": [ITEM]}}) == expected
        write = {name: [{"DeleteRequest": {"Key": NEW_KEY}}]}
        assert verdict(dynamodb.batch_write_item, RequestItems=write) == expected
        assert verdict(dynamodb.describe_table, TableName=arn(account, name)) == expected
    both = {"own": {"Keys": [ITEM]}, "other": {"Keys": [ITEM]}}
    assert verdict(dynamodb.batch_get_item, RequestItems=both) == REFUSED
    transaction = [{"Put": {"TableName": "other", "Item": NEW_KEY}}]
    assert verdict(dynamodb.transact_write_items, TransactItems=transaction) == REFUSED


def test_a_table_of_another_account_is_out_of_reach(account: Account, emulated: Cloud) -> None:
    other = emulated.account()
    ada = account.user("Ada", EVERYTHING)
    found = verdict(ada.client("dynamodb").get_item, TableName=table(other), Key=ITEM)
    assert found in (REFUSED, "ResourceNotFoundException")


def test_a_restored_table_has_the_entries_and_no_protection(account: Account) -> None:
    granted = allow("dynamodb:*", arn(account, "*"))
    assert restores(account, granted) == ALLOWED
    dynamodb = account.client("dynamodb")
    assert dynamodb.get_item(TableName="vault-restored", Key=ITEM)["Item"] == ITEM
    backups = dynamodb.describe_continuous_backups(TableName="vault-restored")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    assert not dynamodb.describe_table(TableName="vault-restored")["Table"]["DeletionProtectionEnabled"]


def test_not_even_root_deletes_a_protected_table(account: Account) -> None:
    dynamodb = account.client("dynamodb")
    dynamodb.create_table(**shape("vault"), DeletionProtectionEnabled=True)
    assert verdict(dynamodb.delete_table, TableName="vault") == "ValidationException"
    dynamodb.update_table(TableName="vault", DeletionProtectionEnabled=False)
    assert verdict(dynamodb.delete_table, TableName="vault") == ALLOWED


def test_whoever_may_run_any_statement_runs_one(account: Account) -> None:
    table(account)
    ada = account.user("Ada", document(allow("dynamodb:PartiQL*")))
    assert verdict(ada.client("dynamodb").execute_statement, Statement="SELECT * FROM vault") == ALLOWED
