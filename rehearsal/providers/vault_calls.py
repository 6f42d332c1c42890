"""Calls to Vault: one token on one server, on hvac."""

import threading
from collections.abc import Mapping
from typing import Any

import hvac
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from rehearsal.providers.rows import FakeProviderError, GoneError

# What Vault and OpenBao say, with status 400, about a path without a mount.
_GONE_WORDS = (
    "no secret engine mount",
    "no auth engine",
    "cannot fetch sysview",
    "no handler for route",
    "unsupported path",
)


# The real provider's client tries a call again, twice, about a second apart, when Vault answers with 5xx. It
# matters: while an audit device is being enabled, Vault answers other calls with "internal error".
# Source: hashicorp/vault, api/client.go, `DefaultRetryPolicy`; the provider's argument `max_retries`.
_RETRIES = Retry(
    total=2,
    connect=0,
    read=0,
    status_forcelist=[500, 502, 503, 504],
    allowed_methods=None,
    backoff_factor=0.5,
    raise_on_status=False,
)


class VaultApi:
    """An operation is `VERB path`, without the leading /v1/. The answer is the one's `data`."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._token = token
        self._of_thread = threading.local()

    def call(self, operation: str, arguments: Mapping[str, Any], ignore: frozenset[str] = frozenset()) -> Any:
        """
        :raises GoneError: what was asked for does not exist.
        :raises FakeProviderError: Vault refused, in Vault's words.
        """
        verb, path = operation.split(" ", 1)
        try:
            body = {"json": dict(arguments)} if verb in ("POST", "PUT") else {}
            answer = self._client().adapter.request(verb, f"/v1/{path}", **body)
        except hvac.exceptions.InvalidPath as error:
            raise GoneError(f"Vault has nothing at {path}") from error
        except hvac.exceptions.VaultError as error:
            reasons = "; ".join(error.errors or []) or str(error)
            gone = any(words in reasons.lower() for words in _GONE_WORDS)
            raise (GoneError if gone else FakeProviderError)(
                f"Vault refused {verb} {path}: {reasons}"
            ) from error
        except requests.RequestException as error:
            raise FakeProviderError(
                f"Vault at {self._address} cannot be reached: {type(error).__name__}"
            ) from error
        return answer.get("data") or {} if isinstance(answer, dict) else {}

    def wait(self, waiter: str, arguments: Mapping[str, Any]) -> None:
        raise NotImplementedError("Vault answers when it is done")

    def _client(self) -> Any:
        # A requests session is not made for several threads.
        if not hasattr(self._of_thread, "client"):
            session = requests.Session()
            session.mount(self._address, HTTPAdapter(max_retries=_RETRIES))
            self._of_thread.client = hvac.Client(self._address, token=self._token, session=session)
        return self._of_thread.client
