"""The actions that were asked for, allowed or not: what a provider plugin needs permission for.

No gap of MiniStack's. `GET /_emulated_aws/calls` answers with those since the last `POST` there, as JSON:
access key ID to IAM's names of actions, such as `iam:GetRole`, with what a call needs in addition
(`iam:PassRole`).
"""

import json

_actions: dict[str, set[str]] = {}


def add(access_key_id: str, action: str) -> None:
    _actions.setdefault(access_key_id, set()).add(action)


def begin() -> None:
    _actions.clear()


def as_json() -> bytes:
    return json.dumps({key: sorted(actions) for key, actions in _actions.items()}).encode()
