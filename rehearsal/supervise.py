"""Runs one command so that nothing of it outlives its caller.

    python supervise.py -- COMMAND…

The command starts in its own session. All of its process group ends (SIGTERM, SIGKILL three seconds
later) when the command itself ends, when this process is asked to end, or when its standard input reaches
end-of-file. That input is a pipe whose other end only the parent holds, so the last case is the parent's end,
by `kill -9` too.

It does not reach processes that leave the group on purpose. Standard library only and run by its path, so
that it starts in a few hundredths of a second; rehearsal/environment.py uses it before anything is installed.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

GRACE_SECONDS = 3.0

_POLL_SECONDS = 0.02
_END_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def start(
    command: Sequence[str | Path], *, output: int | IO[bytes], env: Mapping[str, str] | None = None, cwd: Path
) -> subprocess.Popen[bytes]:
    """Start `command` under supervision; `output` takes what it prints on both streams. `stop` ends it."""
    supervised = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), "--", *map(str, command)]
    # The supervisor has its own session, too: a Ctrl-C, or a kill of the caller's group, must not end it
    # before it has ended the command.
    return subprocess.Popen(
        supervised,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=None if env is None else dict(env),
        cwd=cwd,
        start_new_session=True,
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End what `start` started, and return once all of it is gone."""
    if process.stdin is not None:
        process.stdin.close()
    process.wait()


def _run(command: Sequence[str]) -> int:
    wake_up, on_signal = os.pipe()
    os.set_blocking(on_signal, False)
    signal.set_wakeup_fd(on_signal)
    for number in (*_END_SIGNALS, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    try:
        while child.poll() is None:
            ready, _, _ = select.select([sys.stdin.fileno(), wake_up], [], [])
            if sys.stdin.fileno() in ready and not os.read(sys.stdin.fileno(), 4096):
                break
            if wake_up in ready and set(os.read(wake_up, 4096)) & set(_END_SIGNALS):
                break
    finally:
        _end_group(child)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End all of the child's process group, also what the child left behind in it."""
    deadline = time.monotonic() + GRACE_SECONDS
    number: int = signal.SIGTERM
    while True:
        try:
            os.killpg(child.pid, number)
        except (
            ProcessLookupError,
            PermissionError,
        ):  # macOS: a group with only zombies left is not permitted
            break
        if number == signal.SIGKILL:
            break
        time.sleep(_POLL_SECONDS)
        child.poll()
        number = signal.SIGKILL if time.monotonic() > deadline else 0
    child.wait()


if __name__ == "__main__":
    if sys.argv[1:2] != ["--"] or len(sys.argv) < 3:
        sys.exit("usage: supervise.py -- COMMAND…")
    sys.exit(_run(sys.argv[2:]))
