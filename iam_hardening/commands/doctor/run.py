"""`iam-hardening doctor --stack … --person … --role … --vault-role …`: what is in the way of one person,
and what to do.

Each step is printed with what was found; the first that fails ends its way, with the fix. The way to Vault is
separate: it takes no AWS credentials. Exit status: 0 all is well, 1 something is in the way, 2 it could
not run.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from botocore.config import Config
from rich.console import Console
from rich.table import Table
from rich.text import Text

from iam_hardening import config, exit_status
from iam_hardening.clients import operator
from iam_hardening.commands.doctor import person as person_steps
from iam_hardening.commands.doctor import role as role_steps
from iam_hardening.commands.doctor import vault as vault_steps
from iam_hardening.commands.doctor.walk import Step, Trouble, Walk
from iam_hardening.config.files import settings_of

WELL = exit_status.HOLDS
IN_THE_WAY = exit_status.FALSE
COULD_NOT = exit_status.COULD_NOT_RUN

# A network that lets nothing through is reported within seconds.
_CLIENT = partial(
    operator.client,
    config=Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 2}),
)
# Outside a terminal, lines are not cut to 80 characters.
_LOG_WIDTH = 150
_STEP_WIDTH = 20
_FAILED = "failed"


def run(
    *,
    person: str,
    stack: str | None = None,
    role: str | None = None,
    vault_role: str | None = None,
    attempt: bool = False,
    json_file: Path | None = None,
    stack_files: Path | None = None,
    make_client: operator.MakeClient = _CLIENT,
) -> int:
    try:
        walk = _walk(
            name=person,
            stack=stack,
            role=role,
            vault_role=vault_role,
            attempt=attempt,
            stack_files=stack_files,
            make_client=make_client,
        )
    except (operator.CannotError, config.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=int(os.environ.get("COLUMNS", _LOG_WIDTH)))
    ways: list[tuple[Step, ...]] = [(*person_steps.STEPS, *(role_steps.STEPS if walk.role else ()))]
    if walk.vault_role:
        ways.append((*vault_steps.STEPS, *((vault_steps.TRY,) if attempt else ())))
    taken = [step for steps in ways for step in _take(console, walk, steps)]
    if json_file:
        report = {"person": person, "stack": stack, "role": role, "vault_role": vault_role, "steps": taken}
        json_file.write_text(json.dumps(report, indent=2) + "\n")
    return IN_THE_WAY if any(step["result"] == _FAILED for step in taken) else WELL


def _walk(
    *,
    name: str,
    stack: str | None,
    role: str | None,
    vault_role: str | None,
    attempt: bool,
    stack_files: Path | None,
    make_client: operator.MakeClient,
) -> Walk:
    """Raises live.CannotError for arguments that no stack file has."""
    stacks = settings_of(Path.cwd(), stack_files=stack_files, needed=[stack] if stack else [], central=True)
    homes = [own for own in stacks.values() if own.is_central]
    if not homes:
        raise operator.CannotError(
            "There is no central account's stack file here, and people live in that one: run it where "
            "accountKind is central in one of the files."
        )
    homes_of_person = [own for own in homes if name in own.users]
    if not homes_of_person:
        known = ", ".join(sorted(user for own in homes for user in own.users))
        raise operator.CannotError(f"--person {name}: no such user; known: {known}")
    if stack is not None and stack not in stacks:
        raise operator.CannotError(f"--stack {stack}: no such stack; known: {', '.join(stacks)}")
    account = stacks[stack] if stack else None
    if (account is None) != (not (role or vault_role)):
        raise operator.CannotError(
            "--stack goes with --role, --vault-role or both: give all that belong together."
        )
    if attempt and not vault_role:
        raise operator.CannotError("--try asks Vault for credentials: give --vault-role as well.")
    if account and role and role not in account.cross_account_roles:
        known = ", ".join(account.cross_account_roles) or "none"
        raise operator.CannotError(f"--role {role}: not under crossAccountRoles of {stack}; known: {known}")
    vault_roles = account.vault.roles if account and account.vault else {}
    if vault_role and vault_role not in vault_roles:
        known = ", ".join(vault_roles) or "none"
        raise operator.CannotError(
            f"--vault-role {vault_role}: not under vault.roles of {stack}; known: {known}"
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
        role=role,
        vault_role=vault_role,
        make_client=make_client,
    )


def _take(console: Console, walk: Walk, steps: Iterable[Step]) -> Iterator[dict[str, Any]]:
    """One step after the other, until one fails; each as it is in the JSON file."""
    failed = False
    for step in steps:
        if failed:
            found = "not looked at: a step before it failed"
            _print(console, Text("-", "dim"), step.name, Text(found, "dim"))
            yield {"step": step.name, "result": "not looked at"}
            continue
        try:
            found = step.take(walk)
            _print(console, Text("✓", "green"), step.name, Text(found))
            yield {"step": step.name, "result": "passed", "found": found}
        except operator.CannotError as trouble:
            failed = True
            _print(console, Text("✗", "red"), step.name, Text(str(trouble), "red"))
            fix = trouble.fix if isinstance(trouble, Trouble) else None
            if fix:
                # Not folded, so that a command in it can be copied.
                console.print(Text.assemble(("  Fix: ", "bold"), fix), soft_wrap=True)
            yield {"step": step.name, "result": _FAILED, "found": str(trouble), "fix": fix}


def _print(console: Console, mark: Text, name: str, found: Text) -> None:
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_column(width=1)
    line.add_column(width=_STEP_WIDTH)
    line.add_column(overflow="fold")
    line.add_row(mark, name, found)
    console.print(line)
