"""`aws:ignoreTags`: tags of others are neither seen, nor set, nor removed, also where a service takes all
tags at once."""

import json
from collections.abc import Callable
from typing import Any

import pulumi_aws as aws
import pytest

pytestmark = pytest.mark.engine

IGNORED = {"keys": ["Cost"], "keyPrefixes": ["backup:"]}
OF_OTHERS = {"Cost": "4711", "backup:plan": "daily"}


def bucket(stack: Any) -> str:
    """The names of buckets are one space for all accounts."""
    return f"tagged-{stack.account_id}"


def program(stack: Any, **tags: str) -> Callable[[], None]:
    def run() -> None:
        aws.iam.Role("role", name="tagged", assume_role_policy=_TRUST, tags=tags)
        aws.s3.Bucket("bucket", bucket=bucket(stack), tags=tags)

    return run


_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def found(stack: Any) -> list[dict[str, str]]:
    role = stack.client("iam").list_role_tags(RoleName="tagged")["Tags"]
    in_s3 = stack.client("s3").get_bucket_tagging(Bucket=bucket(stack))["TagSet"]
    return [{tag["Key"]: tag["Value"] for tag in tags} for tags in (role, in_s3)]


def tag_by_hand(stack: Any, tags: dict[str, str]) -> None:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    stack.client("iam").tag_role(RoleName="tagged", Tags=pairs)
    before = stack.client("s3").get_bucket_tagging(Bucket=bucket(stack))["TagSet"]
    kept = [tag for tag in before if tag["Key"] not in tags]
    stack.client("s3").put_bucket_tagging(Bucket=bucket(stack), Tagging={"TagSet": [*kept, *pairs]})


def test_tags_of_others_stay_through_a_refresh_and_a_change(new_stack: Callable[..., Any]) -> None:
    stack = new_stack({"aws:ignoreTags": json.dumps(IGNORED)})
    stack.up(program(stack, Team="a"))
    tag_by_hand(stack, OF_OTHERS)
    assert stack.refresh().clean
    assert stack.up().clean
    stack.up(program(stack, Team="b"))
    assert found(stack) == [{"Team": "b", **OF_OTHERS}] * 2
    stack.up(program(stack))
    assert found(stack) == [OF_OTHERS] * 2


def test_an_ignored_tag_of_the_program_is_not_set(new_stack: Callable[..., Any]) -> None:
    tags = '{"tags": {"Cost": "default"}}'
    stack = new_stack({"aws:ignoreTags": json.dumps(IGNORED), "aws:defaultTags": tags})
    stack.up(program(stack, Team="a", **{"backup:plan": "own"}))
    assert found(stack) == [{"Team": "a"}] * 2
    assert stack.up().clean


def test_without_the_setting_they_are_removed(stack: Any) -> None:
    stack.up(program(stack, Team="a"))
    tag_by_hand(stack, OF_OTHERS)
    assert not stack.refresh().clean
    stack.up()
    assert found(stack) == [{"Team": "a"}] * 2
