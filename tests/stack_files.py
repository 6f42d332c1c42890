"""The stack files in the tree, and configuration the way Pulumi hands it to a program.

Measured with the CLI v3.259.0: every scalar at the top level is text (nothing is empty text), lists and maps
are JSON text; what is inside them keeps its type.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PROJECT: str = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["name"]
# Those that a user adds are tested, too.
STACKS = sorted(
    path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in ROOT.glob("Pulumi.*.yaml")
)


def config_of(stack: str, folder: Path = ROOT) -> dict[str, Any]:
    """The `config:` of a stack file, as YAML reads it."""
    config: dict[str, Any] = yaml.safe_load((folder / f"Pulumi.{stack}.yaml").read_text())["config"]
    return config


def handed_over(config: Mapping[str, Any]) -> dict[str, str]:
    return {key: _text(value) for key, value in config.items()}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
