"""What `iam-hardening rehearse --json FILE` wrote, read back."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from iam_hardening.claims.access_graph import AccessGraph

_SHOWN_MISTAKES = 3


class UnreadableError(Exception):
    """The file is no rehearsal's; the message is a sentence for the person who named it."""


class _Recorded(BaseModel):
    # A newer rehearsal may say more.
    model_config = ConfigDict(extra="ignore", frozen=True)


class Judged(_Recorded):
    """One claim and what was found, as `iam_hardening.claims.claim.Outcome` writes it."""

    scenario: str
    who: str
    mfa: str
    call: str
    resource: str
    account: str
    claimed: str
    reason: str
    found: str
    holds: bool
    detail: str = ""


class Compared(_Recorded):
    """One probe: `found` is account → what it found there."""

    what: str
    reason: str
    found: dict[str, str]


class Rehearsed(_Recorded):
    """A whole rehearsal. Times are in seconds."""

    holds: bool
    ended: str = ""
    providers: str
    unproved: list[str]
    seconds: float
    phases: dict[str, float]
    scenarios: dict[str, float]
    notes: list[str]
    claims: Annotated[list[Judged], Field(min_length=1)]
    access_graph: AccessGraph
    comparison: list[Compared]

    @model_validator(mode="after")
    def _drawn_between_nodes(self) -> Self:
        nodes = {node.id for node in self.access_graph.nodes}
        accounts = {account.name for account in self.access_graph.accounts}
        if any({edge.source, edge.target} - nodes for edge in self.access_graph.edges) or any(
            node.account not in accounts for node in self.access_graph.nodes
        ):
            raise ValueError("access_graph: a edge or a node leads to nowhere")
        return self


def read(path: Path) -> Rehearsed:
    """Raises UnreadableError."""
    again = "Write it anew: iam-hardening report, or iam-hardening rehearse --json FILE."
    try:
        return Rehearsed.model_validate_json(path.read_text())
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror or error}. {again}") from None
    except UnicodeDecodeError:
        raise UnreadableError(f"{path} is no JSON. {again}") from None
    except ValidationError as error:
        mistakes = "; ".join(
            f"{'.'.join(map(str, mistake['loc'])) or 'the file'}: {mistake['msg']}"
            for mistake in error.errors()[:_SHOWN_MISTAKES]
        )
        raise UnreadableError(f"{path} is not what a rehearsal writes ({mistakes}). {again}") from None
