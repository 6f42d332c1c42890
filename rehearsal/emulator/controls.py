"""What no call of AWS's API can do, and a test or a rehearsal needs to have happened.

No gaps of MiniStack's: controls of the emulator's own, all of them POST.

- `/_emulated_aws/mfa-age?seconds=3600` makes every session with MFA look an hour older than it is, to
  `aws:MultiFactorAuthAge` alone, so that no one has to wait for it; `seconds=0` ends that.
- `/_emulated_aws/root-mfa?account=111111111111` gives that account's root user an MFA device, as its owner
  does in the console.
"""

PREFIX = "/_emulated_aws/"

_added_to_mfa_age = 0
_root_users_with_mfa: set[str] = set()


def added_to_mfa_age() -> int:
    """Seconds."""
    return _added_to_mfa_age


def root_has_mfa(account_id: str) -> bool:
    return account_id in _root_users_with_mfa


def handle(method: str, path: str, query: dict[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
    global _added_to_mfa_age
    seconds, account = ((query.get(name) or [""])[0] for name in ("seconds", "account"))
    if (method, path) == ("POST", f"{PREFIX}mfa-age") and seconds.isascii() and seconds.isdigit():
        _added_to_mfa_age = int(seconds)
    elif (method, path) == ("POST", f"{PREFIX}root-mfa") and account:
        _root_users_with_mfa.add(account)
    else:
        return 404, {}, b""
    return 204, {}, b""
