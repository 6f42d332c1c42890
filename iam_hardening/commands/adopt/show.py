"""What a person sees of a comparison."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from iam_hardening.aws.policies.compare import canonical, difference
from iam_hardening.commands.adopt.findings import Adoption, why_not_looked_for
from iam_hardening.commands.adopt.lookups import UNKNOWN
from iam_hardening.commands.adopt.scratch import Step, type_of
from iam_hardening.config import Settings

# Outside a terminal, lines are not cut to 80 characters.
_LOG_WIDTH = 150
_DOCUMENTS = frozenset({"policy", "assumeRolePolicy", "policyDocument"})
_LONGEST_VALUE = 60
# How the engine marks a secret (sdk/go/common/resource/sig).
_SECRET = "4dabf18193072939515e22adb298388d"


def show(adoption: Adoption, account: Settings, warned: list[str], kept: list[str], file: Path) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=int(os.environ.get("COLUMNS", _LOG_WIDTH)))
    console.print(
        f"Stack {escape(account.stack)}, account {account.account_id}; read-only, nothing was changed"
    )
    _found(console, adoption)
    made: dict[str, list[Step]] = {}
    for step in adoption.made:
        made.setdefault(why_not_looked_for(step) or "", []).append(step)
    _list(console, "Not there: the up makes it", (_what(step.urn) for step in made.pop("", [])))
    for reason, steps in made.items():
        _list(console, f"Not taken over: {reason}", (_what(step.urn) for step in steps))
    _list(console, "The up leaves alone", kept)
    _list(
        console,
        "Could not be looked at",
        (f"{_what(u)}: it takes {w}" for u, w in adoption.unchecked.items()),
    )
    _list(console, "The name is taken", adoption.taken.values())
    _list(
        console,
        "Would be replaced, so it is left out of the file: an up then stops with «already exists» instead of "
        "deleting it. Rename it in the account or in the stack file, or make it as the file says first",
        (f"{_what(u)}: {why}" for u, why in adoption.replaced.items()),
    )
    _list(console, "Before the up", warned)
    console.print(f"\n{_next(adoption, account.stack, file)}", soft_wrap=True, markup=False)


def _found(console: Console, adoption: Adoption) -> None:
    if not adoption.ids:
        return
    console.print("\n[bold]There already[/bold]")
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim")
    for heading in ("", "what", "in the account", "the up would change"):
        table.add_column(heading, overflow="fold")
    for urn, id in adoption.ids.items():
        if urn in adoption.replaced:
            table.add_row(
                Text("✗", "red"), Text(_what(urn)), Text(id), Text("a replacement: see below", "red")
            )
            continue
        changes = _changes(adoption, urn)
        table.add_row(
            Text("~" if changes else "=", "yellow" if changes else "green"),
            Text(_what(urn)),
            Text(id),
            Text("\n".join(changes) or "nothing"),
        )
    console.print(table)


def as_dict(adoption: Adoption) -> dict[str, Any]:
    """For machines, by URN: what is there with what the up would change, and what is not taken over, and
    why."""
    there = {
        urn: {"id": id, "changes": _changes(adoption, urn)}
        for urn, id in adoption.ids.items()
        if urn not in adoption.replaced
    }
    return {
        "there": there,
        "made": {step.urn: why_not_looked_for(step) for step in adoption.made},
        "replaced": adoption.replaced,
        "name_taken": adoption.taken,
        "unchecked": adoption.unchecked,
    }


def _changes(adoption: Adoption, urn: str) -> list[str]:
    step = adoption.steps.get(urn)
    return list(changed(step)) if step and step.operation == "update" else []


def changed(step: Step) -> Iterable[str]:
    """`property: old → new`, a line each; policies by the Sids of their statements."""
    for name in dict.fromkeys(each.split(".")[0].split("[")[0] for each in step.changed):
        old, new = step.old_inputs.get(name), step.inputs.get(name)
        yield f"{name}: {_document(old, new) if name in _DOCUMENTS else f'{_text(old)} → {_text(new)}'}"


def _document(old: Any, new: Any) -> str:
    try:
        before, after = json.loads(old), json.loads(new)
    except (TypeError, ValueError):
        return f"{_text(old)} → {_text(new)}"
    if canonical(before) == canonical(after):
        return "the same in another spelling"
    return f"it is, compared with ours, {difference(after, before)}"


def _text(value: Any) -> str:
    if value is None:
        return "nothing"
    if _SECRET in str(value) or value == "[secret]":
        return "a secret"
    if value == UNKNOWN:
        return "known once it is made"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _what(urn: str) -> str:
    """`Group Administrators`, `Vault's Policy …`, by the name in the program."""
    type = type_of(urn)
    whose = "Vault's " if type.startswith("vault:") else ""
    return f"{whose}{type.rsplit(':', 1)[-1]} {urn.split('::', 3)[3]}"


def _list(console: Console, title: str, lines: Iterable[str]) -> None:
    reported = list(lines)
    if reported:
        console.print(f"\n[bold]{escape(title)}[/bold]")
        for line in reported:
            console.print(f"- {escape(line)}")


def _next(adoption: Adoption, stack: str, file: Path) -> str:
    if not adoption.content["resources"]:
        return (
            f"Nothing to take over: {file} is empty, and pulumi import is not needed.\n"
            + ("" if adoption.is_safe else "An up would stop at what is listed above; settle that first.\n")
            + f"Next: pulumi preview --stack {stack}"
        )
    settle = "" if adoption.is_safe else "Settle what is listed above first, and run this again. Then:\n"
    return (
        f"Written: {file} (names and ids only; nothing was imported yet)\n{settle}"
        f"Next:\n  pulumi import --stack {stack} --file {file} --protect=false --generate-code=false\n"
        f"  pulumi preview --stack {stack} --diff     # nothing may be replaced or deleted\n"
        f"  pulumi up --stack {stack}"
    )
