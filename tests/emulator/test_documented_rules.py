"""Rules of AWS's documentation about which permissions a call needs, one probe each.

Each probe asks both ways: who has all that AWS asks for, and who lacks one part of it.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.emulator.cloud import (
    ALLOWED,
    EVERYTHING,
    REGION,
    Account,
    Cloud,
    Gap,
    Principal,
    allow,
    deny,
    document,
    names,
    trust,
    verdict,
)

pytestmark = pytest.mark.emulator

DENIED, DENIED_JSON, DENIED_SNS, DENIED_EC2 = (
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "UnauthorizedOperation",
)
TAGS = [{"Key": "team", "Value": "red"}]
OTHER_TAGS = [{"Key": "team", "Value": "blue"}]
TRUST = trust("ec2.amazonaws.com", service=True)


def creating(service: str, method: str, needed: str, **parameters: Any) -> Callable[[Cloud], tuple[str, str]]:
    """A creation with tags by who may do everything but tag, and by who may do everything."""

    def probe(cloud: Cloud) -> tuple[str, str]:
        lacking = cloud.account().user("Lacking", document(allow("*"), deny(needed)))
        able = cloud.account().user("Able", EVERYTHING)
        first, second = (verdict(getattr(by.client(service), method), **parameters) for by in (lacking, able))
        return first, second

    return probe


# --- Tags that a call gives to what it makes


def an_object_with_tags(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    bucket = own_bucket(account)
    writer = account.user("Writer", document(allow("s3:PutObject"))).client("s3")
    tagger = account.user("Tagger", document(allow(["s3:PutObject", "s3:PutObjectTagging"]))).client("s3")
    put = {"Bucket": bucket, "Key": "a", "Body": b"", "Tagging": "team=red"}
    return verdict(writer.put_object, **put), verdict(tagger.put_object, **put)


def a_volume_with_tags(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    volume = {
        "AvailabilityZone": f"{REGION}a",
        "Size": 1,
        "TagSpecifications": [{"ResourceType": "volume", "Tags": TAGS}],
    }
    may = allow("ec2:CreateVolume")
    tag = allow("ec2:CreateTags", StringEquals={"ec2:CreateAction": "CreateVolume"})
    plain, tagger = account.user("Plain", document(may)), account.user("Tagger", document(may, tag))
    return (
        verdict(plain.client("ec2").create_volume, **volume),
        verdict(tagger.client("ec2").create_volume, **volume),
    )


def a_volume_from_a_snapshot(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    ec2 = account.client("ec2")
    zone = {"AvailabilityZone": f"{REGION}a"}
    snapshot = ec2.create_snapshot(VolumeId=ec2.create_volume(**zone, Size=1)["VolumeId"])["SnapshotId"]
    arn = f"arn:aws:ec2:{REGION}:*"
    half = account.user("Half", document(allow("ec2:CreateVolume", f"{arn}:snapshot/*")))
    whole = account.user(
        "Whole", document(allow("ec2:CreateVolume", [f"{arn}:snapshot/*", f"{arn}:volume/*"]))
    )
    return (
        verdict(half.client("ec2").create_volume, **zone, SnapshotId=snapshot),
        verdict(whole.client("ec2").create_volume, **zone, SnapshotId=snapshot),
    )


def an_unencrypted_volume(cloud: Cloud) -> tuple[str, str]:
    ada = cloud.account().user("Ada", document(allow("ec2:CreateVolume", Bool={"ec2:Encrypted": "true"})))
    zone = {"AvailabilityZone": f"{REGION}a", "Size": 1}
    create = ada.client("ec2").create_volume
    return verdict(create, **zone), verdict(create, **zone, Encrypted=True)


# --- Sessions


def role_and_caller(cloud: Cloud, granted: list[str], trusted: list[str]) -> tuple[Principal, str]:
    """A caller with these permissions on a role that trusts the account with those."""
    account = cloud.account()
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": account.root_arn},
        "Action": trusted,
    }
    role = account.role("reader", document(statement))
    return account.user("Ada", document(allow(granted, role))), role


def tagged_session(cloud: Cloud) -> tuple[str, str]:
    answers = []
    for granted in (["sts:AssumeRole"], ["sts:AssumeRole", "sts:TagSession"]):
        ada, role = role_and_caller(cloud, granted, ["sts:AssumeRole", "sts:TagSession"])
        answers.append(verdict(ada.sts.assume_role, RoleArn=role, RoleSessionName="session", Tags=TAGS))
    return answers[0], answers[1]


def named_source(cloud: Cloud) -> tuple[str, str, str]:
    both = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    answers = []
    for granted, trusted in ((both[:1], both), (both, both[:1]), (both, both)):
        ada, role = role_and_caller(cloud, granted, trusted)
        answers.append(
            verdict(ada.sts.assume_role, RoleArn=role, RoleSessionName="session", SourceIdentity="Ada")
        )
    return answers[0], answers[1], answers[2]


def a_trust_policy_asks_for_the_source(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": account.root_arn},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        "Condition": {"StringEquals": {"sts:SourceIdentity": "Ada"}},
    }
    role = account.role("reader", document(statement))
    assume = account.user("Ada", EVERYTHING).sts.assume_role
    return (
        verdict(assume, RoleArn=role, RoleSessionName="session"),
        verdict(assume, RoleArn=role, RoleSessionName="session", SourceIdentity="Ada"),
    )


def a_boundary_where_the_trust_names_a_role(cloud: Cloud) -> tuple[str, str, str]:
    """Without a boundary; with one that lacks AssumeRole; under a session policy that lacks it."""
    account = cloud.account()
    boundary = account.policy("boundary", document(allow("s3:*")))
    account.role("free", trust(account.root_arn))
    account.role("bounded", trust(account.root_arn), PermissionsBoundary=boundary)
    arns = [f"arn:aws:iam::{account.id}:role/{name}" for name in ("free", "bounded")]
    statement = {"Effect": "Allow", "Principal": {"AWS": arns}, "Action": "sts:AssumeRole"}
    target = account.role("target", document(statement))
    ada = account.user("Ada", EVERYTHING)
    sessions = (
        ada.assume(arns[0]),
        ada.assume(arns[1]),
        ada.assume(arns[0], Policy=json.dumps(document(allow("s3:*")))),
    )
    first, second, third = (
        verdict(each.sts.assume_role, RoleArn=target, RoleSessionName="session") for each in sessions
    )
    return first, second, third


# --- Resources


def own_bucket(account: Account, name: str = "") -> str:
    bucket = f"{name}b{account.id}"
    account.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return bucket


def buckets_are_listed_on_all_buckets(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    listing = [
        account.user(name, document(allow("s3:ListAllMyBuckets", f"arn:aws:s3:::{pattern}")))
        for name, pattern in (("All", "*"), ("One", "mine"))
    ]
    first, second = (verdict(each.client("s3").list_buckets) for each in listing)
    return first, second


def targets_of_one_rule(cloud: Cloud) -> tuple[tuple[str, str], ...]:
    account = cloud.account()
    for name in ("mine", "other"):
        account.client("events").put_rule(Name=name, EventPattern='{"source": ["a"]}')
    rule = f"arn:aws:events:{REGION}:{account.id}:rule/mine"
    ada = account.user("Ada", document(allow("events:*", rule))).client("events")
    target = [{"Id": "t", "Arn": f"arn:aws:sns:{REGION}:{account.id}:t"}]
    calls: tuple[tuple[Any, dict[str, Any]], ...] = (
        (ada.put_targets, {"Targets": target}),
        (ada.list_targets_by_rule, {}),
        (ada.remove_targets, {"Ids": ["t"]}),
    )
    return tuple(
        (verdict(call, Rule="mine", **more), verdict(call, Rule="other", **more)) for call, more in calls
    )


def a_role_for_eventbridge(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    role = account.role("target", trust("events.amazonaws.com", service=True))
    account.client("events").put_rule(Name="rule", EventPattern='{"source": ["a"]}')
    target = {"Id": "t", "Arn": f"arn:aws:sqs:{REGION}:{account.id}:q", "RoleArn": role}
    to_events = allow("iam:PassRole", role, StringEquals={"iam:PassedToService": "events.amazonaws.com"})
    plain = account.user("Plain", document(allow("events:PutTargets")))
    passing = account.user("Passing", document(allow("events:PutTargets"), to_events))
    return (
        verdict(plain.client("events").put_targets, Rule="rule", Targets=[target]),
        verdict(passing.client("events").put_targets, Rule="rule", Targets=[target]),
    )


def tags_of_one_trail(cloud: Cloud) -> tuple[tuple[str, str], ...]:
    account = cloud.account()
    account.client("s3", "us-east-1").create_bucket(Bucket=f"logs-{account.id}")
    trails = account.client("cloudtrail")
    arns = [
        trails.create_trail(Name=name, S3BucketName=f"logs-{account.id}")["TrailARN"]
        for name in ("mine", "other")
    ]
    may = allow(["cloudtrail:AddTags", "cloudtrail:ListTags"], arns[0])
    ada = account.user("Ada", document(may)).client("cloudtrail")
    return (
        tuple(verdict(ada.add_tags, ResourceId=arn, TagsList=TAGS) for arn in arns),  # type: ignore[return-value]
        tuple(verdict(ada.list_tags, ResourceIdList=ids) for ids in (arns[:1], arns)),
    )


def tags_of_one_topic(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    sns = account.client("sns")
    mine, other = (sns.create_topic(Name=name)["TopicArn"] for name in ("mine", "other"))
    tag = account.user("Ada", document(allow("sns:TagResource", mine))).client("sns").tag_resource
    return verdict(tag, ResourceArn=mine, Tags=TAGS), verdict(tag, ResourceArn=other, Tags=TAGS)


def several_parameters(cloud: Cloud) -> tuple[str, ...]:
    account = cloud.account()
    for name in ("/mine/a", "/mine/b", "/other"):
        account.client("ssm").put_parameter(Name=name, Value="v", Type="String")
    mine = f"arn:aws:ssm:{REGION}:{account.id}:parameter/mine"
    ssm = account.user("Ada", document(allow("ssm:Get*", [mine, f"{mine}/*"]))).client("ssm")
    return (
        verdict(ssm.get_parameters, Names=["/mine/a", "/mine/b"]),
        verdict(ssm.get_parameters, Names=["/mine/a", "/other"]),
        verdict(ssm.get_parameters_by_path, Path="/mine/"),
        verdict(ssm.get_parameters_by_path, Path="/"),
    )


def a_bus_of_one_name(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    mine = f"arn:aws:events:{REGION}:{account.id}:event-bus/mine"
    create = (
        account.user("Ada", document(allow("events:CreateEventBus", mine))).client("events").create_event_bus
    )
    return verdict(create, Name="mine"), verdict(create, Name="other")


def the_service_linked_role_of_one_service(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    of_one = f"arn:aws:iam::{account.id}:role/aws-service-role/autoscaling.amazonaws.com/*"
    create = account.user("Ada", document(allow("iam:CreateServiceLinkedRole", of_one))).iam
    services = ("autoscaling.amazonaws.com", "ecs.amazonaws.com")
    first, second = (verdict(create.create_service_linked_role, AWSServiceName=each) for each in services)
    return first, second


def an_analyzer_of_one_name(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    mine = f"arn:aws:access-analyzer:{REGION}:{account.id}:analyzer/mine"
    may = [allow("access-analyzer:CreateAnalyzer", mine), allow("iam:CreateServiceLinkedRole")]
    create = account.user("Ada", document(*may)).client("accessanalyzer").create_analyzer
    return (
        verdict(create, analyzerName="other", type="ACCOUNT"),
        verdict(create, analyzerName="mine", type="ACCOUNT"),
    )


# --- Actions whose name is not that of the call


def a_batch_of_messages(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    topic = account.client("sns").create_topic(Name="news")["TopicArn"]
    batch = {"TopicArn": topic, "PublishBatchRequestEntries": [{"Id": "1", "Message": "m"}]}
    publisher = account.user("Publisher", document(allow("sns:Publish", topic)))
    mute = account.user("Mute", document(allow("sns:*"), deny("sns:Publish")))
    return verdict(publisher.client("sns").publish_batch, **batch), verdict(
        mute.client("sns").publish_batch, **batch
    )


def encrypted_anew(cloud: Cloud) -> tuple[str, ...]:
    account = cloud.account()
    kms = account.client("kms")
    source, target = (kms.create_key()["KeyMetadata"] for _ in range(2))
    blob = kms.encrypt(KeyId=source["KeyId"], Plaintext=b"secret")["CiphertextBlob"]
    from_source, to_target = (
        allow("kms:ReEncryptFrom", source["Arn"]),
        allow("kms:ReEncryptTo", target["Arn"]),
    )
    swapped = [allow("kms:ReEncryptFrom", target["Arn"]), allow("kms:ReEncryptTo", source["Arn"])]
    granted = ([from_source, to_target], [from_source], [to_target], swapped)
    callers = (account.user(f"u{number}", document(*each)) for number, each in enumerate(granted))
    return tuple(
        verdict(each.client("kms").re_encrypt, CiphertextBlob=blob, DestinationKeyId=target["KeyId"])
        for each in callers
    )


def several_keys_deleted(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    bucket = own_bucket(account)
    may = allow("s3:DeleteObject", f"arn:aws:s3:::{bucket}/mine/*")
    s3 = account.user("Ada", document(may)).client("s3")

    def delete(*keys: str) -> str:
        return verdict(s3.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})

    return delete("mine/a", "mine/b"), delete("mine/a", "other/b")


def versions_deleted(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    bucket = own_bucket(account)
    answers = []
    for name, action in (("Keys", "s3:DeleteObject"), ("Versions", "s3:DeleteObjectVersion")):
        s3 = account.user(name, document(allow(action))).client("s3")
        objects = [{"Key": "a", "VersionId": "null"}]
        answers.append(verdict(s3.delete_objects, Bucket=bucket, Delete={"Objects": objects}))
    return answers[0], answers[1]


# --- Deny with NotPrincipal


def all_but_one(cloud: Cloud) -> tuple[str, str, str]:
    """The user that is named with the account; another; one that is named, and has a boundary."""
    account = cloud.account()
    bucket = own_bucket(account)
    boundary = account.policy("boundary", EVERYTHING)
    ada, bob, eve = (account.user(name, EVERYTHING) for name in ("Ada", "Bob", "Eve"))
    account.iam.put_user_permissions_boundary(UserName="Eve", PermissionsBoundary=boundary)
    statement = {
        "Effect": "Deny",
        "NotPrincipal": {"AWS": [ada.arn, eve.arn, account.root_arn]},
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document(statement)))
    first, second, third = (
        verdict(each.client("s3").list_objects_v2, Bucket=bucket) for each in (ada, bob, eve)
    )
    return first, second, third


def a_bucket_of_another_account(cloud: Cloud) -> tuple[str, str, str]:
    """By who is named; by who is not; by who is in the account that is named, and is denied."""
    owner, account = cloud.account(), cloud.account()
    bucket = own_bucket(owner)
    ada, bob, eve = (account.user(name, EVERYTHING) for name in ("Ada", "Bob", "Eve"))
    on_it = {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}

    def says(effect: str, *principals: str) -> None:
        statements = [
            {"Effect": "Allow", "Principal": {"AWS": list(principals)}, **on_it},
            {"Effect": effect, "Principal": {"AWS": eve.arn}, **on_it},
        ]
        owner.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document(*statements)))

    def lists(by: Principal) -> str:
        return verdict(by.client("s3").list_objects_v2, Bucket=bucket)

    says("Allow", ada.arn)
    named, other = lists(ada), lists(bob)
    says("Deny", account.root_arn)
    return named, other, lists(eve)


def a_condition_that_is_not_emulated(cloud: Cloud) -> tuple[str, str]:
    """A denial of another storage class, and one of a key that the action does not have."""
    account = cloud.account()
    bucket = own_bucket(account)
    put = {"Bucket": bucket, "Key": "a", "Body": b"", "StorageClass": "GLACIER"}
    answers = []
    for name, key in (("Ada", "s3:x-amz-storage-class"), ("Bob", "s3:prefix")):
        denial = deny("s3:PutObject", StringEquals={key: "GLACIER"})
        by = account.user(name, document(allow("*"), denial))
        answers.append(verdict(by.client("s3").put_object, **put))
    return answers[0], answers[1]


# --- Names that AWS keeps for itself


def reserved_role_paths(cloud: Cloud) -> tuple[str, ...]:
    account = cloud.account()
    return tuple(
        verdict(
            account.iam.create_role,
            RoleName=f"r{number}",
            Path=path,
            AssumeRolePolicyDocument=json.dumps(TRUST),
        )
        for number, path in enumerate(("/aws-service-role/x/", "/aws-reserved/sso.amazonaws.com/", "/mine/"))
    )


def a_service_linked_role(cloud: Cloud) -> tuple[str, ...]:
    account = cloud.account()
    role = account.iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")["Role"]
    name = {"RoleName": role["RoleName"]}
    policy = {"PolicyName": "p", "PolicyDocument": json.dumps(EVERYTHING)}
    return (
        verdict(account.iam.attach_role_policy, **name, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"),
        verdict(account.iam.put_role_policy, **name, **policy),
        verdict(account.iam.update_assume_role_policy, **name, PolicyDocument=json.dumps(TRUST)),
        verdict(account.iam.delete_role, **name),
    )


def reserved_aliases(cloud: Cloud) -> tuple[str, str]:
    kms = cloud.account().client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    return (
        verdict(kms.create_alias, AliasName="alias/aws/mine", TargetKeyId=key),
        verdict(kms.create_alias, AliasName="alias/mine", TargetKeyId=key),
    )


# --- Instances and quotas


def an_instance_without_a_network(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    ec2 = account.client("ec2")
    image = ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
    launch = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.micro"}
    nowhere = verdict(ec2.run_instances, **launch, SubnetId="subnet-0123456789abcdef0")
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    for gateway in ec2.describe_internet_gateways()["InternetGateways"]:
        for attached in gateway["Attachments"]:
            named = {"InternetGatewayId": gateway["InternetGatewayId"]}
            ec2.detach_internet_gateway(**named, VpcId=attached["VpcId"])
            ec2.delete_internet_gateway(**named)
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        ec2.delete_vpc(VpcId=vpc["VpcId"])
    return nowhere, verdict(ec2.run_instances, **launch)


def the_eleventh_policy_of_a_group(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    account.iam.create_group(GroupName="g")
    answers = [
        verdict(account.iam.attach_group_policy, GroupName="g", PolicyArn=account.policy(f"p{n}", EVERYTHING))
        for n in range(11)
    ]
    return answers[9], answers[10]


def the_eleventh_group_of_a_user(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    account.iam.create_user(UserName="Ada")
    answers = []
    for n in range(11):
        account.iam.create_group(GroupName=f"g{n}")
        answers.append(verdict(account.iam.add_user_to_group, GroupName=f"g{n}", UserName="Ada"))
    return answers[9], answers[10]


# --- What is reported of an account


def managed_policies_in_the_details(cloud: Cloud) -> tuple[list[str], list[str], list[str]]:
    account = cloud.account()
    account.policy("own", EVERYTHING)
    account.iam.create_group(GroupName="g")
    account.iam.attach_group_policy(GroupName="g", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")

    def found(**filters: Any) -> list[str]:
        details = account.iam.get_account_authorization_details(**filters)
        return sorted(policy["PolicyName"] for policy in details["Policies"])

    return found(), found(Filter=["AWSManagedPolicy"]), found(Filter=["LocalManagedPolicy"])


def credential_report(cloud: Cloud) -> dict[str, str]:
    account = cloud.account()
    ada = account.user("Ada", EVERYTHING)
    account.iam.create_login_profile(UserName="Ada", Password="Sufficiently-long-1")
    ada.client("s3").list_buckets()
    account.iam.generate_credential_report()
    header, _, row = account.iam.get_credential_report()["Content"].decode().splitlines()
    columns = dict(zip(header.split(","), row.split(","), strict=True))
    wanted = (
        "password_last_used",
        "password_last_changed",
        "password_next_rotation",
        "access_key_1_last_used_date",
        "access_key_1_last_used_region",
        "access_key_1_last_used_service",
        "access_key_2_last_used_date",
    )
    return {name: columns[name] for name in wanted}


def alarms_of_one_name(cloud: Cloud) -> tuple[str, ...]:
    account = cloud.account()
    alarm = {
        "Namespace": "n",
        "MetricName": "m",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Period": 60,
        "Statistic": "Sum",
        "Threshold": 1.0,
    }
    mine = f"arn:aws:cloudwatch:{REGION}:{account.id}:alarm:mine"
    ada = account.user("Ada", document(allow(["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"], mine)))
    client = ada.client("cloudwatch")
    return (
        verdict(client.put_metric_alarm, AlarmName="mine", **alarm),
        verdict(client.put_metric_alarm, AlarmName="other", **alarm),
        verdict(client.put_metric_alarm, AlarmName="mine", Tags=TAGS, **alarm),
        verdict(client.delete_alarms, AlarmNames=["mine", "other"]),
    )


def a_federated_user_of_one_name(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    mine = f"arn:aws:sts::{account.id}:federated-user/mine"
    get = account.user("Ada", document(allow("sts:GetFederationToken", mine))).sts.get_federation_token
    return verdict(get, Name="mine"), verdict(get, Name="other")


def a_stream_of_one_name(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    account.client("logs").create_log_group(logGroupName="g")
    stream = f"arn:aws:logs:{REGION}:{account.id}:log-group:g:log-stream:mine"
    logs = account.user("Ada", document(allow("logs:CreateLogStream", stream))).client("logs")
    return (
        verdict(logs.create_log_stream, logGroupName="g", logStreamName="mine"),
        verdict(logs.create_log_stream, logGroupName="g", logStreamName="other"),
    )


CREATIONS = {
    "user": creating("iam", "create_user", "iam:TagUser", UserName="made", Tags=TAGS),
    "role": creating(
        "iam", "create_role", "iam:TagRole",
        RoleName="made", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=TAGS,
    ),
    "policy": creating(
        "iam", "create_policy", "iam:TagPolicy",
        PolicyName="made", PolicyDocument=json.dumps(EVERYTHING), Tags=TAGS,
    ),
    "instance profile": creating(
        "iam", "create_instance_profile", "iam:TagInstanceProfile", InstanceProfileName="made", Tags=TAGS
    ),
    "MFA device": creating(
        "iam", "create_virtual_mfa_device", "iam:TagMFADevice", VirtualMFADeviceName="made", Tags=TAGS
    ),
    "topic": creating("sns", "create_topic", "sns:TagResource", Name="made", Tags=TAGS),
    "rule": creating(
        "events", "put_rule", "events:TagResource", Name="made", EventPattern='{"source": ["a"]}', Tags=TAGS
    ),
    "log group": creating(
        "logs", "create_log_group", "logs:TagResource", logGroupName="made", tags={"a": "b"}
    ),
    "parameter": creating(
        "ssm", "put_parameter", "ssm:AddTagsToResource", Name="made", Value="v", Type="String", Tags=TAGS
    ),
}  # fmt: skip
DENIALS = dict.fromkeys(CREATIONS, DENIED) | {
    "topic": DENIED_SNS,
    "rule": DENIED_JSON,
    "log group": DENIED_JSON,
    "parameter": DENIED_JSON,
}
a_new_analyzer = creating(
    "accessanalyzer",
    "create_analyzer",
    "access-analyzer:TagResource",
    analyzerName="made",
    type="ACCOUNT",
    tags={"a": "b"},
)


BOTH, NEITHER, FREE = (ALLOWED, DENIED), (DENIED, DENIED), (ALLOWED, ALLOWED)
FREE_JSON, NEITHER_JSON = (ALLOWED, DENIED_JSON), (DENIED_JSON,) * 2
GAPS = (
    Gap("an object is written with tags", an_object_with_tags, (DENIED, ALLOWED), FREE),
    Gap("a volume is made with tags", a_volume_with_tags, (DENIED_EC2, ALLOWED), FREE),
    Gap("a volume is made on the volume too", a_volume_from_a_snapshot, (DENIED_EC2, ALLOWED), FREE),
    Gap("a volume is encrypted or not", an_unencrypted_volume, (DENIED_EC2, ALLOWED), (DENIED_EC2,) * 2),
    Gap("the caller needs TagSession", tagged_session, (DENIED, ALLOWED), FREE),
    Gap("caller and role need SetSourceIdentity", named_source, (DENIED, DENIED, ALLOWED), (ALLOWED,) * 3),
    Gap("a trust policy sees the source identity", a_trust_policy_asks_for_the_source,
        (DENIED, ALLOWED), NEITHER),
    Gap("a boundary limits what a trust gives a role", a_boundary_where_the_trust_names_a_role,
        (ALLOWED, DENIED, DENIED), (DENIED,) * 3),
    Gap("buckets are listed on all buckets", buckets_are_listed_on_all_buckets, BOTH, NEITHER),
    Gap("targets are of a rule", targets_of_one_rule, (FREE_JSON,) * 3, (NEITHER_JSON,) * 3),
    Gap("a target takes a role with PassRole only", a_role_for_eventbridge, (DENIED_JSON, ALLOWED), FREE),
    Gap("tags are of a trail", tags_of_one_trail, (FREE_JSON,) * 2, (NEITHER_JSON,) * 2),
    Gap("tags are of a topic", tags_of_one_topic, (ALLOWED, DENIED_SNS), (DENIED_SNS,) * 2),
    Gap("parameters are distinguished", several_parameters,
        (ALLOWED, DENIED_JSON, ALLOWED, DENIED_JSON), (DENIED_JSON,) * 4),
    Gap("buses are distinguished", a_bus_of_one_name, FREE_JSON, NEITHER_JSON),
    Gap("service-linked roles are of a service", the_service_linked_role_of_one_service, BOTH, NEITHER),
    Gap("an analyzer has a name", an_analyzer_of_one_name, (DENIED_JSON, ALLOWED), ("400", "400")),
    Gap("a batch is published", a_batch_of_messages, (ALLOWED, DENIED_SNS), (DENIED_SNS, ALLOWED)),
    Gap("encrypting anew needs both keys", encrypted_anew,
        (ALLOWED, *(DENIED_JSON,) * 3), (DENIED_JSON,) * 4),
    Gap("versions are deleted as versions", versions_deleted, (DENIED, ALLOWED), BOTH),
    Gap("a denial spares who is named", all_but_one, (ALLOWED, DENIED, DENIED), (ALLOWED,) * 3),
    Gap("a bucket of another account names its readers", a_bucket_of_another_account,
        (ALLOWED, DENIED, DENIED), (DENIED, DENIED, ALLOWED)),
    Gap("a condition that is not known here is not passed over", a_condition_that_is_not_emulated,
        (DENIED, ALLOWED), FREE),
    Gap("role paths are reserved", reserved_role_paths,
        ("InvalidInput", "InvalidInput", ALLOWED), (ALLOWED,) * 3),
    Gap("AWS alone changes its roles", a_service_linked_role, ("UnmodifiableEntity",) * 4,
        (*(ALLOWED,) * 3, "DeleteConflict")),
    Gap("aliases are reserved", reserved_aliases, ("NotAuthorizedException", ALLOWED), FREE),
    Gap("an instance needs a network", an_instance_without_a_network,
        ("InvalidSubnetID.NotFound", "VPCIdNotSpecified"), FREE),
    Gap("a group has ten policies", the_eleventh_policy_of_a_group, (ALLOWED, "LimitExceeded"), FREE),
    Gap("a user has ten groups", the_eleventh_group_of_a_user, (ALLOWED, "LimitExceeded"), FREE),
    Gap("the details have policies of AWS", managed_policies_in_the_details,
        (["ReadOnlyAccess", "own"], ["ReadOnlyAccess"], ["own"]), (["own"], [], ["own"])),
    Gap("alarms are of a name and have tags", alarms_of_one_name,
        (ALLOWED, *(DENIED_JSON,) * 3), (ALLOWED, DENIED_JSON, ALLOWED, DENIED_JSON)),
    Gap("a federated user has a name", a_federated_user_of_one_name, BOTH, NEITHER),
    Gap("a stream is made on the stream", a_stream_of_one_name, FREE_JSON, NEITHER_JSON),
    *(
        Gap(f"tags of a new {what}", probe, (DENIALS[what], ALLOWED), FREE)
        for what, probe in CREATIONS.items()
    ),
    Gap("tags of a new analyzer", a_new_analyzer, (DENIED_JSON, ALLOWED), ("400", "400")),
)  # fmt: skip


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_emulated_aws_answers_as_aws(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_rule_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


def test_every_key_of_a_batch_deletion_is_authorised(emulated: Cloud) -> None:
    """The shipped emulator does so, too."""
    assert several_keys_deleted(emulated) == BOTH


def test_the_credential_report_says_what_is_known(emulated: Cloud) -> None:
    report = credential_report(emulated)
    assert report.pop("password_last_changed") == report.pop("access_key_1_last_used_date") != "N/A"
    assert report == {
        "password_last_used": "no_information",
        "password_next_rotation": "N/A",
        "access_key_1_last_used_region": REGION,
        "access_key_1_last_used_service": "s3",
        "access_key_2_last_used_date": "N/A",
    }


def test_the_credential_report_is_empty_upstream(shipped: Cloud) -> None:
    assert set(credential_report(shipped).values()) == {"N/A"}


@pytest.fixture
def account(emulated: Cloud) -> Account:
    return emulated.account()


def test_a_password_that_expires_has_a_next_rotation(account: Account) -> None:
    account.iam.update_account_password_policy(MaxPasswordAge=90)
    account.user("Ada")
    account.iam.create_login_profile(UserName="Ada", Password="Sufficiently-long-1")
    account.iam.generate_credential_report()
    report = account.iam.get_credential_report()["Content"].decode().splitlines()
    row = dict(zip(report[0].split(","), report[2].split(","), strict=True))
    changed, due = (
        datetime.fromisoformat(row[f"password_{name}"]) for name in ("last_changed", "next_rotation")
    )
    assert (due - changed).days == 90


def test_a_user_that_the_trust_policy_names_is_not_limited_by_a_boundary(account: Account) -> None:
    boundary = account.policy("boundary", document(allow("s3:*")))
    ada = account.user("Ada")
    account.iam.put_user_permissions_boundary(UserName="Ada", PermissionsBoundary=boundary)
    assume = {"RoleArn": account.role("reader", trust(ada.arn)), "RoleSessionName": "session"}
    assert verdict(ada.sts.assume_role, **assume) == ALLOWED
    denial = account.policy("denial", document(deny("sts:AssumeRole"), allow("*")))
    account.iam.put_user_permissions_boundary(UserName="Ada", PermissionsBoundary=denial)
    assert verdict(ada.sts.assume_role, **assume) == DENIED


def test_the_statement_that_names_the_caller_must_be_met(account: Account) -> None:
    """Not one of the account, which leaves the decision to the caller's policies."""
    ada = account.user("Ada")
    named = {
        **trust(ada.arn)["Statement"][0],
        "Condition": {"StringEquals": {"sts:ExternalId": "secret"}},
    }
    role = account.role("reader", document(named, trust(account.root_arn)["Statement"][0]))
    assume = {"RoleArn": role, "RoleSessionName": "session"}
    assert verdict(ada.sts.assume_role, **assume) == DENIED
    assert verdict(ada.sts.assume_role, **assume, ExternalId="secret") == ALLOWED
    assert verdict(account.user("Eve", EVERYTHING).sts.assume_role, **assume) == ALLOWED


