"""A second evaluator of IAM policies, to compare the emulated AWS with: written from AWS's documents alone.

It imports nothing of the emulator's, of MiniStack's or of boto3's, and is made another way: it works on the
documents as they are written, and matches wildcards by hand. It judges what it is asked; what AWS's documents
leave open is not generated (`generated.py`).

AWS: "IAM JSON policy elements" (Action, Resource, Condition operators, Variables and tags, Principal,
NotPrincipal), "Condition operators with multiple context keys or values", "Policy evaluation logic",
"Permissions boundaries for IAM entities", "Session policies".
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

ALLOWED, DENIED, NOT_ALLOWED = "allowed", "explicitDeny", "implicitDeny"
Document = Mapping[str, Any]
# Literal text, or a wildcard.
Token = tuple[str, bool]


@dataclass(frozen=True)
class Call:
    """One request: the keys are spelled as policies do, in any case."""

    action: str
    resource: str
    context: Mapping[str, str | list[str]] = field(default_factory=dict)

    def value(self, key: str) -> str | list[str] | None:
        return next((value for name, value in self.context.items() if name.lower() == key.lower()), None)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _tokens(text: str) -> list[Token]:
    return [(character, character in "*?") for character in text]


def _matches(tokens: Sequence[Token], text: str) -> bool:
    """Wildcards by hand: `reachable` are the positions in the pattern that the text so far can lead to."""

    def closed(positions: set[int]) -> set[int]:
        found = set(positions)
        for position in sorted(positions):
            while position < len(tokens) and tokens[position] == ("*", True):
                position += 1
                found.add(position)
        return found

    reachable = closed({0})
    for character in text:
        following = set()
        for position in reachable:
            if position == len(tokens):
                continue
            pattern, wild = tokens[position]
            if wild and pattern == "*":
                following.add(position)
            elif wild or pattern == character:
                following.add(position + 1)
        reachable = closed(following)
    return len(tokens) in reachable


def _expanded(text: str, call: Call, version: str) -> list[Token] | None:
    """The pattern with its variables in place, as plain text; None where a variable has no value."""
    if version != "2012-10-17":
        return _tokens(text)
    found: list[Token] = []
    for part in re.split(r"(\$\{[^}]*\})", text):
        if not part.startswith("${"):
            found += _tokens(part)
            continue
        name, _, default = part[2:-1].partition(",")
        if name in ("*", "?", "$"):
            value: str | list[str] | None = name
        else:
            value = call.value(name.strip())
            if value is None and default:
                value = default.strip()[1:-1]
        if not isinstance(value, str):
            return None
        found += [(character, False) for character in value]
    return found


def _action_fits(statement: Document, action: str) -> bool:
    listed = _listed(statement.get("Action", statement.get("NotAction")))
    named = any(_matches(_tokens(pattern.lower()), action.lower()) for pattern in listed)
    return named == ("Action" in statement)


def _resource_fits(statement: Document, call: Call, version: str) -> bool:
    listed = _listed(statement.get("Resource", statement.get("NotResource")))
    patterns = (_expanded(pattern, call, version) for pattern in listed)
    named = any(tokens is not None and _matches(tokens, call.resource) for tokens in patterns)
    return named == ("Resource" in statement)


def _moment(text: str) -> float:
    if text.isdigit():
        return float(text)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _plain(tokens: Sequence[Token]) -> str:
    return "".join(character for character, _ in tokens)


def _split(tokens: Sequence[Token], most: int) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token[0] == ":" and len(parts) < most:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _arn_fits(tokens: Sequence[Token], value: str) -> bool:
    patterns, parts = _split(tokens, 6), value.split(":", 5)
    return len(patterns) == len(parts) == 6 and all(map(_matches, patterns, parts))


def _ordered(compare: Callable[[float, float], bool], read: Callable[[str], float]) -> Any:
    return lambda tokens, value: compare(read(value), read(_plain(tokens)))


_ORDER: dict[str, Callable[[float, float], bool]] = {
    "Equals": lambda a, b: a == b,
    "LessThan": lambda a, b: a < b,
    "LessThanEquals": lambda a, b: a <= b,
    "GreaterThan": lambda a, b: a > b,
    "GreaterThanEquals": lambda a, b: a >= b,
}
_POSITIVE: dict[str, Callable[[Sequence[Token], str], bool]] = {
    "StringEquals": lambda tokens, value: _plain(tokens) == value,
    "StringEqualsIgnoreCase": lambda tokens, value: _plain(tokens).lower() == value.lower(),
    "StringLike": _matches,
    "ArnEquals": _arn_fits,
    "ArnLike": _arn_fits,
    "Bool": lambda tokens, value: _plain(tokens).lower() == value.lower(),
    "IpAddress": lambda tokens, value: (
        ipaddress.ip_address(value) in ipaddress.ip_network(_plain(tokens), strict=False)
    ),
    **{f"Numeric{name}": _ordered(compare, float) for name, compare in _ORDER.items()},
    **{f"Date{name}": _ordered(compare, _moment) for name, compare in _ORDER.items()},
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


def _condition_met(operator: str, key: str, wanted: list[Any], call: Call, version: str) -> bool:
    value = call.value(key)
    if operator == "Null":
        return (value is None) == (str(wanted[0]).lower() == "true")
    kind, _, name = operator.rpartition(":")
    optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    if value is None:
        return optional or kind == "ForAllValues" or (kind == "" and name in _NEGATED)
    compare = _POSITIVE[_NEGATED.get(name, name)]
    patterns = [tokens for each in wanted if (tokens := _expanded(str(each), call, version)) is not None]

    def fits(single: str) -> bool:
        return any(compare(tokens, single) for tokens in patterns) != (name in _NEGATED)

    values = _listed(value)
    return any(map(fits, values)) if kind == "ForAnyValue" else all(map(fits, values))


def _conditions_met(statement: Document, call: Call, version: str) -> bool:
    return all(
        _condition_met(operator, key, _listed(wanted), call, version)
        for operator, block in statement.get("Condition", {}).items()
        for key, wanted in block.items()
    )


def _fitting(documents: Sequence[Document], call: Call) -> Iterator[Document]:
    for document in documents:
        version = str(document.get("Version", "2008-10-17"))
        for statement in _listed(document["Statement"]):
            if (
                _action_fits(statement, call.action)
                and _resource_fits(statement, call, version)
                and _conditions_met(statement, call, version)
            ):
                yield statement


def _says(statements: Sequence[Document]) -> str:
    effects = {statement["Effect"] for statement in statements}
    return DENIED if "Deny" in effects else ALLOWED if "Allow" in effects else NOT_ALLOWED


def of_identity(call: Call, policies: Sequence[Document], *limits: Sequence[Document]) -> str:
    """The policies of an identity, within a boundary and session policies."""
    said = [_says(list(_fitting(layer, call))) for layer in (policies, *limits)]
    if DENIED in said:
        return DENIED
    return ALLOWED if all(each == ALLOWED for each in said) else NOT_ALLOWED


@dataclass(frozen=True)
class Caller:
    """`arn` of the user or the session; `role` of the latter's role."""

    arn: str
    account: str
    policies: Sequence[Document]
    role: str = ""
    boundary: Sequence[Document] | None = None
    session: Sequence[Document] | None = None

    @property
    def limits(self) -> list[Sequence[Document]]:
        return [each for each in (self.boundary, self.session) if each is not None]

    @property
    def of_the_account(self) -> set[str]:
        return {self.account, f"arn:aws:iam::{self.account}:root"}


