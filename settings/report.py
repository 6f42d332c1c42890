"""How a stack file's mistakes are told: all of them at once, each with key, value and what is allowed."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

_SHOWN_VALUE_CHARACTERS = 60


@dataclass(frozen=True)
class Problem:
    """One mistake: the key as it stands in the stack file, and a sentence that says what is allowed."""

    key: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.key}: {self.sentence}"


class ConfigError(Exception):
    """A stack file that cannot be used. `problems` holds every mistake that was found in it."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{file} has {count}; nothing was changed:\n{lines}")


def shown(value: Any) -> str:
    """The value as a reader would recognise it, cut short; text in quotes, so that spaces show."""
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN_VALUE_CHARACTERS else text[: _SHOWN_VALUE_CHARACTERS - 1] + "…"


def nearest(word: str, known: list[str]) -> str:
    """` (did you mean "groups"?)`, or what is known where nothing is near."""
    lower = {name.lower(): name for name in known}
    match = get_close_matches(word.lower(), list(lower), n=1, cutoff=0.6)
    if match:
        return f'did you mean "{lower[match[0]]}"?'
    return f"known here: {', '.join(known)}" if known else "nothing is known here"


_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of names",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def sentence_for(error: ErrorDetails, known_keys: list[str]) -> str:
    """A pydantic error in the words of this project."""
    kind, found, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key; {nearest(str(error['loc'][-1]), known_keys)}"
    if kind == "missing":
        return "is missing"
    if kind in _WANTED:
        return f"is {shown(found)} where {_WANTED[kind]} is expected"
    if kind == "literal_error":
        return f"is {shown(found)}; allowed: {context['expected'].replace(' or ', ', ')}"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']}" if kind == "greater_than_equal" else f"at most {context['le']}"
        return f"is {shown(found)}; it must be {bound}"
    if kind in ("too_short", "too_long"):
        return f"holds {context['actual_length']} entries; {error['msg'].split(' after')[0].lower()}"
    return error["msg"]
