"""Console passwords and the account's password policy.

Gap: MiniStack keeps no password, checks none against the policy, lacks ChangePassword, and merges an update
of the policy into the old one.

AWS ("ChangePassword", "CreateLoginProfile", "UpdateAccountPasswordPolicy", "Set an account password policy
for IAM users"): a password that breaks the policy is refused (PasswordPolicyViolation); a policy update
replaces the whole policy, what it leaves out goes back to the default; without a policy a password has eight
characters of three classes and is not the account's alias; changing the password ends a forced reset.
`AllowUsersToChangePassword` gives every user `iam:ChangePassword` on itself and
`iam:GetAccountPasswordPolicy`, without it their policies decide.

Passwords are kept as salted scrypt hashes and appear in no message. The maximum age is stored, not enforced:
it stops console sign-in, and there is no console here.
"""

import hashlib
import hmac
import os
import string
from dataclasses import dataclass
from typing import Any

from rehearsal.emulator import request
from rehearsal.emulator.upstream import (
    Handler,
    Parameters,
    Response,
    account_id,
    iam,
    iam_answer,
    iam_handlers,
    parameter,
    refuse,
    responses,
    succeeded,
)

SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
MAX_LENGTH = 128
_DEFAULT_MIN_LENGTH = 8
_DEFAULT_CLASSES = 3
_POLICY_RANGES = {
    "MinimumPasswordLength": range(6, 128 + 1),
    "MaxPasswordAge": range(1, 1095 + 1),
    "PasswordReusePrevention": range(1, 24 + 1),
}
_CLASSES = {
    "RequireUppercaseCharacters": string.ascii_uppercase,
    "RequireLowercaseCharacters": string.ascii_lowercase,
    "RequireNumbers": string.digits,
    "RequireSymbols": SYMBOLS,
}
_CLASS_WORDS = {
    "RequireUppercaseCharacters": "uppercase letter",
    "RequireLowercaseCharacters": "lowercase letter",
    "RequireNumbers": "number",
    "RequireSymbols": "symbol",
}
# Cheap on purpose: the hash guards against a password in a dump of this short-lived process, nothing more.
_SCRYPT: dict[str, int] = {"n": 2**10, "r": 8, "p": 1}


@dataclass(frozen=True)
class _Hash:
    salt: bytes
    digest: bytes
    # When it became the password; ISO 8601.
    since: str

    @classmethod
    def of(cls, password: str) -> "_Hash":
        salt = os.urandom(16)
        return cls(salt, hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT), iam._now())

    def matches(self, password: str) -> bool:
        return hmac.compare_digest(self.digest, hashlib.scrypt(password.encode(), salt=self.salt, **_SCRYPT))


# By user, newest last; the last is the password in use.
_history: Any = responses.AccountScopedDict()


def _policy() -> dict[str, Any] | None:
    policy: dict[str, Any] | None = iam._account_password_policy.get("policy")
    return policy


def users_may_change_their_own(action: str, resource: str) -> bool:
    """Whether the account's password policy itself allows the call to the user who makes it."""
    if not (_policy() or {}).get("AllowUsersToChangePassword") or request.caller_user_name() is None:
        return False
    return action == "iam:GetAccountPasswordPolicy" or (
        action == "iam:ChangePassword" and resource == request.caller_arn()
    )


def violation(password: str) -> str | None:
    """What the account's policy has against the password, without repeating it; None when it is fine."""
    policy = _policy()
    classes = {name: any(c in characters for c in password) for name, characters in _CLASSES.items()}
    if len(password) > MAX_LENGTH:
        return f"Password should have a maximum length of {MAX_LENGTH}"
    if policy is None:
        aliases = iam._account_aliases.get("aliases") or []
        if len(password) < _DEFAULT_MIN_LENGTH:
            return f"Password should have a minimum length of {_DEFAULT_MIN_LENGTH}"
        if sum(classes.values()) < _DEFAULT_CLASSES:
            return "Password should have three of: uppercase letters, lowercase letters, numbers, symbols"
        return "Password should not be the account's name" if password in (*aliases, account_id()) else None
    if len(password) < policy.get("MinimumPasswordLength", 6):
        return f"Password should have a minimum length of {policy.get('MinimumPasswordLength', 6)}"
    for name, present in classes.items():
        if policy.get(name) and not present:
            return f"Password should have at least one {_CLASS_WORDS[name]}"
    return None


