"""Rows of what alarms are made of: EventBridge rules and targets, SNS topics, a CloudTrail trail."""

import json
from typing import Any

from rehearsal.providers.comparing import as_json, as_policy
from rehearsal.providers.rows import (
    ID,
    ITEM,
    Argument,
    Call,
    ListOf,
    Literal,
    Made,
    Read,
    Row,
    Switch,
    Tags,
    Taken,
    regional,
)
from rehearsal.providers.shapes import document
from rehearsal.providers.values import Properties

_PUT_RULE = Call(
    "events.put_rule",
    {"Name": "name", "Description": "description", "EventPattern": "eventPattern", "State": "state"},
    clears=True,
)


def _rule_arn(properties: Properties, api: Any, id: str) -> str:
    return f"arn:{api.partition}:events:{api.region}:{api.account_id}:rule/{id}"


_RULE_ARN = Made((), _rule_arn)

_RULE = Row(
    type="aws:cloudwatch/eventRule:EventRule",
    compared_as={"eventPattern": as_json},
    source="internal/service/events/rule.go",
    replaces=frozenset({"name"}),
    id="{name}",
    from_id=lambda id: {"name": id},
    auto_name="name",
    defaults={"state": "ENABLED"},
    create=(_PUT_RULE,),
    reads=(
        Read(
            Call("events.describe_rule", {"Name": ID}),
            {
                "name": "Name",
                "arn": "Arn",
                "description": "Description",
                "eventPattern": Taken("EventPattern", document),
                "state": "State",
            },
        ),
    ),
    update={"description, eventPattern, state": (_PUT_RULE,)},
    tags=(
        Tags(
            live=Call("events.list_tags_for_resource", {"ResourceARN": _RULE_ARN}, "Tags"),
            tag=Call("events.tag_resource", {"ResourceARN": _RULE_ARN, "Tags": ITEM}),
            untag=Call("events.untag_resource", {"ResourceARN": _RULE_ARN, "TagKeys": ITEM}),
        ),
    ),
    delete=(Call("events.delete_rule", {"Name": ID}),),
)


def _target(properties: Properties, api: Any, id: str) -> Any:
    target = {"Id": properties["targetId"], "Arn": properties["arn"]}
    if transformer := properties.get("inputTransformer"):
        target["InputTransformer"] = {
            "InputPathsMap": transformer.get("inputPaths") or {},
            "InputTemplate": transformer["inputTemplate"],
        }
    return [target]


def _transformer(value: Any, known: Properties, api: Any) -> Any:
    if not value:
        return None
    return {"inputPaths": value.get("InputPathsMap") or {}, "inputTemplate": value["InputTemplate"]}


_PUT_TARGET = Call(
    "events.put_targets",
    {"Rule": "rule", "Targets": Made(("targetId", "arn", "inputTransformer"), _target)},
)

_TARGET = Row(
    type="aws:cloudwatch/eventTarget:EventTarget",
    source="internal/service/events/target.go",
    replaces=frozenset({"rule", "targetId"}),
    id="{rule}-{targetId}",
    from_id=lambda id: dict(zip(("rule", "targetId"), id.split("/")[-2:], strict=False)),
    create=(_PUT_TARGET,),
    reads=(
        Read(
            Call("events.list_targets_by_rule", {"Rule": "rule"}, "Targets", find={"Id": "targetId"}),
            {
                "rule": Taken("", lambda answer, known, api: known["rule"]),
                "targetId": "Id",
                "arn": "Arn",
                "inputTransformer": Taken("InputTransformer", _transformer),
            },
        ),
    ),
    update={"arn, inputTransformer": (_PUT_TARGET,)},
    delete=(Call("events.remove_targets", {"Rule": "rule", "Ids": ListOf("targetId")}),),
)


def _attribute(name: str, property: str) -> Call:
    values: dict[str, Argument] = {"TopicArn": ID, "AttributeName": Literal(name), "AttributeValue": property}
    return Call("sns.set_topic_attributes", values, clears=True)


_TOPIC = Row(
    type="aws:sns/topic:Topic",
    source="internal/service/sns/topic.go",
    replaces=frozenset({"name"}),
    id="{TopicArn}",
    from_id=lambda id: {"arn": id, "name": id.split(":")[-1]},
    auto_name="name",
    create=(
        Call("sns.create_topic", {"Name": "name"}),
        Call(
            "sns.set_topic_attributes",
            {
                "TopicArn": ID,
                "AttributeName": Literal("KmsMasterKeyId"),
                "AttributeValue": "kmsMasterKeyId",
            },
            needs="kmsMasterKeyId",
        ),
    ),
    reads=(
        Read(
            Call("sns.get_topic_attributes", {"TopicArn": ID}, "Attributes"),
            {
                "arn": "TopicArn",
                "name": Taken("TopicArn", lambda arn, known, api: arn.split(":")[-1]),
                "owner": "Owner",
                "kmsMasterKeyId": "KmsMasterKeyId",
            },
        ),
    ),
    update={"kmsMasterKeyId": (_attribute("KmsMasterKeyId", "kmsMasterKeyId"),)},
    tags=(
        Tags(
            live=Call("sns.list_tags_for_resource", {"ResourceArn": ID}, "Tags"),
            tag=Call("sns.tag_resource", {"ResourceArn": ID, "Tags": ITEM}),
            untag=Call("sns.untag_resource", {"ResourceArn": ID, "TagKeys": ITEM}),
        ),
    ),
    delete=(Call("sns.delete_topic", {"TopicArn": ID}),),
)


