"""The source identity of a session: who is behind it, through every role.

Gap: MiniStack passes over SourceIdentity.

AWS ("Monitor and control actions taken with assumed roles"; "AssumeRole"): to set one, and to assume a role
with a session that has one, needs `sts:SetSourceIdentity` on the role, in the caller's policies and in the
trust policy, which sees `sts:SourceIdentity`. It stays in a chain of roles and cannot be changed;
`aws:SourceIdentity` is that of the session. It does not begin with `aws:`.
"""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from rehearsal.emulator import request
from rehearsal.emulator.upstream import Response, evaluator, parameter, refuse, sts, succeeded

_FORM = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


def _of_session() -> str:
    return str((request.session() or {}).get("SourceIdentity") or "")


def given() -> str:
    """The source identity that a session made by this call has; empty where there is none."""
    if parameter(request.current().parameters, "Action") != "AssumeRole":
        return ""
    return parameter(request.current().parameters, "SourceIdentity") or _of_session()


def _refusal(wanted: str) -> Response | None:
    if wanted and not _FORM.fullmatch(wanted):
        message = f"Value '{wanted}' at 'sourceIdentity' must match [\\w+=,.@-]{{2,64}}."
        return refuse(400, "ValidationError", message, "sts")
    if wanted and _of_session() not in ("", wanted):
        return refuse(403, "AccessDenied", "The source identity of a session cannot be changed.", "sts")
    return None


def apply() -> None:
    evaluate = evaluator.evaluate_trust_policy
    register = sts.register_session
    principal_keys = evaluator._principal_keys
    handle = sts.handle_request

    def evaluate_trust_policy(document: Any, caller: str, context: Any = None) -> bool:
        source = given()
        if not source or context is None:
            return bool(evaluate(document, caller, context))
        context.service_context["sts:sourceidentity"] = source
        setting = replace(context, action="sts:SetSourceIdentity")
        return bool(evaluate(document, caller, context) and evaluate(document, caller, setting))

    def register_session(access_key_id: str, session: dict[str, Any]) -> None:
        if given():
            session["SourceIdentity"] = given()
        register(access_key_id, session)

    def keys_with_source(credential: Any) -> dict[str, Any]:
        keys: dict[str, Any] = principal_keys(credential)
        session = sts._sessions.get(credential.access_key_id) or {}
        if session.get("SourceIdentity"):
            keys["aws:sourceidentity"] = session["SourceIdentity"]
        return keys

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Response:
        parameters = {**query, **(parse_qs(body.decode("utf-8", "replace")) if body else {})}
        wanted = parameter(parameters, "SourceIdentity")
        refused = _refusal(wanted) if parameter(parameters, "Action") == "AssumeRole" else None
        if refused:
            return refused
        answer: Response = await handle(method, path, headers, body, query)
        if not succeeded(answer) or not given():
            return answer
        element = f"<SourceIdentity>{escape(given())}</SourceIdentity></AssumeRoleResult>"
        return answer[0], answer[1], answer[2].replace(b"</AssumeRoleResult>", element.encode())

    evaluator.evaluate_trust_policy = evaluate_trust_policy
    sts.register_session = register_session
    evaluator._principal_keys = sts._principal_keys = keys_with_source
    sts.handle_request = handle_request
