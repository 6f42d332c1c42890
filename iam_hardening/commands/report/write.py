"""The two files: what a rehearsal recorded, put into the templates."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from iam_hardening.commands.report import controls, drawing, markdown, matrix
from iam_hardening.commands.report.recorded import Rehearsed

_TEMPLATES = Path(__file__).with_name("templates")
# Of a comment on GitHub, in characters.
COMMENT_LIMIT = 65_536


def html(recorded: Rehearsed) -> str:
    """One file that asks for nothing: its content security policy allows this very style sheet alone."""
    style = (_TEMPLATES / "report.css").read_text()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = _environment(autoescape=True)
    return environment.get_template("report.html.j2").render(
        **_found(recorded),
        style=Markup(style),
        style_digest=digest,
        drawing=drawing.draw(recorded.access_graph),
    )


def pull_request(recorded: Rehearsed) -> str:
    """The same in GitHub's Markdown. Where a comment could not hold it all, claims are counted instead."""
    environment = _environment(autoescape=False)
    environment.finalize = markdown.escape
    environment.filters |= {"mermaid": markdown.mermaid, "own": markdown.Markup}
    template = environment.get_template("report.md.j2")
    found = _found(recorded)
    for counted in ((), ("other findings",), ("other findings", "matrix")):
        text = template.render(**found, counted=counted)
        if len(text) <= COMMENT_LIMIT:
            break
    return text


def _environment(*, autoescape: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _found(recorded: Rehearsed) -> dict[str, object]:
    titles = {node.id: node.title for node in recorded.access_graph.nodes}
    accounts = {each.name: each.title for each in recorded.access_graph.accounts}
    where = {node.id: accounts[node.account] for node in recorded.access_graph.nodes}
    return {
        "recorded": recorded,
        "false_claims": [claim for claim in recorded.claims if not claim.holds],
        "tables": matrix.tables(recorded.claims),
        "others": matrix.other_findings(recorded.claims),
        "controls": controls.shown(recorded.claims),
        "titles": titles,
        "where": where,
        "accounts_compared": list(dict.fromkeys(name for each in recorded.comparison for name in each.found)),
        "longest": max([*recorded.phases.values(), *recorded.scenarios.values()], default=0) or 1,
    }
