"""On which alarms calls of CloudWatch are authorised.

Gap: MiniStack sees one alarm's name in a call, so calls on several alarms, on their tags, and those that
describe alarms are authorised on `*`; and it does not see the tags that an alarm is made with.

AWS ("Actions, resources, and condition keys for Amazon CloudWatch"): each on the alarms that it names;
DescribeAlarms and DescribeAlarmHistory on `alarm:*`.

A call in CBOR has no action that can be read, and is refused.
"""

from typing import Any

from rehearsal.emulator import request, resources
from rehearsal.emulator.upstream import Parameters, account_id, actions, members, parameter, responses

_SERVICE = "monitoring"
_DESCRIBE = frozenset({"DescribeAlarmHistory", "DescribeAlarms"})


def _content(body: bytes, parameters: Parameters) -> dict[str, Any]:
    if found := request.content_of(body):
        return found
    named = {name: parameter(parameters, name) for name in ("AlarmName", "ResourceARN")}
    return named | {"AlarmNames": members(parameters, "AlarmNames")}


def _arn(name: str) -> str:
    return f"arn:aws:cloudwatch:{responses.get_region()}:{account_id()}:alarm:{name}"


def _resources(action: str, content: dict[str, Any]) -> list[str]:
    if action in _DESCRIBE:
        return [_arn("*")]
    if content.get("ResourceARN"):
        return [str(content["ResourceARN"])]
    return [
        _arn(str(name)) for name in (content.get("AlarmName"), *(content.get("AlarmNames") or [])) if name
    ]


def apply() -> None:
    extract_action = actions.extract_iam_action

    def alarms(call: resources.Call) -> list[str]:
        action = str(extract_action(_SERVICE, *call))
        return _resources(action.split(":", 1)[-1], _content(call.body, call.parameters))

    # MiniStack looks for the calls with tags in a model of the service by its own name for it.
    actions._TAG_OPERATIONS[_SERVICE] = actions._tag_operations("cloudwatch")
    resources.name(_SERVICE, alarms)
