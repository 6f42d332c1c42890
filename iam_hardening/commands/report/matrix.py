"""The access matrix: persona by MFA by call, one table per account and kind of persona."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from iam_hardening.claims.claim import ALLOWED, REFUSED
from iam_hardening.commands.report.recorded import Judged

_VERDICTS = {ALLOWED, REFUSED}
# What differs from run to run in the names of a rehearsal's own things, and of instances.
_MADE_UP = re.compile(r"(?<=rehearsal)-[0-9a-f]{8,}$|(?<=rehearsal-intruder)-[0-9a-f]{8,}$")
_INSTANCE = re.compile(r"(?<=^instance/i-)[0-9a-f]{8,}$")
# The same call by a key and by a session without a code is one row: neither has MFA.
_SESSION = " (session without code)"
_DEPLOYER = "deployer"
_SELF = "SELF"
_PEOPLE, _MACHINES = "people", "machines and tokens"
_POLICIES, _DOORS = "single policies", "trust and resource policies"
_ORDER = (_PEOPLE, _MACHINES, _POLICIES, _DOORS)
# As the behaviour scenario names what is no persona.
_POLICY = re.compile(r"^policy ")
_DOOR = re.compile(r"^(role|key|topic|bucket) ")


@dataclass(frozen=True)
class Persona:
    """`mfa` is None for identities without MFA: machines, tokens."""

    who: str
    mfa: str | None


@dataclass(frozen=True)
class Row:
    """`cells` go with the table's personas; an empty one is a call that this persona did not make."""

    call: str
    resource: str
    cells: tuple[tuple[Judged, ...], ...]


@dataclass(frozen=True)
class Table:
    title: str
    personas: tuple[Persona, ...]
    rows: tuple[Row, ...]


def tables(claims: Iterable[Judged]) -> list[Table]:
    """Every claim about a call that is allowed or refused."""
    by_table: dict[tuple[str, str], list[Judged]] = {}
    for claim in claims:
        if is_of_access(claim):
            by_table.setdefault((_kind(claim), claim.account), []).append(claim)
    people_first = sorted(by_table.items(), key=lambda table: _ORDER.index(table[0][0]))
    return [_table(f"Account {account}: {kind}", judged) for (kind, account), judged in people_first]


def other_findings(claims: Iterable[Judged]) -> list[Judged]:
    """What is no verdict on a call: a setting's value, what an up changed, how a lease ended."""
    return [claim for claim in claims if not is_of_access(claim)]


def is_of_access(claim: Judged) -> bool:
    return claim.claimed in _VERDICTS and claim.who != _DEPLOYER


def _table(title: str, claims: list[Judged]) -> Table:
    personas = tuple(dict.fromkeys(_persona(claim) for claim in claims))
    rows: dict[tuple[str, str], dict[Persona, list[Judged]]] = {}
    for claim in claims:
        row = rows.setdefault((claim.call.removesuffix(_SESSION), _general(claim)), {})
        row.setdefault(_persona(claim), []).append(claim)
    return Table(
        title=title,
        personas=personas,
        rows=tuple(
            Row(call=call, resource=resource, cells=tuple(tuple(cells.get(each, ())) for each in personas))
            for (call, resource), cells in sorted(rows.items())
        ),
    )


def _kind(claim: Judged) -> str:
    if _POLICY.match(claim.who):
        return _POLICIES
    if _DOOR.match(claim.who):
        return _DOORS
    return _PEOPLE if _persona(claim).mfa else _MACHINES


def _persona(claim: Judged) -> Persona:
    if _DOOR.match(claim.who):
        # One column: the call names the caller, and each policy has other conditions.
        return Persona(who="allows", mfa=None)
    return Persona(who=claim.who, mfa=None if claim.mfa == "-" else claim.mfa)


def _general(claim: Judged) -> str:
    """The resource without what only this persona or this run has in it, so that rows can be compared."""
    if _DOOR.match(claim.who):
        return claim.who if claim.resource == "-" else f"{claim.who}: {claim.resource}"
    resource = re.sub(rf"(?<=/){re.escape(claim.who)}(?=$|-)", _SELF, claim.resource)
    resource = re.sub(rf"^user/.*/{_SELF}$", f"user/{_SELF}", resource)
    return _INSTANCE.sub("…", _MADE_UP.sub("", resource))
