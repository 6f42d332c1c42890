"""A sandbox with installed plugins, used from a shell as a person would: first try, nothing set by hand.

The plugins are launched by the engine (tests/engine/plugin_home.py), and so is the language host. They find
credentials, servers and the proxy in their environment, or not at all.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine.plugin_home import PluginHome
from tests.rehearsal import language_host
from tests.rehearsal.conftest import Copy

pytestmark = pytest.mark.engine

USERS_OWN = "the-users-own"
START_SECONDS = 300


@dataclass
class Sandbox:
    copy: Copy
    home: PluginHome
    printed: Path
    bin: Path

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """In a shell that has read `.sandbox/env`, on top of what the user's own shell has."""
        return subprocess.run(
            ["sh", "-c", f". .sandbox/env\n{command}"],
            cwd=self.copy.folder,
            env={**os.environ, **of_the_user(self.home), "PATH": f"{self.bin}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )


def of_the_user(home: PluginHome) -> dict[str, str]:
    return {
        "PULUMI_HOME": str(home.folder),
        "AWS_PROFILE": USERS_OWN,
        "AWS_SESSION_TOKEN": USERS_OWN,
        "VAULT_NAMESPACE": USERS_OWN,
        "COLUMNS": "200",
    }


@pytest.fixture(scope="module")
def sandbox(
    copy_of_project: Callable[[], Copy], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    base = tmp_path_factory.mktemp("sandbox")
    home = PluginHome(base / "home")
    for package in ("aws", "vault"):
        home.install(package)
    language_host.install(base / "bin")
    copy = copy_of_project()
    command = [sys.executable, "-m", "rehearsal", "sandbox", "--providers", "auto"]
    with (base / "printed").open("w") as output:
        running = subprocess.Popen(
            command,
            cwd=copy.folder,
            env={**os.environ, **of_the_user(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for_it(running, copy.folder / ".sandbox" / "env", base / "printed")
        yield Sandbox(copy, home, base / "printed", base / "bin")
    finally:
        running.terminate()
        running.wait(60)


def wait_for_it(running: "subprocess.Popen[bytes]", env: Path, printed: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while "ends it and everything" not in printed.read_text():
        assert running.poll() is None, printed.read_text()
        assert time.monotonic() < deadline, printed.read_text()
        time.sleep(0.2)
    assert env.exists()


def test_it_says_which_pulumi_and_which_plugins(sandbox: Sandbox) -> None:
    printed = " ".join(sandbox.printed.read_text().split())
    assert "Providers: the installed plugins pulumi-resource-aws and pulumi-resource-vault." in printed
    assert "Pulumi: built here" in printed


def test_a_preview_and_an_up_of_each_stack_find_its_credentials_and_change_nothing(sandbox: Sandbox) -> None:
    for stack in ("dev", "central"):
        for command in (f"preview --stack {stack}", f"up --yes --stack={stack}"):
            done = sandbox.shell(f"pulumi {command}")
            assert done.returncode == 0, done.stdout + done.stderr
            assert " unchanged" in done.stdout
            assert "to create" not in done.stdout
            assert "Traceback" not in done.stdout + done.stderr


def test_the_first_verify_of_a_fresh_sandbox_is_green(sandbox: Sandbox) -> None:
    done = sandbox.shell("iam-hardening verify --stack dev")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "claims hold" in done.stdout


def test_the_credentials_of_another_account_are_refused_by_the_program(sandbox: Sandbox) -> None:
    done = sandbox.shell("AWS_PROFILE=central pulumi preview --stack dev")
    assert done.returncode != 0
    assert "111111111111" in done.stdout + done.stderr


def test_the_proxy_is_for_the_plugins_alone_and_nothing_of_the_users_own_reaches_them(
    sandbox: Sandbox,
) -> None:
    endpoint = sandbox.shell("echo $AWS_ENDPOINT_URL").stdout.strip()
    for package in ("aws", "vault"):
        launches = sandbox.home.launches(package)
        assert launches
        for launch in launches:
            assert launch["environment"]["HTTP_PROXY"] == endpoint
            assert USERS_OWN not in launch["environment"].values()
    assert sandbox.shell("echo ${HTTP_PROXY-none}").stdout.strip() == "none"


def test_what_it_wrote_for_the_shell_is_for_its_owner_alone(sandbox: Sandbox) -> None:
    folder = sandbox.copy.folder / ".sandbox"
    for file in (folder / "env", folder / "testbed" / "aws-credentials"):
        assert file.stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0