def test_a_source_identity_stays_in_a_chain_of_roles(account: Account) -> None:
    trusted = {
        "Effect": "Allow",
        "Principal": {"AWS": account.root_arn},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
    }
    first = account.role("first", document(trusted), EVERYTHING)
    second = account.role(
        "second", document(trusted), document(allow("s3:*", StringEquals={"aws:SourceIdentity": "Ada"}))
    )
    without = account.role("without", trust(account.root_arn))
    session = account.user("Ada", EVERYTHING).assume(first, SourceIdentity="Ada")
    assert verdict(session.assume(second).client("s3").list_buckets) == ALLOWED
    plain = account.user("Bob", EVERYTHING).assume(first)
    assert verdict(plain.assume(second).client("s3").list_buckets) == DENIED
    chained = {"RoleSessionName": "session"}
    assert verdict(session.sts.assume_role, RoleArn=second, SourceIdentity="Eve", **chained) == DENIED
    assert verdict(session.sts.assume_role, RoleArn=without, **chained) == DENIED
    answer = session.sts.assume_role(RoleArn=second, **chained)
    assert answer["SourceIdentity"] == "Ada"


def test_a_session_is_spared_with_its_role_and_account_only(account: Account) -> None:
    bucket = own_bucket(account)
    role = account.role("reader", trust(account.root_arn), EVERYTHING)
    session = account.user("Ada", EVERYTHING).assume(role)
    names = [f"arn:aws:sts::{account.id}:assumed-role/reader/session", role, account.root_arn]
    answers = []
    for listed in (names, names[:2], names[1:]):
        statement = {
            "Effect": "Deny",
            "NotPrincipal": {"AWS": listed},
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{bucket}",
        }
        account.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document(statement)))
        answers.append(verdict(session.client("s3").list_objects_v2, Bucket=bucket))
    assert answers == [ALLOWED, DENIED, DENIED]


