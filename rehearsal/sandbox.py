"""`iam-hardening sandbox`: the rehearsal's testbed, deployed and left running for hands-on use, until Ctrl-C.

Everything of it is under `.sandbox/`: `env` (shell exports, for its owner only), the Pulumi state, the logs.
"""

import os
import re
import shlex
import shutil
import signal
import sys
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
from rehearsal.testbed import Account, Testbed, running_testbed

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
# For the plugins alone: in the shell it would take every plain HTTP call away from its host.
_PROXY = ("HTTP_PROXY", "NO_PROXY")
_COMMAND = """\
#!/bin/sh
before=
for argument in "$@"; do
    stack=
    case "$before" in --stack|-s) stack=$argument ;; esac
    case "$argument" in --stack=*) stack=${{argument#--stack=}} ;; esac
    case "$stack" in {stacks}) export AWS_PROFILE="${{AWS_PROFILE:-$stack}}" ;; esac
    before=$argument
done
{exports}exec {command} "$@"
"""
_OBEYED = (
    "\n[bold]pulumi there reads your stack files as they are. Where they say how to reach the real account "
    "or the real Vault, installed plugins go there: take such settings out first.[/bold]"
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
        terminal.console.print(testbed.used, markup=False)
        deploy(testbed, terminal)
        commands = folder / "testbed" / "bin"
        _write_commands(commands, testbed)
        _write_profiles(commands.with_name("aws-credentials"), testbed)
        _write_env(folder / "env", testbed, commands)
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


def _write_env(path: Path, testbed: Testbed, commands: Path) -> None:
    names = [name for name in _EXPORTED if name in testbed.environment]
    exports = {name: testbed.environment[name] for name in names}
    exports[SANDBOX] = "1"
    exports["AWS_DEFAULT_REGION"] = next(iter(testbed.accounts.values())).settings.region
    exports["AWS_SHARED_CREDENTIALS_FILE"] = str(commands.with_name("aws-credentials"))
    exports["AWS_CONFIG_FILE"] = os.devnull
    # OpenBao's client has its own names for the same two.
    exports["BAO_ADDR"], exports["BAO_TOKEN"] = exports["VAULT_ADDR"], exports["VAULT_TOKEN"]
    for account in testbed.accounts.values():
        for name, value in _keys(account).items():
            exports[variable(account.name, name.upper())] = value
    folders = os.pathsep.join(str(folder) for folder in (commands, testbed.pulumi.parent, tools.bao().parent))
    lines = [
        "# For a shell: . .sandbox/env",
        *(f"unset {name}" for name in _UNSET),
        *(f"export {name}={shlex.quote(value)}" for name, value in exports.items()),
        f'export PATH={shlex.quote(folders)}:"$PATH"',
    ]
    _write_private(path, "\n".join(lines) + "\n")


def _write_profiles(path: Path, testbed: Testbed) -> None:
    """A profile for each stack; the first one's is the default, too."""
    accounts = list(testbed.accounts.values())
    sections = [("default", accounts[0]), *((account.name, account) for account in accounts)]
    lines = [
        line
        for name, account in sections
        for line in (f"[{name}]", *(f"{key} = {value}" for key, value in _keys(account).items()))
    ]
    _write_private(path, "\n".join(lines) + "\n")


def _keys(account: Account) -> dict[str, str]:
    deployer = account.admin.credentials
    keys = {
        "aws_access_key_id": deployer.access_key_id,
        "aws_secret_access_key": deployer.secret_access_key,
        "aws_session_token": deployer.session_token or "",
    }
    return {name: value for name, value in keys.items() if value}


def _write_commands(folder: Path, testbed: Testbed) -> None:
    """`pulumi` and `iam-hardening` as they are, with the credentials of the stack that `--stack` names."""
    folder.mkdir()
    proxy = {name: testbed.environment[name] for name in _PROXY if name in testbed.environment}
    for name, command, environment in (
        ("pulumi", [str(testbed.pulumi)], proxy),
        ("iam-hardening", [sys.executable, str(folder.with_name("iam-hardening.py"))], {}),
    ):
        exports = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in environment.items())
        stacks = "|".join(shlex.quote(stack) for stack in testbed.accounts)
        (folder / name).write_text(
            _COMMAND.format(stacks=stacks, exports=exports, command=shlex.join(command))
        )
        (folder / name).chmod(0o755)
    folder.with_name("iam-hardening.py").write_text(
        f"import sys\n\nsys.path.insert(0, {str(tools.ROOT)!r})\n"
        "from iam_hardening.cli import main\n\nsys.exit(main())\n"
    )


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _say_what_next(testbed: Testbed, terminal: Terminal) -> None:
    first = next(iter(testbed.accounts))
    workload = testbed.workloads[0].name if testbed.workloads else first
    mounts = [account.settings.vault for account in testbed.accounts.values() if account.settings.vault]
    role = next((f"{vault.mount}/creds/{name}" for vault in mounts for name in vault.roles), None)
    lines = [
        "",
        "[bold]The sandbox is up.[/bold] In another shell, in this folder:",
        "",
        "  . .sandbox/env",
        f"  pulumi stack output --stack {workload}",
        f"  pulumi preview --stack {workload}   (needs Pulumi's Python language host)",
        f"  iam-hardening verify --stack {workload}",
        f"  AWS_PROFILE={first} aws iam list-users",
        *([f"  bao read {role}"] if role else []),
        *([_OBEYED] if testbed.notes and testbed.providers.installed else []),
        "",
        "Ctrl-C here, or `iam-hardening sandbox --down`, ends it and everything that it started.",
    ]
    terminal.console.print("\n".join(lines))
