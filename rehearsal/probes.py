"""Real calls that show what an identity can do: cheap ones, and those an intruder would try first.

Every probe names the IAM action and resource that AWS checks for it, so that a claim can be worked out from
the settings. A probe that is allowed to change something undoes it with the account's administrator.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from iam_hardening.aws.naming import iam_arn
from iam_hardening.clients.aws import Session


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What the probes act on, all of it in one account. `buckets` are names, `instances` are IDs."""

    partition: str
    account_id: str
    region: str
    bystander: str
    buckets: tuple[str, ...]
    instances: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Probe:
    """`action` and `resource` are what AWS checks; `call` makes the request, `undo` takes it back."""

    action: str
    resource: str
    call: Callable[[Session], Any]
    undo: Callable[[Session], Any] | None = None


def probes(on: Targets) -> Iterator[Probe]:
    """Every probe for one account, harmless ones first."""
    yield Probe(
        action="s3:ListAllMyBuckets",
        resource="*",
        call=lambda caller: [bucket["Name"] for bucket in caller.client("s3").list_buckets()["Buckets"]],
    )
    yield Probe(action="iam:ListUsers", resource="*", call=lambda caller: caller.client("iam").list_users())
    if on.instances:
        yield Probe(
            action="ec2:DescribeInstances",
            resource="*",
            call=lambda caller: caller.client("ec2").describe_instances(),
        )
    for bucket in on.buckets:
        yield from _objects(on, bucket)
    yield _create_bucket(on)
    for instance_id in on.instances:
        yield _reboot(on, instance_id)
    yield _create_user(on)
    yield _create_key_for_someone_else(on)


def _objects(on: Targets, bucket: str) -> Iterator[Probe]:
    key = "rehearsal/object"
    resource = f"arn:{on.partition}:s3:::{bucket}/{key}"
    yield Probe(
        action="s3:PutObject",
        resource=resource,
        call=lambda caller: caller.client("s3").put_object(Bucket=bucket, Key=key, Body=b"rehearsal"),
    )
    yield Probe(
        action="s3:GetObject",
        resource=resource,
        call=lambda caller: caller.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read(),
    )


def bucket_place(region: str) -> dict[str, Any]:
    """What CreateBucket takes besides the name; us-east-1 cannot be named. Source: S3 API reference."""
    if region == "us-east-1":
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _create_bucket(on: Targets) -> Probe:
    bucket = f"rehearsal-{uuid4().hex[:12]}"
    where = bucket_place(on.region)
    return Probe(
        action="s3:CreateBucket",
        resource=f"arn:{on.partition}:s3:::{bucket}",
        call=lambda caller: caller.client("s3").create_bucket(Bucket=bucket, **where),
        undo=lambda admin: admin.client("s3").delete_bucket(Bucket=bucket),
    )


def _reboot(on: Targets, instance_id: str) -> Probe:
    return Probe(
        action="ec2:RebootInstances",
        resource=f"arn:{on.partition}:ec2:{on.region}:{on.account_id}:instance/{instance_id}",
        call=lambda caller: caller.client("ec2").reboot_instances(InstanceIds=[instance_id]),
    )


def _create_user(on: Targets) -> Probe:
    user = f"rehearsal-intruder-{uuid4().hex[:8]}"
    return Probe(
        action="iam:CreateUser",
        resource=iam_arn(on.partition, on.account_id, f"user/{user}"),
        call=lambda caller: caller.client("iam").create_user(UserName=user),
        undo=lambda admin: admin.client("iam").delete_user(UserName=user),
    )


def _create_key_for_someone_else(on: Targets) -> Probe:
    def undo(admin: Session) -> None:
        iam = admin.client("iam")
        for key in iam.list_access_keys(UserName=on.bystander)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=on.bystander, AccessKeyId=key["AccessKeyId"])

    return Probe(
        action="iam:CreateAccessKey",
        resource=iam_arn(on.partition, on.account_id, f"user/{on.bystander}"),
        call=lambda caller: caller.client("iam").create_access_key(UserName=on.bystander),
        undo=undo,
    )
