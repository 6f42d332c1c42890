"""To deploy and operate, requirements.txt alone is installed: what that code imports is in there, and each
line says what it is for."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.stack_files import ROOT

DEPLOYED = [
    ROOT / "__main__.py",
    *(ROOT / "components").rglob("*.py"),
    *(ROOT / "iam_hardening").rglob("*.py"),
]
OWN = {"components", "iam_hardening", "access"}
# Behind these the rehearsal begins, and with it requirements-dev.txt.
LAZY = {("iam_hardening/cli.py", "rehearsal")}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name.split(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def required(name: str) -> set[str]:
    lines = (ROOT / name).read_text().splitlines()
    return {normal(Requirement(line).name) for line in lines if line and not line.startswith("#")}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def third_party(path: Path) -> Iterator[str]:
    """The distributions that a file needs."""
    for module in imported(path) - OWN - set(sys.stdlib_module_names):
        if (str(path.relative_to(ROOT)), module) not in LAZY:
            yield from (normal(name) for name in packages_distributions().get(module, [module]))


# Come with one that is named, at its version: botocore with boto3, pydantic-core with pydantic.
WITH = {"botocore": "boto3", "pydantic-core": "pydantic", "markupsafe": "jinja2", "protobuf": "pulumi"}


def test_what_deploys_and_operates_needs_requirements_txt_alone() -> None:
    named = required("requirements.txt")
    needed = {
        WITH.get(name, name): str(path.relative_to(ROOT)) for path in DEPLOYED for name in third_party(path)
    }
    assert {name: path for name, path in needed.items() if name not in named} == {}
    assert named - needed.keys() == {"pytest"}  # the design card's fourth
    assert named >= {"pulumi", "pulumi-aws", "pulumi-vault", "pytest"}


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_each_requirement_says_what_it_is_for(file: str) -> None:
    before = ""
    for line in (ROOT / file).read_text().splitlines():
        assert line.startswith("#") or before.startswith("#") or "types-" in line or "mypy" in before, line
        before = line


def test_no_requirement_is_named_twice() -> None:
    assert required("requirements.txt") & required("requirements-dev.txt") == {"boto3"}  # exact for ministack
