"""What people and roles may do: the behaviour matrix, by AWS's own policy simulator on the live policies.

And the trust and resource policies of the account, those of keys, topics and buckets.
"""

from collections import Counter
from typing import Any

from iam_hardening.claims import matrix, resource_policies
from iam_hardening.claims.findings import MISSING, Findings
from iam_hardening.clients.reads import answer_of
from iam_hardening.config import Settings

# Operation → its service, where that is not IAM.
_SERVICE = {
    "DescribeKey": "kms",
    "GetKeyPolicy": "kms",
    "GetTopicAttributes": "sns",
    "GetBucketPolicy": "s3",
}
_GONE = ("NoSuchEntity", "NotFoundException", "NotFound", "NoSuchBucket", "NoSuchBucketPolicy")


def check(findings: Findings, account: Settings, iam: Any) -> None:
    """One claim for each identity, and one more for each cell that is false. Raises NotAllowed."""
    by_identity: dict[str, list[matrix.MatrixClaim]] = {}
    for cell in matrix.claims(account):
        by_identity.setdefault(cell.subject, []).append(cell)
    for arn, cells in by_identity.items():
        what = arn.split(":", 5)[5].replace("/", " ", 1)

        def verdicts(cells: list[matrix.MatrixClaim] = cells) -> list[matrix.Verdict]:
            return list(matrix.evaluate(iam, cells))

        answers = answer_of(_action, verdicts, missing=("NoSuchEntity",))
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
                what,
                "may do",
                _count(Counter(c.claimed for c in cells)),
                _count(found),
                "iam_hardening/claims/matrix.yaml",
            )


def check_policy_claims(findings: Findings, account: Settings, clients: resource_policies.Clients) -> None:
    """One claim for each policy, and one more for each principal that it treats wrongly. Raises
    NotAllowed."""
    by_resource: dict[resource_policies.ResourceId, list[resource_policies.PolicyClaim]] = {}
    for claim in resource_policies.policy_claims(account):
        by_resource.setdefault(claim.resource_id, []).append(claim)
    for resource_id, asked in by_resource.items():
        claimed = _count(Counter(claim.claimed for claim in asked))

        def verdicts(asked: list[resource_policies.PolicyClaim] = asked) -> list[resource_policies.Verdict]:
            return list(resource_policies.evaluate(clients, asked))

        answers = answer_of(_action, verdicts, missing=_GONE)
        if answers is None:
            findings.compare(str(resource_id), "allows", claimed, MISSING, "the stack makes it")
            continue
        for verdict in answers:
            if not verdict.holds:
                claim = verdict.claim
                reason = f"{claim.why} ({claim.control})"
                findings.compare(
                    str(resource_id), claim.call, claim.claimed, verdict.found, reason, verdict.decision
                )
        if all(verdict.holds for verdict in answers):
            found = _count(Counter(verdict.found for verdict in answers))
            findings.compare(
                str(resource_id), "allows", claimed, found, "iam_hardening/claims/resource_policies.py"
            )


def _action(operation: str) -> str:
    return f"{_SERVICE.get(operation, 'iam')}:{operation}"


def _count(verdicts: Counter[str]) -> str:
    return f"{verdicts['allowed']} allowed, {verdicts['refused']} refused"
