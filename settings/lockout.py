"""Whether an administrator's own groups deny what getting in takes, or what undoing that takes.

A Deny wins over every Allow, so one statement in a group of the only administrator can leave an account to
its root user. Counted are statements of the stack file and AWSDenyAll. Not counted, because their outcome is
not in the file, are conditions other than on MFA, permissions boundaries, service control policies and other
managed policies.
"""

import re
from collections.abc import Iterator, Mapping

import naming
from settings.sections import Group, Statement

_MFA_PRESENT = "aws:multifactorauthpresent"
_DENIES_EVERYTHING = "AWSDenyAll"
# Before the first MFA session: the forced new password, then the device. {user}: the person's own name.
_TO_ENROL = {
    "iam:ChangePassword": "user/{user}",
    "iam:CreateVirtualMFADevice": "mfa/{user}",
    "iam:EnableMFADevice": "user/{user}",
    "iam:ListMFADevices": "user/{user}",
}
# With MFA: enough to take any other denial away again.
_TO_UNDO = {"iam:DetachGroupPolicy": "group/{group}"}

# A policy's place in the stack file, and an action that it denies.
Denial = tuple[tuple[str, ...], str]


def lockouts(person: str, groups: Mapping[str, Group], partition: str, account_id: str) -> Iterator[Denial]:
    """What in a person's groups would keep them out."""
    for name, group in groups.items():
        for policy in group.managed_policies:
            if policy.rsplit("/", 1)[-1] == _DENIES_EVERYTHING:
                yield ("groups", name, "managedPolicies"), "everything"
        for policy, statements in group.policies.items():
            for action, resource in (_TO_ENROL | _TO_UNDO).items():
                arn = naming.iam_arn(partition, account_id, resource.format(user=person, group=name))
                if any(_denies(statement, action, arn, person) for statement in statements):
                    yield ("groups", name, "policies", policy), action


def _denies(statement: Statement, action: str, arn: str, person: str) -> bool:
    return (
        statement.effect == "Deny"
        and any(_matches(pattern.lower(), action.lower()) for pattern in statement.actions)
        and any(_matches(pattern.replace("${aws:username}", person), arn) for pattern in statement.resources)
        and _counts(statement, with_mfa=action in _TO_UNDO)
    )


def _counts(statement: Statement, *, with_mfa: bool) -> bool:
    """Whether the conditions hold, as far as they are about MFA; any other is taken not to."""
    wanted = "true" if with_mfa else "false"
    for operator, keys in statement.conditions.items():
        for key, value in keys.items():
            values = [value] if isinstance(value, str) else value
            is_about_mfa = operator in ("Bool", "BoolIfExists") and key.lower() == _MFA_PRESENT
            if not is_about_mfa or wanted not in [text.lower() for text in values]:
                return False
    return True


def _matches(pattern: str, text: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text) is not None
