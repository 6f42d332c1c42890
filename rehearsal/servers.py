"""The two servers of the rehearsal, for as long as a `with` block lasts: an emulated AWS, and OpenBao with
HashiCorp's AWS secrets engine.

Both bind to 127.0.0.1 on a free port, keep their files in a directory that only its owner can read, see
nothing of the user's environment but PATH, and end with the process that started them, however that ends (see
supervise.py). OpenBao runs the way a production server does, initialised and unsealed and on storage that
outlasts a restart, except that one key share unseals it and that it speaks plain HTTP.
"""

import hashlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

import hvac
import requests

from rehearsal import supervise, tools

_START_SECONDS = 60.0
_POLL_SECONDS = 0.05
_ANSWER_SECONDS = 30.0
_POLL_ANSWER_SECONDS = 1.0
_PORT_ATTEMPTS = 5
_LOG_LINES = 15


class ServerError(Exception):
    """A server could not start: why, the end of its log, and what to do."""


class _PortTaken(Exception):
    """Someone else took the port between the moment it was found free and the server's start."""


@dataclass(frozen=True)
class EmulatedAws:
    """A running emulator: all services and accounts at one address."""

    endpoint_url: str
    log: Path

    def role_credentials_url(self, account_id: str, role_name: str) -> str:
        """Where what runs on instances with a role gets that role's credentials."""
        return f"{self.endpoint_url}/_role/{account_id}/{role_name}"


@dataclass(kw_only=True)
class VaultServer:
    """A running OpenBao. `token` is its root token; `audit_log` is there if it was asked for."""

    address: str
    token: str = field(repr=False)
    log: Path
    audit_log: Path | None
    _unseal_key: str = field(repr=False)
    _config: Path = field(repr=False)
    _environment: Mapping[str, str] = field(repr=False)
    _process: Popen[bytes] = field(repr=False)

    def stop(self) -> None:
        """Stop the server and its plugins. Its storage stays."""
        supervise.stop(self._process)

    def start(self) -> None:
        """Start it again after `stop`, from its storage and at the same address, and unseal it."""
        try:
            self._process = _start_vault(
                self._config, self.address, self.log, self._environment, initialised=True
            )
        except _PortTaken:
            raise ServerError(
                f"OpenBao cannot start again: {self.address} was taken while it was stopped. "
                "Begin a new rehearsal, it finds another port."
            ) from None
        _unseal(self.address, self._unseal_key, self.log)


@contextmanager
def emulated_aws(log_dir: Path) -> Iterator[EmulatedAws]:
    """Run the emulator, empty at the start. Raises ServerError."""
    _make_private(log_dir)
    log = log_dir / "emulated-aws.log"

    def start(port: int) -> Popen[bytes]:
        command = [sys.executable, "-m", "rehearsal.emulator", "--port", str(port)]
        health = f"http://127.0.0.1:{port}/_ministack/health"
        return _start("the emulated AWS", command, log, ready=lambda: _get(health) is not None)

    port, process = _on_free_port(start)
    try:
        yield EmulatedAws(f"http://127.0.0.1:{port}", log)
    finally:
        supervise.stop(process)


@contextmanager
def vault_server(
    directory: Path, plugin: Path, *, audit: bool = False, role_credentials_url: str | None = None
) -> Iterator[VaultServer]:
    """Run OpenBao, unsealed, with new storage in `directory` and `plugin` as the engine of its file's name;
    with the auth method `ldap` where that plugin is in the same folder.

    With `audit` it writes every request and answer to a file there, secrets hashed. `role_credentials_url`
    gives the credentials of the role that it runs on. Raises ServerError.
    """
    if not plugin.is_file():
        raise ServerError(f"Vault's AWS secrets engine is not at {plugin}: run `make setup`.")
    _make_private(directory)
    config, log = directory / "config.json", directory / "openbao.log"
    audit_log = directory / "audit.log" if audit else None
    own = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": role_credentials_url} if role_credentials_url else {}

    def start(port: int) -> Popen[bytes]:
        address = f"http://127.0.0.1:{port}"
        config.write_text(json.dumps(_vault_config(port, directory, plugin.resolve().parent, audit_log)))
        return _start_vault(config, address, log, own, initialised=False)

    port, process = _on_free_port(start)
    address = f"http://127.0.0.1:{port}"
    with ExitStack() as running:
        running.callback(supervise.stop, process)
        token, unseal_key = _initialise(address, plugin, log)
        server = VaultServer(
            address=address,
            token=token,
            log=log,
            audit_log=audit_log,
            _unseal_key=unseal_key,
            _config=config,
            _environment=own,
            _process=process,
        )
        running.callback(server.stop)  # by then it may have another process
        yield server


