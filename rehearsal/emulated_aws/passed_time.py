"""Time that is said to have passed since people entered their MFA codes, so that nobody has to wait for it.

No gap of MiniStack's: a control of the emulator's own. `POST /_emulated_aws/mfa-age?seconds=3600` makes every
session with MFA look an hour older than it is, to `aws:MultiFactorAuthAge` alone; `seconds=0` ends that.
"""

PREFIX = "/_emulated_aws/"

_MFA_AGE = f"{PREFIX}mfa-age"
_added_to_mfa_age = 0


def added_to_mfa_age() -> int:
    """Seconds."""
    return _added_to_mfa_age


def handle(method: str, path: str, query: dict[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
    global _added_to_mfa_age
    seconds = (query.get("seconds") or [""])[0]
    if method != "POST" or path != _MFA_AGE or not (seconds.isascii() and seconds.isdigit()):
        return 404, {}, b""
    _added_to_mfa_age = int(seconds)
    return 204, {}, b""
