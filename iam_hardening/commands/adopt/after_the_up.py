"""The account as it will be after the up: who is in which group, and holds which policies.

Worked out from IAM as it is and from what the engine would do. A membership or attachment that the stack has
never had is left alone by an up; one that it has in its state, and no longer asks for, goes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from iam_hardening.aws.naming import ENFORCE_MFA_POLICY, SELF_SERVICE_POLICY
from iam_hardening.clients.reads import NotAllowed
from iam_hardening.commands.adopt.findings import Adoption
from iam_hardening.commands.adopt.lookups import UNKNOWN, Existing
from iam_hardening.commands.adopt.policy_changes import (
    POLICY,
    Document,
    Policies,
    is_about_mfa,
    more_denied,
    no_longer_allowed,
    statements,
)
from iam_hardening.commands.adopt.scratch import Step

_MEMBERSHIP = "aws:iam/userGroupMembership:UserGroupMembership"
_ENTITIES = {f"aws:iam/{kind}:{kind.capitalize()}": kind for kind in ("group", "user", "role")}
_ATTACHMENTS = {
    f"aws:iam/{kind}PolicyAttachment:{kind.capitalize()}PolicyAttachment": kind
    for kind in ("group", "user", "role")
}
# What such a resource does not list is detached, no matter who attached it.
_EXCLUSIVE = {
    f"aws:iam/{kind}PolicyAttachmentsExclusive:{kind.capitalize()}PolicyAttachmentsExclusive": kind
    for kind in ("group", "user", "role")
}
_INLINE = {"user": "UserPolicyList", "group": "GroupPolicyList", "role": "RolePolicyList"}
_BY_SUFFIX = {"-enforce-mfa": ENFORCE_MFA_POLICY, "-self-service": SELF_SERVICE_POLICY}
Holder = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Iam:
    """Members and attached policies (by name) of an account: before the up, or after it. `inline_of`: labels
    of inline policies, which count against no quota of attachments."""

    groups_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    policies_of: Mapping[Holder, frozenset[str]] = field(default_factory=dict)
    inline_of: Mapping[Holder, frozenset[str]] = field(default_factory=dict)

    def policies_over(self, user: str) -> frozenset[str]:
        """Of the user and of its groups."""
        holders = [("user", user), *(("group", group) for group in self.groups_of.get(user, ()))]
        return frozenset().union(*(self.held_by(holder) for holder in holders))

    def held_by(self, holder: Holder) -> frozenset[str]:
        return self.policies_of.get(holder, frozenset()) | self.inline_of.get(holder, frozenset())

    def over(self, holder: Holder) -> frozenset[str]:
        """All policies that hold for a user or a role."""
        return self.policies_over(holder[1]) if holder[0] == "user" else self.held_by(holder)

    @property
    def principals(self) -> Iterator[Holder]:
        """Who makes calls: users and roles."""
        yield from (("user", name) for name in sorted(self.groups_of))
        yield from sorted(who for who in self.policies_of if who[0] == "role")


def before(existing: Existing) -> Iam:
    """Raises NotAllowed."""
    records = existing.live.records
    return Iam(
        groups_of={name: frozenset(r.get("GroupList", [])) for name, r in records["user"].items()},
        policies_of={
            (kind, name): frozenset(p["PolicyName"] for p in record.get("AttachedManagedPolicies", []))
            for kind, named in records.items()
            for name, record in named.items()
        },
        inline_of={
            (kind, name): frozenset(label for label, _ in inline(kind, name, record))
            for kind, named in records.items()
            for name, record in named.items()
        },
    )


def inline(kind: str, name: str, record: Mapping[str, Any]) -> Iterator[tuple[str, Document]]:
    """Label and document of each inline policy."""
    for each in record.get(_INLINE[kind], []):
        yield f"{each['PolicyName']} (inline, {kind} {name})", each["PolicyDocument"]


def after(then: Iam, steps: Sequence[Step]) -> Iam:
    names = {step.name: str(step.inputs["name"]) for step in steps if step.type == POLICY and step.inputs}
    groups = {name: set(own) for name, own in then.groups_of.items()}
    policies = {who: set(own) for who, own in then.policies_of.items()}
    inline_of = dict(then.inline_of)
    for step in (each for each in steps if each.operation != "same"):
        if step.type == _MEMBERSHIP:
            for inputs, change in ((step.old_inputs, set.difference_update), (step.inputs, set.update)):
                if inputs:
                    joined = {str(group) for group in inputs["groups"]} - {UNKNOWN}
                    change(groups.setdefault(str(inputs["user"]), set()), joined)
        elif kind := _ATTACHMENTS.get(step.type):
            for inputs, change in ((step.old_inputs, set.difference_update), (step.inputs, set.update)):
                if inputs:
                    held = policies.setdefault((kind, str(inputs[kind])), set())
                    change(held, {_attached_by(step, inputs, names)})
        elif (kind := _EXCLUSIVE.get(step.type)) and step.inputs:
            arns = [str(arn) for arn in step.inputs.get("policyArns") or ()]
            if UNKNOWN not in arns:
                policies[kind, str(step.inputs[f"{kind}Name"])] = {arn.rsplit("/", 1)[-1] for arn in arns}
        elif (kind := _ENTITIES.get(step.type)) and step.operation == "delete":
            name = str(step.old_inputs["name"])
            policies.pop((kind, name), None)
            inline_of.pop((kind, name), None)
            if kind == "user":
                groups.pop(name, None)
            elif kind == "group":
                for own in groups.values():
                    own.discard(name)
    return Iam(
        groups_of={name: frozenset(own) for name, own in groups.items()},
        policies_of={who: frozenset(own) for who, own in policies.items()},
        inline_of=inline_of,
    )


def _attached_by(step: Step, inputs: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The policy's name. `names`: the resource's name of each policy of the stack → the policy's."""
    arn = str(inputs.get("policyArn", ""))
    if arn.startswith("arn:"):
        return arn.rsplit("/", 1)[-1]
    # Known once the policy is made. The attachment has the policy's resource name, or its own ends with the
    # policy's (components/people.py, components/permissions.py).
    if step.name in names:
        return names[step.name]
    for suffix, policy in _BY_SUFFIX.items():
        if step.name.endswith(suffix):
            return policy
    own = names.values()
    return max((name for name in own if step.name.endswith(f"-{name}")), key=len, default=step.name)


