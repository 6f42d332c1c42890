"""IAM Access Analyzer: analyzers of external access, as far as making, reading and deleting one goes.

Gap: MiniStack has no Access Analyzer.

AWS ("CreateAnalyzer", "GetAnalyzer", "ListAnalyzers", "DeleteAnalyzer", "TagResource"; "IAM Access Analyzer
quotas"): an account has one analyzer of its external access per region. "Using service-linked roles for
AWS Identity and Access Management Access Analyzer": the first one makes the role, and needs
`iam:CreateServiceLinkedRole`; here the role is not made, and each analyzer needs it.

It analyzes nothing: there are no findings, and none of the calls about them.
"""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from rehearsal.emulator import request, resources
from rehearsal.emulator.ec2_authorization import Check
from rehearsal.emulator.upstream import Parameters, Response, account_id, actions, app, iam, responses

_SERVICE = "accessanalyzer"
_SCOPE = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/access-analyzer/")
_KINDS = ("ACCOUNT",)
_PRINCIPAL = "access-analyzer.amazonaws.com"
_SERVICE_LINKED_ROLE = "AWSServiceRoleForAccessAnalyzer"
# Method and path to the action; the path's last part is the name, or the ARN for tags.
_ROUTES = (
    ("PUT", re.compile(r"/analyzer"), "CreateAnalyzer"),
    ("GET", re.compile(r"/analyzer"), "ListAnalyzers"),
    ("GET", re.compile(r"/analyzer/([^/]+)"), "GetAnalyzer"),
    ("DELETE", re.compile(r"/analyzer/([^/]+)"), "DeleteAnalyzer"),
    ("GET", re.compile(r"/tags/(.+)"), "ListTagsForResource"),
    ("POST", re.compile(r"/tags/(.+)"), "TagResource"),
    ("DELETE", re.compile(r"/tags/(.+)"), "UntagResource"),
)

_analyzers: Any = responses.AccountRegionScopedDict()


def _arn(name: str) -> str:
    return f"arn:aws:access-analyzer:{responses.get_region()}:{account_id()}:analyzer/{name}"


def _route(method: str, path: str) -> tuple[str, str] | None:
    """The action and the analyzer's name, which is empty where the call names none."""
    for verb, pattern, action in _ROUTES:
        match = pattern.fullmatch(unquote(path))
        if verb == method and match:
            return action, (match[1].rsplit("/", 1)[-1] if match.groups() else "")
    return None


def service_linked_role() -> list[Check]:
    """What the first analyzer of an account needs in addition."""
    if _SERVICE_LINKED_ROLE in iam._roles:
        return []
    path = f"aws-service-role/{_PRINCIPAL}/{_SERVICE_LINKED_ROLE}"
    return [
        Check(
            "iam:CreateServiceLinkedRole",
            f"arn:aws:iam::{account_id()}:role/{path}",
            {"iam:AWSServiceName": _PRINCIPAL},
        )
    ]


def _answer(content: dict[str, Any]) -> Response:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()


def _refuse(code: str, status: int, message: str) -> Response:
    answer: Response = responses.error_response_json(code, message, status)
    return answer


def _create(content: dict[str, Any]) -> Response:
    name, kind = str(content.get("analyzerName", "")), str(content.get("type", ""))
    if kind not in _KINDS:
        return _refuse("ValidationException", 400, f"The emulated AWS has no analyzers of type {kind}.")
    if name in _analyzers:
        return _refuse("ConflictException", 409, f"An analyzer named {name} exists.")
    if len(_analyzers):
        return _refuse("ServiceQuotaExceededException", 402, "One analyzer of this type is allowed.")
    _analyzers[name] = {
        "name": name,
        "arn": _arn(name),
        "type": kind,
        "status": "ACTIVE",
        "createdAt": "2026-01-01T00:00:00Z",
        "tags": dict(content.get("tags") or {}),
    }
    return _answer({"arn": _arn(name)})


def _handle(action: str, name: str, content: dict[str, Any], query: Parameters) -> Response:
    if action == "CreateAnalyzer":
        return _create(content)
    if action == "ListAnalyzers":
        return _answer({"analyzers": list(_analyzers.values())})
    analyzer = _analyzers.get(name)
    if analyzer is None:
        return _refuse("ResourceNotFoundException", 404, f"There is no analyzer {name}.")
    tags: dict[str, str] = analyzer["tags"]
    if action == "GetAnalyzer":
        return _answer({"analyzer": analyzer})
    if action == "ListTagsForResource":
        return _answer({"tags": tags})
    if action == "DeleteAnalyzer":
        del _analyzers[name]
    elif action == "TagResource":
        tags.update(content.get("tags") or {})
    else:
        for key in query.get("tagKeys", []):
            tags.pop(key, None)
    return _answer({})


async def _serve(method: str, path: str, headers: dict[str, str], body: bytes, query: Parameters) -> Response:
    route = _route(method, path)
    if route is None:
        return _refuse("ValidationException", 400, f"The emulated AWS has no {method} {path}.")
    return _handle(*route, json.loads(body or b"{}"), query)


def _authorised_on(call: resources.Call) -> list[str]:
    action, name = _route(call.method, call.path) or ("", "")
    if action == "CreateAnalyzer":
        name = str(call.content.get("analyzerName", ""))
    return [_arn(name) if name else "*"]


def apply() -> None:
    detect_service: Callable[..., str] = app.detect_service
    extract_action = actions.extract_iam_action
    request_tags = actions.request_tag_context

    def detect_analyzer(method: str, path: str, headers: dict[str, str], *rest: Any) -> str:
        if _SCOPE.search(headers.get("authorization", "")):
            return _SERVICE
        return detect_service(method, path, headers, *rest)

    def extract_iam_action(service: str, method: str, path: str, *rest: Any) -> str | None:
        if service == _SERVICE:
            route = _route(method, path)
            return f"access-analyzer:{route[0]}" if route else None
        action: str | None = extract_action(service, method, path, *rest)
        return action

    def request_tag_context(
        service: str, iam_action: str, body: bytes, parameters: Parameters
    ) -> dict[str, Any]:
        keys: dict[str, Any] = dict(request_tags(service, iam_action, body, parameters))
        tags = request.content_of(body).get("tags") if service == _SERVICE else None
        if isinstance(tags, dict) and tags:
            keys |= {f"aws:RequestTag/{name}": value for name, value in tags.items()}
            keys["aws:TagKeys"] = list(tags)
        return keys

    app.detect_service = detect_analyzer
    app.SERVICE_HANDLERS[_SERVICE] = _serve
    actions.extract_iam_action = extract_iam_action
    resources.name(_SERVICE, _authorised_on)
    actions.request_tag_context = request_tag_context
