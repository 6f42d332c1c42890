"""Whether two values of a property mean the same, and which inputs of a resource changed.

Every list that the rows know is a set to its service, so lists are compared without order; an empty value and
no value are the same. In a policy, `"Action": "x"` and `"Action": ["x"]` are.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from rehearsal.providers.rows import Row
from rehearsal.providers.values import Properties


def as_json(value: Any) -> Any:
    """A JSON document in the form it is compared in; text that is no JSON is compared as text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        return value


def as_policy(value: Any) -> Any:
    """A policy in the form the real provider compares it in: one value and a list of it are the same, and so
    are an account and its root user. Source: hashicorp/awspolicyequivalence.
    """
    document = as_json(value)
    if not isinstance(document, dict):
        return document
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list):
        return document
    return {**document, "Statement": [_statement(each) for each in statements]}


def _statement(statement: Any) -> Any:
    if not isinstance(statement, dict):
        return statement
    shaped = dict(statement)
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if name in shaped:
            shaped[name] = _listed(shaped[name])
    for name in ("Principal", "NotPrincipal"):
        if isinstance(shaped.get(name), dict):
            shaped[name] = {kind: _principals(_listed(who)) for kind, who in shaped[name].items()}
    if isinstance(shaped.get("Condition"), dict):
        shaped["Condition"] = {
            operator: {key: _listed(wanted) for key, wanted in keys.items()}
            for operator, keys in shaped["Condition"].items()
        }
    return shaped


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _principals(names: list[Any]) -> list[Any]:
    root = re.compile(r"arn:[^:]+:iam::([0-9]{12}):root")
    found = [root.fullmatch(name) if isinstance(name, str) else None for name in names]
    return [match[1] if match else name for name, match in zip(names, found, strict=True)]


def same(row: Row, name: str, one: Any, other: Any) -> bool:
    """Whether two values of the row's property `name` mean the same."""
    shape = row.compared_as.get(name)
    if shape:
        one, other = (None if value is None else shape(value) for value in (one, other))
    return bool(_canonical(one) == _canonical(other))


def live_in_users_terms(row: Row, name: str, given: Any, live: Any) -> Any:
    """The live value the way the program would write it, so that only a real difference shows."""
    if name in row.computed and isinstance(given, dict) and isinstance(live, dict):
        live = {key: live.get(key) for key in given}
        live = {
            key: given[key] if _canonical(given[key]) == _canonical(live[key]) else live[key] for key in given
        }
    return given if same(row, name, given, live) else live


def changed_inputs(
    row: Row, old: Mapping[str, Any], new: Mapping[str, Any], ignored: Collection[str] = ()
) -> set[str]:
    """The inputs that `new` asks to be otherwise than `old` has them."""
    return {
        name
        for name in (set(old) | set(new)) & row.inputs
        if name not in ignored and _differs(row, name, old.get(name), new.get(name))
    }


def _differs(row: Row, name: str, old: Any, new: Any) -> bool:
    if name in row.computed:
        if new is None:
            return False
        if isinstance(old, dict) and isinstance(new, dict):
            old = {key: old.get(key) for key in new}
    return not same(row, name, old, new)


def is_empty(value: Any) -> bool:
    """Whether a service's value stands for nothing."""
    return value is None or value == "" or value == [] or value == {}


def not_empty(properties: Properties) -> Properties:
    """The properties that have a value."""
    return {name: value for name, value in properties.items() if not is_empty(value)}


def _canonical(value: Any) -> Any:
    if is_empty(value):
        return None
    if isinstance(value, dict):
        return {key: _canonical(inner) for key, inner in sorted(value.items()) if not is_empty(inner)} or None
    if isinstance(value, (list, tuple)):
        return sorted(
            (_canonical(inner) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True)
        )
    return value
