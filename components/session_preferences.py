"""Preferences of Session Manager in one account and region: when shells end, which user they run as, what
is kept.

There is one such document for the account and region, and it counts for every shell that names no
other document: those of other instances, too. It does not limit a principal that may start sessions with a
document of their own, or run commands (`ssm:SendCommand`). What is written down is what the agent on the
instance sends: who is root there can stop it. Neither was tried on AWS.

Source: Systems Manager User Guide, "Session document schema", "Create Session Manager preferences (command
line)", "Logging session data using Amazon CloudWatch Logs (console)".
"""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.config import Account


@dataclass(frozen=True, kw_only=True)
class SessionPreferencesArgs:
    account: Account
    preferences: config.SessionPreferences


class SessionPreferences(pulumi.ComponentResource):
    """The log group, and the document that names it."""

    log_group_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: SessionPreferencesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("iam-hardening:index:SessionPreferences", name, None, opts)
        group = aws.cloudwatch.LogGroup(
            name,
            name=args.preferences.log_group,
            retention_in_days=args.preferences.log_retention_days,
            tags=dict(args.account.tags),
            opts=pulumi.ResourceOptions(parent=self, protect=args.account.protect or None),
        )
        aws.ssm.Document(
            name,
            name=naming.SESSION_DOCUMENT,
            document_type="Session",
            document_format="JSON",
            content=json.dumps(args.preferences.document(), indent=2),
            tags=dict(args.account.tags),
            # A shell that is to be written down fails where there is no group.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[group]),
        )
        self.log_group_arn = group.arn
        self.register_outputs({"log_group_arn": self.log_group_arn})
