"""`iam-hardening verify --stack dev`: claimed and found, of the account that the caller's credentials
reach, and of the Vault that VAULT_ADDR names.

Read-only. Exit status: 0 everything is as the stack file says, 1 something is not, 2 it could not run, or
could not look at everything.
"""

import functools
import json
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import hvac

from iam_hardening import config, exit_status
from iam_hardening.claims.findings import Findings
from iam_hardening.clients import operator, reach
from iam_hardening.clients import vault as vault_access
from iam_hardening.clients.account_facts import estate_of
from iam_hardening.clients.vault_reader import VaultReader
from iam_hardening.commands.verify import account as account_checks
from iam_hardening.commands.verify import (
    alarms,
    identities,
    session_preferences,
    simulation,
    vault_engine,
    vault_logins,
)
from iam_hardening.commands.verify.caller_policy import caller_policy, caller_vault_policy, debugs_instance
from iam_hardening.commands.verify.show import show
from iam_hardening.config import Settings
from iam_hardening.config.files import settings_of
from iam_hardening.model import vault as vault_model

HOLDS = exit_status.HOLDS
FALSE = exit_status.FALSE
COULD_NOT = exit_status.COULD_NOT_RUN


def verify(
    account: Settings,
    clients: account_checks.Clients,
    make_vault: Callable[[], hvac.Client] = vault_access.client,
    estate: Collection[str] | None = None,
) -> Findings:
    """Everything that can be looked at. `estate`: the accounts that the stack files know. Raises
    live.CannotError for credentials of another account."""
    # A check asks for a client where it needs one; making one takes longer than most calls.
    clients = functools.cache(clients)
    actual = operator.account_of_credentials(clients("sts", account.region))
    if actual != account.account_id:
        raise operator.CannotError(
            f"These are credentials of the account {actual}; the stack {account.stack} is the account "
            f"{account.account_id}. Nothing was looked at."
        )
    findings = Findings(account.stack)
    iam = clients("iam", account.region)
    with findings.section("Root user"):
        account_checks.check_root_user(findings, account, iam)
    with findings.section("Quotas"):
        account_checks.check_quotas(findings, account, iam)
    with findings.section("Password policy"):
        account_checks.check_password_policy(findings, account, iam)
    instance_arn = None
    if account.instance and debugs_instance(account):
        with findings.section("The instance that Vault's roles are for"):
            instance_arn = account_checks.check_instance(
                findings, account, account.instance, clients("ec2", account.region)
            )
    with findings.section("Groups, people and roles"):
        live_identities = identities.read(iam)
        identities.check(findings, account, iam, live_identities, instance_arn)
        known = estate_of([account]) if estate is None else estate
        identities.find_strangers(findings, account, iam, live_identities, known)
    with findings.section("What people and roles may do"):
        simulation.check(findings, account, iam)
    with findings.section("Trust and resource policies"):
        simulation.check_policy_claims(findings, account, clients)
    with findings.section("Credential report"):
        account_checks.check_credentials(findings, account, iam)
    with findings.section("Account defaults"):
        account_checks.check_defaults(findings, account, clients)
    if account.alarms:
        with findings.section("Alarms"):
            alarms.check(findings, account, account.alarms, clients)
    if account.instance and account.instance.session_preferences:
        with findings.section("Shells of Session Manager"):
            session_preferences.check(findings, account, account.instance.session_preferences, clients)
    if account.vault:
        verify_vault(findings, account, account.vault, make_vault, iam, instance_arn)
    return findings


def verify_vault(
    findings: Findings,
    account: Settings,
    configured: config.Vault,
    make_vault: Callable[[], hvac.Client],
    iam: Any,
    instance_arn: str | None,
) -> None:
    """Each part for itself: a token that may not look at one may look at the next."""
    try:
        client = make_vault()
        vault_access.asking(
            client,
            "Asking Vault whose token this is",
            "auth/token/lookup-self",
            client.auth.token.lookup_self,
        )
    except operator.CannotError as problem:
        findings.unchecked.append(f"Vault: {problem}")
        return
    reader = VaultReader(client)
    engine, roles = vault_model.engine(account, configured), vault_model.engine_roles(account, configured)
    with findings.section("Vault's mount"):
        if not vault_engine.check_mount(findings, engine, reader):
            return
    with findings.section("Vault's configuration"):
        vault_engine.check_configuration(findings, engine, reader, iam)
    with findings.section("Vault's roles"):
        vault_engine.check_roles(findings, account, engine, roles, reader, instance_arn)
    with findings.section("Vault's policies"):
        vault_engine.check_policies(findings, engine, roles, reader)
    for name, method in vault_model.auth_methods(configured).items():
        with findings.section(f"Vault's log-in {name}"):
            vault_logins.check(findings, method, reader)
    if configured.audit:
        with findings.section("Vault's audit log"):
            vault_engine.check_audit(findings, vault_model.audit_device(configured.audit), reader)


def run(
    *,
    stack: str,
    json_file: Path | None = None,
    print_policy: str | None = None,
    stack_files: Path | None = None,
) -> int:
    try:
        stacks = settings_of(Path.cwd(), stack_files=stack_files, needed=[stack])
        if stack not in stacks:
            raise operator.CannotError(f"--stack {stack}: no such stack; known: {', '.join(stacks)}")
        account = stacks[stack]
        if print_policy:
            _print_policies(account, print_policy)
            return HOLDS
        make_client = reach.clients_of(account)
        findings = verify(
            account,
            lambda service, region: make_client(service, region, None),
            lambda: vault_access.client_of(account),
            estate=estate_of(stacks.values()),
        )
    except (operator.CannotError, config.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    show(findings, account)
    if json_file:
        report = {
            "stack": account.stack,
            "account": account.account_id,
            "unchecked": findings.unchecked,
            "notes": findings.notes,
            "strangers": [fact.as_dict() for fact in findings.strangers],
            "claims": [outcome.as_dict() for outcome in findings.outcomes],
        }
        json_file.write_text(json.dumps(report, indent=2) + "\n")
    if findings.false:
        return FALSE
    return COULD_NOT if findings.unchecked else HOLDS


def _print_policies(account: Settings, which: str) -> None:
    if which != "vault":
        print(json.dumps(caller_policy(account), indent=2))
    if which == "both" and account.vault:
        print("\n# In Vault:\n")
    if which != "iam":
        print(caller_vault_policy(account), end="")
