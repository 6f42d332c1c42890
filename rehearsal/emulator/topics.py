"""On which topic calls of SNS about tags are authorised.

Gap: MiniStack looks for a topic in other parameters, and authorises these calls on `*`.

AWS ("Actions, resources, and condition keys for Amazon SNS"): on the topic that ResourceArn names.
"""

from rehearsal.emulator import resources
from rehearsal.emulator.upstream import parameter


def _topics(call: resources.Call) -> list[str]:
    named = parameter(call.parameters, "ResourceArn")
    return [named] if named else []


def apply() -> None:
    resources.name("sns", _topics)
