"""Fixtures that more than one suite uses."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pytest
from pulumi.runtime import settings as runtime_settings
from pulumi.runtime.mocks import set_mocks

from tests.recorder import Recorder
from tests.stack_files import PROJECT


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-steps",
        action="store_true",
        help="write down what the engine does in the walk through every setting, instead of comparing",
    )


def _managed_policy(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"arn": f"arn:aws:iam::aws:policy/{arguments['name']}"}


def _newest_image(_: dict[str, Any]) -> dict[str, Any]:
    return {"id": "ami-0123456789abcdef0"}


def _bootstrap_administrator(_: dict[str, Any]) -> dict[str, Any]:
    """The caller that the hardened example lists."""
    (account_id,) = json.loads(pulumi.runtime.config.CONFIG.get()["aws:allowedAccountIds"])
    return {"accountId": account_id, "arn": f"arn:aws:iam::{account_id}:user/bootstrap-administrator"}


def _default_subnets(_: dict[str, Any]) -> dict[str, Any]:
    return {"id": "us-east-1", "ids": ["subnet-0bbbbbbbbbbbbbbbb", "subnet-0aaaaaaaaaaaaaaaa"]}


def recorder_of_the_program() -> Recorder:
    """With the look-ups that the program makes, and recognisable secrets."""
    return Recorder(
        outputs={
            "aws:iam/accessKey:AccessKey": {"secret": "pretend-secret-key"},
            "aws:iam/userLoginProfile:UserLoginProfile": {"password": "pretend-password"},
        },
        invokes={
            "aws:iam/getPolicy:getPolicy": _managed_policy,
            "aws:ec2/getAmi:getAmi": _newest_image,
            "aws:index/getCallerIdentity:getCallerIdentity": _bootstrap_administrator,
            "aws:ec2/getSubnets:getSubnets": _default_subnets,
        },
    )


@pytest.fixture
def recorder() -> Recorder:
    return recorder_of_the_program()


@pytest.fixture
def record_into() -> Iterator[Callable[..., Recorder]]:
    """Makes a recorder the engine of the test: `record_into(Recorder(…), stack="dev")`.

    Pulumi keeps its state in context variables and in the thread's event loop: each test gets new ones.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    runtime_settings.ROOT.set(None)
    pulumi.runtime.set_all_config({}, [])

    def into(recorder: Recorder, stack: str = "test") -> Recorder:
        set_mocks(recorder.mocks, project=PROJECT, stack=stack, preview=False, monitor=recorder)
        return recorder

    yield into
    loop.close()
    asyncio.set_event_loop(None)
