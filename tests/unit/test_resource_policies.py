"""What the settings claim of trust and resource policies, and which principals their statements name."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iam_hardening import config
from iam_hardening.aws.policies import alarms as alarms_policies
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.claims import resource_policies
from iam_hardening.claims.claim import ALLOWED, REFUSED
from iam_hardening.config import Settings
from iam_hardening.config.files import settings_of
from tests.unit.test_matrix import hardened

ROOT = Path(__file__).parents[2]
SHIPPED = settings_of(ROOT)


def of(account: Settings, resource: str) -> list[resource_policies.PolicyClaim]:
    return [claim for claim in resource_policies.policy_claims(account) if str(claim.resource_id) == resource]


def with_role(**role: Any) -> Settings:
    return replace(
        SHIPPED["dev"], cross_account_roles={"reader": config.CrossAccountRole.model_validate(role)}
    )


def test_every_door_is_open_to_somebody_and_closed_to_somebody() -> None:
    for account in (*SHIPPED.values(), *hardened().values()):
        for resource_id in {str(claim.resource_id) for claim in resource_policies.policy_claims(account)}:
            assert {claim.claimed for claim in of(account, resource_id)} == {ALLOWED, REFUSED}, resource_id


def test_every_role_key_topic_and_bucket_of_the_hardened_example_is_a_door() -> None:
    assert {str(claim.resource_id) for claim in resource_policies.policy_claims(hardened()["dev"])} == {
        "role test_role",
        "role bounded_role",
        "role third_party_role",
        "role support",
        "role security-audit",
        "role test_instance_role",
        "role vault-server",
        "role vault-aws-verify-data",
        "key vault-server",
        "key iam-hardening-alarms",
        "topic iam-hardening-alarms",
        "bucket iam-hardening-management-events-222222222222-us-east-1",
    }


@pytest.mark.parametrize(
    ("role", "refused_for_want_of"),
    [
        ({}, {"aws:MultiFactorAuthPresent"}),
        ({"requireMfa": False}, set()),
        ({"mfaMaxAge": "1h"}, {"aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge"}),
        ({"sessionNameIsUserName": True}, {"aws:MultiFactorAuthPresent", "sts:RoleSessionName"}),
        (
            {"principals": ["arn:aws:iam::111111111111:user/Auditor"]},
            {"aws:MultiFactorAuthPresent", "aws:PrincipalArn"},
        ),
        ({"trustedAccountId": "333333333333", "externalId": "agreed"}, {"sts:ExternalId"}),
    ],
)
def test_each_requirement_of_a_role_is_claimed_by_its_absence(
    role: dict[str, Any], refused_for_want_of: set[str]
) -> None:
    claimed = of(with_role(**role), "role reader")
    missing = {claim.without.removeprefix("no ") for claim in claimed if claim.without.startswith("no ")}
    assert missing == refused_for_want_of
    assert all(claim.claimed == REFUSED for claim in claimed if claim.without)


def test_every_named_principal_gets_in() -> None:
    named = [f"arn:aws:iam::111111111111:user/{name}" for name in ("Alice", "Bob")]
    let_in = {
        claim.facts["aws:PrincipalArn"]
        for claim in of(with_role(principals=named), "role reader")
        if claim.claimed == ALLOWED
    }
    assert let_in == set(named)


def test_statements_speak_to_whom_they_name_and_to_everybody() -> None:
    policy = alarms_policies.trail_bucket(
        "1", bucket_arn="arn:aws:s3:::b", trail_arn="arn:aws:cloudtrail:r:1:trail/t"
    )

    def sids(principal: str) -> list[str]:
        said = resource_policies.spoken_to(policy, principal)
        assert all("Principal" not in statement for statement in said)
        return [statement["Sid"] for statement in said]

    writing = ["AllowCloudTrailToCheckTheBucket", "AllowCloudTrailToWriteLogs"]
    assert sids("cloudtrail.amazonaws.com") == [*writing, "DenyPlainHttp", "DenyAccessPoints"]
    assert sids("arn:aws:iam::1:root") == ["DenyPlainHttp", "DenyAccessPoints"]


def test_a_trust_policy_speaks_to_the_whole_account_only_where_it_says_so() -> None:
    trust = roles_policies.trust_account("aws", "1", require_mfa=True)
    assert resource_policies.spoken_to(trust, "arn:aws:iam::1:root")[0]["Resource"] == "*"
    assert resource_policies.spoken_to(trust, "arn:aws:iam::2:root") == []
    assert resource_policies.spoken_to(trust, "ec2.amazonaws.com") == []
    open_to_all = {"Statement": [{**trust["Statement"][0], "Principal": {"AWS": "*"}}]}
    assert resource_policies.spoken_to(open_to_all, "arn:aws:iam::2:root") != []