def _is_reused(user_name: str, password: str) -> bool:
    remembered = (_policy() or {}).get("PasswordReusePrevention") or 0
    return remembered > 0 and any(h.matches(password) for h in (_history.get(user_name) or [])[-remembered:])


def _refusal(user_name: str, password: str) -> Response | None:
    problem = violation(password)
    if problem is None and _is_reused(user_name, password):
        problem = "Password has been used before"
    return refuse(400, "PasswordPolicyViolation", problem) if problem else None


def _remember(user_name: str, password: str) -> None:
    _history[user_name] = [*(_history.get(user_name) or []), _Hash.of(password)]


def password_is(user_name: str, password: str) -> bool:
    hashes = _history.get(user_name) or []
    return bool(hashes) and hashes[-1].matches(password)


def last_changed(user_name: str) -> str | None:
    """When the user's password was set; None without one."""
    hashes = _history.get(user_name) or []
    return hashes[-1].since if hashes else None


def max_age_days() -> int | None:
    """After how many days the account's policy wants another password; None where it does not."""
    return (_policy() or {}).get("MaxPasswordAge")


def forget(user_name: str) -> None:
    _history.pop(user_name, None)


def rename(user_name: str, new_name: str) -> None:
    if user_name in _history:
        _history[new_name] = _history.pop(user_name)


def _change(parameters: Parameters) -> Response:
    user_name = request.caller_user_name()
    if user_name is None:
        return refuse(400, "InvalidUserType", "Only an IAM user can change its own password.")
    if user_name not in iam._login_profiles:
        return refuse(404, "NoSuchEntity", f"Login Profile for User {user_name} cannot be found.")
    if not password_is(user_name, parameter(parameters, "OldPassword")):
        return refuse(403, "AccessDenied", "The old password was incorrect.")
    password = parameter(parameters, "NewPassword")
    refused = _refusal(user_name, password)
    if refused:
        return refused
    _remember(user_name, password)
    iam._login_profiles[user_name]["PasswordResetRequired"] = False
    return iam_answer("ChangePassword")


def _with_password(handler: Handler, *, required: bool) -> Handler:
    def checked(parameters: Parameters) -> Response:
        user_name = parameter(parameters, "UserName") or request.caller_user_name() or ""
        password = parameter(parameters, "Password")
        if required and not password:
            return refuse(400, "ValidationError", "The request must contain the parameter Password.")
        if password and user_name in iam._users:
            refused = _refusal(user_name, password)
            if refused:
                return refused
        answer = handler({**parameters, "UserName": user_name})
        if succeeded(answer) and password:
            _remember(user_name, password)
        return answer

    return checked


def _update_policy(parameters: Parameters) -> Response:
    policy: dict[str, Any] = {"MinimumPasswordLength": 6}
    for name, allowed in _POLICY_RANGES.items():
        text = parameter(parameters, name)
        if not text:
            continue
        if not text.isdigit() or int(text) not in allowed:
            message = f"Value '{text}' for {name} must be between {allowed[0]} and {allowed[-1]}"
            return refuse(400, "ValidationError", message)
        policy[name] = int(text)
    for name in (*_CLASSES, "AllowUsersToChangePassword", "HardExpiry"):
        policy[name] = parameter(parameters, name).lower() == "true"
    iam._account_password_policy["policy"] = policy
    return iam_answer("UpdateAccountPasswordPolicy")


def apply() -> None:
    delete = iam_handlers["DeleteLoginProfile"]
    get = iam_handlers["GetLoginProfile"]
    reset = iam.reset

    def delete_and_forget(parameters: Parameters) -> Response:
        user_name = parameter(parameters, "UserName") or request.caller_user_name() or ""
        answer = delete({**parameters, "UserName": user_name})
        if succeeded(answer):
            forget(user_name)
        return answer

    def get_of_caller(parameters: Parameters) -> Response:
        user_name = parameter(parameters, "UserName") or request.caller_user_name() or ""
        return get({**parameters, "UserName": user_name})

    def reset_with_passwords() -> None:
        reset()
        _history.clear()

    iam_handlers["ChangePassword"] = _change
    iam_handlers["CreateLoginProfile"] = _with_password(iam_handlers["CreateLoginProfile"], required=True)
    iam_handlers["UpdateLoginProfile"] = _with_password(iam_handlers["UpdateLoginProfile"], required=False)
    iam_handlers["DeleteLoginProfile"] = delete_and_forget
    iam_handlers["GetLoginProfile"] = get_of_caller
    iam_handlers["UpdateAccountPasswordPolicy"] = _update_policy
    iam.reset = reset_with_passwords
