"""Imports point one way (docs/decisions, "Layout"), and operators' commands never need the rehearsal."""

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from iam_hardening.config import Account, schema
from tests.stack_files import ROOT

PACKAGE = "iam_hardening"
# Each may import the rooms before it, and itself.
ROOMS = ["aws", "config", "model", "clients", "claims", "commands"]
# An oracle must not share the program's mistakes: what judges access never reads the documents that it
# judges. `documents` only puts statements together.
PROGRAM = ("components", "iam_hardening.aws.policies")
NO_POLICY = "iam_hardening.aws.policies.documents."


def imported(source: str) -> Iterator[str]:
    """Full names; `from a import b` counts as a.b, whether b is a module or not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{each.name}" for each in node.names)


def wrong(path: Path, source: str) -> list[str]:
    """The imports of one file that the rule does not allow."""
    parts = path.parts
    checked = "\n".join(
        line for line in source.splitlines() if not line.startswith("    from rehearsal import")
    )
    # Inside a function, where the command line hands over to a command of the rehearsal.
    source = checked if str(path) == f"{PACKAGE}/cli.py" else source
    found = [name for name in imported(source) if name.startswith(("rehearsal", "tests"))]
    if parts[0] == "components":
        allowed: tuple[str, ...] = ("aws", "config", "model")
    elif len(parts) > 2 and parts[1] in ROOMS:
        allowed = tuple(ROOMS[: ROOMS.index(parts[1]) + 1])
        found += [name for name in imported(source) if name.startswith("components")]
    else:
        return found
    for name in imported(source):
        package, _, rest = name.partition(".")
        if package == PACKAGE and rest.split(".")[0] not in (*allowed, "exit_status"):
            found.append(name)
        if parts[:2] == (PACKAGE, "claims") and name.startswith(PROGRAM) and not name.startswith(NO_POLICY):
            found.append(name)
    return found


def sources() -> list[Path]:
    return sorted(
        path.relative_to(ROOT) for room in (PACKAGE, "components") for path in (ROOT / room).rglob("*.py")
    )


@pytest.mark.parametrize("path", sources(), ids=str)
def test_imports_point_one_way(path: Path) -> None:
    assert wrong(path, (ROOT / path).read_text()) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("iam_hardening/aws/naming.py", "from iam_hardening import config"),
        ("iam_hardening/config/values.py", "import iam_hardening.model.desired_state"),
        ("iam_hardening/model/alarms.py", "from iam_hardening.clients.reads import answer_of"),
        ("iam_hardening/claims/matrix.py", "from iam_hardening.commands import verify"),
        ("iam_hardening/claims/matrix.py", "from iam_hardening.aws import policies"),
        ("iam_hardening/claims/matrix.py", "import components.mfa"),
        ("iam_hardening/commands/verify/show.py", "from rehearsal import terminal"),
        ("components/mfa.py", "from iam_hardening.claims.claim import Claim"),
        ("iam_hardening/cli.py", "from rehearsal import commands"),
        ("iam_hardening/commands/jit/issue.py", "def run():\n    from rehearsal import commands"),
    ],
)
def test_an_import_the_other_way_is_found(path: str, source: str) -> None:
    assert wrong(Path(path), source)


# As long as a table of contents may be.
PROGRAM_MAX_LINES = 150


def test_the_program_is_a_table_of_contents() -> None:
    """What makes resources is in components, what decides in the model: the program only names them."""
    source = (ROOT / "__main__.py").read_text()
    assert len(source.splitlines()) <= PROGRAM_MAX_LINES
    modules = {name.split(".")[0] for name in imported(source)}
    assert modules == {"pulumi", "components", PACKAGE}
    assert not [name for name in imported(source) if ".policies" in name]


def _fields(cls: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, ast.unparse(node.annotation)


def copied(source: str) -> list[str]:
    """Fields of a component's args that a section of the stack file, or the account, has already."""
    of_account = {field.name for field in dataclasses.fields(Account)}
    of_sections = {name for section in SECTIONS for name in section.model_fields}
    return [
        f"{cls.name}.{name}"
        for cls in ast.walk(ast.parse(source))
        if isinstance(cls, ast.ClassDef) and cls.name.endswith("Args")
        for name, kind in _fields(cls)
        if name in of_account | of_sections and kind in SIMPLE
    ]


SECTIONS = [
    each for each in vars(schema).values() if isinstance(each, type) and issubclass(each, schema.Section)
]
SIMPLE = {"str", "int", "bool", "str | None", "Sequence[str]", "Mapping[str, str]"}


@pytest.mark.parametrize("path", sorted((ROOT / "components").glob("*.py")), ids=lambda path: path.name)
def test_components_take_their_section_and_no_copy_of_its_fields(path: Path) -> None:
    assert copied(path.read_text()) == []


@pytest.mark.parametrize("field", ["account_id: str", "instance_type: str", "tags: Mapping[str, str]"])
def test_a_copied_field_is_found(field: str) -> None:
    assert copied(f"class InstanceArgs:\n    account: Account\n    {field}\n")
