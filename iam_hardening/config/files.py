"""The settings of the stacks in a project's folder, read without the engine.

A command reads only what it needs: what is wrong with the file of another stack is one line on stderr.
"""

import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from iam_hardening import config
from iam_hardening.config import environments, reading


def project_name(directory: Path) -> str:
    """Raises ConfigError."""
    return reading.read_project(directory).name


def stack_names(directory: Path) -> list[str]:
    """Of the stack files in a folder."""
    return sorted(
        path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in directory.glob("Pulumi.*.yaml")
    )


def check_stack_file(directory: Path, stack: str) -> None:
    """For the program itself, which sees only what the engine made of the file: 0812346 without quotes has
    become 812346 by then. Raises ConfigError. A project without that file (another `--config-file`) is not
    looked at."""
    if not (directory / "Pulumi.yaml").is_file():
        return
    path = reading.read_project(directory).stack_folder / f"Pulumi.{stack}.yaml"
    if path.is_file():
        reading.check_file(path)


def settings_of(
    directory: Path,
    needed: Collection[str] | None = None,
    *,
    central: bool = False,
    stack_files: Path | None = None,
    report: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
) -> Mapping[str, config.Settings]:
    """Stack name → settings.

    `needed` are the stacks that the command is about (None: all); with `central` the central accounts as
    well, where people are. `stack_files` is their folder, where it is not the project's. Raises ConfigError
    for Pulumi.yaml, and ConfigErrors with the mistakes of all needed files; other files with mistakes are
    left out, and reported, as are warnings about needed files.
    """
    project = reading.read_project(directory)
    folder = stack_files or project.stack_folder
    found: dict[str, config.Settings] = {}
    wrong: list[config.ConfigError] = []
    left_out = False
    for stack in stack_names(folder):
        is_needed = needed is None or stack in needed
        try:
            text = reading.read_stack(folder / f"Pulumi.{stack}.yaml", project)
            is_needed |= central and text.config.get(f"{project.name}:accountKind") == "central"
            found[stack] = _loaded(text, project.name, stack)
            if is_needed and (note := environments.note(stack, text.environments)):
                report(f"Pulumi.{stack}.yaml: {note}")
            for warning in found[stack].warnings if is_needed else ():
                report(f"Pulumi.{stack}.yaml: warning: {warning}")
        except config.ConfigError as error:
            if is_needed:
                wrong.append(error)
            else:
                first = error.problems[0]
                more = f", and {len(error.problems) - 1} more" if len(error.problems) > 1 else ""
                report(f"{error.file} is left out: {first}{more}")
                left_out = True
    # A file that was left out may be the one that has the name.
    if not left_out:
        try:
            environments.check_names()
        except config.ConfigError as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise config.ConfigErrors(wrong)
    return found


def _loaded(text: reading.StackText, project: str, stack: str) -> config.Settings:
    try:
        return config.load(text.config, project=project, stack=stack)
    except config.ConfigError as error:
        raise environments.with_environments(error, text.environments, environments.given()) from None
