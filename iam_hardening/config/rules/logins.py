"""Log-ins to Vault: which keys each method has, and that no token ends before a lease that it asked for.

A lease dies with its token (HashiCorp Vault, issues 26641 and 9728). The longest lease of an `iam_user` role
is the mount's `maxLeaseTtl`, since its holder can renew it up to there; of an `assumed_role` its `ttl`.
"""

import re
from collections.abc import Iterator

from pydantic.alias_generators import to_camel

from iam_hardening.config.errors import Problem, nearest, shown
from iam_hardening.config.rules.account import repeated
from iam_hardening.config.schema import Vault, VaultLogin
from iam_hardening.config.stack_file import StackFile
from iam_hardening.config.values import duration_text

# Method to the keys that it needs; others of the table are not its keys.
_NEEDS = {
    "userpass": ("users",),
    "oidc": ("redirect_uris", "bound_claims"),
    "approle": (),
    "github": ("subject", "audience"),
}
_OPTIONAL = {"oidc": ("user_claim",), "github": ("immutable_subject",)}

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
    if vault is None or file.config.account_kind != "workload":
        return
    for name, login in vault.logins.items():
        if file.is_broken("vault", "logins", name):
            continue
        yield from _keys(file, name, login)
        yield from _roles(file, vault, name, login)
        yield from _subject(file, name, login)
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
