"""A CloudTrail trail of management events in every region, for accounts that have none: alarms see by it.

Protects the logs from outside, from plain HTTP and from a quiet change: the bucket is private and versioned,
and CloudTrail signs digests of the files. It does not protect them from an administrator of the account, who
can replace the bucket's policy; an organisation's trail into another account does. The first trail's
management events cost nothing, a second trail's do (docs/alarms.md).

Source: CloudTrail User Guide, "Security best practices"; CIS AWS Foundations 5.0: 3.1, 3.2.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies import alarms as alarms_policies
from iam_hardening.aws.policies import documents
from iam_hardening.config import Account


@dataclass(frozen=True, kw_only=True)
class TrailArgs:
    """The account's region is the trail's home; it sees every region. `alarms.log_administrators`: who alone
    may change logs and bucket; empty: everyone that IAM allows."""

    account: Account
    alarms: config.Alarms


class Trail(pulumi.ComponentResource):
    """The trail, and the bucket that it writes to."""

    trail_arn: pulumi.Output[str]

    def __init__(self, name: str, args: TrailArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("iam-hardening:index:Trail", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        tags = dict(args.account.tags)
        bucket = aws.s3.Bucket(
            name,
            bucket=naming.trail_bucket(args.account.account_id, args.account.region),
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self, protect=args.account.protect or None),
        )
        private = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketVersioning(
            name,
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=child,
        )
        trail_arn = naming.trail_arn(
            args.account.partition, args.account.region, args.account.account_id, naming.TRAIL
        )
        policy = aws.s3.BucketPolicy(
            name,
            bucket=bucket.bucket,
            policy=bucket.arn.apply(
                lambda arn: documents.render(
                    alarms_policies.trail_bucket(
                        args.account.account_id,
                        bucket_arn=arn,
                        trail_arn=trail_arn,
                        administrators=args.alarms.log_administrators,
                    )
                )
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[private]),
        )
        trail = aws.cloudtrail.Trail(
            name,
            name=naming.TRAIL,
            s3_bucket_name=bucket.bucket,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            enable_logging=True,
            tags=tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.trail_arn = trail.arn
        self.register_outputs({"trail_arn": self.trail_arn})
