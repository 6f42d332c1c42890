"""S3: tags that an object is written with, and versions that are deleted several at once.

Gap: MiniStack writes an object's tags without asking for anything, and authorises the first of several
deletions as one of a key, also where it names a version.

AWS ("PutObject": tags need `s3:PutObjectTagging`; "DeleteObjects": each key needs `s3:DeleteObject`, each
version `s3:DeleteObjectVersion`; "Actions, resources, and condition keys for Amazon S3":
`s3:RequestObjectTag/KEY`).
"""

from typing import Any
from urllib.parse import parse_qsl

from rehearsal.emulator import request
from rehearsal.emulator.upstream import Parameters, actions, s3


def keys_of_tags(action: str) -> dict[str, Any]:
    """The condition keys of the tags that the request writes an object with; none where it has no tags."""
    current = request.current()
    headers = s3._merge_hoisted_amz_headers(current.headers, current.parameters)
    tags = parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True)
    if action != "s3:PutObject" or not tags:
        return {}
    keys: dict[str, Any] = {f"s3:RequestObjectTag/{name}": value for name, value in tags}
    return keys | {"s3:RequestObjectTagKeys": [name for name, _ in tags]}


def apply() -> None:
    extract_action = actions.extract_iam_action

    def extract_iam_action(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, parameters: Parameters
    ) -> str | None:
        action: str | None = extract_action(service, method, path, headers, body, parameters)
        if service == "s3" and method == "POST" and action == "s3:DeleteObject":
            targets = actions._s3_batch_delete_targets(path.strip("/"), body)
            return "s3:DeleteObjectVersion" if targets and targets[0][1] else action
        return action

    actions.extract_iam_action = extract_iam_action
