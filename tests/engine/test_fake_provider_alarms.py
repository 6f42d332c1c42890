"""Alarms and their trail under the real engine: made, seen again, mended after a hand, gone."""

from typing import Any

import pytest

from components.alarms import Alarms, AlarmsArgs
from components.trail import Trail, TrailArgs
from iam_hardening import config
from iam_hardening.aws import event_patterns
from iam_hardening.aws.event_patterns import Alarm
from tests.accounts import account, section

pytestmark = pytest.mark.engine

HERE, THERE = "us-east-1", "eu-central-1"
TOPIC = "iam-hardening-alarms"


def program_for(stack: Any, *, email: str = "a@example.com", says: str = "Root is active") -> Any:
    def program() -> None:
        own = account(account_id=stack.account_id, tags={"Team": "security"})
        alarms = section(config.Alarms, email=email)
        trail = Trail("trail", TrailArgs(account=own, alarms=alarms))
        root = Alarm(
            pattern=event_patterns.root_activity(), says=says, regions=[HERE, THERE], read_only_events=True
        )
        rules = {"root-activity": root}
        Alarms("alarms", AlarmsArgs(account=own, alarms=alarms, rules=rules, trail=[trail]))

    return program


def found(stack: Any, region: str) -> tuple[list[str], list[str], list[str]]:
    """Rules, topics, and who gets the messages."""
    events, sns = stack.client("events", region), stack.client("sns", region)
    return (
        [rule["Name"] for rule in events.list_rules()["Rules"]],
        [topic["TopicArn"].split(":")[-1] for topic in sns.list_topics()["Topics"]],
        [each["Endpoint"] for each in sns.list_subscriptions()["Subscriptions"]],
    )


def test_alarms_are_made_in_each_region_stay_and_go(stack: Any) -> None:
    stack.up(program_for(stack))
    assert stack.up().clean
    assert stack.refresh().clean
    for region in (HERE, THERE):
        assert found(stack, region) == (["root-activity"], [TOPIC], ["a@example.com"])
    trail = stack.client("cloudtrail").describe_trails()["trailList"]
    assert [(each["Name"], each["IsMultiRegionTrail"]) for each in trail] == [
        ("iam-hardening-management-events", True)
    ]
    stack.destroy()
    for region in (HERE, THERE):
        assert found(stack, region) == ([], [], [])
    assert stack.client("cloudtrail").describe_trails()["trailList"] == []
    assert stack.client("s3").list_buckets()["Buckets"] == []


def test_a_rule_switched_off_and_a_topic_opened_by_hand_are_shown_and_undone(stack: Any) -> None:
    stack.up(program_for(stack))
    stack.client("events", THERE).disable_rule(Name="root-activity")
    stack.client("cloudtrail").stop_logging(Name="iam-hardening-management-events")
    sns = stack.client("sns")
    topic = sns.list_topics()["Topics"][0]["TopicArn"]
    open_to_all = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", '
        f'"Action": "sns:Publish", "Resource": "{topic}"}}]}}'
    )
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=open_to_all)
    assert stack.refresh().updated == {"alarms-root-activity-eu-central-1", "trail", "alarms-us-east-1"}
    assert stack.up().changes["update"] == 3
    state = stack.client("events", THERE).describe_rule(Name="root-activity")["State"]
    assert state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    assert stack.client("cloudtrail").get_trail_status(Name="iam-hardening-management-events")["IsLogging"]
    assert "events.amazonaws.com" in sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]


def test_a_new_address_replaces_the_subscription_and_nothing_else(stack: Any) -> None:
    stack.up(program_for(stack))
    result = stack.up(program_for(stack, email="b@example.com"))
    assert {name for op, name in result.order if op == "create-replacement"} == {
        "alarms-us-east-1",
        "alarms-eu-central-1",
    }
    assert found(stack, HERE)[2] == ["b@example.com"]


def test_a_new_text_changes_rule_and_target_in_place(stack: Any) -> None:
    stack.up(program_for(stack))
    assert stack.up(program_for(stack, says="Root did something")).changes["update"] == 4
