"""Read-only calls of a person who may lack a permission: which one, in a sentence instead of a traceback."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from botocore.exceptions import ClientError

T = TypeVar("T")

# Refusals as not authorized, as the services spell them.
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "Client.UnauthorizedOperation",
    "UnauthorizedOperation",
}


class NotAllowed(Exception):
    """The caller may not look. The text is the IAM action that it takes."""


def answer_of(
    action: str | Callable[[str], str], call: Callable[..., T], missing: Iterable[str] = (), **arguments: Any
) -> T | None:
    """The answer of a read-only call; None where AWS says with one of `missing` that there is no such thing.
    Raises NotAllowed with the IAM action that it takes; of several calls that is worked out from the
    operation's name."""
    try:
        return call(**arguments)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _DENIED:
            takes = action if isinstance(action, str) else action(error.operation_name)
            raise NotAllowed(takes) from None
        if code in missing:
            return None
        raise
