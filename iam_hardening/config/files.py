"""The settings of every stack in a project's folder, read without the engine."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from iam_hardening import config


def project_name(directory: Path) -> str:
    return str(yaml.safe_load((directory / "Pulumi.yaml").read_text())["name"])


def stack_names(directory: Path) -> list[str]:
    return sorted(
        path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in directory.glob("Pulumi.*.yaml")
    )


def settings_of(directory: Path) -> Mapping[str, config.Settings]:
    """Stack name → settings. Raises `settings.ConfigError` for the first file with mistakes."""
    project = project_name(directory)
    return {
        stack: config.load(
            yaml.safe_load((directory / f"Pulumi.{stack}.yaml").read_text()).get("config") or {},
            project=project,
            stack=stack,
        )
        for stack in stack_names(directory)
    }
