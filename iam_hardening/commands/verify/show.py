"""What a person sees of a verification: claimed and found, section by section."""

import os
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from iam_hardening.claims.claim import Outcome
from iam_hardening.claims.findings import Findings
from iam_hardening.config import Settings

# Outside a terminal, lines are not cut to 80 characters.
_LOG_WIDTH = 150


def show(findings: Findings, account: Settings) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=int(os.environ.get("COLUMNS", _LOG_WIDTH)))
    console.print(f"Stack {escape(account.stack)}, account {account.account_id}; read-only")
    for section, outcomes in groupby(findings.outcomes, key=lambda outcome: outcome.scenario):
        console.print(f"\n[bold]{escape(section)}[/bold]")
        console.print(_table(list(outcomes)))
    strangers = [*map(str, findings.strangers), *findings.notes]
    for title, lines in (("Not this stack's", strangers), ("Not looked at", findings.unchecked)):
        if lines:
            console.print(f"\n[bold]{title}[/bold]")
            for line in lines:
                console.print(f"- {escape(line)}")
    if findings.unchecked:
        console.print(
            "\nThe policy that it takes: "
            f"iam-hardening verify --stack {escape(account.stack)} --print-policy both", soft_wrap=True
        )  # fmt: skip
    false, all_of_them = len(findings.false), len(findings.outcomes)
    verdict = (
        f"[bold red]{false} of {all_of_them} claims are false[/bold red]"
        if false
        else f"[bold green]All {all_of_them} claims hold[/bold green]"
    )
    unchecked = f"; [yellow]{len(findings.unchecked)} parts were not looked at[/yellow]"
    console.print(f"\n{verdict}{unchecked if findings.unchecked else ''}.")


def _table(outcomes: list[Outcome]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim")
    for heading in ("", "what", "is asked", "claimed", "found"):
        table.add_column(heading, overflow="fold")
    for outcome in outcomes:
        style = "green" if outcome.holds else "red"
        table.add_row(
            Text("✓" if outcome.holds else "✗", style),
            Text(outcome.claim.resource),
            Text(outcome.claim.call),
            Text(outcome.claim.claimed),
            Text(outcome.found, "" if outcome.holds else style),
        )
    return table
