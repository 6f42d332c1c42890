"""`iam-hardening sandbox`: the rehearsal's testbed, deployed and left running for hands-on use, until Ctrl-C.

Everything of it is under `.sandbox/`: `env` (shell exports, for its owner only), the Pulumi state, the logs.
"""

import os
import re
import shlex
import shutil
import signal
import time
from contextlib import ExitStack
from pathlib import Path

from filelock import FileLock, Timeout

from iam_hardening.clients.reach import SANDBOX
from rehearsal import tools
from rehearsal.errors import RehearsalError
from rehearsal.project import Project
from rehearsal.run import deploy
from rehearsal.terminal import Terminal
from rehearsal.testbed import Testbed, running_testbed

_FOLDER = ".sandbox"
_SECONDS_TO_END = 30
_SALT = "encryptionsalt:"
# The stacks whose files had no salt before the sandbox: what stands there later is the sandbox's.
_UNSALTED = "stacks-without-salt"
# What the shell needs of the engine's environment; the rest keeps the engine from the user's own accounts.
_EXPORTED = (
    "AWS_ENDPOINT_URL",
    "AWS_EC2_METADATA_DISABLED",
    "VAULT_ADDR",
    "VAULT_TOKEN",
    "PULUMI_HOME",
    "PULUMI_BACKEND_URL",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_SKIP_UPDATE_CHECK",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION",
    "PULUMI_DEBUG_PROVIDERS",
)
# Left over from the user's own work, these would win over the sandbox's.
_UNSET = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "VAULT_NAMESPACE")


def run(project: Project, terminal: Terminal, *, providers: str) -> None:
    """Deploys every stack, writes `.sandbox/env` and waits to be ended."""
    folder = project.directory / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    with _only_one(folder), ExitStack() as running:
        _clean(project, folder)  # what a sandbox left that was killed
        running.callback(_clean, project, folder)
        (folder / "testbed").mkdir(mode=0o700)
        (folder / "pid").write_text(str(os.getpid()))
        (folder / _UNSALTED).write_text("\n".join(_without_salt(project)))
        with terminal.phase("Starting the emulated AWS and Vault, creating the stacks"):
            testbed = running.enter_context(running_testbed(project, folder / "testbed", providers=providers))
        terminal.console.print(testbed.providers.sentence, markup=False)
        deploy(testbed, terminal)
        _write_env(folder / "env", testbed)
        _say_what_next(testbed, terminal)
        while True:
            signal.pause()


def _clean(project: Project, folder: Path) -> None:
    """Takes away what a sandbox left, in its folder and in the stack files.

    A plain `pulumi up` or `preview` writes `encryptionsalt` into a stack file that has none, as for any
    stack. Left behind, it would make the stack's real backend ask for the sandbox's passphrase.
    """
    unsalted = folder / _UNSALTED
    for stack in unsalted.read_text().splitlines() if unsalted.exists() else ():
        in_tree = project.stack_files / f"Pulumi.{stack}.yaml"
        lines = in_tree.read_text().splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(_SALT)]
        if kept != lines:
            in_tree.write_text("".join(kept))
    shutil.rmtree(folder / "testbed", ignore_errors=True)
    for name in ("env", "pid", _UNSALTED):
        (folder / name).unlink(missing_ok=True)


def _without_salt(project: Project) -> list[str]:
    files = {stack: project.stack_files / f"Pulumi.{stack}.yaml" for stack in project.stacks}
    return [stack for stack, file in files.items() if f"\n{_SALT}" not in file.read_text()]


def down(project: Project, terminal: Terminal) -> None:
    """Ends a running sandbox and waits until it is gone; takes away what a killed one left."""
    folder = project.directory / _FOLDER
    pid_file = folder / "pid"
    if not _is_held(folder):
        _clean(project, folder)
        terminal.console.print("No sandbox is running here.")
        return
    process = int(pid_file.read_text())
    os.kill(process, signal.SIGTERM)
    deadline = time.monotonic() + _SECONDS_TO_END
    while _is_held(folder):
        if time.monotonic() > deadline:
            raise RehearsalError(
                f"The sandbox (process {process}) did not end within {_SECONDS_TO_END} seconds.",
                "End that process by hand; what it started ends with it.",
            )
        time.sleep(0.1)
    terminal.console.print("The sandbox has ended.")


def _only_one(folder: Path) -> FileLock:
    lock = FileLock(folder / "lock", blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise RehearsalError(
            "A sandbox of this tree is running already.",
            "Use it (. .sandbox/env), or end it: iam-hardening sandbox --down",
        ) from None
    return lock


def _is_held(folder: Path) -> bool:
    if not folder.exists():
        return False
    try:
        with FileLock(folder / "lock", blocking=False):
            return False
    except Timeout:
        return True


def variable(stack: str, name: str) -> str:
    """`variable("dev", "AWS_ACCESS_KEY_ID")` → `DEV_AWS_ACCESS_KEY_ID`."""
    return f"{re.sub(r'[^A-Za-z0-9]', '_', stack).upper()}_{name}"


def _write_env(path: Path, testbed: Testbed) -> None:
    exports = {name: testbed.environment[name] for name in _EXPORTED if name in testbed.environment}
    exports[SANDBOX] = "1"
    exports["AWS_DEFAULT_REGION"] = next(iter(testbed.accounts.values())).settings.region
    # OpenBao's client has its own names for the same two.
    exports["BAO_ADDR"], exports["BAO_TOKEN"] = exports["VAULT_ADDR"], exports["VAULT_TOKEN"]
    for account in testbed.accounts.values():
        deployer = account.admin.credentials
        exports[variable(account.name, "AWS_ACCESS_KEY_ID")] = deployer.access_key_id
        exports[variable(account.name, "AWS_SECRET_ACCESS_KEY")] = deployer.secret_access_key
    folders = os.pathsep.join(str(tool.parent) for tool in (tools.pulumi(), tools.bao()))
    lines = [
        "# For a shell: . .sandbox/env",
        *(f"unset {name}" for name in _UNSET),
        *(f"export {name}={shlex.quote(value)}" for name, value in exports.items()),
        f'export PATH={shlex.quote(folders)}:"$PATH"',
    ]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")


def _say_what_next(testbed: Testbed, terminal: Terminal) -> None:
    first = next(iter(testbed.accounts))
    key, secret = variable(first, "AWS_ACCESS_KEY_ID"), variable(first, "AWS_SECRET_ACCESS_KEY")
    workload = testbed.workloads[0].name if testbed.workloads else first
    mounts = [account.settings.vault for account in testbed.accounts.values() if account.settings.vault]
    role = next((f"{vault.mount}/creds/{name}" for vault in mounts for name in vault.roles), None)
    lines = [
        "",
        "[bold]The sandbox is up.[/bold] In another shell, in this folder:",
        "",
        "  . .sandbox/env",
        f"  pulumi stack output --stack {workload}",
        f"  AWS_ACCESS_KEY_ID=${key} AWS_SECRET_ACCESS_KEY=${secret} aws iam list-users",
        *([f"  bao read {role}"] if role else []),
        f"  pulumi preview --stack {workload}   (needs Pulumi's Python language host)",
        "",
        "Ctrl-C here, or `iam-hardening sandbox --down`, ends it and everything that it started.",
    ]
    terminal.console.print("\n".join(lines))
