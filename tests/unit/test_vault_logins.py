"""Log-ins to Vault: what each method makes, and that no secret passes through the program."""

from typing import Any

import pulumi
import pytest

from components.vault_logins import VaultLogin, VaultLoginArgs
from iam_hardening import config
from iam_hardening.config.rules.logins import token_seconds
from tests.accounts import section
from tests.recorder import Recorder

METHOD = "vault:index/authBackend:AuthBackend"
TUNED = {"defaultLeaseTtl": "1h5m", "maxLeaseTtl": "1h5m"}
TOKENS = {"tokenPolicies": ["aws-test"], "tokenTtl": 3900, "tokenMaxTtl": 3900}


def record(recorder: Recorder, method: str, **options: Any) -> None:
    """One for the role `test`, whose longest lease is the mount's hour."""
    vault = section(
        config.Vault,
        roles={"test": {"managedPolicies": ["A"]}},
        logins={"way": {"method": method, "roles": ["test"], **options}},
    )

    def build() -> None:
        names = {"test": "aws-test", "another": "aws-another"}
        args = VaultLoginArgs(vault=vault, login=vault.logins["way"], policy_names=names)
        pulumi.export("path", VaultLogin("way", args).path)

    recorder.run(build)


def test_people_hold_their_policies_by_name_whoever_sets_the_password(recorder: Recorder) -> None:
    record(recorder, "userpass", users=["ada"])
    assert recorder.one(METHOD, "way").inputs["tune"] == TUNED
    assert recorder.one("vault:identity/entity:Entity", "way-ada").inputs == {
        "name": "way-ada",
        "policies": ["aws-test"],
    }
    assert recorder.one("vault:identity/entityAlias:EntityAlias", "way-ada").inputs["name"] == "ada"


def test_an_approles_secret_is_good_once_within_a_day(recorder: Recorder) -> None:
    record(recorder, "approle")
    assert recorder.one("vault:appRole/authBackendRole:AuthBackendRole", "way").inputs == {
        "backend": "way",
        "roleName": "way",
        "secretIdTtl": 86_400,
        "secretIdNumUses": 1,
        **TOKENS,
    }


def test_githubs_subject_is_matched_whole(recorder: Recorder) -> None:
    subject = "repo:acme@1/infra@2:environment:production"
    record(recorder, "github", subject=subject, audience="https://vault.example.com")
    issuer = "https://token.actions.githubusercontent.com"
    method = recorder.one("vault:jwt/authBackend:AuthBackend", "way").inputs
    assert (method["oidcDiscoveryUrl"], method["boundIssuer"]) == (issuer, issuer)
    assert recorder.one("vault:jwt/authBackendRole:AuthBackendRole", "way").inputs == {
        "backend": "way",
        "roleName": "way",
        "roleType": "jwt",
        "userClaim": "actor",
        "boundAudiences": ["https://vault.example.com"],
        "boundSubject": subject,
        **TOKENS,
    }


def test_an_identity_provider_lets_in_only_who_has_the_claims(recorder: Recorder) -> None:
    record(recorder, "oidc", redirectUris=["https://v/cb"], boundClaims={"groups": "dev"}, userClaim="email")
    made = recorder.one("vault:jwt/authBackendRole:AuthBackendRole", "way").inputs
    assert made["boundClaims"] == {"groups": "dev"}
    assert made["boundClaimsType"] == "string"
    assert made.items() >= TOKENS.items()
    assert "clientSecret" not in str(made)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ({"credentialType": "iam_user"}, 3600 + 300),
        ({"credentialType": "assumed_role", "ttl": "15m"}, 900 + 300),
        ({"credentialType": "assumed_role"}, 1800 + 300),
    ],
    ids=["a user's lease can be renewed to the maximum", "a session lasts its time", "or the default"],
)
def test_a_token_outlives_the_longest_lease_that_it_may_ask_for(role: dict[str, Any], expected: int) -> None:
    vault = config.Vault.model_validate(
        {
            "roles": {"test": role | {"managedPolicies": ["A"]}},
            "logins": {"way": {"method": "approle", "roles": ["test"]}},
        }
    )
    assert token_seconds(vault, vault.logins["way"]) == expected


# --- Scopes follow from the claims


