"""No plaintext password or key in the state, in a log, or in anything else that the rehearsal wrote."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from iam_hardening.claims.claim import Claim
from rehearsal.recorder import Recorder
from rehearsal.testbed import Testbed

_SHORTEST_SECRET = 12
# A key's ID is no secret; Vault's provider marks it as one, and IAM's has it for the resource's ID.
_ACCESS_KEY_ID = re.compile(r"A[KS]IA[A-Z0-9]{12,}")
NOWHERE = "nowhere"


def play(recorder: Recorder, testbed: Testbed) -> None:
    with recorder.scenario("Secrets stay secret"):
        for account in testbed.accounts.values():
            secrets = secrets_of(account.stack.state(show_secrets=True))
            claim = Claim(
                who="anyone who reads files",
                mfa="-",
                call="search",
                resource=f"{len(secrets)} secrets in state, logs, output, claims",
                account=account.name,
                claimed=NOWHERE,
                reason="passwords and keys are encrypted from end to end",
            )
            texts = {
                "the exported state": account.stack.state(),
                "what the engine printed": "\n".join(account.stack.printed),
                "the claims": json.dumps([outcome.as_dict() for outcome in recorder.outcomes]),
            }
            recorder.found(claim, ", ".join(where_found(secrets, texts, testbed.directory)) or NOWHERE)


def where_found(secrets: set[str], texts: dict[str, str], directory: Path) -> list[str]:
    """The names of the texts, and the files below the directory, that hold one of the secrets."""
    found = [name for name, text in texts.items() if any(secret in text for secret in secrets)]
    return [*found, *(str(path.relative_to(directory)) for path in _files_with(secrets, directory))]


def secrets_of(state: str) -> set[str]:
    """Every secret text of a state that was exported with its secrets in plain text."""
    return {
        text
        for text in _plaintexts(json.loads(state))
        if len(text) >= _SHORTEST_SECRET and not _ACCESS_KEY_ID.fullmatch(text)
    }


def _plaintexts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "plaintext" in value:
            yield from _texts(json.loads(value["plaintext"]))
        for part in value.values():
            yield from _plaintexts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _plaintexts(part)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _files_with(secrets: set[str], directory: Path) -> Iterator[Path]:
    needles = [secret.encode() for secret in secrets]
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if any(needle in content for needle in needles):
                yield path
