"""How a stack file's mistakes are reported: all of them at once, each with key, value and what is allowed.

Keys are written in Pulumi's path syntax, so that they can be pasted into `pulumi config set --path`. A value
that a stack file keeps as a secret is never shown.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

_SHOWN_VALUE_CHARACTERS = 60
_PLAIN_PATH_PART = re.compile(r"[A-Za-z0-9_-]+")

# Where a value stands below its namespace: `("users", "Bob", "groups", 0)`.
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One mistake: the key as in the stack file, and a sentence that says what is allowed. `is_warning`: what
    may be right in this account, which the file alone does not show."""

    key: str
    sentence: str
    is_warning: bool = False

    def __str__(self) -> str:
        return f"{self.key}: {self.sentence}"


class ConfigError(Exception):
    """A stack file that cannot be used. `problems` holds every mistake that was found in it."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        self.file = file
        self.problems = list(problems)
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{file} has {count}; nothing was changed:\n{lines}")


class ConfigErrors(ConfigError):
    """Several stack files that cannot be used, with all mistakes of each."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        self.errors = list(errors)
        self.file = ", ".join(error.file for error in errors)
        self.problems = [problem for error in errors for problem in error.problems]
        Exception.__init__(self, "\n".join(map(str, errors)))


def key_text(namespace: str, path: Path) -> str:
    """`iam-hardening:users["a.b"].groups[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_PATH_PART.fullmatch(part):
            text += f".{part}"
        else:
            text += f"[{_json(part)}]"
    return f"{namespace}:{text.removeprefix('.')}"


def shown(value: Any) -> str:
    """The value as it would stand in the file, cut short; text in quotes, so that spaces show."""
    text = _json(value)
    return text if len(text) <= _SHOWN_VALUE_CHARACTERS else text[: _SHOWN_VALUE_CHARACTERS - 1] + "…"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # A lone surrogate would break a program that prints or sends the sentence.
    return text.encode("utf-8", "backslashreplace").decode()


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean "groups"?`, or what is known where nothing is near."""
    known = list(known)
    lower = {name.lower(): name for name in known}
    # Never the opposite: a person who followed that would allow what was to be denied.
    opposite = lower.get(word.lower().removeprefix("not"))
    if opposite and opposite.lower() != word.lower():
        return f'it would be the opposite of "{opposite}", and there is no such setting'
    match = get_close_matches(word.lower(), list(lower), n=1, cutoff=0.6)
    if match:
        return f'did you mean "{lower[match[0]]}"?'
    return f"known here: {', '.join(known)}" if known else "nothing is known here"


def is_empty(value: Any) -> bool:
    """Whether a key has no value: Pulumi makes `key:` empty text, and below the top level null."""
    return value is None or value == ""


_WANTED = {
    "string_type": "text",
    "string_unicode": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "list_type": "a list",
    "dict_type": "a mapping of names",
    "model_type": "a mapping",
}


# Section and key → why an entry there does not have what people look for in it.
_ON_PURPOSE: dict[tuple[str | int, str | int], str] = {
    (
        "crossAccountRoles",
        "path",
    ): "is no setting: roles stand at / here, and AWS cannot change a role's path; "
    "another path would be another role. Remove the line",
    (
        "quotas",
        "managedPoliciesPerGroup",
    ): "is no setting: AWS does not raise the 10 of a group. Remove the line",
    ("groups", "path"): "is no setting: groups stand at / here; only users have a path. Remove the line",
}


def sentence_for(error: ErrorDetails, known_keys: Iterable[str]) -> str:
    """A pydantic error in the words of this project."""
    kind, found, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        section, key = error["loc"][0], error["loc"][-1]
        if len(error["loc"]) in (2, 3) and (section, key) in _ON_PURPOSE:
            return _ON_PURPOSE[section, key]
        return f"unknown key; {nearest(str(error['loc'][-1]), known_keys)}"
    if kind == "missing":
        return "is missing"
    if kind in _WANTED:
        return _wrong_type(found, _WANTED[kind])
    if kind == "literal_error":
        allowed = context["expected"].replace("'", "")
        return (
            f"has no value; allowed: {allowed}"
            if is_empty(found)
            else f"is {shown(found)}; allowed: {allowed}"
        )
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']}" if kind == "greater_than_equal" else f"at most {context['le']}"
        return f"is {shown(found)}; it must be {bound}"
    if kind == "too_short":
        return f"is empty; it needs at least {context['min_length']}"
    if kind == "too_long":
        return f"holds {context['actual_length']} entries; at most {context['max_length']} are allowed"
    return error["msg"]


def _wrong_type(found: Any, wanted: str) -> str:
    if is_empty(found):
        return f"has no value; give {wanted}, or remove the key"
    if isinstance(found, str) and found[0] in "[{":
        return f"is the text {shown(found)}, which is not valid JSON; {wanted} is expected"
    if wanted == "a list" and not isinstance(found, dict):
        return f"is {shown(found)} where a list is expected: [{shown(found)}]"
    return f"is {shown(found)} where {wanted} is expected"
