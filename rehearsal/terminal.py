"""What a person sees of a rehearsal: a line per claim while it runs, and a table at the end."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table
from rich.text import Text

from iam_hardening.claims.claim import ALLOWED, Outcome

T = TypeVar("T")

# Outside a terminal (a CI log), lines are not cut to 80 characters.
_LOG_WIDTH = 150
# Heading → the column's width in characters, or None and its share of what the others leave.
_COLUMNS: dict[str, tuple[int | None, int | None]] = {
    "who": (None, 4),
    "mfa": (6, None),
    "call": (None, 6),
    "resource": (None, 6),
    "account": (8, None),
    "claimed": (15, None),
    "found": (15, None),
}


class Terminal:
    """An audience that prints."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        if not self.console.is_terminal:
            self.console = Console(highlight=False, width=int(os.environ.get("COLUMNS", _LOG_WIDTH)))
        self.phases: dict[str, float] = {}

    @contextmanager
    def phase(self, title: str) -> Iterator[None]:
        """Something that takes a while: a spinner on a terminal, its seconds in the end."""
        began = perf_counter()
        with self.console.status(f"{title} …") if self.console.is_terminal else _nothing():
            yield
        self.phases[title] = perf_counter() - began
        self.console.print(f"[dim]{escape(title)}: {self.phases[title]:.1f} s[/dim]")

    def scenario_begins(self, title: str) -> None:
        self.console.print(f"\n[bold]{escape(title)}[/bold]")

    def note(self, text: str) -> None:
        self.console.print(f"  [yellow]note[/yellow] {escape(text)}")

    def outcome(self, outcome: Outcome) -> None:
        claim = outcome.claim
        style = "green" if outcome.holds else "bold red"
        reported = (claim.who, claim.mfa, claim.call, claim.resource, claim.account, claim.claimed)
        cells = [*map(Text, reported), Text(outcome.found, style)]
        self._line(Text("✓" if outcome.holds else "✗", style), cells)
        if not outcome.holds:
            self.console.print(
                f"    [red]{claim.call} on {escape(claim.resource)} by {escape(claim.who)}:[/red]"
            )
            self.console.print(
                f"    [red]claimed {escape(claim.claimed)}, because {escape(claim.reason)}; "
                f"found {escape(outcome.found)}[/red]"
            )
            if outcome.detail:
                self.console.print(f"    [red]{escape(outcome.detail)}[/red]")

    def tally(self, outcomes: list[Outcome]) -> None:
        """A line for each identity, and each false claim in full."""
        for who, same in groupby(outcomes, key=lambda outcome: outcome.claim.who):
            judged = list(same)
            false = [outcome for outcome in judged if not outcome.holds]
            allowed = sum(outcome.claim.claimed == ALLOWED for outcome in judged)
            mark = Text("✗", "red") if false else Text("✓", "green")
            reported = f"{len(judged)} claims: {allowed} allowed, {len(judged) - allowed} refused"
            self.console.print(mark, f"{escape(who):<25} {reported}")
            for outcome in false:
                self.outcome(outcome)

    def progress(self, title: str, steps: Sequence[T]) -> Iterator[T]:
        """The steps one by one, with a bar on a terminal."""
        yield from track(
            steps, escape(title), console=self.console, transient=True, disable=not self.console.is_terminal
        )

    def mutants(
        self, account: str, policy: str, noticed: int, survivors: Sequence[str], equivalent: int
    ) -> None:
        """A line for one policy, and one for each mutant of it that nothing noticed."""
        mark = Text("✗", "red") if survivors else Text("✓", "green")
        total = noticed + len(survivors) + equivalent
        same = f", {equivalent} equivalent" if equivalent else ""
        reported = f"{account:<10} {policy}: {noticed} of {total} mutants noticed{same}"
        self.console.print(mark, escape(reported))
        for survivor in survivors:
            self.console.print(f"    [red]survives:[/red] {escape(survivor)}")

    def columns(self) -> None:
        """The heading of the lines that `outcome` prints."""
        self._line(Text(), [Text(name, "dim") for name in _COLUMNS])

    def _line(self, mark: Text, cells: list[Text]) -> None:
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(width=1)
        for width, share in _COLUMNS.values():
            row.add_column(width=width, ratio=share, no_wrap=True, overflow="ellipsis")
        row.add_row(mark, *cells)
        self.console.print(row)

    def summary(self, outcomes: list[Outcome], seconds: dict[str, float]) -> None:
        table = Table(title="Claims", title_justify="left", title_style="bold")
        table.add_column("scenario")
        for heading in ("claims", "false", "seconds"):
            table.add_column(heading, justify="right")
        for scenario, took in seconds.items():
            judged = [outcome for outcome in outcomes if outcome.scenario == scenario]
            false = sum(not outcome.holds for outcome in judged)
            table.add_row(scenario, str(len(judged)), Text(str(false), "red" if false else ""), f"{took:.1f}")
        table.add_section()
        false = sum(not outcome.holds for outcome in outcomes)
        total = sum(self.phases.values()) + sum(seconds.values())
        table.add_row(
            "all", str(len(outcomes)), Text(str(false), "red" if false else "green"), f"{total:.1f}"
        )
        self.console.print()
        self.console.print(table)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def write_json(path: Path, report: dict[str, Any]) -> None:
    """The whole report for machines; written to a second file and moved, so that a reader never sees half
    of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(json.dumps(report, indent=2, default=str) + "\n")
    unfinished.replace(path)