def _vault_config(port: int, directory: Path, plugins: Path, audit_log: Path | None) -> dict[str, Any]:
    storage = directory / "storage"
    storage.mkdir(exist_ok=True)
    # The only storage of OpenBao that is a directory. A single node waits for no other: the shortest
    # timeouts.
    raft = {"path": str(storage), "node_id": "rehearsal", "performance_multiplier": "1"}
    config: dict[str, Any] = {
        "storage": {"raft": raft},
        # The header lets a log-in come from another address, where one is bound to some.
        "listener": [
            {
                "tcp": {
                    "address": f"127.0.0.1:{port}",
                    "tls_disable": True,
                    "x_forwarded_for_authorized_addrs": "127.0.0.1",
                    "x_forwarded_for_reject_not_present": False,
                }
            }
        ],
        "api_addr": f"http://127.0.0.1:{port}",
        "cluster_addr": f"http://127.0.0.1:{_free_port()}",
        "plugin_directory": str(plugins),
        "log_level": "info",
        # HashiCorp Vault takes audit devices by its API, which is how the program makes one.
        "unsafe_allow_api_audit_creation": True,
    }
    if audit_log is not None:
        # OpenBao takes audit devices from its configuration only, not from its API. The description is there
        # because its JSON reader takes an object with one key for a part of the device's name.
        device = {
            "description": "every request and answer",
            "options": {"file_path": str(audit_log), "mode": "0600"},
        }
        config["audit"] = [{"file": {"rehearsal": device}}]
    return config


def _start_vault(
    config: Path, address: str, log: Path, environment: Mapping[str, str], *, initialised: bool
) -> Popen[bytes]:
    def ready() -> bool:
        status = _get(f"{address}/v1/sys/seal-status")
        if status is not None and status.get("initialized") is not initialised:
            raise _PortTaken  # a Vault answers, but not this one
        return status is not None

    command: list[str | Path] = [tools.bao(), "server", f"-config={config}"]
    return _start("OpenBao", command, log, environment, ready=ready)


def _initialise(address: str, plugin: Path, log: Path) -> tuple[str, str]:
    """Make a new server ready for use. Returns its root token and its unseal key."""
    try:
        made = _client(address).sys.initialize(secret_shares=1, secret_threshold=1)
        token, unseal_key = made["root_token"], made["keys"][0]
        _unseal(address, unseal_key, log)
        auth_method = plugin.with_name("ldap")
        for kind, binary in (("secret", plugin), ("auth", auth_method)):
            if binary.is_file():
                checksum = hashlib.sha256(binary.read_bytes()).hexdigest()
                _client(address, token).write_data(
                    f"sys/plugins/catalog/{kind}/{binary.name}",
                    data={"command": binary.name, "sha256": checksum},
                )
    except (hvac.exceptions.VaultError, requests.RequestException) as error:
        raise _error(
            f"OpenBao cannot be initialised with the secrets engine {plugin}: {error}", log
        ) from None
    return token, unseal_key


def _unseal(address: str, key: str, log: Path) -> None:
    """Unseal, and wait until the server is the active node of its cluster of one."""
    _client(address).sys.submit_unseal_key(key)
    deadline = time.monotonic() + _START_SECONDS
    while _get(f"{address}/v1/sys/health") is None:
        if time.monotonic() > deadline:
            raise _error(f"OpenBao is unsealed but not active after {_START_SECONDS:.0f} s", log)
        time.sleep(_POLL_SECONDS)


def _client(address: str, token: str = "") -> hvac.Client:
    # Of itself hvac would use the user's proxy and the token in their home directory.
    session = requests.Session()
    session.trust_env = False
    return hvac.Client(url=address, token=token, session=session, timeout=_ANSWER_SECONDS)


def _start(
    what: str,
    command: Sequence[str | Path],
    log: Path,
    environment: Mapping[str, str] | None = None,
    *,
    ready: Callable[[], bool],
) -> Popen[bytes]:
    """Start a server and wait until it is `ready`. Raises ServerError, _PortTaken if that was the reason."""
    with log.open("ab") as output:
        begin = output.tell()
        env = {**_environment(log.parent), **(environment or {})}
        process = supervise.start(command, output=output, env=env, cwd=tools.ROOT)
    deadline = time.monotonic() + _START_SECONDS
    try:
        while not ready():
            if process.poll() is not None:
                break
            if time.monotonic() > deadline:
                raise _error(f"{what} does not answer after {_START_SECONDS:.0f} s", log)
            time.sleep(_POLL_SECONDS)
    except BaseException:
        supervise.stop(process)
        raise
    if process.poll() is None:
        return process
    supervise.stop(process)
    said = log.read_bytes()[begin:].decode(errors="replace")
    if "address already in use" in said or "is taken" in said:
        raise _PortTaken
    raise _error(f"{what} ended while it was starting, with exit status {process.returncode}", log)


def _on_free_port(start: Callable[[int], Popen[bytes]]) -> tuple[int, Popen[bytes]]:
    for _ in range(_PORT_ATTEMPTS):
        port = _free_port()
        try:
            return port, start(port)
        except _PortTaken:
            continue
    raise ServerError(
        f"{_PORT_ATTEMPTS} free ports of 127.0.0.1 were each taken before a server could bind to them: "
        "see what else opens ports on this machine, then try again."
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _get(url: str) -> dict[str, Any] | None:
    """The answer's JSON object, or None if there is no answer yet."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(url, timeout=_POLL_ANSWER_SECONDS)
            found = answer.json() if answer.ok else None
        except requests.RequestException:
            return None
    return found if isinstance(found, dict) else None


def _environment(home: Path) -> dict[str, str]:
    """The user's credentials and settings for AWS, Vault and proxies stay out."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"HOME": str(home)}


def _make_private(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)


def _error(reason: str, log: Path) -> ServerError:
    last_lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
    advice = f"The whole log is {log}. Try again; `make clean` and then `make setup` build the tools anew."
    return ServerError("\n".join([f"{reason}. {advice}", *(f"    {line}" for line in last_lines)]))