def _is_about(statement: Document, caller: Caller) -> bool:
    if "NotPrincipal" in statement:
        spared = set(_listed(statement["NotPrincipal"]["AWS"]))
        itself = {caller.arn, caller.role} - {""}
        return caller.boundary is not None or not (itself <= spared and spared & caller.of_the_account)
    principal = statement["Principal"]
    names = set(_listed(principal["AWS"] if isinstance(principal, dict) else principal))
    return bool(names & {"*", caller.arn, caller.role, *caller.of_the_account})


def _allows_by(statements: Sequence[Document], names: set[str]) -> bool:
    return any(
        statement["Effect"] == "Allow" and names & set(_listed(statement["Principal"]["AWS"]))
        for statement in statements
    )


def of_resource(call: Call, caller: Caller, policy: Document | None, owner: str) -> str:
    """The decision on a resource with a policy, in the caller's account or in another one."""
    identity = of_identity(call, caller.policies, *caller.limits)
    fitting = [each for each in _fitting([policy] if policy else [], call) if _is_about(each, caller)]
    resource = _says(fitting)
    if DENIED in (identity, resource):
        return DENIED
    if owner != caller.account:
        return ALLOWED if identity == resource == ALLOWED else NOT_ALLOWED
    if identity == ALLOWED or _allows_by(fitting, {caller.arn}):
        return ALLOWED
    within = all(of_identity(call, layer) == ALLOWED for layer in caller.limits)
    return ALLOWED if within and _allows_by(fitting, {caller.role, "*"} - {""}) else NOT_ALLOWED
