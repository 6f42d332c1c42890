"""Escapes for GitHub's Markdown and for Mermaid, as nothing that a stack file names may become markup."""

import re

# CommonMark takes a backslash before any of its punctuation.
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:])")
_ZERO_WIDTH_SPACE = "\u200b"
# What GitHub makes a link, a mention or a reference of, wherever it stands.
_LINKED = re.compile(r"(?<=@)(?=\w)|(?<=#)(?=\d)|(?<=:)(?=//)|(?<=www)(?=\\?\.)", re.IGNORECASE)
_PLAIN_IN_MERMAID = re.compile(r"[^A-Za-z0-9 .,/_-]")


class Markup(str):
    """Markdown that was escaped already, or is our own."""


def escape(value: object) -> object:
    """For `finalize` of a Jinja environment: everything that a template inserts, in one line."""
    if isinstance(value, Markup):
        return value
    text = " ".join(str(value).split())
    text = _LINKED.sub(_ZERO_WIDTH_SPACE, text)
    text = _PUNCTUATION.sub(r"\\\1", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mermaid(value: object) -> Markup:
    """The inside of a quoted Mermaid label: every special character by its number."""
    text = " ".join(str(value).split())
    return Markup(_PLAIN_IN_MERMAID.sub(lambda found: f"#{ord(found.group())};", text))
