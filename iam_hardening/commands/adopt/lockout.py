"""What a person should know before the up that follows: who is kept out by it, and what it does not touch."""

from collections.abc import Iterator
from typing import Any

from iam_hardening.clients.reads import NotAllowed
from iam_hardening.commands.adopt import after_the_up
from iam_hardening.commands.adopt.findings import Adoption
from iam_hardening.commands.adopt.lookups import Existing
from iam_hardening.commands.adopt.scratch import Step

_USER = "aws:iam/user:User"
_ROLE = "aws:iam/role:Role"
_GROUP = "aws:iam/group:Group"
_ROLE_POLICIES = "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive"
_KEY = "aws:iam/accessKey:AccessKey"
# AWS's own limit.
_KEYS_OF_A_USER = 2


def warnings(adoption: Adoption, existing: Existing, caller_arn: str) -> Iterator[str]:
    """Sentences, the most dangerous first."""
    yield from after_the_up.warnings(adoption, existing, caller_arn)
    yield from _vault_keys(adoption, existing)
    for step in adoption.changes:
        if step.type == _ROLE_POLICIES:
            gone = ", ".join(sorted(step.old_inputs.get("policyNames") or []))
            yield (
                f"role {step.inputs['roleName']}: its inline policies {gone} go; the role can do only what "
                "the stack attaches"
            )


def _vault_keys(adoption: Adoption, existing: Existing) -> Iterator[str]:
    """The principal of Vault, which gets one more key: the secret of its own is known to nobody."""
    for step in adoption.made:
        user = str(step.inputs.get("user"))
        if step.type != _KEY or user not in existing.live.records["user"]:
            continue
        keys = [key["AccessKeyId"] for key in existing.access_keys(user)]
        if len(keys) >= _KEYS_OF_A_USER:
            yield (
                f"user {user} has {len(keys)} access keys, as many as AWS allows, and the up makes one more "
                f"for Vault: it stops there. Delete the one that is not in use first: {', '.join(keys)}"
            )
        elif keys:
            yield (
                f"user {user}: the up makes a second access key and gives it to Vault; afterwards delete the "
                f"first ({', '.join(keys)})"
            )


def kept(adoption: Adoption, existing: Existing) -> Iterator[str]:
    """What people have that the stack does not make, and that an up therefore leaves alone."""
    for urn in adoption.ids:
        step = adoption.steps.get(urn)
        if step is None:
            continue
        if step.type == _USER:
            name = str(step.inputs["name"])
            yield f"user {name}: its password, " + ", ".join(
                (
                    f"{len(existing.devices(name))} MFA devices",
                    f"{len(existing.access_keys(name))} access keys",
                )
            )
        for kind, type in (("group", _GROUP), ("user", _USER), ("role", _ROLE)):
            if step.type == type:
                yield from _more_policies(adoption, existing, kind, step)


def _more_policies(adoption: Adoption, existing: Existing, kind: Any, step: Step) -> Iterator[str]:
    name = str(step.inputs["name"])
    wanted = {
        str(each.inputs.get("policyArn"))
        for each in adoption.steps.values()
        if each.inputs.get(kind) == name and "policyArn" in each.inputs
    }
    record = existing.live.records[kind][name]
    more = [
        a["PolicyName"] for a in record.get("AttachedManagedPolicies", []) if a["PolicyArn"] not in wanted
    ]
    if more:
        yield (
            f"{kind} {name}: {', '.join(sorted(more))} stay attached although the stack file does not ask "
            "for them; take them off by hand once nobody needs them, or write them into the file where AWS's "
            "quota has room"
        )


def told(adoption: Adoption, existing: Existing, caller_arn: str) -> tuple[list[str], list[str]]:
    """`warnings` and `kept`, as far as the caller may look."""
    try:
        return list(warnings(adoption, existing, caller_arn)), list(kept(adoption, existing))
    except NotAllowed as refused:
        return [f"who would be kept out was not looked at: it takes {refused}"], []
