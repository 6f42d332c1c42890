"""When, for which service and in which region an access key was last used; when and where a role was.

Gap: MiniStack answers of every key that it was never used, and says nothing of a role's use.

AWS ("GetAccessKeyLastUsed", "RoleLastUsed"): the service and region are those that the last request with the
key specified, which is what it was signed for; a role has the region only, in GetRole and
GetAccountAuthorizationDetails, and counts as used when credentials of its sessions are. A request whose
signature does not fit is not a use. Temporary credentials of a user are not a use of the user's key here:
AWS's pages do not say. Keys of the account's root user are left out.

A use is reported at once here; on AWS that takes its time.
"""

import re
import time
from typing import Any

from rehearsal.emulator.upstream import (
    Handler,
    Parameters,
    Response,
    evaluator,
    iam,
    iam_answer,
    iam_handlers,
    parameter,
    succeeded,
)

# KEY/DATE/REGION/SERVICE/aws4_request, in the header or in a presigned URL.
_SCOPE = re.compile(r"(?:Credential=|^)[^/,\s]+/[0-9]{8}/([^/]+)/([^/]+)/aws4_request")

# Access key id, or role id → ISO date, region, service. Ids are never given twice.
_used: dict[str, tuple[str, str, str]] = {}


def _scope(signed: Any) -> tuple[str, str] | None:
    """Region and service that the request was signed for."""
    presigned = (signed.query_params or {}).get("X-Amz-Credential") or [""]
    found = _SCOPE.search((signed.headers or {}).get("authorization", "")) or _SCOPE.search(presigned[0])
    return (found[1], found[2]) if found else None


def of_key(access_key_id: str) -> tuple[str, str, str] | None:
    """ISO date, region and service of an access key's last use; None before the first."""
    return _used.get(access_key_id)


def _record(credential: Any, scope: tuple[str, str]) -> None:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if credential.principal_type == "AssumedRole":
        _used[credential.principal_id.split(":", 1)[0]] = (moment, *scope)
    elif credential.principal_type == "User":
        _used[credential.access_key_id] = (moment, *scope)


def _of_key(handler: Handler) -> Handler:
    def answer(parameters: Parameters) -> Response:
        response = handler(parameters)
        key = parameter(parameters, "AccessKeyId")
        if not succeeded(response) or key not in _used:
            return response
        moment, region, service = _used[key]
        user = iam._access_keys[key]["UserName"]
        return iam_answer(
            "GetAccessKeyLastUsed",
            f"<UserName>{user}</UserName><AccessKeyLastUsed><LastUsedDate>{moment}</LastUsedDate>"
            f"<ServiceName>{service}</ServiceName><Region>{region}</Region></AccessKeyLastUsed>",
        )

    return answer


def _of_roles(handler: Handler) -> Handler:
    def answer(parameters: Parameters) -> Response:
        status, headers, body = handler(parameters)
        text = body.decode()
        for role in iam._roles.values():
            if role["RoleId"] in _used:
                moment, region, _ = _used[role["RoleId"]]
                own_arn = f"<Arn>{role['Arn']}</Arn>"
                use = f"<LastUsedDate>{moment}</LastUsedDate><Region>{region}</Region>"
                text = text.replace(own_arn, f"{own_arn}<RoleLastUsed>{use}</RoleLastUsed>")
        return status, headers, text.encode()

    return answer


def apply() -> None:
    authenticate = evaluator.authenticate

    def authenticate_and_record(access_key_id: str, account_id: str) -> Any:
        signed = evaluator._signed_request.get()
        credential = authenticate(access_key_id, account_id)
        if signed is not None and isinstance(credential, evaluator.ResolvedCredential):
            scope = _scope(signed)
            if scope:
                _record(credential, scope)
        return credential

    evaluator.authenticate = authenticate_and_record
    iam_handlers["GetAccessKeyLastUsed"] = _of_key(iam_handlers["GetAccessKeyLastUsed"])
    for action in ("GetRole", "GetAccountAuthorizationDetails"):
        iam_handlers[action] = _of_roles(iam_handlers[action])
