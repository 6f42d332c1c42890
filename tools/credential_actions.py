"""Adds to iam_hardening/aws/credential_actions.yaml what AWS has added since: `make credential-actions`.

Reads the newest policy_sentry and botocore, not the pinned ones, which are as old as the lock; uv makes an
environment for each and throws it away. Judge each entry under `unjudged`, and move it to `denied` or to a
reason under `accepted`.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "iam_hardening" / "aws" / "credential_actions.yaml"
UV = ROOT / ".venv" / "bin" / "uv"

_ACTIONS = """
import importlib.metadata, json
from policy_sentry.querying.all import get_all_actions
print(json.dumps([importlib.metadata.version("policy_sentry"), sorted(get_all_actions())]))
"""
_OPERATIONS = """
import botocore, botocore.session, json
session = botocore.session.Session()
clients = session.get_available_services()
operations = [f"{c}.{o}" for c in clients for o in session.get_service_model(c).operation_names]
print(json.dumps([botocore.__version__, operations]))
"""


def newest(package: str, program: str) -> tuple[str, list[str]]:
    """The package's newest version, and what the program prints with it."""
    command = [str(UV), "run", "--quiet", "--no-project", "--isolated"]
    command += ["--refresh-package", package, "--with", package, "python", "-c", program]
    version, names = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return version, names


def of_interest(data: dict[str, Any], actions: list[str], operations: list[str]) -> list[str]:
    """Actions that match a pattern, and operations that do and have no action of their name."""
    pattern = re.compile("|".join(data["patterns"]))
    known = {action.lower() for action in actions}
    matching = [action for action in actions if pattern.search(action.split(":")[1])]
    for operation in operations:
        if pattern.search(operation.split(".")[1]) and as_action(data, operation).lower() not in known:
            matching.append(operation)
    return sorted(set(matching))


def as_action(data: dict[str, Any], name: str) -> str:
    """An operation with the prefix that its service has in IAM."""
    if ":" in name:
        return name
    client, operation = name.split(".")
    return f"{data['prefixes'].get(client, client)}:{operation}"


def judged(data: dict[str, Any]) -> set[str]:
    return {*data["denied"], *(action for group in data["accepted"] for action in group["actions"])}


def main() -> int:
    text = FILE.read_text()
    data = yaml.safe_load(text)
    try:
        sentry, actions = newest("policy_sentry", _ACTIONS)
        botocore, operations = newest("botocore", _OPERATIONS)
    except subprocess.CalledProcessError as failure:
        print(
            f"Reading the newest lists failed; {FILE.name} is as it was.\n{failure.stderr}", file=sys.stderr
        )
        return 2
    found = of_interest(data, actions, operations)
    new = [each for each in found if each not in judged(data)]
    listed = "unjudged:" + ("".join(f"\n  - {each}" for each in new) or " []")
    sources = f"sources: {{botocore: {botocore}, policy_sentry: {sentry}}}"
    text = re.sub(r"^sources:.*$", sources, text, flags=re.MULTILINE)
    FILE.write_text(re.sub(r"^unjudged:.*\Z", f"{listed}\n", text, flags=re.MULTILINE | re.DOTALL))
    print(f"policy_sentry {sentry}, botocore {botocore}: {len(found)} match, {len(new)} are not judged yet.")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
