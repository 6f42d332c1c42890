"""E-mail about what should not happen: EventBridge rules on CloudTrail's management events, in each region.

Reports what happened, some minutes later; it prevents nothing. It sees what CloudTrail delivers: a trail has
to be there (`components/trail.py` makes one), and a region without rules is not seen. No one is notified
before the e-mail address has confirmed each region's subscription. Who may change rules, topics or trail
can silence it: only administrators may, and their changes of IAM set it off.

Source: EventBridge User Guide, "Events from AWS services via AWS CloudTrail"; CIS AWS Foundations 5.0:
section 4.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.event_patterns import Alarm
from iam_hardening.aws.policies import alarms as alarms_policies
from iam_hardening.aws.policies import documents
from iam_hardening.config import Account

_TARGET = "topic"
# What every one of these events has; a field that an event lacks is left empty.
_PATHS = {
    "account": "$.account",
    "region": "$.region",
    "time": "$.time",
    "event": "$.detail.eventName",
    "who": "$.detail.userIdentity.arn",
    "address": "$.detail.sourceIPAddress",
    "id": "$.detail.eventID",
}


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    """`rules`: rule name → alarm. `trail`: what the rules see by, made before them."""

    account: Account
    alarms: config.Alarms
    rules: Mapping[str, Alarm]
    trail: Sequence[pulumi.Resource]


class Alarms(pulumi.ComponentResource):
    """In each region: an encrypted topic with one e-mail subscription, and a rule for each alarm."""

    # Region → the topic's ARN.
    topic_arns: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("iam-hardening:index:Alarms", name, None, opts)
        regions = sorted({region for alarm in args.rules.values() for region in alarm.regions})
        topics = {region: self._topic(f"{name}-{region}", region, args) for region in regions}
        for rule_name, alarm in args.rules.items():
            for region in alarm.regions:
                self._rule(f"{name}-{rule_name}-{region}", rule_name, alarm, region, topics[region], args)
        self.topic_arns = pulumi.Output.all(**topics)
        self.register_outputs({"topic_arns": self.topic_arns})

    def _topic(self, name: str, region: str, args: AlarmsArgs) -> pulumi.Output[str]:
        """The region's topic, once it can take alarms; answers with its ARN."""
        account, child = args.account, pulumi.ResourceOptions(parent=self)
        key = aws.kms.Key(
            name,
            description="Encrypts alarms about this account on their way",
            enable_key_rotation=True,
            policy=documents.render(alarms_policies.alarm_key(account.partition, account.account_id)),
            region=region,
            tags=dict(account.tags),
            opts=child,
        )
        aws.kms.Alias(
            name, name=f"alias/{naming.ALARMS}", target_key_id=key.key_id, region=region, opts=child
        )
        topic = aws.sns.Topic(
            name,
            name=naming.ALARMS,
            kms_master_key_id=key.arn,
            region=region,
            tags=dict(account.tags),
            opts=child,
        )
        rule_arns = [
            naming.event_rule_arn(account.partition, region, account.account_id, rule_name)
            for rule_name, alarm in args.rules.items()
            if region in alarm.regions
        ]
        policy = aws.sns.TopicPolicy(
            name,
            arn=topic.arn,
            policy=topic.arn.apply(lambda arn: documents.render(alarms_policies.alarm_topic(arn, rule_arns))),
            region=region,
            opts=child,
        )
        aws.sns.TopicSubscription(
            name, topic=topic.arn, protocol="email", endpoint=args.alarms.email, region=region, opts=child
        )
        return policy.arn

    def _rule(
        self,
        name: str,
        rule_name: str,
        alarm: Alarm,
        region: str,
        topic_arn: pulumi.Output[str],
        args: AlarmsArgs,
    ) -> None:
        rule = aws.cloudwatch.EventRule(
            name,
            name=rule_name,
            description=alarm.says,
            event_pattern=json.dumps(alarm.pattern),
            state=alarm.state,
            region=region,
            tags=dict(args.account.tags),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.trail)),
        )
        aws.cloudwatch.EventTarget(
            name,
            rule=rule.name,
            target_id=_TARGET,
            arn=topic_arn,
            input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
                input_paths=_PATHS,
                input_template=json.dumps(
                    f"{alarm.says}: <event> by <who> from <address> in the account <account>, <region>, at "
                    "<time>. CloudTrail's event ID: <id>"
                ),
            ),
            region=region,
            opts=pulumi.ResourceOptions(parent=self),
        )
