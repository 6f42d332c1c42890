"""What a verification found, claim by claim, and what it could not look at."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from iam_hardening.claims.claim import Claim, Outcome

if TYPE_CHECKING:
    from iam_hardening.clients.account_facts import Fact

T = TypeVar("T")

NOTHING = "nothing"
MISSING = "not there"
# Refusals for want of permission, as the services spell them.
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "Client.UnauthorizedOperation",
    "UnauthorizedOperation",
}


class NotAllowed(Exception):
    """The caller may not look. The text is the IAM action that it takes."""


class Findings:
    """`outcomes` in order; `unchecked`: what could not be looked at, and what it takes; `notes`: what is
    worth knowing; `strangers`: what is not this stack's."""

    def __init__(self, stack: str) -> None:
        self.outcomes: list[Outcome] = []
        self.unchecked: list[str] = []
        self.notes: list[str] = []
        self.strangers: list[Fact] = []
        self._stack = stack
        self._section = ""

    @contextmanager
    def section(self, title: str) -> Iterator[None]:
        """A part of the account. Where the caller may not look, the rest of it stays unchecked."""
        self._section = title
        try:
            yield
        except NotAllowed as refused:
            self.unchecked.append(f"{title}: it takes {refused}")

    def compare(
        self, what: str, question: str, claimed: object, found: object, reason: str, detail: str = ""
    ) -> None:
        """`what` is the thing, such as `group Auditors`; `question` what is claimed of it."""
        claim = Claim(
            who="caller",
            mfa="-",
            call=question,
            resource=what,
            account=self._stack,
            claimed=text_of(claimed),
            reason=reason,
        )
        self.outcomes.append(Outcome(scene=self._section, claim=claim, found=text_of(found), detail=detail))

    @property
    def false(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if not outcome.holds]


def text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return ", ".join(sorted(map(str, value))) or NOTHING
    return str(value)


def looking(
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
