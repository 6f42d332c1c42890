"""Policy documents as AWS reads them: order and single values do not matter."""

import json
import re
from collections.abc import Mapping
from typing import Any

# Lists whose order means nothing to IAM; so for the values of a condition.
_SETS = ("Action", "NotAction", "Resource", "NotResource")

_AWS_POLICY_PATH = re.compile(r"(arn:[a-z-]+:iam::aws:policy/)(?:[\w-]+/)+")


def canonical(document: Mapping[str, Any]) -> str:
    """Two documents that mean the same to IAM have the same text."""
    return json.dumps(
        {
            "Version": document.get("Version", "2008-10-17"),
            "Statement": sorted(_statement(each) for each in _list(document.get("Statement", []))),
        }
    )


def difference(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What is other in `found`, by the statements' Sids: `without A; another B; also C`."""
    ours, theirs = _by_sid(wanted), _by_sid(found)
    reported = [f"without {sid}" for sid in ours if sid not in theirs]
    reported += [f"another {sid}" for sid in ours if sid in theirs and ours[sid] != theirs[sid]]
    reported += [f"also {sid}" for sid in theirs if sid not in ours]
    return "; ".join(reported) or "another version of the policy language"


def without_aws_paths(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """AWS's own policies by name only, wherever the document names one: a stack file does not know their
    paths, and AWS has no two of one name."""
    plain: Mapping[str, Any] = json.loads(_AWS_POLICY_PATH.sub(r"\1", json.dumps(document)))
    return plain


def _by_sid(document: Mapping[str, Any]) -> dict[str, str]:
    statements = _list(document.get("Statement", []))
    return {
        str(statement.get("Sid") or f"statement {number}"): _statement(statement)
        for number, statement in enumerate(statements, start=1)
    }


def _statement(statement: Mapping[str, Any]) -> str:
    plain = {
        key: sorted(_list(value)) if key in _SETS else value
        for key, value in statement.items()
        if key not in ("Principal", "NotPrincipal", "Condition")
    }
    for key in ("Principal", "NotPrincipal"):
        if key in statement:
            plain[key] = _map_of_lists(statement[key])
    if "Condition" in statement:
        plain["Condition"] = {op: _map_of_lists(keys) for op, keys in statement["Condition"].items()}
    return json.dumps(plain, sort_keys=True)


def _map_of_lists(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: sorted(map(str, _list(each))) for key, each in value.items()}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
