"""What the boundary of issued users keeps from one whose role allows everything."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from iam_hardening import config
from iam_hardening.aws.naming import (
    ACCESS_ANALYZER,
    ADMINISTRATOR_ACCESS,
    ALARMS,
    SESSION_DOCUMENT,
    TRAIL,
    VAULT_BOUNDARY_POLICY,
    VAULT_USER_PATH,
    iam_arn,
    policy_arn,
    role_arn,
    topic_arn,
    trail_bucket,
)
from iam_hardening.aws.policies import documents
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.aws.policies import vault as vault_policies
from iam_hardening.claims.claim import ALLOWED, REFUSED, Claim
from iam_hardening.clients.aws import Credentials, Session
from rehearsal.probes import bucket_place
from rehearsal.recorder import Recorder
from rehearsal.testbed import Account, Testbed

_USER = "vault-rehearsal-everything"
# Trusts every principal that the account allows, so that only the boundary limits.
_ROLE = "rehearsal-next"
# Trusts the user by name, which in one account needs no policy of the user's own.
_NAMING_ROLE = "rehearsal-next-by-name"
_WHO = "issued user, all allowed"
_WHY = "nothing that would outlive the lease, or reach further"

Call = Callable[[], Any]


def play(recorder: Recorder, testbed: Testbed) -> None:
    for account in testbed.accounts.values():
        if account.settings.vault:
            with (
                recorder.scenario(f"The boundary in {account.name}"),
                _issued_with_everything(account) as session,
            ):
                for call, made in _outliving(account, session):
                    recorder.judge(_claim(account, call, REFUSED, _WHY), made)
                for call, made in _controls(account, session):
                    recorder.judge(
                        _claim(account, call, REFUSED, "what watches and protects the account"), made
                    )
                for call, made in _of_the_role(session):
                    recorder.judge(_claim(account, call, ALLOWED, "the role's work is not hindered"), made)


@contextmanager
def _issued_with_everything(account: Account) -> Iterator[Session]:
    """As Vault makes its users, but with a policy that its principal may not attach."""
    iam, own = account.admin.client("iam"), account.settings
    iam.create_user(
        UserName=_USER,
        Path=VAULT_USER_PATH,
        PermissionsBoundary=policy_arn(own.partition, own.account_id, VAULT_BOUNDARY_POLICY),
    )
    administrator = iam_arn(own.partition, "aws", f"policy/{ADMINISTRATOR_ACCESS}")
    iam.attach_user_policy(UserName=_USER, PolicyArn=administrator)
    key = iam.create_access_key(UserName=_USER)["AccessKey"]
    user = iam.get_user(UserName=_USER)["User"]["Arn"]
    trust = roles_policies.trust_account(own.partition, own.account_id, require_mfa=False)
    iam.create_role(RoleName=_ROLE, AssumeRolePolicyDocument=documents.render(trust))
    by_name = documents.render(vault_policies.trust_vault(user))
    iam.create_role(RoleName=_NAMING_ROLE, AssumeRolePolicyDocument=by_name)
    try:
        yield account.admin.with_credentials(Credentials.of(key))
    finally:
        iam.delete_access_key(UserName=_USER, AccessKeyId=key["AccessKeyId"])
        iam.detach_user_policy(UserName=_USER, PolicyArn=administrator)
        iam.delete_user(UserName=_USER)
        iam.delete_role(RoleName=_ROLE)
        iam.delete_role(RoleName=_NAMING_ROLE)


def _outliving(account: Account, session: Session) -> Iterator[tuple[str, Call]]:
    iam, sts, own = session.client("iam"), session.client("sts"), account.settings
    boundary = policy_arn(own.partition, own.account_id, VAULT_BOUNDARY_POLICY)
    role = role_arn(own.partition, own.account_id, _ROLE)
    document = '{"Version": "2012-10-17", "Statement": []}'
    yield "iam:CreateUser", lambda: iam.create_user(UserName="rehearsal-heir")
    yield "iam:CreateRole", lambda: iam.create_role(RoleName="heir", AssumeRolePolicyDocument=document)
    yield (
        "iam:CreateLoginProfile",
        lambda: iam.create_login_profile(UserName=_USER, Password="aA1!rehearsal-heir"),
    )
    yield "iam:CreateAccessKey", lambda: iam.create_access_key(UserName=_USER)
    yield (
        "iam:CreateVirtualMFADevice",
        lambda: iam.create_virtual_mfa_device(VirtualMFADeviceName="rehearsal-heir"),
    )
    yield (
        "iam:UploadSSHPublicKey",
        lambda: iam.upload_ssh_public_key(UserName=_USER, SSHPublicKeyBody="ssh-rsa AAAA"),
    )
    yield (
        "iam:CreateServiceSpecificCredential",
        lambda: iam.create_service_specific_credential(
            UserName=_USER, ServiceName="codecommit.amazonaws.com"
        ),
    )
    yield (
        "iam:PutUserPolicy",
        lambda: iam.put_user_policy(UserName=_USER, PolicyName="heir", PolicyDocument=document),
    )
    yield "iam:AttachUserPolicy", lambda: iam.attach_user_policy(UserName=_USER, PolicyArn=boundary)
    yield (
        "iam:CreatePolicyVersion",
        lambda: iam.create_policy_version(PolicyArn=boundary, PolicyDocument=document, SetAsDefault=True),
    )
    yield (
        "iam:DeleteUserPermissionsBoundary",
        lambda: iam.delete_user_permissions_boundary(UserName=_USER),
    )
    yield (
        "iam:UpdateAssumeRolePolicy",
        lambda: iam.update_assume_role_policy(RoleName=_ROLE, PolicyDocument=document),
    )
    yield "iam:TagUser", lambda: iam.tag_user(UserName=_USER, Tags=[{"Key": "a", "Value": "b"}])
    yield "sts:AssumeRole", lambda: sts.assume_role(RoleArn=role, RoleSessionName="rehearsal")
    by_name = role_arn(own.partition, own.account_id, _NAMING_ROLE)
    yield (
        "sts:AssumeRole (of a role that trusts this user by name)",
        lambda: sts.assume_role(RoleArn=by_name, RoleSessionName="rehearsal"),
    )
    task = iam_arn(own.partition, "aws", "policy/root-task/IAMDeleteRootUserCredentials")
    yield (
        "sts:AssumeRoot",
        lambda: sts.assume_root(TargetPrincipal=own.account_id, TaskPolicyArn={"arn": task}),
    )
    yield (
        "sts:GetWebIdentityToken",
        lambda: sts.get_web_identity_token(Audience=["https://example.com"], SigningAlgorithm="RS256"),
    )


def _controls(account: Account, session: Session) -> Iterator[tuple[str, Call]]:
    own = account.settings
    cloudtrail, ec2, analyzer = (session.client(name) for name in ("cloudtrail", "ec2", "accessanalyzer"))
    yield "cloudtrail:StopLogging", lambda: cloudtrail.stop_logging(Name=TRAIL)
    yield "cloudtrail:DeleteTrail", lambda: cloudtrail.delete_trail(Name=TRAIL)
    yield "ec2:DisableEbsEncryptionByDefault", ec2.disable_ebs_encryption_by_default
    yield "access-analyzer:DeleteAnalyzer", lambda: analyzer.delete_analyzer(analyzerName=ACCESS_ANALYZER)
    if own.instance and own.instance.session_preferences:
        yield from _shells(session, own.instance.session_preferences)
    if own.alarms:
        yield from _alarms(account, session)
        if own.alarms.trail is None:
            yield from _logs(account, session)
    if own.vault_server:
        table = own.vault_server.table
        dynamodb = session.client("dynamodb")
        yield "dynamodb:Scan", lambda: dynamodb.scan(TableName=table)
        yield "dynamodb:DeleteTable", lambda: dynamodb.delete_table(TableName=table)
        yield from _keys(session, f"alias/{own.vault_server.name}")


def _shells(session: Session, preferences: config.SessionPreferences) -> Iterator[tuple[str, Call]]:
    ssm, logs, group = session.client("ssm"), session.client("logs"), preferences.log_group
    content = json.dumps({**preferences.document(), "inputs": {}})
    update = {"Name": SESSION_DOCUMENT, "Content": content, "DocumentVersion": "$LATEST"}
    yield "ssm:UpdateDocument", lambda: ssm.update_document(**update)
    yield "ssm:DeleteDocument", lambda: ssm.delete_document(Name=SESSION_DOCUMENT)
    yield "logs:FilterLogEvents (shells)", lambda: logs.filter_log_events(logGroupName=group)
    yield (
        "logs:GetLogEvents (shells)",
        lambda: logs.get_log_events(logGroupName=group, logStreamName="somebody"),
    )
    yield (
        "logs:PutRetentionPolicy (shells)",
        lambda: logs.put_retention_policy(logGroupName=group, retentionInDays=1),
    )
    yield "logs:DeleteLogGroup (shells)", lambda: logs.delete_log_group(logGroupName=group)


def _alarms(account: Account, session: Session) -> Iterator[tuple[str, Call]]:
    own, sns, events = account.settings, session.client("sns"), session.client("events")
    topic = topic_arn(own.partition, own.region, own.account_id, ALARMS)
    yield "sns:DeleteTopic", lambda: sns.delete_topic(TopicArn=topic)
    yield "sns:Publish", lambda: sns.publish(TopicArn=topic, Message="all is well")
    subscription = f"{topic}:11111111-2222-3333-4444-555555555555"
    yield "sns:Unsubscribe", lambda: sns.unsubscribe(SubscriptionArn=subscription)
    yield "events:DisableRule", lambda: events.disable_rule(Name="root-activity")
    yield "events:RemoveTargets", lambda: events.remove_targets(Rule="root-activity", Ids=["topic"])
    yield from _keys(session, f"alias/{ALARMS}")


def _keys(session: Session, alias: str) -> Iterator[tuple[str, Call]]:
    kms = session.client("kms")

    def key() -> str:
        found = (each for page in kms.get_paginator("list_aliases").paginate() for each in page["Aliases"])
        return next(str(each["TargetKeyId"]) for each in found if each["AliasName"] == alias)

    yield f"kms:DisableKey ({alias})", lambda: kms.disable_key(KeyId=key())
    yield f"kms:DeleteAlias ({alias})", lambda: kms.delete_alias(AliasName=alias)


def _logs(account: Account, session: Session) -> Iterator[tuple[str, Call]]:
    s3, bucket = session.client("s3"), trail_bucket(account.settings.account_id, account.settings.region)
    log = f"AWSLogs/{account.settings.account_id}/CloudTrail/log.json.gz"
    yield "s3:GetObject (logs)", lambda: s3.get_object(Bucket=bucket, Key=log)
    yield "s3:PutObject (logs)", lambda: s3.put_object(Bucket=bucket, Key=log, Body=b"forged")
    yield "s3:DeleteObject (logs)", lambda: s3.delete_object(Bucket=bucket, Key=log)
    yield "s3:ListBucket (logs)", lambda: s3.list_objects_v2(Bucket=bucket)
    suspended = {"Status": "Suspended"}
    yield (
        "s3:PutBucketVersioning (logs)",
        lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=suspended),
    )
    yield "s3:DeleteBucketPolicy (logs)", lambda: s3.delete_bucket_policy(Bucket=bucket)
    yield "s3:DeleteBucket (logs)", lambda: s3.delete_bucket(Bucket=bucket)


def _of_the_role(session: Session) -> Iterator[tuple[str, Call]]:
    place = bucket_place(session.region)
    s3, bucket = session.client("s3"), f"rehearsal-boundary-{secrets.token_hex(6)}"
    yield "s3:CreateBucket", lambda: s3.create_bucket(Bucket=bucket, **place)
    yield "s3:PutObject", lambda: s3.put_object(Bucket=bucket, Key="data", Body=b"data")
    yield "s3:DeleteObject", lambda: s3.delete_object(Bucket=bucket, Key="data")
    yield "s3:DeleteBucket", lambda: s3.delete_bucket(Bucket=bucket)
    yield "s3:ListAllMyBuckets", session.client("s3").list_buckets
    yield "iam:ListUsers", session.client("iam").list_users


def _claim(account: Account, call: str, claimed: str, reason: str) -> Claim:
    return Claim(
        who=_WHO,
        mfa="-",
        call=call,
        resource="-",
        account=account.name,
        claimed=claimed,
        reason=reason,
    )
