"""Resource policies of the alarms: `alarm_topic` takes messages of the alarm rules alone, `alarm_key` lets
these encrypt them, `trail_bucket` takes the logs of one trail.
"""

from collections.abc import Sequence

from iam_hardening.aws.naming import account_root_arn
from iam_hardening.aws.policies.documents import Document, document
from iam_hardening.aws.policies.keys import KEY_ADMINISTRATION


def alarm_key(partition: str, account_id: str) -> Document:
    """The key of a topic of alarms: IAM decides who administers it, EventBridge alone uses it.

    EventBridge cannot use SNS's own key, and an alarm that cannot be encrypted is lost without a word. So is
    one whose key asks for aws:SourceAccount or aws:SourceArn, which AWS does not support here; the topic's
    policy names the rules.

    Source: SNS Developer Guide, "Managing Amazon SNS encryption keys and costs".
    """
    return document(
        {
            "Sid": "LetIamDecideWhoAdministersTheKey",
            "Effect": "Allow",
            "Principal": {"AWS": account_root_arn(partition, account_id)},
            "Action": KEY_ADMINISTRATION,
            "Resource": "*",
        },
        {
            "Sid": "AllowEventBridgeToEncryptAlarms",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
        },
    )


def alarm_topic(topic_arn: str, rule_arns: Sequence[str]) -> Document:
    """No one outside the account publishes, and of AWS's services, only these rules of EventBridge."""
    return document(
        {
            "Sid": "AllowTheAlarmRulesToPublish",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": sorted(rule_arns)}},
        }
    )


# Of an object: deleting, overwriting, and what makes either possible later.
_CHANGING_LOGS = [
    "s3:BypassGovernanceRetention",
    "s3:DeleteObject",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectVersionTagging",
    "s3:PutObject",
    "s3:PutObjectAcl",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
    "s3:ReplicateDelete",
    "s3:ReplicateObject",
]

# Of the bucket. Never among them: reading, writing and deleting its policy, by which root unlocks it.
_CHANGING_THE_BUCKET = [
    "s3:DeleteBucket",
    "s3:PutBucketAcl",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutReplicationConfiguration",
]


def trail_bucket(
    account_id: str, *, bucket_arn: str, trail_arn: str, administrators: Sequence[str] = ()
) -> Document:
    """CloudTrail writes this one trail's logs, everyone speaks TLS to the bucket itself, and with
    `administrators` (ARNs of users and roles) no one else deletes or overwrites logs, or changes what keeps
    them.

    A service that acts for itself has no aws:PrincipalArn, which a negated operator takes for another one:
    without the second condition CloudTrail's own deliveries would be denied. Anyone who may write the
    bucket's policy, root among them, can lift the denial, and CloudTrail shows that; a key's or a topic's
    policy has none, as one that binds root there could be undone by AWS Support alone.

    Source: CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail"; IAM User Guide, "AWS global
    condition context keys", aws:PrincipalIsAWSService.
    """
    by_others = {
        "ArnNotEquals": {"aws:PrincipalArn": sorted(administrators)},
        "Bool": {"aws:PrincipalIsAWSService": "false"},
    }
    kept = [
        {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": actions,
            "Resource": resource,
            "Condition": by_others,
        }
        for sid, actions, resource in (
            ("DenyChangingLogs", _CHANGING_LOGS, f"{bucket_arn}/*"),
            ("DenyChangingWhatKeepsThem", _CHANGING_THE_BUCKET, bucket_arn),
        )
        if administrators
    ]
    cloudtrail = {"Service": "cloudtrail.amazonaws.com"}
    from_this_trail = {"aws:SourceArn": trail_arn}
    return document(
        {
            "Sid": "AllowCloudTrailToCheckTheBucket",
            "Effect": "Allow",
            "Principal": cloudtrail,
            "Action": "s3:GetBucketAcl",
            "Resource": bucket_arn,
            "Condition": {"StringEquals": from_this_trail},
        },
        {
            "Sid": "AllowCloudTrailToWriteLogs",
            "Effect": "Allow",
            "Principal": cloudtrail,
            "Action": "s3:PutObject",
            "Resource": f"{bucket_arn}/AWSLogs/{account_id}/*",
            "Condition": {"StringEquals": {**from_this_trail, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
        {
            "Sid": "DenyPlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket_arn, f"{bucket_arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        # Who asks by an access point is judged by the access point's ARN, which a denial of this bucket in
        # the caller's own policies does not name. No one needs one here.
        {
            "Sid": "DenyAccessPoints",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket_arn, f"{bucket_arn}/*"],
            "Condition": {"Null": {"s3:DataAccessPointArn": "false"}},
        },
        *kept,
    )
