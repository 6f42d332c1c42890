"""How many policies and groups one identity may have.

Gap: MiniStack attaches any number of policies, and puts a user into any number of groups;
GetAccountSummary answers with the defaults.

AWS ("IAM and AWS STS quotas"): 10 managed policies per group and 10 groups per user, neither of which can be
raised; 10 managed policies per user and per role, which can (`controls.py`).
"""

from collections.abc import Callable
from typing import Any

from rehearsal.emulator import controls
from rehearsal.emulator.upstream import (
    Handler,
    Parameters,
    Response,
    account_id,
    iam,
    iam_handlers,
    parameter,
    refuse,
)

_DEFAULT = 10
# The name in the answer of GetAccountSummary → the name as controls.py has it, and AWS's default.
_SUMMARY = {
    "AttachedPoliciesPerRoleQuota": ("PoliciesPerRole", 10),
    "AttachedPoliciesPerUserQuota": ("PoliciesPerUser", 10),
    "AssumeRolePolicySizeQuota": ("TrustPolicyLength", 2048),
}


def _limited(
    handler: Handler, quota: str, held: Callable[[Parameters], list[Any]], wanted: Callable[[Parameters], Any]
) -> Handler:
    def handle(parameters: Parameters) -> Response:
        holds, most = held(parameters), controls.quota(account_id(), quota, _DEFAULT)
        if wanted(parameters) not in holds and len(holds) >= most:
            return refuse(409, "LimitExceeded", f"Cannot exceed quota for {quota}: {most}")
        return handler(parameters)

    return handle


def _attached(table: str, name: str) -> Callable[[Parameters], list[Any]]:
    def held(parameters: Parameters) -> list[Any]:
        record = getattr(iam, table).get(parameter(parameters, name)) or {}
        return list(record.get("AttachedPolicies") or [])

    return held


def _groups_of_user(parameters: Parameters) -> list[Any]:
    user = parameter(parameters, "UserName")
    return [name for name, group in iam._groups.items() if user in (group.get("Users") or [])]


def _of_the_account(answer: Response) -> Response:
    status, headers, body = answer
    text = body.decode()
    for key, (name, default) in _SUMMARY.items():
        own = controls.quota(account_id(), name, default)
        entry = "<key>{}</key><value>{}</value>"
        text = text.replace(entry.format(key, default), entry.format(key, own))
    return status, headers, text.encode()


def apply() -> None:
    summary = iam_handlers["GetAccountSummary"]
    iam_handlers["GetAccountSummary"] = lambda parameters: _of_the_account(summary(parameters))
    for kind in ("Group", "Role", "User"):
        action, held = f"Attach{kind}Policy", _attached(f"_{kind.lower()}s", f"{kind}Name")
        iam_handlers[action] = _limited(
            iam_handlers[action], f"PoliciesPer{kind}", held, lambda p: parameter(p, "PolicyArn")
        )
    iam_handlers["AddUserToGroup"] = _limited(
        iam_handlers["AddUserToGroup"], "GroupsPerUser", _groups_of_user, lambda p: parameter(p, "GroupName")
    )