def _default_policy(properties: Properties, api: Any, id: str) -> Any:
    """What a topic has that was never given one: its owner alone. Source: SNS, "CreateTopic"."""
    owner = {"StringEquals": {"AWS:SourceOwner": api.account_id}}
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:Publish", "SNS:Subscribe"],
        "Resource": id,
        "Condition": owner,
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


_POLICY_ATTRIBUTE = Literal("Policy")
_PUT_POLICY = Call(
    "sns.set_topic_attributes",
    {"TopicArn": "arn", "AttributeName": _POLICY_ATTRIBUTE, "AttributeValue": "policy"},
)

_TOPIC_POLICY = Row(
    type="aws:sns/topicPolicy:TopicPolicy",
    compared_as={"policy": as_policy},
    source="internal/service/sns/topic_policy.go",
    replaces=frozenset({"arn"}),
    id="{arn}",
    from_id=lambda id: {"arn": id},
    create=(_PUT_POLICY,),
    reads=(
        Read(
            Call("sns.get_topic_attributes", {"TopicArn": ID}, "Attributes"),
            {"arn": "TopicArn", "owner": "Owner", "policy": Taken("Policy", document)},
        ),
    ),
    update={"policy": (_PUT_POLICY,)},
    delete=(
        Call(
            "sns.set_topic_attributes",
            {
                "TopicArn": ID,
                "AttributeName": _POLICY_ATTRIBUTE,
                "AttributeValue": Made((), _default_policy),
            },
        ),
    ),
)

_SUBSCRIPTION = Row(
    type="aws:sns/topicSubscription:TopicSubscription",
    source="internal/service/sns/topic_subscription.go",
    replaces=frozenset({"topic", "protocol", "endpoint"}),
    id="{SubscriptionArn}",
    create=(
        Call(
            "sns.subscribe",
            {
                "TopicArn": "topic",
                "Protocol": "protocol",
                "Endpoint": "endpoint",
                "ReturnSubscriptionArn": Literal(True),
            },
        ),
    ),
    reads=(
        Read(
            Call("sns.get_subscription_attributes", {"SubscriptionArn": ID}, "Attributes"),
            {
                "arn": "SubscriptionArn",
                "topic": "TopicArn",
                "protocol": "Protocol",
                "endpoint": "Endpoint",
                "ownerId": "Owner",
            },
        ),
    ),
    delete=(Call("sns.unsubscribe", {"SubscriptionArn": ID}),),
)

_TRAIL_FIELDS = {
    "S3BucketName": "s3BucketName",
    "IncludeGlobalServiceEvents": "includeGlobalServiceEvents",
    "IsMultiRegionTrail": "isMultiRegionTrail",
    "EnableLogFileValidation": "enableLogFileValidation",
}
_LOG = Switch(
    "enableLogging",
    then=Call("cloudtrail.start_logging", {"Name": "name"}),
    otherwise=Call("cloudtrail.stop_logging", {"Name": "name"}),
)

_TRAIL = Row(
    type="aws:cloudtrail/trail:Trail",
    source="internal/service/cloudtrail/trail.go",
    replaces=frozenset({"name"}),
    id="{TrailARN}",
    from_id=lambda id: {"arn": id, "name": id.rsplit("/", 1)[-1]},
    auto_name="name",
    defaults={
        "enableLogging": True,
        "enableLogFileValidation": False,
        "includeGlobalServiceEvents": True,
        "isMultiRegionTrail": False,
    },
    create=(Call("cloudtrail.create_trail", {"Name": "name", **_TRAIL_FIELDS}), _LOG),
    reads=(
        Read(
            Call("cloudtrail.get_trail", {"Name": ID}, "Trail"),
            {
                "name": "Name",
                "arn": "TrailARN",
                "homeRegion": "HomeRegion",
                "s3BucketName": "S3BucketName",
                "includeGlobalServiceEvents": "IncludeGlobalServiceEvents",
                "isMultiRegionTrail": "IsMultiRegionTrail",
                "enableLogFileValidation": "LogFileValidationEnabled",
            },
        ),
        Read(Call("cloudtrail.get_trail_status", {"Name": ID}), {"enableLogging": "IsLogging"}),
    ),
    update={
        ", ".join(_TRAIL_FIELDS.values()): (
            Call("cloudtrail.update_trail", {"Name": "name", **_TRAIL_FIELDS}),
        ),
        "enableLogging": (_LOG,),
    },
    tags=(
        Tags(
            live=Call(
                "cloudtrail.list_tags",
                {"ResourceIdList": ListOf(ID)},
                "ResourceTagList.0.TagsList",
            ),
            tag=Call("cloudtrail.add_tags", {"ResourceId": ID, "TagsList": ITEM}),
            untag=Call("cloudtrail.remove_tags", {"ResourceId": ID, "TagsList": ITEM}),
            keys_as_tags=True,
        ),
    ),
    delete=(Call("cloudtrail.delete_trail", {"Name": "name"}),),
)

ALARM_ROWS = tuple(regional(row) for row in (_RULE, _TARGET, _TOPIC, _TOPIC_POLICY, _SUBSCRIPTION, _TRAIL))
