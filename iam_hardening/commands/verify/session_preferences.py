"""Whether shells of Session Manager are as the stack file says: the document in force, and the log group."""

import json
from typing import Any

from iam_hardening import config
from iam_hardening.aws.naming import SESSION_DOCUMENT
from iam_hardening.claims.findings import MISSING, NOTHING, Findings
from iam_hardening.clients.reads import answer_of
from iam_hardening.commands.verify.account import Clients
from iam_hardening.config import Settings

_WHY = {
    "idleSessionTimeout": "an abandoned shell ends",
    "maxSessionDuration": "a shell outlives the credentials that opened it",
    "runAsEnabled": "ssm-user is root by sudo",
    "runAsDefaultUser": "ssm-user is root by sudo",
    "cloudWatchLogGroupName": "what is typed is not in CloudTrail",
    "cloudWatchStreamingEnabled": "what is written down at the end only is lost with the instance",
}
_ELSE = "the stack file leaves it off"


def check(findings: Findings, account: Settings, wanted: config.SessionPreferences, clients: Clients) -> None:
    """Raises NotAllowed."""
    what = f"document {SESSION_DOCUMENT}"
    ssm = clients("ssm", account.region)
    # Without a version: the default one, by which sessions go.
    found = answer_of("ssm:GetDocument", ssm.get_document, ("InvalidDocument",), Name=SESSION_DOCUMENT)
    if found is None:
        findings.compare(what, "exists", "yes", MISSING, "without it shells have no longest duration")
    else:
        inputs = _inputs(found.get("Content") or "")
        for name, value in wanted.document()["inputs"].items():
            # What is not written down is off.
            actual = inputs.get(name, type(value)())
            why = _WHY.get(name, _ELSE)
            findings.compare(what, name, _shown(value), _shown(actual), why)
    _log_group(findings, wanted, clients("logs", account.region))


def _shown(value: Any) -> Any:
    return NOTHING if value == "" else value


def _inputs(content: str) -> dict[str, Any]:
    try:
        written = json.loads(content)
    except ValueError:
        return {}
    inputs = written.get("inputs") if isinstance(written, dict) else None
    return inputs if isinstance(inputs, dict) else {}


def _log_group(findings: Findings, wanted: config.SessionPreferences, logs: Any) -> None:
    def pages() -> list[dict[str, Any]]:
        pager = logs.get_paginator("describe_log_groups")
        return list(pager.paginate(logGroupNamePrefix=wanted.log_group))

    groups = [
        group for page in answer_of("logs:DescribeLogGroups", pages) or [] for group in page["logGroups"]
    ]
    days = [g.get("retentionInDays", NOTHING) for g in groups if g["logGroupName"] == wanted.log_group]
    findings.compare(
        f"log group {wanted.log_group}",
        "days kept",
        wanted.log_retention_days,
        days[0] if days else MISSING,
        "a shell that cannot be written down is not opened, and what is gone cannot be looked into",
    )
