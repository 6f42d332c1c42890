"""Alarms: what the deployed rules see, and what not, and that a message can get through.

EventBridge itself matches each event against each deployed rule's pattern (`TestEventPattern`). That AWS
delivers an event, and that a person reads the e-mail, cannot be tried here.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from iam_hardening.aws import naming
from iam_hardening.aws.naming import role_arn, user_arn
from iam_hardening.claims.claim import ALLOWED, REFUSED, Claim
from iam_hardening.clients.aws import Credentials, Session
from iam_hardening.config import Alarms
from rehearsal import cloudtrail_events as cloudtrail
from rehearsal.recorder import Recorder
from rehearsal.testbed import Account, Testbed

_ALL_MANAGEMENT_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
_NO_ALARM = "no alarm"

# What happened, the event, and the alarms that it must set off.
_Happening = tuple[str, str, set[str]]


def play(recorder: Recorder, testbed: Testbed) -> None:
    for account in testbed.accounts.values():
        if account.settings.alarms:
            with recorder.scenario(f"Alarms in {account.name}"):
                _play(recorder, account, account.settings.alarms, testbed.stranger)


def _play(recorder: Recorder, account: Account, alarms: Alarms, stranger: Session) -> None:
    happenings = list(_happenings(account, alarms))
    for region in account.settings.regions:
        here = account.admin.in_region(region)
        _what_sets_them_off(recorder, account, here, happenings)
        _messages_get_through(recorder, account, here)
    if alarms.trail is None:
        _the_trail_sees_everything(recorder, account, stranger)


def _happenings(account: Account, alarms: Alarms) -> Iterator[_Happening]:
    own = account.settings
    root = cloudtrail.root(own.account_id)
    stranger = cloudtrail.user(user_arn(own.partition, own.account_id, "/", "rehearsal-intruder"))
    of_role = cloudtrail.session_of(role_arn(own.partition, own.account_id, "some-role"))
    root_alarm = {"root-activity"} if alarms.root_activity else set()
    iam_alarm = {"iam-changes"} if alarms.iam_changes else set()
    yield "root signs in", cloudtrail.sign_in(root, mfa=True), root_alarm
    yield "root fails to sign in", cloudtrail.sign_in(root, mfa=False, succeeded=False), root_alarm
    yield "root uses aws login", cloudtrail.command_line_login(root), root_alarm
    as_service_event = cloudtrail.command_line_login(root, as_service_event=True)
    yield "root uses aws login, recorded as a service event", as_service_event, root_alarm
    yield "root clicks in the console", cloudtrail.call_in_the_console(root, "s3", "CreateBucket"), root_alarm
    yield "root reads only", cloudtrail.call(root, "s3", "ListBuckets", read_only=True), root_alarm
    yield "root changes IAM", cloudtrail.call(root, "iam", "CreateUser", userName="x"), root_alarm | iam_alarm
    yield "AWS acts in root's name", cloudtrail.call_by_service_for(root, "backup"), set()
    yield "AWS rotates a key", cloudtrail.service_event(root), set()
    without_mfa = {"sign-in-without-mfa"} if alarms.sign_in_without_mfa else set()
    yield "a user signs in without MFA", cloudtrail.sign_in(stranger, mfa=False), without_mfa
    yield "a user signs in with MFA", cloudtrail.sign_in(stranger, mfa=True), set()
    yield "a user fails to sign in", cloudtrail.sign_in(stranger, mfa=False, succeeded=False), set()
    yield "a federated person signs in", cloudtrail.sign_in(of_role, mfa=False), set()
    yield "a user changes IAM", cloudtrail.call(stranger, "iam", "AttachUserPolicy", userName="x"), iam_alarm
    yield "a role changes IAM", cloudtrail.call(of_role, "iam", "CreateRole", roleName="x"), iam_alarm
    yield "a user reads IAM", cloudtrail.call(stranger, "iam", "ListUsers", read_only=True), set()
    yield "a user changes S3", cloudtrail.call(stranger, "s3", "CreateBucket", bucketName="x"), set()
    key_alarm = {"key-changes"} if alarms.key_changes else set()
    for name in ("DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion"):
        yield f"a role calls {name}", cloudtrail.call(of_role, "kms", name, keyId="x"), key_alarm
    yield "a role uses a key", cloudtrail.call(of_role, "kms", "Decrypt", read_only=True), set()
    for arn in alarms.expected_principals:
        expected = cloudtrail.user(arn) if ":user/" in arn else cloudtrail.session_of(arn)
        yield f"{arn.rsplit('/', 1)[-1]} changes IAM", cloudtrail.call(expected, "iam", "CreateRole"), set()
    if own.break_glass:
        yield from _break_glass(account, alarms, own.break_glass.user)
    if own.vault:
        yield from _vault(account, alarms, stranger, iam_alarm)


def _break_glass(account: Account, alarms: Alarms, name: str) -> Iterator[_Happening]:
    user = cloudtrail.user(user_arn(account.settings.partition, account.id, "/", name))
    alarm = {"break-glass-use"} if alarms.break_glass_use else set()
    yield f"{name} fails to sign in", cloudtrail.sign_in(user, mfa=False, succeeded=False), alarm
    yield f"{name} reads only", cloudtrail.call(user, "s3", "ListBuckets", read_only=True), alarm


def _vault(
    account: Account, alarms: Alarms, stranger: cloudtrail.Identity, iam_alarm: set[str]
) -> Iterator[_Happening]:
    own = account.settings
    issued = f"{naming.VAULT_USER_NAME_PREFIX}token-test-1-x"
    touched = iam_alarm | ({"vault-users-touched"} if alarms.vault_users_touched else set())
    assert own.vault is not None
    arn = own.vault.principal_arn(own.partition, own.account_id)
    vault = cloudtrail.session_of(arn) if own.vault.runs_on_role else cloudtrail.user(arn)
    itself = cloudtrail.user(user_arn(own.partition, own.account_id, naming.VAULT_USER_PATH, issued))
    made = cloudtrail.call(vault, "iam", "CreateUser", userName=issued, path=naming.VAULT_USER_PATH)
    yield "Vault makes a user", made, set()
    yield "Vault deletes a user", cloudtrail.call(vault, "iam", "DeleteUser", userName=issued), set()
    password = cloudtrail.call(stranger, "iam", "CreateLoginProfile", userName=issued)
    yield "a user gives one of Vault's a password", password, touched
    key = cloudtrail.call(stranger, "iam", "CreateAccessKey", userName=own.vault.principal_name)
    yield "a user makes a key of Vault's own principal", key, touched
    under_path = cloudtrail.call(stranger, "iam", "CreateUser", userName="x", path=naming.VAULT_USER_PATH)
    yield "a user other than Vault makes one", under_path, touched
    yield (
        "Vault's user makes itself a key",
        cloudtrail.call(itself, "iam", "CreateAccessKey", userName=issued),
        touched,
    )


def _what_sets_them_off(
    recorder: Recorder, account: Account, here: Session, happenings: list[_Happening]
) -> None:
    events = here.client("events")
    rules = _rules_to_the_topic(here)
    # IAM reports its changes in one region only; elsewhere there is no rule about them.
    for what, event, expected in happenings:
        off = {
            rule["Name"]
            for rule in rules
            if rule["State"] != "DISABLED"
            and _sees(rule, event)
            and events.test_event_pattern(EventPattern=rule["EventPattern"], Event=event)["Result"]
        }
        here_expected = expected if here.region == _iam_region(account) else expected - _IAM_ALARMS
        claim = _claim(
            account,
            "events:TestEventPattern",
            f"{what}, {here.region}",
            ", ".join(sorted(here_expected)) or _NO_ALARM,
            "an alarm that is silent hides an intruder, and one that is always loud is not read",
        )
        recorder.found(claim, ", ".join(sorted(off)) or _NO_ALARM)


_IAM_ALARMS = {"iam-changes", "vault-users-touched"}


def _iam_region(account: Account) -> str:
    return naming.IAM_EVENTS_REGION[account.settings.partition]


def _rules_to_the_topic(here: Session) -> list[dict[str, Any]]:
    events = here.client("events")
    return [
        rule
        for rule in events.list_rules()["Rules"]
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        if target["Arn"].endswith(f":{naming.ALARMS}")
    ]


def _sees(rule: dict[str, Any], event: str) -> bool:
    """Read-only management events reach only rules that ask for all of them."""
    return rule["State"] == _ALL_MANAGEMENT_EVENTS or not json.loads(event)["detail"].get("readOnly")


def _messages_get_through(recorder: Recorder, account: Account, here: Session) -> None:
    """The topic takes messages of these rules and of no other, and EventBridge may use its key."""
    own = account.settings
    topic = naming.topic_arn(own.partition, here.region, own.account_id, naming.ALARMS)
    where = f"{naming.ALARMS}, {here.region}"
    attributes = here.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    (statement,) = json.loads(attributes["Policy"])["Statement"]
    these_rules = (
        statement["Principal"] == {"Service": "events.amazonaws.com"}
        and statement["Action"] == "sns:Publish"
        and set(_list(statement["Condition"]["ArnEquals"]["aws:SourceArn"]))
        == {rule["Arn"] for rule in _rules_to_the_topic(here)}
    )
    recorder.found(
        _claim(account, "sns:Publish", where, "by these rules", "no one else sends false alarms"),
        "by these rules" if these_rules else json.dumps(statement),
    )
    subscriptions = here.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    email = own.alarms.email if own.alarms else ""
    recorder.found(
        _claim(account, "sns:ListSubscriptionsByTopic", where, email, "someone is notified"),
        ", ".join(each["Endpoint"] for each in subscriptions),
    )
    key = here.client("kms").describe_key(KeyId=attributes["KmsMasterKeyId"])["KeyMetadata"]["Arn"]
    policy = json.loads(here.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    reason = "EventBridge cannot use SNS's own key: the message would be lost without a word"
    recorder.found(
        _claim(account, "kms:GetKeyPolicy", where, ALLOWED, reason, who="EventBridge"),
        ALLOWED if eventbridge_may_use(policy) else REFUSED,
    )


def eventbridge_may_use(key_policy: dict[str, Any]) -> bool:
    """Whether a message of EventBridge's can be encrypted; a condition on the source would lose it.

    Source: SNS Developer Guide: source conditions are "not supported for EventBridge-to-encrypted topics".
    """
    return any(
        each["Principal"] == {"Service": "events.amazonaws.com"}
        and each["Effect"] == "Allow"
        and "Condition" not in each
        and {"kms:Decrypt", "kms:GenerateDataKey*"} <= set(_list(each["Action"]))
        for each in key_policy["Statement"]
    )


def _the_trail_sees_everything(recorder: Recorder, account: Account, stranger: Session) -> None:
    cloudtrail_client = account.admin.client("cloudtrail")
    trail = cloudtrail_client.get_trail(Name=naming.TRAIL)["Trail"]
    status = cloudtrail_client.get_trail_status(Name=trail["TrailARN"])
    for field, found in (
        ("IsMultiRegionTrail", trail["IsMultiRegionTrail"]),
        ("IncludeGlobalServiceEvents", trail["IncludeGlobalServiceEvents"]),
        ("LogFileValidationEnabled", trail["LogFileValidationEnabled"]),
        ("IsLogging", status["IsLogging"]),
    ):
        claim = _claim(
            account,
            "cloudtrail:GetTrail",
            f"{naming.TRAIL} {field}",
            "True",
            "alarms see what CloudTrail reports",
        )
        recorder.found(claim, str(found))
    bucket = trail["S3BucketName"]
    recorder.judge(
        _claim(
            account,
            "s3:ListBucket",
            bucket,
            REFUSED,
            "logs are no one else's business",
            who="administrator of a third account",
        ),
        lambda: stranger.client("s3").list_objects_v2(Bucket=bucket),
    )
    wanted = account.settings.alarms
    if wanted and wanted.log_administrators:
        _logs_are_kept(recorder, account, bucket)


def _logs_are_kept(recorder: Recorder, account: Account, bucket: str) -> None:
    """From an administrator of the account who is not listed, and not from those who are.

    Root is called to unlock the bucket only. What it is refused, the simulator is asked
    (iam_hardening/claims/resource_policies.py): no resource policy binds the emulated root.
    """
    iam, name = account.admin.client("iam"), "rehearsal-unlisted"
    everything = naming.iam_arn(account.settings.partition, "aws", f"policy/{naming.ADMINISTRATOR_ACCESS}")
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=everything)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    unlisted, log = account.admin.with_credentials(Credentials.of(key)), "AWSLogs/rehearsal"
    listed, root = account.admin.client("s3"), account.root.client("s3")
    listed.put_object(Bucket=bucket, Key=log, Body=b"a log")

    def calls(s3: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
        enabled = {"Status": "Enabled"}
        yield "s3:PutObject", lambda: s3.put_object(Bucket=bucket, Key=log, Body=b"forged")
        yield (
            "s3:PutBucketVersioning",
            lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled),
        )
        yield "s3:DeleteObject", lambda: s3.delete_object(Bucket=bucket, Key=log)

    unlocks = "root can always unlock the bucket"
    try:
        for claimed, who, s3, why in (
            (REFUSED, "administrator who is not listed", unlisted.client("s3"), "logs are not for changing"),
            (ALLOWED, "deployer", listed, "who deploys the stack can change what keeps the logs"),
        ):
            for call, made in calls(s3):
                recorder.judge(_claim(account, call, bucket, claimed, why, who=who), made)
        policy = root.get_bucket_policy(Bucket=bucket)["Policy"]
        recorder.judge(
            _claim(account, "s3:PutBucketPolicy", bucket, ALLOWED, unlocks, who="root user"),
            lambda: root.put_bucket_policy(Bucket=bucket, Policy=policy),
        )
    finally:
        kept = listed.list_object_versions(Bucket=bucket, Prefix=log)
        for version in [*kept.get("Versions", []), *kept.get("DeleteMarkers", [])]:
            listed.delete_object(Bucket=bucket, Key=log, VersionId=version["VersionId"])
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.detach_user_policy(UserName=name, PolicyArn=everything)
        iam.delete_user(UserName=name)


def _list(value: Any) -> list[str]:
    return list(value) if isinstance(value, list) else [str(value)]


def _claim(
    account: Account, call: str, resource: str, claimed: str, reason: str, who: str = "deployer"
) -> Claim:
    return Claim(
        who=who, mfa="-", call=call, resource=resource, account=account.name, claimed=claimed, reason=reason
    )