def newly_over(then: Iam, now: Iam) -> dict[Holder, frozenset[str]]:
    """User or role → the policies that hold for it after the up, and did not before."""
    found = {who: now.over(who) - then.over(who) for who in now.principals}
    return {who: policies for who, policies in found.items() if policies}


@dataclass
class AfterTheUp:
    """What holds for each user and role after the up, worked out once. Its properties raise NotAllowed."""

    adoption: Adoption
    existing: Existing

    @property
    def steps(self) -> list[Step]:
        return [*self.adoption.steps.values(), *self.adoption.replacements]

    @cached_property
    def then(self) -> Iam:
        return before(self.existing)

    @cached_property
    def now(self) -> Iam:
        return after(self.then, self.steps)

    @cached_property
    def policies(self) -> Policies:
        records = [
            (kind, name, record)
            for kind, named in self.existing.live.records.items()
            for name, record in named.items()
        ]
        attached = [
            p["PolicyArn"] for *_, record in records for p in record.get("AttachedManagedPolicies", [])
        ]
        wanted = [str(step.inputs["policyArn"]) for step in self.steps if "policyArn" in step.inputs]
        return Policies(
            self.existing,
            self.steps,
            arns={arn.rsplit("/", 1)[-1]: arn for arn in (*wanted, *attached) if arn.startswith("arn:")},
            inline={label: text for each in records for label, text in inline(*each)},
        )

    def exists(self, who: Holder) -> bool:
        """Whether it has something to lose: a new user or role has nothing."""
        kind, name = who
        return name in self.existing.live.records[kind]  # type: ignore[index]

    def holders(self, policy: str) -> list[Holder]:
        """Users and roles that have the policy before the up and after it."""
        return [
            who
            for who in self.now.principals
            if self.exists(who) and policy in self.now.over(who) and policy in self.then.over(who)
        ]

    def boundaries(self) -> dict[Holder, str]:
        """User or role → the ARN of its boundary, before the up."""
        return {
            (kind, name): str(record["PermissionsBoundary"]["PermissionsBoundaryArn"])
            for kind, named in self.existing.live.records.items()
            for name, record in named.items()
            if "PermissionsBoundary" in record
        }

    @cached_property
    def gained(self) -> dict[Holder, frozenset[str]]:
        return {who: own for who, own in newly_over(self.then, self.now).items() if self.exists(who)}

    @cached_property
    def judged(self) -> "Judged":
        return _judge(self)

    @cached_property
    def denied(self) -> "dict[Holder, list[Denial]]":
        """User or role → the denials that it gets, by the policy's name."""
        found: dict[Holder, list[Denial]] = {}
        for who, policies in self.gained.items():
            found[who] = [self.judged.whole[name] for name in sorted(policies) if name in self.judged.whole]
        for name, denial in self.judged.more.items():
            for who in self.holders(name):
                found.setdefault(who, []).append(denial)
        return {who: found[who] for who in sorted(found) if found[who]}


@dataclass(frozen=True, kw_only=True)
class Denial:
    """What one policy denies to who did not have it (`is_new`), or denies more to who has it already.
    `about_mfa`: all of it is denied without MFA only."""

    policy: str
    about_mfa: bool
    is_new: bool = True

    def __str__(self) -> str:
        return self.policy if self.is_new else f"{self.policy} (which changes)"


@dataclass
class Judged:
    """`whole`: by name, policies that someone gets, and that deny something; `more`: those that the up
    changes, and that then deny more; `less`: those that allow less, with the actions; `not_judged`: why."""

    whole: dict[str, Denial] = field(default_factory=dict)
    more: dict[str, Denial] = field(default_factory=dict)
    less: dict[str, list[str]] = field(default_factory=dict)
    not_judged: dict[str, str] = field(default_factory=dict)


_UNKNOWN_TEXT = "its text is known only during the up"


def _judge(up: AfterTheUp) -> Judged:
    judged = Judged()
    for name in sorted(frozenset().union(*up.gained.values())):
        try:
            document = up.policies.after(name)
        except NotAllowed as refused:
            judged.not_judged[name] = f"it takes {refused} to read it"
            continue
        if document is None:
            judged.not_judged[name] = _UNKNOWN_TEXT
        elif denied := statements(document, "Deny"):
            judged.whole[name] = Denial(policy=name, about_mfa=is_about_mfa(denied))
    for name, old, new in up.policies.changed():
        if old is None or new is None:
            judged.not_judged[name] = _UNKNOWN_TEXT
            continue
        if more := more_denied(old, new):
            judged.more[name] = Denial(policy=name, about_mfa=is_about_mfa(more), is_new=False)
        if less := no_longer_allowed(old, new):
            judged.less[name] = less
    return judged


def named(who: Holder) -> str:
    return f"{who[0]} {who[1]}"


def some(names: Iterable[str], at_most: int = 8) -> str:
    """`a, b, c and 4 more`."""
    listed = list(names)
    more = f" and {len(listed) - at_most} more" if len(listed) > at_most else ""
    return ", ".join(listed[:at_most]) + more
