"""Shell sessions on instances: who may start and end them.

Gap: MiniStack has no StartSession, ResumeSession, TerminateSession or DescribeSessions.

AWS ("StartSession", "Actions, resources, and condition keys for AWS Systems Manager"): a session is
authorised on the instance, and on the document where the call names one; its id begins with the user's (or
the role session's) name, so that `session/${aws:username}-*` are a user's own; it is tagged with the opener's
`aws:userid` (`aws:ssmmessages:session-id`) and the instance (`aws:ssmmessages:target-id`), which
`ssm:resourceTag/…` says of it; an instance that does not run is not connected.

There is no shell behind it: the answer's address leads nowhere. Whether the instance's role lets its agent
register is not asked.
"""

import json
import secrets
import time
from typing import Any

from rehearsal.emulated_aws import request
from rehearsal.emulated_aws.upstream import Parameters, Response, account_id, actions, ec2, responses, ssm

# Session ID → its tags; and what DescribeSessions says of it.
_sessions: Any = responses.AccountScopedDict()
_described: Any = responses.AccountScopedDict()
_TAG = "ssm:resourceTag/aws:ssmmessages:"


def _arn(kind: str, identifier: str, service: str = "ssm") -> str:
    return f"arn:aws:{service}:{responses.get_region()}:{account_id()}:{kind}/{identifier}"


def _answer(content: dict[str, Any]) -> Response:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(content).encode()


def _refuse(code: str, message: str) -> Response:
    answer: Response = responses.error_response_json(code, message, 400)
    return answer


def resources(operation: str, content: dict[str, Any]) -> list[str]:
    """The ARNs that a call of Session Manager is authorised on; none for other calls."""
    if operation == "StartSession":
        document = content.get("DocumentName")
        instance = _arn("instance", str(content.get("Target", "")), "ec2")
        return [instance, *([_arn("document", str(document))] if document else [])]
    if operation in ("ResumeSession", "TerminateSession"):
        return [_arn("session", str(content.get("SessionId", "")))]
    return []


def _handle(operation: str, content: dict[str, Any]) -> Response | None:
    if operation == "StartSession":
        target = str(content.get("Target", ""))
        instance = ec2._instances.get(target)
        if instance is None or instance["State"]["Name"] != "running":
            return _refuse("TargetNotConnected", f"{target} is not connected.")
        identifier = f"{request.caller_arn().rsplit('/', 1)[-1]}-{secrets.token_hex(8)}"
        _sessions[identifier] = {f"{_TAG}session-id": request.caller_id(), f"{_TAG}target-id": target}
        _described[identifier] = {
            "SessionId": identifier,
            "Target": target,
            "Status": "Connected",
            "StartDate": time.time(),
            "Owner": request.caller_arn(),
            "Region": responses.get_region(),
        }
        return _answer({"SessionId": identifier, "TokenValue": "none", "StreamUrl": "wss://127.0.0.1:0/none"})
    if operation == "DescribeSessions":
        return _describe(content)
    identifier = str(content.get("SessionId", ""))
    if operation == "ResumeSession":
        if identifier not in _sessions:
            return _refuse("DoesNotExistException", f"Session {identifier} does not exist")
        return _answer({"SessionId": identifier, "TokenValue": "none", "StreamUrl": "wss://127.0.0.1:0/none"})
    if operation == "TerminateSession":
        _sessions.pop(identifier, None)
        if identifier in _described:
            _described[identifier] |= {"Status": "Terminated", "EndDate": time.time()}
        return _answer({"SessionId": identifier})
    return None


def _describe(content: dict[str, Any]) -> Response:
    """Of the region: active or past ones, by owner and target. Filters: SSM API, "SessionFilter"."""
    active = content.get("State") == "Active"
    wanted = {each.get("key"): each.get("value") for each in content.get("Filters") or []}
    found = []
    for session in _described.values():
        is_active = session["Status"] == "Connected"
        if session["Region"] != responses.get_region() or is_active != active:
            continue
        if any(wanted.get(key, session[key]) != session[key] for key in ("Owner", "Target", "SessionId")):
            continue
        found.append({name: value for name, value in session.items() if name != "Region"})
    return _answer({"Sessions": found})


def _read(headers: dict[str, str], body: bytes) -> tuple[str, dict[str, Any]]:
    return headers.get("x-amz-target", "").rsplit(".", 1)[-1], _content(body)


def _content(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def apply() -> None:
    resource_arn = actions.extract_resource_arn
    handle = ssm.handle_request
    request_tags = actions.request_tag_context

    def extract_resource_arn(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any
    ) -> str:
        if service == "ssm":
            found = resources(*_read(headers, body))
            if found:
                request.current().further_resources = found[1:]
                return found[0]
        return str(resource_arn(service, method, path, headers, body, *rest))

    def request_tag_context(
        service: str, iam_action: str, body: bytes, parameters: Parameters
    ) -> dict[str, Any]:
        keys: dict[str, Any] = dict(request_tags(service, iam_action, body, parameters))
        if service == "ssm" and iam_action.split(":", 1)[-1] in ("ResumeSession", "TerminateSession"):
            keys |= _sessions.get(str(_content(body).get("SessionId", ""))) or {}
        return keys

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: Parameters
    ) -> Response:
        answer = _handle(*_read(headers, body))
        if answer is None:
            answer = await handle(method, path, headers, body, query)
        return answer

    actions.extract_resource_arn = extract_resource_arn
    actions.request_tag_context = request_tag_context
    ssm.handle_request = handle_request
