"""What the settings alone say about a call, and where they say nothing."""

import pytest

from iam_hardening.claims.claim import ALLOWED, REFUSED
from iam_hardening.claims.grants import grants_of
from iam_hardening.config import Permissions, Statement

OBJECT = "arn:aws:s3:::data/key"


def _statement(effect: str, action: str, resource: str, **more: object) -> Statement:
    return Statement.model_validate(
        {"sid": "S", "effect": effect, "actions": [action], "resources": [resource], **more}
    )


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        ([], REFUSED),
        ([("Allow", "s3:PutObject", "arn:aws:s3:::data/*")], ALLOWED),
        ([("Allow", "s3:putobject", "arn:aws:s3:::data/*")], ALLOWED),
        ([("Allow", "s3:Put*", "*")], ALLOWED),
        ([("Allow", "s3:GetObject", "*")], REFUSED),
        ([("Allow", "s3:PutObject", "arn:aws:s3:::other/*")], REFUSED),
        ([("Allow", "s3:*", "*"), ("Deny", "s3:PutObject", "arn:aws:s3:::data/*")], REFUSED),
        ([("Allow", "s3:*", "*"), ("Deny", "s3:DeleteObject", "*")], ALLOWED),
    ],
)
def test_statements_decide_as_iam_does(statements: list[tuple[str, str, str]], verdict: str) -> None:
    grants = grants_of(statements=[_statement(*statement) for statement in statements])
    assert grants.verdict("s3:PutObject", OBJECT) == verdict


@pytest.mark.parametrize(
    ("denied", "verdict"),
    [
        ({"notActions": ["iam:*"], "resources": ["*"]}, REFUSED),
        ({"notActions": ["iam:*", "s3:put*"], "resources": ["*"]}, ALLOWED),
        ({"notActions": ["iam:*"], "resources": ["arn:aws:s3:::other/*"]}, ALLOWED),
        ({"actions": ["s3:*"], "notResources": ["arn:aws:s3:::other/*"]}, REFUSED),
        ({"actions": ["s3:*"], "notResources": ["arn:aws:s3:::data/*"]}, ALLOWED),
        ({"actions": ["iam:*"], "notResources": ["arn:aws:s3:::other/*"]}, ALLOWED),
        ({"notActions": ["iam:*"], "notResources": ["arn:aws:s3:::other/*"]}, REFUSED),
        ({"notActions": ["iam:*"], "notResources": ["arn:aws:s3:::data/*"]}, ALLOWED),
        ({"actions": ["s3:*"], "notResources": ["arn:aws:s3:::${aws:PrincipalTag/own}/*"]}, None),
    ],
)
def test_a_denial_of_all_but_some_denies_all_but_these(
    denied: dict[str, object], verdict: str | None
) -> None:
    denial = Statement.model_validate({"sid": "D", "effect": "Deny", **denied})
    grants = grants_of(statements=[_statement("Allow", "s3:*", "*"), denial])
    assert grants.verdict("s3:PutObject", OBJECT) == verdict


def test_nothing_is_claimed_where_a_condition_decides() -> None:
    only_with_tls = {"conditions": {"Bool": {"aws:SecureTransport": "true"}}}
    grants = grants_of(statements=[_statement("Allow", "s3:PutObject", "*", **only_with_tls)])
    assert grants.verdict("s3:PutObject", OBJECT) is None
    assert grants.verdict("s3:GetObject", OBJECT) == REFUSED


IN_ONE_ACCOUNT = {"conditions": {"StringEquals": {"aws:ResourceAccount": "111111111111"}}}


@pytest.mark.parametrize(
    ("owner", "verdict"), [("111111111111", ALLOWED), ("222222222222", REFUSED), (None, None)]
)
def test_the_account_of_a_bucket_decides_where_a_statement_asks_for_it(
    owner: str | None, verdict: str | None
) -> None:
    grants = grants_of(statements=[_statement("Allow", "s3:PutObject", "*", **IN_ONE_ACCOUNT)])
    assert grants.verdict("s3:PutObject", OBJECT, owner=owner) == verdict
    denied = grants_of(
        statements=[
            _statement("Allow", "s3:PutObject", "*"),
            _statement("Deny", "s3:PutObject", "*", **IN_ONE_ACCOUNT),
        ]
    )
    opposite = {ALLOWED: REFUSED, REFUSED: ALLOWED, None: None}
    assert denied.verdict("s3:PutObject", OBJECT, owner=owner) == opposite[verdict]


def test_the_account_in_an_arn_counts_before_the_one_given() -> None:
    grants = grants_of(statements=[_statement("Allow", "sqs:*", "*", **IN_ONE_ACCOUNT)])
    queue = "arn:aws:sqs:us-east-1:222222222222:queue"
    assert grants.verdict("sqs:SendMessage", queue, owner="111111111111") == REFUSED


def test_a_second_condition_beside_the_account_leaves_the_verdict_open() -> None:
    both = {
        "conditions": {
            "StringEquals": {"aws:ResourceAccount": "111111111111"},
            "Bool": {"aws:SecureTransport": "true"},
        }
    }
    grants = grants_of(statements=[_statement("Allow", "s3:PutObject", "*", **both)])
    assert grants.verdict("s3:PutObject", OBJECT, owner="111111111111") is None
    assert grants.verdict("s3:PutObject", OBJECT, owner="222222222222") == REFUSED


def test_an_unknown_managed_policy_leaves_refusals_unclaimed_and_grants_claimed() -> None:
    grants = grants_of(
        [Permissions.model_validate({"managedPolicies": ["SomethingNew"]})],
        statements=[_statement("Allow", "s3:GetObject", "*")],
    )
    assert grants.unknown_policies == ("SomethingNew",)
    assert grants.verdict("s3:PutObject", OBJECT) is None
    assert grants.verdict("s3:GetObject", OBJECT) == ALLOWED


def test_a_managed_policy_is_known_by_name_and_by_arn() -> None:
    for policy in ("AmazonS3FullAccess", "arn:aws:iam::aws:policy/AmazonS3FullAccess"):
        grants = grants_of(managed_policies=[policy])
        assert grants.verdict("s3:PutObject", OBJECT) == ALLOWED
        assert grants.verdict("iam:CreateUser", "*") == REFUSED


@pytest.mark.parametrize(
    ("boundary", "action", "verdict"),
    [
        ("AmazonS3ReadOnlyAccess", "s3:GetObject", ALLOWED),
        ("AmazonS3ReadOnlyAccess", "s3:PutObject", REFUSED),
        ("AdministratorAccess", "iam:CreateUser", REFUSED),
        ("SomethingNew", "s3:GetObject", None),
        ("SomethingNew", "iam:CreateUser", REFUSED),
    ],
)
def test_a_boundary_allows_nothing_and_takes_away_what_it_leaves_out(
    boundary: str, action: str, verdict: str | None
) -> None:
    grants = grants_of(managed_policies=["AmazonS3FullAccess"], boundary=boundary)
    assert grants.verdict(action, OBJECT) == verdict
