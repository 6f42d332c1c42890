"""The request being served: who sent it and what it asks for, for the modules that need both at once."""

import json
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from rehearsal.emulator.upstream import Parameters, Response, account_id, evaluator, iam, sts


def content_of(body: bytes) -> dict[str, Any]:
    """A body of the JSON protocol; nothing where it is no JSON object."""
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


@dataclass
class Request:
    access_key_id: str = ""
    # As the call is authorised, `s3:GetObject`; empty where that is not known.
    action: str = ""
    parameters: Parameters = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    # What the call is authorised on in addition to its main resource.
    further_resources: list[str] = field(default_factory=list)
    # Actions on the role to be assumed that its trust policy alone allows, and who it must name for that.
    by_trust_alone: dict[str, str] = field(default_factory=dict)
    # A condition key that a policy asks for, that AWS has for the call and that has no value here.
    unknown_key: str = ""
    # What was refused, when that is not the call's own action and resource (iam:PassRole for RunInstances).
    denied_action: str = ""
    denied_resource: str = ""

    def data(self) -> dict[str, Any]:
        """What a call of the JSON protocol says; nothing where it is no JSON object."""
        return content_of(self.body)


_current: ContextVar[Request] = ContextVar("emulated_aws_request")


def begin(request: Request) -> None:
    _current.set(request)


def current() -> Request:
    return _current.get(Request())


def caller_arn() -> str:
    return str(evaluator.caller_arn())


def caller_user_name() -> str | None:
    """The IAM user that sent the request, with its own keys or a session of them; None for root and roles."""
    arn = caller_arn()
    return arn.rsplit("/", 1)[-1] if ":user/" in arn else None


def caller_id() -> str:
    """`aws:userid` of who sent the request: a user's ID, or ROLEID:SESSION."""
    caller = evaluator.resolve_principal(current().access_key_id, account_id())
    return str(caller.keys["aws:userid"])


def caller_is_root() -> bool:
    return caller_arn() == f"arn:aws:iam::{account_id()}:root"


def session() -> dict[str, object] | None:
    """The record of the temporary credentials that signed the request; None for long-term ones."""
    record: dict[str, object] | None = sts._sessions.get(current().access_key_id)
    return record


def user_not_found(name: str) -> Response:
    answer: Response = iam._error(404, "NoSuchEntity", f"The user with name {name} cannot be found.")
    return answer
