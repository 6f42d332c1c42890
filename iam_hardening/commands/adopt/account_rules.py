"""What holds for the whole account: quotas that the up passes, and the rules for passwords.

Source: IAM User Guide, "IAM and AWS STS quotas", "Set an account password policy".
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from iam_hardening.aws import quotas as of_aws
from iam_hardening.aws.policies import documents
from iam_hardening.clients.reads import answer_of
from iam_hardening.commands.adopt.after_the_up import AfterTheUp
from iam_hardening.commands.adopt.policy_changes import read
from iam_hardening.commands.verify.account import credential_report

_PASSWORD_POLICY = "aws:iam/accountPasswordPolicy:AccountPasswordPolicy"
_ROLE = "aws:iam/role:Role"
_DEFAULT_QUOTA = 10
_RAISABLE = "a quota that can be raised (Service Quotas, before the up)"


def quotas(up: AfterTheUp) -> Iterator[str]:
    """Only what this up adds to: AWS stops it in the middle (LimitExceeded)."""
    then, now = up.then, up.now
    summary = answer_of("iam:GetAccountSummary", up.existing.iam.get_account_summary) or {}
    limits = summary.get("SummaryMap", {})
    in_groups = int(limits.get("GroupsPerUserQuota", _DEFAULT_QUOTA))
    for user, groups in sorted(now.groups_of.items()):
        if len(groups) > in_groups and groups - then.groups_of.get(user, frozenset()):
            yield (
                f"user {user} would be in {len(groups)} groups; AWS allows {in_groups}, a quota that cannot "
                f"be raised, and the up stops there. Take the user out of {len(groups) - in_groups} first, "
                f"such as {', '.join(sorted(then.groups_of.get(user, ()))[:3])}"
            )
    for (kind, name), policies in sorted(now.policies_of.items()):
        allowed = int(limits.get(f"AttachedPoliciesPer{kind.capitalize()}Quota", _DEFAULT_QUOTA))
        had = then.policies_of.get((kind, name), frozenset())
        if len(policies) <= allowed or not policies - had:
            continue
        raised = "a quota that cannot be raised" if kind == "group" else _RAISABLE
        yield (
            f"{kind} {name} would hold {len(policies)} managed policies; AWS allows {allowed} here, "
            f"{raised}, and the up stops there. Take some of these off first: "
            f"{', '.join(sorted(had)) or 'none'}"
        )
    yield from _trust_policies(up, limits)


def _trust_policies(up: AfterTheUp, limits: Mapping[str, int]) -> Iterator[str]:
    quota = of_aws.TRUST_POLICY_LENGTH
    allowed = int(limits.get(quota.summary, quota.default))
    for step in up.steps:
        if step.type != _ROLE or step.operation in ("same", "delete"):
            continue
        document = read(step.inputs.get("assumeRolePolicy"))
        characters = documents.size(dict(document)) if document else 0
        if characters > allowed:
            yield (
                f"the trust policy of role {step.inputs.get('name')} would have {characters} characters; AWS "
                f"allows {allowed} here, {_RAISABLE}, and the up stops there"
            )


def passwords(up: AfterTheUp) -> Iterator[str]:
    step = next((each for each in up.adoption.steps.values() if each.type == _PASSWORD_POLICY), None)
    if step is None or step.operation in ("same", "delete"):
        return
    days = int(step.inputs.get("maxPasswordAge") or 0)
    was = int(step.old_inputs.get("maxPasswordAge") or 0)
    if step.inputs.get("allowUsersToChangePassword") is False:
        yield "people may no longer change their own password: an administrator has to"
    if not days or (was and was <= days):
        return
    oldest = datetime.now(UTC) - timedelta(days=days)
    late = [row["user"] for row in credential_report(up.existing.iam) if _changed_before(row, oldest)]
    if late:
        hard = bool(step.inputs.get("hardExpiry"))
        then = "must change theirs at the next sign-in"
        if hard:
            then = "cannot sign in until an administrator sets a new one"
        yield f"passwords older than {days} days expire: {', '.join(sorted(late))} {then}"


def _changed_before(row: Mapping[str, str], moment: datetime) -> bool:
    try:
        changed = datetime.fromisoformat(row["password_last_changed"])
        return row["password_enabled"] == "true" and changed < moment
    except ValueError:  # "N/A", "not_supported"
        return False
