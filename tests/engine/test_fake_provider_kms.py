"""The fake provider's rows of KMS under the real engine: keys with their policy and rotation, and aliases."""

import json
from typing import Any

import pulumi_aws as aws
import pytest

pytestmark = pytest.mark.engine

LESS = ["kms:D*", "kms:G*", "kms:L*", "kms:P*", "kms:TagResource", "kms:U*"]
THERE = "eu-central-1"


def _policy(account_id: str, *actions: str) -> str:
    statement = {
        "Sid": "Account",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
        "Action": list(actions),
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _seal(stack: Any, *actions: str, description: str = "Seal", tag: str = "security", **options: Any) -> Any:
    def program() -> None:
        key = aws.kms.Key(
            "key",
            description=description,
            policy=_policy(stack.account_id, *(actions or ("kms:*",))),
            deletion_window_in_days=7,
            tags={"Team": tag},
            **options,
        )
        aws.kms.Alias("alias", name="alias/seal", target_key_id=key.arn)

    return program


def _found(stack: Any, region: str = "us-east-1") -> dict[str, Any]:
    kms = stack.client("kms", region)
    rotation = kms.get_key_rotation_status(KeyId="alias/seal")
    policy = json.loads(kms.get_key_policy(KeyId="alias/seal")["Policy"])
    return {
        "description": kms.describe_key(KeyId="alias/seal")["KeyMetadata"]["Description"],
        "rotates": rotation["KeyRotationEnabled"] and rotation["RotationPeriodInDays"],
        "actions": policy["Statement"][0]["Action"],
        "tags": kms.list_resource_tags(KeyId="alias/seal")["Tags"],
    }


def test_a_key_and_its_alias_are_made_stay_and_go(stack: Any) -> None:
    stack.up(_seal(stack, enable_key_rotation=True, rotation_period_in_days=180))
    assert stack.up().clean
    assert stack.refresh().clean
    assert _found(stack) == {
        "description": "Seal",
        "rotates": 180,
        "actions": ["kms:*"],
        "tags": [{"TagKey": "Team", "TagValue": "security"}],
    }
    arn = stack.resource("key")["outputs"]["arn"]
    assert stack.resource("alias")["outputs"]["targetKeyArn"] == arn
    stack.destroy()
    kms = stack.client("kms")
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert kms.list_aliases()["Aliases"] == []


def test_a_key_changes_in_place_and_a_change_by_hand_is_undone(stack: Any) -> None:
    stack.up(_seal(stack, enable_key_rotation=True))
    changed = _seal(stack, *LESS, description="Other", tag="test")
    assert stack.up(changed).updated == {"key"}
    found = {
        "description": "Other",
        "rotates": False,
        "actions": LESS,
        "tags": [{"TagKey": "Team", "TagValue": "test"}],
    }
    assert _found(stack) == found
    kms = stack.client("kms")
    kms.put_key_policy(KeyId="alias/seal", Policy=_policy(stack.account_id, "kms:*"))
    stack.refresh()
    assert stack.up().updated == {"key"}
    assert _found(stack) == found


def test_a_key_that_waits_for_its_deletion_is_gone_and_made_again(stack: Any) -> None:
    stack.up(_seal(stack))
    first = stack.resource("key")["outputs"]["arn"]
    stack.client("kms").schedule_key_deletion(KeyId=first)
    stack.refresh()
    assert "key" in stack.up().created
    second = stack.resource("key")["outputs"]["arn"]
    assert second != first
    assert stack.client("kms").describe_key(KeyId="alias/seal")["KeyMetadata"]["Arn"] == second


def test_a_key_in_another_region(stack: Any) -> None:
    def program() -> None:
        key = aws.kms.Key("key", region=THERE)
        aws.kms.Alias("alias", name="alias/seal", target_key_id=key.key_id, region=THERE)

    stack.up(program)
    assert stack.up().clean
    assert _found(stack, THERE)["actions"] == "kms:*"
    assert stack.client("kms").list_keys()["Keys"] == []


def test_a_key_policy_that_would_lock_its_writer_out_is_refused(stack: Any) -> None:
    refused = stack.fails(_seal(stack, "kms:DescribeKey"))
    assert "will not allow you to update the key policy" in refused
    assert not stack.names()
