"""Rows of KMS: a key with its policy and rotation, and an alias."""

from typing import Any

from rehearsal.providers.comparing import as_policy
from rehearsal.providers.rows import ID, ITEM, Call, GoneError, Read, Row, Switch, Tags, Taken, regional
from rehearsal.providers.shapes import document
from rehearsal.providers.values import Properties


def _unless_it_waits_for_deletion(value: Any, known: Properties, api: Any) -> Any:
    # KMS goes on describing a key until its deletion window has passed.
    if value in ("PendingDeletion", "PendingReplicaDeletion"):
        raise GoneError("the key waits for its deletion")
    return value


_ENABLE = Switch(
    "isEnabled",
    then=Call("kms.enable_key", {"KeyId": ID}),
    otherwise=Call("kms.disable_key", {"KeyId": ID}),
)
_ROTATE = Switch(
    "enableKeyRotation",
    then=Call("kms.enable_key_rotation", {"KeyId": ID, "RotationPeriodInDays": "rotationPeriodInDays"}),
    otherwise=Call("kms.disable_key_rotation", {"KeyId": ID}),
)
_PUT_POLICY = Call(
    "kms.put_key_policy",
    {"KeyId": ID, "Policy": "policy", "BypassPolicyLockoutSafetyCheck": "bypassPolicyLockoutSafetyCheck"},
    needs="policy",
)

_KEY = Row(
    type="aws:kms/key:Key",
    compared_as={"policy": as_policy},
    source="internal/service/kms/key.go",
    replaces=frozenset({"customerMasterKeySpec", "keyUsage", "multiRegion"}),
    id="{KeyId}",
    defaults={
        "bypassPolicyLockoutSafetyCheck": False,
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "enableKeyRotation": False,
        "isEnabled": True,
        "keyUsage": "ENCRYPT_DECRYPT",
    },
    settings=frozenset({"bypassPolicyLockoutSafetyCheck", "deletionWindowInDays"}),
    computed=frozenset({"description", "multiRegion", "policy", "rotationPeriodInDays"}),
    create=(
        Call(
            "kms.create_key",
            {
                "Description": "description",
                "KeySpec": "customerMasterKeySpec",
                "KeyUsage": "keyUsage",
                "MultiRegion": "multiRegion",
                "Policy": "policy",
                "BypassPolicyLockoutSafetyCheck": "bypassPolicyLockoutSafetyCheck",
            },
            "KeyMetadata",
        ),
        Call(
            "kms.enable_key_rotation",
            {"KeyId": ID, "RotationPeriodInDays": "rotationPeriodInDays"},
            needs="enableKeyRotation",
        ),
        _ENABLE,
    ),
    reads=(
        Read(
            Call("kms.describe_key", {"KeyId": ID}, "KeyMetadata"),
            {
                "_state": Taken("KeyState", _unless_it_waits_for_deletion),
                "arn": "Arn",
                "keyId": "KeyId",
                "description": "Description",
                "customerMasterKeySpec": "KeySpec",
                "keyUsage": "KeyUsage",
                "multiRegion": "MultiRegion",
                "isEnabled": "Enabled",
            },
        ),
        Read(
            Call("kms.get_key_policy", {"KeyId": ID}),
            {"policy": Taken("Policy", document)},
        ),
        Read(
            Call("kms.get_key_rotation_status", {"KeyId": ID}),
            {"enableKeyRotation": "KeyRotationEnabled", "rotationPeriodInDays": "RotationPeriodInDays"},
        ),
    ),
    update={
        "description": (Call("kms.update_key_description", {"KeyId": ID, "Description": "description"}),),
        "policy": (_PUT_POLICY,),
        "enableKeyRotation, rotationPeriodInDays": (_ROTATE,),
        "isEnabled": (_ENABLE,),
    },
    tags=(
        Tags(
            live=Call("kms.list_resource_tags", {"KeyId": ID}, "Tags"),
            tag=Call("kms.tag_resource", {"KeyId": ID, "Tags": ITEM}),
            untag=Call("kms.untag_resource", {"KeyId": ID, "TagKeys": ITEM}),
            spelling=("TagKey", "TagValue"),
        ),
    ),
    delete=(
        Call(
            "kms.schedule_key_deletion",
            {"KeyId": ID, "PendingWindowInDays": "deletionWindowInDays"},
            ignore=frozenset({"KMSInvalidStateException"}),
        ),
    ),
)


def _key_id(named: Any) -> Any:
    """A key's ARN and its id mean the same key."""
    return str(named).rsplit("/", 1)[-1]


def _key_arn(value: Any, known: Properties, api: Any) -> str:
    return f"arn:{api.partition}:kms:{api.region}:{api.account_id}:key/{value}"


_ALIAS = Row(
    type="aws:kms/alias:Alias",
    source="internal/service/kms/alias.go",
    replaces=frozenset({"name"}),
    id="{name}",
    from_id=lambda id: {"name": id},
    compared_as={"targetKeyId": _key_id},
    create=(Call("kms.create_alias", {"AliasName": "name", "TargetKeyId": "targetKeyId"}),),
    reads=(
        Read(
            Call("kms.list_aliases", {}, "Aliases", find={"AliasName": ID}),
            {
                "name": "AliasName",
                "arn": "AliasArn",
                "targetKeyId": "TargetKeyId",
                "targetKeyArn": Taken("TargetKeyId", _key_arn),
            },
        ),
    ),
    update={"targetKeyId": (Call("kms.update_alias", {"AliasName": ID, "TargetKeyId": "targetKeyId"}),)},
    delete=(Call("kms.delete_alias", {"AliasName": ID}),),
)

KMS_ROWS = (regional(_KEY), regional(_ALIAS))
