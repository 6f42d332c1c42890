"""What the up takes away: policies and memberships that the stack has in its state and no longer asks for,
inline policies of roles, actions that a changed policy no longer allows, identities that go.

A policy counts as taken from a person when none of the person's groups gives it any more. Whether another
policy allows the same is not worked out.
"""

from collections.abc import Iterator

from iam_hardening.clients.reads import NotAllowed
from iam_hardening.commands.adopt.after_the_up import AfterTheUp, named, some
from iam_hardening.commands.adopt.caller import Caller
from iam_hardening.commands.adopt.policy_changes import statements
from iam_hardening.commands.adopt.scratch import Step

_ENTITIES = {
    "aws:iam/user:User": "user",
    "aws:iam/role:Role": "role",
    "aws:iam/group:Group": "group",
}
_ROLE_POLICIES = "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive"


def identities(up: AfterTheUp, caller: Caller) -> Iterator[str]:
    """Users, roles and groups that the up deletes, or deletes and makes anew."""
    for step in up.adoption.deleted:
        if kind := _ENTITIES.get(step.type):
            yield f"{_gone(up, kind, step)}{caller.is_meant(kind, str(step.old_inputs['name']))}"
    for step in up.adoption.replacements:
        if kind := _ENTITIES.get(step.type):
            name = str(step.old_inputs["name"])
            yield (
                f"{kind} {name} is deleted and made anew ({', '.join(step.replacing or step.changed)}): its "
                "sessions end, and trust and resource policies that name it no longer mean it"
                f"{caller.is_meant(kind, name)}"
            )


def _gone(up: AfterTheUp, kind: str, step: Step) -> str:
    name = str(step.old_inputs["name"])
    if kind == "role":
        return f"role {name} ({up.existing.use_of_role(name)}) is deleted: its users are refused then"
    if kind == "group":
        members = [user for user, groups in up.then.groups_of.items() if name in groups]
        return f"group {name} is deleted; members: {some(sorted(members)) or 'none'}"
    try:
        keys = [
            f"{key['AccessKeyId']} ({up.existing.use_of_key(key['AccessKeyId'])})"
            for key in up.existing.access_keys(name)
            if key["Status"] == "Active"
        ]
    except NotAllowed as refused:
        keys = [f"not read: it takes {refused}"]
    return (
        f"user {name} is deleted, with password and devices; active access keys: {', '.join(keys) or 'none'}"
    )


def policies(up: AfterTheUp, caller: Caller) -> Iterator[str]:
    remaining = {*up.now.principals}
    for who in up.then.principals:
        lost = up.then.over(who) - up.now.over(who)
        losses = sorted(name for name in lost if _may_allow(up, name))
        if who not in remaining or not losses:
            continue
        kind, name = who
        left, use = "", ""
        if kind == "user":
            leaves = sorted(up.then.groups_of[name] - up.now.groups_of[name])
            left = f" leaves {', '.join(leaves)} and" if leaves else ""
        else:
            use = f" ({up.existing.use_of_role(name)})"
        yield (
            f"{named(who)}{use}{left} loses {some(losses)}: what needs that is refused from then on"
            f"{caller.is_meant(kind, name)}"
        )


def _may_allow(up: AfterTheUp, policy: str) -> bool:
    """Losing a policy that only denies stops nothing."""
    try:
        document = up.policies.before(policy)
    except NotAllowed:
        return True
    return document is None or bool(statements(document, "Allow"))


def actions(up: AfterTheUp, caller: Caller) -> Iterator[str]:
    """Of policies that change."""
    for policy, lost in up.judged.less.items():
        holders = up.holders(policy)
        bound = [who for who, arn in up.boundaries().items() if arn.rsplit("/", 1)[-1] == policy]
        if not holders and not bound:
            continue
        whose = [f"held by {some(map(named, holders))}"] if holders else []
        whose += [f"the boundary of {some(map(named, bound))}"] if bound else []
        you = next(filter(None, (caller.is_meant(*who) for who in [*holders, *bound])), "")
        yield (
            f"policy {policy}, {' and '.join(whose)}, no longer allows {some(lost)} as it did (on every "
            f"resource and condition): what needs that is refused, unless another policy allows it{you}"
        )


def inline_policies(up: AfterTheUp, caller: Caller) -> Iterator[str]:
    """The stack lists the inline policies of its roles; others go."""
    for step in up.adoption.changes:
        if step.type != _ROLE_POLICIES:
            continue
        gone = set(step.old_inputs.get("policyNames") or []) - set(step.inputs.get("policyNames") or [])
        if gone:
            role = str(step.inputs["roleName"])
            yield (
                f"role {role}: its inline policies {', '.join(sorted(gone))} go; the role can do only what "
                f"the stack attaches{caller.is_meant('role', role)}"
            )
