"""The policy simulator answers what the call itself would."""

import json
from typing import Any

import pytest

from tests.emulator.cloud import EVERYTHING, Cloud, Gap, allow, deny, document, names, trust

pytestmark = pytest.mark.emulator

YES, NO, NEVER = "allowed", "implicitDeny", "explicitDeny"


def entry(key: str, value: str, kind: str = "string") -> dict[str, Any]:
    return {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind}


MFA = [entry("aws:MultiFactorAuthPresent", "true", "boolean")]


def decisions(answer: Any) -> list[str]:
    return [result["EvalDecision"] for result in answer["EvaluationResults"]]


def with_and_without_mfa(cloud: Cloud) -> list[str]:
    account = cloud.account()
    ada = account.user(
        "Ada", document(allow("*"), deny("s3:*", BoolIfExists={"aws:MultiFactorAuthPresent": "false"}))
    )
    call = {"PolicySourceArn": ada.arn, "ActionNames": ["s3:ListAllMyBuckets"]}
    simulate = account.iam.simulate_principal_policy
    return decisions(simulate(**call)) + decisions(simulate(**call, ContextEntries=MFA))


def own_user(cloud: Cloud) -> list[str]:
    account = cloud.account()
    ada = account.user(
        "Ada", document(allow("iam:GetUser", "arn:aws:iam::*:user/people/${aws:username}")), path="/people/"
    )
    bob = ada.arn.replace("Ada", "Bob")
    return decisions(
        account.iam.simulate_principal_policy(
            PolicySourceArn=ada.arn, ActionNames=["iam:GetUser"], ResourceArns=[ada.arn, bob]
        )
    )


def under_a_boundary(cloud: Cloud) -> list[str]:
    account = cloud.account()
    ada = account.user("Ada", EVERYTHING)
    account.iam.put_user_permissions_boundary(
        UserName="Ada", PermissionsBoundary=account.policy("boundary", document(allow("s3:*")))
    )
    return decisions(
        account.iam.simulate_principal_policy(
            PolicySourceArn=ada.arn, ActionNames=["s3:ListAllMyBuckets", "iam:ListUsers"]
        )
    )


def a_custom_policy_with_context(cloud: Cloud) -> list[str]:
    asks = document(allow("s3:*", StringEquals={"aws:PrincipalTag/team": "red"}))
    call = {"PolicyInputList": [json.dumps(asks)], "ActionNames": ["s3:GetObject"]}
    simulate = cloud.account().iam.simulate_custom_policy
    red = [entry("aws:PrincipalTag/team", "red")]
    return decisions(simulate(**call)) + decisions(simulate(**call, ContextEntries=red))


GAPS = (
    Gap("without a context entry the MFA key is absent", with_and_without_mfa, [NEVER, YES], [NEVER, NEVER]),
    Gap("the own user and its path", own_user, [YES, NO], [NO]),
    Gap("the boundary counts", under_a_boundary, [YES, NO], [YES, YES]),
    Gap("a custom policy sees the context", a_custom_policy_with_context, [NO, YES], [NO, NO]),
)


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_emulated_aws_answers_as_aws(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_behaviour_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


def test_groups_roles_and_group_members_are_simulated(emulated: Cloud) -> None:
    account = emulated.account()
    group = account.iam.create_group(GroupName="readers")["Group"]["Arn"]
    account.iam.attach_group_policy(
        GroupName="readers", PolicyArn=account.policy("p", document(allow("s3:ListAllMyBuckets")))
    )
    ada = account.user("Ada")
    account.iam.add_user_to_group(GroupName="readers", UserName="Ada")
    role = account.role("reader", trust(account.root_arn), document(allow("s3:ListAllMyBuckets")))
    for principal in (group, ada.arn, role):
        answer = account.iam.simulate_principal_policy(
            PolicySourceArn=principal, ActionNames=["s3:ListAllMyBuckets", "s3:CreateBucket"]
        )
        assert decisions(answer) == [YES, NO]


def test_missing_context_is_named(emulated: Cloud) -> None:
    asks = document(allow("s3:*", StringEquals={"aws:PrincipalTag/team": "red"}))
    answer = emulated.account().iam.simulate_custom_policy(
        PolicyInputList=[json.dumps(asks)], ActionNames=["s3:GetObject"]
    )
    assert answer["EvaluationResults"][0]["MissingContextValues"] == ["aws:PrincipalTag/team"]


def test_a_boundary_to_try_replaces_the_real_one(emulated: Cloud) -> None:
    account = emulated.account()
    ada = account.user("Ada", EVERYTHING)
    answer = account.iam.simulate_principal_policy(
        PolicySourceArn=ada.arn,
        ActionNames=["s3:ListAllMyBuckets", "iam:ListUsers"],
        PermissionsBoundaryPolicyInputList=[json.dumps(document(allow("s3:*")))],
    )
    assert decisions(answer) == [YES, NO]
