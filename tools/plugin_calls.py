"""Adds to iam_hardening/aws/plugin_calls.yaml what a rehearsal with installed plugins recorded:

    iam-hardening rehearse --providers installed --json rehearsal.json
    .venv/bin/python tools/plugin_calls.py rehearsal.json

Run it for the shipped stack files and for examples/hardened: together they have every resource type.
"""

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).resolve().parent.parent / "iam_hardening" / "aws" / "plugin_calls.yaml"


def merged(data: dict[str, Any], recorded: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
    """The file's content with what was recorded; nothing is taken away."""
    for package, operations in recorded.items():
        known = data[package]["operations"]
        data[package]["recorded_with"] = metadata.version(f"pulumi-{package}")
        for operation, calls in operations.items():
            known[operation] = sorted(set(known.get(operation, [])) | set(calls))
    return data


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    recorded = json.loads(Path(sys.argv[1]).read_text()).get("plugin_calls")
    if not recorded:
        said = "no plugin was installed in that rehearsal, nothing was recorded"
        print(f"{sys.argv[1]}: {said}.", file=sys.stderr)
        return 2
    text = FILE.read_text()
    header = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    data = merged(yaml.safe_load(text), recorded)
    FILE.write_text(header + yaml.safe_dump(data, sort_keys=False, width=120))
    return 0


if __name__ == "__main__":
    sys.exit(main())
