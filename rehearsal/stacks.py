"""The stacks, driven through Pulumi's Automation API with the project's own `__main__.py`."""

import logging
import re
import runpy
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi import automation

from iam_hardening import config as settings
from iam_hardening.clients.aws import Credentials
from rehearsal import plugins, tools
from rehearsal.engine_ports import forget_ports
from rehearsal.errors import RehearsalError
from rehearsal.plugin_calls import PluginCalls
from rehearsal.project import Project

_SHOWN_LINES = 25

forget_ports()

_START_SECONDS = 10
_ENDED_AT_ITS_START = re.compile(r"could not read plugin \[(.+?)\]")
_DUMPED = re.compile(r"Detected that (.+?) exited prematurely")

# Where a plugin fails, the engine ends while the program still runs. That the program then has no engine to
# report to is logged as a traceback; the reason is in what the engine printed.
logging.getLogger("grpc._server").setLevel(logging.CRITICAL)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What an operation of the engine did: operation name (`create`, `update`, `same`, …) → resources."""

    counts: Mapping[str, int]

    @property
    def anything(self) -> bool:
        return bool(self.done)

    @property
    def done(self) -> str:
        """What was not left as it was: `1 update, 2 create`."""
        counts = sorted(self.counts.items())
        return ", ".join(
            f"{n} {operation}" for operation, n in counts if n and operation not in ("same", "read")
        )

    def __str__(self) -> str:
        return (
            ", ".join(f"{count} {operation}" for operation, count in sorted(self.counts.items())) or "nothing"
        )


def command_line(pulumi: Path) -> automation.PulumiCommand:
    """The Automation API takes a command line by the folder that holds `bin/pulumi`, or the one on PATH."""
    if pulumi == tools.PULUMI.binary:
        return automation.PulumiCommand(root=str(pulumi.parent.parent))
    return automation.PulumiCommand()


class Stack:
    """One stack of the project, in a working copy, with credentials and servers in its environment."""

    def __init__(
        self, name: str, *, project: Project, work_dir: Path, environment: Mapping[str, str], pulumi: Path
    ) -> None:
        self.name = name
        self._pulumi = pulumi
        self.project = project
        self._work_dir = work_dir
        self._environment = dict(environment)
        self._outputs: dict[str, Any] = {}
        self._calls: PluginCalls | None = None
        # All that the engine printed about this stack.
        self.printed: list[str] = []
        # The Automation API's own stack, for what is not wrapped here.
        self.engine: automation.Stack = _said_plainly(
            name,
            "creating the stack",
            lambda: automation.create_or_select_stack(
                stack_name=name,
                project_name=project.name,
                program=self._program,
                opts=automation.LocalWorkspaceOptions(
                    work_dir=str(work_dir),
                    env_vars=self._environment,
                    pulumi_command=command_line(pulumi),
                ),
            ),
        )

    def settings(self) -> settings.Settings:
        """The stack's settings as the engine reads the file. Raises `settings.ConfigError`."""
        config = {key: value.value for key, value in self.engine.get_all_config().items()}
        return settings.load(config, project=self.project.name, stack=self.name)

    def use(self, environment: Mapping[str, str], credentials: Credentials, calls: PluginCalls) -> None:
        """The environment that `pulumi up` runs in, with this stack's credentials; what plugins call there
        is recorded in `calls`."""
        self._calls = calls
        self._environment = dict(environment)
        self._environment["AWS_ACCESS_KEY_ID"] = credentials.access_key_id
        self._environment["AWS_SECRET_ACCESS_KEY"] = credentials.secret_access_key
        if credentials.session_token:
            self._environment["AWS_SESSION_TOKEN"] = credentials.session_token
        self.engine.workspace.env_vars = self._environment

    def set_config(self, key: str, value: str) -> None:
        self.engine.set_config(key, automation.ConfigValue(value), path=True)

    def preview(self, *, refresh: bool = False) -> Changes:
        doing = "pulumi preview --refresh" if refresh else "pulumi preview"
        result = self._operate(doing, self.engine.preview, refresh=refresh)
        return Changes(counts={automation.OpType(kind).value: n for kind, n in result.change_summary.items()})

    def up(self, *, refresh: bool = False) -> Changes:
        doing = "pulumi up --refresh" if refresh else "pulumi up"
        result = self._operate(doing, self.engine.up, suppress_progress=True, refresh=refresh)
        self._outputs = {name: output.value for name, output in result.outputs.items()}
        return Changes(counts=dict(result.summary.resource_changes or {}))

    def refresh(self) -> Changes:
        result = self._operate("pulumi refresh", self.engine.refresh)
        return Changes(counts=dict(result.summary.resource_changes or {}))

    def destroy(self) -> None:
        """As the command does it: the preview comes first, and refuses where something is protected."""
        self._operate("pulumi destroy", self.engine.preview_destroy)
        self._operate("pulumi destroy", self.engine.destroy)

    def _operate(self, doing: str, operation: Callable[..., Any], **options: Any) -> Any:
        # Without the secrets of the configuration in the summary: there are none, and decrypting takes long.
        options |= {"show_secrets": False, "on_output": self.printed.append}
        if "preview" in doing:
            del options["show_secrets"]
        with self._calls.recorded(doing) if self._calls else nullcontext():
            return _said_plainly(self.name, doing, lambda: operation(**options))

    def outputs(self) -> dict[str, Any]:
        """Every output's value since the last up, secrets in plain text: never to be printed."""
        return self._outputs

    def state(self, *, show_secrets: bool = False) -> str:
        """The state as JSON text; with `show_secrets` in plain text, to look for its secrets elsewhere."""
        command = [str(self._pulumi), "stack", "export", "--stack", self.name]
        exported = subprocess.run(
            [*command, *(["--show-secrets"] if show_secrets else [])],
            cwd=self._work_dir,
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return exported.stdout

    def _program(self) -> None:
        # The directory, not the file: only then do the program's imports of its neighbours work.
        runpy.run_path(str(self.project.directory), run_name="__main__")


def _said_plainly(stack: str, doing: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except automation.CommandError as error:
        reported = diagnostics(str(error))
        advice = "If it is a value in the stack file, mend it there; the engine's own words are above."
        if "no resource plugin" in reported:
            advice = f"Install them ({plugins.install_commands()}), or leave PROVIDERS=installed out."
        if ended := _ENDED_AT_ITS_START.findall(reported):
            silent = sorted(set(ended) - set(_DUMPED.findall(reported)))
            reported = "\n".join([reported, *map(_last_words, silent)])
            advice = "Install that plugin again, or use the fake providers: PROVIDERS=fake."
        raise RehearsalError(f"{doing} of the stack {stack} failed:\n{reported}", advice) from None


def _last_words(program: str) -> str:
    """What a plugin says that ends at its start. The engine shows it only where it ends later than that."""
    try:
        done = subprocess.run([program], capture_output=True, text=True, timeout=_START_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"  {program}: {error}"
    return "\n".join(f"  {program}: {line}" for line in done.stderr.splitlines()[-_SHOWN_LINES:])


def diagnostics(text: str) -> str:
    """The engine's words without the empty lines and the code that wraps them; secrets are masked in them."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    reported = list(_between(lines, "Diagnostics:", ("Resources:", "Outputs:", "Duration:"))) or lines
    return "\n".join(_without_trace_of_look_ups(reported)[:_SHOWN_LINES])


def _without_trace_of_look_ups(lines: list[str]) -> list[str]:
    """A look-up that finds nothing is a value in the stack file; the place in Pulumi's code does not help."""
    looked_up = any("error: " in line and "invoke of" in line for line in lines)
    trace = next((n for n, line in enumerate(lines) if line.strip().startswith("Traceback (")), None)
    return lines[:trace] if looked_up else lines


def _between(lines: list[str], start: str, ends: tuple[str, ...]) -> Iterator[str]:
    inside = False
    for line in lines:
        if inside and line.strip().startswith(ends):
            return
        if inside:
            yield line
        inside = inside or line.strip() == start
