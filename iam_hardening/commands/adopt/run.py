"""`iam-hardening adopt --stack dev`: what the stack would make and the account has already, and the file to
import it.

Read-only: it writes the import file, and neither the account nor the stack's state. Exit status: 0 an import
and an up would replace nothing and lock no one out, 1 something blocks it or someone has to be warned
first, 2 it could not run.
"""

import functools
import json
import sys
from pathlib import Path
from typing import Any

from iam_hardening import config, exit_status
from iam_hardening.clients import operator, reach, vault
from iam_hardening.clients.vault_reader import VaultReader
from iam_hardening.commands.adopt.caller import Caller, identify
from iam_hardening.commands.adopt.findings import Adoption, compare
from iam_hardening.commands.adopt.lockout import warnings_of
from iam_hardening.commands.adopt.lookups import Existing
from iam_hardening.commands.adopt.scratch import scratch
from iam_hardening.commands.adopt.show import as_dict, show
from iam_hardening.config import Settings, deployer
from iam_hardening.config.files import settings_of

CLEAR = exit_status.HOLDS
IN_THE_WAY = exit_status.FALSE
COULD_NOT = exit_status.COULD_NOT_RUN


def run(
    *,
    stack: str,
    file: Path | None = None,
    accept_warnings: bool = False,
    json_file: Path | None = None,
    stack_files: Path | None = None,
    make_client: operator.MakeClient | None = None,
) -> int:
    file = file or Path(f"import-{stack}.json")
    try:
        stacks = settings_of(Path.cwd(), stack_files=stack_files, needed=[stack])
        if stack not in stacks:
            raise operator.CannotError(f"--stack {stack}: no such stack; known: {', '.join(stacks)}")
        account = stacks[stack]
        make_client = make_client or reach.clients_of(account)
        caller = _caller(account, make_client)
        if unlisted := deployer.problem(account, caller.arn):
            raise operator.CannotError(unlisted)
        existing = Existing(
            clients=functools.cache(functools.partial(_client, make_client)),
            region=account.region,
            vault=_vault(account),
        )
        with scratch(Path.cwd(), account.stack, stack_files) as copy:
            adoption = compare(copy, existing)
        warned, kept = warnings_of(adoption, existing, caller)
    except (operator.CannotError, config.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    _write(adoption, file)
    show(adoption, account, warned, kept, file)
    if json_file:
        report = {
            "stack": account.stack,
            "account": account.account_id,
            "import_file": str(file),
            **as_dict(adoption),
            "left_alone": kept,
            "before_the_up": warned,
        }
        json_file.write_text(json.dumps(report, indent=2) + "\n")
    settled = not warned or accept_warnings
    return CLEAR if adoption.is_safe and settled else IN_THE_WAY


def _caller(account: Settings, make_client: operator.MakeClient) -> Caller:
    """Raises CannotError for credentials of another account."""
    sts = make_client("sts", account.region, None)
    actual = operator.account_of_credentials(sts)
    if actual != account.account_id:
        raise operator.CannotError(
            f"These are credentials of the account {actual}; the stack {account.stack} is the account "
            f"{account.account_id}. Nothing was looked at, and no file was written."
        )
    return identify(sts)


def _client(make_client: operator.MakeClient, service: str, region: str) -> Any:
    return make_client(service, region, None)


def _vault(account: Settings) -> VaultReader:
    """Without an address or a token, what is in Vault is reported as unknown."""
    try:
        return VaultReader(vault.client_of(account) if account.vault else None)
    except operator.CannotError:
        return VaultReader(None)


def _write(adoption: Adoption, file: Path) -> None:
    file.write_text(json.dumps(adoption.content, indent=2) + "\n")
