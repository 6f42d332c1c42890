"""Whether alarms would still arrive: rules, where they send, who has confirmed, the trail they see by.

What the topic's, its key's and the bucket's policies let in is claimed elsewhere
(iam_hardening/claims/resource_policies.py).
"""

import json
from typing import Any

from iam_hardening import config
from iam_hardening.aws.event_patterns import Alarm
from iam_hardening.aws.naming import ALARMS, TRAIL, topic_arn, trail_arn
from iam_hardening.claims.findings import MISSING, NOTHING, Findings
from iam_hardening.clients.reads import answer_of
from iam_hardening.commands.verify.account import Clients
from iam_hardening.config import Settings
from iam_hardening.model import alarms

_SAME = "as the stack file says"


def check(findings: Findings, account: Settings, wanted: config.Alarms, clients: Clients) -> None:
    """Raises NotAllowed."""
    made = alarms.alarms(account)
    for name, alarm in made.items():
        for region in alarm.regions:
            _rule(findings, account, name, alarm, region, clients("events", region))
    for region, email in alarms.recipients(account).items():
        check_topic(findings, account, email, region, clients("sns", region))
    _trail(findings, account, wanted, clients("cloudtrail", account.region))


def _rule(findings: Findings, account: Settings, name: str, alarm: Alarm, region: str, events: Any) -> None:
    what = f"alarm {name} in {region}"
    nothing = ("ResourceNotFoundException",)
    rule = answer_of("events:DescribeRule", events.describe_rule, nothing, Name=name)
    if rule is None:
        findings.compare(what, "exists", "yes", MISSING, "without it no one is notified")
        return
    findings.compare(what, "state", alarm.state, rule["State"], "a rule that is off notifies no one")
    same = json.loads(rule.get("EventPattern") or "{}") == alarm.pattern
    findings.compare(
        what, "pattern", _SAME, _SAME if same else "another", "what sets it off and what does not"
    )
    targets = answer_of("events:ListTargetsByRule", events.list_targets_by_rule, nothing, Rule=name)
    findings.compare(
        what,
        "sends to",
        [topic_arn(account.partition, region, account.account_id, ALARMS)],
        [target["Arn"] for target in (targets or {}).get("Targets", [])],
        "the topic notifies people",
    )


def check_topic(findings: Findings, account: Settings, email: str, region: str, sns: Any) -> None:
    arn = topic_arn(account.partition, region, account.account_id, ALARMS)

    def pages() -> list[dict[str, Any]]:
        return list(sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn))

    found = answer_of("sns:ListSubscriptionsByTopic", pages, ("NotFound", "NotFoundException"))
    subscribed = [each for page in found or [] for each in page["Subscriptions"]]
    # Until someone follows the link in the mail, AWS writes PendingConfirmation for the ARN.
    confirmed = [each["Endpoint"] for each in subscribed if each["SubscriptionArn"].startswith("arn:")]
    findings.compare(
        f"topic {ALARMS} in {region}",
        "confirmed subscribers",
        [email],
        confirmed if found is not None else MISSING,
        "a person who has not followed the link in the mail gets nothing; any other subscriber reads along",
    )


def _trail(findings: Findings, account: Settings, wanted: config.Alarms, cloudtrail: Any) -> None:
    arn = wanted.trail or trail_arn(account.partition, account.region, account.account_id, TRAIL)
    what = f"trail {arn.rsplit('/', 1)[-1]}"
    nothing = ("TrailNotFoundException",)
    status = answer_of("cloudtrail:GetTrailStatus", cloudtrail.get_trail_status, nothing, Name=arn)
    findings.compare(
        what,
        "writes",
        True,
        status["IsLogging"] if status else MISSING,
        "alarms see what CloudTrail delivers",
    )
    found = answer_of("cloudtrail:GetTrail", cloudtrail.get_trail, nothing, Name=arn)
    trail = found["Trail"] if found else {}
    findings.compare(
        what,
        "of every region",
        True,
        trail.get("IsMultiRegionTrail", NOTHING),
        "a region without it is not seen",
    )
    if alarms.makes_trail(account):
        findings.compare(
            what,
            "signs its files",
            True,
            trail.get("LogFileValidationEnabled", NOTHING),
            "a quiet change of the logs shows",
        )
