"""Tokens as GitHub Actions gives them to its jobs, signed by a key of the rehearsal's own.

The rehearsal's Vault cannot reach GitHub for its keys: a proxy before it puts this one in their place
(`vault_proxy.py`). RFC 7515, section 3.1, and RFC 7518, section 3.3, have the format.
"""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER = "https://token.actions.githubusercontent.com"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Issuer:
    """Stands for GitHub's."""

    def __init__(self) -> None:
        self._key = generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def public_key(self) -> str:
        """As PEM."""
        pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem.decode().strip()

    @property
    def public_jwk(self) -> dict[str, str]:
        """As a JSON Web Key (RFC 7517)."""
        numbers = self._key.public_key().public_numbers()
        parts = {"n": numbers.n, "e": numbers.e}
        encoded = {
            name: _encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))
            for name, number in parts.items()
        }
        return {"kty": "RSA", "alg": "RS256", "use": "sig", **encoded}

    def token(self, claims: Mapping[str, Any]) -> str:
        """Good for five minutes, as GitHub's are."""
        now = int(time.time())
        whole = {"iss": ISSUER, "iat": now, "nbf": now, "exp": now + 300, "actor": "octocat", **claims}
        parts = [{"alg": "RS256", "typ": "JWT"}, whole]
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{_encoded(self._key.sign(signed.encode(), PKCS1v15(), SHA256()))}"
