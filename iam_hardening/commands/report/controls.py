"""Which controls a rehearsal shows, by which of its claims (controls.yaml; more in docs/compliance.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from iam_hardening.commands.report.recorded import Judged

_FILE = Path(__file__).with_name("controls.yaml")


class Pattern(BaseModel):
    """Claims whose every field matches, in the manner of a shell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scenario: str = "*"
    call: str = "*"
    resource: str = "*"
    mfa: str = "*"
    claimed: str = "*"

    def matches(self, claim: Judged) -> bool:
        return all(fnmatchcase(getattr(claim, field), pattern) for field, pattern in self)


class Control(BaseModel):
    """`otherwise` says what shows it where no claim does, `only` what part of it the claims show."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ids: str
    asks: str
    claims: tuple[Pattern, ...] = ()
    otherwise: str = ""
    only: str = ""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A control and the claims that show it; `by` is empty where none of this rehearsal does."""

    control: Control
    by: tuple[Judged, ...]

    @property
    def holds(self) -> bool:
        return bool(self.by) and all(claim.holds for claim in self.by)

    @property
    def scenarios(self) -> dict[str, int]:
        """Scenario → how many of the claims are in it."""
        names = [claim.scenario for claim in self.by]
        return {name: names.count(name) for name in dict.fromkeys(names)}


def known() -> list[Control]:
    return TypeAdapter(list[Control]).validate_python(yaml.safe_load(_FILE.read_text()))


def shown(claims: Sequence[Judged]) -> list[Shown]:
    return [
        Shown(
            control=control,
            by=tuple(claim for claim in claims if any(each.matches(claim) for each in control.claims)),
        )
        for control in known()
    ]
