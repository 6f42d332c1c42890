"""The account's root user: its own access keys, the account summary, `GetUser` without a name.

Gap: MiniStack gives keys made without a UserName to a user `default` that does not exist, always reports no
root key, reports root's MFA as soon as anyone has a device, counts policy
versions wrongly, and takes every caller of `GetUser` for root.

AWS ("CreateAccessKey", "GetUser", "GetAccountSummary"): without UserName these act on the caller, also when
that is root; `AccountAccessKeysPresent` and `AccountMFAEnabled` are about root alone.

Root cannot enrol an MFA device here, as it cannot by AWS's API; `controls.py` does it.
"""

import re
from typing import Any

from rehearsal.emulator import controls, request
from rehearsal.emulator.upstream import (
    Handler,
    Parameters,
    Response,
    account_id,
    evaluator,
    iam,
    iam_handlers,
    parameter,
    refuse,
    sts,
)

# Not a name that a user can have, unlike MiniStack's own choice: a user of that name would hold root's keys.
ROOT_KEYS_OWNER = ":root"
_UPSTREAM_OWNER = "default"
MAX_KEYS = 2


def _on_the_caller(handler: Handler) -> Handler:
    def resolved(parameters: Parameters) -> Response:
        name = parameter(parameters, "UserName")
        if not name:
            if not request.caller_is_root() and request.caller_user_name() is None:
                return refuse(
                    400, "ValidationError", "Must specify userName when calling with non-User credentials"
                )
            name = ROOT_KEYS_OWNER if request.caller_is_root() else request.caller_user_name() or ""
        return handler({**parameters, "UserName": name})

    return resolved


def _within_the_key_limit(handler: Handler) -> Handler:
    def limited(parameters: Parameters) -> Response:
        owner = parameter(parameters, "UserName")
        if sum(key["UserName"] == owner for key in iam._access_keys.values()) >= MAX_KEYS:
            return refuse(409, "LimitExceeded", f"Cannot exceed quota for AccessKeysPerUser: {MAX_KEYS}")
        if owner != ROOT_KEYS_OWNER:
            return handler(parameters)
        before = set(iam._access_keys)
        status, headers, body = handler({**parameters, "UserName": ""})
        for identifier in set(iam._access_keys) - before:
            iam._access_keys[identifier]["UserName"] = ROOT_KEYS_OWNER
        name = "<UserName>{}</UserName>"
        return (
            status,
            headers,
            body.replace(name.format(_UPSTREAM_OWNER).encode(), name.format("root").encode()),
        )

    return limited


def _of_the_named_user(handler: Handler) -> Handler:
    def checked(parameters: Parameters) -> Response:
        key = iam._access_keys.get(parameter(parameters, "AccessKeyId"))
        if key is None or key["UserName"] != parameter(parameters, "UserName"):
            identifier = parameter(parameters, "AccessKeyId")
            return refuse(404, "NoSuchEntity", f"The Access Key with id {identifier} cannot be found.")
        return handler(parameters)

    return checked


def _counted(summary: Response) -> Response:
    status, headers, body = summary
    counts = {
        "AccountAccessKeysPresent": sum(k["UserName"] == ROOT_KEYS_OWNER for k in iam._access_keys.values()),
        "AccountMFAEnabled": int(controls.root_has_mfa(account_id())),
        "InstanceProfiles": len(iam._instance_profiles),
        "PolicyVersionsInUse": sum(len(policy["Versions"]) for policy in iam._policies.values()),
        "Providers": len(iam._oidc_providers) + len(iam._saml_providers),
    }
    text = body.decode()
    for name, count in counts.items():
        entry = f"<entry><key>{name}</key><value>{count}</value></entry>"
        text, replaced = re.subn(rf"<entry><key>{name}</key><value>\d+</value></entry>", entry, text)
        if not replaced:
            text = text.replace("</SummaryMap>", f"{entry}</SummaryMap>")
    return status, headers, text.encode()


def apply() -> None:
    get_user = iam_handlers["GetUser"]
    summary = iam_handlers["GetAccountSummary"]
    resolve_credential = evaluator.resolve_credential

    def get_user_of_caller(parameters: Parameters) -> Response:
        name = parameter(parameters, "UserName") or request.caller_user_name() or ""
        if not name and not request.caller_is_root():
            return refuse(
                400, "ValidationError", "Must specify userName when calling with non-User credentials"
            )
        return get_user({**parameters, "UserName": name})

    def resolve_with_root_keys(access_key_id: str, *rest: Any, **options: Any) -> Any:
        credential = resolve_credential(access_key_id, *rest, **options)
        if (
            getattr(credential, "principal_name", "") != ROOT_KEYS_OWNER
            or credential.session_token is not None
        ):
            return credential
        return evaluator.replace(
            credential,
            principal_arn=f"arn:aws:iam::{credential.account_id}:root",
            principal_id=credential.account_id,
            principal_type="Root",
            principal_name="",
        )

    iam_handlers["GetUser"] = get_user_of_caller
    iam_handlers["GetAccountSummary"] = lambda parameters: _counted(summary(parameters))
    iam_handlers["CreateAccessKey"] = _on_the_caller(_within_the_key_limit(iam_handlers["CreateAccessKey"]))
    iam_handlers["ListAccessKeys"] = _on_the_caller(iam_handlers["ListAccessKeys"])
    for action in ("DeleteAccessKey", "UpdateAccessKey"):
        iam_handlers[action] = _on_the_caller(_of_the_named_user(iam_handlers[action]))
    evaluator.resolve_credential = sts.resolve_credential = resolve_with_root_keys
