"""The credential report: every column that the emulated AWS knows a value for.

Gap: MiniStack leaves out root's keys and MFA, when a password was set and has to be replaced, when, where and
for what a key was last used, and signing certificates.

AWS ("Generate credential reports for your AWS account"): 22 columns, a line for the root user and one for
each user. `no_information` is a password that was never used to sign in, which is so of every one here; `N/A`
is what does not apply; of root's password the report says only when it was used.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from rehearsal.emulator import controls, last_use, passwords, user_credentials
from rehearsal.emulator.root_user import MAX_KEYS, ROOT_KEYS_OWNER
from rehearsal.emulator.upstream import account_id, iam

_NOTHING, _NEVER_SIGNED_IN, _NOT_SUPPORTED = "N/A", "no_information", "not_supported"
_MAX_CERTIFICATES = 2


def _yes_or_no(value: object) -> str:
    return str(bool(value)).lower()


def _password(user: str) -> list[str]:
    changed, days = passwords.last_changed(user), passwords.max_age_days()
    if user not in iam._login_profiles or changed is None:
        return ["false", *[_NOTHING] * 3]
    due = datetime.fromisoformat(changed) + timedelta(days=days) if days else None
    return ["true", _NEVER_SIGNED_IN, changed, due.strftime("%Y-%m-%dT%H:%M:%SZ") if due else _NOTHING]


def _keys(owner: str) -> Iterator[str]:
    keys = sorted(
        (key for key in iam._access_keys.values() if key["UserName"] == owner),
        key=lambda key: key["CreateDate"],
    )
    for number in range(MAX_KEYS):
        key = keys[number] if number < len(keys) else None
        yield _yes_or_no(key and key["Status"] == "Active")
        yield key["CreateDate"] if key else _NOTHING
        yield from (last_use.of_key(key["AccessKeyId"]) if key else None) or (_NOTHING,) * 3


def _certificates(user: str) -> Iterator[str]:
    uploaded = user_credentials.signing_certificates(user)
    for number in range(_MAX_CERTIFICATES):
        there = number < len(uploaded)
        yield _yes_or_no(there)
        yield uploaded[number] if there else _NOTHING


def _root(created: str) -> list[str]:
    arn = f"arn:aws:iam::{account_id()}:root"
    password = [_NOT_SUPPORTED, _NEVER_SIGNED_IN, _NOT_SUPPORTED, _NOT_SUPPORTED]
    mfa = _yes_or_no(controls.root_has_mfa(account_id()))
    return ["<root_account>", arn, created, *password, mfa, *_keys(ROOT_KEYS_OWNER), *_certificates("")]


def _user(name: str) -> list[str]:
    user = iam._users[name]
    mfa = _yes_or_no(any(device.get("User") == name for device in iam._mfa_devices.values()))
    return [name, user["Arn"], user["CreateDate"], *_password(name), mfa, *_keys(name), *_certificates(name)]


def _report() -> str:
    lines = [_root(iam._now()), *(_user(name) for name in iam._users)]
    return "\n".join([iam._CRED_REPORT_HEADER, *(",".join(line) for line in lines)])


def apply() -> None:
    iam._build_credential_report = _report
