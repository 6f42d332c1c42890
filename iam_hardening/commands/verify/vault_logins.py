"""The auth methods that the stack makes in Vault: who can log in, and what the tokens then hold, and for
how long."""

from collections.abc import Mapping
from typing import Any

from iam_hardening.claims.findings import MISSING, NOTHING, Findings
from iam_hardening.clients.vault_reader import VaultReader
from iam_hardening.model.vault import AuthMethod

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
    "which is a JSON pointer": "user_claim_json_pointer",
    "policies by the claim": "groups_claim",
    "bound subject": "bound_subject",
    "bound audiences": "bound_audiences",
    "bound claims": "bound_claims",
    "claims are compared": "bound_claims_type",
    "redirect URIs": "allowed_redirect_uris",
    "scopes other than openid": "oidc_scopes",
    "expired tokens are good for (s)": "expiration_leeway",
    "early tokens are good for (s)": "not_before_leeway",
    "clocks may differ by (s)": "clock_skew_leeway",
    "tokens in Vault's log": "verbose_oidc_logging",
}
_APPROLE_ROLE = {
    "asks for a secret ID": "bind_secret_id",
    "TTL of a secret ID (s)": "secret_id_ttl",
    "and is good (times)": "secret_id_num_uses",
    "a secret ID is good from": "secret_id_bound_cidrs",
    "a token is good from": "token_bound_cidrs",
}
_CONFIG = {
    "jwt": {
        "issuer": "bound_issuer",
        "keys by discovery at": "oidc_discovery_url",
        "keys at": "jwks_url",
        "keys put in by hand": "jwt_validation_pubkeys",
        "certificate authority of the discovery": "oidc_discovery_ca_pem",
        "certificate authority of the keys": "jwks_ca_pem",
        "more keys at": "jwks_pairs",
    },
    "oidc": {
        "keys by discovery at": "oidc_discovery_url",
        "client": "oidc_client_id",
        "certificate authority of the discovery": "oidc_discovery_ca_pem",
    },
    "ldap": {
        "directory": "url",
        "STARTTLS": "starttls",
        "checks no certificate": "insecure_tls",
        "certificate authority": "certificate",
        "people below": "userdn",
        "people by": "userattr",
        "domain": "upndomain",
        "groups below": "groupdn",
        "groups by": "groupattr",
        "groups found with": "groupfilter",
        "people found with": "userfilter",
        "finds people without an account": "discoverdn",
        "finds groups without an account": "anonymous_group_search",
        "refuses empty passwords": "deny_null_bind",
        "everyone's policies": "token_policies",
        "renewed without end (s)": "token_period",
        "tokens live (s)": "token_ttl",
        "at most (s)": "token_max_ttl",
    },
}
# What Vault writes where the stack leaves it out.
_IMPLIED: dict[str, dict[str, Any]] = {
    "ldap": {
        "deny_null_bind": True,
        "userfilter": "({{.UserAttr}}={{.Username}})",
        "groupfilter": "(|(memberUid={{.Username}})(member={{.UserDN}})(uniqueMember={{.UserDN}}))",
    }
}
_REASON = "it decides who can log in, and with which policies"


def check(findings: Findings, wanted: AuthMethod, reader: VaultReader) -> None:
    """Raises NotAllowed."""
    what = f"auth/{wanted.path}"
    mounted = (reader.read("sys/auth") or {}).get(f"{wanted.path}/")
    findings.compare(what, "type", wanted.type, mounted["type"] if mounted else MISSING, "the stack makes it")
    if not mounted or mounted["type"] != wanted.type:
        return
    if wanted.token_seconds is not None:
        for question, key in (("tokens live (s)", "default_lease_ttl"), ("at most (s)", "max_lease_ttl")):
            findings.compare(
                what,
                question,
                wanted.token_seconds,
                mounted["config"][key],
                "where a user or role says nothing else",
            )
    if wanted.config:
        _configuration(findings, wanted, reader)
    if wanted.type == "ldap":
        _groups(findings, wanted, reader)
    elif wanted.role:
        _role(findings, wanted, reader)
    else:
        _people(findings, wanted, reader)


