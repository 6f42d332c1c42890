"""Which scopes an OpenID provider is asked for: those whose claims a log-in reads.

A provider gives a claim only where its scope was asked for; without it, every log-in ends in "claim not
found in token". Vault asks for `openid` itself, and a second one is an error of some providers.

Source: OpenID Connect Core 1.0, section 5.4; `groups`: the documentation of Okta, Keycloak, Dex and Zitadel.
Microsoft Entra ID puts groups into the token without a scope, and refuses one that it does not know: there,
write `scopes`.
"""

from collections.abc import Iterable

from iam_hardening.config.schema import VaultLogin

# In every ID token (Core 1.0, section 2).
_ALWAYS = frozenset({"sub", "iss", "aud", "azp", "acr", "amr", "auth_time", "exp", "iat", "nonce"})
_PROFILE = (
    *("name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile"),
    *("picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
)
_SCOPE_OF = {
    **dict.fromkeys(_PROFILE, "profile"),
    **dict.fromkeys(("email", "email_verified"), "email"),
    **dict.fromkeys(("phone_number", "phone_number_verified"), "phone"),
    "address": "address",
    "groups": "groups",
}


def claims(login: VaultLogin) -> list[str]:
    """The claims that a log-in reads."""
    return sorted({login.user_claim_name, *login.bound_claims})


def unknown(asked: Iterable[str]) -> list[str]:
    """The claims that no scope of the standard gives."""
    return [claim for claim in asked if claim not in _ALWAYS and claim not in _SCOPE_OF]


def scopes(login: VaultLogin) -> list[str]:
    """Without `openid`."""
    if login.scopes is not None:
        return login.scopes
    return sorted({_SCOPE_OF[claim] for claim in claims(login) if claim in _SCOPE_OF})
