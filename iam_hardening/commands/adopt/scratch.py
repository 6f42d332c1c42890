"""A copy of a stack's state, in a temporary folder, in which imports are tried out.

The engine itself then says what an up would change, and neither the account nor the stack's own state is
touched: imports only read. What it holds is as secret as the stack's own state: the folder is the caller's
alone, secrets in it are encrypted with a passphrase that is never written down, and it is deleted at the end.
"""

import json
import os
import runpy
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi import automation

from iam_hardening.clients.operator import CannotError
from iam_hardening.config import reading

# The program is next to this package, not with the stack files.
_PROGRAM = Path(__file__).resolve().parents[3]
_SHOWN_LINES = 25


@dataclass(frozen=True, kw_only=True)
class Step:
    """What the engine would do with one resource: `create`, `update`, `same`, `replace`, …"""

    operation: str
    urn: str
    inputs: Mapping[str, Any]
    old_inputs: Mapping[str, Any]
    # Changed properties; those that cannot change in place.
    changed: tuple[str, ...] = ()
    replacing: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        return type_of(self.urn)

    @property
    def name(self) -> str:
        return self.urn.split("::", 3)[3]


def type_of(urn: str) -> str:
    return urn.split("::")[2].split("$")[-1]


@dataclass(frozen=True, kw_only=True)
class ImportFile:
    """What `pulumi import --file` takes. `entries`: URN → entry, parents first."""

    entries: Mapping[str, Mapping[str, Any]]
    name_table: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, content: Mapping[str, Any], stack: str, project: str) -> "ImportFile":
        known = dict(content.get("nameTable") or {})
        entries: dict[str, Mapping[str, Any]] = {}
        urns = dict(known)
        for entry in content.get("resources") or []:
            parent = urns[entry["parent"]].split("::")[2] + "$" if "parent" in entry else ""
            name = entry.get("logicalName") or entry["name"]
            urn = f"urn:pulumi:{stack}::{project}::{parent}{entry['type']}::{name}"
            entries[urn] = entry
            urns[entry["name"]] = urn
        return cls(entries=entries, name_table=known)

    def with_ids(self, ids: Mapping[str, str]) -> dict[str, Any]:
        """The file's content with only what has an id, and the components that it is in."""
        kept = [{**entry, "id": ids[urn]} for urn, entry in self.entries.items() if urn in ids]
        parents = {entry.get("parent") for entry in kept}
        components = [
            dict(entry)
            for entry in self.entries.values()
            if entry.get("component") and entry["name"] in parents
        ]
        content: dict[str, Any] = {"resources": [*components, *kept]}
        table = {name: urn for name, urn in self.name_table.items() if name in parents}
        return {"nameTable": table, **content} if table else content


class Scratch:
    """The copy. Its previews are those of the project's program with the stack's file."""

    def __init__(self, engine: automation.Stack, project: str, directory: Path) -> None:
        self._engine = engine
        self._project = project
        self._file = directory / "import.json"

    def preview(self) -> tuple[list[Step], ImportFile]:
        """What an up would do, and the import file of what it would create, without ids.
        Raises CannotError."""
        events: list[automation.EngineEvent] = []
        self._file.unlink(missing_ok=True)
        _said("pulumi preview", self._engine.preview, import_file=str(self._file), on_event=events.append)
        content = json.loads(self._file.read_text()) if self._file.is_file() else {}
        return list(_steps(events)), ImportFile.read(content, self._engine.name, self._project)

    def take_in(self, content: Mapping[str, Any]) -> None:
        """Raises CannotError."""
        _said(
            "pulumi import",
            self._engine.import_resources,
            resources=content["resources"],
            name_table=content.get("nameTable") or {},
            protect=False,
            generate_code=False,
            show_secrets=False,
        )


