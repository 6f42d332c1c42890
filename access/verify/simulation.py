"""What people and roles may do: the behaviour matrix, by AWS's own policy simulator on the live policies."""

from collections import Counter
from typing import Any

from access import matrix
from access.verify.findings import MISSING, Findings, looking
from settings import Settings


def check(findings: Findings, account: Settings, iam: Any) -> None:
    """One claim for each identity, and one more for each cell that is false. Raises NotAllowed."""
    by_identity: dict[str, list[matrix.MatrixClaim]] = {}
    for cell in matrix.claims(account):
        by_identity.setdefault(cell.subject, []).append(cell)
    for arn, cells in by_identity.items():
        what = arn.split(":", 5)[5].replace("/", " ", 1)

        def verdicts(cells: list[matrix.MatrixClaim] = cells) -> list[matrix.Verdict]:
            return list(matrix.evaluate(iam, cells))

        answers = looking("iam:SimulatePrincipalPolicy", verdicts, missing=("NoSuchEntity",))
        if answers is None:
            findings.compare(
                what, "may do", _count(Counter(c.claimed for c in cells)), MISSING, "the stack makes it"
            )
            continue
        false = [verdict for verdict in answers if not verdict.holds]
        for verdict in false:
            cell = verdict.claim
            findings.compare(
                what,
                f"{cell.action} on {cell.resource}, MFA {cell.mfa}",
                cell.claimed,
                verdict.found,
                f"{cell.why} ({cell.control})",
                verdict.decision,
            )
        if not false:
            found = Counter(verdict.found for verdict in answers)
            findings.compare(
                what, "may do", _count(Counter(c.claimed for c in cells)), _count(found), "access/matrix.yaml"
            )


def _count(verdicts: Counter[str]) -> str:
    return f"{verdicts['allowed']} allowed, {verdicts['refused']} refused"
