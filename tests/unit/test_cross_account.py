"""Tutorial section 5: the role in a workload account that people of the central account assume."""

import json
from typing import Any

import pytest

import policies
from components.cross_account import CrossAccountRole, CrossAccountRoleArgs
from components.permissions import PermissionsArgs
from tests.recorder import ACCOUNT_ID, Recorder

TAGS = {"Stack": "dev"}
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
LIST_BUCKETS = policies.configured(
    [{"Sid": "ListBuckets", "Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": ["*"]}]
)


def record_role(recorder: Recorder, **changed: Any) -> None:
    values: dict[str, Any] = {
        "partition": "aws",
        "central_account_id": "111111111111",
        "require_mfa": True,
        "principal_arns": [],
        "permissions": PermissionsArgs(
            managed_policies=["ReadOnlyAccess"], policies={"test_policy": LIST_BUCKETS}
        ),
        "tags": TAGS,
    }
    recorder.run(lambda: CrossAccountRole("test_role", CrossAccountRoleArgs(**values | changed)))


def trust(recorder: Recorder) -> Any:
    return json.loads(recorder.one(ROLE, "test_role").inputs["assumeRolePolicy"])


def test_the_role_trusts_the_central_account_with_mfa_only(recorder: Recorder) -> None:
    record_role(recorder)
    assert recorder.one(ROLE, "test_role").inputs == {
        "name": "test_role",
        "description": "Assumed by people of the central account",
        "assumeRolePolicy": json.dumps(policies.trust_account("aws", "111111111111", require_mfa=True)),
        "tags": TAGS,
    }


@pytest.mark.parametrize(
    ("require_mfa", "principals", "condition"),
    [
        (True, [], {"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        (False, [], None),
        (
            True,
            ["arn:aws:iam::111111111111:user/Alice"],
            {
                "Bool": {"aws:MultiFactorAuthPresent": "true"},
                "ArnEquals": {"aws:PrincipalArn": ["arn:aws:iam::111111111111:user/Alice"]},
            },
        ),
    ],
)
def test_mfa_and_principals_are_conditions_of_the_trust(
    recorder: Recorder, require_mfa: bool, principals: list[str], condition: object
) -> None:
    record_role(recorder, require_mfa=require_mfa, principal_arns=principals)
    assert trust(recorder)["Statement"][0].get("Condition") == condition


def test_the_role_may_do_what_is_configured_and_no_more(recorder: Recorder) -> None:
    record_role(recorder)
    assert recorder.one(POLICY, "test_role-test_policy").inputs == {
        "name": "test_policy",
        "description": "What test_role may do",
        "policy": json.dumps(LIST_BUCKETS),
        "tags": TAGS,
    }
    assert {made.name: made.inputs for made in recorder.all_of(ATTACHMENT)} == {
        "test_role-ReadOnlyAccess": {
            "role": "test_role",
            "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
        },
        "test_role-test_policy": {
            "role": "test_role",
            "policyArn": f"arn:aws:iam:us-east-1:{ACCOUNT_ID}:policy/test_policy",
        },
    }
    assert len(recorder.registrations) == 5
