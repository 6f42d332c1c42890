"""The behaviour matrix: who may do what, by the policy simulator, of the accounts as they were deployed.

Real calls are the other scenes' part; here are the many cases for which a call is dear or harmful: closing
the account, deleting keys, every action with each state of MFA.
"""

from access import matrix
from access.claims import Claim
from rehearsal.stage import Stage
from rehearsal.world import Account, World

_MFA_SHOWN = {"absent": "-", "false": "no MFA", "present": "MFA"}


def play(stage: Stage, world: World) -> None:
    for account in world.accounts.values():
        with stage.scene(f"Who may do what in {account.name}"):
            verdicts = matrix.evaluate(account.admin.client("iam"), matrix.claims(account.settings))
            stage.found_many((_claim(account, v.claim), v.found, v.decision) for v in verdicts)


def _claim(account: Account, cell: matrix.MatrixClaim) -> Claim:
    return Claim(
        who=cell.who,
        mfa=_MFA_SHOWN[cell.mfa],
        call=cell.action,
        resource=cell.resource,
        account=account.name,
        claimed=cell.claimed,
        reason=f"{cell.why} ({cell.control})",
    )
