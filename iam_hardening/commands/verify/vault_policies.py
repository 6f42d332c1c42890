"""Which paths a Vault policy's text opens, as far as it takes to say whether it reaches a secrets engine."""

import json
import re
from collections.abc import Iterator
from typing import Any

_COMMENT = re.compile(r"^\s*(?:#|//).*$", re.MULTILINE)
_PATH = re.compile(r'\bpath\s+"(?P<path>[^"]+)"')
_CAPABILITIES = re.compile(r"\bcapabilities\s*=\s*\[(?P<names>[^\]]*)\]")
# Neither gives anyone anything.
_NOTHING = {"deny", "list"}


def opened(text: str, under: str) -> list[str]:
    """The path patterns of the policy (HCL or JSON) that match something under `under`, such as `aws/creds`.

    A block is left out only if it says plainly that it denies, or lists names and no more.
    """
    return sorted(
        {
            path
            for path, capabilities in _blocks(text)
            if not (capabilities and capabilities <= _NOTHING) and reaches(path, under)
        }
    )


def reaches(pattern: str, under: str) -> bool:
    """Whether a path pattern of a policy matches some path under `under`.

    `*` at the end stands for any rest, `+` for one part, `{{…}}` for what Vault fills in.
    Source: HashiCorp, "Policies", "Policy syntax".
    """
    is_open = pattern.endswith("*")
    theirs, ours = pattern.removesuffix("*").split("/"), under.split("/")
    for number, (part, own) in enumerate(zip(theirs, ours, strict=False), start=1):
        is_last = number == len(theirs)
        if part == "+" or "{{" in part or part == own or (is_last and is_open and own.startswith(part)):
            continue
        return False
    return is_open or len(theirs) > len(ours)


def _blocks(text: str) -> Iterator[tuple[str, set[str]]]:
    """Each path with its capabilities; none where the policy does not name them so."""
    try:
        policy = json.loads(text)
    except ValueError:
        yield from _hcl_blocks(_COMMENT.sub("", text))
    else:
        yield from _json_blocks(policy)


def _hcl_blocks(text: str) -> Iterator[tuple[str, set[str]]]:
    found = list(_PATH.finditer(text))
    for number, match in enumerate(found, start=1):
        end = found[number].start() if number < len(found) else len(text)
        named = _CAPABILITIES.search(text, match.end(), end)
        yield match["path"], set(re.findall(r'"([^"]+)"', named["names"])) if named else set()


def _json_blocks(policy: Any) -> Iterator[tuple[str, set[str]]]:
    paths = policy.get("path", {}) if isinstance(policy, dict) else {}
    for block in paths if isinstance(paths, list) else [paths]:
        for path, rules in block.items():
            each = rules[0] if isinstance(rules, list) and rules else rules
            yield path, set((each or {}).get("capabilities", []))
