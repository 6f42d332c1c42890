"""A small rehearsal as the report reads it, with names that a test chooses."""

import json
from dataclasses import asdict
from typing import Any

from iam_hardening import config
from iam_hardening.claims.access_graph import AccessGraph, access_graph
from tests.stack_files import PROJECT, STACKS, config_of, handed_over

HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</style></title></svg>",
    "a|b`c`*d*_e_[f](https://example.org)![g](www.example.org)",
    "two\n\n# lines\n```\n<details>",
    "@somebody #1 {{ 7 * 7 }} {% raw %} &lt;b&gt;",
    "\\| \\` \\<",
)


def graph_of_shipped() -> AccessGraph:
    """Of the stack files in the tree."""
    return access_graph(
        {stack: config.load(handed_over(config_of(stack)), project=PROJECT, stack=stack) for stack in STACKS}
    )


def a_claim(**changes: Any) -> dict[str, Any]:
    return {
        "scenario": "First day of Ada",
        "who": "Ada",
        "mfa": "no MFA",
        "call": "iam:ListUsers",
        "resource": "*",
        "account": "central",
        "claimed": "refused",
        "found": "refused",
        "reason": "the wall stands",
        "holds": True,
        "detail": "",
        **changes,
    }


def a_report(*more: dict[str, Any], named: str | None = None) -> dict[str, Any]:
    """Four claims, those of `more`, and with `named` one whose every text is that."""
    finding = {"who": "deployer", "mfa": "-", "scenario": "Account defaults"}
    claims = [
        a_claim(mfa="MFA", claimed="allowed", found="allowed", reason="granted by the file"),
        a_claim(who="instance", mfa="-", scenario="Instance x", account="dev", reason="no such grant"),
        a_claim(**finding, call="ec2:CreateVolume", claimed="True", found="True", reason="encrypted"),
        a_claim(**finding, call="pulumi up", claimed="undone", found="undone", reason="the file says it"),
        *more,
    ]
    drawn = json.loads(json.dumps(asdict(graph_of_shipped())))
    compared = {
        "what": "a password",
        "reason": "short",
        "found": {"untouched account": "ok", "dev": "refused"},
    }
    if named is not None:
        words = ("scenario", "who", "call", "resource", "account", "found", "reason", "detail")
        texts = dict.fromkeys(words, named)
        claims.append(a_claim(**texts, holds=False))
        drawn["accounts"][0]["title"] = named
        drawn["nodes"][0] |= {"title": named, "details": [named]}
        drawn["edges"][0]["label"] = named
        compared = {"what": named, "reason": named, "found": {named: named}}
    plain = named or "a note"
    return {
        "holds": all(claim["holds"] for claim in claims),
        "ended": "2026-01-02 03:04 UTC",
        "providers": "fake",
        "unproved": ["much", plain],
        "seconds": 12.5,
        "phases": {plain: 2.0},
        "scenarios": {"Account defaults": 0.5},
        "notes": [plain],
        "claims": claims,
        "access_graph": drawn,
        "comparison": [compared],
    }
