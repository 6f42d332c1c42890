"""The two servers that the emulator's tests compare: MiniStack as shipped, and ours."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.emulator.cloud import Cloud

ROOT = Path(__file__).parents[2]
READY_WITHIN_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/_ministack/health", timeout=1).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"{' '.join(map(str, process.args))} was not ready within {READY_WITHIN_SECONDS} s")  # type: ignore[arg-type]


@contextmanager
def serving(command: list[str], port: int, **environment: str) -> Iterator[Cloud]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=inherited | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process)
        yield Cloud(url)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def emulated() -> Iterator[Cloud]:
    """The emulated AWS of the rehearsal."""
    port = free_port()
    with serving([sys.executable, "-m", "rehearsal.emulator", "--port", str(port)], port) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def shipped() -> Iterator[Cloud]:
    """MiniStack as it comes, with its enforcement on."""
    port = free_port()
    settings = {"AUTH": "true", "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "LOG_LEVEL": "ERROR"}
    with serving([sys.executable, "-m", "ministack"], port, **settings) as cloud:
        yield cloud
