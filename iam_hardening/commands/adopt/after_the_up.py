"""The account as it will be after the up, as far as people and programs notice: who joins which group and
gets which denial, which quotas are passed, whom a role no longer lets in, whose password expires.

Worked out from IAM as it is and from what the engine would do. An up adds members and attachments and takes
none away; of a role it takes inline policies away, and it replaces trust policies and the password policy.

Source: IAM User Guide, "IAM and AWS STS quotas", "Set an account password policy".
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from iam_hardening.aws.naming import ENFORCE_MFA_POLICY, SELF_SERVICE_POLICY
from iam_hardening.clients.reads import looking
from iam_hardening.clients.user_belongings import last_use
from iam_hardening.commands.adopt.findings import Adoption
from iam_hardening.commands.adopt.lookups import Existing
from iam_hardening.commands.adopt.scratch import Step
from iam_hardening.commands.verify.account import credential_report

_MEMBERSHIP = "aws:iam/userGroupMembership:UserGroupMembership"
_POLICY = "aws:iam/policy:Policy"
_PASSWORD_POLICY = "aws:iam/accountPasswordPolicy:AccountPasswordPolicy"
_ROLE = "aws:iam/role:Role"
_ATTACHMENTS = {
    f"aws:iam/{kind}PolicyAttachment:{kind.capitalize()}PolicyAttachment": kind
    for kind in ("group", "user", "role")
}
_BY_SUFFIX = {"-enforce-mfa": ENFORCE_MFA_POLICY, "-self-service": SELF_SERVICE_POLICY}
_MFA = "aws:MultiFactorAuthPresent"
_DEFAULT_QUOTA = 10


@dataclass(frozen=True, kw_only=True)
class Iam:
    """Members and attached policies (by name) of an account: before the up, or after it."""

    groups_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    policies_of: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def policies_over(self, user: str) -> frozenset[str]:
        """Of the user and of its groups."""
        own = self.policies_of.get(("user", user), frozenset())
        return own.union(*(self.policies_of.get(("group", g), ()) for g in self.groups_of.get(user, ())))


def before(existing: Existing) -> Iam:
    records = existing.live.records
    return Iam(
        groups_of={name: frozenset(r.get("GroupList", [])) for name, r in records["user"].items()},
        policies_of={
            (kind, name): frozenset(p["PolicyName"] for p in record.get("AttachedManagedPolicies", []))
            for kind, named in records.items()
            for name, record in named.items()
        },
    )


def after(then: Iam, steps: Sequence[Step]) -> Iam:
    own = [str(step.inputs["name"]) for step in steps if step.type == _POLICY]
    groups: dict[str, set[str]] = {name: set(own) for name, own in then.groups_of.items()}
    policies: dict[tuple[str, str], set[str]] = {who: set(own) for who, own in then.policies_of.items()}
    for step in steps:
        if step.type == _MEMBERSHIP:
            groups.setdefault(str(step.inputs["user"]), set()).update(map(str, step.inputs["groups"]))
        elif kind := _ATTACHMENTS.get(step.type):
            holder = (kind, str(step.inputs[kind]))
            policies.setdefault(holder, set()).add(_attached_by(step, own))
    return Iam(
        groups_of={name: frozenset(own) for name, own in groups.items()},
        policies_of={who: frozenset(own) for who, own in policies.items()},
    )


def _attached_by(step: Step, own: Iterable[str]) -> str:
    arn = str(step.inputs.get("policyArn", ""))
    if arn.startswith("arn:"):
        return arn.rsplit("/", 1)[-1]
    # Known once the policy is made. The attachment's own name ends with the policy's (components/people.py,
    # components/permissions.py).
    for suffix, policy in _BY_SUFFIX.items():
        if step.name.endswith(suffix):
            return policy
    return max((name for name in own if step.name.endswith(f"-{name}")), key=len, default=step.name)


def newly_under(then: Iam, now: Iam, denying: Iterable[str]) -> dict[str, frozenset[str]]:
    """User → the denying policies that are over it after the up, and were not before."""
    wanted = frozenset(denying)
    found = {user: (now.policies_over(user) - then.policies_over(user)) & wanted for user in now.groups_of}
    return {user: policies for user, policies in found.items() if policies}


def denials(steps: Iterable[Step]) -> dict[str, bool]:
    """Name of each policy of the stack that denies something → whether its denials are for want of MFA
    alone."""
    found: dict[str, bool] = {}
    for step in steps:
        if step.type != _POLICY:
            continue
        try:
            statements = json.loads(str(step.inputs["policy"]))["Statement"]
        except (KeyError, ValueError):  # known once something else is made
            continue
        denied = [each for each in statements if each.get("Effect") == "Deny"]
        if denied:
            about_mfa = all(_MFA in json.dumps(each.get("Condition", {})) for each in denied)
            found[str(step.inputs["name"])] = about_mfa
    return found


def warnings(adoption: Adoption, existing: Existing, caller_arn: str) -> Iterator[str]:
    """Sentences, the most dangerous first. Raises NotAllowed."""
    steps = list(adoption.steps.values())
    then = before(existing)
    now = after(then, steps)
    by_policy = denials(steps)
    under = newly_under(then, now, by_policy)
    yield from _callers(under, by_policy, caller_arn)
    yield from _people(under, by_policy, existing, then, now)
    yield from _quotas(then, now, existing)
    yield from _trusts(adoption, existing, caller_arn)
    yield from _passwords(adoption, existing)


def _callers(
    under: Mapping[str, frozenset[str]], by_policy: Mapping[str, bool], caller_arn: str
) -> Iterator[str]:
    name = caller_arn.rsplit("/", 1)[-1] if ":user/" in caller_arn else ""
    if name not in under:
        return
    policies = " and ".join(sorted(under[name]))
    mfa_only = all(by_policy[policy] for policy in under[name])
    how = "in a session with MFA, or as somebody else" if mfa_only else "as somebody else"
    yield (
        f"you are {name}: in the middle of the up {policies} begins to hold for you, and these credentials "
        f"may be refused from then on. Run the up {how}"
    )


def _people(
    under: Mapping[str, frozenset[str]],
    by_policy: Mapping[str, bool],
    existing: Existing,
    then: Iam,
    now: Iam,
) -> Iterator[str]:
    for user, policies in sorted(under.items()):
        if user not in existing.live.records["user"]:
            continue  # a new person has nothing to lose
        joins = sorted(now.groups_of[user] - then.groups_of.get(user, frozenset()))
        joining = f" joins {', '.join(joins)} and" if joins else ""
        yield f"user {user}{joining} gets the denials of {' and '.join(sorted(policies))}"
        if any(by_policy[policy] for policy in policies) and not existing.devices(user):
            yield (
                f"user {user}, without an MFA device, can only enrol one after the up (docs/people.md): have "
                "the device enrolled first, or leave the person out of the group for now"
            )
        for key in _active_keys(existing, user):
            yield (
                f"user {user}: whatever uses the access key {key} without MFA is refused after the up; give "
                "it a role, or a user outside these groups, first"
            )


def _active_keys(existing: Existing, user: str) -> Iterator[str]:
    """With when and for what each was last used."""
    for key in existing.access_keys(user):
        if key["Status"] == "Active":
            last = last_use(existing.iam, key["AccessKeyId"]) or "never used so far"
            yield f"{key['AccessKeyId']} ({last})"


def _quotas(then: Iam, now: Iam, existing: Existing) -> Iterator[str]:
    """Only what this up adds to: AWS stops it in the middle (LimitExceeded)."""
    summary = looking("iam:GetAccountSummary", existing.iam.get_account_summary) or {}
    limits = summary.get("SummaryMap", {})
    in_groups = int(limits.get("GroupsPerUserQuota", _DEFAULT_QUOTA))
    for user, groups in sorted(now.groups_of.items()):
        if len(groups) > in_groups and groups != then.groups_of.get(user):
            yield (
                f"user {user} would be in {len(groups)} groups; AWS allows {in_groups}, a quota that cannot "
                f"be raised, and the up stops there. Take the user out of {len(groups) - in_groups} first, "
                f"such as {', '.join(sorted(then.groups_of.get(user, ()))[:3])}"
            )
    for (kind, name), policies in sorted(now.policies_of.items()):
        allowed = int(limits.get(f"AttachedPoliciesPer{kind.capitalize()}Quota", _DEFAULT_QUOTA))
        had = then.policies_of.get((kind, name), frozenset())
        if len(policies) <= allowed or policies == had:
            continue
        raised = (
            "a quota that cannot be raised"
            if kind == "group"
            else "a quota that can be raised (Service Quotas, before the up)"
        )
        yield (
            f"{kind} {name} would hold {len(policies)} managed policies; AWS allows {allowed} here, "
            f"{raised}, and the up stops there. Take some of these off first: "
            f"{', '.join(sorted(had)) or 'none'}"
        )


def _trusts(adoption: Adoption, existing: Existing, caller_arn: str) -> Iterator[str]:
    for step in adoption.changes:
        if step.type != _ROLE or "assumeRolePolicy" not in " ".join(step.changed):
            continue
        name = str(step.inputs["name"])
        was, will = (_let_in(each.get("assumeRolePolicy")) for each in (step.old_inputs, step.inputs))
        gone = sorted(was.keys() - will.keys())
        stricter = sorted(who for who in was.keys() & will.keys() if will[who] != was[who])
        if not gone and not stricter:
            continue
        role = looking("iam:GetRole", existing.iam.get_role, RoleName=name) or {}
        used = role.get("Role", {}).get("RoleLastUsed", {}).get("LastUsedDate")
        last = f"last used {used:%Y-%m-%d}" if used else "AWS tells of no use in 400 days"
        said = [f"no longer lets in {', '.join(gone)}"] if gone else []
        if stricter:
            keys = ", ".join(will[stricter[0]]) or "none any more"
            said.append(f"lets in {', '.join(stricter)} on other conditions ({keys})")
        you = f":assumed-role/{name}/" in caller_arn
        yield (
            f"role {name} ({last}) {' and '.join(said)}: whoever uses it otherwise is refused from then on"
            + (". You are in a session of this role" if you else "")
        )


def _let_in(trust: Any) -> dict[str, tuple[str, ...]]:
    """Principal → the condition keys that it has to meet."""
    try:
        statements = json.loads(str(trust))["Statement"]
    except (KeyError, TypeError, ValueError):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        if statement.get("Effect") != "Allow":
            continue
        keys = tuple(sorted({key for test in statement.get("Condition", {}).values() for key in test}))
        named = ["everybody"]
        if principal != "*":
            values = [value if isinstance(value, list) else [value] for value in principal.values()]
            named = [each for value in values for each in value]
        found |= dict.fromkeys(map(str, named), keys)
    return found


def _passwords(adoption: Adoption, existing: Existing) -> Iterator[str]:
    step = next((each for each in adoption.steps.values() if each.type == _PASSWORD_POLICY), None)
    if step is None or step.operation == "same":
        return
    days = int(step.inputs.get("maxPasswordAge") or 0)
    was = int(step.old_inputs.get("maxPasswordAge") or 0)
    if step.inputs.get("allowUsersToChangePassword") is False:
        yield "nobody may change a password of their own any more: an administrator has to"
    if not days or (was and was <= days):
        return
    oldest = datetime.now(UTC) - timedelta(days=days)
    late = [row["user"] for row in credential_report(existing.iam) if _changed_before(row, oldest)]
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
