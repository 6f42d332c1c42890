"""The instance, in accounts with and without default subnets: no public address, and it stays the same.

The program's own component under the real engine, with the fake AWS provider and the emulated AWS.
"""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi import automation as auto

from components import instance
from components.instance import Instance, InstanceArgs
from iam_hardening import config
from tests.accounts import account, section

pytestmark = pytest.mark.engine

DEFAULT_SUBNETS = ["subnet-00000001", "subnet-00000002", "subnet-00000003"]


def program(**changed: Any) -> Callable[[], None]:
    written: dict[str, Any] = {
        "roleName": "instance",
        "profileName": "instance",
        "imageName": "ubuntu/images/*",
    }
    args = InstanceArgs(account=account(tags={}), instance=section(config.Instance, **written | changed))

    def run() -> None:
        made = Instance("machine", args)
        pulumi.export("id", made.instance_id)

    return run


def before_the_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the program was: no subnet in the instance's inputs."""
    monkeypatch.setattr(instance, "_a_default_subnet", lambda parent: None)


def live(stack: Any) -> dict[str, Any]:
    found = stack.client("ec2").describe_instances(InstanceIds=[stack.outputs()["id"]])
    described: dict[str, Any] = found["Reservations"][0]["Instances"][0]
    return described


def urn(stack: Any) -> str:
    found = [
        each["urn"] for each in stack.stored()["resources"] if each["type"] == "aws:ec2/instance:Instance"
    ]
    return str(found[0])


def forget_the_subnet_input(stack: Any) -> None:
    """The state of an instance that was launched without one: its outputs have the subnet that AWS chose."""
    exported = stack.stack.export_stack()
    for resource in exported.deployment["resources"]:
        if resource["type"] == "aws:ec2/instance:Instance":
            del resource["inputs"]["subnetId"]
    stack.stack.import_stack(auto.Deployment(version=exported.version, deployment=exported.deployment))


def test_without_a_configured_subnet_there_is_no_public_address_and_the_next_up_changes_nothing(
    stack: Any,
) -> None:
    stack.up(program())
    assert live(stack)["SubnetId"] == DEFAULT_SUBNETS[0]
    assert "PublicIpAddress" not in live(stack)
    assert stack.up().clean
    assert stack.refresh().clean
    assert stack.up().clean


def test_without_the_look_up_it_has_one_and_every_up_would_replace_it(
    stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this was before, and what the next up makes of it: one replacement, and quiet."""
    with monkeypatch.context() as before:
        before_the_look_up(before)
        stack.up(program())
        first = stack.outputs()["id"]
        assert "PublicIpAddress" in live(stack)
        assert stack.up().changes.get("replace") == 1
        assert stack.outputs()["id"] != first
        assert "PublicIpAddress" in live(stack)
    assert stack.up(program()).changes.get("replace") == 1
    assert "PublicIpAddress" not in live(stack)
    assert stack.up().clean


def test_an_instance_from_before_the_look_up_stays_in_the_zone_that_aws_chose(
    stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(instance, "_a_default_subnet", lambda parent: DEFAULT_SUBNETS[1])
        stack.up(program())
    forget_the_subnet_input(stack)
    kept = stack.outputs()["id"]
    assert stack.up(program()).clean
    assert stack.refresh().clean
    assert stack.up().clean
    assert (stack.outputs()["id"], live(stack)["SubnetId"]) == (kept, DEFAULT_SUBNETS[1])


def test_a_default_subnet_more_or_less_moves_nothing(stack: Any) -> None:
    stack.up(program())
    kept = stack.outputs()["id"]
    ec2 = stack.client("ec2")
    ec2.delete_subnet(SubnetId=DEFAULT_SUBNETS[0])
    assert stack.up().clean
    assert stack.outputs()["id"] == kept


def test_replaced_on_purpose_it_gets_a_subnet_and_no_public_address(
    stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the input in its state, too: what an update ignores a replacement does not."""
    stack.up(program())
    first = stack.outputs()["id"]
    forget_the_subnet_input(stack)
    stack.up(target=[urn(stack)], replace=[urn(stack)])
    assert stack.outputs()["id"] != first
    assert "PublicIpAddress" not in live(stack)
    assert stack.up().clean


def test_a_configured_subnet_replaces_it_and_leaving_it_out_again_does_not(stack: Any) -> None:
    stack.up(program())
    assert stack.up(program(subnetId=DEFAULT_SUBNETS[2])).changes.get("replace") == 1
    moved = stack.outputs()["id"]
    assert live(stack)["SubnetId"] == DEFAULT_SUBNETS[2]
    assert stack.up(program()).clean
    assert stack.outputs()["id"] == moved


def test_an_account_without_a_default_subnet_gets_a_message_with_what_to_write(stack: Any) -> None:
    ec2 = stack.client("ec2")
    for subnet in DEFAULT_SUBNETS:
        ec2.delete_subnet(SubnetId=subnet)
    said = stack.fails(program())
    assert (
        "iam-hardening:instance.subnetId: missing, and the account has no default subnet in us-east-1; write "
        "the ID of the subnet that the instance is to be in, such as subnet-0123456789abcdef0" in said
    )
    assert "Traceback" not in said
    assert ec2.describe_instances()["Reservations"] == []
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    own = ec2.create_subnet(VpcId=vpc, CidrBlock="172.31.64.0/20")["Subnet"]["SubnetId"]
    stack.up(program(subnetId=own))
    assert live(stack)["SubnetId"] == own


def test_another_type_stops_it_changes_it_and_starts_it(stack: Any) -> None:
    stack.up(program())
    kept = stack.outputs()["id"]
    assert stack.up(program(instanceType="t3.small")).updated == {"machine"}
    assert stack.outputs()["id"] == kept
    assert (live(stack)["InstanceType"], live(stack)["State"]["Name"]) == ("t3.small", "running")
    assert "PublicIpAddress" not in live(stack)
    assert stack.up().clean
    assert stack.refresh().clean
