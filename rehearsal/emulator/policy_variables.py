"""Policy variables and wildcards in Resource and Condition.

Gap: MiniStack compares `${aws:username}` literally, so a policy that names "the caller's own user" never
matches, and its `*` does not match a line break, so a Deny could be stepped around with an odd object key.

AWS ("IAM policy elements: Variables and tags"): variables work in Resource and in string and ARN conditions
of policies with `"Version": "2012-10-17"`; a key that is absent from the request makes the element match
nothing, unless the variable has a default (`${aws:PrincipalTag/team, 'none'}`); `${*}`, `${?}` and `${$}`
are the characters themselves. What a variable stands for is matched literally, never as a wildcard. ARN
operators ("IAM JSON policy elements: Condition operators") compare each of an ARN's six parts on its own.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

from rehearsal.emulator.upstream import evaluator

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_VARIABLES_VERSION = "2012-10-17"
_ARN_PARTS = 6

# Stand in for a character that must not act as a wildcard, until the pattern is compiled.
_LITERAL = {"*": "\ue000", "?": "\ue001"}
_CHARACTER = {mark: character for character, mark in _LITERAL.items()}

Resolve = Callable[[str], Any]


class _NoMatchError(Exception):
    """A variable that the request has no value for."""


def _literal(text: str) -> str:
    return "".join(_LITERAL.get(character, character) for character in text)


def expand(pattern: str, resolve: Resolve) -> str | None:
    """The pattern with its variables replaced by marked literals; None when one has no value."""

    def value(match: re.Match[str]) -> str:
        name, _, default = match.group(1).partition(",")
        name = name.strip()
        if name in ("*", "?", "$"):
            return _literal(name)
        found = resolve(name)
        if isinstance(found, list):
            found = found[0] if len(found) == 1 else None
        if found is None:
            if not default:
                raise _NoMatchError
            found = default.strip().strip("'")
        return _literal(str(found))

    try:
        return _VARIABLE.sub(value, pattern)
    except _NoMatchError:
        return None


@functools.lru_cache(maxsize=4096)
def _compile(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    regex = "".join(wildcards.get(c, re.escape(_CHARACTER.get(c, c))) for c in pattern)
    return re.compile(rf"{regex}\Z", re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _arn_matches(actual: str, expected: str) -> bool:
    parts, patterns = actual.split(":", _ARN_PARTS - 1), expected.split(":", _ARN_PARTS - 1)
    if len(parts) != _ARN_PARTS or len(patterns) != _ARN_PARTS:
        return expected == "*"
    return all(evaluator.fnmatch_iam_cs(part, pattern) for part, pattern in zip(parts, patterns, strict=True))


def _unmarked(text: str) -> str:
    return "".join(_CHARACTER.get(character, character) for character in text)


def apply() -> None:
    parse = evaluator.parse_policy_document
    conditions_met = evaluator._conditions_met
    operators = evaluator._CONDITION_OPS

    def parse_policy_document(document: Any) -> list[Any]:
        statements: list[Any] = parse(document)
        loaded = evaluator.json.loads(document) if isinstance(document, str) and statements else document
        for statement in statements:
            statement.variables = loaded.get("Version") == _VARIABLES_VERSION
        return statements

    def expand_all(patterns: list[str], context: Any) -> list[str]:
        expanded = (expand(p, lambda key: evaluator._resolve_condition_key(key, context)) for p in patterns)
        return [pattern for pattern in expanded if pattern is not None]

    def resource_matches(statement: Any, context: Any) -> bool:
        if not getattr(statement, "variables", False):
            return bool(
                evaluator._resource_matches(
                    context.resource_arn, statement.resources, statement.not_resources
                )
            )
        if statement.resources:
            wanted = expand_all(statement.resources, context)
            return any(evaluator.fnmatch_iam_cs(context.resource_arn, pattern) for pattern in wanted)
        unwanted = expand_all(statement.not_resources, context)
        return not any(evaluator.fnmatch_iam_cs(context.resource_arn, pattern) for pattern in unwanted)

    def expanded_conditions(conditions: Any, context: Any) -> Any:
        return {
            operator: {
                key: expand_all([str(v) for v in (values if isinstance(values, list) else [values])], context)
                for key, values in block.items()
            }
            for operator, block in (conditions or {}).items()
        }

    def first_match(context: Any, statements: list[Any], effect: str) -> Any:
        for statement in statements:
            if (
                statement.effect == effect
                and evaluator._action_matches(context.action, statement.actions, statement.not_actions)
                and resource_matches(statement, context)
                and conditions_met(
                    expanded_conditions(statement.conditions, context)
                    if getattr(statement, "variables", False)
                    else statement.conditions,
                    context,
                )
            ):
                return statement
        return None

    def trust_conditions_met(conditions: Any, context: Any) -> bool:
        # Role trust policies are evaluated from the raw document; all that the program writes are 2012-10-17.
        return bool(conditions_met(expanded_conditions(conditions, context), context))

    evaluator.parse_policy_document = parse_policy_document
    evaluator._first_match = first_match
    evaluator._conditions_met = trust_conditions_met
    evaluator._fnmatch_compile = _compile
    for name in ("stringequals", "binaryequals"):
        operators[name] = lambda actual, expected: actual == _unmarked(expected)
    operators["stringnotequals"] = lambda actual, expected: actual != _unmarked(expected)
    operators["stringequalsignorecase"] = lambda a, e: a.lower() == _unmarked(e).lower()
    operators["stringnotequalsignorecase"] = lambda a, e: a.lower() != _unmarked(e).lower()
    for name in ("arnequals", "arnlike"):
        operators[name] = _arn_matches
    for name in ("arnnotequals", "arnnotlike"):
        operators[name] = lambda actual, expected: not _arn_matches(actual, expected)
