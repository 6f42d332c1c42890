"""Runs a row: makes, reads, changes and deletes one resource through an `Api`.

A create that fails after its first call takes the thing away again. If that fails too, or an update stops
half-way, `HalfDoneError` carries what is there now, so that the next `pulumi up` starts from the truth.
"""

import itertools
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.providers.comparing import changed_inputs, is_empty, live_in_users_terms, not_empty
from rehearsal.providers.rows import (
    ID,
    ITEM,
    Api,
    Argument,
    Each,
    FakeProviderError,
    Field,
    GoneError,
    ListOf,
    Literal,
    Made,
    Row,
    Step,
    Sweep,
    Switch,
    Tags,
    Taken,
    Wait,
)
from rehearsal.providers.values import DEFAULTED, Properties

_unique = itertools.count(1)


@dataclass
class Live:
    """A resource as it is now: its id, its state and the inputs that would make it so."""

    id: str
    outputs: Properties
    inputs: Properties


class HalfDoneError(FakeProviderError):
    """A create or update that stopped half-way, with what is there now."""

    def __init__(self, reason: str, live: Live) -> None:
        super().__init__(reason)
        self.live = live


class Lifecycle:
    """One row on one connection."""

    def __init__(self, row: Row, api: Api, is_ignored: Callable[[str], bool] = lambda key: False) -> None:
        """`is_ignored` is of a tag's key (`aws:ignoreTags`): such tags are neither seen nor touched."""
        self.row = row
        self.api = api
        self._is_ignored = is_ignored

    def create(self, inputs: Properties) -> Live:
        """Make the resource.

        :raises FakeProviderError: nothing was made.
        :raises HalfDoneError: something was made and could not be taken away.
        """
        properties = {
            name: value
            for name, value in inputs.items()
            if name not in self.row.sent_with or inputs.get(self.row.sent_with[name])
        }
        if self.row.prepare:
            properties |= self.row.prepare.make(properties)
        first, *rest = self.row.create
        answer = self._run(first, properties)
        fields = answer if isinstance(answer, dict) else {}
        id = _fill(self.row.id, {**properties, **fields, "unique": _unique_id()})
        properties |= {name: _at(fields, path) for name, path in self.row.remembered.items()}
        try:
            for step in rest:
                self._run(step, properties, id)
            for each in self.row.each:
                self._change_items(each, [], properties.get(each.property) or [], properties, id)
            for tags in self.row.tags:
                self._change_tags(tags, {}, properties.get(tags.property) or {}, properties, id)
            return self.read(id, properties, inputs)
        except Exception as failure:
            self._take_away(id, properties, inputs, failure)
            raise

    def read(self, id: str, state: Properties, inputs: Properties) -> Live:
        """The resource as it is now; with no inputs (an import), every input that a program could have given.

        :raises GoneError: it is not there.
        """
        importing = not inputs
        given = inputs or {**self.row.defaults, **self.row.from_id(id)}
        live = self._live(id, {**state, **given})
        outputs = {name: state[name] for name in self._kept_outputs() if name in state}
        outputs |= {name: given[name] for name in self.row.inputs - self.row.readable if name in given}
        current = {name: given[name] for name in given if name not in self.row.readable}
        for name in self.row.readable:
            value = live.get(name)
            if name in inputs:
                value = live_in_users_terms(self.row, name, inputs[name], value)
                live[name] = live[name] if name in self.row.computed else value
                current[name] = value
            elif (importing or name not in self.row.computed) and not is_empty(value):
                current[name] = value
        outputs |= {name: value for name, value in live.items() if not name.startswith("_")}
        return Live(id, not_empty(outputs), {name: v for name, v in current.items() if v is not None})

    def update(self, id: str, state: Properties, old: Properties, new: Properties) -> Live:
        """Make every changed input so.

        :raises HalfDoneError: with what is there now.
        """
        old = last_known(self.row, old, state)
        changed = changed_inputs(self.row, old, new)
        kept = {name: state[name] for name in state if name not in self.row.inputs}
        properties = {**kept, **new}
        cleared = {name: type(old[name])() for name in changed if old.get(name) and new.get(name) is None}
        try:
            for names, steps in self.row.updates.items():
                if names & changed:
                    for step in steps:
                        self._run(step, properties, id, cleared=cleared)
                    id = self._id_after(names, id, new)
            for each in self.row.each:
                if each.property in changed:
                    before, after = old.get(each.property) or [], new.get(each.property) or []
                    self._change_items(each, before, after, properties, id)
            for tags in self.row.tags:
                if tags.property in changed:
                    before, after = old.get(tags.property) or {}, new.get(tags.property) or {}
                    self._change_tags(tags, before, after, properties, id)
            return self.read(id, properties, new)
        except FakeProviderError as failure:
            try:
                live = self.read(id, {**kept, **old}, old)
            except FakeProviderError:
                live = Live(id, state, old)
            raise HalfDoneError(str(failure), live) from failure

    def delete(self, id: str, state: Properties) -> None:
        """Take the resource away; what is already gone is skipped."""
        for each in self.row.each:
            self._change_items(each, state.get(each.property) or [], [], state, id)
        for step in self.row.delete:
            try:
                self._run(step, state, id)
            except GoneError:
                continue

    def _id_after(self, changed: Collection[str], id: str, new: Properties) -> str:
        """The id once these inputs are changed: another one where it is one of them. The engine goes on with
        the old one."""
        named = re.fullmatch(r"\{(\w+)\}", self.row.id)
        return str(new[named[1]]) if named and named[1] in changed else id

    def _kept_outputs(self) -> frozenset[str]:
        """Outputs that no read has: what the create answered and what the provider made itself."""
        read = {name for read in self.row.reads for name in read.properties}
        return frozenset(self.row.outputs - self.row.inputs - read - {"tagsAll"})

    def _live(self, id: str, known: Properties) -> Properties:
        live: Properties = {}
        for read in self.row.reads:
            so_far = {**known, **not_empty(live)}
            try:
                answer = self._run(read.call, so_far, id)
            except GoneError:
                if not read.optional:
                    raise
                answer = {}
            for name, where in read.properties.items():
                path = where.path if isinstance(where, Taken) else where
                value = _at(answer, path)
                live[name] = where.shape(value, so_far, self.api) if isinstance(where, Taken) else value
        for each in self.row.each:
            live[each.property] = self._live_items(each, {**known, **live}, id)
        for tags in self.row.tags:
            found = self._live_tags(tags, {**known, **live}, id)
            live[tags.property] = found
            if tags.property == "tags":
                live["tagsAll"] = found
        return live

    def _live_items(self, each: Each, known: Properties, id: str) -> list[Any]:
        items = [each.item(element) for element in self._run(each.live, known, id) or []]
        if not each.exclusive:
            named = known.get(each.property) or []
            items = [item for item in items if item in named]
        return items

    def _live_tags(self, tags: Tags, known: Properties, id: str) -> dict[str, str]:
        found = self._all_tags(tags, known, id)
        return {key: value for key, value in found.items() if not self._is_ignored(key)}

    def _all_tags(self, tags: Tags, known: Properties, id: str) -> dict[str, str]:
        # Tags under "aws:" are AWS's own; no one can set or remove them.
        found = self._run(tags.live, known, id) or []
        name, content = tags.spelling
        pairs = found if isinstance(found, dict) else {tag[name]: tag[content] for tag in found}
        return {key: value for key, value in pairs.items() if not key.startswith("aws:")}

    def _change_items(self, each: Each, old: Any, new: Any, properties: Properties, id: str) -> None:
        before, after = each.items(old), each.items(new)
        for item in [item for item in before if item not in after]:
            try:
                self._run(each.remove, properties, id, item)
            except GoneError:
                continue
        for item in [item for item in after if item not in before]:
            self._run(each.add, properties, id, item)

    def _change_tags(
        self, tags: Tags, old: Mapping[str, str], new: Mapping[str, str], properties: Properties, id: str
    ) -> None:
        dropped = sorted(set(old) - set(new))
        name, content = tags.spelling
        put = [{name: key, content: value} for key, value in sorted(new.items()) if old.get(key) != value]
        if tags.whole and (dropped or put):
            kept = {k: v for k, v in self._all_tags(tags, properties, id).items() if self._is_ignored(k)}
            properties = {**properties, tags.property: {**kept, **new}}
        if dropped:
            keys = [{name: key} for key in dropped] if tags.keys_as_tags else dropped
            self._run(tags.untag, properties, id, keys)
        if put:
            self._run(tags.tag, properties, id, put)

    def _take_away(self, id: str, properties: Properties, inputs: Properties, failure: Exception) -> None:
        try:
            self.delete(id, properties)
        except FakeProviderError as second:
            try:
                live = self.read(id, properties, inputs)
            except FakeProviderError:
                live = Live(id, not_empty({n: v for n, v in properties.items() if n in self.row.outputs}), {})
            raise HalfDoneError(f"{failure}; taking it away again failed too: {second}", live) from failure

    def _run(
        self,
        step: Step,
        properties: Properties,
        id: str = "",
        item: Any = None,
        cleared: Mapping[str, Any] | None = None,
    ) -> Any:
        if isinstance(step, Switch):
            step = step.then if properties.get(step.on) else step.otherwise
        if isinstance(step, Sweep):
            return self._sweep(step, properties, id)
        if isinstance(step, Wait):
            return self.api.wait(step.waiter, self._arguments(step.arguments, properties, id, item))
        if step.needs and not properties.get(step.needs):
            return None
        values = {**properties, **cleared} if step.clears and cleared else properties
        named = {**properties, "id": id, "item": item}
        operation = re.sub(r"\{(\w+)\}", lambda m: str(named[m[1]]), step.operation)
        answer = self.api.call(operation, self._arguments(step.arguments, values, id, item), step.ignore)
        answer = _at(answer, step.result)
        if step.find:
            wanted = {
                name: id if source is ID else properties.get(str(source))
                for name, source in step.find.items()
            }
            matching = [one for one in answer or [] if all(one.get(name) == v for name, v in wanted.items())]
            if not matching:
                raise GoneError(f"{operation} lists nothing with {wanted}")
            return matching[0]
        return answer

    def _sweep(self, sweep: Sweep, properties: Properties, id: str) -> None:
        if sweep.needs and not properties.get(sweep.needs):
            return
        spared = properties.get(sweep.but_not) or []
        listed = self._run(sweep.list, properties, id) or []
        items = [item for item in listed if sweep.where(item) and item not in spared]
        for item in items[sweep.keep :]:
            for call in sweep.steps:
                try:
                    self._run(call, properties, id, item)
                except GoneError:
                    continue

    def _arguments(
        self, arguments: Mapping[str, Argument], properties: Properties, id: str, item: Any
    ) -> dict[str, Any]:
        values = {name: self._value(argument, properties, id, item) for name, argument in arguments.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _value(self, argument: Argument, properties: Properties, id: str, item: Any) -> Any:
        if isinstance(argument, ListOf):
            inner = self._value(argument.argument, properties, id, item)
            return None if inner is None else [inner]
        if isinstance(argument, Literal):
            return argument.value
        if isinstance(argument, Field):
            return item[argument.name]
        if isinstance(argument, Made):
            return argument.make(properties, self.api, id)
        if argument is ID:
            return id
        if argument is ITEM:
            return item
        return properties.get(str(argument))


def last_known(row: Row, inputs: Properties, state: Properties) -> Properties:
    """The inputs as the state has them. They differ where a service did not do as it was asked, and after an
    update that stopped half-way: of it, the engine keeps the inputs from before and the state that was
    reached."""
    reached = {
        name: live_in_users_terms(row, name, inputs.get(name), state.get(name))
        for name in row.readable
        if name in inputs or name not in row.computed
    }
    return {**inputs, **reached}


def check_inputs(
    row: Row, inputs: Properties, make_name: Callable[[], str | None]
) -> tuple[Properties, dict[str, str]]:
    """The inputs with what the provider fills in, and what is wrong with them: property to reason."""
    given = {name: value for name, value in inputs.items() if name != DEFAULTED}
    wrong = {
        name: row.refused.get(name, f"the fake provider's row of {row.type} has no property {name}")
        for name in given
        if name not in row.inputs
    }
    filled = {name: value for name, value in row.defaults.items() if name not in given}
    if row.auto_name and row.auto_name not in given:
        made = make_name()
        if made is None:
            wrong[row.auto_name] = "no name is given, and autonaming is disabled"
        else:
            filled[row.auto_name] = made
    named = set(re.findall(r"\{(\w+)\}", row.id)) & row.inputs
    wrong |= dict.fromkeys(named - given.keys() - filled.keys() - wrong.keys(), "the fake provider needs it")
    return {**given, **filled, DEFAULTED: sorted(filled)}, wrong


def deletes_first(row: Row, new: Mapping[str, Any]) -> bool:
    """Whether a replacement deletes the old one before it makes the new one, as the real providers' bridge
    decides: for some types always, else where the program itself gave the name.

    Source: pulumi-terraform-bridge, `nameRequiresDeleteBeforeReplace`.
    """
    named = row.auto_name in new and row.auto_name not in new.get(DEFAULTED, ())
    return row.deletes_first or named


def _at(answer: Any, path: str) -> Any:
    for part in filter(None, path.split(".")):
        if isinstance(answer, list):
            answer = answer[int(part)] if int(part) < len(answer) else None
        else:
            answer = answer.get(part) if isinstance(answer, dict) else None
    return answer


def _fill(template: str, fields: Mapping[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: str(fields[m[1]]), template)


def _unique_id() -> str:
    return f"terraform-{time.strftime('%Y%m%d%H%M%S', time.gmtime())}{next(_unique):012d}"


def by_template(*names: str, separator: str) -> Callable[[str], Properties]:
    """Import ids such as `group/policyArn`: the separator's first occurrences part the names."""

    def parse(id: str) -> Properties:
        return dict(zip(names, id.split(separator, len(names) - 1), strict=False))

    return parse
