"""Ends every live session of a cross-account role.

    make revoke-sessions ROLE=test_role STACK=dev [ARGS=--yes]

Temporary credentials cannot be deleted: like the console's «Revoke sessions» this puts an inline policy on
the role that denies everything to sessions that were issued before now. Whoever may assume the role starts a
new session at once; that right has to be taken away by itself. Source: IAM User Guide, "Revoke IAM role
temporary security credentials".

The policy must stay until the last of those sessions has ended by itself: without it they would work again.
The role's component then takes it away with `pulumi up --refresh` (`components/cross_account.py`).
"""

import argparse
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import policies
import settings
from access import live
from access.stack_files import settings_of
from naming import REVOKE_SESSIONS_POLICY

DONE, STOPPED, COULD_NOT = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Revoked:
    """Sessions issued before `moment` are refused; the last of them has ended by itself at `ended`."""

    moment: datetime
    ended: datetime


def revoke(iam: Any, role_name: str) -> Revoked:
    """Raises live.CannotError."""
    found = live.asking(f"Looking at the role {role_name}", iam.get_role, RoleName=role_name)
    # AWS's clock and not ours, and the second after: issue times have no fractions of seconds.
    now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
    moment = now.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    live.asking(
        f"Putting the policy {REVOKE_SESSIONS_POLICY} on the role {role_name}",
        iam.put_role_policy,
        RoleName=role_name,
        PolicyName=REVOKE_SESSIONS_POLICY,
        PolicyDocument=policies.render(policies.revoke_older_sessions(f"{moment:%Y-%m-%dT%H:%M:%SZ}")),
    )
    longest = int(found["Role"].get("MaxSessionDuration") or 3600)
    return Revoked(moment=moment, ended=moment + timedelta(seconds=longest))


def how_long(revoked: Revoked, stack: str) -> str:
    """What a person has to know and do after it."""
    return (
        f"Sessions issued before {revoked.moment:%Y-%m-%d %H:%M:%S} UTC are refused; AWS needs some seconds "
        "to know it everywhere.\n"
        f"After {revoked.ended:%Y-%m-%d %H:%M:%S} UTC, when the last of them has ended by itself, and not "
        f"before, take the policy\n{REVOKE_SESSIONS_POLICY} away again: pulumi up --refresh --stack "
        f"{stack}\n(An up without --refresh leaves it in place.)"
    )


def main(arguments: list[str], make_client: live.MakeClient = live.client, ask: live.Ask = input) -> int:
    parser = argparse.ArgumentParser(description="Ends every live session of a cross-account role.")
    parser.add_argument("--role", required=True, help="the role's name under crossAccountRoles")
    parser.add_argument("--stack", required=True, help="the stack that makes the role")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    try:
        account = _account_with(options.stack, options.role)
        live.must_be_in(account, make_client)
        print(
            f"Ends every session of the role {options.role} in the account {account.account_id}, whoever "
            "holds it.\nWhoever may assume the role can start a new one: take that right away first."
        )
        if not (options.yes or live.confirmed(options.role, "the role's name", ask)):
            print("Stopped; nothing was changed.")
            return STOPPED
        revoked = revoke(make_client("iam", account.region, None), options.role)
    except (live.CannotError, settings.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    print(how_long(revoked, options.stack))
    return DONE


def _account_with(stack: str, role: str) -> settings.Settings:
    stacks = settings_of(Path.cwd())
    if stack not in stacks:
        raise live.CannotError(f"STACK={stack}: no such stack; known: {', '.join(stacks)}")
    known = stacks[stack].cross_account_roles
    if role not in known:
        raise live.CannotError(
            f"ROLE={role}: not under crossAccountRoles of {stack}; known: {', '.join(known) or 'none'}"
        )
    return stacks[stack]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
