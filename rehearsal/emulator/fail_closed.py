"""What cannot be authorised for certain is refused.

Gap: MiniStack allows a call that it cannot map to an IAM action; it authorises the `Action` of the query
string but executes that of the body, or of the X-Amz-Target header; it takes parameters that a call does not
have, and may authorise the call on what they name; the key id `test` and no key at all count as root of the
default account; and it serves data planes (Cognito, load balancers, function URLs, container registries,
runtime settings …) on their own paths and host names, partly without any check.

Here such a call is refused to everyone but root, a request that says two things at once is refused to
everyone, and only the AWS API proper is served, on this machine's own address.
"""

import functools
import json
import re
from typing import Any
from urllib.parse import parse_qs

import botocore.session

from rehearsal.emulator import sts_rules
from rehearsal.emulator.upstream import Response, actions, app, ec2_handlers, evaluator, responses

_QUERY_SERVICES = frozenset({"ec2", "iam", "sns", "sts"})
_JSON_SERVICES = frozenset(
    {"cloudtrail", "dynamodb", "events", "kms", "logs", "organizations", "ssm", "tagging"}
)
# Those whose calls are authorised on what their body says.
_JSON_SERVICES_READ_WHOLE = frozenset({"dynamodb", "kms"})
_FORM = "application/x-www-form-urlencoded"
_session = botocore.session.Session()
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
# A registered image would be started as a container on this machine.
_ACTIONS_WITHDRAWN = ("RegisterImage",)


def host_is_served(host: str) -> bool:
    return host.rsplit(":", 1)[0] in _HOSTS if not host.endswith("]") else host in _HOSTS


def ambiguity(
    service: str, method: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> str | None:
    """Why the request could be authorised as one thing and executed as another, or None."""
    target = headers.get("x-amz-target")
    form = headers.get("content-type", "").startswith(_FORM)
    if service in _QUERY_SERVICES:
        if target or method not in ("GET", "POST"):
            return "This service speaks the query protocol only: GET or POST, no X-Amz-Target."
        if body and (method == "GET" or query or not form):
            return "Parameters belong either in the query string or in a form body, not in both."
        parameters = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True) if body else query
        return _undeclared(service, parameters)
    if "Action" in query or (service == "s3" and target):
        return "This service takes no Action parameter."
    if service in _JSON_SERVICES and (form or not target):
        return "This service speaks the JSON protocol only: POST with X-Amz-Target."
    if service in _JSON_SERVICES_READ_WHOLE:
        return _undeclared_in_json(service, (target or "").rsplit(".", 1)[-1], body)
    if target and form:
        return "A form body and X-Amz-Target exclude each other."
    return None


@functools.lru_cache(maxsize=512)
def _declared(service: str, action: str) -> frozenset[str] | None:
    """The names that a call's parameters begin with, as sent; None for an action AWS does not have."""
    model = _session.get_service_model(service)
    if action not in model.operation_names:
        return None
    shape = model.operation_model(action).input_shape
    names = {"Action", "Version"}
    for member_name, member in (shape.members if shape else {}).items():
        serialized = member.serialization
        name = serialized.get("queryName") or serialized.get("name") or member_name
        names.add(name[0].upper() + name[1:] if service == "ec2" else name)
    return frozenset(names)


def _undeclared(service: str, parameters: dict[str, Any]) -> str | None:
    """A parameter the call does not have could only be there to have another resource authorised."""
    declared = _declared(service, (parameters.get("Action") or [""])[0])
    for name, values in parameters.items():
        if declared is not None and not name.startswith("X-Amz-") and name.split(".", 1)[0] not in declared:
            return f"This call has no parameter {name}."
        if len(values) > 1:
            return f"The parameter {name} is given more than once."
    return None


def _undeclared_in_json(service: str, action: str, body: bytes) -> str | None:
    """As above, for a body in JSON."""
    model = _session.get_service_model(service)
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return "The body is no JSON."
    if not isinstance(data, dict):
        return "The body is no JSON object."
    shape = model.operation_model(action).input_shape if action in model.operation_names else None
    unknown = sorted(set(data) - set(shape.members)) if shape else []
    return f"This call has no parameter {unknown[0]}." if unknown else None


async def _nothing(*_: Any, **__: Any) -> None:
    return None


def apply() -> None:
    authenticate = app._authenticate_only
    dispatch = app._dispatch_service_request
    before_the_body = app._handle_pre_body_request
    resource_arn = actions.extract_resource_arn

    def authenticate_and_refuse(
        service: str, headers: dict[str, str], query: dict[str, Any], request_id: str
    ) -> Response | None:
        failure: Response | None = authenticate(service, headers, query, request_id)
        if failure:
            return failure
        access_key_id = app.extract_access_key_id(headers, query)
        principal = evaluator.resolve_principal(access_key_id, responses.get_account_id())
        if access_key_id and getattr(principal, "type", "") == "Root":
            return None
        message = (
            f"The emulated AWS cannot tell which permission this call on {service} needs, and refuses it."
        )
        refused: Response = actions.access_denied_response(
            service, "", "", request_id, error_code="AccessDenied", message=message, headers=headers
        )
        return refused

    async def dispatch_unambiguous(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], request_id: str
    ) -> Any:
        service = app.detect_service(
            method, path, headers, app._routing_params(method, path, headers, body, query)
        )
        problem = ambiguity(service, method, headers, body, query)
        if not app.extract_access_key_id(headers, query):
            parameters = app._routing_params(method, path, headers, body, query)
            return sts_rules.unverifiable(parameters) or actions.access_denied_response(
                service, "", "", request_id, error_code="MissingAuthenticationToken", headers=headers
            )
        if problem:
            return actions.access_denied_response(
                service, "", "", request_id, error_code="AccessDenied", message=problem, headers=headers
            )
        return await dispatch(method, path, headers, body, query, request_id)

    async def only_health(
        method: str, path: str, headers: dict[str, str], query: dict[str, Any], request_id: str
    ) -> Any:
        if path in ("/_ministack/health", "/_ministack/reset"):
            return await before_the_body(method, path, headers, query, request_id)
        return None

    def exact_object_arn(service: str, method: str, path: str, *rest: Any) -> str:
        # MiniStack drops the empty parts of `bucket//key`, so the ARN checked was another object's.
        if service == "s3":
            bucket, _, key = path[1:].partition("/")
            if key.strip("/"):
                return f"arn:aws:s3:::{bucket}/{key}"
        return str(resource_arn(service, method, path, *rest))

    evaluator.is_root_access_key = lambda access_key_id: bool(_ACCOUNT_ID.fullmatch(access_key_id or ""))
    app._authenticate_only = authenticate_and_refuse
    app._dispatch_service_request = dispatch_unambiguous
    app._handle_pre_body_request = only_health
    app._handle_post_body_shortcuts = _nothing
    app._handle_special_data_plane_request = _nothing
    actions.extract_resource_arn = exact_object_arn
    for action in _ACTIONS_WITHDRAWN:
        ec2_handlers.pop(action, None)
