"""On which parameters calls of Parameter Store about several are authorised.

Gap: MiniStack authorises GetParameters, DeleteParameters and GetParametersByPath on `*`.

AWS ("Actions, resources, and condition keys for AWS Systems Manager"): on every parameter that the call
names, or on the path.
"""

from typing import Any

from rehearsal.emulator import resources
from rehearsal.emulator.upstream import account_id, responses


def _resources(content: dict[str, Any]) -> list[str]:
    names = content.get("Names") if isinstance(content.get("Names"), list) else []
    named = [*(names or []), *([content["Path"]] if content.get("Path") else [])]
    prefix = f"arn:aws:ssm:{responses.get_region()}:{account_id()}:parameter/"
    return [name if str(name).startswith("arn:") else f"{prefix}{str(name).strip('/')}" for name in named]


def _named(call: resources.Call) -> list[str]:
    several = call.operation in ("DeleteParameters", "GetParameters", "GetParametersByPath")
    return _resources(call.content) if several else []


def apply() -> None:
    resources.name("ssm", _named)
