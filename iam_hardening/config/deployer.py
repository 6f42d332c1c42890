"""Whether the caller of `pulumi up` may change the trail's bucket afterwards: asked before anything is
changed.

The bucket's policy denies changing it to everyone but `alarms.logAdministrators`. An up by someone else
would stop half-way, and the next one as well.
"""

import re

from iam_hardening.config import Settings

_SESSION = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>[0-9]{12}):assumed-role/(?P<role>[^/]+)/.+")
_ROLE = re.compile(r"arn:(?P<partition>[^:]+):iam::(?P<account>[0-9]{12}):role/(?:.+/)?(?P<role>[^/]+)")


def is_listed(caller_arn: str, listed: list[str]) -> bool:
    """Whether the policy lets a caller through, as `sts:GetCallerIdentity` names it: a user by its ARN, a
    session by its role, whose path that answer leaves out (a role's name is there once in an account)."""
    if caller_arn in listed:
        return True
    session = _SESSION.fullmatch(caller_arn)
    roles = [role.groupdict() for arn in listed if (role := _ROLE.fullmatch(arn))]
    return session is not None and session.groupdict() in roles


def problem(account: Settings, caller_arn: str) -> str | None:
    """Why this caller cannot deploy the stack, in a sentence that says what to do; None where it can."""
    if account.alarms is None or not account.alarms.log_administrators:
        return None
    listed = account.alarms.log_administrators
    if is_listed(caller_arn, listed):
        return None
    return (
        f"alarms.logAdministrators: does not list the caller, {caller_arn}; listed: {', '.join(listed)}. "
        "Nothing was changed. The policy of the trail's bucket would refuse this caller every later change "
        "of the bucket. Use credentials of one that is listed, or have one of them deploy a longer list first"
    )
