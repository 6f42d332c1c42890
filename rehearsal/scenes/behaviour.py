"""The behaviour matrix: who may do what, by the policy simulator, of the accounts as they were deployed.

Real calls are the other scenes' part; here are the many cases for which a call is dear or harmful: closing
the account, deleting keys, every action with each state of MFA.
"""

from access import matrix
from access.claims import Claim
from naming import iam_arn
from rehearsal.stage import Stage
from rehearsal.world import Account, World

# As the scenes with real calls say it: an access key without a code has no MFA either.
_MFA_SHOWN = {"absent": "no MFA", "false": "no MFA", "present": "MFA"}


def play(stage: Stage, world: World) -> None:
    for account in world.accounts.values():
        with stage.scene(f"Who may do what in {account.name}"):
            verdicts = matrix.evaluate(account.admin.client("iam"), matrix.claims(account.settings))
            stage.found_many((_claim(account, v.claim), v.found, v.decision) for v in verdicts)


def _claim(account: Account, cell: matrix.MatrixClaim) -> Claim:
    mfa, call = "-", cell.action
    if cell.kind in matrix.PEOPLE:
        mfa = _MFA_SHOWN[cell.mfa]
        call += " (session without code)" if cell.mfa == "false" else ""
    return Claim(
        who=cell.who,
        mfa=mfa,
        call=call,
        resource=cell.resource.removeprefix(iam_arn(account.settings.partition, account.id, "")),
        account=account.name,
        claimed=cell.claimed,
        reason=f"{cell.why} ({cell.control})",
    )
