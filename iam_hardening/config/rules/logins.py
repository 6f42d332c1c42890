"""Log-ins to Vault: which keys each method has, and that no token ends before a lease that it asked for.

A lease dies with its token (HashiCorp Vault, issues 26641 and 9728). The longest lease of an `iam_user` role
is the mount's `maxLeaseTtl`, since its holder can renew it up to there; of an `assumed_role` its `ttl`.
"""

import re
from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from pydantic.alias_generators import to_camel

from iam_hardening.aws.naming import GITHUB_ISSUER, vault_entity_name
from iam_hardening.config import oidc_scopes
from iam_hardening.config.errors import Problem, nearest, shown
from iam_hardening.config.rules.account import repeated
from iam_hardening.config.schema import Vault, VaultLogin
from iam_hardening.config.stack_file import StackFile
from iam_hardening.config.values import duration_text

# Method to the keys that it needs; others of the table are not its keys.
_NEEDS: dict[str, tuple[str, ...]] = {
    "userpass": ("users",),
    "oidc": ("redirect_uris", "bound_claims"),
    "approle": (),
    "github": ("subject", "audience"),
    "jwt": ("issuer", "audience"),
    "ldap": ("url", "groups"),
}
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "oidc": ("user_claim", "scopes", "discovery_url", "client_id", "ca_certificate"),
    "approle": ("cidrs",),
    "github": ("immutable_subject",),
    "jwt": ("subject", "bound_claims", "user_claim", "discovery_url", "jwks_url", "ca_certificate"),
    "ldap": (
        *("user_dn", "user_attribute", "upn_domain", "group_dn", "group_attribute", "group_filter"),
        *("start_tls", "ca_certificate"),
    ),
}
_REDIRECT = re.compile(
    r"(?:https://[A-Za-z0-9.-]+|http://(?:localhost|127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?(?:/[^\s#*]*)?"
)
# What every token of an issuer has, or its holder chooses; and what is no text, which the provider cannot
# bind.
_SAY_NOTHING = frozenset({"aud", "iss", "azp", "nonce", "jti", "at_hash", "typ"})
_NO_TEXT = frozenset(
    {"exp", "iat", "nbf", "auth_time", "updated_at", "email_verified", "phone_number_verified"}
)

_IPV4_IN_IPV6 = IPv6Network("::ffff:0:0/96")

# Asking takes a moment, and so does AWS until it knows a new key.
MARGIN_SECONDS = 5 * 60

_NAME = r"[A-Za-z0-9._-]+"
_WHERE = r"(?:ref:refs/(?:heads|tags)/|environment:)[^*?\s]+"
_IMMUTABLE = re.compile(rf"repo:{_NAME}@[0-9]+/{_NAME}@[0-9]+:{_WHERE}")
_BY_NAME = re.compile(rf"repo:{_NAME}/{_NAME}:{_WHERE}")


def longest_lease_seconds(vault: Vault, login: VaultLogin) -> int:
    """Of the roles that a log-in may ask for; unknown ones are reported elsewhere."""
    roles = [vault.roles[name] for name in login.roles if name in vault.roles]
    return max(
        (vault.session_seconds(role) if role.is_session else vault.max_lease_ttl for role in roles),
        default=vault.max_lease_ttl,
    )


def token_seconds(vault: Vault, login: VaultLogin) -> int:
    return login.token_ttl or longest_lease_seconds(vault, login) + MARGIN_SECONDS


def check_logins(file: StackFile) -> Iterator[Problem]:
    vault = file.config.vault
    if vault is None or file.config.account_kind is None:
        return
    yield from _entities(file, vault)
    for name, login in vault.logins.items():
        if file.is_broken("vault", "logins", name):
            continue
        yield from _keys(file, name, login)
        yield from _roles(file, vault, name, login)
        yield from _subject(file, name, login)
        yield from _claims(file, name, login)
        yield from _keys_of_issuer(file, name, login)
        yield from _directory(file, name, login)
        yield from _addresses(file, name, login)
        longest = longest_lease_seconds(vault, login)
        if login.token_ttl is not None and login.token_ttl <= longest:
            yield Problem(
                file.key("vault", "logins", name, "tokenTtl"),
                f"{duration_text(login.token_ttl)} does not outlive the longest lease that these roles give "
                f"({duration_text(longest)}), and a lease dies with the token that asked for it. Set at "
                f"least {duration_text(longest + MARGIN_SECONDS)}, or leave it out",
            )


