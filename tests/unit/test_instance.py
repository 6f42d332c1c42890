"""Tutorial section 6: an instance with a profile instead of access keys."""

import json
from typing import Any

import pytest

from components.instance import Instance, InstanceArgs
from iam_hardening import config
from iam_hardening.aws.policies import roles as roles_policies
from tests.accounts import WORKLOAD_ID, account, section, statement
from tests.recorder import ACCOUNT_ID, Recorder

TAGS = {"Stack": "dev"}
INSTANCE = "aws:ec2/instance:Instance"
ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"


def record_instance(recorder: Recorder, *, partition: str = "aws", **changed: Any) -> None:
    written: dict[str, Any] = {
        "imageName": "ubuntu/images/*",
        "policies": {"write": [statement("Write", "s3:PutObject", "arn:aws:s3:::data/*")]},
    }
    own = account(partition=partition)
    args = InstanceArgs(account=own, instance=section(config.Instance, **written | changed))
    recorder.run(lambda: Instance("instance", args))


def test_the_instance_requires_imdsv2_encrypts_its_disk_and_has_no_public_address(
    recorder: Recorder,
) -> None:
    record_instance(recorder)
    assert recorder.one(INSTANCE, "instance").inputs == {
        "ami": "ami-0123456789abcdef0",
        "instanceType": "t3.micro",
        "iamInstanceProfile": "test_profile",
        # Without a subnet the AWS provider drops the choice below.
        "subnetId": "subnet-0aaaaaaaaaaaaaaaa",
        "associatePublicIpAddress": False,
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "httpPutResponseHopLimit": 1,
        },
        "rootBlockDevice": {"encrypted": True, "volumeType": "gp3", "deleteOnTermination": True},
        "tags": {"Stack": "dev", "Name": "HelloWorld"},
        "volumeTags": {"Stack": "dev", "Name": "HelloWorld"},
    }


def test_subnet_and_security_groups_are_the_configured_ones(recorder: Recorder) -> None:
    record_instance(recorder, subnetId="subnet-0123456789abcdef0", securityGroupIds=["sg-01234567"])
    inputs = recorder.one(INSTANCE, "instance").inputs
    assert inputs["subnetId"] == "subnet-0123456789abcdef0"
    assert inputs["vpcSecurityGroupIds"] == ["sg-01234567"]


@pytest.mark.parametrize(
    ("subnet_id", "ignored"), [(None, ("ami", "subnetId")), ("subnet-0123456789abcdef0", ("ami",))]
)
def test_a_newer_image_and_another_default_subnet_do_not_replace_a_running_instance(
    recorder: Recorder, subnet_id: str | None, ignored: tuple[str, ...]
) -> None:
    record_instance(recorder, **{"subnetId": subnet_id} if subnet_id else {})
    assert recorder.one(INSTANCE, "instance").ignore_changes == ignored


def test_default_subnets_are_looked_up_only_where_no_subnet_is_configured(recorder: Recorder) -> None:
    record_instance(recorder, subnetId="subnet-0123456789abcdef0")
    assert [invoked.token for invoked in recorder.invoked] == ["aws:ec2/getAmi:getAmi"]


def test_any_default_subnet_of_the_region_will_do(recorder: Recorder) -> None:
    record_instance(recorder)
    (asked,) = [each for each in recorder.invoked if each.token == "aws:ec2/getSubnets:getSubnets"]
    assert asked.arguments == {"filters": [{"name": "default-for-az", "values": ["true"]}]}


def test_the_newest_image_of_the_owner_is_taken(recorder: Recorder) -> None:
    record_instance(recorder, subnetId="subnet-0123456789abcdef0")
    assert [(invoked.token, invoked.arguments) for invoked in recorder.invoked] == [
        (
            "aws:ec2/getAmi:getAmi",
            {
                "mostRecent": True,
                "owners": ["099720109477"],
                "filters": [
                    {"name": "name", "values": ["ubuntu/images/*"]},
                    {"name": "virtualization-type", "values": ["hvm"]},
                    {"name": "root-device-type", "values": ["ebs"]},
                ],
            },
        )
    ]


@pytest.mark.parametrize(
    ("partition", "service"), [("aws", "ec2.amazonaws.com"), ("aws-cn", "ec2.amazonaws.com.cn")]
)
def test_only_ec2_may_take_the_role_and_the_profile_holds_it(
    recorder: Recorder, partition: str, service: str
) -> None:
    record_instance(recorder, partition=partition)
    role = recorder.one(ROLE, "instance-role").inputs
    assert {**role, "assumeRolePolicy": json.loads(role["assumeRolePolicy"])} == {
        "name": "test_instance_role",
        "description": "What runs on the instance HelloWorld may do",
        "assumeRolePolicy": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "AllowEC2Instances",
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": "sts:AssumeRole",
                }
            ],
        },
        "tags": TAGS,
    }
    assert recorder.one("aws:iam/instanceProfile:InstanceProfile", "instance-profile").inputs == {
        "name": "test_profile",
        "role": "test_instance_role",
        "tags": TAGS,
    }


def test_the_instance_starts_only_when_its_role_may_do_what_it_needs(recorder: Recorder) -> None:
    record_instance(recorder)
    attachment = recorder.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "instance-write")
    assert attachment.inputs == {
        "role": "test_instance_role",
        "policyArn": f"arn:aws:iam::{ACCOUNT_ID}:policy/write",
    }
    assert attachment.urn in recorder.one(INSTANCE, "instance").dependencies


@pytest.mark.parametrize("session_manager", [False, True])
def test_only_with_session_manager_may_the_agent_register(recorder: Recorder, session_manager: bool) -> None:
    record_instance(recorder, sessionManager=session_manager)
    attached = {made.name for made in recorder.all_of(ATTACHMENT)}
    assert ("instance-AmazonSSMManagedInstanceCore" in attached) == session_manager
    assert "instance-write-shell-session-logs" not in attached
    assert "keyName" not in recorder.one(INSTANCE, "instance").inputs


def test_with_a_log_group_the_agent_writes_down_shells_there_and_nowhere_else(recorder: Recorder) -> None:
    group = f"arn:aws:logs:us-east-1:{WORKLOAD_ID}:log-group:/shells"
    record_instance(recorder, sessionManager=True, sessionPreferences={"logGroup": "/shells"})
    made = recorder.one("aws:iam/policy:Policy", "policy/write-shell-session-logs").inputs
    assert made["name"] == "write-shell-session-logs"
    assert json.loads(made["policy"]) == roles_policies.write_session_logs(group)
    attachment = recorder.one(ATTACHMENT, "instance-write-shell-session-logs")
    assert attachment.inputs["role"] == "test_instance_role"
    assert attachment.urn in recorder.one(INSTANCE, "instance").dependencies
