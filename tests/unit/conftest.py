"""A recorder with the two look-ups that components make."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.recorder import Recorder


def _managed_policy(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"arn": f"arn:aws:iam::aws:policy/{arguments['name']}"}


def _newest_image(_: dict[str, Any]) -> dict[str, Any]:
    return {"id": "ami-0123456789abcdef0"}


@pytest.fixture
def recorder(record_into: Callable[..., Recorder]) -> Recorder:
    return record_into(
        Recorder(
            outputs={
                "aws:iam/accessKey:AccessKey": {"secret": "pretend-secret-key"},
                "aws:iam/userLoginProfile:UserLoginProfile": {"password": "pretend-password"},
            },
            invokes={
                "aws:iam/getPolicy:getPolicy": _managed_policy,
                "aws:ec2/getAmi:getAmi": _newest_image,
            },
        )
    )
