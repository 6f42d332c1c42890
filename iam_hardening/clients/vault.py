"""Vault as people's commands reach it: from their environment, and with sentences where it refuses.

`VAULT_ADDR`, `VAULT_TOKEN` (or what `vault login` left in `~/.vault-token`), `VAULT_NAMESPACE` and
`VAULT_CACERT` mean what they mean to Vault's own command line. A command makes one call after the other and
stops at the first that fails; each sentence says what was asked, what came back and what to do.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import hvac
from hvac import exceptions
from requests import RequestException

from iam_hardening.clients.operator import CannotError

_TIMEOUT_SECONDS = 30
_TOKEN_FILE = ".vault-token"


def client(environment: Mapping[str, str] = os.environ, home: Path | None = None) -> hvac.Client:
    """A client with the caller's own token. Raises CannotError; asks Vault nothing yet."""
    address = environment.get("VAULT_ADDR")
    if not address:
        raise CannotError("VAULT_ADDR is not set: export VAULT_ADDR=https://… , your Vault's address.")
    token_file = (home or Path.home()) / _TOKEN_FILE
    token = environment.get("VAULT_TOKEN") or (token_file.read_text().strip() if token_file.is_file() else "")
    if not token:
        raise CannotError(f"There is no Vault token: log in to {address} first (vault login …).")
    return hvac.Client(
        url=address,
        token=token,
        namespace=environment.get("VAULT_NAMESPACE"),
        verify=environment.get("VAULT_CACERT", True),
        timeout=_TIMEOUT_SECONDS,
    )


def asking(vault: hvac.Client, doing: str, path: str, call: Callable[[], Any]) -> Any:
    """The answer of one call. `doing` begins the sentence, `path` is what it asks of Vault.

    Raises CannotError.
    """
    try:
        return call()
    except (exceptions.VaultError, RequestException) as error:
        raise CannotError(f"{doing} failed: {_reason(vault, path, error)}") from None


def _reason(vault: hvac.Client, path: str, error: Exception) -> str:
    if isinstance(error, RequestException):
        why = type(error).__name__
        return f"{vault.url} does not answer ({why}). Is Vault running, and is VAULT_ADDR right?"
    if isinstance(error, exceptions.VaultDown) or _is_sealed(vault):
        return (
            f"the Vault at {vault.url} is sealed. Vault issues no credentials, and no lease ends, "
            "until it is "
            "unsealed (vault operator unseal; with auto-unseal look at its log)."
        )
    if isinstance(error, exceptions.Forbidden | exceptions.Unauthorized):
        return _refused(vault, path)
    said = " ".join(str(error).split())
    mount = re.split(r"/(?:config|creds|roles|sts)(?:/|$)", path.removeprefix("sys/mounts/"))[0]
    if "no handler for route" in said or isinstance(error, exceptions.InvalidPath):
        return (
            f"there is nothing at {path}. Is an AWS secrets engine mounted at {mount}? `vault secrets list` "
            "shows it; `pulumi up` of the account's stack mounts it."
        )
    if re.search(r"unknown role|role .* not found", said, re.IGNORECASE):
        role = path.rsplit("/", 1)[-1]
        return f"the mount has no role {role}; `vault list {mount}/roles` shows those there are."
    if "plugin" in said and ("catalog" in said or "not found" in said):
        return (
            "this Vault has no AWS secrets engine. HashiCorp Vault brings one; OpenBao needs it as a plugin "
            f"(docs/just-in-time.md). Vault's own words: {said}"
        )
    if "AccessDenied" in said or "InvalidClientTokenId" in said or "SignatureDoesNotMatch" in said:
        return (
            "AWS refused Vault's own principal. Was its key replaced, or its policy changed, beside Pulumi? "
            f"`pulumi up --refresh` of the account's stack puts both right. AWS's words: {said}"
        )
    return said or type(error).__name__


def _refused(vault: hvac.Client, path: str) -> str:
    """A token that is no longer good, and one that may not: Vault answers both alike."""
    try:
        vault.auth.token.lookup_self()
    except exceptions.Forbidden:
        return "the Vault token is not valid or has expired: log in again (vault login …)."
    except (exceptions.VaultError, RequestException):
        pass
    return (
        f"the Vault token may not use {path}. `vault token lookup` shows its policies; the operator of Vault "
        "gives the policy that it takes."
    )


def _is_sealed(vault: hvac.Client) -> bool:
    try:
        return bool(vault.sys.is_sealed())
    except (exceptions.VaultError, RequestException):
        return False
