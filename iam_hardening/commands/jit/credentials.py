"""Short-lived AWS credentials of one Vault role, asked for once and kept until they end.

Every question to Vault makes another IAM user, so what Vault answered is kept in a file that only its owner
can read, in a folder of their own, and is used again while it lasts. Whose log-in asked is part of the file's
name: another log-in never gets what the last one asked for.

A lease dies with the token that asked for it (docs/just-in-time.md, "Log-ins"), so an IAM user ends with the
lease or with the token, whichever is first; a role's session lasts its time. New IAM keys take seconds to be
known everywhere: they are handed out only when STS has taken them.
"""

import fcntl
import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hvac
from botocore.exceptions import BotoCoreError, ClientError

from iam_hardening.clients import operator
from iam_hardening.clients.aws import Credentials
from iam_hardening.clients.vault import asking

# Less than that is not worth starting with.
_LEAST_SECONDS_LEFT = 60
# HashiCorp, "AWS secrets engine": a new key works after "5-10 seconds or more".
_LONGEST_WAIT_SECONDS = 90
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 8.0
_NOT_KNOWN_YET = {"InvalidClientTokenId", "InvalidAccessKeyId", "AuthFailure", "AccessDenied"}


@dataclass(frozen=True, kw_only=True)
class Issued:
    """Credentials that Vault gave; `arn` is who they are in AWS. `token_ends_first`: the log-in was short."""

    credentials: Credentials = field(repr=False)
    arn: str
    lease_id: str
    ends: datetime
    token_ends_first: bool

    @property
    def is_session(self) -> bool:
        return self.credentials.session_token is not None

    def as_kept(self) -> dict[str, Any]:
        return {
            "access_key_id": self.credentials.access_key_id,
            "secret_access_key": self.credentials.secret_access_key,
            "session_token": self.credentials.session_token,
            "arn": self.arn,
            "lease_id": self.lease_id,
            "ends": self.ends.isoformat(),
            "token_ends_first": self.token_ends_first,
        }

    @classmethod
    def of_kept(cls, kept: Mapping[str, Any]) -> "Issued":
        return cls(
            credentials=Credentials(
                access_key_id=kept["access_key_id"],
                secret_access_key=kept["secret_access_key"],
                session_token=kept["session_token"],
            ),
            arn=kept["arn"],
            lease_id=kept["lease_id"],
            ends=datetime.fromisoformat(kept["ends"]),
            token_ends_first=kept["token_ends_first"],
        )


def folder() -> Path:
    """Where credentials are kept, made if it is not there. Raises live.CannotError if others can look in."""
    home = os.environ.get("XDG_CACHE_HOME")
    path = (Path(home) if home else Path.home() / ".cache") / "iam-hardening"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise operator.CannotError(
            f"{path} can be read by others, and credentials would be kept there. Make it yours alone: "
            f"chmod 700 {path}"
        )
    return path


def credentials(
    vault: hvac.Client,
    *,
    mount: str,
    role: str,
    make_client: operator.MakeClient,
    region: str,
    fresh: bool = False,
) -> Issued:
    """What is kept, while it lasts; else new ones, when AWS knows them. Raises live.CannotError."""
    key = hashlib.sha256("\n".join((vault.url, mount, role, vault.token or "")).encode()).hexdigest()
    path = folder() / f"{key}.json"
    with _locked(path.with_suffix(".lock")):
        kept = None if fresh else _kept(path)
        if kept and kept.ends - datetime.now(UTC) > timedelta(seconds=_LEAST_SECONDS_LEFT):
            return kept
        issued = ask(vault, mount=mount, role=role, make_client=make_client, region=region)
        _keep(path, issued)
        return issued


def ask(
    vault: hvac.Client, *, mount: str, role: str, make_client: operator.MakeClient, region: str
) -> Issued:
    """New ones, kept nowhere, when AWS knows them. Raises live.CannotError."""
    asked = datetime.now(UTC)
    path, doing = f"{mount}/creds/{role}", f"Asking Vault for credentials of the role {role}"
    token = asking(
        vault, "Looking at the Vault token", "auth/token/lookup-self", vault.auth.token.lookup_self
    )
    # 0: a token without end, such as a root token.
    token_seconds = int(token["data"]["ttl"])
    answer: dict[str, Any] | None = asking(vault, doing, path, lambda: vault.read(path))
    if answer is None:
        raise operator.CannotError(
            f"{doing} failed: there is nothing at {path}, no such role or another mount."
        )
    data, lease_seconds = answer["data"], int(answer["lease_duration"])
    own = Credentials(
        access_key_id=data["access_key"],
        secret_access_key=data["secret_key"],
        session_token=data.get("session_token") or data.get("security_token") or None,
    )
    try:
        arn = _wait_until_known(make_client("sts", region, own))
    except operator.CannotError:
        _give_back(vault, answer["lease_id"])
        raise
    # Vault ends a user with the token that asked for it; of a role's session it has nothing to end.
    ends_with_token = own.session_token is None and 0 < token_seconds < lease_seconds
    return Issued(
        credentials=own,
        arn=arn,
        lease_id=answer["lease_id"],
        ends=asked + timedelta(seconds=token_seconds if ends_with_token else lease_seconds),
        token_ends_first=ends_with_token,
    )


def _give_back(vault: hvac.Client, lease_id: str) -> None:
    """Vault's default policy does not let a token revoke its leases; where it may, the user goes at once."""
    try:
        vault.sys.revoke_lease(lease_id)
    except hvac.exceptions.VaultError:
        return


def _wait_until_known(sts: Any) -> str:
    """Asks STS until it takes the key; answers with the ARN."""
    deadline, pause = time.monotonic() + _LONGEST_WAIT_SECONDS, _FIRST_PAUSE_SECONDS
    while True:
        try:
            return str(sts.get_caller_identity()["Arn"])
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code not in _NOT_KNOWN_YET or time.monotonic() + pause > deadline:
                raise operator.CannotError(
                    f"Vault gave credentials, and AWS does not take them: {error}. Ask again in a minute; if "
                    "it stays, look whether Vault's mount is of this account"
                ) from None
        except BotoCoreError as error:
            raise operator.CannotError(f"Vault gave credentials, and AWS cannot be asked: {error}") from None
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _kept(path: Path) -> Issued | None:
    try:
        return Issued.of_kept(json.loads(path.read_text()))
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        # Not there, or not of this version: asked for anew.
        return None


def _keep(path: Path, issued: Issued) -> None:
    """mkstemp's files are the owner's alone; replaced in one step, so that no one reads half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        json.dump(issued.as_kept(), file)
    Path(name).replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two commands at once ask Vault once."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
