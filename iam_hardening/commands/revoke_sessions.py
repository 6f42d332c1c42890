"""Ends every live session of a cross-account role, and lifts that again.

    iam-hardening revoke-sessions --stack dev --role test_role --yes
    iam-hardening revoke-sessions --stack dev --role test_role --lift

A person who may assume the role starts a new session at once; that right has to be taken away as well. How
the sessions end, and for how long the denial has to stay: `iam_hardening/clients/revocations.py`.
"""

import sys
from pathlib import Path

from iam_hardening import config, exit_status
from iam_hardening.clients import operator, reach
from iam_hardening.clients.revocations import lifting, revoke, says
from iam_hardening.config.files import settings_of

DONE = exit_status.HOLDS
STOPPED = exit_status.FALSE
COULD_NOT = exit_status.COULD_NOT_RUN


def run(
    *,
    stack: str,
    role: str,
    yes: bool = False,
    lift: bool = False,
    early: bool = False,
    stack_files: Path | None = None,
    make_client: operator.MakeClient | None = None,
    ask: operator.Ask = input,
) -> int:
    try:
        account = _account_with(stack, role, stack_files)
        make_client = make_client or reach.clients_of(account)
        operator.must_be_in(account, make_client)
        iam = make_client("iam", account.region, None)
        if lift:
            print(lifting(iam, role, early=early))
            return DONE
        print(
            f"Ends every session of the role {role} in the account {account.account_id}, whoever "
            "holds it.\nWhoever may assume the role can start a new one: take that right away first."
        )
        if not (yes or operator.confirmed(role, "the role's name", ask)):
            print("Stopped; nothing was changed.")
            return STOPPED
        revoked = revoke(iam, role)
    except (operator.CannotError, config.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    print(says(revoked, f"iam-hardening revoke-sessions --stack {stack} --role {role} --lift"))
    return DONE


def _account_with(stack: str, role: str, stack_files: Path | None) -> config.Settings:
    stacks = settings_of(Path.cwd(), stack_files=stack_files, needed=[stack])
    if stack not in stacks:
        raise operator.CannotError(f"--stack {stack}: no such stack; known: {', '.join(stacks)}")
    known = stacks[stack].cross_account_roles
    if role not in known:
        raise operator.CannotError(
            f"--role {role}: not under crossAccountRoles of {stack}; known: {', '.join(known) or 'none'}"
        )
    return stacks[stack]
