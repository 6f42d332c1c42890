"""Rows of what is set once for an account or region: defaults of EC2, EBS and S3, and Access Analyzer."""

from typing import Any

from rehearsal.providers.rows import ID, ITEM, Call, Literal, Made, Read, Row, Switch, Tags, Taken, regional
from rehearsal.providers.values import Properties

_NO_PREFERENCE = "no-preference"
_NO_HOP_LIMIT = -1
_METADATA_FIELDS = {
    "HttpTokens": "httpTokens",
    "HttpEndpoint": "httpEndpoint",
    "HttpPutResponseHopLimit": "httpPutResponseHopLimit",
    "InstanceMetadataTags": "instanceMetadataTags",
}
_METADATA_DEFAULTS: dict[str, Any] = {
    name: _NO_HOP_LIMIT if field == "HttpPutResponseHopLimit" else _NO_PREFERENCE
    for field, name in _METADATA_FIELDS.items()
}
_PUBLIC_ACCESS = {
    "BlockPublicAcls": "blockPublicAcls",
    "BlockPublicPolicy": "blockPublicPolicy",
    "IgnorePublicAcls": "ignorePublicAcls",
    "RestrictPublicBuckets": "restrictPublicBuckets",
}


def _unless_set(otherwise: Any) -> Any:
    return lambda value, known, api: otherwise if value is None else value


_SET_METADATA_DEFAULTS = Call("ec2.modify_instance_metadata_defaults", _METADATA_FIELDS)

_INSTANCE_METADATA_DEFAULTS = regional(
    Row(
        type="aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults",
        source="internal/service/ec2/ec2_instance_metadata_defaults.go",
        replaces=frozenset(),
        id="{unique}",
        defaults=_METADATA_DEFAULTS,
        create=(_SET_METADATA_DEFAULTS,),
        reads=(
            Read(
                Call("ec2.get_instance_metadata_defaults", {}, "AccountLevel"),
                {
                    name: Taken(field, _unless_set(_METADATA_DEFAULTS[name]))
                    for field, name in _METADATA_FIELDS.items()
                },
            ),
        ),
        update={", ".join(_METADATA_FIELDS.values()): (_SET_METADATA_DEFAULTS,)},
        delete=(
            Call(
                "ec2.modify_instance_metadata_defaults",
                {field: Literal(_METADATA_DEFAULTS[name]) for field, name in _METADATA_FIELDS.items()},
            ),
        ),
    )
)

_SET_EBS_ENCRYPTION = Switch(
    "enabled",
    then=Call("ec2.enable_ebs_encryption_by_default"),
    otherwise=Call("ec2.disable_ebs_encryption_by_default"),
)

_EBS_ENCRYPTION = regional(
    Row(
        type="aws:ebs/encryptionByDefault:EncryptionByDefault",
        source="internal/service/ec2/ebs_encryption_by_default.go",
        replaces=frozenset(),
        id="{unique}",
        defaults={"enabled": True},
        create=(_SET_EBS_ENCRYPTION,),
        reads=(Read(Call("ec2.get_ebs_encryption_by_default"), {"enabled": "EbsEncryptionByDefault"}),),
        update={"enabled": (_SET_EBS_ENCRYPTION,)},
        delete=(Call("ec2.disable_ebs_encryption_by_default"),),
    )
)


def _account(properties: Properties, api: Any, id: str) -> Any:
    return properties.get("accountId") or api.account_id


def _blocked(properties: Properties, api: Any, id: str) -> Any:
    return {field: bool(properties.get(name)) for field, name in _PUBLIC_ACCESS.items()}


_ACCOUNT = Made(("accountId",), _account)
_PUT_PUBLIC_ACCESS_BLOCK = Call(
    "s3control.put_public_access_block",
    {
        "AccountId": _ACCOUNT,
        "PublicAccessBlockConfiguration": Made(tuple(_PUBLIC_ACCESS.values()), _blocked),
    },
)

_ACCOUNT_PUBLIC_ACCESS_BLOCK = Row(
    type="aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock",
    source="internal/service/s3control/account_public_access_block.go",
    replaces=frozenset({"accountId"}),
    id="{unique}",
    computed=frozenset({"accountId"}),
    defaults=dict.fromkeys(_PUBLIC_ACCESS.values(), False),
    create=(_PUT_PUBLIC_ACCESS_BLOCK,),
    reads=(
        Read(
            Call(
                "s3control.get_public_access_block", {"AccountId": _ACCOUNT}, "PublicAccessBlockConfiguration"
            ),
            {
                "accountId": Taken("", lambda answer, known, api: api.account_id),
                **{name: field for field, name in _PUBLIC_ACCESS.items()},
            },
        ),
    ),
    update={", ".join(_PUBLIC_ACCESS.values()): (_PUT_PUBLIC_ACCESS_BLOCK,)},
    delete=(Call("s3control.delete_public_access_block", {"AccountId": _ACCOUNT}),),
)


def _analyzer_arn(properties: Properties, api: Any, id: str) -> str:
    return f"arn:{api.partition}:access-analyzer:{api.region}:{api.account_id}:analyzer/{id}"


_ANALYZER = regional(
    Row(
        type="aws:accessanalyzer/analyzer:Analyzer",
        source="internal/service/accessanalyzer/analyzer.go",
        replaces=frozenset({"analyzerName", "type"}),
        id="{analyzerName}",
        from_id=lambda id: {"analyzerName": id},
        defaults={"type": "ACCOUNT"},
        create=(Call("accessanalyzer.create_analyzer", {"analyzerName": "analyzerName", "type": "type"}),),
        reads=(
            Read(
                Call("accessanalyzer.get_analyzer", {"analyzerName": ID}, "analyzer"),
                {"analyzerName": "name", "type": "type", "arn": "arn"},
            ),
        ),
        tags=(
            Tags(
                live=Call("accessanalyzer.get_analyzer", {"analyzerName": ID}, "analyzer.tags"),
                tag=Call(
                    "accessanalyzer.tag_resource",
                    {
                        "resourceArn": Made((), _analyzer_arn),
                        "tags": Made(("tags",), lambda properties, api, id: properties["tags"]),
                    },
                ),
                untag=Call(
                    "accessanalyzer.untag_resource",
                    {"resourceArn": Made((), _analyzer_arn), "tagKeys": ITEM},
                ),
            ),
        ),
        delete=(Call("accessanalyzer.delete_analyzer", {"analyzerName": ID}),),
    )
)

ACCOUNT_ROWS = (
    _INSTANCE_METADATA_DEFAULTS,
    _EBS_ENCRYPTION,
    _ACCOUNT_PUBLIC_ACCESS_BLOCK,
    _ANALYZER,
)
