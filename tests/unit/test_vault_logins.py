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
