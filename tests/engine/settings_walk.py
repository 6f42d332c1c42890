"""Every setting of a stack file, walked through once: what the engine does when it is added, changed, renamed
and removed. The walks are data (settings_walk.yaml), and so is what happened (settings_walk_steps.yaml).

    python -m tests.engine.settings_walk        write the table into docs/changes.md

`pytest tests/engine/test_settings_walk.py --record-steps` writes down what happens; without the option the
test compares. A step belongs to a row if the program registers that resource otherwise for the row's change
alone (tests/program/registrations.py): the engine runs the changes of many rows in one up.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.stack_files import ROOT

FILE = Path(__file__).with_name("settings_walk.yaml")
STEPS = Path(__file__).with_name("settings_walk_steps.yaml")
DOCUMENT = ROOT / "docs" / "changes.md"
BEGIN, END = "<!-- settings walk: begin -->", "<!-- settings walk: end -->"

NAMESPACE = "iam-hardening:"
ABSENT, BASE, RENAME = "(absent)", "(base)", "(rename) "
ADD, CHANGE, RENAMED, REMOVE = KINDS = ("add", "change", "rename", "remove")

Config = dict[str, Any]
# Operation, type and logical name of a resource.
Step = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Row:
    """`of`: the setting as documents name it; `at`: where it stands in the walked stack file."""

    of: str
    walk: Sequence[Any]
    at: str = ""
    # Rows of one turn are walked together; the next turn starts from the base again.
    turn: int = 1
    also: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    # Why no change from one value to another is walked.
    no_change: str = ""

    @property
    def path(self) -> str:
        return self.at or self.of

    def kind(self, moment: int) -> str:
        """Of the change that leads to the value at `moment` (1 is the first change)."""
        before, value = self.walk[moment - 1], self.walk[moment]
        if str(value).startswith(RENAME):
            return RENAMED
        if value == ABSENT:
            return REMOVE
        return ADD if before == ABSENT else CHANGE

    def edits(self, base: Config, moment: int) -> dict[str, Any]:
        """Path → value of all that is not as the base has it at that moment of the walk."""
        path, value = self.path, self.walk[moment]
        if str(value).startswith(RENAME):
            renamed = f"{path.rpartition('.')[0]}.{value.removeprefix(RENAME)}"
            return {renamed: self.walk[moment - 1], **self.also.get(moment, {})}
        if value == BASE:
            value = found(base, path)
        return {path: value, **self.also.get(moment, {})}


@dataclass(frozen=True, kw_only=True)
class Walk:
    """The rows of one stack, and the stack file that they start from (keys without the namespace)."""

    stack: str
    base: Config
    rows: Sequence[Row]

    def config(self, moments: Mapping[str, int]) -> Config:
        """The stack file with each row, by its setting, at its moment; rows not named are at their start."""
        changed = copy.deepcopy(self.base)
        for row in self.rows:
            if moments.get(row.of):
                for path, value in row.edits(self.base, moments[row.of]).items():
                    put(changed, path, value)
        return changed

    def ups(self) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
        """Setting → moment, before and after, up by up. At the end of its turn each row is where it began."""
        for turn in sorted({row.turn for row in self.rows}):
            together = [row for row in self.rows if row.turn == turn]
            before: dict[str, int] = {}
            for moment in range(1, max(len(row.walk) for row in together)):
                now = {row.of: min(moment, len(row.walk) - 1) for row in together}
                yield before, now
                before = now

    def changes(self, before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, str]:
        """Setting → kind of change, of the rows that this up moves on."""
        return {
            row.of: row.kind(now[row.of])
            for row in self.rows
            if row.of in now and before.get(row.of, 0) != now[row.of]
        }


def walks() -> dict[str, Walk]:
    """By stack."""
    data = yaml.safe_load(FILE.read_text())
    made = {}
    for stack in ("central", "dev"):
        base = hardened(stack)
        for path, value in data[stack]["base"].items():
            put(base, path, value)
        made[stack] = Walk(stack=stack, base=base, rows=[Row(**row) for row in data[stack]["rows"]])
    return made


def hardened(stack: str) -> Config:
    file = ROOT / "examples" / "hardened" / f"Pulumi.{stack}.yaml"
    config = yaml.safe_load(file.read_text())["config"]
    return {key.removeprefix(NAMESPACE): value for key, value in config.items()}


def as_stack_file(config: Config) -> Config:
    """With the namespaces that the file has."""
    return {key if ":" in key else f"{NAMESPACE}{key}": value for key, value in config.items()}


def _split(path: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in path.split(".")]


def found(config: Config, path: str) -> Any:
    """The value at a path; ABSENT where there is none."""
    holder: Any = config
    for part in _split(path):
        if isinstance(holder, dict) and part not in holder:
            return ABSENT
        holder = holder[part]
    return copy.deepcopy(holder)


def put(config: Config, path: str, value: Any) -> None:
    """Changes one value in place; ABSENT takes the key away."""
    holder: Any = config
    *parts, last = _split(path)
    for part in parts:
        holder = holder.setdefault(part, {}) if isinstance(holder, dict) else holder[part]
    if value != ABSENT:
        holder[last] = copy.deepcopy(value)
    else:
        holder.pop(last, None)


# --- The table


def recorded() -> dict[str, dict[str, list[list[str]]]]:
    """Stack → setting → the steps of each change, each step as `operation Type name`."""
    answer: dict[str, dict[str, list[list[str]]]] = (
        yaml.safe_load(STEPS.read_text()) if STEPS.exists() else {}
    )
    return answer


_VERBS = {
    "replace": "**replaced**",
    "delete": "deleted",
    "create": "made",
    "update": "in place",
}


def cell(steps: Sequence[str]) -> str:
    """What a reader of the table needs of the steps: which kinds of resources are replaced, deleted, made and
    updated."""
    kinds: dict[str, list[str]] = {}
    for step in steps:
        operation, type_, _ = step.split(" ", 2)
        if operation in ("create-replacement", "delete-replaced"):
            continue
        if type_ not in kinds.setdefault(operation, []):
            kinds[operation].append(type_)
    said = [f"{verb}: {', '.join(kinds[op])}" for op, verb in _VERBS.items() if op in kinds]
    unknown = kinds.keys() - _VERBS.keys()
    if unknown:
        raise ValueError(f"no words for the operations {sorted(unknown)}")
    return "; ".join(said) or "nothing in the account"


def table() -> str:
    """Setting | add | change | rename | remove."""
    data = yaml.safe_load(FILE.read_text())
    steps = recorded()
    lines = ["| setting | added | changed | renamed | removed |", "|---|---|---|---|---|"]
    cells: dict[str, dict[str, str]] = {}
    for walk in walks().values():
        for row in walk.rows:
            own = cells.setdefault(row.of, {})
            for moment in range(1, len(row.walk)):
                # The first change of a kind: the last one only leads back to where the walk began.
                own.setdefault(row.kind(moment), cell(steps[walk.stack][row.of][moment - 1]))
    for each in data["refused"]:
        cells.setdefault(each["of"], {}).setdefault(each["kind"], "refused")
    for setting, entry in data["elsewhere"].items():
        cells.setdefault(setting, {})["says"] = entry["says"]
    for setting, own in sorted(cells.items(), key=lambda item: item[0].lower()):
        if "says" in own:
            lines.append(f"| `{setting}` | {own['says']} | | | |")
            continue
        lines.append(f"| `{setting}` | " + " | ".join(own.get(kind, "") for kind in KINDS) + " |")
    return "\n".join(lines)


def document(text: str) -> str:
    """docs/changes.md with the table in its place."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(document(DOCUMENT.read_text()))
