"""Ways to make a policy document wrong, one at a time.

Dropped: a statement, an action, a resource, a principal, a condition, one of a condition's keys or values.
Widened: an action to its service's all, a resource to any, a principal to anyone. Flipped: a condition's
operator or its value. Each is tried in an Allow and in a Deny alike: what denies too much locks people out.
"""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
Statement = dict[str, Any]

_ACTIONS = ("Action", "NotAction")
_RESOURCES = ("Resource", "NotResource")
# Each stands for both directions. Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
_OPPOSITES = (
    ("StringEquals", "StringNotEquals"),
    ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    ("StringLike", "StringNotLike"),
    ("NumericEquals", "NumericNotEquals"),
    ("NumericLessThan", "NumericGreaterThan"),
    ("NumericLessThanEquals", "NumericGreaterThanEquals"),
    ("DateEquals", "DateNotEquals"),
    ("DateLessThan", "DateGreaterThan"),
    ("DateLessThanEquals", "DateGreaterThanEquals"),
    ("IpAddress", "NotIpAddress"),
    ("ArnEquals", "ArnNotEquals"),
    ("ArnLike", "ArnNotLike"),
    ("Bool", "BoolIfExists"),
    ("BinaryEquals", "BinaryEqualsIfExists"),
    ("ForAllValues:", "ForAnyValue:"),
)
_OPPOSITE = {one: other for pair in _OPPOSITES for one, other in (pair, pair[::-1])}
# It asks whether a key is there at all: its value says what, and is flipped.
_NULL = "Null"


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """`what` was changed, in words that stay the same from run to run; the whole changed document."""

    what: str
    document: Document


def mutations(document: Document) -> Iterator[Mutation]:
    """Every mutation of a document, each but one step away from it. Raises ValueError for an operator that
    IAM does not have."""
    for number, statement in enumerate(document["Statement"]):
        sid = statement["Sid"]

        def changed(
            what: str, change: Callable[[Statement], object], *, at: int = number, of: str = sid
        ) -> Mutation:
            copy = deepcopy(document)
            change(copy["Statement"][at])
            return Mutation(what=f"{of}: {what}", document=copy)

        if len(document["Statement"]) > 1:
            rest = deepcopy(document)
            del rest["Statement"][number]
            yield Mutation(what=f"{sid}: dropped", document=rest)
        for key in _ACTIONS:
            yield from _actions(statement, key, changed)
        for key in _RESOURCES:
            yield from _resources(statement, key, changed)
        yield from _principals(statement, changed)
        yield from _conditions(statement, changed)


Changed = Callable[[str, Callable[[Statement], object]], Mutation]


def _actions(statement: Statement, key: str, changed: Changed) -> Iterator[Mutation]:
    actions = _list(statement.get(key, []))
    for index, action in enumerate(actions):
        if len(actions) > 1:
            yield changed(f"{key} without {action}", _sets(key, _without(actions, index)))
        wide = action if action == "*" else f"{action.split(':', 1)[0]}:*"
        if action != wide:
            yield changed(f"{key} {action} widened to {wide}", _sets(key, _with(actions, index, wide)))


def _resources(statement: Statement, key: str, changed: Changed) -> Iterator[Mutation]:
    resources = _list(statement.get(key, []))
    for index, resource in enumerate(resources):
        if len(resources) > 1:
            yield changed(f"{key} without {resource}", _sets(key, _without(resources, index)))
    if resources and "*" not in resources:
        yield changed(f"{key} widened to *", _sets(key, "*"))


def _principals(statement: Statement, changed: Changed) -> Iterator[Mutation]:
    principal = statement.get("Principal")
    if principal is None or principal == "*":
        return
    yield changed("Principal widened to *", _sets("Principal", "*"))
    for kind, named in principal.items():
        names = _list(named)
        for index, name in enumerate(names):
            if len(names) > 1:
                kept = {**principal, kind: _without(names, index)}
                yield changed(f"Principal without {name}", _sets("Principal", kept))


def _conditions(statement: Statement, changed: Changed) -> Iterator[Mutation]:
    conditions: dict[str, dict[str, Any]] = statement.get("Condition", {})
    if not conditions:
        return
    yield changed("without its condition", lambda each: each.pop("Condition"))
    for operator, keys in conditions.items():
        if operator != _NULL:
            other = _flipped_operator(operator)
            flipped = {name: value for name, value in conditions.items() if name != operator}
            flipped[other] = {**flipped.get(other, {}), **keys}
            yield changed(f"{operator} flipped to {other}", _sets("Condition", flipped))
        for key, value in keys.items():
            if len(conditions) > 1 or len(keys) > 1:
                yield changed(f"{operator} without {key}", _drops_key(operator, key))
            values = _list(value)
            for index, each in enumerate(values):
                wrong = _flipped(each)
                yield changed(
                    f"{operator} {key}: {each} flipped to {wrong}",
                    _sets_value(operator, key, _with(values, index, wrong)),
                )
                if len(values) > 1:
                    yield changed(
                        f"{operator} {key} without {each}",
                        _sets_value(operator, key, _without(values, index)),
                    )


def _flipped_operator(operator: str) -> str:
    quantifier, colon, plain = operator.rpartition(":")
    if colon:
        return f"{_OPPOSITE[quantifier + colon]}{plain}"
    if operator in _OPPOSITE:
        return _OPPOSITE[operator]
    if operator.endswith("IfExists"):
        return operator.removesuffix("IfExists")
    raise ValueError(f"{operator} is no condition operator of IAM's.")


def _flipped(value: Any) -> str:
    text = str(value)
    if text.isdigit():
        return str(int(text) + 1)
    return {"true": "false", "false": "true"}.get(text, f"{text}-other")


def _sets(key: str, value: Any) -> Callable[[Statement], object]:
    return lambda statement: statement.update({key: value})


def _sets_value(operator: str, key: str, value: Any) -> Callable[[Statement], object]:
    return lambda statement: statement["Condition"][operator].update({key: value})


def _drops_key(operator: str, key: str) -> Callable[[Statement], object]:
    def drop(statement: Statement) -> None:
        del statement["Condition"][operator][key]
        if not statement["Condition"][operator]:
            del statement["Condition"][operator]

    return drop


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _without(values: list[Any], index: int) -> list[Any]:
    return values[:index] + values[index + 1 :]


def _with(values: list[Any], index: int, value: Any) -> list[Any]:
    return [*values[:index], value, *values[index + 1 :]]


def of_vault_policy(rules: str) -> Iterator[tuple[str, str]]:
    """What was changed, and the changed rules (HCL as `policies.vault_read_credentials` writes it)."""
    yield "dropped", "# nothing\n"
    path = rules.split('"')[1]
    mount = path.split("/creds/", 1)[0]
    for wide in (f"{mount}/creds/*", f"{mount}/*", "*"):
        yield f"path widened to {wide}", rules.replace(f'path "{path}"', f'path "{wide}"')
    for more in ("update", "list"):
        yield f"capability {more} added", rules.replace('["read"]', json.dumps(["read", more]))
    kept = [line for line in rules.splitlines(keepends=True) if "denied_parameters" not in line]
    yield "without denied_parameters", "".join(kept)
