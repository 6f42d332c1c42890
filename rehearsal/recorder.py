"""Where the personas act: collects what was claimed and what happened, one scenario after the other."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Protocol, TypeVar

from iam_hardening.claims.claim import ALLOWED, Attempt, Claim, Outcome, attempt

T = TypeVar("T")


class Audience(Protocol):
    """The output: the terminal, or none."""

    def scenario_begins(self, title: str) -> None: ...
    def outcome(self, outcome: Outcome) -> None: ...
    def note(self, text: str) -> None: ...
    def tally(self, outcomes: list[Outcome]) -> None: ...


class ScenarioEnds(Exception):
    """A claim failed on which the rest of the scenario stands; it is reported as a false claim already."""


class Recorder:
    """`outcomes` in order, `seconds` per scenario, `notes` on what was not played and why."""

    def __init__(self, audience: Audience) -> None:
        self.outcomes: list[Outcome] = []
        self.seconds: dict[str, float] = {}
        self.notes: list[str] = []
        self._audience = audience
        self._scenario = ""

    @contextmanager
    def scenario(self, title: str) -> Iterator[None]:
        """One scenario. It may end early on a false claim; the next one runs anyway."""
        self._scenario = title
        self._audience.scenario_begins(title)
        began = perf_counter()
        try:
            yield
        except ScenarioEnds as end:
            self.note(f"{title}: the rest was not played, {end}")
        finally:
            self.seconds[title] = perf_counter() - began

    def note(self, text: str) -> None:
        self.notes.append(text)
        self._audience.note(text)

    def judge(self, claim: Claim, call: Callable[[], T]) -> Attempt[T]:
        """Makes the call and records whether the verdict is the claimed one."""
        made = attempt(call)
        self.found(claim, made.found, made.detail)
        return made

    def must(self, claim: Claim, call: Callable[[], T]) -> T:
        """A call that the rest of the scenario needs: if it is not allowed, the scenario ends."""
        made = self.judge(claim, call)
        if made.found != ALLOWED or made.value is None:
            raise ScenarioEnds(f"{claim.who} could not {claim.call} ({made.found})")
        return made.value

    def found(self, claim: Claim, found: str, detail: str = "") -> None:
        """Records what was found by other means than a call that is allowed or refused."""
        outcome = Outcome(scenario=self._scenario, claim=claim, found=found, detail=detail)
        self.outcomes.append(outcome)
        self._audience.outcome(outcome)

    def found_many(self, findings: Iterable[tuple[Claim, str, str]]) -> None:
        """Many claims of one kind: claim, found, detail. All are recorded; the audience gets a tally."""
        outcomes = [
            Outcome(scenario=self._scenario, claim=claim, found=found, detail=detail)
            for claim, found, detail in findings
        ]
        self.outcomes += outcomes
        self._audience.tally(outcomes)
