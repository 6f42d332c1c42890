"""From what Pulumi read to models: the entries that are well-formed, and a problem for each that is not.

Pulumi hands lists and maps over as JSON text, and every scalar at the top level as text. A refused value is
taken out alone (with the smallest thing around it that can be missed), so that it hides no other mistake.
"""

import copy
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from iam_hardening.config.errors import Path, Problem, key_text, sentence_for
from iam_hardening.config.schema import Section

_SECRET = (
    "is a secret (secure:), and nothing in this file is one: it would stand readable in policies and "
    "outputs. Set it again with --plaintext"
)

S = TypeVar("S", bound=Section)


def value_of(written: Any) -> Any:
    """A top-level value, out of its JSON text where it is a list or a map."""
    if isinstance(written, str) and written[:1] in ("[", "{"):
        try:
            return from_json(written)
        except ValueError:
            return written
    return "" if written is None else _with_text_keys(written)


def _with_text_keys(value: Any) -> Any:
    """As Pulumi would hand it over: every key is text, and what JSON does not know is, too."""
    if isinstance(value, Mapping):
        return {_text(key): _with_text_keys(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_with_text_keys(entry) for entry in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _text(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def parse(
    model: type[S], values: Mapping[str, Any], namespace: str, secret_keys: Collection[str]
) -> tuple[S, list[Problem], frozenset[Path]]:
    """The model from the well-formed entries, a problem for each of the others, and their places."""
    remaining = copy.deepcopy(dict(values))
    problems: list[Problem] = []
    places: set[Path] = set()
    for path in _secrets(remaining, namespace, secret_keys):
        problems.append(Problem(key_text(namespace, path), _SECRET))
        places.add(path)
        _take_out(model, remaining, path)
    try:
        return model.model_validate(remaining), problems, frozenset(places)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
    for error in errors:
        path, prefix = error["loc"], ""
        if path[-1] == "[key]":
            path, prefix = path[:-1], "the name "
        sentence = prefix + sentence_for(error, _known_keys(model, path[:-1]))
        problems.append(Problem(key_text(namespace, path), sentence))
        if path not in places:
            places.add(path)
            _take_out(model, remaining, path)
    return _what_is_left(model, remaining), problems, frozenset(places)


def _what_is_left(model: type[S], remaining: dict[str, Any]) -> S:
    """Without what only a refused value would have made right: that is no mistake of the file."""
    while True:
        try:
            return model.model_validate(remaining)
        except ValidationError as invalid:
            for error in invalid.errors(include_url=False):
                _take_out(model, remaining, error["loc"])


def _secrets(values: Mapping[str, Any], namespace: str, secret_keys: Collection[str]) -> list[Path]:
    """Pulumi says only which top-level keys hold a secret; a file read without Pulumi shows where."""
    decrypted: list[Path] = [(key,) for key in values if f"{namespace}:{key}" in secret_keys]
    return [*decrypted, *encrypted(values, ())]


def encrypted(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where values are that only Pulumi can read (`secure:`)."""
    if isinstance(value, dict) and list(value) == ["secure"] and isinstance(value["secure"], str):
        yield path
    elif isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for part, entry in entries:
            yield from encrypted(entry, (*path, part))


def _take_out(model: type[BaseModel], values: dict[str, Any], path: Path) -> None:
    """Delete the smallest thing at or around the path that the model can do without."""
    annotation: Any = model
    container: Any = values
    deletable: tuple[dict[str, Any], str] | None = None
    for part in path[:-1]:
        deletable = _deletable(annotation, container, part) or deletable
        try:
            annotation, container = _annotation_of(annotation, part), container[part]
        except (KeyError, IndexError):
            # Taken out before, for another mistake in it.
            return
    deletable = _deletable(annotation, container, path[-1]) or deletable
    if deletable:
        holder, key = deletable
        del holder[key]


def _deletable(annotation: Any, container: Any, part: str | int) -> tuple[dict[str, Any], str] | None:
    if isinstance(container, dict) and part in container and _can_lack(annotation, container, str(part)):
        return container, str(part)
    return None


def _can_lack(annotation: Any, container: Mapping[str, Any], key: str) -> bool:
    """Whether a section is still complete, or a mapping of names not empty, without one of its keys."""
    if not _is_model(annotation):
        return len(container) > 1
    return not any(field.alias == key and field.is_required() for field in annotation.model_fields.values())


def _known_keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that are known at a place in the file, for «did you mean»."""
    annotation: Any = model
    for part in path:
        annotation = _annotation_of(annotation, part)
    if not _is_model(annotation):
        return []
    return sorted(str(field.alias) for field in annotation.model_fields.values())


def _annotation_of(annotation: Any, part: str | int) -> Any:
    """The type of what stands at one key, or in one place, of a value of the given type."""
    if _is_model(annotation):
        types = {field.alias: field.annotation for field in annotation.model_fields.values()}
        return _without_wrapping(types.get(str(part)))
    arguments = get_args(annotation)
    return _without_wrapping(arguments[-1]) if arguments else None


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _without_wrapping(annotation: Any) -> Any:
    """`Annotated[X, …]` and `X | None` → X."""
    while get_args(annotation) and get_origin(annotation) not in (list, dict):
        annotation = get_args(annotation)[0]
    return annotation
