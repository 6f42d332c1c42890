"""`make verify STACK=dev`: claimed beside found, of the account that the caller's credentials reach.

Read-only. Exit status: 0 everything is as the stack file says, 1 something is not, 2 it could not run, or
could not look at everything.
"""

import argparse
import json
import sys
from pathlib import Path

import settings
from access import live
from access.stack_files import settings_of
from access.verify import account as account_checks
from access.verify import identities, simulation
from access.verify.caller_policy import caller_policy
from access.verify.findings import Findings
from access.verify.show import show
from settings import Settings

HOLDS, FALSE, COULD_NOT = 0, 1, 2


def verify(account: Settings, clients: account_checks.Clients) -> Findings:
    """Everything that can be looked at. Raises live.CannotError for credentials of another account."""
    actual = live.account_of_credentials(clients("sts", account.region))
    if actual != account.account_id:
        raise live.CannotError(
            f"These are credentials of the account {actual}; the stack {account.stack} is the account "
            f"{account.account_id}. Nothing was looked at."
        )
    findings = Findings(account.stack)
    iam = clients("iam", account.region)
    with findings.section("Root user"):
        account_checks.check_root_user(findings, account, iam)
    with findings.section("Password policy"):
        account_checks.check_password_policy(findings, account, iam)
    with findings.section("Groups, people and roles"):
        identities.check(findings, account, iam, identities.read(iam))
    with findings.section("What people and roles may do"):
        simulation.check(findings, account, iam)
    with findings.section("Credential report"):
        account_checks.check_credentials(findings, account, iam)
    with findings.section("Account defaults"):
        account_checks.check_defaults(findings, account, clients)
    return findings


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m access.verify", description="Compares a live account with its stack file; read-only."
    )
    parser.add_argument("--stack", required=True, help="the stack whose account it is")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write everything to FILE")
    parser.add_argument(
        "--print-policy", action="store_true", help="only print the IAM policy that the caller needs"
    )
    options = parser.parse_args(arguments)
    try:
        stacks = settings_of(Path.cwd())
        if options.stack not in stacks:
            raise live.CannotError(f"STACK={options.stack}: no such stack; known: {', '.join(stacks)}")
        account = stacks[options.stack]
        if options.print_policy:
            print(json.dumps(caller_policy(account), indent=2))
            return HOLDS
        findings = verify(account, live.client)
    except (live.CannotError, settings.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    show(findings, account)
    if options.json:
        report = {
            "stack": account.stack,
            "account": account.account_id,
            "unchecked": findings.unchecked,
            "notes": findings.notes,
            "claims": [outcome.as_dict() for outcome in findings.outcomes],
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    if findings.false:
        return FALSE
    return COULD_NOT if findings.unchecked else HOLDS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
