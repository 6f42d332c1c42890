"""The report's structure: nothing is left out, nothing comes from outside, and no name becomes markup.

How it looks is seen by a person; `tests/browser` has what only a browser can tell.
"""

import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import asdict
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from iam_hardening.commands.report import controls, matrix, write
from iam_hardening.commands.report import run as report
from iam_hardening.commands.report.markdown import escape, mermaid
from iam_hardening.commands.report.recorded import Rehearsed
from tests.options import options
from tests.unit.reports import HOSTILE, a_claim, a_report, graph_of_shipped

_CSS = Path(write.__file__).with_name("templates") / "report.css"
_VOID = {"meta", "br", "wbr"}


class Page(HTMLParser):
    """Elements in order, the text in each, and whether they are nested as they should be."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = [""]
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "wbr":  # where a line may break: inside a word
            return
        self.text.append("")
        self.elements.append((tag, dict(attrs)))
        assert len({name for name, _ in attrs}) == len(attrs)
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self.text.append("")

    def handle_data(self, data: str) -> None:
        self.text[-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def _page(report: dict[str, Any]) -> Page:
    return Page(write.html(Rehearsed.model_validate(report)))


def _markdown(report: dict[str, Any]) -> str:
    return write.pull_request(Rehearsed.model_validate(report))


def test_every_claim_is_in_the_page_with_its_call_reason_and_verdict() -> None:
    report = a_report()
    words = _page(report).words
    for claim in report["claims"]:
        assert claim["call"] in words
        assert claim["reason"] in words
        assert claim["found"] in words


def test_every_claim_is_in_one_of_the_tables_once() -> None:
    report = a_report()
    html = write.html(Rehearsed.model_validate(report))
    assert [html.count(claim["reason"]) for claim in report["claims"]] == [1] * len(report["claims"])


def test_people_machines_policies_and_doors_have_tables_of_their_own() -> None:
    more = [
        a_claim(who="policy self-service", mfa="MFA"),
        a_claim(who="role reader", mfa="-", call="sts:AssumeRole by EC2", resource="-"),
        a_claim(who="key seal", mfa="-", call="kms:Decrypt by EC2", resource="-"),
        a_claim(who="topic alarms", mfa="-", call="sns:Publish by EC2", resource="t"),
    ]
    tables = {table.title: table for table in matrix.tables(Rehearsed.model_validate(a_report(*more)).claims)}
    assert list(tables) == [
        "Account central: people",
        "Account dev: machines and tokens",
        "Account central: single policies",
        "Account central: trust and resource policies",
    ]
    policy_claims = tables["Account central: trust and resource policies"]
    assert [persona.who for persona in policy_claims.personas] == ["allows"]
    assert [(row.call, row.resource) for row in policy_claims.rows] == [
        ("kms:Decrypt by EC2", "key seal"),
        ("sns:Publish by EC2", "topic alarms: t"),
        ("sts:AssumeRole by EC2", "role reader"),
    ]


def test_a_false_claim_is_reported_first_and_where_it_belongs() -> None:
    report = a_report(a_claim(found="allowed", holds=False, detail="it should not have been"))
    page = _page(report)
    assert "1 of 5 claims are false" in page.words
    assert "false" in [attributes.get("id") for attributes in page.all("section")]
    assert "it should not have been" in page.words
    assert "claimed refused" in page.words
    assert "All 5 claims hold" not in page.words
    assert "1 of 5 claims are false" in _markdown(report)


def test_of_several_calls_in_one_cell_the_false_one_is_shown() -> None:
    report = a_report(a_claim(), a_claim(found="allowed", holds=False))
    assert "✗ allowed 2 calls" in _page(report).words


def test_the_page_asks_for_nothing_from_anywhere() -> None:
    page = _page(a_report())
    assert {name for name, _ in page.elements} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "form",
    } == set()
    for _, attributes in page.elements:
        assert not {"src", "srcset", "style", "action", "data"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
    css = _CSS.read_text()
    assert "url(" not in css
    assert "@import" not in css


def test_the_content_security_policy_allows_this_style_sheet_and_nothing_else() -> None:
    html = write.html(Rehearsed.model_validate(a_report()))
    style = html.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policies = [
        attributes["content"]
        for attributes in Page(html).all("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]


def test_ids_are_unique_and_every_reference_leads_somewhere() -> None:
    page = _page(a_report(a_claim(found="allowed", holds=False)))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    for _, attributes in page.elements:
        if (attributes.get("href") or "").startswith("#"):
            assert (attributes["href"] or "")[1:] in ids
        for name in (attributes.get("aria-labelledby") or "").split():
            assert name in ids


def test_tables_have_captions_and_headers_and_can_be_scrolled_with_the_keyboard() -> None:
    html = write.html(Rehearsed.model_validate(a_report()))
    page = Page(html)
    tables = page.all("table")
    assert len(page.all("caption")) == len(tables) > 5
    assert {attributes.get("scope") for attributes in page.all("th")} == {"col", "row"}
    for before, _ in pairwise(html.split("<table>")):
        opening = before.rstrip().rsplit("\n", 1)[-1]
        assert 'role="region"' in opening
        assert 'tabindex="0"' in opening
        assert "aria-label" in opening


def test_there_are_landmarks_one_first_heading_and_no_level_is_skipped() -> None:
    page = _page(a_report())
    names = [name for name, _ in page.elements]
    assert [names.count(name) for name in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    levels = [int(name[1]) for name in names if re.fullmatch(r"h[1-6]", name)]
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert page.all("html") == [{"lang": "en"}]


def test_the_drawing_has_a_name_and_the_same_in_words() -> None:
    page = _page(a_report())
    images = [attributes for attributes in page.all("svg") if attributes.get("aria-hidden") != "true"]
    assert [attributes["role"] for attributes in images] == ["img"]
    assert images[0]["aria-labelledby"] == "drawing-title drawing-text"
    access_graph = graph_of_shipped()
    for node in access_graph.nodes:
        assert page.words.count(node.title) >= 2
    for edge in access_graph.edges:
        assert edge.label in page.words


def test_a_verdict_is_reported_by_words_and_not_by_colour_alone() -> None:
    html = write.html(Rehearsed.model_validate(a_report()))
    marks = re.findall(r'class="mark [^"]*">([^<]*)<', html)
    assert marks
    assert all(re.search(r"[a-z]{3}", mark) for mark in marks)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_name_becomes_markup_in_the_page(hostile: str) -> None:
    plain, hostile_page = _page(a_report(named="plain")), _page(a_report(named=hostile))
    assert [name for name, _ in hostile_page.elements] == [name for name, _ in plain.elements]
    assert [sorted(attributes) for _, attributes in hostile_page.elements] == [
        sorted(attributes) for _, attributes in plain.elements
    ]
    assert " ".join(hostile.split()) in hostile_page.words


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_name_becomes_markup_in_the_markdown(hostile: str) -> None:
    plain, text = _markdown(a_report(named="plain")), _markdown(a_report(named=hostile))
    assert len(text.splitlines()) == len(plain.splitlines())
    own_tags = re.compile(r"</?(?:details|summary)>|<br/>")
    for line, plain_line in zip(text.splitlines(), plain.splitlines(), strict=True):
        assert len(re.findall(r"(?<!\\)\|", line)) == len(re.findall(r"(?<!\\)\|", plain_line))
        assert line.count("`") - line.count("\\`") == plain_line.count("`")
        assert own_tags.findall(line) == own_tags.findall(plain_line)
        assert "<" not in own_tags.sub("", line)
    outside_mermaid = re.sub(r"```mermaid\n.*?```", "", text, flags=re.DOTALL)
    assert not re.search(r"https?://|www\.|@[A-Za-z]|(?<!\\)!\[|(?<!\\)\]\(", outside_mermaid)


def test_escaped_markdown_reads_as_it_was_meant() -> None:
    assert escape("iam:GetUser on user/a_b") == r"iam\:GetUser on user/a\_b"
    assert escape("two\nlines") == "two lines"
    assert escape(3) == "3"


def test_a_report_too_long_for_a_comment_counts_what_holds_and_still_lists_what_is_false() -> None:
    many = [a_claim(call=f"s3:Action{number}", resource="x" * 100) for number in range(1000)]
    text = _markdown(a_report(*many, a_claim(call="s3:Slipped", found="allowed", holds=False)))
    assert len(text) <= write.COMMENT_LIMIT
    assert "Action7 " not in text
    assert "Slipped" in text
    assert "| 1002 | 1 | 1000 | 1 |" in text


def test_a_report_that_fits_a_comment_lists_every_claim() -> None:
    text = _markdown(a_report(*[a_claim(call=f"s3:Action{number}") for number in range(20)]))
    assert all(f"Action{number} " in text for number in range(20))


def test_a_label_in_mermaid_has_no_character_that_means_something() -> None:
    assert mermaid('a"]\n--> b') == "a#34;#93; --#62; b"


def test_light_and_dark_have_enough_contrast() -> None:
    css = _CSS.read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    on = {
        "text": ("ground", "surface", "sunken"),
        "dim": ("ground", "surface", "sunken"),
        "link": ("ground", "surface"),
        "good": ("good-ground",),
        "bad": ("bad-ground",),
        "stop": ("stop-ground",),
    }
    for scheme in (light, dark.split("@media")[0]):
        colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", scheme))
        for text, grounds in on.items():
            for ground in grounds:
                assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for line in ("good", "stop", "short", "strong-line"):
            assert _contrast(colours[line], colours["sunken"]) >= 3, line


def _contrast(one: str, other: str) -> float:
    """Source: WCAG 2.2, relative luminance and contrast ratio."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_control_is_shown_by_its_claims_and_not_by_a_false_one() -> None:
    claims = Rehearsed.model_validate(a_report()).claims
    by_ids = {each.control.ids: each for each in controls.shown(claims)}
    volumes = by_ids["CIS 5.0 5.1.1, CIS 6.0 6.1.1, CIS 7.0 6.1.1, EC2.7"]
    assert volumes.holds
    assert volumes.scenarios == {"Account defaults": 1}
    assert not by_ids["CIS 5.0 2.1.4, CIS 6.0 3.1.4, CIS 7.0 3.1.4, S3.1, S3.8"].by
    false = [claim.model_copy(update={"holds": False}) for claim in claims]
    assert not {each.control.ids: each for each in controls.shown(false)}[volumes.control.ids].holds