def _keys(file: StackFile, name: str, login: VaultLogin) -> Iterator[Problem]:
    own = (*_NEEDS[login.method], *_OPTIONAL.get(login.method, ()))
    of_methods = {key for keys in (*_NEEDS.values(), *_OPTIONAL.values()) for key in keys}
    for key in sorted(of_methods):
        place = file.key("vault", "logins", name, to_camel(key))
        if key in login.model_fields_set and key not in own:
            known = ", ".join(map(to_camel, own)) or "no key"
            yield Problem(place, f"is no key of {login.method}; it has {known}")
        elif not getattr(login, key) and key in _NEEDS[login.method]:
            yield Problem(place, f"is missing; a log-in by {login.method} needs it")


def _roles(file: StackFile, vault: Vault, name: str, login: VaultLogin) -> Iterator[Problem]:
    key = file.key("vault", "logins", name, "roles")
    yield from repeated(key, login.roles)
    yield from repeated(file.key("vault", "logins", name, "users"), login.users)
    for role in login.roles:
        if role not in vault.roles:
            yield Problem(key, f"{shown(role)} is not under vault.roles; {nearest(role, list(vault.roles))}")


def _subject(file: StackFile, name: str, login: VaultLogin) -> Iterator[Problem]:
    if login.method != "github" or login.subject is None:
        return
    key = file.key("vault", "logins", name, "subject")
    where = "and ends in :environment:NAME or :ref:refs/heads/BRANCH, whole and without * or ?"
    if login.immutable_subject and not _IMMUTABLE.fullmatch(login.subject):
        yield Problem(
            key,
            f"is {shown(login.subject)}; allowed: the immutable subject, which begins like "
            f"repo:acme@123456/infra@456789 {where}. Repositories that still send the older form "
            "(repo:acme/infra:…) need immutableSubject: false",
        )
    if not login.immutable_subject and not _BY_NAME.fullmatch(login.subject):
        yield Problem(
            key,
            f"is {shown(login.subject)}; allowed with immutableSubject: false: a subject which begins like "
            f"repo:acme/infra {where}",
        )


def _claims(file: StackFile, name: str, login: VaultLogin) -> Iterator[Problem]:
    """Of oidc and jwt: who gets in, and whether Vault will be given the claims that say it."""
    key = partial(file.key, "vault", "logins", name)
    for claim, values in login.bound_claims.items():
        yield from repeated(key("boundClaims", claim), values)
        if claim.removeprefix("/") in _NO_TEXT:
            yield Problem(
                key("boundClaims", claim),
                "is a number, a time or a boolean in tokens, and Pulumi's Vault provider compares "
                "text only: every "
                "log-in would be refused. Bind another claim",
            )
    if login.bound_claims and not login.subject and not _who_it_is(login):
        yield Problem(
            key("boundClaims"),
            f"binds {', '.join(login.bound_claims)} alone, which every token of the issuer has or its "
            "holder chooses. "
            "Name what only your own people or jobs have",
        )
    with_commas = [
        claim for claim, values in login.bound_claims.items() if any("," in each for each in values)
    ]
    several = [claim for claim, values in login.bound_claims.items() if len(values) > 1]
    if with_commas and several:
        yield Problem(
            key("boundClaims"),
            f"has a value with a comma ({with_commas[0]}) and a claim with several values "
            f"({several[0]}); Pulumi's "
            "Vault provider takes one or the other in a log-in. Make two log-ins",
        )
    if login.method != "oidc":
        return
    for uri in login.redirect_uris:
        if not _REDIRECT.fullmatch(uri):
            yield Problem(
                key("redirectUris"),
                f"{shown(uri)}; allowed: a whole address without * and #, https:// or, to localhost, http://",
            )
    yield from repeated(key("redirectUris"), login.redirect_uris)
    if login.scopes is None:
        for claim in oidc_scopes.unknown(oidc_scopes.claims(login)):
            yield Problem(
                key("scopes"),
                f"is missing; which scope gives the claim {claim} depends on the provider, and "
                "without it every "
                "log-in ends in “claim not found”. List the scopes, or write [] if the claim is always there",
            )
    elif "openid" in login.scopes:
        yield Problem(key("scopes"), "has openid, which Vault asks for itself; leave it out")
    yield from repeated(key("scopes"), login.scopes or [])


