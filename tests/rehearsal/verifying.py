"""`iam-hardening verify` as the tests call it, on what the sandbox holds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TypeVar

from iam_hardening.claims.claim import Outcome
from iam_hardening.claims.findings import Findings
from iam_hardening.clients.aws import Session
from iam_hardening.commands.verify.run import verify
from iam_hardening.config import Settings
from rehearsal.testbed import Account, Testbed

T = TypeVar("T")

# The sections in which the simulator judges what the live policies come to.
SIMULATED = "What people and roles may do"
RESOURCE_POLICIES = "Trust and resource policies"

# The sandbox's Vault cannot fetch GitHub's keys, so it is given a key by hand; which is what this would show.
SANDBOXED = {
    ("auth/github/config", "keys by discovery at", "nothing"),
    ("auth/github/config", "keys put in by hand", "1"),
}


def configured(testbed: Testbed, account: Account) -> Settings:
    """The stack file as the sandbox took it: where AWS is, and where the audit log."""
    vault = account.settings.vault
    if vault is None:
        return account.settings
    audit = vault.audit and vault.audit.model_copy(
        update={"file": str(testbed.directory / "vault" / PurePosixPath(vault.audit.file).name)}
    )
    endpoints = dict.fromkeys(("iam_endpoint", "sts_endpoint"), testbed.endpoint_url)
    return replace(account.settings, vault=vault.model_copy(update={"audit": audit, **endpoints}))


def found(
    testbed: Testbed, account: Account, caller: Session | None = None, vault_token: str | None = None
) -> Findings:
    session = caller or account.admin
    findings = verify(
        configured(testbed, account),
        lambda service, region: session.in_region(region).client(service),
        lambda: testbed.vault(vault_token),
    )
    findings.outcomes = [each for each in findings.outcomes if reported(each) not in SANDBOXED]
    return findings


def reported(outcome: Outcome) -> tuple[str, str, str]:
    return outcome.claim.resource, outcome.claim.call, outcome.found


@contextmanager
def broken(thing: T, break_it: Callable[[T], Callable[[], object]]) -> Iterator[None]:
    undo = break_it(thing)
    try:
        yield
    finally:
        undo()


def outcomes(findings: Findings) -> list[tuple[Outcome, bool]]:
    return [(outcome, outcome.holds) for outcome in findings.outcomes]
