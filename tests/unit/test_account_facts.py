"""What an account holds beside a stack: who is an outsider, and what makes an administrator."""

from typing import Any

import pytest

from iam_hardening import config
from iam_hardening.clients import account_facts
from iam_hardening.clients.account_facts import administers, collect, estate_of
from tests.stack_files import PROJECT, config_of

DEV = "222222222222"


def statement(**changed: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": "iam:PutUserPolicy", "Resource": "*", **changed}]}


@pytest.mark.parametrize(
    "document",
    [
        statement(),
        statement(Action="*"),
        statement(Action=["s3:GetObject", "iam:*"]),
        statement(Action="IAM:put*"),
        statement(Resource="arn:aws:iam::222222222222:user/*"),
        statement(Action="iam:CreatePolicyVersion", Resource=["arn:aws:iam::222222222222:policy/*"]),
        {"Statement": {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}},
        {"Statement": {"Effect": "Allow", "Action": "iam:*", "NotResource": "arn:aws:iam::1:user/a"}},
    ],
)
def test_whoever_may_give_anybody_rights_is_an_administrator(document: dict[str, Any]) -> None:
    assert administers(document)


@pytest.mark.parametrize(
    "document",
    [
        {},
        statement(Effect="Deny"),
        statement(Action="iam:Get*"),
        statement(Action="s3:*"),
        statement(Resource="arn:aws:iam::222222222222:user/vault/*"),
        {"Statement": {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}},
    ],
)
def test_reading_and_rights_on_some_are_not(document: dict[str, Any]) -> None:
    assert not administers(document)


def trusted(*statements: dict[str, Any]) -> list[str]:
    """What is said of a role with this trust, in the sample's workload account."""
    account = config.load(config_of("dev"), project=PROJECT, stack="dev")
    role = {
        "Path": "/",
        "RoleName": "x",
        "AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow", **s} for s in statements]},
    }
    facts = collect(
        account, _Empty(), {"role": {"x": role}, "user": {}, "group": {}}, {}, estate_of([account])
    )
    return [fact.says for fact in facts.found]


class _Empty:
    """An account without identity providers."""

    def list_open_id_connect_providers(self) -> dict[str, Any]:
        return {}

    def list_saml_providers(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(
    ("principal", "says"),
    [
        (
            {"AWS": "arn:aws:iam::999999999999:root"},
            ["trusts account 999999999999, which no stack file knows"],
        ),
        ({"AWS": "999999999999"}, ["trusts account 999999999999, which no stack file knows"]),
        ({"AWS": "AROAIOSFODNN7EXAMPLE"}, ["trusts a user or role that was deleted (AROAIOSFODNN7EXAMPLE)"]),
        ("*", ["trusts anyone"]),
        ({"AWS": "*"}, ["trusts anyone"]),
        (
            {"Federated": "arn:aws:iam::222222222222:saml-provider/okta"},
            ["trusts the identity provider okta"],
        ),
        ({"AWS": "arn:aws:iam::111111111111:user/Alice"}, []),
        ({"AWS": f"arn:aws:iam::{DEV}:root"}, []),
        ({"Service": "lambda.amazonaws.com"}, []),
    ],
)
def test_a_trust_of_somebody_outside_the_estate_is_reported(principal: Any, says: list[str]) -> None:
    assert trusted({"Principal": principal, "Action": "sts:AssumeRole"}) == says


def test_conditions_and_denials_of_a_trust_are_distinguished() -> None:
    assert trusted({"Principal": "*", "Condition": {"Bool": {"a": "b"}}}) == [
        "trusts anyone who meets its conditions"
    ]
    assert trusted({"Effect": "Deny", "Principal": "*"}) == []
    assert trusted({"NotPrincipal": {"AWS": "x"}}) == ["trusts everyone but some"]


def test_roles_of_aws_and_of_identity_center_are_no_strangers_one_by_one() -> None:
    account = config.load(config_of("dev"), project=PROJECT, stack="dev")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::1:saml-provider/S"}}]}
    roles = {
        name: {"Path": path, "RoleName": name, "AssumeRolePolicyDocument": trust}
        for name, path in (
            ("linked", "/aws-service-role/x.amazonaws.com/"),
            ("AWSReservedSSO_a", "/aws-reserved/sso.amazonaws.com/"),
            ("AWSReservedSSO_b", "/aws-reserved/sso.amazonaws.com/eu-west-1/"),
        )
    }
    facts = collect(account, _Empty(), {"role": roles, "user": {}, "group": {}}, {}, estate_of([account]))
    assert [fact.what for fact in facts.found] == ["2 roles of IAM Identity Center"]


@pytest.mark.parametrize(
    "changed",
    [
        {"Tags": []},
        {"Tags": [{"Key": "VaultRole", "Value": "verify-data"}]},
        {"PermissionsBoundary": {}},
        {"PermissionsBoundary": {"PermissionsBoundaryArn": "arn:aws:iam::222222222222:policy/mine"}},
        {"UserName": "mallory"},
        {"Path": "/vault/deeper/"},
    ],
)
def test_a_user_that_lacks_one_thing_that_vault_gives_is_not_vaults(changed: dict[str, Any]) -> None:
    account = config.load(config_of("dev"), project=PROJECT, stack="dev")
    boundary = f"arn:aws:iam::{DEV}:policy/vault-issued-user-boundary"
    issued = {
        "Path": "/vault/",
        "UserName": "vault-token-test-1-x",
        "PermissionsBoundary": {"PermissionsBoundaryArn": boundary},
        "Tags": [{"Key": "VaultRole", "Value": "test"}],
    }
    assert account_facts.is_issued_by_vault(account, issued)
    assert not account_facts.is_issued_by_vault(account, {**issued, **changed})
