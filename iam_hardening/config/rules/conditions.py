"""Conditions that look like a guard and let through a request without the key.

IAM leaves out a key that a request does not carry. What a condition says of a missing key therefore decides
over exactly those requests that it was written against: a long-term access key carries no MFA key at all.
Source: IAM User Guide, "Condition operators" and "Set operators for multivalued context keys".
"""

from collections.abc import Iterator, Mapping

from iam_hardening.config.errors import Problem
from iam_hardening.config.schema import Statement
from iam_hardening.config.stack_file import StackFile

_MFA_PRESENT = "aws:multifactorauthpresent"


def check_conditions(
    file: StackFile, place: tuple[str | int, ...], statement: Statement
) -> Iterator[Problem]:
    """`place` is the statement's own, below the project's namespace."""
    for operator, keys in statement.conditions.items():
        for name in keys:
            if sentence := _mistake(statement, operator, name):
                yield Problem(file.key(*place, "conditions", operator, name), sentence)


def _mistake(statement: Statement, operator: str, name: str) -> str | None:
    if statement.effect == "Deny":
        if operator == "Bool" and name.lower() == _MFA_PRESENT and _says(statement, operator, name, "false"):
            return (
                "denies nothing to an access key, whose requests do not carry this key at all; "
                "use BoolIfExists"
            )
        return None
    if operator.startswith("ForAllValues:") and not _must_be_there(statement.conditions, name):
        return (
            "in an Allow also holds when the request does not carry the key at all; use the operator without "
            f'ForAllValues for a key of one value, or add Null: {{"{name}": "false"}}'
        )
    if operator.endswith("IfExists") and name.lower() == _MFA_PRESENT:
        return "in an Allow also lets an access key in, whose requests do not carry this key at all; use Bool"
    return None


def _says(statement: Statement, operator: str, name: str, value: str) -> bool:
    written = statement.conditions[operator][name]
    return value in ([written] if isinstance(written, str) else written)


def _must_be_there(conditions: Mapping[str, Mapping[str, str | list[str]]], name: str) -> bool:
    required = {key.lower(): value for key, value in conditions.get("Null", {}).items()}
    return required.get(name.lower()) in ("false", ["false"])
