"""Lists in pages.

Gap: MiniStack answers every IAM list whole and ignores MaxItems and Marker, so a program that forgets to ask
for the next page is never found out.

AWS ("ListUsers" and all others): at most MaxItems entries, 100 unless the call says otherwise, then
IsTruncated and a Marker for the next call.
"""

import base64
import binascii
import xml.etree.ElementTree as ElementTree

from rehearsal.emulator.upstream import (
    Handler,
    Parameters,
    Response,
    iam_handlers,
    parameter,
    refuse,
    succeeded,
)

_NAMESPACE = "https://iam.amazonaws.com/doc/2010-05-08/"
_DEFAULT_PAGE = 100
_MAX_PAGE = 1000
_PAGED_BESIDE_LISTS = ("GetGroup",)


def _tag(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"


def _start(marker: str) -> int | None:
    if not marker:
        return 0
    try:
        text = base64.urlsafe_b64decode(marker).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return int(text) if text.isdigit() else None


def _page(body: bytes, start: int, count: int) -> bytes:
    root = ElementTree.fromstring(body)  # noqa: S314 (our own answer)
    result = root[0]
    entries = next((e for e in result if len(e) and all(child.tag == _tag("member") for child in e)), None)
    total = 0 if entries is None else len(entries)
    if entries is None or (start == 0 and total <= count):
        return body
    for position, entry in enumerate(list(entries)):
        if not start <= position < start + count:
            entries.remove(entry)
    truncated = start + count < total
    flag = result.find(_tag("IsTruncated"))
    if flag is None:
        flag = ElementTree.SubElement(result, _tag("IsTruncated"))
    flag.text = "true" if truncated else "false"
    if truncated:
        marker = ElementTree.SubElement(result, _tag("Marker"))
        marker.text = base64.urlsafe_b64encode(str(start + count).encode()).decode()
    return ElementTree.tostring(root, default_namespace=_NAMESPACE)


def _paged(handler: Handler) -> Handler:
    def page(parameters: Parameters) -> Response:
        wanted = parameter(parameters, "MaxItems") or str(_DEFAULT_PAGE)
        if not wanted.isdigit() or not 1 <= int(wanted) <= _MAX_PAGE:
            return refuse(
                400, "ValidationError", f"Value '{wanted}' at 'maxItems' must be between 1 and {_MAX_PAGE}"
            )
        start = _start(parameter(parameters, "Marker"))
        if start is None:
            return refuse(400, "ValidationError", "Invalid Marker.")
        answer = handler(parameters)
        if not succeeded(answer):
            return answer
        status, headers, body = answer
        return status, headers, _page(body, start, int(wanted))

    return page


def apply() -> None:
    for action in [a for a in iam_handlers if a.startswith("List") or a in _PAGED_BESIDE_LISTS]:
        iam_handlers[action] = _paged(iam_handlers[action])
