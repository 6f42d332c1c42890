"""`iam-hardening verify` as the tests call it, on what the sandbox holds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from iam_hardening.claims.claim import Outcome
from iam_hardening.claims.findings import Findings
from iam_hardening.clients.aws import Session
from iam_hardening.commands.verify.run import verify
from rehearsal.testbed import Account, Testbed

T = TypeVar("T")

# The sections in which the simulator judges what the live policies come to.
SIMULATED = "What people and roles may do"
RESOURCE_POLICIES = "Trust and resource policies"


def found(
    testbed: Testbed, account: Account, caller: Session | None = None, vault_token: str | None = None
) -> Findings:
    session = caller or account.admin
    return verify(
        account.settings,
        lambda service, region: session.in_region(region).client(service),
        lambda: testbed.vault(vault_token),
    )


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
