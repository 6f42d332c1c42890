"""DynamoDB: on which tables a call is decided, by resource policies too, and what can be restored.

Gap: MiniStack authorises a batch that also names a table on that table alone, calls on an ARN (tags, resource
policies) and a restore on `*`, PartiQL by the name of the call, tags at birth not at all; it keeps resource
policies and never asks them; and it restores to a point in time what no one had switched that on for.

AWS ("Actions, resources, and condition keys for Amazon DynamoDB"; "Resource-based policies for DynamoDB";
"Restoring a table to a point in time": it needs the restore on the source, and reading and writing on the
new table; "PartiQL for DynamoDB": the actions are PartiQLSelect, …Insert, …Update and …Delete).

Which of them a PartiQL statement is, and on which table, is not worked out: it needs all four on every table.
"""

from collections.abc import Callable, Iterator
from typing import Any

from rehearsal.emulator import action_table, request
from rehearsal.emulator.ec2_authorization import Check
from rehearsal.emulator.upstream import Response, account_id, dynamodb, evaluator, responses

_PARTIQL_CALLS = frozenset({"BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction"})
_PARTIQL = ("PartiQLDelete", "PartiQLInsert", "PartiQLSelect", "PartiQLUpdate")
_FILLS_A_RESTORED_TABLE = (
    "BatchWriteItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "UpdateItem",
)

Data = dict[str, Any]


def _arn(table: str) -> str:
    if table.startswith("arn:"):
        return table
    return f"arn:aws:dynamodb:{responses.get_region()}:{account_id()}:table/{table}"


def _tables(data: Data) -> list[str]:
    """The ARNs that the call names; of an index where it names one."""
    named = data.get("RequestItems")
    if isinstance(named, dict):
        return [_arn(str(table)) for table in named]
    table = data.get("TableName") or data.get("TableArn") or data.get("ResourceArn") or ""
    index = f"/index/{data['IndexName']}" if data.get("IndexName") else ""
    return [f"{_arn(str(table))}{index}"] if table else []


def checks(action: str, resource: str, keys: dict[str, Any]) -> Iterator[Check]:
    """Every permission the DynamoDB call needs, the call's own first."""
    data, name = request.current().data(), action.split(":", 1)[1]
    if "TransactItems" in data:
        # Taken apart before: this is one item, on its own table.
        yield Check(action, resource, keys)
        return
    if name in _PARTIQL_CALLS:
        tables = {_arn("*"), *(_arn(str(table)) for table in dynamodb._tables)}
        yield from (Check(f"dynamodb:{each}", table, keys) for each in _PARTIQL for table in sorted(tables))
        return
    if name == "RestoreTableToPointInTime":
        source = str(data.get("SourceTableArn") or data.get("SourceTableName") or "")
        yield Check(action, _arn(source), keys)
        target = _arn(str(data.get("TargetTableName") or ""))
        yield from (Check(f"dynamodb:{each}", target, keys) for each in _FILLS_A_RESTORED_TABLE)
        return
    for table in _tables(data) or ["*"]:
        yield Check(action, table, keys)
    if data.get("Tags"):
        table = _arn(str(data.get("TableName")))
        yield from (Check(name, table, keys) for name in action_table.tagging(action))


def _policy_for_arn(arn: str) -> tuple[str, str] | None:
    table = arn.split("/index/", 1)[0]
    entry = dynamodb._resource_policies.get(table)
    return (entry["Policy"], account_id()) if entry else None


def _only_with_recovery(handler: Callable[[Data], Response]) -> Callable[[Data], Response]:
    def restore(data: Data) -> Response:
        named = str(data.get("SourceTableArn") or data.get("SourceTableName") or "")
        table = named.rsplit("/", 1)[-1]
        if table in dynamodb._tables and not dynamodb._pitr_settings.get(table):
            refusal: Response = responses.error_response_json(
                "PointInTimeRecoveryUnavailableException",
                f"Point in time recovery is not enabled for table '{table}'",
                400,
            )
            return refusal
        return handler(data)

    return restore


def apply() -> None:
    dynamodb.policy_for_arn = _policy_for_arn
    evaluator._RESOURCE_POLICY_LOOKUPS["dynamodb"] = ("dynamodb", "policy_for_arn")
    dynamodb._restore_table_to_point_in_time = _only_with_recovery(dynamodb._restore_table_to_point_in_time)
