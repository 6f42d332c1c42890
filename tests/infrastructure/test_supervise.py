"""Nothing outlives the process that started it, however that one ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rehearsal import supervise
from tests.infrastructure.processes import is_running, wait_for

# A command with a child in its process group; it writes the ids of both.
_FAMILY = 'sleep 300 & echo "$$ $!" > ids.partial && mv ids.partial ids && wait'
_STUBBORN_FAMILY = "trap '' TERM; " + _FAMILY


def start_family(directory: Path, script: str = _FAMILY) -> tuple[subprocess.Popen[bytes], list[int]]:
    process = supervise.start(["sh", "-c", script], output=subprocess.DEVNULL, cwd=directory)
    assert wait_for((directory / "ids").exists)
    return process, [int(pid) for pid in (directory / "ids").read_text().split()]


def test_stop_ends_the_command_and_its_children(tmp_path: Path) -> None:
    process, family = start_family(tmp_path)
    assert all(map(is_running, family))

    supervise.stop(process)

    assert wait_for(lambda: not any(map(is_running, family)))


def test_a_command_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    process, family = start_family(tmp_path, _STUBBORN_FAMILY)
    began = time.monotonic()

    supervise.stop(process)

    assert wait_for(lambda: not any(map(is_running, family)))
    assert time.monotonic() - began >= supervise.GRACE_SECONDS


def test_a_command_that_ends_leaves_no_child_behind(tmp_path: Path) -> None:
    process, family = start_family(tmp_path, _FAMILY.replace("&& wait", "&& exit 7"))

    assert process.wait() == 7
    assert wait_for(lambda: not any(map(is_running, family)))


def test_a_request_to_end_the_supervisor_ends_its_command(tmp_path: Path) -> None:
    process, family = start_family(tmp_path)

    process.terminate()
    process.wait()

    assert wait_for(lambda: not any(map(is_running, family)))


@pytest.mark.parametrize("whole_group", [False, True])
def test_a_killed_parent_leaves_nothing_behind(tmp_path: Path, whole_group: bool) -> None:
    parent_program = (
        "import subprocess, sys, time\n"
        "from pathlib import Path\n"
        "from rehearsal import supervise\n"
        f"command = ['sh', '-c', {_FAMILY!r}]\n"
        f"supervise.start(command, output=subprocess.DEVNULL, cwd=Path({str(tmp_path)!r}))\n"
        "time.sleep(300)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", parent_program], start_new_session=True)
    assert wait_for((tmp_path / "ids").exists)
    family = [int(pid) for pid in (tmp_path / "ids").read_text().split()]
    assert all(map(is_running, family))

    (os.killpg if whole_group else os.kill)(parent.pid, signal.SIGKILL)
    parent.wait()

    assert wait_for(lambda: not any(map(is_running, family)))


def test_the_exit_status_is_the_command_s(tmp_path: Path) -> None:
    process = supervise.start(["sh", "-c", "exit 3"], output=subprocess.DEVNULL, cwd=tmp_path)

    assert process.wait() == 3


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    process = supervise.start(["no-such-command"], output=subprocess.PIPE, cwd=tmp_path)
    output, _ = process.communicate()

    assert process.returncode == 127
    assert b"no-such-command" in output
