"""A claim about access, and what a real call found."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from botocore.exceptions import ClientError
from hvac.exceptions import Forbidden, VaultError

ALLOWED = "allowed"
REFUSED = "refused"
# The credentials themselves are not (or no longer) valid: deleted key, ended session.
KEY_INVALID = "key invalid"

# "AuthorizationError" is SNS's.
_REFUSED_CODES = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
_KEY_INVALID_CODES = {
    "AuthFailure",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
}
_DETAIL_CHARACTERS = 200

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is claimed of one call.

    `mfa` is what the caller's session carries; `account` the stack whose account is called; `claimed` a
    verdict such as `allowed` or `refused`; `reason` a sentence that says why it has to be so.
    """

    who: str
    mfa: str
    call: str
    resource: str
    account: str
    claimed: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened. `detail` is the service's own word for it, an error code and message for example."""

    scenario: str
    claim: Claim
    found: str
    detail: str

    @property
    def holds(self) -> bool:
        return self.found == self.claim.claimed

    def as_dict(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario,
            **asdict(self.claim),
            "found": self.found,
            "holds": self.holds,
            "detail": self.detail,
        }


@dataclass(frozen=True, kw_only=True)
class Attempt(Generic[T]):
    """A call that was made: the verdict, the service's word for it, and the answer if there was one."""

    found: str
    detail: str
    value: T | None = None


def attempt(call: Callable[[], T]) -> Attempt[T]:
    """Makes the call. Only a refusal as not authorized is `refused`; other failures are themselves."""
    try:
        value = call()
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        message = str(error.response.get("Error", {}).get("Message", ""))
        detail = f"{code}: {message}"[:_DETAIL_CHARACTERS]
        if code in _REFUSED_CODES:
            return Attempt(found=REFUSED, detail=detail)
        if code in _KEY_INVALID_CODES:
            return Attempt(found=KEY_INVALID, detail=detail)
        return Attempt(found=code, detail=detail)
    except Forbidden as error:
        return Attempt(found=REFUSED, detail=f"403: {_text(error)}")
    except VaultError as error:
        return Attempt(found=type(error).__name__, detail=_text(error))
    return Attempt(found=ALLOWED, detail="", value=value)


def _text(error: VaultError) -> str:
    return " ".join(str(error).split())[:_DETAIL_CHARACTERS]
