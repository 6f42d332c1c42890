"""People's log-ins at a live Vault, with an OpenID provider that gives a claim only where its scope was
asked for."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import hvac
import pytest
import requests
from hvac import exceptions

from rehearsal import tools
from rehearsal.openid_provider import OpenIdProvider, running_provider
from rehearsal.servers import VaultServer, vault_server

pytestmark = pytest.mark.emulator

REDIRECT = "http://localhost:8250/oidc/callback"
ROLE = {
    "role_type": "oidc",
    "user_claim": "email",
    "allowed_redirect_uris": [REDIRECT],
    "bound_claims": {"groups": ["aws-dev", "aws-on-call"]},
    "bound_claims_type": "string",
    "token_policies": ["aws-test"],
}
ALICE = {"email": "alice@example.com", "groups": ["aws-dev", "everyone"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultServer]:
    with vault_server(tmp_path_factory.mktemp("vault"), tools.vault_aws_plugin()) as running:
        yield running


@pytest.fixture(scope="module")
def provider(server: VaultServer) -> Iterator[OpenIdProvider]:
    with running_provider() as running:
        vault = hvac.Client(url=server.address, token=server.token)
        vault.write("sys/auth/sso", type="oidc")
        vault.write(
            "auth/sso/config",
            oidc_discovery_url=running.url,
            oidc_client_id=running.client_id,
            oidc_client_secret=running.client_secret,
        )
        yield running


def policies(server: VaultServer, provider: OpenIdProvider, person: dict[str, Any], **role: Any) -> list[str]:
    """What the token of a log-in holds."""
    vault = hvac.Client(url=server.address, token=server.token)
    vault.write("auth/sso/role/sso", **{**ROLE, **role})
    provider.sign_in(person)
    url = vault.write("auth/sso/oidc/auth_url", role="sso", redirect_uri=REDIRECT)["data"]["auth_url"]
    location = requests.get(url, allow_redirects=False, timeout=10).headers["Location"]
    brought = dict(parse_qsl(urlsplit(location).query))
    anonymous = hvac.Client(url=server.address)
    answer = anonymous.adapter.get("/v1/auth/sso/oidc/callback", params=brought)
    return sorted(answer["auth"]["token_policies"])


def test_a_role_with_the_scopes_of_its_claims_lets_in(server: VaultServer, provider: OpenIdProvider) -> None:
    assert policies(server, provider, ALICE, oidc_scopes=["email", "groups"]) == ["aws-test", "default"]


@pytest.mark.parametrize(("scopes", "claim"), [([], "email"), (["groups"], "email"), (["email"], "groups")])
def test_without_a_scope_its_claim_is_missing(
    server: VaultServer, provider: OpenIdProvider, scopes: list[str], claim: str
) -> None:
    with pytest.raises(exceptions.InvalidRequest, match=f'claim "{claim}"'):
        policies(server, provider, ALICE, oidc_scopes=scopes)


def test_a_person_in_no_group_is_not_let_in(server: VaultServer, provider: OpenIdProvider) -> None:
    with pytest.raises(exceptions.InvalidRequest, match="does not match any associated bound claim"):
        policies(server, provider, {**ALICE, "groups": ["everyone"]}, oidc_scopes=["email", "groups"])


def test_vault_asks_with_a_challenge_that_its_verifier_answers(
    server: VaultServer, provider: OpenIdProvider
) -> None:
    policies(server, provider, ALICE, oidc_scopes=["email", "groups"])
    asked = provider.asked[-1]
    assert (asked["code_challenge_method"], bool(asked["code_challenge"])) == ("S256", True)
    assert asked["scope"].split() == ["openid", "email", "groups"]


def test_the_provider_refuses_another_verifier_client_address_and_a_code_twice(
    provider: OpenIdProvider,
) -> None:
    provider.sign_in(ALICE)
    asked = {
        "client_id": provider.client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "state": "s",
        "scope": "openid email",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    # The pair of RFC 7636, appendix B.
    right = {
        "client_secret": provider.client_secret,
        "redirect_uri": REDIRECT,
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }

    def answered(**changed: str) -> bool:
        where = provider.authorize(asked)
        assert where
        form = {**right, "code": dict(parse_qsl(urlsplit(where).query))["code"], **changed}
        first = provider.token(form, "") is not None
        assert provider.token(form, "") is None
        return first

    assert answered()
    assert not answered(code_verifier="another")
    assert not answered(client_secret="another")
    assert not answered(redirect_uri="https://attacker.example")
    assert provider.authorize({**asked, "client_id": "another"}) is None