def _who_it_is(login: VaultLogin) -> list[str]:
    return [claim for claim in login.bound_claims if claim.removeprefix("/") not in _SAY_NOTHING | _NO_TEXT]


def _keys_of_issuer(file: StackFile, name: str, login: VaultLogin) -> Iterator[Problem]:
    if login.method != "jwt":
        return
    key = partial(file.key, "vault", "logins", name)
    if login.issuer and login.issuer.startswith(GITHUB_ISSUER):
        yield Problem(
            key("method"), "is jwt, and the issuer is GitHub Actions: use github, which checks the subject"
        )
    if login.discovery_url and login.jwks_url:
        yield Problem(key("jwksUrl"), "does not go with discoveryUrl; Vault takes the keys from one of them")
    if not login.subject and not login.bound_claims:
        yield Problem(
            key("boundClaims"),
            "is missing; without it or subject everyone with a token of this issuer gets in, which "
            "on a shared "
            "service is anyone. Name what only your own jobs have, such as a project's ID",
        )
    if login.subject and "*" in login.subject:
        yield Problem(
            key("subject"), f"is {shown(login.subject)}; it is compared whole, and * is no pattern here"
        )


def _directory(file: StackFile, name: str, login: VaultLogin) -> Iterator[Problem]:
    if login.method != "ldap" or login.url is None:
        return
    key = partial(file.key, "vault", "logins", name)
    if "ldap://" in login.url and not login.start_tls:
        yield Problem(
            key("url"),
            f"is {shown(login.url)}, which sends passwords unencrypted; use ldaps://, or startTls: true",
        )
    if bool(login.user_dn) == bool(login.upn_domain):
        yield Problem(
            key("userDn"), "or upnDomain (Active Directory) is needed, one of them: how Vault finds a person"
        )
    if not login.group_dn:
        yield Problem(key("groupDn"), "is missing; without it Vault finds no group, and no one gets a policy")
    # Vault takes a group's name in any case for the same.
    yield from repeated(key("groups"), [group.lower() for group in login.groups])


def _addresses(file: StackFile, name: str, login: VaultLogin) -> Iterator[Problem]:
    key = file.key("vault", "logins", name, "cidrs")
    yield from repeated(key, login.cidrs)
    blocks = [ip_network(cidr) for cidr in login.cidrs]
    four = collapse_addresses(block for block in blocks if isinstance(block, IPv4Network))
    six = list(collapse_addresses(block for block in blocks if isinstance(block, IPv6Network)))
    every = [*(block for block in four if block.prefixlen == 0), *filter(_IPV4_IN_IPV6.subnet_of, six)]
    for block in every:
        yield Problem(key, f"are together {block}, every address there is; leave cidrs out, or name your own")


def _entities(file: StackFile, vault: Vault) -> Iterator[Problem]:
    """Two people of two log-ins whose names run together to one entity would hold each other's policies; and
    of two groups so named, Pulumi would take one for the other."""
    groups: dict[str, str] = {}
    for name, login in vault.logins.items():
        for group in login.groups:
            if groups.setdefault(f"{name}-{group}", name) != name:
                yield Problem(
                    file.key("vault", "logins", name, "groups"),
                    f"{group} of {name} and a group of {groups[f'{name}-{group}']} would be one resource, "
                    f"{name}-{group}; give one of the log-ins another name",
                )
    made: dict[str, str] = {}
    for name, login in vault.logins.items():
        for user in login.users:
            entity = vault_entity_name(name, user)
            if made.setdefault(entity, name) != name:
                yield Problem(
                    file.key("vault", "logins", name, "users"),
                    f"{user} of {name} and a user of {made[entity]} would be one entity of Vault, "
                    f"{entity}, and hold "
                    "each other's policies; give one of the log-ins another name",
                )
