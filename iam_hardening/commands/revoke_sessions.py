"""Ends every live session of a cross-account role, and lifts that again.

    make revoke-sessions ROLE=test_role STACK=dev [ARGS=--yes]
    make revoke-sessions ROLE=test_role STACK=dev ARGS=--lift

Whoever may assume the role starts a new session at once; that right has to be taken away as well. How the
sessions end, and for how long the denial has to stay: `iam_hardening/clients/revocations.py`.
"""

import argparse
import sys
from pathlib import Path

from iam_hardening import config
from iam_hardening.clients import operator
from iam_hardening.clients.revocations import lifting, revoke, says
from iam_hardening.config.files import settings_of

DONE, STOPPED, COULD_NOT = 0, 1, 2


def main(
    arguments: list[str], make_client: operator.MakeClient = operator.client, ask: operator.Ask = input
) -> int:
    parser = argparse.ArgumentParser(description="Ends every live session of a cross-account role.")
    parser.add_argument("--role", required=True, help="the role's name under crossAccountRoles")
    parser.add_argument("--stack", required=True, help="the stack that makes the role")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--lift", action="store_true", help="take the denial away, once no session is left")
    parser.add_argument("--early", action="store_true", help="with --lift: although old sessions work again")
    options = parser.parse_args(arguments)
    try:
        account = _account_with(options.stack, options.role)
        operator.must_be_in(account, make_client)
        iam = make_client("iam", account.region, None)
        if options.lift:
            print(lifting(iam, options.role, early=options.early))
            return DONE
        print(
            f"Ends every session of the role {options.role} in the account {account.account_id}, whoever "
            "holds it.\nWhoever may assume the role can start a new one: take that right away first."
        )
        if not (options.yes or operator.confirmed(options.role, "the role's name", ask)):
            print("Stopped; nothing was changed.")
            return STOPPED
        revoked = revoke(iam, options.role)
    except (operator.CannotError, config.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    print(says(revoked, f"make revoke-sessions ROLE={options.role} STACK={options.stack} ARGS=--lift"))
    return DONE


def _account_with(stack: str, role: str) -> config.Settings:
    stacks = settings_of(Path.cwd(), needed=[stack])
    if stack not in stacks:
        raise operator.CannotError(f"STACK={stack}: no such stack; known: {', '.join(stacks)}")
    known = stacks[stack].cross_account_roles
    if role not in known:
        raise operator.CannotError(
            f"ROLE={role}: not under crossAccountRoles of {stack}; known: {', '.join(known) or 'none'}"
        )
    return stacks[stack]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
