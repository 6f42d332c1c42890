"""CloudTrail trails that are made with tags.

Gap: MiniStack passes over the `TagsList` of CreateTrail.

AWS ("CreateTrail"): the tags are the trail's from the start; a list with a key twice is refused.
"""

from collections.abc import Callable
from typing import Any

from rehearsal.emulator.upstream import Response, cloudtrail

Body = dict[str, Any]


def _create(original: Callable[[Body], Response]) -> Callable[[Body], Response]:
    def create(body: Body) -> Response:
        keys = [tag.get("Key", "") for tag in body.get("TagsList") or []]
        if len(set(keys)) != len(keys):
            refused: Response = cloudtrail._err(
                "InvalidTagParameterException", "A tag key is specified more than once."
            )
            return refused
        answer = original(body)
        if answer[0] < 300 and keys:
            trail = cloudtrail._trails[body["Name"].strip()]
            cloudtrail._trail_tags[trail["TrailARN"]] = {
                tag["Key"]: tag.get("Value", "") for tag in body["TagsList"]
            }
        return answer

    return create


def apply() -> None:
    cloudtrail._DISPATCH["CreateTrail"] = _create(cloudtrail._DISPATCH["CreateTrail"])
