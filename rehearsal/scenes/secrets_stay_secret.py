"""No plaintext password or key in the state, in a log, or in anything else that the rehearsal wrote."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from access.claims import Claim
from rehearsal.stage import Stage
from rehearsal.world import World

_SHORTEST_SECRET = 12
# A key's ID is no secret; Vault's provider marks it as one, and IAM's has it for the resource's ID.
_ACCESS_KEY_ID = re.compile(r"A[KS]IA[A-Z0-9]{12,}")
NOWHERE = "nowhere"


def play(stage: Stage, world: World) -> None:
    with stage.scene("Secrets stay secret"):
        for account in world.accounts.values():
            secrets = sorted(secrets_of(account.stack.state(show_secrets=True)))
            claim = Claim(
                who="anybody who reads files",
                mfa="-",
                call="search",
                resource=f"{len(secrets)} secrets in state, logs, storage",
                account=account.name,
                claimed=NOWHERE,
                reason="passwords and keys are encrypted from end to end",
            )
            found = [path.relative_to(world.directory) for path in _files_with(secrets, world.directory)]
            exported = account.stack.state()
            if any(secret in exported for secret in secrets):
                found.append(Path("the exported state"))
            stage.found(claim, ", ".join(map(str, found)) or NOWHERE)


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


def _files_with(secrets: list[str], directory: Path) -> Iterator[Path]:
    needles = [secret.encode() for secret in secrets]
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if any(needle in content for needle in needles):
                yield path
