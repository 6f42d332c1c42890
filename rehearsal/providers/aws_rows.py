"""The package `aws`: the rows and functions that the fake provider for pulumi-aws serves, and its
settings."""

from collections.abc import Mapping

from iam_hardening.config.provider_settings import MEANT, REACH
from rehearsal.providers.aws_account_rows import ACCOUNT_ROWS
from rehearsal.providers.aws_alarm_rows import ALARM_ROWS
from rehearsal.providers.aws_calls import AwsConnections, AwsCredentials
from rehearsal.providers.aws_dynamodb_rows import DYNAMODB_ROWS
from rehearsal.providers.aws_ec2_rows import EC2_ROWS
from rehearsal.providers.aws_functions import AWS_FUNCTIONS
from rehearsal.providers.aws_iam_rows import IAM_ROWS
from rehearsal.providers.aws_kms_rows import KMS_ROWS
from rehearsal.providers.aws_s3_rows import S3_ROWS
from rehearsal.providers.aws_session_rows import SESSION_ROWS
from rehearsal.providers.rows import Package

# The version whose property names and defaults the rows follow.
_PULUMI_AWS = "7.51.1"

# How to reach the real AWS is taken and has no effect.
_SETTINGS = MEANT["aws"] | REACH["aws"]


def aws_package(endpoint_url: str, credentials: Mapping[str, AwsCredentials]) -> Package:
    """The fake provider for pulumi-aws, on the emulated AWS at `endpoint_url`."""
    return Package(
        name="aws",
        version=_PULUMI_AWS,
        rows={
            row.type: row
            for row in (
                *IAM_ROWS,
                *EC2_ROWS,
                *S3_ROWS,
                *DYNAMODB_ROWS,
                *KMS_ROWS,
                *ACCOUNT_ROWS,
                *ALARM_ROWS,
                *SESSION_ROWS,
            )
        },
        functions={function.token: function for function in AWS_FUNCTIONS},
        settings=_SETTINGS,
        connect=AwsConnections(endpoint_url, credentials).connect,
    )
