"""Whether a person may assume a role, as the stack files say: each requirement is tested by omitting it."""

from typing import Any

import pytest

from iam_hardening import config
from iam_hardening.claims.assuming import Assuming, assumable, assuming
from tests.accounts import CENTRAL_ID, WORKLOAD_ID
from tests.stack_files import PROJECT

ROLE = f"arn:aws:iam::{WORKLOAD_ID}:role/reader"
ADA = f"arn:aws:iam::{CENTRAL_ID}:user/Ada"


def central(**group: Any) -> config.Settings:
    return config.load(
        {
            "aws:region": "us-east-1",
            "aws:allowedAccountIds": [CENTRAL_ID],
            f"{PROJECT}:accountKind": "central",
            f"{PROJECT}:groups": {
                "Administrators": {"managedPolicies": ["AdministratorAccess"]},
                "Readers": group,
            },
            f"{PROJECT}:users": {
                "Administrator": {"groups": ["Administrators"]},
                "Ada": {"groups": ["Readers"]},
            },
        },
        project=PROJECT,
        stack="central",
    )


def workload(central_id: str = CENTRAL_ID, **role: Any) -> config.Settings:
    return config.load(
        {
            "aws:region": "us-east-1",
            "aws:allowedAccountIds": [WORKLOAD_ID],
            f"{PROJECT}:accountKind": "workload",
            f"{PROJECT}:centralAccountId": central_id,
            f"{PROJECT}:crossAccountRoles": {"reader": role},
        },
        project=PROJECT,
        stack="dev",
    )


GRANTED = {"mayAssume": [ROLE]}


@pytest.mark.parametrize(
    ("group", "account", "expected"),
    [
        (GRANTED, workload(), Assuming(account_is_trusted=True, granted=True, is_named=True)),
        (GRANTED, workload(principals=[ADA]), Assuming(account_is_trusted=True, granted=True, is_named=True)),
        ({}, workload(), Assuming(account_is_trusted=True, granted=False, is_named=True)),
        # What this policy allows, the files do not say.
        (
            {"managedPolicies": [f"arn:aws:iam::{CENTRAL_ID}:policy/unknown"]},
            workload(),
            Assuming(account_is_trusted=True, granted=None, is_named=True),
        ),
        (
            GRANTED,
            workload(principals=[f"arn:aws:iam::{CENTRAL_ID}:user/Bea"]),
            Assuming(account_is_trusted=True, granted=True, is_named=False),
        ),
        (
            GRANTED,
            workload(central_id="444444444444"),
            Assuming(account_is_trusted=False, granted=True, is_named=True),
        ),
        (
            GRANTED,
            workload(trustedAccountId="333333333333", externalId="agreed"),
            Assuming(account_is_trusted=False, granted=True, is_named=True),
        ),
    ],
    ids=["all", "named", "not granted", "unknown", "others are named", "another account", "third party"],
)
def test_a_person_needs_trust_a_grant_and_their_name(
    group: dict[str, Any], account: config.Settings, expected: Assuming
) -> None:
    people = central(**group)
    assert assuming(people, "Ada", account, "reader") == expected
    found = [role for _, _, role in assumable({"central": people, "dev": account}, people, "Ada")]
    assert found == (["reader"] if expected.works else [])


def test_an_administrator_is_granted_every_role() -> None:
    assert assuming(central(), "Administrator", workload(), "reader").works
