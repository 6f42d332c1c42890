"""What `iam-hardening jit issue` does while AWS does not know the new key yet, and when credentials end. No
network."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from iam_hardening.clients import operator
from iam_hardening.commands.jit.credentials import Issued, credentials

ARN = "arn:aws:iam::222222222222:user/vault/vault-token-ada-test-1-x"
LEASE = "aws/creds/test/1"


class Vault:
    """Answers as Vault does, and keeps what it was asked to revoke."""

    url, token = "http://vault", "a token"

    def __init__(self, token_seconds: int = 7200, session_token: str | None = None) -> None:
        self.token_seconds, self.session_token = token_seconds, session_token
        self.revoked: list[str] = []
        self.sys = self

    def lookup_self(self) -> dict[str, Any]:
        return {"data": {"ttl": self.token_seconds}}

    def read(self, path: str) -> dict[str, Any]:
        data = {"access_key": "AKIA", "secret_key": "s", "security_token": self.session_token}
        return {"data": data, "lease_id": LEASE, "lease_duration": 1800}

    def revoke_lease(self, lease_id: str) -> None:
        self.revoked.append(lease_id)


class Sts:
    """Refuses `times` with `error`, then knows the key."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times = error, times

    def get_caller_identity(self) -> dict[str, str]:
        if self.times == 0:
            return {"Arn": ARN}
        self.times -= 1
        raise self.error


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetCallerIdentity")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[float]:
    """The pauses that were made; the clock moves by them alone."""
    made: list[float] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("iam_hardening.commands.jit.credentials.time.sleep", made.append)
    monkeypatch.setattr("iam_hardening.commands.jit.credentials.time.monotonic", lambda: sum(made))
    return made


def ask(vault: Any, sts: Sts) -> Issued:
    return credentials(vault, mount="aws", role="test", make_client=lambda *_: sts, region="us-east-1")


def asked_vault(**options: Any) -> Any:
    vault: Any = Vault(**options)
    vault.auth = type("Auth", (), {"token": vault})()
    return vault


def test_it_asks_with_longer_and_longer_pauses_until_aws_knows_the_key(pauses: list[float]) -> None:
    vault = asked_vault()
    issued = ask(vault, Sts(refusal("InvalidClientTokenId"), times=6))
    assert issued.arn == ARN
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert vault.revoked == []


@pytest.mark.parametrize(
    ("error", "reported", "waits"),
    [
        (refusal("InvalidClientTokenId"), "AWS does not take them", True),
        (refusal("ExpiredToken"), "AWS does not take them", False),
        (EndpointConnectionError(endpoint_url="https://sts"), "AWS cannot be asked", False),
    ],
)
def test_what_aws_does_not_take_is_given_back_and_not_kept(
    pauses: list[float], tmp_path: Path, error: Exception, reported: str, waits: bool
) -> None:
    vault = asked_vault()
    with pytest.raises(operator.CannotError, match=reported):
        ask(vault, Sts(error, times=1000))
    assert vault.revoked == [LEASE]
    assert bool(pauses) == waits
    assert sum(pauses) <= 90
    assert list((tmp_path / "cache" / "iam-hardening").glob("*.json")) == []


@pytest.mark.parametrize(
    ("session_token", "token_seconds", "seconds", "token_ends_first"),
    [
        (None, 600, 600, True),
        (None, 7200, 1800, False),
        (None, 0, 1800, False),
        ("a session token", 600, 1800, False),
    ],
)
@pytest.mark.usefixtures("pauses")
def test_a_user_ends_with_the_token_and_a_session_lasts_its_time(
    session_token: str | None, token_seconds: int, seconds: int, token_ends_first: bool
) -> None:
    vault = asked_vault(token_seconds=token_seconds, session_token=session_token)
    issued = ask(vault, Sts(refusal("none"), times=0))
    assert round((issued.ends - datetime.now(UTC)).total_seconds()) in (seconds, seconds - 1)
    assert issued.token_ends_first == token_ends_first
