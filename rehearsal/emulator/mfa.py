"""Virtual MFA devices with real one-time codes, and what a session carries of them.

Gap: MiniStack accepts any code, knows no seed a code could be made from, ignores SerialNumber and TokenCode,
marks every session as made without MFA, lacks GetMFADevice, and lets a key alone add a second device.

AWS:
- "CreateVirtualMFADevice": the seed is a Base32 string; "EnableMFADevice" and "ResyncMFADevice" take two
  consecutive codes; "IAM and AWS STS quotas": eight devices a user.
- "GetSessionToken", "AssumeRole": the device must be the calling user's and the code valid now.
- "AWS global condition context keys": `aws:MultiFactorAuthPresent` is absent with long-term keys, false or
  true in a session of GetSessionToken, and `aws:MultiFactorAuthAge` counts the seconds since the code.
- "Secure API access with MFA": credentials of AssumeRole carry no MFA information; the role's trust policy
  sees that of the caller's session, or of the code in the AssumeRole call itself. So in a chain of roles the
  second trust policy that asks for MFA refuses. Whether the caller's identity policies also see the code
  given to AssumeRole is not documented: here they do not (the stricter reading).
- Security bulletin AWS-2023-001: a user who has a device changes their own devices with MFA only.

A code may be used again within its validity, which AWS refuses: waiting 30 seconds for each would prove
nothing more.
"""

import hmac
import time
from contextvars import ContextVar
from typing import Any

import pyotp

from rehearsal.emulator import controls, request
from rehearsal.emulator.upstream import (
    Parameters,
    Response,
    evaluator,
    iam,
    iam_answer,
    iam_handlers,
    parameter,
    refuse,
    sts,
)

MAX_DEVICES_PER_USER = 8
_STEP_SECONDS = 30
# A code is good for its own 30 seconds and one step to either side (clocks differ).
_DRIFT_STEPS = (-1, 0, 1)
# The first of two consecutive codes may be two steps old, so that typing both in takes no luck.
_FIRST_CODE_STEPS = (-2, -1, 0, 1)
_SELF_MANAGED = frozenset({"iam:EnableMFADevice", "iam:DeactivateMFADevice", "iam:ResyncMFADevice"})

# Whether this very request (AssumeRole, GetSessionToken) proved possession of the caller's device.
_code_verified: ContextVar[bool] = ContextVar("emulated_aws_mfa_code_verified", default=False)