def test_what_is_encrypted_anew_opens_with_the_other_key(account: Account) -> None:
    kms = account.client("kms")
    source, target = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    context = {"for": "a"}
    blob = kms.encrypt(KeyId=source, Plaintext=b"secret", EncryptionContext=context)["CiphertextBlob"]
    anew = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext=context,
        DestinationKeyId=target,
        DestinationEncryptionContext={"for": "b"},
    )
    opened = kms.decrypt(CiphertextBlob=anew["CiphertextBlob"], EncryptionContext={"for": "b"})
    assert (opened["Plaintext"], opened["KeyId"].rsplit("/", 1)[-1]) == (b"secret", target)
    wrong = {"SourceEncryptionContext": {"for": "c"}, "DestinationKeyId": target}
    assert verdict(kms.re_encrypt, CiphertextBlob=blob, **wrong) == "InvalidCiphertextException"


def test_tags_can_be_told_by_their_values(account: Account) -> None:
    """The tagging permission sees the tags of the request, as that of the creation does."""
    red = allow("iam:TagUser", StringEquals={"aws:RequestTag/team": "red"})
    create = account.user("Ada", document(allow("iam:CreateUser"), red)).iam.create_user
    assert verdict(create, UserName="a", Tags=TAGS) == ALLOWED
    assert verdict(create, UserName="b", Tags=OTHER_TAGS) == DENIED
    assert verdict(create, UserName="c") == ALLOWED


def test_a_denial_on_a_table_holds_for_partiql(account: Account) -> None:
    dynamodb = account.client("dynamodb")
    table = dynamodb.create_table(
        TableName="vault",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]["TableArn"]
    ada = account.user("Ada", document(allow("*"), deny("dynamodb:PartiQLSelect", table)))
    call = ada.client("dynamodb").execute_statement
    assert verdict(call, Statement="SELECT * FROM vault") == "AccessDeniedException"
