"""What can go wrong while tools are fetched and built, said in one sentence with what to do about it.

Standard library only: rehearsal/environment.py uses it before anything is installed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LAST_LINES = 15

# In this order: a full disk or a cut line also shows up as a failed download.
_CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"no space left on device|disk quota exceeded|errno 28",
        "the disk is full: free about 6 GB, then run `make setup` again",
    ),
    (
        r"checksum mismatch|SECURITY ERROR|hash mismatch|do not match the hashes|HashMismatch",
        "a download does not match its recorded checksum, so it was refused: "
        "check who stands between this machine and the package registry",
    ),
    (
        r"no such host|dial tcp|name resolution|name or service not known|dns error|network is unreachable|"
        r"connection (refused|reset|timed out)|i/o timeout|operation timed out|TLS handshake|proxyconnect|"
        r"certificate|error sending request|NewConnectionError",
        "a download failed, there seems to be no way to the package registry: "
        "check the network and the proxy settings, then run `make setup` again",
    ),
    (
        r"\b(403|404|410) |unknown revision|not available|No matching distribution|no version of|"
        r"not found in the package registry",
        "the package registry does not offer a version that is pinned here: "
        "check GOPROXY and pip's index settings, then run `make setup` again",
    ),
)


class SetupError(Exception):
    """The set-up cannot go on. The text says why and what to do, for the user to read."""


def failure(doing: str, output: Sequence[str]) -> SetupError:
    """The error for a command that failed: its likely cause, then the last lines it printed."""
    last_lines = [line.rstrip() for line in output if line.strip()][-_LAST_LINES:]
    text = "\n".join(last_lines)
    advice = next(
        (advice for pattern, advice in _CAUSES if re.search(pattern, text, re.IGNORECASE)),
        "the last lines of its output say why",
    )
    return SetupError("\n".join([f"{doing} failed: {advice}.", *(f"    {line}" for line in last_lines)]))
