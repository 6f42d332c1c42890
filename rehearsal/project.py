"""The Pulumi project that is rehearsed: its own stack files, copied so that nothing in the tree changes.

The copy leaves out how a stack's secrets are encrypted (`secretsprovider`, `encryptedkey`, `encryptionsalt`):
the rehearsal has its own passphrase, and creating a stack would write into the file.
"""

from dataclasses import dataclass
from pathlib import Path

from iam_hardening import config
from iam_hardening.config import reading
from iam_hardening.config.files import stack_names
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

    def copy_to(self, destination: Path) -> None:
        """Pulumi.yaml and the stack files, ready to be encrypted with the rehearsal's passphrase. Raises
        RehearsalError with what is wrong in any of them."""
        project = reading.read_project(self.directory)
        copies = {"Pulumi.yaml": reading.project_copy(project)}
        wrong: list[str] = []
        for stack in self.stacks:
            path = self.stack_files / f"Pulumi.{stack}.yaml"
            try:
                secret_keys = reading.encrypted_keys(reading.read_stack(path, project).config)
                copies[path.name] = reading.stack_copy(path)
            except config.ConfigError as error:
                wrong.append(str(error))
                continue
            if secret_keys:
                wrong.append(
                    f"{path.name} holds values encrypted for your own stack: {', '.join(secret_keys)}. The "
                    "rehearsal must not have the key to them. This program needs no secret in its "
                    "configuration; give the value in plain text if it is none, or leave the key out."
                )
        if wrong:
            raise RehearsalError("\n".join(wrong), _MEND)
        destination.mkdir(parents=True, exist_ok=True)
        for name, text in copies.items():
            (destination / name).write_text(text)
