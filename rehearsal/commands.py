"""What `iam-hardening rehearse`, `mutate`, `sandbox` and `tools` do (iam_hardening/cli.py parses their
options)."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from rich.markup import escape

from iam_hardening import exit_status
from rehearsal import sandbox as sandboxes
from rehearsal import tools as built_tools
from rehearsal.errors import RehearsalError
from rehearsal.mutation import run as mutation
from rehearsal.problems import SetupError
from rehearsal.project import Project
from rehearsal.run import ALWAYS_UNPROVED, Result
from rehearsal.run import rehearse as run_rehearsal
from rehearsal.terminal import Terminal, write_json
from rehearsal.workdir import working_folder


def rehearse(*, stack_files: Path | None = None, json_file: Path | None = None, providers: str) -> int:
    """Deploys the stacks here and proves every claim."""

    def run(project: Project, terminal: Terminal) -> int:
        with working_folder() as directory:
            result = run_rehearsal(project, directory, terminal, providers=providers)
        _conclude(result, terminal, json_file)
        return exit_status.HOLDS if result.holds else exit_status.FALSE

    return _guarded(run, stack_files)


def mutate(*, stack_files: Path | None = None, json_file: Path | None = None, providers: str) -> int:
    """Makes every deployed policy worse in every way; a claim must notice each time."""

    def run(project: Project, terminal: Terminal) -> int:
        with working_folder() as directory:
            score = mutation.run(project, directory, terminal, providers=providers)
        return _score(score, terminal, json_file)

    return _guarded(run, stack_files)


def sandbox(*, stack_files: Path | None = None, providers: str) -> int:
    """Until Ctrl-C."""

    def run(project: Project, terminal: Terminal) -> int:
        sandboxes.run(project, terminal, providers=providers)
        return exit_status.HOLDS

    return _guarded(run, stack_files, interrupted=exit_status.HOLDS)


def sandbox_down(*, stack_files: Path | None = None) -> int:
    def run(project: Project, terminal: Terminal) -> int:
        sandboxes.down(project, terminal)
        return exit_status.HOLDS

    return _guarded(run, stack_files)


def tools(*, providers: str) -> int:
    """Builds the pinned tools, and fetches plugins where it may."""
    return built_tools.main(providers)


def _guarded(
    run: Callable[[Project, Terminal], int],
    stack_files: Path | None,
    interrupted: int = exit_status.COULD_NOT_RUN,
) -> int:
    terminal = Terminal()
    _forget_the_users_accounts()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        return run(Project.find(Path.cwd(), stack_files), terminal)
    except (RehearsalError, SetupError) as error:
        terminal.console.print(f"\n[bold red]Could not run.[/bold red] {escape(str(error))}")
        return exit_status.COULD_NOT_RUN
    except KeyboardInterrupt:
        terminal.console.print("\nEnded, and with it everything that was started.")
        return interrupted


def _conclude(result: Result, terminal: Terminal, json_file: Path | None) -> None:
    terminal.summary(result.outcomes, result.scenarios)
    terminal.console.print(result.providers.sentence, markup=False)
    terminal.console.print(ALWAYS_UNPROVED)
    if json_file:
        write_json(json_file, result.as_dict())
        terminal.console.print(f"Written: {json_file}")
    false = sum(not outcome.holds for outcome in result.outcomes)
    verdict = (
        f"[bold green]All {len(result.outcomes)} claims hold[/bold green]"
        if result.holds
        else f"[bold red]{false} of {len(result.outcomes)} claims are false[/bold red]"
    )
    terminal.console.print(f"{verdict}, {result.seconds:.0f} s.")


def _score(score: mutation.Score, terminal: Terminal, json_file: Path | None) -> int:
    terminal.console.print()
    for why, fates in score.equivalents.items():
        terminal.console.print(f"{len(fates)} equivalent: {escape(why)}")
    for sentence in score.wrong_equivalents:
        terminal.console.print(f"[bold red]{escape(sentence)}[/bold red]")
    if json_file:
        write_json(json_file, score.as_dict())
        terminal.console.print(f"Written: {json_file}")
    style = "bold green" if score.is_perfect else "bold red"
    terminal.console.print(
        f"[{style}]{score.noticed} of {score.countable} mutants noticed, {score.percent}[/{style}], "
        f"{len(score.survivors)} survive, {score.seconds:.0f} s."
    )
    return exit_status.HOLDS if score.is_perfect else exit_status.FALSE


def _forget_the_users_accounts() -> None:
    """The engine inherits this process's environment, and a plugin the engine's: a profile, an endpoint or a
    namespace in it would count there."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "VAULT_", "BAO_"))]:
        del os.environ[name]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
