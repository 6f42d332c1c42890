"""How personas ask STS for a session of a role, and how claims name it."""

from collections.abc import Callable
from typing import Any

from iam_hardening.clients.aws import Session


def assume(session: Session, role_arn: str, name: str, **more: Any) -> Callable[[], Any]:
    """A call that asks for a session of the role under a session name."""
    return lambda: session.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=name, **more)


def short(arn: str) -> str:
    return arn.split(":", 5)[-1]
