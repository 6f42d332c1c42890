"""What STS asks of a call in addition to the trust policy.

Gap: MiniStack takes any DurationSeconds, does not cap role chaining, lets root assume roles (and root of
*any* account a role that trusts a service), checks no RoleSessionName, believes any web identity token
with any signature, authorises GetFederationToken on `*`, and ignores MFA codes (see `mfa.py`).

AWS ("AssumeRole", "GetSessionToken", "GetFederationToken", "CreateRole"): durations are 900 s up to the
role's MaxSessionDuration (3,600 to 43,200 s), 129,600 s for GetSessionToken and GetFederationToken (3,600 s
for root); "Roles terms and concepts": role chaining is capped at one hour; root cannot call AssumeRole;
session names match `[\\w+=,.@-]{2,64}`; GetFederationToken is authorised on `federated-user/NAME`.

Web identity and SAML sessions are refused: nothing here can check the signature of their tokens.
"""

import re
from typing import Any
from urllib.parse import parse_qs

from rehearsal.emulator import mfa, resources
from rehearsal.emulator.upstream import (
    Handler,
    Parameters,
    Response,
    account_id,
    evaluator,
    iam,
    iam_handlers,
    parameter,
    refuse,
    sts,
)

MIN_SESSION_SECONDS = 900
CHAINED_SESSION_MAX_SECONDS = 3600
ROOT_SESSION_MAX_SECONDS = 3600
USER_SESSION_MAX_SECONDS = 129_600
ROLE_SESSION_SECONDS = range(3600, 43_200 + 1)

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_UNVERIFIABLE = frozenset({"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})


def _invalid(message: str, service: str = "sts") -> Response:
    return refuse(400, "ValidationError", message, service)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _longest_session(action: str, parameters: Parameters, caller: dict[str, Any]) -> tuple[int, str]:
    """The most seconds the call may ask for, and the sentence when it asks for more."""
    if action != "AssumeRole":
        limit = ROOT_SESSION_MAX_SECONDS if caller["principalType"] == "Root" else USER_SESSION_MAX_SECONDS
        return limit, f"The requested DurationSeconds exceeds the maximum of {limit}."
    if caller["principalType"] == "AssumedRole":
        return (
            CHAINED_SESSION_MAX_SECONDS,
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining",
        )
    parts = parameter(parameters, "RoleArn").split(":")
    role = iam._roles.get_scoped(parts[4], None, parts[5].rsplit("/", 1)[-1]) if len(parts) > 5 else None
    limit = int((role or {}).get("MaxSessionDuration") or CHAINED_SESSION_MAX_SECONDS)
    return limit, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."


def _duration_refusal(action: str, parameters: Parameters, caller: dict[str, Any]) -> Response | None:
    text = parameter(parameters, "DurationSeconds")
    if not text:
        return None
    seconds = _number(text)
    if seconds is None or seconds < MIN_SESSION_SECONDS:
        return _invalid(
            f"1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: "
            f"Member must have value greater than or equal to {MIN_SESSION_SECONDS}"
        )
    limit, message = _longest_session(action, parameters, caller)
    return _invalid(message) if seconds > limit else None


def unverifiable(parameters: Parameters) -> Response | None:
    """The refusal of a call that rests on a token instead of AWS credentials, or None for other calls."""
    if parameter(parameters, "Action") not in _UNVERIFIABLE:
        return None
    message = "The emulated AWS cannot verify the token's signature, so it refuses every such token."
    return refuse(403, "AccessDenied", message, "sts")


def refusal(action: str, parameters: Parameters, caller: Any) -> Response | None:
    if action in _UNVERIFIABLE:
        return unverifiable(parameters)
    if action not in ("AssumeRole", "GetFederationToken", "GetSessionToken"):
        return None
    if isinstance(caller, evaluator.CredentialResolutionError):
        return None  # MiniStack's own answer names the reason
    if action == "AssumeRole":
        if caller["principalType"] == "Root":
            return refuse(403, "AccessDenied", "Roles may not be assumed by root accounts.", "sts")
        name = parameter(parameters, "RoleSessionName")
        if not _SESSION_NAME.fullmatch(name):
            return _invalid(
                f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy "
                "constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]{2,64}"
            )
    return _duration_refusal(action, parameters, caller) or (
        None if action == "GetFederationToken" else mfa.verify_code(parameters, caller)
    )


def _with_session_limit(handler: Handler) -> Handler:
    def checked(parameters: Parameters) -> Response:
        text = parameter(parameters, "MaxSessionDuration")
        if text and _number(text) not in ROLE_SESSION_SECONDS:
            return _invalid(
                f"1 validation error detected: Value '{text}' at 'maxSessionDuration' failed to satisfy "
                "constraint: Member must have value between 3600 and 43200",
                "iam",
            )
        return handler(parameters)

    return checked


def _federated_users(call: resources.Call) -> list[str]:
    if parameter(call.parameters, "Action") != "GetFederationToken":
        return []
    return [f"arn:aws:sts::{account_id()}:federated-user/{parameter(call.parameters, 'Name')}"]


def apply() -> None:
    handle = sts.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Response:
        parameters = {**query, **(parse_qs(body.decode("utf-8", "replace")) if body else {})}
        mfa.forget_code()
        try:
            refused = refusal(
                parameter(parameters, "Action"), parameters, sts._caller_identity(headers, query)
            )
            if refused:
                return refused
            answer: Response = await handle(method, path, headers, body, query)
            return answer
        finally:
            mfa.forget_code()

    resources.name("sts", _federated_users)
    sts.handle_request = handle_request
    for action in ("CreateRole", "UpdateRole"):
        iam_handlers[action] = _with_session_limit(iam_handlers[action])
