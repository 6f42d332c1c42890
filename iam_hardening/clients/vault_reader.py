"""Vault, read only, to compare it with a stack file: an answer, nothing there, or may not look."""

from collections.abc import Callable, Mapping
from typing import Any

import hvac
from hvac.exceptions import Forbidden, InvalidPath, VaultError
from requests import RequestException

from iam_hardening.clients.reads import NotAllowed

# How Vault and OpenBao say that nothing is mounted there, or that the mount has no such thing.
_NOTHING_THERE = (
    "no secret engine mount",
    "no handler for route",
    "unsupported path",
    "cannot fetch sysview",
)


class VaultReader:
    """`client` None: there is no Vault to ask."""

    def __init__(self, client: hvac.Client | None) -> None:
        self._client = client

    def read(self, path: str) -> Mapping[str, Any] | None:
        """What is at a path. Raises NotAllowed."""
        return self._answer(path, "read", lambda vault: vault.read(path))

    def names(self, path: str) -> list[str]:
        """What Vault lists there; an empty list where it has nothing. Raises NotAllowed."""
        return list((self._answer(path, "list", lambda vault: vault.list(path)) or {}).get("keys", []))

    def _answer(self, path: str, doing: str, call: Callable[[hvac.Client], Any]) -> Mapping[str, Any] | None:
        if self._client is None:
            raise NotAllowed("VAULT_ADDR and a Vault token (VAULT_TOKEN, or vault login)")
        try:
            answer = call(self._client)
        except Forbidden:
            raise NotAllowed(f"a Vault token that may {doing} {path}") from None
        except InvalidPath:
            return None
        except VaultError as error:
            said = " ".join(str(error).split())
            if any(words in said.lower() for words in _NOTHING_THERE):
                return None
            raise NotAllowed(f"an answer of Vault to {doing} {path} (it said: {said})") from None
        except RequestException as error:
            raise NotAllowed(f"an answer of Vault to {doing} {path} ({type(error).__name__})") from None
        return dict(answer["data"]) if answer else None