def test_every_control_says_what_shows_it() -> None:
    for control in controls.known():
        assert control.claims or control.otherwise, control.ids


@pytest.mark.parametrize(("holds", "status"), [(True, 0), (False, 1)])
def test_the_exit_status_is_the_rehearsals(tmp_path: Path, holds: bool, status: int) -> None:
    claim = a_claim() if holds else a_claim(found="allowed", holds=False)
    (tmp_path / "r.json").write_text(json.dumps(a_report(claim)))
    assert (
        report.run(**options(["--from", str(tmp_path / "r.json"), "--to", str(tmp_path / "out")])) == status
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "report.md"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("{", "Invalid JSON"),
        (json.dumps({**a_report(), "claims": []}), "claims"),
        (
            json.dumps({key: value for key, value in a_report().items() if key != "access_graph"}),
            "access_graph: Field required",
        ),
        (
            json.dumps({**a_report(), "access_graph": {**asdict(graph_of_shipped()), "nodes": []}}),
            "leads to nowhere",
        ),
    ],
)
def test_a_file_that_is_no_rehearsal_is_reported_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "r.json").write_text(content)
    assert report.run(**options(["--from", str(tmp_path / "r.json"), "--to", str(tmp_path / "out")])) == 2
    reported = capsys.readouterr().err
    assert said in reported
    assert "iam-hardening report" in reported
    assert not (tmp_path / "out").exists()