def _code(seed: str, step: int) -> str:
    return pyotp.TOTP(seed).generate_otp(int(time.time()) // _STEP_SECONDS + step)


def code_is_valid(seed: str, code: str) -> bool:
    return any(hmac.compare_digest(_code(seed, step), code) for step in _DRIFT_STEPS)


def codes_are_consecutive(seed: str, first: str, second: str) -> bool:
    return any(
        hmac.compare_digest(_code(seed, step), first) and hmac.compare_digest(_code(seed, step + 1), second)
        for step in _FIRST_CODE_STEPS
    )


def devices_of(user_name: str) -> list[dict[str, Any]]:
    return [device for device in iam._mfa_devices.values() if device.get("User") == user_name]


def has_mfa(session: dict[str, object]) -> bool:
    return "MFAAuthenticatedAt" in session


def self_management_refusal(action: str, parameters: Parameters) -> str | None:
    """Why a user who has a device may not change their own devices with this request, or None."""
    caller = request.caller_user_name()
    session = request.session()
    if (
        action not in _SELF_MANAGED
        or caller is None
        or parameter(parameters, "UserName") != caller
        or not devices_of(caller)
        or (session is not None and has_mfa(session))
    ):
        return None
    return (
        f"User: {request.caller_arn()} has an MFA device and is not authorized to perform: {action} on its "
        "own MFA devices without multi-factor authentication. GetSessionToken with a code first."
    )


def verify_code(parameters: Parameters, caller: Any) -> Response | None:
    """Check SerialNumber and TokenCode of an AssumeRole or GetSessionToken call; the refusal, or None."""
    serial, code = parameter(parameters, "SerialNumber"), parameter(parameters, "TokenCode")
    if not serial and not code:
        return None
    device = iam._mfa_devices.get(serial) or {}
    is_user = isinstance(caller, dict) and caller["principalType"] == "User"
    if (
        not is_user
        or device.get("User") != caller["principalName"]
        or not code_is_valid(device["Base32StringSeed"], code)
    ):
        message = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
        return refuse(403, "AccessDenied", message, "sts")
    _code_verified.set(True)
    return None


def forget_code() -> None:
    _code_verified.set(False)


def _device_with_codes(parameters: Parameters) -> tuple[dict[str, Any] | None, Response | None]:
    user_name, serial = parameter(parameters, "UserName"), parameter(parameters, "SerialNumber")
    if user_name not in iam._users:
        return None, request.user_not_found(user_name)
    device = iam._mfa_devices.get(serial)
    if device is None:
        return None, refuse(
            404, "NoSuchEntity", f"VirtualMFADevice with serial number {serial} does not exist."
        )
    first, second = parameter(parameters, "AuthenticationCode1"), parameter(parameters, "AuthenticationCode2")
    if not codes_are_consecutive(device["Base32StringSeed"], first, second):
        return None, refuse(403, "InvalidAuthenticationCode", "Authentication code for device is not valid.")
    return device, None


def _enable(parameters: Parameters) -> Response:
    device, refused = _device_with_codes(parameters)
    if device is None or refused:
        return refused or refuse(404, "NoSuchEntity", "No such device.")
    user_name = parameter(parameters, "UserName")
    if device["User"] is not None:
        return refuse(409, "EntityAlreadyExists", "MFA device is already in use.")
    if len(devices_of(user_name)) >= MAX_DEVICES_PER_USER:
        return refuse(
            409, "LimitExceeded", f"Cannot exceed quota for MfaDevicesPerUser: {MAX_DEVICES_PER_USER}"
        )
    device["User"], device["EnableDate"] = user_name, iam._now()
    return iam_answer("EnableMFADevice")


def _resync(parameters: Parameters) -> Response:
    device, refused = _device_with_codes(parameters)
    if device is None or refused:
        return refused or refuse(404, "NoSuchEntity", "No such device.")
    if device["User"] != parameter(parameters, "UserName"):
        return refuse(404, "NoSuchEntity", "The MFA device is not assigned to this user.")
    return iam_answer("ResyncMFADevice")


def _get(parameters: Parameters) -> Response:
    device = iam._mfa_devices.get(parameter(parameters, "SerialNumber"))
    user_name = parameter(parameters, "UserName")
    if device is None or device["User"] is None or (user_name and device["User"] != user_name):
        return refuse(404, "NoSuchEntity", "The MFA device does not exist or is not assigned to this user.")
    return iam_answer(
        "GetMFADevice",
        f"<UserName>{device['User']}</UserName><SerialNumber>{device['SerialNumber']}</SerialNumber>"
        f"<EnableDate>{device['EnableDate']}</EnableDate>",
    )


def apply() -> None:
    create = iam_handlers["CreateVirtualMFADevice"]
    list_devices = iam_handlers["ListMFADevices"]
    principal_keys = evaluator._principal_keys
    register_session = sts.register_session

    def create_device(parameters: Parameters) -> Response:
        # MiniStack makes the seed from a UUID, whose 0, 1, 8 and 9 are not in Base32's alphabet.
        new_uuid, iam.new_uuid = iam.new_uuid, pyotp.random_base32
        try:
            return create(parameters)
        finally:
            iam.new_uuid = new_uuid

    def list_own_devices(parameters: Parameters) -> Response:
        if not parameter(parameters, "UserName"):
            parameters = {**parameters, "UserName": request.caller_user_name() or ""}
        return list_devices(parameters)

    def principal_keys_with_mfa(credential: Any) -> dict[str, Any]:
        keys: dict[str, Any] = principal_keys(credential)
        keys.pop("aws:multifactorauthpresent", None)
        session = sts._sessions.get(credential.access_key_id)
        if session is not None and session.get("PrincipalType") in ("User", "Root"):
            keys["aws:multifactorauthpresent"] = "true" if has_mfa(session) else "false"
            if has_mfa(session):
                age = int(time.time() - session["MFAAuthenticatedAt"]) + controls.added_to_mfa_age()
                keys["aws:multifactorauthage"] = str(age)
        if _code_verified.get():
            keys["aws:multifactorauthpresent"] = "true"
            keys["aws:multifactorauthage"] = "0"
        return keys

    def register_with_mfa(access_key_id: str, session: dict[str, Any]) -> None:
        if _code_verified.get() and session.get("PrincipalType") == "User":
            session["MFAAuthenticatedAt"] = time.time()
        register_session(access_key_id, session)

    iam_handlers["CreateVirtualMFADevice"] = create_device
    iam_handlers["EnableMFADevice"] = _enable
    iam_handlers["ResyncMFADevice"] = _resync
    iam_handlers["GetMFADevice"] = _get
    iam_handlers["ListMFADevices"] = list_own_devices
    evaluator._principal_keys = sts._principal_keys = principal_keys_with_mfa
    sts.register_session = register_with_mfa
