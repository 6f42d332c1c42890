"""The rehearsal from beginning to end: deploy, play the scenes, change, repair, destroy."""

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from iam_hardening.claims.access_graph import Reach, reach
from iam_hardening.claims.claim import Outcome
from rehearsal import inventory
from rehearsal.project import Project
from rehearsal.recorder import Stage
from rehearsal.scenarios import (
    account_defaults,
    alarms,
    behaviour,
    cross_account,
    instance,
    just_in_time,
    lifecycle,
    people,
    revoked_sessions,
    root_account,
    secrets_stay_secret,
    untouched,
    vault_audit,
    vault_boundary,
    vault_logins,
    vault_server,
)
from rehearsal.terminal import Terminal
from rehearsal.testbed import STAND_INS, World, world

# What a green rehearsal does not prove, by the providers that were used. Printed with every result.
UNPROVED = {
    STAND_INS: (
        "Providers: stand-ins of this rehearsal served aws and vault to the real engine. Unproved: that the "
        "real provider plugins behave the same (docs/stand-ins.md)."
    ),
    "installed": "Providers: the installed plugins pulumi-resource-aws and pulumi-resource-vault.",
}
ALWAYS_UNPROVED = (
    "AWS was emulated: unproved are its delays (new keys and roles take seconds to work everywhere), console "
    "sign-in, and what docs/emulator.md lists."
)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a rehearsal found. `seconds` is wall clock, everything included. `reach` is what the stack files
    ask for; `comparison` what the same probes found in an untouched account (scenarios/untouched.py)."""

    outcomes: list[Outcome]
    notes: list[str]
    providers: str
    phases: dict[str, float]
    scenes: dict[str, float]
    seconds: float
    ended: datetime
    reach: Reach
    comparison: list[dict[str, Any]]

    @property
    def holds(self) -> bool:
        return bool(self.outcomes) and all(outcome.holds for outcome in self.outcomes)

    def as_dict(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "ended": f"{self.ended:%Y-%m-%d %H:%M} UTC",
            "providers": self.providers,
            "unproved": [UNPROVED[self.providers], ALWAYS_UNPROVED],
            "seconds": round(self.seconds, 2),
            "phases": {name: round(took, 2) for name, took in self.phases.items()},
            "scenes": {name: round(took, 2) for name, took in self.scenes.items()},
            "notes": self.notes,
            "reach": asdict(self.reach),
            "comparison": self.comparison,
            "claims": [outcome.as_dict() for outcome in self.outcomes],
        }


def rehearse(project: Project, directory: Path, terminal: Terminal, *, providers: str) -> Result:
    """Plays everything. Raises RehearsalError if it cannot."""
    began = perf_counter()
    stage = Stage(terminal)
    with ExitStack() as running:
        with terminal.phase("Starting the emulated AWS and Vault, creating the stacks"):
            staged = running.enter_context(world(project, directory, providers=providers))
        comparison = _play(stage, staged, terminal)
        drawn = reach({name: account.settings for name, account in staged.accounts.items()})
    return Result(
        outcomes=stage.outcomes,
        notes=stage.notes,
        providers=providers,
        phases=terminal.phases,
        scenes=stage.seconds,
        seconds=perf_counter() - began,
        ended=datetime.now(UTC),
        reach=drawn,
        comparison=comparison,
    )


def _play(stage: Stage, staged: World, terminal: Terminal) -> list[dict[str, Any]]:
    """Answers with what an untouched account is like beside the deployed ones."""
    before = {
        account.name: inventory.of_account(account.admin, account.settings.regions)
        for account in staged.accounts.values()
    }
    vault_before = inventory.of_vault(staged.vault())
    deploy(staged, terminal)
    with terminal.phase("Before and after: the same probes in an untouched account"):
        comparison = untouched.compare(staged)
    terminal.columns()
    root_account.play(stage, staged)
    account_defaults.play(stage, staged)
    alarms.play(stage, staged)
    members = people.play(stage, staged)
    cross_account.play(stage, staged, members)
    instance.play(stage, staged, members)
    just_in_time.play(stage, staged)
    vault_boundary.play(stage, staged)
    vault_logins.play(stage, staged)
    vault_audit.play(stage, staged)
    vault_server.play(stage, staged)
    behaviour.play(stage, staged)
    lifecycle.play_second_up(stage, staged)
    revoked_sessions.play(stage, staged, members)
    lifecycle.play_changes_by_hand(stage, staged)
    secrets_stay_secret.play(stage, staged)
    lifecycle.play_destroy(stage, staged, before, vault_before)
    return comparison


def deploy(staged: World, terminal: Terminal) -> None:
    for account in staged.accounts.values():
        with terminal.phase(f"pulumi up --stack {account.name} (account {account.id})"):
            changes = account.stack.up()
        terminal.console.print(f"[dim]  {changes}[/dim]")