@pytest.mark.parametrize(
    ("options", "scopes"),
    [
        ({"boundClaims": {"groups": "dev"}}, ["email", "groups"]),
        ({"boundClaims": {"groups": "dev"}, "userClaim": "sub"}, ["groups"]),
        ({"boundClaims": {"email": "a@b.c"}, "userClaim": "preferred_username"}, ["email", "profile"]),
        ({"boundClaims": {"sub": "x"}, "userClaim": "sub"}, None),
        ({"boundClaims": {"roles": "dev"}, "scopes": ["roles"]}, ["roles"]),
        ({"boundClaims": {"groups": "dev"}, "scopes": []}, None),
    ],
)
def test_a_provider_is_asked_for_the_scopes_of_the_claims(
    recorder: Recorder, options: dict[str, Any], scopes: list[str] | None
) -> None:
    record(recorder, "oidc", redirectUris=["https://v/cb"], **options)
    made = recorder.one("vault:jwt/authBackendRole:AuthBackendRole", "way").inputs
    assert made.get("oidcScopes") == scopes


@pytest.mark.parametrize(
    ("claims", "sent", "is_parsed"),
    [
        ({"groups": "dev"}, {"groups": "dev"}, True),
        ({"groups": ["dev", "ops"]}, {"groups": "dev,ops"}, True),
        ({"groups": "CN=aws,OU=dev"}, {"groups": "CN=aws,OU=dev"}, False),
    ],
)
def test_a_value_with_a_comma_stays_one_value(
    recorder: Recorder, claims: dict[str, Any], sent: dict[str, str], is_parsed: bool
) -> None:
    record(recorder, "oidc", redirectUris=["https://v/cb"], boundClaims=claims)
    made = recorder.one("vault:jwt/authBackendRole:AuthBackendRole", "way").inputs
    assert made["boundClaims"] == sent
    assert made.get("disableBoundClaimsParsing", False) is not is_parsed


# --- Other issuers, directories, addresses


@pytest.mark.parametrize(
    ("where", "config"),
    [
        ({}, {"oidcDiscoveryUrl": "https://gitlab.com"}),
        ({"discoveryUrl": "https://keys.example"}, {"oidcDiscoveryUrl": "https://keys.example"}),
        ({"jwksUrl": "https://gitlab.com/keys"}, {"jwksUrl": "https://gitlab.com/keys"}),
    ],
)
def test_jobs_of_any_issuer_log_in_with_its_tokens(
    recorder: Recorder, where: dict[str, str], config: dict[str, str]
) -> None:
    claims = {"project_id": "22", "environment": ["prod", "staging"]}
    record(recorder, "jwt", issuer="https://gitlab.com", audience="vault", boundClaims=claims, **where)
    method = recorder.one("vault:jwt/authBackend:AuthBackend", "way").inputs
    sources = {key: value for key, value in method.items() if key in ("oidcDiscoveryUrl", "jwksUrl")}
    assert (sources, method["boundIssuer"]) == (config, "https://gitlab.com")
    assert recorder.one("vault:jwt/authBackendRole:AuthBackendRole", "way").inputs == {
        "backend": "way",
        "roleName": "way",
        "roleType": "jwt",
        "userClaim": "sub",
        "boundAudiences": ["vault"],
        "boundClaims": {"project_id": "22", "environment": "prod,staging"},
        "boundClaimsType": "string",
        **TOKENS,
    }


def test_an_approle_is_bound_to_its_addresses(recorder: Recorder) -> None:
    record(recorder, "approle", cidrs=["10.0.0.0/8", "192.0.2.7/32"])
    made = recorder.one("vault:appRole/authBackendRole:AuthBackendRole", "way").inputs
    assert made["secretIdBoundCidrs"] == ["10.0.0.0/8", "192.0.2.7/32"]
    assert made["tokenBoundCidrs"] == ["10.0.0.0/8", "192.0.2.7"]


def test_a_directorys_groups_hold_the_policies(recorder: Recorder) -> None:
    record(
        recorder,
        "ldap",
        url="ldaps://ldap.example.com",
        userDn="ou=people,dc=x",
        groupDn="ou=groups,dc=x",
        groups=["aws-dev"],
    )
    made = recorder.one("vault:ldap/authBackend:AuthBackend", "way").inputs
    assert made["url"] == "ldaps://ldap.example.com"
    assert (made["tokenTtl"], made["tokenMaxTtl"]) == (3900, 3900)
    assert "bindpass" not in made
    group = recorder.one("vault:ldap/authBackendGroup:AuthBackendGroup", "way-aws-dev").inputs
    assert group == {"backend": "way", "groupname": "aws-dev", "policies": ["aws-test"]}
