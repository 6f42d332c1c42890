"""The log-ins that the stack makes in Vault: who gets in, and what the tokens then hold, and for how long."""

from collections.abc import Mapping
from typing import Any

from iam_hardening import config
from iam_hardening.aws.naming import (
    GITHUB_ISSUER,
    VAULT_SECRET_ID_SECONDS,
    vault_entity_name,
    vault_policy_name,
)
from iam_hardening.claims.findings import MISSING, NOTHING, Findings
from iam_hardening.clients.vault_reader import VaultReader

# Question → the field of Vault's role that answers it, of those that a widened log-in differs in.
_ANY_ROLE = {
    "policies": "token_policies",
    "tokens live (s)": "token_ttl",
    "at most (s)": "token_max_ttl",
    "renewed without end (s)": "token_period",
}
_JWT_ROLE = {
    "kind": "role_type",
    "who it is, by the claim": "user_claim",
    "policies by the claim": "groups_claim",
    "bound subject": "bound_subject",
    "bound audiences": "bound_audiences",
    "bound claims": "bound_claims",
    "claims are compared": "bound_claims_type",
    "redirect URIs": "allowed_redirect_uris",
}
_APPROLE_ROLE = {
    "asks for a secret ID": "bind_secret_id",
    "a secret ID lives (s)": "secret_id_ttl",
    "and is good (times)": "secret_id_num_uses",
}
_REASON = "it decides who gets in, and what for"


def check(
    findings: Findings, vault: config.Vault, name: str, login: config.VaultLogin, reader: VaultReader
) -> None:
    """Raises NotAllowed."""
    what = f"auth/{name}"
    mounted = (reader.read("sys/auth") or {}).get(f"{name}/")
    kind = "jwt" if login.method == "github" else login.method
    findings.compare(what, "type", kind, mounted["type"] if mounted else MISSING, "the stack makes it")
    if not mounted or mounted["type"] != kind:
        return
    if login.method != "github":
        seconds = config.token_seconds(vault, login)
        for question, key in (("tokens live (s)", "default_lease_ttl"), ("at most (s)", "max_lease_ttl")):
            findings.compare(
                what, question, seconds, mounted["config"][key], "where a user or role says nothing else"
            )
    if login.method == "userpass":
        _people(findings, vault, name, login, reader)
    else:
        _role(findings, vault, name, login, reader)
    if login.method == "github":
        _keys_of_github(findings, name, reader)


def _policies(vault: config.Vault, login: config.VaultLogin) -> list[str]:
    return [vault_policy_name(vault.mount, role) for role in login.roles]


def _role(
    findings: Findings, vault: config.Vault, name: str, login: config.VaultLogin, reader: VaultReader
) -> None:
    seconds = config.token_seconds(vault, login)
    tokens = {"token_policies": _policies(vault, login), "token_ttl": seconds, "token_max_ttl": seconds}
    by_method: Mapping[str, Mapping[str, object]] = {
        "approle": {
            "bind_secret_id": True,
            "secret_id_ttl": VAULT_SECRET_ID_SECONDS,
            "secret_id_num_uses": 1,
        },
        "github": {
            "role_type": "jwt",
            "user_claim": "actor",
            "bound_subject": login.subject,
            "bound_audiences": [login.audience],
            "bound_claims_type": "string",
        },
        "oidc": {
            "role_type": "oidc",
            "user_claim": login.user_claim,
            "bound_claims": login.bound_claims,
            "bound_claims_type": "string",
            "allowed_redirect_uris": login.redirect_uris,
        },
    }
    what = f"auth/{name}/role/{name}"
    _fields(
        findings,
        what,
        {**_ANY_ROLE, **(_APPROLE_ROLE if login.method == "approle" else _JWT_ROLE)},
        {**tokens, **by_method[login.method]},
        reader.read(what),
    )
    others = [each for each in reader.names(f"auth/{name}/role") if each != name]
    findings.compare(f"auth/{name}", "roles beside the stack's", NOTHING, others, _REASON)


def _people(
    findings: Findings, vault: config.Vault, name: str, login: config.VaultLogin, reader: VaultReader
) -> None:
    """Whoever has no password yet is no user of Vault, and has an entity all the same."""
    for user in login.users:
        entity = vault_entity_name(name, user)
        found = reader.read(f"identity/entity/name/{entity}")
        what = f"entity {entity}"
        if found is None:
            findings.compare(what, "exists", "yes", MISSING, "the stack makes it")
            continue
        findings.compare(what, "policies", _policies(vault, login), found["policies"] or (), _REASON)
        findings.compare(
            what,
            "log-ins",
            f"{user} at auth/{name}/",
            [f"{each['name']} at {each['mount_path']}" for each in found["aliases"] or ()],
            "whoever logs in by one of them holds the policies",
        )
        groups = found.get("group_ids") or ()
        if groups:
            findings.notes.append(
                f"entity {entity} is in {len(groups)} identity groups of Vault, whose policies it has as well"
            )
    users = reader.names(f"auth/{name}/users")
    findings.compare(
        f"auth/{name}", "users beside the stack's", NOTHING, set(users).difference(login.users), _REASON
    )
    for user in users:
        what = f"auth/{name}/users/{user}"
        found = reader.read(what)
        if found:
            wanted = ("policies", "renewed without end (s)")
            _fields(findings, what, {question: _ANY_ROLE[question] for question in wanted}, {}, found)


def _keys_of_github(findings: Findings, name: str, reader: VaultReader) -> None:
    what = f"auth/{name}/config"
    questions = {
        "issuer": "bound_issuer",
        "keys by discovery at": "oidc_discovery_url",
        "keys at": "jwks_url",
        "keys put in by hand": "jwt_validation_pubkeys",
    }
    wanted = {"bound_issuer": GITHUB_ISSUER, "oidc_discovery_url": GITHUB_ISSUER}
    found = dict(reader.read(what) or {})
    keys = found.get("jwt_validation_pubkeys")
    if keys:
        # Long, and nobody can read them.
        found["jwt_validation_pubkeys"] = str(len(keys))
    _fields(findings, what, questions, wanted, found, "whose signature makes a token good")


def _fields(
    findings: Findings,
    what: str,
    questions: Mapping[str, str],
    wanted: Mapping[str, object],
    found: Mapping[str, Any] | None,
    reason: str = _REASON,
) -> None:
    """A field that `wanted` does not name has to be empty."""
    if found is None:
        findings.compare(what, "exists", "yes", MISSING, "the stack makes it")
        return
    for question, key in questions.items():
        findings.compare(what, question, _plain(wanted.get(key)), _plain(found.get(key)), reason)


def _plain(value: object) -> object:
    """Vault writes what is not there as null, nothing, zero or an empty list."""
    if not value:
        return NOTHING
    if isinstance(value, Mapping):
        return [f"{key}={_joined(each)}" for key, each in value.items()]
    return value


def _joined(value: object) -> str:
    return "|".join(map(str, value)) if isinstance(value, list) else str(value)
