"""The vocabulary in which a resource type is written down as data.

A `Row` says which API operations make, read, change and delete one type, and which property goes into which
field. `lifecycle.py` runs rows; `aws_rows.py` and `vault_rows.py` hold them. Nothing here calls anything.

What a row does not say follows from it: the inputs it accepts are the properties its steps use. What it says
of the real provider (`source`, `replaces`, `defaults`, `computed`, `compared_as`, `sent_with`, `unlike`) was
read in that provider's source.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Any, Protocol

from rehearsal.providers.values import Properties


class FakeProviderError(Exception):
    """What a service or a fake provider refused, in words for the user."""


class GoneError(FakeProviderError):
    """The service does not have the thing that was asked for."""


class Api(Protocol):
    """A connection to one account of AWS or to Vault."""

    def call(self, operation: str, arguments: Mapping[str, Any], ignore: frozenset[str]) -> Any: ...

    def wait(self, waiter: str, arguments: Mapping[str, Any]) -> None: ...


class Source(Enum):
    """A value that does not come from a property."""

    ID = "the resource's id"
    ITEM = "the item a sweep or a set is at"


ID, ITEM = Source.ID, Source.ITEM


@dataclass(frozen=True)
class Literal:
    """A fixed value."""

    value: Any


@dataclass(frozen=True)
class Field:
    """One field of the item that a sweep is at."""

    name: str


@dataclass(frozen=True)
class Made:
    """A value for a field that is not shaped like one property: make(properties, api, id)."""

    uses: tuple[str, ...]
    make: Callable[[Properties, Any, str], Any]


@dataclass(frozen=True)
class ListOf:
    """A list with one argument in it."""

    argument: "str | Source"


Argument = str | Source | Literal | Field | Made | ListOf


@dataclass(frozen=True)
class Call:
    """One API operation. A plain string argument is the name of a property; one without a value is not sent.
    In the operation itself `{property}`, `{id}` and `{item}` stand for their values.

    `result` is a dotted path into the answer, and `find` picks the one element with these values from the
    list there: none is a GoneError. With `clears`, a property that the program dropped is sent as an empty
    value, for services that keep what an update leaves out. With `needs`, the call is made only when that
    property is set.
    """

    operation: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    result: str = ""
    find: Mapping[str, str | Source] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    clears: bool = False
    needs: str = ""

    def uses(self) -> Iterator[str]:
        """The properties this call takes."""
        yield from (name for name in re.findall(r"\{(\w+)\}", self.operation) if name not in ("id", "item"))
        for argument in self.arguments.values():
            if isinstance(argument, ListOf):
                argument = argument.argument
            if isinstance(argument, str):
                yield argument
            elif isinstance(argument, Made):
                yield from argument.uses


@dataclass(frozen=True)
class Wait:
    """A boto3 waiter."""

    waiter: str
    arguments: Mapping[str, Argument]

    def uses(self) -> Iterator[str]:
        return iter(())


@dataclass(frozen=True)
class Sweep:
    """Steps for every item of a list but the `keep` newest, so that what holds them can go.

    `where` narrows the items, `but_not` names a property that lists items to leave alone; with `needs`,
    nothing happens unless that property is true.
    """

    list: Call
    steps: tuple[Call, ...]
    where: Callable[[Any], bool] = lambda item: True
    keep: int = 0
    but_not: str = ""
    needs: str = ""

    def uses(self) -> Iterator[str]:
        yield from self.list.uses()
        yield from filter(None, (self.but_not, self.needs))


@dataclass(frozen=True)
class Switch:
    """One step when the property is set (and not false), another when it is not."""

    on: str
    then: "Call"
    otherwise: "Call"

    def uses(self) -> Iterator[str]:
        yield self.on
        yield from self.then.uses()
        yield from self.otherwise.uses()


Step = Call | Wait | Sweep | Switch


@dataclass(frozen=True)
class Taken:
    """A live value that needs shaping: shape(answer's value, properties known so far, api)."""

    path: str
    shape: Callable[[Any, Properties, Any], Any]


@dataclass(frozen=True)
class Read:
    """A call and the properties in its answer: property name to dotted path. A property that starts with an
    underscore is for the next read only. An `optional` read may find nothing: its properties are then unset.
    """

    call: Call
    properties: Mapping[str, str | Taken]
    optional: bool = False


@dataclass(frozen=True)
class Each:
    """A property that is a set: one call per item added or removed.

    `items` splits the property's value into the items the service knows. Unless `exclusive`, items that the
    program did not name are left alone and not reported.
    """

    property: str
    live: Call
    item: Callable[[Any], Any]
    add: Call
    remove: Call
    exclusive: bool = True
    items: Callable[[Any], list[Any]] = list


@dataclass(frozen=True)
class Tags:
    """Tags: `live` answers a list of {Key, Value} or a mapping; `tag` takes ITEM as such a list, `untag` ITEM
    as keys, or as {Key} with `keys_as_tags`. `spelling` is how the service calls Key and Value. `whole`: the
    service takes all tags at once, those that are ignored (`aws:ignoreTags`) included."""

    live: Call
    tag: "Step"
    untag: "Step"
    property: str = "tags"
    keys_as_tags: bool = False
    spelling: tuple[str, str] = ("Key", "Value")
    whole: bool = False


@dataclass(frozen=True)
class Prepare:
    """Values the provider itself makes before the first call. `outputs` go into the state, since no service
    can tell them again; names with an underscore are arguments only."""

    uses: tuple[str, ...]
    outputs: tuple[str, ...]
    make: Callable[[Properties], Properties]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One resource type.

    type:        the Pulumi type token.
    source:      the file of the real Terraform provider that was read for the row: which inputs it sends and
                 when, what it fills in, takes to be the same, and replaces on.
    replaces:    inputs of which a change replaces the resource (ForceNew); every other one changes in place.
    id:          template over properties, the fields of the create call's answer, and `unique`.
    create:      steps; the first makes the thing, and a later failure takes it away again.
    reads:       what is there now; Gone in one that is not optional means that the thing is gone.
    update:      comma-separated inputs to the steps that a change of any of them takes.
    delete:      steps; what is already gone is skipped.
    from_id:     properties that an id gives on import.
    auto_name:   the input that gets a generated name when the program gives none.
    defaults:    what the real provider fills in.
    computed:    inputs that, left out, are what the service made of them; of an object, only the fields
                 that the program gave are compared.
    sent_with:   input to the other input without which the real provider drops it.
    unlike:      input to what the real provider does with it, where the row does otherwise.
    settings:    inputs that no API takes (forceDestroy); a change is only remembered.
    remembered:  output to path in the answer of the first create step, when no read can tell it.
    secrets:     outputs that are always secret.
    compared_as: property to the form in which two values are compared.
    refused:     inputs of the real provider that the fake provider cannot honour, with the reason.
    moves:       input to the setting without which the real provider moves the thing when the input
                 changes. The fake one refuses that: what hangs on it could not be deleted under its old name.
    deletes_first: every replacement deletes first (pulumi-aws, ResourceInfo.DeleteBeforeReplace). So does
                 that of a resource whose name the program gave and could have left out (`auto_name`).
    regional:    takes the input `region`, and is there instead of in the provider's (see `regional`).
    """

    type: str
    source: str
    replaces: frozenset[str]
    id: str
    create: tuple[Step, ...]
    reads: tuple[Read, ...]
    delete: tuple[Step, ...]
    update: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    from_id: Callable[[str], Properties] = lambda id: {}
    auto_name: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    computed: frozenset[str] = frozenset()
    settings: frozenset[str] = frozenset()
    prepare: Prepare | None = None
    remembered: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    compared_as: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    moves: Mapping[str, str] = field(default_factory=dict)
    sent_with: Mapping[str, str] = field(default_factory=dict)
    unlike: Mapping[str, str] = field(default_factory=dict)
    deletes_first: bool = False
    each: tuple[Each, ...] = ()
    tags: tuple[Tags, ...] = ()
    regional: bool = False

    def __post_init__(self) -> None:
        region = frozenset({"region"} if self.regional else ())
        if self.replaces | region != self.inputs - self.updatable:
            raise ValueError(
                f"{self.type}: every input either replaces or has its own steps for a change, not both: "
                f"{sorted((self.replaces | region) ^ (self.inputs - self.updatable))}"
            )

    @cached_property
    def updates(self) -> dict[frozenset[str], tuple[Step, ...]]:
        """The update table with its keys taken apart."""
        return {frozenset(names.replace(" ", "").split(",")): steps for names, steps in self.update.items()}

    @cached_property
    def updatable(self) -> frozenset[str]:
        """Inputs that change in place."""
        return self.settings.union(
            *self.updates, {each.property for each in self.each}, {tags.property for tags in self.tags}
        )

    @cached_property
    def inputs(self) -> frozenset[str]:
        """Every input the row takes."""
        steps = [*self.create, *(step for steps in self.updates.values() for step in steps)]
        used = {name for step in steps for name in step.uses() if not name.startswith("_")}
        prepared = set(self.prepare.uses) if self.prepare else set()
        region = {"region"} if self.regional else set()
        return self.updatable.union(used, prepared, region, {self.auto_name} - {""})

    @cached_property
    def readable(self) -> frozenset[str]:
        """Inputs whose live value can be read."""
        read = {name for read in self.reads for name in read.properties}
        own = {each.property for each in self.each} | {tags.property for tags in self.tags}
        return self.inputs & (read | own)

    @cached_property
    def outputs(self) -> frozenset[str]:
        """Every property of the state."""
        read = {name for read in self.reads for name in read.properties if not name.startswith("_")}
        tags = {"tagsAll"} if any(tags.property == "tags" for tags in self.tags) else set()
        prepared = self.prepare.outputs if self.prepare else ()
        return self.inputs.union(read, self.remembered, prepared, tags)


def regional(row: Row) -> Row:
    """The row with its own input `region`; left out, it is the provider's."""
    first, *rest = row.reads
    region = Taken("", lambda answer, known, api: api.region)
    reads = (replace(first, properties={**first.properties, "region": region}), *rest)
    return replace(
        row,
        regional=True,
        reads=reads,
        computed=row.computed | {"region"},
        replaces=row.replaces | {"region"},
    )


@dataclass(frozen=True)
class Function:
    """A data source: its token, the arguments it takes, and what answers it."""

    token: str
    arguments: frozenset[str]
    run: Callable[[Any, Properties], Properties]


@dataclass(frozen=True)
class Package:
    """Everything one fake provider serves."""

    name: str
    version: str
    rows: Mapping[str, Row]
    functions: Mapping[str, Function]
    settings: frozenset[str]
    connect: "Callable[[str, Properties], Any]"
