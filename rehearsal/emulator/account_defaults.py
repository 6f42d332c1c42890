"""What an account, or a region of it, does by default: instance metadata, EBS encryption, public S3 access.

Gap: MiniStack knows none of the three.

AWS ("ModifyInstanceMetadataDefaults": what a launch does not say is taken from the account's defaults of the
region, then from AWS's; "EnableEbsEncryptionByDefault": every new volume of the region is encrypted, also one
that asks not to be; "PutPublicAccessBlock" of S3 Control: counts for every bucket of the account in
addition to the bucket's own block).

The defaults of the image, which stand between the launch and the account, are not reproduced.
"""

import re
from collections.abc import Callable
from typing import Any

from rehearsal.emulator import resources
from rehearsal.emulator.upstream import (
    Parameters,
    Response,
    account_id,
    actions,
    app,
    ec2,
    ec2_handlers,
    parameter,
    responses,
    s3,
)

_METADATA_VALUES = {
    "HttpTokens": ("optional", "required"),
    "HttpEndpoint": ("enabled", "disabled"),
    "InstanceMetadataTags": ("enabled", "disabled"),
}
_HOP_LIMIT = "HttpPutResponseHopLimit"
_NO_PREFERENCE = ("no-preference", "-1")

_PUBLIC_ACCESS_BLOCK = "/v20180820/configuration/publicAccessBlock"
_S3_CONTROL = "s3control"
_BLOCK_ACTIONS = {
    "GET": "s3:GetAccountPublicAccessBlock",
    "PUT": "s3:PutAccountPublicAccessBlock",
    "DELETE": "s3:PutAccountPublicAccessBlock",
}

_metadata: Any = responses.AccountRegionScopedDict()
_encryption: Any = responses.AccountRegionScopedDict()
# Account to the document that was put.
_blocks: dict[str, str] = {}


def instance_metadata() -> dict[str, str]:
    """The metadata options that the account sets for new instances of the request's region."""
    return dict(_metadata.items())


def volumes_are_encrypted() -> bool:
    """Whether new volumes of the request's region are encrypted regardless of the call."""
    return bool(_encryption.get("on"))


def _refuse(value: str, name: str) -> Response:
    answer: Response = ec2._error(
        "InvalidParameterValue", f"Value ({value}) for parameter {name} is invalid.", 400
    )
    return answer


def _modify_metadata(parameters: Parameters) -> Response:
    given = {
        name: value for name in (*_METADATA_VALUES, _HOP_LIMIT) if (value := parameter(parameters, name))
    }
    for name, value in given.items():
        in_range = value.isdigit() and 1 <= int(value) <= 64
        allowed = in_range if name == _HOP_LIMIT else value in _METADATA_VALUES[name]
        if not allowed and value not in _NO_PREFERENCE:
            return _refuse(value, name)
    for name, value in given.items():
        _metadata.pop(name, None)
        if value not in _NO_PREFERENCE:
            _metadata[name] = value
    answer: Response = ec2._xml(200, "ModifyInstanceMetadataDefaultsResponse", "<return>true</return>")
    return answer


def _get_metadata(parameters: Parameters) -> Response:
    fields = "".join(
        f"<{name[0].lower()}{name[1:]}>{value}</{name[0].lower()}{name[1:]}>"
        for name, value in instance_metadata().items()
    )
    answer: Response = ec2._xml(
        200, "GetInstanceMetadataDefaultsResponse", f"<accountLevel>{fields}</accountLevel>"
    )
    return answer


def _ebs_encryption(action: str, switch: bool | None) -> Callable[[Parameters], Response]:
    def handle(parameters: Parameters) -> Response:
        if switch is not None:
            _encryption["on"] = switch
        on = str(volumes_are_encrypted()).lower()
        answer: Response = ec2._xml(
            200, f"{action}Response", f"<ebsEncryptionByDefault>{on}</ebsEncryptionByDefault>"
        )
        return answer

    return handle


def _encrypted(handler: Callable[[Parameters], Response]) -> Callable[[Parameters], Response]:
    def create_volume(parameters: Parameters) -> Response:
        return handler({**parameters, **({"Encrypted": "true"} if volumes_are_encrypted() else {})})

    return create_volume


async def _block(method: str, path: str, headers: dict[str, str], body: bytes, query: Parameters) -> Response:
    foreign: Response | None = s3.s3control_account_error(headers)
    if foreign:
        return foreign
    if method == "PUT":
        _blocks[account_id()] = body.decode()
        return 201, {}, b""
    if method == "DELETE":
        _blocks.pop(account_id(), None)
        return 204, {}, b""
    if account_id() not in _blocks:
        missing: Response = s3.s3control_error(
            "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", 404
        )
        return missing
    return 200, {"Content-Type": "application/xml"}, _blocks[account_id()].encode()


def _blocked_by_account(account: str, setting: str) -> bool:
    return bool(re.search(rf"<{setting}>\s*true\s*</{setting}>", _blocks.get(account, ""), re.IGNORECASE))


def apply() -> None:
    detect_service = app.detect_service
    extract_action = actions.extract_iam_action
    blocked_by_bucket = s3._public_access_blocked

    def detect_s3_control(method: str, path: str, *rest: Any) -> str:
        found = str(detect_service(method, path, *rest))
        return _S3_CONTROL if found == "s3" and path == _PUBLIC_ACCESS_BLOCK else found

    def extract_iam_action(service: str, method: str, *rest: Any) -> str | None:
        if service == _S3_CONTROL:
            return _BLOCK_ACTIONS.get(method)
        action: str | None = extract_action(service, method, *rest)
        return action

    def blocked(account: str, bucket: str, setting: str) -> bool:
        return _blocked_by_account(account, setting) or bool(blocked_by_bucket(account, bucket, setting))

    ec2_handlers["ModifyInstanceMetadataDefaults"] = _modify_metadata
    ec2_handlers["GetInstanceMetadataDefaults"] = _get_metadata
    for action, switch in (
        ("EnableEbsEncryptionByDefault", True),
        ("DisableEbsEncryptionByDefault", False),
        ("GetEbsEncryptionByDefault", None),
    ):
        ec2_handlers[action] = _ebs_encryption(action, switch)
    ec2_handlers["CreateVolume"] = _encrypted(ec2_handlers["CreateVolume"])
    app.detect_service = detect_s3_control
    app.SERVICE_HANDLERS[_S3_CONTROL] = _block
    actions._SERVICE_PROTOCOL[_S3_CONTROL] = "rest-xml"
    actions.extract_iam_action = extract_iam_action
    resources.name(_S3_CONTROL, lambda call: ["*"])
    s3._public_access_blocked = blocked
