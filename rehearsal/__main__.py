"""`make rehearse`, `make sandbox` and `make mutants`.

Exit status: 0 all claims hold (or notice every mutant), 1 a claim is false (or a mutant survives), 2 it could
not run.
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from rich.markup import escape

from rehearsal import sandbox
from rehearsal.errors import RehearsalError
from rehearsal.mutation import run as mutants
from rehearsal.problems import SetupError
from rehearsal.project import Project
from rehearsal.run import ALWAYS_UNPROVED, UNPROVED, Result, rehearse
from rehearsal.terminal import Terminal, write_json
from rehearsal.testbed import INSTALLED, STAND_INS
from rehearsal.workdir import working_folder

FALSE_CLAIM = 1
COULD_NOT_RUN = 2
COMMANDS = ("rehearse", "sandbox", "sandbox-down", "mutants")


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    terminal = Terminal()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        project = Project.find(Path.cwd(), options.stack_files)
        if options.command == "sandbox-down":
            sandbox.down(project, terminal)
            return 0
        if options.command == "sandbox":
            sandbox.run(project, terminal, providers=options.providers)
        if options.command == "mutants":
            with working_folder() as directory:
                score = mutants.run(project, directory, terminal, providers=options.providers)
            return _score(score, terminal, options.json)
        with working_folder() as directory:
            result = rehearse(project, directory, terminal, providers=options.providers)
        _conclude(result, terminal, options.json)
        return 0 if result.holds else FALSE_CLAIM
    except (RehearsalError, SetupError) as error:
        terminal.console.print(f"\n[bold red]Could not run.[/bold red] {escape(str(error))}")
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        terminal.console.print("\nEnded, and with it everything that was started.")
        return 0 if options.command == "sandbox" else COULD_NOT_RUN


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal", description="Deploys this project's stacks here, proves who may do what."
    )
    parser.add_argument("command", nargs="?", choices=COMMANDS, default="rehearse", help="default: rehearse")
    parser.add_argument(
        "--json", metavar="FILE", type=Path, help="also write everything to FILE, for machines"
    )
    parser.add_argument(
        "--stack-files",
        metavar="FOLDER",
        type=Path,
        help="the stack files to rehearse; default: this folder's",
    )
    parser.add_argument(
        "--providers",
        choices=(STAND_INS, INSTALLED),
        default=os.environ.get("PROVIDERS") or STAND_INS,
        help="provider plugins: this rehearsal's stand-ins, or the installed ones (also PROVIDERS=installed)",
    )
    options = parser.parse_args(arguments)
    if options.providers not in (STAND_INS, INSTALLED):  # argparse does not look at defaults
        parser.error(f"PROVIDERS={options.providers}; allowed: {STAND_INS}, {INSTALLED}")
    return options


def _conclude(result: Result, terminal: Terminal, json_file: Path | None) -> None:
    terminal.summary(result.outcomes, result.scenes)
    terminal.console.print(UNPROVED[result.providers])
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


def _score(score: mutants.Score, terminal: Terminal, json_file: Path | None) -> int:
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
    return 0 if score.is_perfect else FALSE_CLAIM


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
