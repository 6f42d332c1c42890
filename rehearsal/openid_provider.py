"""A small OpenID provider on the loopback address: where people's log-ins of method oidc are played.

It follows OpenID Connect Core 1.0 where that decides who gets in: a claim is given only where its scope was
asked for (5.4), a code is good once, for the client, secret and redirect URI that asked for it (RFC 6749,
4.1), and with the verifier that belongs to its challenge (RFC 7636). The person has signed in already.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from rehearsal.github_tokens import Issuer
from rehearsal.loopback import serving

# Of the standard, and of Okta, Keycloak, Dex and Zitadel (groups). Other claims are in every token.
_SCOPES = {
    "profile": {"name", "given_name", "family_name", "nickname", "preferred_username"},
    "email": {"email", "email_verified"},
    "phone": {"phone_number", "phone_number_verified"},
    "address": {"address"},
    "groups": {"groups"},
}
_WITH_A_SCOPE = set[str]().union(*_SCOPES.values())


class OpenIdProvider:
    """`url` is its issuer. `asked` are the authorization requests of Vault, as it made them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client_id = "vault"
        self.client_secret = secrets.token_urlsafe(16)
        self.asked: list[dict[str, str]] = []
        self._issuer = Issuer()
        self._person: dict[str, Any] = {}
        self._codes: dict[str, tuple[dict[str, str], dict[str, Any]]] = {}
        self._tokens: dict[str, dict[str, Any]] = {}

    def sign_in(self, claims: Mapping[str, Any]) -> None:
        """Whose browser the next authorization request comes from."""
        self._person = {"sub": "00u1abcd", **claims}

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", *_SCOPES],
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [self._issuer.public_jwk]}

    def authorize(self, asked: dict[str, str]) -> str | None:
        """Where the browser is sent, with the code; None for a request that is not Vault's."""
        if asked.get("client_id") != self.client_id or asked.get("response_type") != "code":
            return None
        self.asked.append(asked)
        code = secrets.token_urlsafe(16)
        self._codes[code] = (asked, dict(self._person))
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """None where the code, the client or the verifier is wrong."""
        asked, person = self._codes.pop(form.get("code", ""), ({}, {}))
        basic = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        is_client = authorization == f"Basic {basic}" or form.get("client_secret") == self.client_secret
        if not asked or not is_client or form.get("redirect_uri") != asked["redirect_uri"]:
            return None
        if challenge := asked.get("code_challenge"):
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
                return None
        claims = _claims(person, asked["scope"].split())
        access = secrets.token_urlsafe(16)
        self._tokens[access] = claims
        nonce = {"nonce": asked["nonce"]} if "nonce" in asked else {}
        signed = self._issuer.token({**claims, **nonce, "iss": self.url, "aud": self.client_id})
        return {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": signed}

    def userinfo(self, authorization: str) -> dict[str, Any] | None:
        return self._tokens.get(authorization.removeprefix("Bearer "))


def _claims(person: Mapping[str, Any], scopes: list[str]) -> dict[str, Any]:
    given = set[str]().union(*(_SCOPES.get(scope, set()) for scope in scopes))
    return {claim: value for claim, value in person.items() if claim in given or claim not in _WITH_A_SCOPE}


@contextmanager
def running_provider() -> Iterator[OpenIdProvider]:
    """A provider on a free port of 127.0.0.1; gone when the block ends."""

    class Handler(_Handler):
        pass

    with serving(Handler) as url:
        Handler.provider = OpenIdProvider(url)
        yield Handler.provider


class _Handler(BaseHTTPRequestHandler):
    provider: OpenIdProvider

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
        if path == "/authorize":
            where = self.provider.authorize(query)
            self.send_response(302 if where else 400)
            if where:
                self.send_header("Location", where)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        answers: dict[str, Callable[[], dict[str, Any] | None]] = {
            "/.well-known/openid-configuration": self.provider.discovery,
            "/keys": self.provider.keys,
            "/userinfo": lambda: self.provider.userinfo(self.headers.get("Authorization", "")),
        }
        answer = answers.get(path, lambda: None)
        self._send(answer())

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        form = dict(parse_qsl(self.rfile.read(length).decode()))
        self._send(self.provider.token(form, self.headers.get("Authorization", "")))

    def _send(self, answer: dict[str, Any] | None) -> None:
        body = json.dumps(answer if answer is not None else {"error": "invalid_grant"}).encode()
        self.send_response(200 if answer is not None else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Its requests carry codes and tokens."""
