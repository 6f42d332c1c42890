"""Every link of every document leads to a file that is there, and to a heading that is in it.

Addresses outside the repository are not called: tests send no traffic there.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt

from tests.stack_files import ROOT

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "tools/**/*.md", "tests/**/*.md")
    for path in ROOT.glob(pattern)
)
# A file of the repository, as prose names it: `iam_hardening/config/values.py`, `docs/claims.md`.
PATH = re.compile(r"(?:components|docs|examples|iam_hardening|rehearsal|tests|tools)/[\w./-]*\w")
# It reports earlier versions, whose files have moved.
HISTORY = {"CHANGELOG.md"}


def links(text: str) -> Iterator[str]:
    for block in MarkdownIt().enable("table").parse(text):
        for token in block.children or []:
            target = token.attrs.get("href") or token.attrs.get("src")
            if target:
                yield str(target)


def paths_in_code(text: str) -> Iterator[str]:
    for block in MarkdownIt().enable("table").parse(text):
        for token in block.children or []:
            if token.type == "code_inline" and PATH.fullmatch(token.content):
                yield token.content


def anchors(text: str) -> set[str]:
    """The headings as a link names them on GitHub: lower case, hyphens for blanks, other signs dropped."""
    found: set[str] = set()
    tokens = MarkdownIt().parse(text)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            words = "".join(each.content for each in inline.children or [])
            slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            found.add(slug if slug not in found else f"{slug}-1")
    return found


def broken(document: Path, text: str) -> list[str]:
    """The links of a document that lead nowhere."""
    found = []
    for target in links(text):
        address = urlsplit(target)
        if address.scheme or address.netloc:
            continue
        path = document.parent / unquote(address.path) if address.path else document
        if not path.exists():
            found.append(target)
        elif address.fragment and path.suffix == ".md":
            within = text if path == document else path.read_text()
            if address.fragment not in anchors(within):
                found.append(target)
    if document.name not in HISTORY:
        found += [f"`{name}`" for name in paths_in_code(text) if not (ROOT / name).exists()]
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    assert broken(document, document.read_text()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[gone](docs/gone.md)", ["docs/gone.md"]),
        ("[here](docs/claims.md#no-such-heading)", ["docs/claims.md#no-such-heading"]),
        ("[here](#no-such-heading)\n\n# A heading", ["#no-such-heading"]),
        ("| a |\n|---|\n| [gone](gone.md) |", ["gone.md"]),
        ("![gone](docs/gone.png)", ["docs/gone.png"]),
        ("`iam_hardening/gone.py`", ["`iam_hardening/gone.py`"]),
        ("[fine](docs/claims.md) [fine](#a-heading) [fine](https://example.com/gone)\n\n# A `heading`", []),
    ],
)
def test_a_link_that_leads_nowhere_is_found(text: str, found: list[str]) -> None:
    assert broken(ROOT / "README.md", text) == found
