"""Vault as people's commands reach it: from their environment, and with sentences where it refuses.

The token is `VAULT_TOKEN`, or what `vault login` left in `~/.vault-token`; how to connect says
`vault_environment.py`. A command makes one call after the other and
stops at the first that fails; each sentence says what was asked, what came back and what to do.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import hvac
import requests
from hvac import exceptions
from requests import RequestException

from iam_hardening.clients.operator import CannotError
from iam_hardening.clients.vault_environment import address_of, connection, of_stack
from iam_hardening.config import Settings

_TOKEN_FILE = ".vault-token"


def client_of(account: Settings) -> hvac.Client:
    """The same as `client`, for the Vault that the account's stack file names, if it names one."""
    return client(of_stack(account))


def client(environment: Mapping[str, str] = os.environ, home: Path | None = None) -> hvac.Client:
    """A client with the caller's own token. Raises CannotError; asks Vault nothing yet."""
    address = address_of(environment)
    token_file = (home or Path.home()) / _TOKEN_FILE
    token = environment.get("VAULT_TOKEN") or (token_file.read_text().strip() if token_file.is_file() else "")
    if not token:
        raise CannotError(f"There is no Vault token: log in to {address} first (vault login …).")
    return hvac.Client(url=address, token=token, **connection(environment))


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
        return _no_answer(vault.url, error)
    said = " ".join(str(error).split())
    if "HTTP request to an HTTPS server" in said:
        return f"{vault.url} speaks TLS: begin VAULT_ADDR with https://."
    if "active cluster node not found" in said:
        return (
            f"the Vault at {vault.url} is on standby, and no node is active: its operator has to look at it."
        )
    if isinstance(error, exceptions.VaultDown) or _is_sealed(vault):
        return (
            f"the Vault at {vault.url} is sealed. Vault issues no credentials, and no lease ends, "
            "until it is unsealed (vault operator unseal; with auto-unseal look at its log)."
        )
    if isinstance(error, exceptions.Forbidden | exceptions.Unauthorized):
        return _refused(vault, path)
    mount = re.split(r"/(?:config|creds|roles|sts)(?:/|$)", path.removeprefix("sys/mounts/"))[0]
    if "no handler for route" in said or isinstance(error, exceptions.InvalidPath):
        within = f" in the namespace {vault.adapter.namespace}" if vault.adapter.namespace else ""
        return (
            f"there is nothing at {path}{within}. Is an AWS secrets engine mounted at {mount}? "
            "`vault secrets list` shows it; `pulumi up` of the account's stack mounts it."
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


def _no_answer(address: str, error: RequestException) -> str:
    """Why nothing came back, as far as the transport says it, and what to do."""
    said = str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return f"{address}: {_tls(said)}"
    if isinstance(error, requests.exceptions.ProxyError):
        return (
            f"the proxy for {address} does not let the call through. The proxy is VAULT_PROXY_ADDR's or "
            "HTTPS_PROXY's; NO_PROXY names hosts to reach without it."
        )
    if "NameResolutionError" in said or "Failed to resolve" in said:
        return f"the name in {address} is not known to DNS here. Is VAULT_ADDR right, and does it take a VPN?"
    if isinstance(error, requests.exceptions.Timeout):
        return (
            f"{address} does not answer in time. Is a network or a firewall in between? "
            "VAULT_CLIENT_TIMEOUT waits longer."
        )
    why = type(error).__name__
    return f"{address} does not answer ({why}). Is Vault running, and is VAULT_ADDR right?"


def _tls(said: str) -> str:
    lower = said.lower()
    if "hostname mismatch" in lower or "doesn't match" in lower or "ip address mismatch" in lower:
        return (
            "its certificate is for another name. Use a name of the certificate in VAULT_ADDR, or set "
            "VAULT_TLS_SERVER_NAME."
        )
    if "certificate has expired" in lower or "not yet valid" in lower:
        return (
            "its certificate is not valid now. Is this machine's clock right? If so, Vault needs a new one."
        )
    if "certificate_verify_failed" in lower or "certificate verify failed" in lower:
        return (
            "its certificate is not trusted here. Set VAULT_CACERT to the file of the authority "
            "that signed it."
        )
    if "wrong_version_number" in lower or "wrong version number" in lower or "record layer" in lower:
        return "it does not speak TLS there. Is VAULT_ADDR right, or is it http:// (for tests only)?"
    if "certificate_required" in lower or "bad_certificate" in lower or "handshake_failure" in lower:
        return "it asks for a client certificate: set VAULT_CLIENT_CERT and VAULT_CLIENT_KEY."
    return f"no TLS connection. {said}"


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
