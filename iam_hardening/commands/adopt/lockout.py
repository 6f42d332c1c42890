"""What a person should know before the up that follows: who is kept out by it, and what it does not touch.

Each part is judged alone: what the caller may not read leaves out that part, and says so.
"""

from collections.abc import Callable, Iterator
from typing import Any

from iam_hardening.clients.account_facts import OTHER_CREDENTIALS
from iam_hardening.clients.reads import NotAllowed
from iam_hardening.commands.adopt import account_rules, denied, in_place, taken_away
from iam_hardening.commands.adopt.after_the_up import AfterTheUp
from iam_hardening.commands.adopt.caller import Caller
from iam_hardening.commands.adopt.findings import Adoption
from iam_hardening.commands.adopt.lookups import Existing
from iam_hardening.commands.adopt.scratch import Step

_USER = "aws:iam/user:User"
_ROLE = "aws:iam/role:Role"
_GROUP = "aws:iam/group:Group"
_KEY = "aws:iam/accessKey:AccessKey"
# AWS's own limit.
_KEYS_OF_A_USER = 2

Part = tuple[str, Callable[[], Iterator[str]]]


def _parts(adoption: Adoption, existing: Existing, caller: Caller) -> list[Part]:
    """What is judged, and how; the most dangerous first."""
    up = AfterTheUp(adoption, existing)
    return [
        ("whether you are kept out", lambda: denied.callers(up, caller)),
        ("who and what is deleted", lambda: taken_away.identities(up, caller)),
        ("who gets which denial", lambda: denied.identities(up, caller)),
        ("policies whose text is not known", lambda: denied.not_judged(up)),
        ("who has no MFA device", lambda: denied.without_device(up)),
        ("access keys of people who get a denial", lambda: denied.access_keys(up)),
        *(
            (f"{credential.words}s of people who get a denial", _credentials(up, credential, action))
            for _, action, credential in OTHER_CREDENTIALS
        ),
        ("who loses a policy", lambda: taken_away.policies(up, caller)),
        ("what changed policies no longer allow", lambda: taken_away.actions(up, caller)),
        ("inline policies of roles", lambda: taken_away.inline_policies(up, caller)),
        ("permissions boundaries", lambda: in_place.boundaries(up, caller)),
        ("quotas", lambda: account_rules.quotas(up)),
        ("trust policies", lambda: in_place.trusts(up, caller)),
        ("the longest session of roles", lambda: in_place.session_lengths(up)),
        ("paths", lambda: in_place.paths(up)),
        ("tags", lambda: in_place.tags(up)),
        ("passwords", lambda: account_rules.passwords(up)),
        ("access keys of Vault's principal", lambda: _vault_keys(adoption, existing)),
    ]


def _credentials(up: AfterTheUp, credential: Any, action: str) -> Callable[[], Iterator[str]]:
    return lambda: denied.other_credentials(up, credential, action)


def _vault_keys(adoption: Adoption, existing: Existing) -> Iterator[str]:
    """The principal of Vault, which gets one more key: AWS does not show the secret of the one it has."""
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
        # A stack file gives policies to groups and roles, never to a person.
        write = "write them into the file where AWS's quota has room"
        if kind == "user":
            write = "give them to a group of the file that the user is in, or leave them"
        yield (
            f"{kind} {name}: {', '.join(sorted(more))} stay attached although the stack file does not ask "
            f"for them; take them off by hand once they are not needed, or {write}"
        )


def warnings_of(adoption: Adoption, existing: Existing, caller: Caller) -> tuple[list[str], list[str]]:
    """What to know before the up, and what the up leaves alone. A part that the caller may not read is a
    line of the first."""
    warned, refused = _judged(_parts(adoption, existing, caller))
    left, also_refused = _judged([("what the up leaves alone", lambda: kept(adoption, existing))])
    for action, parts in also_refused.items():
        refused.setdefault(action, []).extend(parts)
    warned += [f"not judged: {', '.join(parts)}; it takes {action}" for action, parts in refused.items()]
    return warned, left


def _judged(parts: list[Part]) -> tuple[list[str], dict[str, list[str]]]:
    """Sentences; the missing permission → the parts that it keeps from being judged."""
    said: list[str] = []
    refused: dict[str, list[str]] = {}
    for what, judge in parts:
        try:
            # One by one: what a part said before a refusal counts.
            for sentence in judge():
                said.append(sentence)
        except NotAllowed as missing:
            refused.setdefault(str(missing), []).append(what)
    return said, refused
