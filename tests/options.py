"""Options of a command as a person types them, for the function behind it: `run(**options("--stack",
"dev"))`."""

from pathlib import Path
from typing import Any

# As iam_hardening/cli.py names them otherwise than on the command line.
_NAMES = {"--try": "attempt", "--from": "recorded_in", "--json": "json_file"}
_PATHS = {"--json", "--log", "--file", "--from", "--to"}


def options(arguments: list[str]) -> dict[str, Any]:
    """`["--role", "test", "--yes"]` → `{"role": "test", "yes": True}`."""
    found: dict[str, Any] = {}
    for index, word in enumerate(arguments):
        if not word.startswith("--"):
            continue
        following = arguments[index + 1] if index + 1 < len(arguments) else "--"
        value: Any = True if following.startswith("--") else following
        name = _NAMES.get(word, word.removeprefix("--").replace("-", "_"))
        found[name] = Path(value) if word in _PATHS else value
    return found
