"""The fake provider's EC2 and S3 rows and the AWS functions under the real engine."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from tests.engine.documents import trust

pytestmark = pytest.mark.engine


def _instance(**more: Any) -> Callable[[], None]:
    def program() -> None:
        role = aws.iam.Role("role", name="instance", assume_role_policy=trust("111111111111"))
        profile = aws.iam.InstanceProfile("profile", name="instance", role=role.name)
        image = aws.ec2.get_ami(
            most_recent=True,
            owners=["099720109477"],
            filters=[aws.ec2.GetAmiFilterArgs(name="name", values=["ubuntu/images/*"])],
        )
        subnets = aws.ec2.get_subnets(
            filters=[aws.ec2.GetSubnetsFilterArgs(name="availability-zone", values=["us-east-1a"])]
        )
        instance = aws.ec2.Instance(
            "instance",
            ami=image.id,
            instance_type="t3.micro",
            iam_instance_profile=profile.name,
            subnet_id=subnets.ids[0],
            metadata_options=aws.ec2.InstanceMetadataOptionsArgs(
                http_tokens="required", http_endpoint="enabled"
            ),
            root_block_device=aws.ec2.InstanceRootBlockDeviceArgs(encrypted=True),
            tags={"Name": "HelloWorld"},
            **more,
        )
        pulumi.export("state", instance.instance_state)
        pulumi.export("root", instance.root_block_device)

    return program


def test_a_hardened_instance_comes_up_stays_and_goes(stack: Any) -> None:
    stack.up(_instance(associate_public_ip_address=False))
    assert stack.up().clean
    assert stack.refresh().clean
    ec2 = stack.client("ec2")
    live = ec2.describe_instances(InstanceIds=[stack.resource("instance")["id"]])["Reservations"][0][
        "Instances"
    ][0]
    assert live["MetadataOptions"]["HttpTokens"] == "required"
    assert "PublicIpAddress" not in live
    assert live["IamInstanceProfile"]["Arn"].endswith(":instance-profile/instance")
    assert {tag["Key"]: tag["Value"] for tag in live["Tags"]} == {"Name": "HelloWorld"}
    assert stack.outputs()["root"]["encrypted"] is True
    stack.destroy()
    assert stack.names() == set()


def test_a_terminated_instance_is_made_again(stack: Any) -> None:
    stack.up(_instance())
    first = stack.resource("instance")["id"]
    stack.client("ec2").terminate_instances(InstanceIds=[first])
    stack.refresh()
    assert "instance" not in stack.names()
    assert stack.up().created == {"instance"}
    assert stack.resource("instance")["id"] != first


def test_a_tag_changed_by_hand_is_shown_and_put_back(stack: Any) -> None:
    stack.up(_instance())
    ec2 = stack.client("ec2")
    ec2.create_tags(Resources=[stack.resource("instance")["id"]], Tags=[{"Key": "Name", "Value": "mine"}])
    assert stack.refresh().updated == {"instance"}
    assert stack.up().updated == {"instance"}
    assert stack.refresh().clean


def test_user_data_is_refused_with_the_reason(stack: Any) -> None:
    said = stack.fails(_instance(user_data="#!/bin/sh"))
    assert "the fake provider has no row for userData" in said
    assert stack.client("ec2").describe_instances()["Reservations"] == []


def test_a_bucket_with_objects_goes_only_with_force_destroy(stack: Any) -> None:
    def program(*, force: bool, **tags: str) -> Callable[[], None]:
        name = f"bucket-{stack.name}"
        return lambda: (aws.s3.Bucket("bucket", bucket=name, force_destroy=force, tags=tags), None)[1]

    stack.up(program(force=False, a="1", b="2"))
    assert stack.refresh().clean
    assert stack.up(program(force=False, b="3")).updated == {"bucket"}
    s3 = stack.client("s3")
    name = f"bucket-{stack.name}"
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "b", "Value": "3"}]
    s3.put_object(Bucket=name, Key="a/b", Body=b"x")
    with pytest.raises(Exception, match="BucketNotEmpty"):
        stack.destroy()
    stack.up(program(force=True))
    assert stack.refresh().clean
    stack.destroy()
    assert s3.list_buckets()["Buckets"] == []


def test_the_functions_answer_for_the_stacks_own_account(stack: Any) -> None:
    def program() -> None:
        pulumi.export("account", aws.get_caller_identity().account_id)
        pulumi.export("subnets", aws.ec2.get_subnets().id)
        pulumi.export("policy", aws.iam.get_policy(name="AdministratorAccess").arn)

    stack.set_config("aws:region", "eu-central-1")
    stack.up(program)
    assert stack.outputs() == {
        "account": stack.account_id,
        "subnets": "eu-central-1",
        "policy": "arn:aws:iam::aws:policy/AdministratorAccess",
    }


def test_a_look_up_that_finds_nothing_says_so(stack: Any) -> None:
    assert "0 IAM policies are named 'Nope'" in stack.fails(
        lambda: (aws.iam.get_policy(name="Nope"), None)[1]
    )
    said = stack.fails(lambda: (aws.ec2.get_ami(owners=["000000000000"], most_recent=True), None)[1])
    assert "your query returned no results" in said