@contextmanager
def scratch(directory: Path, stack: str, stack_files: Path | None = None) -> Iterator[Scratch]:
    """A copy of the stack of the project in `directory`, with the state that it has now, if any.
    Raises CannotError."""
    state = _state(directory, stack)
    project = reading.read_project(directory)
    with tempfile.TemporaryDirectory(prefix="adopt-") as made:
        work_dir = Path(made)
        (work_dir / "state").mkdir()
        (work_dir / "Pulumi.yaml").write_text(reading.project_copy(project))
        _copy_stack_file((stack_files or project.stack_folder) / f"Pulumi.{stack}.yaml", project, work_dir)
        environment = {
            "PULUMI_BACKEND_URL": f"file://{work_dir / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": secrets.token_urlsafe(32),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        engine = _said(
            "pulumi stack init",
            automation.create_stack,
            stack_name=stack,
            project_name=project.name,
            # The folder, not the file: only then do the program's imports of its neighbours work.
            program=lambda: runpy.run_path(str(_PROGRAM), run_name="__main__"),
            opts=automation.LocalWorkspaceOptions(work_dir=str(work_dir), env_vars=environment),
        )
        if state:
            # By standard input: the Automation API would write the secrets of it to a file.
            salt = reading.mapping_of(work_dir / f"Pulumi.{stack}.yaml")["encryptionsalt"]
            state["deployment"]["secrets_providers"] = {"type": "passphrase", "state": {"salt": salt}}
            _pulumi(["stack", "import", "--stack", stack], work_dir, environment, given=json.dumps(state))
        yield Scratch(engine, project.name, work_dir)


def _copy_stack_file(path: Path, project: reading.ProjectText, to: Path) -> None:
    text = reading.read_stack(path, project)
    encrypted = reading.encrypted_keys(text.config)
    if encrypted:
        raise CannotError(
            f"{path.name} holds encrypted values: {', '.join(encrypted)}. Give them in the environment "
            "instead (VAULT_TOKEN, for one); they need the stack's key. Nothing was changed."
        )
    (to / path.name).write_text(reading.stack_copy(text))


def _state(directory: Path, stack: str) -> dict[str, Any]:
    """The state with its secrets in plain text, or nothing if the stack was not made yet."""
    try:
        exported = _pulumi(["stack", "export", "--show-secrets", "--stack", stack], directory, {})
    except CannotError as problem:
        if "no stack named" in str(problem):
            return {}
        raise
    state: dict[str, Any] = json.loads(exported)
    return state


def _pulumi(
    arguments: list[str], directory: Path, environment: Mapping[str, str], given: str | None = None
) -> str:
    command = f"pulumi {' '.join(arguments[:2])}"
    try:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=directory,
            env={**os.environ, **environment},
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise CannotError("There is no `pulumi` on the PATH; install the Pulumi CLI first.") from None
    if done.returncode:
        raise CannotError(_failed(command, done.stderr))
    return done.stdout


def _said(command: str, operation: Callable[..., Any], **arguments: Any) -> Any:
    try:
        return operation(**arguments)
    except FileNotFoundError:
        raise CannotError("There is no `pulumi` on the PATH; install the Pulumi CLI first.") from None
    except automation.CommandError as error:
        raise CannotError(_failed(command, str(error))) from None


def _failed(command: str, said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reported = [line for line in lines if "error:" in line] or lines
    return "\n".join([f"{command} failed; nothing was changed:", *reported[:_SHOWN_LINES]])


def _steps(events: list[automation.EngineEvent]) -> Iterator[Step]:
    for event in events:
        # A replacement shows as three steps; the one named so says what of it all.
        if event.resource_pre_event is None:
            continue
        step = event.resource_pre_event.metadata
        diffs = step.detailed_diff or {}
        yield Step(
            operation=str(getattr(step.op, "value", step.op)),
            urn=step.urn,
            inputs=dict(step.new.inputs or {}) if step.new else {},
            old_inputs=dict(step.old.inputs or {}) if step.old else {},
            changed=tuple(sorted(diffs or step.diffs or ())),
            replacing=tuple(sorted(step.keys or ())),
        )
