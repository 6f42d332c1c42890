"""`make doctor PERSON=… [STACK=… ROLE=… VAULT_ROLE=…]`: what is in the way of one person, and what to do.

Each step is printed with what was found; the first that fails ends its way, with the fix. The way to Vault is
one of its own: it takes no AWS credentials. Exit status: 0 all is well, 1 something is in the way, 2 it could
not run.
"""

import argparse
import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from botocore.config import Config
from rich.console import Console
from rich.table import Table
from rich.text import Text

from iam_hardening import config
from iam_hardening.clients import operator
from iam_hardening.commands.doctor import person, role, vault
from iam_hardening.commands.doctor.walk import Step, Trouble, Walk
from iam_hardening.config.files import settings_of

WELL, IN_THE_WAY, COULD_NOT = 0, 1, 2

# A network that lets nothing through is to be told within seconds.
_CLIENT = partial(
    operator.client,
    config=Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 2}),
)
# Where nobody watches a terminal, lines are not cut to 80 characters.
_LOG_WIDTH = 150
_STEP_WIDTH = 20


def main(arguments: list[str], make_client: operator.MakeClient = _CLIENT) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m iam_hardening.commands.doctor",
        description="Walks one person's way, and names what is in it.",
    )
    parser.add_argument("--person", required=True, help="the user's name in the central account")
    parser.add_argument("--stack", help="the stack of the account that the way leads to")
    parser.add_argument("--role", help="a role there, under crossAccountRoles")
    parser.add_argument("--vault-role", help="one of its Vault roles, under vault.roles")
    parser.add_argument(
        "--try", dest="attempt", action="store_true", help="ask Vault for credentials, and give them back"
    )
    options = parser.parse_args(arguments)
    try:
        walk = _walk(options, make_client)
    except (operator.CannotError, config.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=int(os.environ.get("COLUMNS", _LOG_WIDTH)))
    ways: list[tuple[Step, ...]] = [(*person.STEPS, *(role.STEPS if walk.role else ()))]
    if walk.vault_role:
        ways.append((*vault.STEPS, *((vault.TRY,) if options.attempt else ())))
    well = [_take(console, walk, steps) for steps in ways]
    return WELL if all(well) else IN_THE_WAY


def _walk(options: argparse.Namespace, make_client: operator.MakeClient) -> Walk:
    """Raises live.CannotError for arguments that no stack file has."""
    stacks = settings_of(Path.cwd(), needed=[options.stack] if options.stack else [], central=True)
    name, stack = options.person, options.stack
    homes = [own for own in stacks.values() if own.is_central]
    if not homes:
        raise operator.CannotError(
            "There is no central account's stack file here, and people live in that one: run it where "
            "accountKind is central in one of the files."
        )
    homes_of_person = [own for own in homes if name in own.users]
    if not homes_of_person:
        known = ", ".join(sorted(user for own in homes for user in own.users))
        raise operator.CannotError(f"PERSON={name}: no such user; known: {known}")
    if stack is not None and stack not in stacks:
        raise operator.CannotError(f"STACK={stack}: no such stack; known: {', '.join(stacks)}")
    account = stacks[stack] if stack else None
    if (account is None) != (not (options.role or options.vault_role)):
        raise operator.CannotError("STACK goes with ROLE, VAULT_ROLE or both: give all that belong together.")
    if options.attempt and not options.vault_role:
        raise operator.CannotError("--try asks Vault for credentials: give VAULT_ROLE as well.")
    if account and options.role and options.role not in account.cross_account_roles:
        known = ", ".join(account.cross_account_roles) or "none"
        raise operator.CannotError(
            f"ROLE={options.role}: not under crossAccountRoles of {stack}; known: {known}"
        )
    vault_roles = account.vault.roles if account and account.vault else {}
    if options.vault_role and options.vault_role not in vault_roles:
        known = ", ".join(vault_roles) or "none"
        raise operator.CannotError(
            f"VAULT_ROLE={options.vault_role}: not under vault.roles of {stack}; known: {known}"
        )
    trusted = account.trusted_account_id if account else None
    central = next((own for own in homes_of_person if own.account_id == trusted), homes_of_person[0])
    if central.break_glass and central.break_glass.user == name:
        raise operator.CannotError(
            f"{name} is the break-glass user: it signs in to the console only and has no access key, so that "
            "there is no way to walk here (docs/break-glass.md)."
        )
    return Walk(
        person=name,
        central=central,
        account=account,
        role=options.role,
        vault_role=options.vault_role,
        make_client=make_client,
    )


def _take(console: Console, walk: Walk, steps: Iterable[Step]) -> bool:
    """One step after the other, until one fails. Whether all went well."""
    well = True
    for step in steps:
        if not well:
            _print(
                console, Text("-", "dim"), step.name, Text("not looked at: a step before it failed", "dim")
            )
            continue
        try:
            _print(console, Text("✓", "green"), step.name, Text(step.take(walk)))
        except operator.CannotError as trouble:
            well = False
            _print(console, Text("✗", "red"), step.name, Text(str(trouble), "red"))
            if isinstance(trouble, Trouble) and trouble.fix:
                # Not folded, so that a command in it can be copied.
                console.print(Text.assemble(("  Fix: ", "bold"), trouble.fix), soft_wrap=True)
    return well


def _print(console: Console, mark: Text, name: str, found: Text) -> None:
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_column(width=1)
    line.add_column(width=_STEP_WIDTH)
    line.add_column(overflow="fold")
    line.add_row(mark, name, found)
    console.print(line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
