"""Round after round: look up what the stack would make, take it into the copy, and look again.

One round is not enough: an attachment names a policy's ARN, which the engine knows once the policy is in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from iam_hardening.clients.reads import NotAllowed
from iam_hardening.commands.adopt.lookups import LOOK_UPS, NEVER, SET_ANYWAY, Existing, TakenError
from iam_hardening.commands.adopt.scratch import ImportFile, Scratch, Step, type_of

# Type → the inputs of other resources that name one.
_OWNED_BY = {
    "aws:iam/group:Group": ("group",),
    "aws:iam/policy:Policy": ("policyArn",),
    "aws:iam/role:Role": ("role", "roleName"),
    "aws:iam/user:User": ("user",),
}
_REPLACES = frozenset({"replace", "create-replacement", "delete-replaced"})


@dataclass
class Adoption:
    """What was found. Everything is by URN, and what an up would do in the order of the engine.

    `ids`: what the import file takes over; `replaced`: what exists and cannot become what the stack wants in
    place, and why: left out of the file, so that an up stops at it instead of deleting it; `replacements`:
    what the stack has in its state already, and that an up does replace."""

    template: ImportFile = field(default_factory=lambda: ImportFile(entries={}))
    ids: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    unchecked: dict[str, str] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    replacements: list[Step] = field(default_factory=list)

    @property
    def content(self) -> dict[str, object]:
        return self.template.with_ids({u: id for u, id in self.ids.items() if u not in self.replaced})

    @property
    def changes(self) -> list[Step]:
        """What an up changes in place, whether the file takes it over or the stack has it already."""
        return [
            step
            for urn, step in self.steps.items()
            if urn not in self.replaced and step.operation == "update"
        ]

    @property
    def deleted(self) -> list[Step]:
        """What the stack has in its state, and no longer asks for."""
        return [step for step in self.steps.values() if step.operation == "delete"]

    @property
    def made(self) -> list[Step]:
        """What an up would make, and nothing of it is there."""
        return [
            step
            for urn, step in self.steps.items()
            if step.operation == "create" and urn in self.template.entries
            and urn not in self.taken and urn not in self.unchecked
            and not self.template.entries[urn].get("component")
        ]  # fmt: skip

    @property
    def is_safe(self) -> bool:
        return not (self.replaced or self.taken or self.unchecked)


def compare(copy: Scratch, existing: Existing) -> Adoption:
    """Raises CannotError."""
    adoption = Adoption()
    steps, template = copy.preview()
    adoption.template = template
    while True:
        found = _look_up(adoption, steps, template, existing)
        if not found:
            break
        adoption.ids |= found
        copy.take_in(template.with_ids(found))
        steps, template = copy.preview()
    adoption.steps = {step.urn: step for step in steps if step.operation not in _REPLACES}
    adoption.replacements = [
        step for step in steps if step.operation == "replace" and step.urn not in adoption.ids
    ]
    replaced = {
        step.urn: f"{', '.join(step.replacing or step.changed)} cannot change in place"
        for step in steps
        if step.operation in _REPLACES and step.urn in adoption.ids
    }
    adoption.replaced = replaced | {
        step.urn: "it belongs to one of these"
        for step in steps
        if step.urn in adoption.ids and step.urn not in replaced and _belongs_to(adoption.ids, replaced, step)
    }
    return adoption


def _belongs_to(ids: Mapping[str, str], owners: Iterable[str], step: Step) -> bool:
    """Whether it is an attachment, a login or the like of one of the owners: without them, it is not ours."""
    return any(
        step.inputs.get(name) == ids[owner] for owner in owners for name in _OWNED_BY.get(type_of(owner), ())
    )


def _look_up(
    adoption: Adoption, steps: list[Step], template: ImportFile, existing: Existing
) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for step in steps:
        if step.urn not in template.entries or step.type not in LOOK_UPS:
            continue
        if step.urn in adoption.taken or step.urn in adoption.unchecked:
            continue
        try:
            id = existing.id_of(step)
        except NotAllowed as refused:
            adoption.unchecked[step.urn] = str(refused)
        except TakenError as taken:
            adoption.taken[step.urn] = str(taken)
        else:
            if id:
                found[step.urn] = id
    return found


def why_not_looked_for(step: Step) -> str | None:
    """Why something that would be made was not looked for, if it was not."""
    if step.type in LOOK_UPS:
        return None
    if step.type in SET_ANYWAY:
        return "set by every up, regardless of its value now"
    return NEVER.get(step.type, "not looked for: this command does not know the type")
