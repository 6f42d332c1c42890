"""What no call of AWS's API can do, and a test or a rehearsal needs to have happened.

No gaps of MiniStack's: controls of the emulator's own, POST where nothing else is said.

- `/_emulated_aws/mfa-age?seconds=3600` makes every session with MFA look an hour older than it is, to
  `aws:MultiFactorAuthAge` alone, so that no one has to wait for it; `seconds=0` ends that.
- `/_emulated_aws/root-mfa?account=111111111111` gives that account's root user an MFA device, as its owner
  does in the console.
- `/_emulated_aws/quota?account=111111111111&name=PoliciesPerRole&value=15` raises a quota of that account,
  as AWS does on request: `PoliciesPerRole`, `PoliciesPerUser`, `TrustPolicyLength`.
- `/_emulated_aws/calls` begins the record of calls anew, and GET answers with it (recorded_calls.py).
"""

from rehearsal.emulator import recorded_calls

PREFIX = "/_emulated_aws/"

_added_to_mfa_age = 0
_root_users_with_mfa: set[str] = set()
_raised_quotas: dict[tuple[str, str], int] = {}
# The most that AWS raises them to.
_MOST = {"PoliciesPerRole": 25, "PoliciesPerUser": 20, "TrustPolicyLength": 8192}


def added_to_mfa_age() -> int:
    """Seconds."""
    return _added_to_mfa_age


def root_has_mfa(account_id: str) -> bool:
    return account_id in _root_users_with_mfa


def quota(account_id: str, name: str, default: int) -> int:
    return _raised_quotas.get((account_id, name), default)


def handle(method: str, path: str, query: dict[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
    global _added_to_mfa_age
    seconds, account, name, value = (
        (query.get(key) or [""])[0] for key in ("seconds", "account", "name", "value")
    )
    if (method, path) == ("POST", f"{PREFIX}mfa-age") and seconds.isascii() and seconds.isdigit():
        _added_to_mfa_age = int(seconds)
    elif (method, path) == ("POST", f"{PREFIX}root-mfa") and account:
        _root_users_with_mfa.add(account)
    elif (method, path) == ("POST", f"{PREFIX}quota") and account and _is_possible(name, value):
        _raised_quotas[account, name] = int(value)
    elif (method, path) == ("POST", f"{PREFIX}calls"):
        recorded_calls.begin()
    elif (method, path) == ("GET", f"{PREFIX}calls"):
        return 200, {"Content-Type": "application/json"}, recorded_calls.as_json()
    else:
        return 404, {}, b""
    return 204, {}, b""


def _is_possible(quota_name: str, value: str) -> bool:
    return value.isascii() and value.isdigit() and int(value) <= _MOST.get(quota_name, 0)
