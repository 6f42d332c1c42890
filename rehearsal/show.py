"""What a person sees of a rehearsal: a line per claim while it runs, and a table at the end."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from access.claims import Outcome

# Where nobody watches a terminal (a CI log), lines are not cut to 80 characters.
_LOG_WIDTH = 150
_COLUMNS = (
    ("who", 5),
    ("mfa", 3),
    ("call", 7),
    ("resource", 8),
    ("account", 2),
    ("claimed", 4),
    ("found", 4),
)


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

    def scene_begins(self, title: str) -> None:
        self.console.print(f"\n[bold]{escape(title)}[/bold]")

    def note(self, text: str) -> None:
        self.console.print(f"  [yellow]note[/yellow] {escape(text)}")

    def outcome(self, outcome: Outcome) -> None:
        claim = outcome.claim
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(width=1)
        for _, ratio in _COLUMNS:
            row.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
        style = "green" if outcome.holds else "bold red"
        cells = [
            claim.who,
            claim.mfa,
            claim.call,
            claim.resource,
            claim.account,
            claim.claimed,
            outcome.found,
        ]
        row.add_row(
            Text("✓" if outcome.holds else "✗", style),
            *(Text(cell) for cell in cells[:-1]),
            Text(cells[-1], style),
        )
        self.console.print(row)
        if not outcome.holds:
            self.console.print(f"    [red]claimed because {escape(claim.reason)}[/red]")
            if outcome.detail:
                self.console.print(f"    [red]{escape(outcome.detail)}[/red]")

    def columns(self) -> None:
        """The heading of the lines that `outcome` prints."""
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(width=1)
        for _, ratio in _COLUMNS:
            row.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
        row.add_row("", *(Text(name, "dim") for name, _ in _COLUMNS))
        self.console.print(row)

    def summary(self, outcomes: list[Outcome], seconds: dict[str, float]) -> None:
        table = Table(title="Claims", title_justify="left", title_style="bold")
        table.add_column("scene")
        for heading in ("claims", "false", "seconds"):
            table.add_column(heading, justify="right")
        for scene, took in seconds.items():
            judged = [outcome for outcome in outcomes if outcome.scene == scene]
            false = sum(not outcome.holds for outcome in judged)
            table.add_row(scene, str(len(judged)), Text(str(false), "red" if false else ""), f"{took:.1f}")
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
    """The whole report for machines; written beside and moved, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(json.dumps(report, indent=2, default=str) + "\n")
    unfinished.replace(path)
