"""Vault's own environment variables, as its command line reads them.

Obeyed: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT, VAULT_CACERT_BYTES, VAULT_CAPATH, VAULT_SKIP_VERIFY,
VAULT_TLS_SERVER_NAME, VAULT_CLIENT_CERT, VAULT_CLIENT_KEY, VAULT_CLIENT_TIMEOUT, VAULT_PROXY_ADDR and
VAULT_HTTP_PROXY. Others say how often to try again or reach an agent, and are not read here.

Source: HashiCorp, "Vault CLI: environment variables"; api/client.go of hashicorp/vault.
"""

import atexit
import os
import ssl
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from iam_hardening.clients import reach
from iam_hardening.clients.operator import CannotError
from iam_hardening.config import Settings
from iam_hardening.config.errors import shown

# Vault's own default is 60; a person waits here.
_TIMEOUT_SECONDS = 30
# Settings of the Vault provider, and the variables that say the same to Vault's command line.
_VARIABLES = {
    "address": "VAULT_ADDR",
    "namespace": "VAULT_NAMESPACE",
    "caCertFile": "VAULT_CACERT",
    "caCertDir": "VAULT_CAPATH",
    "skipTlsVerify": "VAULT_SKIP_VERIFY",
    "tlsServerName": "VAULT_TLS_SERVER_NAME",
}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# As Go's strconv.ParseBool.
_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"", "0", "f", "F", "FALSE", "false", "False"}
_SECONDS_OF = {"s": 1, "m": 60, "h": 3600}


class _ServerName(HTTPAdapter):
    """Expects the certificate of another name than the address has."""

    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, **more, server_hostname=self._name, assert_hostname=self._name)


