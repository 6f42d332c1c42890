"""Whether an administrator's own groups deny what getting in takes, or what undoing that takes.

A Deny wins over every Allow, so one statement in a group of the only administrator can leave an account to
its root user. Counted are statements of the stack file and AWSDenyAll. Not counted, because their outcome is
not in the file, are conditions other than on MFA, the user's name and the region, permissions boundaries,
service control policies and other managed policies.

The region of every call to IAM is the one that IAM has its endpoint in: a guard against other regions
denies all of IAM wherever it does not name that one. Source: IAM User Guide, "AWS global condition context
keys", `aws:RequestedRegion`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from iam_hardening.aws import naming
from iam_hardening.config.schema import Group, Statement

_MFA_PRESENT = "aws:multifactorauthpresent"
_USERNAME = "${aws:username}"
_DENIES_EVERYTHING = "AWSDenyAll"
# Before the first MFA session: the forced new password, then the device. {user}: the person's own name and
# path, as in the user's ARN.
_TO_ENROL = {
    "iam:ChangePassword": "user{path}{user}",
    "iam:CreateVirtualMFADevice": "mfa/{user}",
    "iam:EnableMFADevice": "user{path}{user}",
    "iam:ListMFADevices": "user{path}{user}",
}
# With MFA: enough to take any other denial away again.
_TO_UNDO = {"iam:DetachGroupPolicy": "group/{group}"}

# A policy's place in the stack file, and an action that it denies.
Denial = tuple[tuple[str, ...], str]


def lockouts(
    person: str, path: str, groups: Mapping[str, Group], partition: str, account_id: str
) -> Iterator[Denial]:
    """What in a person's groups would keep them out; `path` is their user's."""
    known = {"aws:username": person}
    if region := naming.IAM_EVENTS_REGION.get(partition):
        known["aws:requestedregion"] = region
    for name, group in groups.items():
        for policy in group.managed_policies:
            if policy.rsplit("/", 1)[-1] == _DENIES_EVERYTHING:
                yield ("groups", name, "managedPolicies"), "everything"
        for policy, statements in group.policies.items():
            for action, resource in (_TO_ENROL | _TO_UNDO).items():
                arn = naming.iam_arn(
                    partition, account_id, resource.format(user=person, path=path, group=name)
                )
                if any(_denies(statement, action, arn, known) for statement in statements):
                    yield ("groups", name, "policies", policy), action


def _denies(statement: Statement, action: str, arn: str, known: Mapping[str, str]) -> bool:
    with_mfa = "true" if action in _TO_UNDO else "false"
    return (
        statement.effect == "Deny"
        and _is_about_action(statement, action.lower())
        and _is_about_resource(statement, arn, known["aws:username"])
        and _counts(statement, {**known, _MFA_PRESENT: with_mfa})
    )


def _is_about_action(statement: Statement, action: str) -> bool:
    if statement.not_actions:
        return not any(_matches(pattern.lower(), action) for pattern in statement.not_actions)
    return any(_matches(pattern.lower(), action) for pattern in statement.actions)


def _is_about_resource(statement: Statement, arn: str, user: str) -> bool:
    def covers(patterns: Sequence[str]) -> bool:
        return any(_matches(pattern.replace(_USERNAME, user), arn) for pattern in patterns)

    if statement.not_resources:
        # What other variables stand for is not in the file: that an exception does not count is not certain.
        unknown = any("${" in pattern.replace(_USERNAME, user) for pattern in statement.not_resources)
        return not unknown and not covers(statement.not_resources)
    return covers(statement.resources)


def _counts(statement: Statement, known: Mapping[str, str]) -> bool:
    """Whether all conditions hold for a request of which this is known; of what is not, none is taken to."""
    return all(
        _holds(operator, [values] if isinstance(values, str) else values, known.get(key.lower()))
        for operator, keys in statement.conditions.items()
        for key, values in keys.items()
    )


def _holds(operator: str, values: Sequence[str], found: str | None) -> bool:
    name = operator.removesuffix("IfExists")
    if found is None or name not in _OPERATORS:
        return False
    among = any(_OPERATORS[name](value, found) for value in values)
    return among != ("Not" in name)


def _matches(pattern: str, text: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text) is not None


def _same_but_for_case(value: str, text: str) -> bool:
    return value.lower() == text.lower()


# Those that are about text or true and false; a negated one holds where none of its values matches.
_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "Bool": _same_but_for_case,
    "StringEquals": str.__eq__,
    "StringNotEquals": str.__eq__,
    "StringEqualsIgnoreCase": _same_but_for_case,
    "StringNotEqualsIgnoreCase": _same_but_for_case,
    "StringLike": _matches,
    "StringNotLike": _matches,
}
