"""Who gets which denial by an up, which quotas are passed, whom a role no longer lets in: from small
estates."""

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from iam_hardening.commands.adopt import after_the_up
from iam_hardening.commands.adopt.after_the_up import Iam, after, denials, newly_under
from iam_hardening.commands.adopt.scratch import Step

ENFORCE = "enforce-to-use-mfa"


def step(type_: str, label: str, old: dict[str, Any] | None = None, /, **inputs: Any) -> Step:
    return Step(
        operation="update" if old is not None else "create",
        urn=f"urn:pulumi:central::p::x${type_}::{label}",
        inputs=inputs,
        old_inputs=old or {},
        changed=tuple(inputs) if old is not None else (),
    )


def policy(name: str, *statements: dict[str, Any]) -> Step:
    return step(
        "aws:iam/policy:Policy",
        f"policy/{name}",
        name=name,
        policy=json.dumps({"Statement": list(statements)}),
    )


def attach(group: str, name: str, arn: str = "unknown") -> Step:
    type_ = "aws:iam/groupPolicyAttachment:GroupPolicyAttachment"
    return step(type_, name, group=group, policyArn=arn)


def join(user: str, *groups: str) -> Step:
    return step("aws:iam/userGroupMembership:UserGroupMembership", user, user=user, groups=list(groups))


WITHOUT_MFA = {
    "Effect": "Deny",
    "NotAction": "iam:EnableMFADevice",
    "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
}
REGIONS = {
    "Effect": "Deny",
    "Action": "*",
    "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}},
}
READS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def test_denials_are_told_apart_by_what_they_are_about() -> None:
    steps = [policy(ENFORCE, WITHOUT_MFA), policy("guard", READS, REGIONS), policy("reads", READS)]
    assert denials(steps) == {ENFORCE: True, "guard": False}


def test_an_attachment_whose_policy_is_not_made_yet_is_known_by_its_name() -> None:
    steps = [
        policy("guard", REGIONS),
        attach("Developers", "Developers-enforce-mfa"),
        attach("Developers", "Developers-guard"),
        attach("Developers", "Developers-ReadOnlyAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
    ]
    now = after(Iam(), steps)
    assert now.policies_of["group", "Developers"] == {ENFORCE, "guard", "ReadOnlyAccess"}


def _brute_force(
    members: dict[str, set[str]],
    holders: dict[str, set[str]],
    joins: dict[str, set[str]],
    attached: dict[str, set[str]],
) -> dict[str, set[str]]:
    """Every pair of person and denial by itself, from the four lists alone."""
    found: dict[str, set[str]] = {}
    for user in {*members, *joins}:
        for denial in (ENFORCE, "guard"):
            was = any(denial in holders.get(group, set()) for group in members.get(user, set()))
            groups = members.get(user, set()) | joins.get(user, set())
            will = any(denial in holders.get(group, set()) | attached.get(group, set()) for group in groups)
            if will and not was:
                found.setdefault(user, set()).add(denial)
    return found


@pytest.mark.parametrize("seed", range(200))
def test_nobody_gets_a_denial_without_being_named(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - estates to try, the same in every run
    groups, users = ["a", "b", "c"], ["u", "v", "w", "x"]

    def some(of: Sequence[str]) -> set[str]:
        return {each for each in of if chance.random() < 0.4}

    members = {user: some(groups) for user in users if chance.random() < 0.8}
    holders = {group: some([ENFORCE, "guard", "reads"]) for group in groups}
    joins = {user: some(groups) for user in users if chance.random() < 0.6}
    attached = {group: some([ENFORCE, "guard", "reads"]) for group in groups}
    then = Iam(
        groups_of={user: frozenset(own) for user, own in members.items()},
        policies_of={("group", group): frozenset(own) for group, own in holders.items()},
    )
    steps = [policy(ENFORCE, WITHOUT_MFA), policy("guard", REGIONS), policy("reads", READS)]
    steps += [join(user, *sorted(own)) for user, own in joins.items()]
    steps += [
        attach(group, f"{group}-{'enforce-mfa' if name == ENFORCE else name}")
        for group, own in attached.items()
        for name in own
    ]
    found = newly_under(then, after(then, steps), denials(steps))
    assert {user: set(own) for user, own in found.items()} == _brute_force(members, holders, joins, attached)


class _Account:
    """Answers what the warnings ask: quotas as AWS has them by default, roles that were never used."""

    def get_account_summary(self) -> dict[str, Any]:
        return {"SummaryMap": {"AttachedPoliciesPerRoleQuota": 20}}

    def get_role(self, RoleName: str) -> dict[str, Any]:
        return {"Role": {"RoleName": RoleName}}


class _Existing:
    iam = _Account()


def quotas(then: Iam, now: Iam) -> list[str]:
    return list(after_the_up._quotas(then, now, _Existing()))  # type: ignore[arg-type]


def test_fixed_quotas_and_those_that_can_be_raised_are_told_as_such() -> None:
    ten = frozenset(f"p{n}" for n in range(10))
    twenty = frozenset(f"p{n}" for n in range(20))
    then = Iam(
        groups_of={"alice": frozenset(f"g{n}" for n in range(10)), "bob": frozenset({"g1"})},
        policies_of={("group", "g"): ten, ("role", "r"): twenty, ("user", "u"): ten},
    )
    now = Iam(
        groups_of={"alice": then.groups_of["alice"] | {"new"}, "bob": frozenset({"g1", "g2"})},
        policies_of={("group", "g"): ten | {"new"}, ("role", "r"): twenty | {"new"}, ("user", "u"): ten},
    )
    said = quotas(then, now)
    assert [line.split(";")[0] for line in said] == [
        "user alice would be in 11 groups",
        "group g would hold 11 managed policies",
        "role r would hold 21 managed policies",
    ]
    assert "cannot be raised" in said[1]
    assert "AWS allows 20 here, a quota that can be raised" in said[2]
    assert quotas(then, then) == []


def trust(principal: Any, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Statement": [statement | ({"Condition": condition} if condition else {})]})


class _Adoption:
    def __init__(self, *steps: Step) -> None:
        self.changes = list(steps)


def trusts(old: str, new: str, caller: str = "arn:aws:iam::1:user/a") -> list[str]:
    changed = step("aws:iam/role:Role", "r", {"assumeRolePolicy": old}, name="r", assumeRolePolicy=new)
    return list(after_the_up._trusts(_Adoption(changed), _Existing(), caller))  # type: ignore[arg-type]


def test_whom_a_role_no_longer_lets_in_is_told() -> None:
    root, other = {"AWS": "arn:aws:iam::1:root"}, {"AWS": ["arn:aws:iam::1:root", "arn:aws:iam::9:root"]}
    (said,) = trusts(trust(other), trust(root))
    assert said.startswith("role r (AWS tells of no use in 400 days) no longer lets in arn:aws:iam::9:root")
    (said,) = trusts(trust(root), trust(root, Bool={"aws:MultiFactorAuthPresent": "true"}))
    assert "on other conditions (aws:MultiFactorAuthPresent)" in said
    (said,) = trusts(trust(other), trust(root), "arn:aws:sts::1:assumed-role/r/me")
    assert said.endswith("You are in a session of this role")
    assert trusts(trust(root), trust(other)) == []
