"""What a verification found, claim by claim, and what it could not look at."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from iam_hardening.claims.claim import Claim, Outcome
from iam_hardening.clients.account_facts import Fact
from iam_hardening.clients.reads import NotAllowed

NOTHING = "nothing"
MISSING = "not there"


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
        self.outcomes.append(
            Outcome(scenario=self._section, claim=claim, found=text_of(found), detail=detail)
        )

    @property
    def false(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if not outcome.holds]


def text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return ", ".join(sorted(map(str, value))) or NOTHING
    return str(value)