def of_stack(account: Settings, environment: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """The environment with what the account's stack file says of its Vault (`vault:address` and the like),
    which counts more, as for the provider. The caller's token stays; how the provider logs in is not
    followed.

    Raises CannotError.
    """
    settings = reach.settings_of(account, "vault")
    file = f"Pulumi.{account.stack}.yaml"
    found = {
        variable: _said(file, key, settings[key]) for key, variable in _VARIABLES.items() if key in settings
    }
    certificate = settings.get("clientAuth")
    if certificate is not None:
        if not isinstance(certificate, Mapping) or set(certificate) - {"certFile", "keyFile"}:
            raise CannotError(
                f"{file}, vault:clientAuth: is not a mapping with certFile and keyFile in plain text."
            )
        for key, variable in (("certFile", "VAULT_CLIENT_CERT"), ("keyFile", "VAULT_CLIENT_KEY")):
            found[variable] = _said(file, f"clientAuth.{key}", certificate.get(key, ""))
    _check_address(file, found.get("VAULT_ADDR"))
    if found:
        others = [name for name, value in found.items() if environment.get(name, value) != value]
        instead = f", and not this shell's {', '.join(others)}" if others else ""
        where = found.get("VAULT_ADDR") or environment.get("VAULT_ADDR") or "the shell's VAULT_ADDR"
        print(f"Vault as {file} says: {where} ({', '.join(sorted(found))}{instead}).", file=sys.stderr)
    token = {"VAULT_TOKEN": settings["token"]} if isinstance(settings.get("token"), str) else {}
    merged = {**token, **environment, **found}
    if "VAULT_CACERT" in found:
        merged.pop("VAULT_CACERT_BYTES", None)
    return merged


def _check_address(file: str, address: str | None) -> None:
    """The caller's token goes there: by TLS, or to this machine."""
    if address is None:
        return
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CannotError(
            f"{file}, vault:address: is {shown(address)}; allowed: an address such as https://vault.example.com:8200."
        )
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise CannotError(
            f"{file}, vault:address: is {shown(address)}. Your Vault token would go there unencrypted; use https://."
        )


def _said(file: str, key: str, value: Any) -> str:
    if isinstance(value, Mapping | list):
        raise CannotError(
            f"{file}, vault:{key}: is encrypted, or no text, and only Pulumi has the stack's key. "
            "It is no secret: set it again in plain text."
        )
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if key == "skipTlsVerify" and text not in _TRUE | _FALSE:
        raise CannotError(f"{file}, vault:{key}: is {shown(value)}; allowed: true or false.")
    if key in ("caCertFile", "caCertDir", "clientAuth.certFile", "clientAuth.keyFile"):
        path = Path(text).expanduser()
        if not path.exists():
            raise CannotError(f"{file}, vault:{key}: is {shown(text)}, which is not there.")
        return str(path)
    return text


def address_of(environment: Mapping[str, str]) -> str:
    """VAULT_ADDR. Raises CannotError where it is not there, or not an address of HTTP."""
    address = environment.get("VAULT_ADDR")
    if not address:
        raise CannotError("VAULT_ADDR is not set: export VAULT_ADDR=https://… , your Vault's address.")
    if not address.startswith(("https://", "http://")):
        raise CannotError(
            f"VAULT_ADDR is {shown(address)}, which does not begin with https:// (or http://): "
            "export VAULT_ADDR=https://… , your Vault's address."
        )
    return address


def connection(environment: Mapping[str, str]) -> dict[str, Any]:
    """How `hvac.Client` is to connect. Raises CannotError for a variable that cannot be followed."""
    settings: dict[str, Any] = {
        "namespace": environment.get("VAULT_NAMESPACE"),
        "verify": _trusted(environment),
        "cert": _client_certificate(environment),
        "timeout": _timeout(environment.get("VAULT_CLIENT_TIMEOUT", "")),
    }
    if proxy := environment.get("VAULT_PROXY_ADDR") or environment.get("VAULT_HTTP_PROXY"):
        settings["proxies"] = {"http": proxy, "https": proxy}
    if name := environment.get("VAULT_TLS_SERVER_NAME"):
        settings["session"] = requests.Session()
        # hvac takes a session as it is.
        settings["session"].verify, settings["session"].cert = settings["verify"], settings["cert"]
        settings["session"].proxies = settings.get("proxies", {})
        settings["session"].mount("https://", _ServerName(name))
    return settings


def _trusted(environment: Mapping[str, str]) -> bool | str:
    """False: no check; True: the authorities that this machine trusts; else a file of authorities."""
    skip = environment.get("VAULT_SKIP_VERIFY", "")
    if skip not in _TRUE | _FALSE:
        raise CannotError(f"VAULT_SKIP_VERIFY is {shown(skip)}; allowed: true or false.")
    if skip in _TRUE:
        print(
            "VAULT_SKIP_VERIFY is set: Vault's certificate is not checked, and anyone in between "
            "can read "
            "the token.",
            file=sys.stderr,
        )
        warnings.filterwarnings("ignore", message="Unverified HTTPS request")
        return False
    if text := environment.get("VAULT_CACERT_BYTES"):
        return _bundle({"VAULT_CACERT_BYTES": text})
    if name := environment.get("VAULT_CACERT"):
        _check_certificates(f"VAULT_CACERT, {name},", _content("VAULT_CACERT", Path(name)))
        return name
    if name := environment.get("VAULT_CAPATH"):
        folder = Path(name)
        if not folder.is_dir():
            raise CannotError(f"VAULT_CAPATH is {name}, which is not a folder.")
        files = sorted(file for file in folder.iterdir() if file.is_file())
        texts = {str(file): _content("VAULT_CAPATH", file) for file in files}
        certificates = {file: text for file, text in texts.items() if "BEGIN CERTIFICATE" in text}
        if not certificates:
            raise CannotError(f"VAULT_CAPATH is {name}, and no file there holds a certificate in PEM.")
        return _bundle(certificates)
    return True


def _bundle(texts: Mapping[str, str]) -> str:
    """One file of all the authorities, for as long as the command runs."""
    for where, text in texts.items():
        _check_certificates(where, text)
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        file.write("\n".join(texts.values()))
    atexit.register(Path(file.name).unlink, missing_ok=True)
    return file.name


def _check_certificates(where: str, text: str) -> None:
    try:
        ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError):
        raise CannotError(f"{where} holds no certificate in PEM (-----BEGIN CERTIFICATE-----).") from None


def _client_certificate(environment: Mapping[str, str]) -> tuple[str, str] | None:
    names = ("VAULT_CLIENT_CERT", "VAULT_CLIENT_KEY")
    given = [environment.get(name, "") for name in names]
    if not any(given):
        return None
    if not all(given):
        missing = names[given.index("")]
        raise CannotError(f"{missing} is not set: a client certificate needs {' and '.join(names)}.")
    for name, file in zip(names, given, strict=True):
        _content(name, Path(file))
    return given[0], given[1]


def _content(variable: str, file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise CannotError(f"{variable} names {file}, which cannot be read: {why}.") from None


def _timeout(text: str) -> int:
    if not text:
        return _TIMEOUT_SECONDS
    number, unit = (text[:-1], text[-1]) if text[-1] in _SECONDS_OF else (text, "s")
    if not number.isdecimal() or int(number) == 0:
        raise CannotError(
            f"VAULT_CLIENT_TIMEOUT is {shown(text)}; allowed: seconds, or a duration such as 60s."
        )
    return int(number) * _SECONDS_OF[unit]
