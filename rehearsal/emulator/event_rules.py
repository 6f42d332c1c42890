"""EventBridge: a call on a rule or a bus is authorised on that rule or bus.

Gap: MiniStack authorises every call of EventBridge on `*`, so a policy that names a rule decides nothing.

AWS ("Actions, resources, and condition keys for Amazon EventBridge"): `rule/NAME` on the default bus,
`rule/BUS/NAME` on another one; `event-bus/NAME`.
"""

from typing import Any

from rehearsal.emulator import resources
from rehearsal.emulator.upstream import account_id, responses

# The calls on one rule, and the parameter that names it.
_RULE_IN = {
    "DeleteRule": "Name",
    "DescribeRule": "Name",
    "DisableRule": "Name",
    "EnableRule": "Name",
    "ListTargetsByRule": "Rule",
    "PutRule": "Name",
    "PutTargets": "Rule",
    "RemoveTargets": "Rule",
}
_TAGGING = frozenset({"ListTagsForResource", "TagResource", "UntagResource"})
_DEFAULT_BUS = "default"
_ON_A_BUS = frozenset({"CreateEventBus", "DeleteEventBus", "DescribeEventBus", "UpdateEventBus"})


def rule_arn(operation: str, content: dict[str, Any]) -> str | None:
    """Of the rule or the bus that a call is about; None for another call."""
    if operation in _ON_A_BUS:
        bus = str(content.get("Name") or _DEFAULT_BUS).rsplit("/", 1)[-1]
        return f"arn:aws:events:{responses.get_region()}:{account_id()}:event-bus/{bus}"
    if operation in _TAGGING:
        return str(content.get("ResourceARN") or "") or None
    name = content.get(_RULE_IN.get(operation, ""))
    if not name:
        return None
    bus = str(content.get("EventBusName") or _DEFAULT_BUS).rsplit("/", 1)[-1]
    path = str(name) if bus == _DEFAULT_BUS else f"{bus}/{name}"
    return f"arn:aws:events:{responses.get_region()}:{account_id()}:rule/{path}"


def _rules(call: resources.Call) -> list[str]:
    found = rule_arn(call.operation, call.content)
    return [found] if found else []


def apply() -> None:
    resources.name("events", _rules)
