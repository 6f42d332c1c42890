"""Tutorial section 5: the role in a workload account that another account assumes."""

import json
from typing import Any

from components.cross_account import CrossAccountRole, CrossAccountRoleArgs
from iam_hardening import config
from iam_hardening.aws.policies import roles as roles_policies
from tests.accounts import account, section, statement
from tests.recorder import ACCOUNT_ID, Recorder

TAGS = {"Stack": "dev"}
ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
INLINE_POLICIES = "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive"
TRUST = roles_policies.trust_account("aws", "111111111111", require_mfa=True)
LIST_BUCKETS = roles_policies.configured(
    [{"Sid": "ListBuckets", "Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": ["*"]}]
)


def record_role(recorder: Recorder, **changed: Any) -> None:
    written: dict[str, Any] = {
        "managedPolicies": ["ReadOnlyAccess"],
        "policies": {"test_policy": [statement("ListBuckets", "s3:ListAllMyBuckets")]},
    }
    role = section(config.CrossAccountRole, **written | changed)
    args = CrossAccountRoleArgs(account=account(), role=role)
    recorder.run(lambda: CrossAccountRole("test_role", args))


def test_the_role_trusts_its_principals_and_lasts_an_hour(recorder: Recorder) -> None:
    record_role(recorder)
    assert recorder.one(ROLE, "test_role").inputs == {
        "name": "test_role",
        "description": "Assumed by people of the central account",
        "assumeRolePolicy": json.dumps(TRUST),
        "maxSessionDuration": 3600,
        "forceDetachPolicies": True,
        "tags": TAGS,
    }


def test_a_boundary_is_looked_up_by_name_or_taken_as_an_arn(recorder: Recorder) -> None:
    record_role(recorder, permissionsBoundary="PowerUserAccess", maxSessionDuration="2h")
    inputs = recorder.one(ROLE, "test_role").inputs
    assert inputs["permissionsBoundary"] == "arn:aws:iam::aws:policy/PowerUserAccess"
    assert inputs["maxSessionDuration"] == 7200


def test_an_arn_is_not_looked_up(recorder: Recorder) -> None:
    arn = "arn:aws:iam::222222222222:policy/boundary"
    record_role(recorder, permissionsBoundary=arn, managedPolicies=[], policies={})
    assert recorder.one(ROLE, "test_role").inputs["permissionsBoundary"] == arn
    assert recorder.invoked == []


def test_an_inline_policy_put_on_the_role_by_hand_is_not_to_stay(recorder: Recorder) -> None:
    record_role(recorder)
    assert recorder.one(INLINE_POLICIES, "test_role-inline-policies").inputs == {
        "roleName": "test_role",
        "policyNames": [],
    }


def test_the_role_may_do_what_is_configured_and_no_more(recorder: Recorder) -> None:
    record_role(recorder)
    assert recorder.one(POLICY, "policy/test_policy").inputs == {
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
            "policyArn": f"arn:aws:iam::{ACCOUNT_ID}:policy/test_policy",
        },
    }
    assert len(recorder.registrations) == 6
