"""The Pulumi project that is rehearsed: its own stack files, copied so that nothing in the tree changes.

The copy leaves out how a stack's secrets are encrypted (`secretsprovider`, `encryptedkey`, `encryptionsalt`):
the rehearsal has a passphrase of its own, and creating a stack would write into the file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rehearsal.errors import RehearsalError

_ENCRYPTION_KEYS = ("secretsprovider", "encryptedkey", "encryptionsalt")


@dataclass(frozen=True)
class Project:
    """`directory` holds Pulumi.yaml and the program, `stack_files` a file for each of `stacks`."""

    directory: Path
    stack_files: Path
    name: str
    stacks: tuple[str, ...]

    @classmethod
    def find(cls, directory: Path, stack_files: Path | None = None) -> "Project":
        """The project in a folder; its stack files are in the same folder, unless another is named."""
        project_file = directory / "Pulumi.yaml"
        if not project_file.is_file():
            raise RehearsalError(f"{directory} holds no Pulumi.yaml.", "Run this in the project's folder.")
        name = str(_read(project_file).get("name", ""))
        stack_files = stack_files or directory
        stacks = sorted(
            path.name.removeprefix("Pulumi.").removesuffix(".yaml")
            for path in stack_files.glob("Pulumi.*.yaml")
        )
        if not stacks:
            raise RehearsalError(
                f"{stack_files} holds no stack file.",
                "Write a Pulumi.<stack>.yaml for each account; README.md shows one.",
            )
        return cls(directory, stack_files, name, tuple(stacks))

    def copy_to(self, destination: Path) -> None:
        """Pulumi.yaml and the stack files, ready to be encrypted with the rehearsal's passphrase."""
        destination.mkdir(parents=True, exist_ok=True)
        (destination / "Pulumi.yaml").write_text((self.directory / "Pulumi.yaml").read_text())
        for stack in self.stacks:
            file_name = f"Pulumi.{stack}.yaml"
            content = _read(self.stack_files / file_name)
            secret_keys = [key for key, value in (content.get("config") or {}).items() if _is_secret(value)]
            if secret_keys:
                raise RehearsalError(
                    f"{file_name} holds values encrypted for your own stack: {', '.join(secret_keys)}.",
                    "The rehearsal must not have the key to them. This program needs no secret in its "
                    "configuration; give the value in plain text if it is none, or leave the key out.",
                )
            if any(key in content for key in _ENCRYPTION_KEYS):
                kept = {key: value for key, value in content.items() if key not in _ENCRYPTION_KEYS}
                (destination / file_name).write_text(yaml.safe_dump(kept, sort_keys=False))
            else:
                # As it stands, so that the engine reads what the user wrote and not what another YAML library
                # made.
                (destination / file_name).write_text((self.stack_files / file_name).read_text())


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise RehearsalError(f"{path.name} is not YAML: {error}", "Mend the file and run again.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise RehearsalError(f"{path.name} is no YAML mapping.", "It must begin with `config:`.")
    return content


def _is_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) == {"secure"} or any(_is_secret(part) for part in value.values())
    if isinstance(value, list):
        return any(_is_secret(part) for part in value)
    return False
