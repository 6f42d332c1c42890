"""A reverse proxy before the rehearsal's Vault: it replaces what only the user's own Vault could use.

The stack files are written for a real Vault. The rehearsal's reaches neither AWS nor GitHub, and may write
no file outside the rehearsal's folder. So three things that a client writes become others on their way to
Vault, and are what the client wrote when it reads them:

- an AWS secrets engine without endpoints gets the emulated AWS's;
- a JWT auth method that fetches its issuer's keys gets the public key of the rehearsal's own issuer, unless
  the issuer is on this machine;
- a file audit device writes into the rehearsal's folder, under its file's name.

Everything else passes as it is, whichever plugin or command sends it. No access is decided here.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from rehearsal.github_tokens import ISSUER
from rehearsal.loopback import serving

_ANSWER_SECONDS = 90
_ENGINE = re.compile(r"/v1/(.+/config/root)")
_JWT = re.compile(r"/v1/(auth/.+/config)")
_AUDIT = re.compile(r"/v1/sys/audit/(.+?)/?")
_AUDITS = re.compile(r"/v1/sys/audit/?")
_ENDPOINTS = ("iam_endpoint", "sts_endpoint")
_ADDRESSES = ("oidc_discovery_url", "jwks_url")
_KEY_SOURCES = (*_ADDRESSES, "oidc_discovery_ca_pem", "jwks_ca_pem")
_OF_ONE_CONNECTION = ("connection", "keep-alive", "transfer-encoding", "accept-encoding", "content-length")


@dataclass(kw_only=True)
class Substitutes:
    """What was put in place of what, by Vault's path. `audit_folder` must be there."""

    aws_endpoint_url: str
    github_public_key: str
    audit_folder: Path
    # Method and path of each request, `GET sys/mounts/aws`.
    asked: set[str] = field(default_factory=set)
    _own_endpoints: dict[str, set[str]] = field(default_factory=dict)
    _key_sources: dict[str, dict[str, str]] = field(default_factory=dict)
    _files: dict[str, str] = field(default_factory=dict)

    def written(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        """What Vault gets for what a client writes."""
        if found := _ENGINE.fullmatch(path):
            own = self._own_endpoints[found[1]] = {name for name in _ENDPOINTS if content.get(name)}
            left_out = [name for name in _ENDPOINTS if name not in own]
            return {**content, **dict.fromkeys(left_out, self.aws_endpoint_url)}
        if found := _JWT.fullmatch(path):
            given = {name: content[name] for name in _KEY_SOURCES if content.get(name)}
            addresses = [given[name] for name in _ADDRESSES if name in given]
            if not addresses or urlsplit(addresses[0]).hostname == "127.0.0.1":
                return content
            self._key_sources[found[1]] = given
            nowhere = dict.fromkeys(given, "")
            return {**content, **nowhere, "jwt_validation_pubkeys": [self.github_public_key]}
        if (found := _AUDIT.fullmatch(path)) and (content.get("options") or {}).get("file_path"):
            file = self._files[found[1]] = content["options"]["file_path"]
            return {**content, "options": {**content["options"], "file_path": self._audit_file(file)}}
        return content

    def read(self, path: str, answer: dict[str, Any]) -> dict[str, Any]:
        """What a client gets for what Vault answers."""
        data = answer.get("data")
        if not isinstance(data, dict):
            return answer
        if found := _ENGINE.fullmatch(path):
            ours = set(_ENDPOINTS) - self._own_endpoints.get(found[1], set())
            hidden = {name: "" for name in ours if data.get(name) == self.aws_endpoint_url}
            return {**answer, "data": {**data, **hidden}}
        ours_is_key = data.get("jwt_validation_pubkeys") == [self.github_public_key]
        if (found := _JWT.fullmatch(path)) and ours_is_key:
            given = self._key_sources.get(found[1], {"oidc_discovery_url": ISSUER})  # a mount may have moved
            return {**answer, "data": {**data, **given, "jwt_validation_pubkeys": []}}
        if _AUDITS.fullmatch(path):
            # Vault lists the devices twice: in `data` and next to it.
            return {**self._devices(answer), "data": self._devices(data)}
        return answer

    def _audit_file(self, path: str) -> str:
        return str(self.audit_folder / PurePosixPath(path).name)

    def _devices(self, listed: dict[str, Any]) -> dict[str, Any]:
        return {name: self._device(name.rstrip("/"), device) for name, device in listed.items()}

    def _device(self, name: str, device: Any) -> Any:
        file = self._files.get(name)
        options = device.get("options") if isinstance(device, dict) else None
        if not file or not options or options.get("file_path") != self._audit_file(file):
            return device
        return {**device, "options": {**options, "file_path": file}}


@contextmanager
def vault_proxy(vault_address: str, substitutes: Substitutes) -> Iterator[str]:
    """Yields the address that plugins and commands use instead of Vault's own; gone when the block ends."""

    class Handler(_Handler):
        upstream = urlsplit(vault_address).netloc
        substitute = substitutes

    with serving(Handler) as address:
        yield address


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: str
    substitute: Substitutes

    def _forward(self) -> None:
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            self._answer(411, {}, b"")
            return
        path = urlsplit(self.path).path
        self.substitute.asked.add(f"{self.command} {path.removeprefix('/v1/')}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = _object(body)
        if self.command in ("POST", "PUT") and content is not None:
            body = json.dumps(self.substitute.written(path, content)).encode()
        try:
            status, headers, answer = self._ask(body)
        except (OSError, HTTPException) as error:
            sentence = f"The rehearsal's Vault at {self.upstream} does not answer: {error}"
            self._answer(
                502, {"Content-Type": "application/json"}, json.dumps({"errors": [sentence]}).encode()
            )
            return
        found = _object(answer) if self.command == "GET" and status == 200 else None
        if found is not None:
            answer = json.dumps(self.substitute.read(path, found)).encode()
        self._answer(status, headers, answer)

    do_GET = do_HEAD = do_LIST = do_POST = do_PUT = do_PATCH = do_DELETE = do_SCAN = _forward

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_CONNECTION
        }
        connection = HTTPConnection(self.upstream, timeout=_ANSWER_SECONDS)
        try:
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _OF_ONE_CONNECTION:
                self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the rehearsal's output is not a server's log, and paths may hold tokens."""


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
