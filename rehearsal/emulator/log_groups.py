"""On what calls of CloudWatch Logs are authorised.

Gap: MiniStack authorises a call on the ARN of the log group without the `:*` at its end, knows no streams,
and sees a group only where the call names it as `logGroupName`.

AWS ("Actions, resources, and condition keys for Amazon CloudWatch Logs"; CloudWatch Logs API reference,
"LogGroup", arn): a group's ARN ends with `:*` for all calls but TagResource, UntagResource and
ListTagsForResource; what makes, reads, writes or deletes a stream is authorised on the stream; a query on
each group that it reads. `DescribeLogGroups` has no single group.
"""

from typing import Any

from rehearsal.emulator import resources as resources_of_calls
from rehearsal.emulator.upstream import account_id, responses

_ON_A_STREAM = frozenset({"CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"})
_LISTS = frozenset({"DescribeLogGroups"})


def resources(operation: str, content: dict[str, Any]) -> list[str]:
    """The ARNs of the groups or streams that a call names; none where it names none."""
    if operation in _LISTS:
        return []
    named = [content.get("logGroupName"), content.get("logGroupIdentifier")]
    for several in ("logGroupNames", "logGroupIdentifiers"):
        named += content.get(several) or []
    groups = [_arn(str(name)) for name in named if name]
    if operation in _ON_A_STREAM:
        return [f"{group}:log-stream:{content.get('logStreamName', '')}" for group in groups]
    return [f"{group}:*" for group in groups]


def _arn(name_or_arn: str) -> str:
    if name_or_arn.startswith("arn:"):
        return name_or_arn.removesuffix(":*")
    return f"arn:aws:logs:{responses.get_region()}:{account_id()}:log-group:{name_or_arn}"


def apply() -> None:
    resources_of_calls.name("logs", lambda call: resources(call.operation, call.content))
