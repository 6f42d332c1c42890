"""Looks at this machine's processes."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text()
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # macOS has no /proc; on Linux it has just ended
        return not Path("/proc/self").exists()
    # Killed, and not yet collected by the init process it was left to.
    return stat.rpartition(")")[2].split()[0] != "Z"


def command_lines() -> dict[int, str]:
    """Every process by its id."""
    return {pid: command for pid, _, command in _processes()}


def groups_with(text: str) -> dict[int, str]:
    """Every process of each process group in which a command line contains the text."""
    processes = _processes()
    groups = {group for _, group, command in processes if text in command}
    return {pid: command for pid, group, command in processes if group in groups}


def _processes() -> list[tuple[int, int, str]]:
    listing = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,pgid=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in listing.stdout.splitlines()]
    return [(int(row[0]), int(row[1]), row[2]) for row in rows if len(row) == 3]
