"""Accounts and sections of a stack file as components take them, with what a test does not care about."""

from typing import Any, TypeVar

from pydantic import BaseModel

from iam_hardening.config import Account

Section = TypeVar("Section", bound=BaseModel)

CENTRAL_ID, WORKLOAD_ID = "111111111111", "222222222222"


def account(**changed: Any) -> Account:
    """A workload account of the stack `dev`, in us-east-1."""
    values: dict[str, Any] = {
        "partition": "aws",
        "account_id": WORKLOAD_ID,
        "region": "us-east-1",
        "is_central": False,
        "central_account_id": CENTRAL_ID,
        "protect": False,
        "tags": {"Stack": "dev"},
    }
    return Account(**values | changed)


def central_account(**changed: Any) -> Account:
    """The account that people are in, of the stack `central`."""
    values: dict[str, Any] = {
        "account_id": CENTRAL_ID,
        "is_central": True,
        "central_account_id": None,
        "tags": {"Stack": "central"},
    }
    return account(**values | changed)


def section(kind: type[Section], **written: Any) -> Section:
    """A section as a stack file writes it, keys in camelCase: `section(Instance, roleName="r")`."""
    return kind.model_validate(written)


def statement(sid: str, action: str, resource: str = "*") -> dict[str, Any]:
    """One that allows, as a stack file writes it."""
    return {"sid": sid, "actions": [action], "resources": [resource]}
