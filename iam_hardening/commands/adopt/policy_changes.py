"""What a policy denies more, or allows less, after the up: documents compared statement by statement.

Texts are those of the stack, of the account's own policies, and of AWS's managed ones
(`iam:GetPolicyVersion`).

What it does not do: it weighs no conditions (another condition counts as another statement), no boundaries
and no service control policies, and it adds no statements up: what two new statements allow together, and one
old statement allowed, counts as taken away. So it names too much rather than too little.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from iam_hardening.aws.policies.compare import canonical
from iam_hardening.clients.reads import answer_of
from iam_hardening.commands.adopt.lookups import Existing
from iam_hardening.commands.adopt.scratch import Step

POLICY = "aws:iam/policy:Policy"
Document = Mapping[str, Any]
Statement = Mapping[str, Any]

_MFA = "aws:MultiFactorAuthPresent"
_OF_AWS = ":iam::aws:policy/"
_EVERYTHING = ("*", "*:*")


def read(text: Any) -> Document | None:
    """The document in a resource's inputs; None while it is known only during the up."""
    try:
        document = json.loads(text)
    except (TypeError, ValueError):
        return None
    return document if isinstance(document, Mapping) else None


@dataclass
class Policies:
    """Documents by the policy's name, before the up and after it. `arns`: name → ARN, for AWS's own;
    `inline`: the label of an inline policy → its document, which no up changes in place."""

    existing: Existing
    steps: Sequence[Step]
    arns: Mapping[str, str] = field(default_factory=dict)
    inline: Mapping[str, Document] = field(default_factory=dict)
    _of_aws: dict[str, Document] = field(default_factory=dict, repr=False)

    def after(self, name: str) -> Document | None:
        """None of a text that is known only during the up. Raises NotAllowed."""
        for step in self.steps:
            if step.type == POLICY and step.operation != "delete" and step.inputs.get("name") == name:
                return read(step.inputs.get("policy"))
        return self.before(name)

    def before(self, name: str) -> Document | None:
        """None if there is no such policy. Raises NotAllowed."""
        if name in self.inline:
            return self.inline[name]
        arn = self.arns.get(name, "")
        if _OF_AWS in arn:
            return self._read_of_aws(arn)
        return self.existing.live.document(name) if name in self.existing.live.policies else None

    def changed(self) -> Iterator[tuple[str, Document | None, Document | None]]:
        """Name, and document before and after, of each policy that is there already and that the up
        changes. Raises NotAllowed."""
        for step in self.steps:
            if step.type == POLICY and step.operation == "update":
                name = str(step.inputs.get("name"))
                # What holds now is what the account has, not what the state says.
                old = self.before(name) or read(step.old_inputs.get("policy"))
                new = read(step.inputs.get("policy"))
                if old is None or new is None or canonical(old) != canonical(new):
                    yield name, old, new

    def _read_of_aws(self, arn: str) -> Document | None:
        if arn not in self._of_aws:
            iam = self.existing.iam
            policy = answer_of("iam:GetPolicy", iam.get_policy, ("NoSuchEntity",), PolicyArn=arn)
            if policy is None:
                return None
            version = answer_of(
                "iam:GetPolicyVersion",
                iam.get_policy_version,
                PolicyArn=arn,
                VersionId=policy["Policy"]["DefaultVersionId"],
            )
            self._of_aws[arn] = version["PolicyVersion"]["Document"] if version else {}
        return self._of_aws[arn]


def statements(document: Document, effect: str) -> list[Statement]:
    return [each for each in _list(document.get("Statement", [])) if each.get("Effect") == effect]


def is_about_mfa(denied: Iterable[Statement]) -> bool:
    """Whether the statements deny only what is called without MFA."""
    return all(_MFA in json.dumps(each.get("Condition", {})) for each in denied)


def more_denied(old: Document, new: Document) -> list[Statement]:
    """The parts of the denials of `new` that no denial of `old` covers."""
    return _beyond(statements(new, "Deny"), statements(old, "Deny"))


def no_longer_allowed(old: Document, new: Document) -> list[str]:
    """The actions that a statement of `old` allows, and no single one of `new`: as patterns, sorted."""
    lost = _beyond(statements(old, "Allow"), statements(new, "Allow"))
    return sorted({_action_of(each) for each in lost})


def _action_of(statement: Statement) -> str:
    if "NotAction" in statement:
        return f"all but {', '.join(_list(statement['NotAction']))}"
    return str(_list(statement.get("Action", []))[0])


def _beyond(some: Iterable[Statement], others: Sequence[Statement]) -> list[Statement]:
    return [
        part
        for statement in some
        for part in _parts(statement)
        if not any(_covers(other, part) for other in others)
    ]


def _parts(statement: Statement) -> Iterator[Statement]:
    """A statement for each pair of action and resource; exceptions (NotAction, NotResource) stay together."""
    actions = [{"Action": each} for each in _list(statement.get("Action", []))]
    resources = [{"Resource": each} for each in _list(statement.get("Resource", []))]
    rest = {key: value for key, value in statement.items() if key not in ("Action", "Resource")}
    for action in actions or [{}]:
        for resource in resources or [{}]:
            yield {**rest, **action, **resource}


def _covers(wide: Statement, part: Statement) -> bool:
    """Whether all that `part` is about, `wide` is about, too; False where it is not certain."""
    return (
        _covers_values(wide, part, "Action", fold=True)
        and _covers_values(wide, part, "Resource", fold=False)
        and _covers_condition(wide.get("Condition"), part.get("Condition"))
    )


def _covers_condition(wide: Any, part: Any) -> bool:
    if not wide:
        return True
    empty = {"Version": "", "Statement": []}
    return bool(part) and canonical({**empty, "Statement": [{"Condition": wide}]}) == canonical(
        {**empty, "Statement": [{"Condition": part}]}
    )


def _covers_values(wide: Statement, part: Statement, key: str, *, fold: bool) -> bool:
    def values(statement: Statement, name: str) -> list[str]:
        found = [str(each) for each in _list(statement.get(name, []))]
        return [each.lower() for each in found] if fold else found

    but = f"Not{key}"
    if any(each in _EVERYTHING for each in values(wide, key)):
        return True
    if but in wide and but in part:
        return all(any(_matches(own, p) for own in values(part, but)) for p in values(wide, but))
    if but in wide:
        return not any(_may_meet(p, own) for p in values(wide, but) for own in values(part, key))
    if but in part:
        return False
    return all(any(_matches(p, own) for p in values(wide, key)) for own in values(part, key))


def _matches(pattern: str, value: str) -> bool:
    """Whether everything that `value` (a pattern itself) stands for matches the pattern."""
    if "?" in pattern or "[" in pattern:
        return pattern == value or ("*" not in value and "[" not in pattern and fnmatchcase(value, pattern))
    return fnmatchcase(value, pattern)


def _may_meet(one: str, other: str) -> bool:
    """Whether something may match both. Two patterns may, unless what is before their wildcards differs."""
    before = [each.split("*")[0].split("?")[0] for each in (one, other)]
    if before[0] == one and before[1] == other:
        return one == other
    if before[0] == one:
        return fnmatchcase(one, other)
    if before[1] == other:
        return fnmatchcase(other, one)
    return before[0].startswith(before[1]) or before[1].startswith(before[0])


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
