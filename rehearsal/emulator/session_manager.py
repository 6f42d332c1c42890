"""Shell sessions on instances: who may start and end them.

Gap: MiniStack has no StartSession, ResumeSession, TerminateSession or DescribeSessions.

AWS ("StartSession", "Actions, resources, and condition keys for AWS Systems Manager"): a session is
authorised on the instance, and on the document where the call names one.
`ssm:SessionDocumentAccessCheck` says whether it does; a policy that asks for it makes the caller name one
("Enforce a session document permission check"; that AWS checks the default document where none is named is
not relied on). Without a name the preferences of account and region count; a document that is not there opens
nothing. A session's id begins with the user's (or the role session's) name, so that
`session/${aws:username}-*` are a user's own; it is tagged with the opener's `aws:userid`
(`aws:ssmmessages:session-id`) and the instance (`aws:ssmmessages:target-id`), which `ssm:resourceTag/…` says
of it; an instance that does not run is not connected.

There is no shell behind it: the answer's address leads nowhere, nothing is logged, and no session ends by its
preferences, of which DescribeSessions shows one (`MaxSessionDuration`). Whether the instance's role lets its
agent register is not asked.
"""

import secrets
import time
from typing import Any

from rehearsal.emulator import request, session_documents
from rehearsal.emulator import resources as resources_of_calls
from rehearsal.emulator.session_documents import answer, refuse
from rehearsal.emulator.upstream import Parameters, Response, account_id, actions, ec2, responses, ssm

# Session ID → what DescribeSessions says of it, with its region and, as `opener`, whose it is.
_sessions: Any = responses.AccountScopedDict()
_OURS = ("Region", "opener")
_TAG = "ssm:resourceTag/aws:ssmmessages:"


def _arn(kind: str, identifier: str, service: str = "ssm") -> str:
    return f"arn:aws:{service}:{responses.get_region()}:{account_id()}:{kind}/{identifier}"


def resources(operation: str, content: dict[str, Any]) -> list[str]:
    """The ARNs that a call about sessions or documents is authorised on; none for other calls."""
    if operation == "StartSession":
        document = content.get("DocumentName")
        instance = _arn("instance", str(content.get("Target", "")), "ec2")
        return [instance, *([session_documents.arn(str(document))] if document else [])]
    if operation in ("ResumeSession", "TerminateSession"):
        return [_arn("session", str(content.get("SessionId", "")))]
    return session_documents.resources(operation, content)


def _handle(operation: str, content: dict[str, Any]) -> Response | None:
    if operation == "StartSession":
        return _start(content)
    if operation == "DescribeSessions":
        return _describe(content)
    identifier = str(content.get("SessionId", ""))
    session = _sessions.get(identifier)
    if operation == "ResumeSession":
        if session is None or session["Status"] != "Connected":
            return refuse("DoesNotExistException", f"Session {identifier} does not exist")
        return _connection(identifier)
    if operation == "TerminateSession":
        if session is not None:
            session |= {"Status": "Terminated", "EndDate": time.time()}
        return answer({"SessionId": identifier})
    return session_documents.handle(operation, content)


def _start(content: dict[str, Any]) -> Response:
    target = str(content.get("Target", ""))
    document = str(content.get("DocumentName") or session_documents.PREFERENCES)
    if content.get("DocumentName") and not session_documents.is_there(document):
        return refuse("InvalidDocument", f"Document with name {document} does not exist.")
    instance = ec2._instances.get(target)
    if instance is None or instance["State"]["Name"] != "running":
        return refuse("TargetNotConnected", f"{target} is not connected.")
    identifier = f"{request.caller_arn().rsplit('/', 1)[-1]}-{secrets.token_hex(8)}"
    _sessions[identifier] = {
        "SessionId": identifier,
        "Target": target,
        "Status": "Connected",
        "StartDate": time.time(),
        "Owner": request.caller_arn(),
        "DocumentName": document,
        "Region": responses.get_region(),
        "opener": request.caller_id(),
    }
    longest = session_documents.preference(document, "maxSessionDuration")
    if longest:
        _sessions[identifier]["MaxSessionDuration"] = longest
    return _connection(identifier)


def _connection(identifier: str) -> Response:
    return answer({"SessionId": identifier, "TokenValue": "none", "StreamUrl": "wss://127.0.0.1:0/none"})


def _keys(operation: str, content: dict[str, Any]) -> dict[str, Any]:
    """The condition keys of a call about a session."""
    if operation == "StartSession":
        return {"ssm:SessionDocumentAccessCheck": "true" if content.get("DocumentName") else "false"}
    session = _sessions.get(str(content.get("SessionId", "")))
    if operation in ("ResumeSession", "TerminateSession") and session and session["Status"] == "Connected":
        return {f"{_TAG}session-id": session["opener"], f"{_TAG}target-id": session["Target"]}
    return {}


def _describe(content: dict[str, Any]) -> Response:
    """Of the region: active or past ones, by owner and target. Filters: SSM API, "SessionFilter"."""
    active = content.get("State") == "Active"
    wanted = {each.get("key"): each.get("value") for each in content.get("Filters") or []}
    found = []
    for session in _sessions.values():
        is_active = session["Status"] == "Connected"
        if session["Region"] != responses.get_region() or is_active != active:
            continue
        if any(wanted.get(key, session[key]) != session[key] for key in ("Owner", "Target", "SessionId")):
            continue
        found.append({name: value for name, value in session.items() if name not in _OURS})
    return answer({"Sessions": found})


def _read(headers: dict[str, str], body: bytes) -> tuple[str, dict[str, Any]]:
    return headers.get("x-amz-target", "").rsplit(".", 1)[-1], request.content_of(body)


def apply() -> None:
    handle = ssm.handle_request
    request_tags = actions.request_tag_context

    def request_tag_context(
        service: str, iam_action: str, body: bytes, parameters: Parameters
    ) -> dict[str, Any]:
        keys: dict[str, Any] = dict(request_tags(service, iam_action, body, parameters))
        if service == "ssm":
            keys |= _keys(iam_action.split(":", 1)[-1], request.content_of(body))
        return keys

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: Parameters
    ) -> Response:
        answered = _handle(*_read(headers, body))
        if answered is None:
            answered = await handle(method, path, headers, body, query)
        return answered

    resources_of_calls.name("ssm", lambda call: resources(*_read(call.headers, call.body)))
    actions.request_tag_context = request_tag_context
    ssm.handle_request = handle_request
