"""The behaviour matrix: who may do what, by the policy simulator, of the accounts as they were deployed.

Real calls are the other scenarios' part; here are the many cases for which a call is dear or harmful: closing
the account, deleting keys, every action with each state of MFA, every single policy, every trust and
resource policy.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from iam_hardening.aws.naming import iam_arn
from iam_hardening.claims import matrix, resource_policies
from iam_hardening.claims.claim import Claim, attempt
from rehearsal.recorder import Recorder
from rehearsal.scenarios.just_in_time import session_of
from rehearsal.testbed import Account, Testbed

# As the scenarios with real calls say it: an access key without a code has no MFA either.
_MFA_SHOWN = {"absent": "no MFA", "false": "no MFA", "present": "MFA"}


def play(recorder: Recorder, testbed: Testbed) -> None:
    for account in testbed.accounts.values():
        with recorder.scenario(f"Who may do what in {account.name}"), issued(testbed, account) as there:
            verdicts = matrix.evaluate(
                account.admin.client("iam"), matrix.claims(account.settings, issued=there)
            )
            recorder.found_many((_claim(account, v.claim), v.found, v.decision) for v in verdicts)
            opened = resource_policies.evaluate(
                clients(account), resource_policies.policy_claims(account.settings)
            )
            recorder.found_many((_policy_claim(account, v.claim), v.found, v.decision) for v in opened)


def clients(account: Account) -> Callable[[str, str], Any]:
    """The administrator's clients by service and region, each made once."""

    @cache
    def client(service: str, region: str) -> Any:
        return account.admin.in_region(region).client(service)

    return client


@contextmanager
def issued(testbed: Testbed, account: Account, only: str | None = None) -> Iterator[matrix.Issued]:
    """One user of each Vault role that issues users, or of one only, revoked in the end; as far as Vault
    issues them."""
    vault = account.settings.vault
    roles = vault.roles if vault else {}
    root, leases, users = testbed.vault(), [], {}
    outputs = account.stack.outputs()
    try:
        for name, role in roles.items():
            if role.credential_type == "iam_user" and only in (None, name):
                # The scenario about just-in-time access shows that a role issues no one.
                answer = attempt(partial(root.read, f"{outputs['vault_mount']}/creds/{name}")).value
                if answer is None:
                    continue
                leases.append(answer["lease_id"])
                session = session_of(account, answer["data"])
                users[name] = str(session.client("sts").get_caller_identity()["Arn"])
        yield matrix.Issued(users=users, instance_arn=_instance_arn(account, outputs))
    finally:
        for lease in leases:
            root.sys.revoke_lease(lease)


def _instance_arn(account: Account, outputs: dict[str, Any]) -> str | None:
    own = account.settings
    instance_id = outputs.get("instance_id")
    return (
        f"arn:{own.partition}:ec2:{own.region}:{own.account_id}:instance/{instance_id}"
        if instance_id
        else None
    )


def _claim(account: Account, cell: matrix.MatrixClaim) -> Claim:
    mfa, call = "-", cell.action
    if ":user/" in cell.principal_arn and cell.kind not in ("vault principal", "issued user", "debugger"):
        mfa = _MFA_SHOWN[cell.mfa]
        call += " (session without code)" if cell.mfa == "false" else ""
    return Claim(
        who=cell.who,
        mfa=mfa,
        call=call,
        resource=_short(account, cell.resource),
        account=account.name,
        claimed=cell.claimed,
        reason=f"{cell.why} ({cell.control})",
    )


def _policy_claim(account: Account, claim: resource_policies.PolicyClaim) -> Claim:
    return Claim(
        who=str(claim.resource_id),
        mfa="-",
        call=claim.call,
        resource="-" if claim.resource == "*" else _short(account, claim.resource),
        account=account.name,
        claimed=claim.claimed,
        reason=f"{claim.why} ({claim.control})",
    )


def _short(account: Account, arn: str) -> str:
    return arn.removeprefix(iam_arn(account.settings.partition, account.id, ""))
