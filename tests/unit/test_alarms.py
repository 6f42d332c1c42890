"""Alarms and their trail: what is asked of AWS, in which region."""

import json
from typing import Any

import pytest

from components.alarms import Alarms, AlarmsArgs
from components.trail import Trail, TrailArgs
from iam_hardening import config
from iam_hardening.aws import event_patterns
from iam_hardening.aws.event_patterns import Alarm
from iam_hardening.aws.policies import alarms as alarms_policies
from rehearsal.scenarios.alarms import eventbridge_may_use
from tests.accounts import central_account, section
from tests.recorder import Recorder

ACCOUNT = "111111111111"
TAGS = {"Stack": "central"}
HERE, THERE = "us-east-1", "eu-central-1"
ROOT = Alarm(
    pattern=event_patterns.root_activity(),
    says="The root user is active",
    regions=[HERE, THERE],
    read_only_events=True,
)
SECTION = section(config.Alarms, email="a@example.com")
CHANGES = Alarm(pattern=event_patterns.iam_changes([]), says="IAM was changed", regions=[HERE])


def record(recorder: Recorder) -> dict[tuple[str, str], Any]:
    rules = {"root-activity": ROOT, "iam-changes": CHANGES}
    args = AlarmsArgs(account=central_account(), alarms=SECTION, rules=rules, trail=[])
    recorder.run(lambda: Alarms("alarms", args))
    return {(made.type, made.name): made.inputs for made in recorder.registrations.values() if made.custom}


def test_each_region_has_its_rules_one_topic_and_a_key_that_eventbridge_may_use(recorder: Recorder) -> None:
    made = record(recorder)
    assert sorted(name for kind, name in made if kind == "aws:cloudwatch/eventRule:EventRule") == [
        "alarms-iam-changes-us-east-1",
        "alarms-root-activity-eu-central-1",
        "alarms-root-activity-us-east-1",
    ]
    assert {inputs["region"] for inputs in made.values()} == {HERE, THERE}
    assert made["aws:kms/key:Key", "alarms-eu-central-1"] == {
        "description": "Encrypts alarms about this account on their way",
        "enableKeyRotation": True,
        "policy": json.dumps(alarms_policies.alarm_key("aws", ACCOUNT)),
        "region": THERE,
        "tags": TAGS,
    }
    subscription = made["aws:sns/topicSubscription:TopicSubscription", "alarms-us-east-1"]
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", "a@example.com")


def test_read_only_events_reach_the_rules_that_need_them_only(recorder: Recorder) -> None:
    made = record(recorder)
    states = {name: inputs["state"] for (kind, name), inputs in made.items() if "eventRule" in kind}
    everything = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    assert states == {
        "alarms-iam-changes-us-east-1": "ENABLED",
        "alarms-root-activity-us-east-1": everything,
        "alarms-root-activity-eu-central-1": everything,
    }


def test_the_topic_takes_messages_of_its_own_regions_rules_only() -> None:
    rule = f"arn:aws:events:{HERE}:{ACCOUNT}:rule/root-activity"
    topic = f"arn:aws:sns:{HERE}:{ACCOUNT}:iam-hardening-alarms"
    assert alarms_policies.alarm_topic(topic, [rule]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AllowTheAlarmRulesToPublish",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": topic,
                "Condition": {"ArnEquals": {"aws:SourceArn": [rule]}},
            }
        ],
    }


@pytest.mark.parametrize("asked_for", ["aws:SourceAccount", "aws:SourceArn"])
def test_a_source_condition_on_the_key_would_lose_every_alarm(asked_for: str) -> None:
    key = alarms_policies.alarm_key("aws", ACCOUNT)
    assert eventbridge_may_use(key)
    (statement,) = [each for each in key["Statement"] if "Service" in each["Principal"]]
    statement["Condition"] = {"StringLike": {asked_for: "*"}}
    assert not eventbridge_may_use(key)


def test_a_message_says_who_did_what_where_and_when(recorder: Recorder) -> None:
    target = record(recorder)["aws:cloudwatch/eventTarget:EventTarget", "alarms-iam-changes-us-east-1"]
    transformer = target["inputTransformer"]
    text = json.loads(transformer["inputTemplate"])
    assert text.startswith("IAM was changed: <event> by <who> from <address>")
    assert all(f"<{name}>" in text for name in transformer["inputPaths"])


def test_the_trail_sees_every_region_and_its_logs_are_private_and_kept(recorder: Recorder) -> None:
    args = TrailArgs(account=central_account(protect=True), alarms=SECTION)
    recorder.run(lambda: Trail("trail", args))
    bucket = "iam-hardening-management-events-111111111111-us-east-1"
    assert recorder.one("aws:s3/bucket:Bucket", "trail").options["protect"] is True
    assert recorder.one("aws:s3/bucket:Bucket", "trail").inputs == {"bucket": bucket, "tags": TAGS}
    block = recorder.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "trail").inputs
    assert all(value is True for name, value in block.items() if name != "bucket")
    assert recorder.one("aws:cloudtrail/trail:Trail", "trail").inputs == {
        "name": "iam-hardening-management-events",
        "s3BucketName": bucket,
        "isMultiRegionTrail": True,
        "includeGlobalServiceEvents": True,
        "enableLogFileValidation": True,
        "enableLogging": True,
        "tags": TAGS,
    }


def test_the_bucket_takes_logs_of_its_own_trail_only_and_nothing_over_plain_http() -> None:
    trail = f"arn:aws:cloudtrail:{HERE}:{ACCOUNT}:trail/t"
    document = alarms_policies.trail_bucket(ACCOUNT, bucket_arn="arn:aws:s3:::logs", trail_arn=trail)
    assert [statement["Sid"] for statement in document["Statement"]] == [
        "AllowCloudTrailToCheckTheBucket",
        "AllowCloudTrailToWriteLogs",
        "DenyPlainHttp",
        "DenyAccessPoints",
    ]
    check, write, plain, by_access_point = document["Statement"]
    assert check["Condition"]["StringEquals"]["aws:SourceArn"] == trail
    assert write["Condition"]["StringEquals"] == {
        "aws:SourceArn": trail,
        "s3:x-amz-acl": "bucket-owner-full-control",
    }
    assert write["Resource"] == f"arn:aws:s3:::logs/AWSLogs/{ACCOUNT}/*"
    assert (plain["Effect"], plain["Principal"]) == ("Deny", "*")
    assert by_access_point["Condition"] == {"Null": {"s3:DataAccessPointArn": "false"}}
