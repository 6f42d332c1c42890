"""What installed plugins call in each of the engine's operations, recorded where they call: the emulated AWS,
and the proxy before Vault.

`iam_hardening/aws/plugin_calls.yaml` keeps what was recorded with plugins of the SDK's versions;
`tools/plugin_calls.py` adds to it what `rehearse --json` wrote.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

import yaml

from rehearsal.plugins import Provider
from rehearsal.tools import ROOT
from rehearsal.vault_proxy import Substitutes

FILE = ROOT / "iam_hardening" / "aws" / "plugin_calls.yaml"
_ANSWER_SECONDS = 5

# Package → operation of the engine → IAM actions, or Vault's methods and paths.
Calls = dict[str, dict[str, list[str]]]


class PluginCalls:
    """Of one rehearsal. `deployers` are the access key IDs that plugins have."""

    def __init__(self, endpoint_url: str, vault: Substitutes, deployers: set[str]) -> None:
        self._deployers = deployers
        self._url = f"{endpoint_url}/_emulated_aws/calls"
        self._vault = vault
        self._seen: dict[str, dict[str, set[str]]] = {"aws": defaultdict(set), "vault": defaultdict(set)}

    @contextmanager
    def recorded(self, operation: str) -> Iterator[None]:
        """One at a time."""
        self._ask("POST")
        self._vault.asked.clear()
        try:
            yield
        finally:
            asked: dict[str, list[str]] = json.loads(self._ask("GET"))
            self._seen["aws"][operation].update(*(asked.get(key, []) for key in self._deployers))
            self._seen["vault"][operation].update(self._vault.asked)

    def of(self, providers: tuple[Provider, ...]) -> Calls:
        return {
            provider.package: {
                operation: sorted(calls) for operation, calls in sorted(self._seen[provider.package].items())
            }
            for provider in providers
        }

    def _ask(self, method: str) -> bytes:
        with urlopen(Request(self._url, method=method), timeout=_ANSWER_SECONDS) as answer:
            found: bytes = answer.read()
            return found


def listed() -> Calls:
    """What the file has."""
    content: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return {package: each["operations"] for package, each in content.items()}


def not_listed(calls: Calls) -> list[str]:
    """A sentence for each package and operation that calls what the file does not list for it."""
    known = listed() if calls else {}
    return [
        f"The installed plugin of {package} calls in `{operation}` what {FILE.name} does not list: "
        f"{', '.join(new)} (docs/fake-providers.md)"
        for package, operations in calls.items()
        for operation, found in operations.items()
        if (new := sorted(set(found) - set(known.get(package, {}).get(operation, []))))
    ]
