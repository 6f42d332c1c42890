"""Findings about who outside the account can get in: IAM Access Analyzer, one analyzer per region.

It reads resource policies (roles' trust, buckets, keys, topics, queues, secrets …) and reports each that
someone outside the account could use. It finds, it does not prevent; it notifies no one unless someone
looks at Security Hub or the console. External access findings cost nothing; this makes no analyzer of
unused access, which AWS bills per user and role.

Source: AWS, "Using AWS Identity and Access Management Access Analyzer"; CIS AWS Foundations 5.0: 1.19;
Security Hub IAM.28.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from iam_hardening.aws import naming
from iam_hardening.config import Account
from iam_hardening.model.account_defaults import ANALYZER_TYPE, Defaults


@dataclass(frozen=True, kw_only=True)
class AccessAnalyzerArgs:
    account: Account
    defaults: Defaults


class AccessAnalyzer(pulumi.ComponentResource):
    """An analyzer of external access in each region; AWS allows one of this kind per region and account."""

    def __init__(
        self, name: str, args: AccessAnalyzerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("iam-hardening:index:AccessAnalyzer", name, None, opts)
        for region in args.defaults.analyzers_in:
            aws.accessanalyzer.Analyzer(
                f"{name}-{region}",
                analyzer_name=naming.ACCESS_ANALYZER,
                type=ANALYZER_TYPE,
                region=region,
                tags=dict(args.account.tags),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})
