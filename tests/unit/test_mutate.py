"""Mutations of policies: each is one step away from the document, and none is missing."""

import json
from copy import deepcopy
from typing import Any

import pytest

from iam_hardening.aws.policies import vault as vault_policies
from rehearsal.mutation.mutate import mutations, of_vault_policy

DENY = {
    "Sid": "Deny",
    "Effect": "Deny",
    "NotAction": ["iam:GetUser", "sts:GetSessionToken"],
    "Resource": "*",
    "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
}
TRUST = {
    "Sid": "Trust",
    "Effect": "Allow",
    "Principal": {"AWS": ["arn:aws:iam::1:root", "arn:aws:iam::2:root"]},
    "Action": "sts:AssumeRole",
    "Condition": {
        "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"},
        "StringEquals": {"sts:ExternalId": ["a", "b"]},
    },
}
ALLOW = {
    "Sid": "Allow",
    "Effect": "Allow",
    "Action": "s3:Get*",
    "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"],
}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [deepcopy(each) for each in statements]}


def what(*statements: dict[str, Any]) -> list[str]:
    return [mutation.what for mutation in mutations(document(*statements))]


def test_a_denial_with_exceptions_is_made_wrong_in_every_way() -> None:
    assert what(DENY) == [
        "Deny: NotAction without iam:GetUser",
        "Deny: NotAction iam:GetUser widened to iam:*",
        "Deny: NotAction without sts:GetSessionToken",
        "Deny: NotAction sts:GetSessionToken widened to sts:*",
        "Deny: without its condition",
        "Deny: BoolIfExists flipped to Bool",
        "Deny: BoolIfExists aws:MultiFactorAuthPresent: false flipped to true",
    ]


def test_a_trust_is_made_wrong_in_every_way() -> None:
    assert what(TRUST) == [
        "Trust: Action sts:AssumeRole widened to sts:*",
        "Trust: Principal widened to *",
        "Trust: Principal without arn:aws:iam::1:root",
        "Trust: Principal without arn:aws:iam::2:root",
        "Trust: without its condition",
        "Trust: NumericLessThan flipped to NumericGreaterThan",
        "Trust: NumericLessThan without aws:MultiFactorAuthAge",
        "Trust: NumericLessThan aws:MultiFactorAuthAge: 3600 flipped to 3601",
        "Trust: StringEquals flipped to StringNotEquals",
        "Trust: StringEquals without sts:ExternalId",
        "Trust: StringEquals sts:ExternalId: a flipped to a-other",
        "Trust: StringEquals sts:ExternalId without a",
        "Trust: StringEquals sts:ExternalId: b flipped to b-other",
        "Trust: StringEquals sts:ExternalId without b",
    ]


def test_of_several_statements_each_is_dropped() -> None:
    assert what(ALLOW, DENY)[:5] == [
        "Allow: dropped",
        "Allow: Action s3:Get* widened to s3:*",
        "Allow: Resource without arn:aws:s3:::a/*",
        "Allow: Resource without arn:aws:s3:::b/*",
        "Allow: Resource widened to *",
    ]
    assert "Deny: dropped" in what(ALLOW, DENY)


def test_no_mutation_is_the_document_itself_or_like_another_and_the_document_stays() -> None:
    original = document(ALLOW, DENY, TRUST)
    made = [json.dumps(mutation.document) for mutation in mutations(original)]
    assert original == document(ALLOW, DENY, TRUST)
    assert json.dumps(original) not in made
    assert len(made) == len(set(made))


@pytest.mark.parametrize(
    ("operator", "other"),
    [
        ("StringEquals", "StringNotEquals"),
        ("StringNotLike", "StringLike"),
        ("Bool", "BoolIfExists"),
        ("StringEqualsIfExists", "StringEquals"),
        ("ForAllValues:StringEquals", "ForAnyValue:StringEquals"),
        ("ForAnyValue:ArnLike", "ForAllValues:ArnLike"),
        ("NotIpAddress", "IpAddress"),
    ],
)
def test_an_operator_is_flipped_to_what_somebody_might_have_written(operator: str, other: str) -> None:
    assert f"Allow: {operator} flipped to {other}" in what({**ALLOW, "Condition": {operator: {"a:b": "c"}}})


def test_whether_a_key_is_there_is_flipped_by_its_value() -> None:
    assert what({**ALLOW, "Condition": {"Null": {"aws:TokenIssueTime": "true"}}})[-2:] == [
        "Allow: without its condition",
        "Allow: Null aws:TokenIssueTime: true flipped to false",
    ]


def test_an_operator_that_iam_does_not_have_is_reported() -> None:
    with pytest.raises(ValueError, match="StringEqual "):
        what({**ALLOW, "Condition": {"StringEqual": {"a:b": "c"}}})


def test_a_vault_policy_is_made_wrong_in_every_way() -> None:
    rules = vault_policies.vault_read_credentials("aws", "test")
    made = dict(of_vault_policy(rules))
    assert list(made) == [
        "dropped",
        "path widened to aws/creds/*",
        "path widened to aws/*",
        "path widened to *",
        "capability update added",
        "capability list added",
        "without denied_parameters",
    ]
    assert rules not in made.values()
    assert len(set(made.values())) == len(made)
