"""On which parameters calls of Parameter Store about several are authorised.

Gap: MiniStack authorises GetParameters, DeleteParameters and GetParametersByPath on `*`.

AWS ("Actions, resources, and condition keys for AWS Systems Manager"): on every parameter that the call
names, or on the path.
"""

from typing import Any

from rehearsal.emulator import request
from rehearsal.emulator.upstream import account_id, actions, responses


def _resources(content: dict[str, Any]) -> list[str]:
    names = content.get("Names") if isinstance(content.get("Names"), list) else []
    named = [*(names or []), *([content["Path"]] if content.get("Path") else [])]
    prefix = f"arn:aws:ssm:{responses.get_region()}:{account_id()}:parameter/"
    return [name if str(name).startswith("arn:") else f"{prefix}{str(name).strip('/')}" for name in named]


def apply() -> None:
    resource_arn = actions.extract_resource_arn

    def extract_resource_arn(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any
    ) -> str:
        operation = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        if service == "ssm" and operation in ("DeleteParameters", "GetParameters", "GetParametersByPath"):
            found = _resources(request.content_of(body))
            if found:
                request.current().further_resources = found[1:]
                return found[0]
        return str(resource_arn(service, method, path, headers, body, *rest))

    actions.extract_resource_arn = extract_resource_arn
