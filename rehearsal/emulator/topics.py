"""On which topic calls of SNS about tags are authorised.

Gap: MiniStack looks for a topic in other parameters, and authorises these calls on `*`.

AWS ("Actions, resources, and condition keys for Amazon SNS"): on the topic that ResourceArn names.
"""

from typing import Any

from rehearsal.emulator.upstream import Parameters, actions, parameter


def apply() -> None:
    resource_arn = actions.extract_resource_arn

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        parameters: Parameters,
        *rest: Any,
    ) -> str:
        named = parameter(parameters, "ResourceArn") if service == "sns" else ""
        return named or str(resource_arn(service, method, path, headers, body, parameters, *rest))

    actions.extract_resource_arn = extract_resource_arn
