"""`make adopt STACK=dev`: what the stack would make and the account has already, and the file to import it.

Read-only: it writes the import file, and neither the account nor the stack's state. Exit status: 0 an import
and an up would replace nothing and keep nobody out, 1 something is in the way or somebody has to be told
first, 2 it could not run.
"""

import argparse
import json
import sys
from pathlib import Path

import deployer
import settings
from access import live, vault
from access.adopt.caller import Caller, identify
from access.adopt.findings import Adoption, compare
from access.adopt.lockout import told
from access.adopt.lookups import Existing
from access.adopt.scratch import scratch
from access.adopt.show import show
from access.stack_files import settings_of
from access.verify.vault_reading import VaultReader
from settings import Settings

CLEAR, IN_THE_WAY, COULD_NOT = 0, 1, 2


def main(arguments: list[str], make_client: live.MakeClient = live.client) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m access.adopt", description="What of a stack an account has already; read-only."
    )
    parser.add_argument("--stack", required=True, help="the stack whose account it is")
    parser.add_argument(
        "--file", metavar="FILE", type=Path, help="where the import file goes (import-STACK.json)"
    )
    parser.add_argument(
        "--accept-warnings", action="store_true", help="what «Before the up» lists is settled or meant"
    )
    options = parser.parse_args(arguments)
    file = options.file or Path(f"import-{options.stack}.json")
    try:
        stacks = settings_of(Path.cwd())
        if options.stack not in stacks:
            raise live.CannotError(f"STACK={options.stack}: no such stack; known: {', '.join(stacks)}")
        account = stacks[options.stack]
        caller = _caller(account, make_client)
        if unlisted := deployer.problem(account, caller.arn):
            raise live.CannotError(unlisted)
        existing = Existing(
            clients=lambda service, region: make_client(service, region, None),
            region=account.region,
            vault=_vault(account),
        )
        with scratch(Path.cwd(), account.stack) as copy:
            adoption = compare(copy, existing)
        warned, kept = told(adoption, existing, caller)
    except (live.CannotError, settings.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    _write(adoption, file)
    show(adoption, account, warned, kept, file)
    settled = not warned or options.accept_warnings
    return CLEAR if adoption.is_safe and settled else IN_THE_WAY


def _caller(account: Settings, make_client: live.MakeClient) -> Caller:
    """Raises CannotError for credentials of another account."""
    sts = make_client("sts", account.region, None)
    actual = live.account_of_credentials(sts)
    if actual != account.account_id:
        raise live.CannotError(
            f"These are credentials of the account {actual}; the stack {account.stack} is the account "
            f"{account.account_id}. Nothing was looked at, and no file was written."
        )
    return identify(sts)


def _vault(account: Settings) -> VaultReader:
    """Nobody to ask without an address or a token: what is in Vault is then told as unknown."""
    try:
        return VaultReader(vault.client() if account.vault else None)
    except live.CannotError:
        return VaultReader(None)


def _write(adoption: Adoption, file: Path) -> None:
    file.write_text(json.dumps(adoption.content, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
