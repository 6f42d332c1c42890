"""Which actions a stack file may add to the boundary of what Vault issues."""

import pytest

from iam_hardening.config.rules.boundary import _may_be_allowed


@pytest.mark.parametrize(
    "action",
    [
        "organizations:ListAccounts",
        "account:GetContactInformation",
        "identitystore:DescribeUser",
        "ecr:GetAuthorizationToken",
        "codeartifact:GetAuthorizationToken",
        "sts:GetServiceBearerToken",
        "s3:GetDataAccess",
        "lakeformation:GetTemporaryGlueTableCredentials",
    ],
)
def test_reading_and_the_known_tokens_may_be_allowed(action: str) -> None:
    assert _may_be_allowed(action)


@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateUser",
        "iam:PassRole",
        "iam:Get*",
        "sts:AssumeRole",
        "sts:GetFederationToken",
        "sts:GetSessionToken",
        "signin:CreateOAuth2Token",
        "sso:GetRoleCredentials",
        "s3:*AccessGrant*",
        "lakeformation:GetTemporary*",
        "s3:GetObject",
    ],
)
def test_what_hands_out_identities_what_is_allowed_anyway_and_patterns_may_not(action: str) -> None:
    assert not _may_be_allowed(action)
