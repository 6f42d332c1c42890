"""The Pulumi project that is rehearsed: its own stack files, copied so that nothing in the tree changes.

The copy leaves out how a stack's secrets are encrypted (`secretsprovider`, `encryptedkey`, `encryptionsalt`):
the rehearsal has its own passphrase, and creating a stack would write into the file. Settings that say how to
reach the real account or the real Vault are left out as well, and ESC environments are not opened; both are
reported.
"""

from dataclasses import dataclass
from pathlib import Path

from iam_hardening import config
from iam_hardening.config import environments, provider_settings, reading
from iam_hardening.config.files import stack_names
from rehearsal import cross_stack
from rehearsal.errors import RehearsalError

_MEND = "Mend the file and run again; docs/configuration.md has every key."


@dataclass(frozen=True)
class Project:
    """`directory` holds Pulumi.yaml and the program, `stack_files` a file for each of `stacks`."""

    directory: Path
    stack_files: Path
    name: str
    stacks: tuple[str, ...]

    @classmethod
    def find(cls, directory: Path, stack_files: Path | None = None) -> "Project":
        """The project in a folder; its stack files are where Pulumi.yaml says, unless another folder is
        named. Raises RehearsalError."""
        if not (directory / "Pulumi.yaml").is_file():
            raise RehearsalError(f"{directory} holds no Pulumi.yaml.", "Run this in the project's folder.")
        try:
            project = reading.read_project(directory)
        except config.ConfigError as error:
            raise RehearsalError(str(error), _MEND) from None
        folder = stack_files or project.stack_folder
        stacks = stack_names(folder)
        if not stacks:
            raise RehearsalError(
                f"{folder} holds no stack file.",
                "Write a Pulumi.<stack>.yaml for each account; README.md shows one.",
            )
        return cls(directory, folder, project.name, tuple(stacks))

    def copy_to(self, destination: Path) -> list[str]:
        """Pulumi.yaml and the stack files, ready to be encrypted with the rehearsal's passphrase. What was
        left out of them, a line for each file. Raises RehearsalError with what is wrong in any of them."""
        project = reading.read_project(self.directory)
        set_aside = provider_settings.is_set_aside
        copies = {"Pulumi.yaml": reading.project_copy(project, set_aside)}
        configured: dict[str, config.Settings] = {}
        notes: list[str] = []
        wrong: list[str] = []
        for stack in self.stacks:
            path = self.stack_files / f"Pulumi.{stack}.yaml"
            try:
                text = reading.read_stack(path, project)
                configured[stack] = self._checked(stack, text)
            except config.ConfigError as error:
                wrong.append(str(error))
                continue
            copies[path.name] = reading.stack_copy(text, set_aside)
            notes += _left_out(path.name, stack, text)
        try:
            environments.check_names()
        except config.ConfigError as error:
            wrong.append(str(error))
        if wrong:
            raise RehearsalError("\n".join(wrong), _MEND)
        cross_stack.check(configured)
        destination.mkdir(parents=True, exist_ok=True)
        for name, content in copies.items():
            (destination / name).write_text(content)
        return notes

    def _checked(self, stack: str, text: reading.StackText) -> config.Settings:
        """Raises ConfigError with what the program or a provider would refuse only after the servers have
        started."""
        problems = list(provider_settings.unknown(text.config))
        try:
            settings = config.load(text.config, project=self.name, stack=stack)
        except config.ConfigError as error:
            found = config.ConfigError(error.file, [*problems, *error.problems])
            raise environments.with_environments(found, text.environments, environments.given()) from None
        if problems:
            raise config.ConfigError(f"Pulumi.{stack}.yaml", problems)
        return settings


def _left_out(file: str, stack: str, text: reading.StackText) -> list[str]:
    notes: list[str] = []
    if keys := sorted(filter(provider_settings.is_set_aside, text.config)):
        notes.append(
            f"{file}: {', '.join(keys)} left out: they say how to reach the real account and the real Vault, "
            "and the rehearsal has its own."
        )
    if note := environments.note(stack, text.environments):
        notes.append(f"{file}: {note}")
    return notes
