"""AWS managed policies beside those that MiniStack brings.

Gap: IAMUserChangePassword, AWSSupportAccess, ViewOnlyAccess and Billing are missing.

AWS ("AWS Managed Policy Reference"). IAMUserChangePassword is as there. The other three are *reduced*: they
allow and leave out the same services, but list far fewer actions than AWS's documents; ARN and path are
AWS's. A policy that is neither here nor in MiniStack does not exist (NoSuchEntity).
"""

import json
from typing import Any

from rehearsal.emulated_aws.upstream import iam

Statements = list[dict[str, Any]]


def _allow(sid: str, *actions: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": "*"}


_POLICIES: dict[str, tuple[str, Statements]] = {
    "IAMUserChangePassword": (
        "Provides the ability for an IAM user to change their own password.",
        [
            {
                "Effect": "Allow",
                "Action": ["iam:ChangePassword"],
                "Resource": ["arn:aws:iam::*:user/${aws:username}"],
            },
            {"Effect": "Allow", "Action": ["iam:GetAccountPasswordPolicy"], "Resource": "*"},
        ],
    ),
    "AWSSupportAccess": (
        "Allows users to access the AWS Support Center.",
        [_allow("Reduced", "support:*", "support-console:*")],
    ),
    "job-function/ViewOnlyAccess": (
        "This policy grants permissions to view resources and basic metadata across all AWS services.",
        [
            _allow(
                "Reduced",
                "access-analyzer:List*",
                "cloudtrail:DescribeTrails",
                "cloudtrail:LookupEvents",
                "dynamodb:ListTables",
                "ec2:Describe*",
                "iam:GetAccountSummary",
                "iam:GetLoginProfile",
                "iam:List*",
                "kms:ListAliases",
                "kms:ListKeys",
                "logs:Describe*",
                "s3:ListAllMyBuckets",
                "s3:ListBucket",
                "sns:List*",
            )
        ],
    ),
    "job-function/Billing": (
        "Grants permissions for billing and cost management.",
        [
            _allow(
                "Reduced", "account:GetAccountInformation", "billing:*", "budgets:*", "ce:*", "cur:*", "tax:*"
            )
        ],
    ),
}


def _seed() -> None:
    for name, (description, statements) in _POLICIES.items():
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        arn = f"{iam._AWS_MANAGED_POLICY_PREFIX}{name}"
        iam._aws_managed_policies[arn] = iam._make_aws_managed_record(name, document, description)


def apply() -> None:
    seed = iam._seed_aws_managed_policies

    def seed_all() -> None:
        seed()
        _seed()

    iam._seed_aws_managed_policies = seed_all
    _seed()
