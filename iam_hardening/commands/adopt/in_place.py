"""What the up changes of users, groups and roles in place, and who notices: trust policies, the longest
session, permissions boundaries, paths, tags.

Source: IAM User Guide, "Rename an IAM user" (a path is renamed in the same way), "Permissions boundaries for
IAM entities", "Define permissions based on attributes with ABAC authorization".
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from iam_hardening.commands.adopt.after_the_up import AfterTheUp, some
from iam_hardening.commands.adopt.caller import Caller
from iam_hardening.commands.adopt.lookups import UNKNOWN
from iam_hardening.commands.adopt.scratch import Step

_ENTITIES = {
    "aws:iam/user:User": "user",
    "aws:iam/role:Role": "role",
    "aws:iam/group:Group": "group",
}
_ROLE = "aws:iam/role:Role"
# AWS's own, where a role names none.
_SESSION_SECONDS = 3600


def _changes(up: AfterTheUp) -> Iterator[tuple[str, str, Step]]:
    for step in up.adoption.changes:
        if kind := _ENTITIES.get(step.type):
            yield kind, str(step.inputs["name"]), step


def trusts(up: AfterTheUp, caller: Caller) -> Iterator[str]:
    for kind, name, step in _changes(up):
        if kind != "role" or "assumeRolePolicy" not in " ".join(step.changed):
            continue
        was, will = (_let_in(each.get("assumeRolePolicy")) for each in (step.old_inputs, step.inputs))
        gone = sorted(was.keys() - will.keys())
        stricter = sorted(who for who in was.keys() & will.keys() if will[who] != was[who])
        if not gone and not stricter:
            continue
        said = [f"no longer trusts {', '.join(gone)}"] if gone else []
        if stricter:
            keys = ", ".join(will[stricter[0]]) or "none any more"
            said.append(f"trusts {', '.join(stricter)} on other conditions ({keys})")
        you = ". You are in a session of this role" if name == caller.role else ""
        yield (
            f"role {name} ({up.existing.use_of_role(name)}) {' and '.join(said)}: any other use of it "
            f"is refused from then on{you}"
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
        named = ["everyone"]
        if principal != "*":
            values = [value if isinstance(value, list) else [value] for value in principal.values()]
            named = [each for value in values for each in value]
        found |= dict.fromkeys(map(str, named), keys)
    return found


def session_lengths(up: AfterTheUp) -> Iterator[str]:
    for kind, name, step in _changes(up):
        was, will = (
            int(each.get("maxSessionDuration") or _SESSION_SECONDS) for each in (step.old_inputs, step.inputs)
        )
        if kind == "role" and will < was:
            yield (
                f"role {name} ({up.existing.use_of_role(name)}): its sessions last at most {will} s instead "
                f"of {was} s; who asks for more (`duration_seconds` of a CLI profile) is refused from then on"
            )


def boundaries(up: AfterTheUp, caller: Caller) -> Iterator[str]:
    for kind, name, step in _changes(up):
        was, will = (str(each.get("permissionsBoundary") or "") for each in (step.old_inputs, step.inputs))
        if was == will:
            continue
        new = "one that the up makes" if UNKNOWN in will else will.rsplit("/", 1)[-1]
        old = was.rsplit("/", 1)[-1]
        if not will:
            yield (
                f"{kind} {name} loses the permissions boundary {old}: it can do all that its policies allow, "
                "and who may manage only identities with that boundary can no longer manage it"
            )
        else:
            instead = f" instead of {old}" if was else ""
            yield (
                f"{kind} {name} gets the permissions boundary {new}{instead}: what that does not allow is "
                f"refused from then on, with any policy that it has{caller.is_meant(kind, name)}"
            )


def paths(up: AfterTheUp) -> Iterator[str]:
    for kind, name, step in _changes(up):
        was, will = (str(each.get("path") or "/") for each in (step.old_inputs, step.inputs))
        if was == will:
            continue
        arn = f":{kind}{was}{name}"
        places = some(_that_name(up, arn)) or "none"
        yield (
            f"{kind} {name} moves from {was} to {will}, and so has another ARN: policies that name it as a "
            "resource, or compare aws:PrincipalArn, no longer mean it (AWS adapts only those that name it as "
            f"the principal). In this account, the old ARN is in: {places}"
        )


def _that_name(up: AfterTheUp, arn_end: str) -> Iterator[str]:
    """Policies and trust policies with an ARN that ends so."""
    quoted = f'{arn_end}"'
    for name in sorted(up.existing.live.policies):
        if quoted in json.dumps(up.existing.live.document(name)):
            yield f"policy {name}"
    for label, document in sorted(up.policies.inline.items()):
        if quoted in json.dumps(document):
            yield label
    for name, record in sorted(up.existing.live.records["role"].items()):
        if quoted in json.dumps(record.get("AssumeRolePolicyDocument", {})):
            yield f"the trust policy of role {name}"


def tags(up: AfterTheUp) -> Iterator[str]:
    for kind, name, step in _changes(up):
        was, will = (_tags(each) for each in (step.old_inputs, step.inputs))
        gone = [f"{key}={value}" for key, value in sorted(was.items()) if key not in will]
        other = [
            f"{key}={value} (now {will[key]})"
            for key, value in sorted(was.items())
            if key in will and will[key] != value and UNKNOWN not in will[key]
        ]
        if gone or other:
            yield (
                f"{kind} {name} loses the tags {some([*gone, *other])}: conditions that ask for them "
                "(aws:PrincipalTag, iam:ResourceTag) no longer hold; the `tags` of the stack file are on "
                "everything, so have such conditions ask for something else first"
            )


def _tags(inputs: Mapping[str, Any]) -> dict[str, str]:
    found = inputs.get("tags")
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}