def _role(findings: Findings, wanted: AuthMethod, reader: VaultReader) -> None:
    is_approle = wanted.type == "approle"
    # What Vault writes where the stack leaves it out.
    implied = {"bind_secret_id": True} if is_approle else {"bound_claims_type": "string"}
    what = f"auth/{wanted.path}/role/{wanted.path}"
    _fields(
        findings,
        what,
        {**_ANY_ROLE, **(_APPROLE_ROLE if is_approle else _JWT_ROLE)},
        {**implied, **wanted.role},
        reader.read(what),
    )
    others = [each for each in reader.names(f"auth/{wanted.path}/role") if each != wanted.path]
    findings.compare(f"auth/{wanted.path}", "roles other than the stack's", NOTHING, others, _REASON)


def _people(findings: Findings, wanted: AuthMethod, reader: VaultReader) -> None:
    """A person without a password is not a user of Vault yet, but has an entity."""
    name = wanted.path
    for user, entity in wanted.entities.items():
        found = reader.read(f"identity/entity/name/{entity}")
        what = f"entity {entity}"
        if found is None:
            findings.compare(what, "exists", "yes", MISSING, "the stack makes it")
            continue
        findings.compare(what, "policies", wanted.policies, found["policies"] or (), _REASON)
        findings.compare(
            what,
            "log-ins",
            f"{user} at auth/{name}/",
            [f"{each['name']} at {each['mount_path']}" for each in found["aliases"] or ()],
            "a login through one of them holds the policies",
        )
        groups = found.get("group_ids") or ()
        if groups:
            findings.notes.append(
                f"entity {entity} is in {len(groups)} identity groups of Vault, whose policies it has as well"
            )
    users = reader.names(f"auth/{name}/users")
    findings.compare(
        f"auth/{name}",
        "users other than the stack's",
        NOTHING,
        set(users).difference(wanted.entities),
        _REASON,
    )
    for user in users:
        what = f"auth/{name}/users/{user}"
        found = reader.read(what)
        if found:
            empty = ("policies", "renewed without end (s)")
            _fields(findings, what, {question: _ANY_ROLE[question] for question in empty}, {}, found)


def _groups(findings: Findings, wanted: AuthMethod, reader: VaultReader) -> None:
    """A directory's groups hold the policies; Vault can give some to its people as well."""
    for group in wanted.groups:
        what = f"auth/{wanted.path}/groups/{group}"
        _fields(findings, what, {"policies": "policies"}, {"policies": wanted.policies}, reader.read(what))
    known = {"groups": {group.lower() for group in wanted.groups}, "users": set[str]()}
    for kind, own in known.items():
        found = {name for name in reader.names(f"auth/{wanted.path}/{kind}") if name.lower() not in own}
        findings.compare(f"auth/{wanted.path}", f"{kind} other than the stack's", NOTHING, found, _REASON)


def _configuration(findings: Findings, wanted: AuthMethod, reader: VaultReader) -> None:
    what = f"auth/{wanted.path}/config"
    found = dict(reader.read(what) or {})
    if keys := found.get("jwt_validation_pubkeys"):
        # Long, and no one can read them.
        found["jwt_validation_pubkeys"] = str(len(keys))
    expected = {**_IMPLIED.get(wanted.type, {}), **wanted.config}
    questions = {
        question: key
        for question, key in _CONFIG[wanted.type].items()
        if key in wanted.config or not wanted.is_configured_by_hand
    }
    _fields(findings, what, questions, expected, found, "it decides who can log in")


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
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Mapping):
        return [f"{key}={_joined(each)}" for key, each in value.items()]
    return value


def _joined(value: object) -> str:
    return "|".join(map(str, value)) if isinstance(value, list) else str(value)
