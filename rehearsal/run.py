"""The rehearsal from beginning to end: deploy, play the scenarios, change, repair, destroy."""

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from iam_hardening.claims.access_graph import AccessGraph, access_graph
from iam_hardening.claims.claim import Outcome
from rehearsal import inventory
from rehearsal.plugin_calls import Calls, not_listed
from rehearsal.plugins import Providers
from rehearsal.project import Project
from rehearsal.recorder import Recorder
from rehearsal.scenarios import (
    account_defaults,
    alarms,
    baseline,
    behaviour,
    cross_account,
    instance,
    just_in_time,
    lifecycle,
    people,
    revoked_sessions,
    root_account,
    secrets_stay_secret,
    vault_audit,
    vault_boundary,
    vault_logins,
    vault_server,
)
from rehearsal.terminal import Terminal
from rehearsal.testbed import Testbed, running_testbed

# What a green rehearsal does not prove, whichever providers were used. Printed with every result.
ALWAYS_UNPROVED = (
    "AWS was emulated: unproved are its delays (new keys and roles take seconds to work everywhere), console "
    "sign-in, and what docs/emulator.md lists."
)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a rehearsal found. `seconds` is wall clock, everything included. `access_graph` is what the
    stack files ask for; `comparison` what the same probes found in an untouched account
    (scenarios/baseline.py). `plugin_calls` is what installed plugins called."""

    outcomes: list[Outcome]
    notes: list[str]
    providers: Providers
    phases: dict[str, float]
    scenarios: dict[str, float]
    seconds: float
    ended: datetime
    access_graph: AccessGraph
    comparison: list[dict[str, Any]]
    plugin_calls: Calls

    @property
    def holds(self) -> bool:
        return bool(self.outcomes) and all(outcome.holds for outcome in self.outcomes)

    def as_dict(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "ended": f"{self.ended:%Y-%m-%d %H:%M} UTC",
            "providers": self.providers.name,
            "unproved": [self.providers.sentence, ALWAYS_UNPROVED],
            "seconds": round(self.seconds, 2),
            "phases": {name: round(took, 2) for name, took in self.phases.items()},
            "scenarios": {name: round(took, 2) for name, took in self.scenarios.items()},
            "notes": self.notes,
            "access_graph": asdict(self.access_graph),
            "comparison": self.comparison,
            "plugin_calls": self.plugin_calls,
            "claims": [outcome.as_dict() for outcome in self.outcomes],
        }


def rehearse(project: Project, directory: Path, terminal: Terminal, *, providers: str) -> Result:
    """Plays everything. Raises RehearsalError if it cannot."""
    began = perf_counter()
    recorder = Recorder(terminal)
    with ExitStack() as running:
        with terminal.phase("Starting the emulated AWS and Vault, creating the stacks"):
            testbed = running.enter_context(running_testbed(project, directory, providers=providers))
        recorder.notes += testbed.notes
        terminal.console.print(testbed.used, markup=False)
        comparison = _play(recorder, testbed, terminal)
        calls = testbed.calls.of(testbed.providers.installed)
        for sentence in not_listed(calls):
            recorder.note(sentence)
        drawn = access_graph({name: account.settings for name, account in testbed.accounts.items()})
    return Result(
        outcomes=recorder.outcomes,
        notes=recorder.notes,
        providers=testbed.providers,
        phases=terminal.phases,
        scenarios=recorder.seconds,
        seconds=perf_counter() - began,
        ended=datetime.now(UTC),
        access_graph=drawn,
        comparison=comparison,
        plugin_calls=calls,
    )


def _play(recorder: Recorder, testbed: Testbed, terminal: Terminal) -> list[dict[str, Any]]:
    """Answers with what an untouched account is like, to compare the deployed ones with."""
    before = {
        account.name: inventory.of_account(account.admin, account.settings.regions)
        for account in testbed.accounts.values()
    }
    vault_before = inventory.of_vault(testbed.vault())
    deploy(testbed, terminal)
    _record_previews(testbed, terminal)
    with terminal.phase("Before and after: the same probes in an untouched account"):
        comparison = baseline.compare(testbed)
    terminal.columns()
    root_account.play(recorder, testbed)
    account_defaults.play(recorder, testbed)
    alarms.play(recorder, testbed)
    members = people.play(recorder, testbed)
    cross_account.play(recorder, testbed, members)
    instance.play(recorder, testbed, members)
    just_in_time.play(recorder, testbed)
    vault_boundary.play(recorder, testbed)
    vault_logins.play(recorder, testbed)
    vault_audit.play(recorder, testbed)
    vault_server.play(recorder, testbed)
    behaviour.play(recorder, testbed)
    lifecycle.play_second_up(recorder, testbed)
    revoked_sessions.play(recorder, testbed, members)
    lifecycle.play_changes_by_hand(recorder, testbed)
    secrets_stay_secret.play(recorder, testbed)
    lifecycle.play_destroy(recorder, testbed, before, vault_before)
    return comparison


def deploy(testbed: Testbed, terminal: Terminal) -> None:
    for note in testbed.notes:
        terminal.console.print(note, markup=False)
    for account in testbed.accounts.values():
        with terminal.phase(f"pulumi up --stack {account.name} (account {account.id})"):
            changes = account.stack.up()
        terminal.console.print(f"[dim]  {changes}[/dim]")


def _record_previews(testbed: Testbed, terminal: Terminal) -> None:
    """What a preview needs permission for, in a pull request's job too; nothing of it is judged here."""
    if testbed.providers.installed:
        with terminal.phase("pulumi preview, without and with --refresh: what the plugins call"):
            for account in testbed.accounts.values():
                account.stack.preview()
                account.stack.preview(refresh=True)
