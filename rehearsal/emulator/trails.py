"""CloudTrail trails: tags at their creation, and on which trail a call about tags is authorised.

Gap: MiniStack passes over the `TagsList` of CreateTrail, and authorises AddTags, RemoveTags and ListTags on
`*`.

AWS ("CreateTrail"): the tags are the trail's from the start; a list with a key twice is refused. "Actions,
resources, and condition keys for AWS CloudTrail": each of the three on the trails that it names.
"""

from collections.abc import Callable
from typing import Any

from rehearsal.emulator import request, resources
from rehearsal.emulator.upstream import Parameters, Response, actions, cloudtrail

Body = dict[str, Any]


def _trails_of_tags(body: Body) -> list[str]:
    """The trails that a call about tags names; none for other calls."""
    named = [body.get("ResourceId"), *(body.get("ResourceIdList") or [])]
    return [str(arn) for arn in named if arn]


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
    request_tags = actions.request_tag_context

    def request_tag_context(
        service: str, iam_action: str, body: bytes, parameters: Parameters
    ) -> dict[str, Any]:
        keys: dict[str, Any] = dict(request_tags(service, iam_action, body, parameters))
        tags = request.content_of(body).get("TagsList") if service == "cloudtrail" else None
        if isinstance(tags, list) and tags:
            keys |= {f"aws:RequestTag/{tag.get('Key')}": tag.get("Value", "") for tag in tags}
            keys["aws:TagKeys"] = [tag.get("Key") for tag in tags]
        return keys

    resources.name("cloudtrail", lambda call: _trails_of_tags(call.content))
    actions.request_tag_context = request_tag_context
    cloudtrail._DISPATCH["CreateTrail"] = _create(cloudtrail._DISPATCH["CreateTrail"])
