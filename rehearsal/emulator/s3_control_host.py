"""S3 Control addressed by the account's host name, as the AWS SDKs do.

Gap: MiniStack takes the account from the header `x-amz-account-id` only, which the SDK for Go does not send.

AWS ("PutPublicAccessBlock" of S3 Control): the host name is `ACCOUNT_ID.s3-control.REGION.amazonaws.com`.
Here it is `ACCOUNT_ID.` before the emulator's own, a name that no resolver knows: clients that use it ask the
emulator as their HTTP proxy, in absolute form (RFC 9112, section 3.2.2). Whether the caller belongs to that
account is checked as for the header. The signature is checked over the headers as they were sent.
"""

import re
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from rehearsal.emulator.upstream import app

_PREFIX = "/v20180820/"
_ACCOUNT_HOST = re.compile(r"([0-9]{12})\.(.+)")
_HEADER = b"x-amz-account-id"

_ABSOLUTE = re.compile(rb"http://([^/]+)(/.*)?")

Headers = list[tuple[bytes, bytes]]

_signed_headers: ContextVar[Headers | None] = ContextVar("headers_as_sent", default=None)


def apply() -> None:
    pin = app.pin_signed_request

    def pin_signed_request(method: str, raw_path: str, query: dict[str, Any], headers: Headers) -> None:
        pin(method, raw_path, query, _signed_headers.get() or headers)

    app.pin_signed_request = pin_signed_request


def in_origin_form(scope: dict[str, Any]) -> dict[str, Any]:
    """A request to a proxy as one to the server: its target's host is the one that counts."""
    found = _ABSOLUTE.fullmatch(scope["raw_path"])
    if found is None:
        return scope
    host, path = found[1], found[2] or b"/"
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"host"]
    return {
        **scope,
        "raw_path": path,
        "path": unquote(path.decode("ascii")),
        "headers": [(b"host", host), *headers],
    }


def without_account(path: str, headers: Headers) -> Headers:
    """The headers of a request as the rest of the emulator takes them: the account in a separate header.

    Who names one account by the host and another by the header names none.
    """
    host = next((value for name, value in headers if name.lower() == b"host"), b"").decode("latin-1")
    found = _ACCOUNT_HOST.fullmatch(host)
    _signed_headers.set(None)
    if found is None or not path.startswith(_PREFIX):
        return headers
    account, rest = found.groups()
    _signed_headers.set(headers)
    kept = [(name, rest.encode() if name.lower() == b"host" else value) for name, value in headers]
    named = {value for name, value in headers if name.lower() == _HEADER}
    if named - {account.encode()}:
        return [each for each in kept if each[0].lower() != _HEADER] + [(_HEADER, b"")]
    return kept if named else [*kept, (_HEADER, account.encode())]
