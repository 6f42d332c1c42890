"""Rows of S3: a bucket with its tags, and what is set on it: policy, versioning, public access block."""

from typing import Any

from rehearsal.providers.comparing import as_policy
from rehearsal.providers.rows import ID, Call, Field, Literal, Made, Read, Row, Sweep, Switch, Tags, Taken
from rehearsal.providers.shapes import document
from rehearsal.providers.values import Properties


def _location(properties: Properties, api: Any, id: str) -> Any:
    # us-east-1 is the one region that S3 refuses as a location.
    return None if api.region == "us-east-1" else {"LocationConstraint": api.region}


def _tag_set(properties: Properties, api: Any, id: str) -> Any:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in (properties.get("tags") or {}).items()]}


def _versions(result: str) -> Sweep:
    return Sweep(
        Call("s3.list_object_versions", {"Bucket": ID}, result),
        (Call("s3.delete_object", {"Bucket": ID, "Key": Field("Key"), "VersionId": Field("VersionId")}),),
        needs="forceDestroy",
    )


# S3 has no call for one tag: the whole set is written.
_WRITE_TAGS = Switch(
    "tags",
    then=Call("s3.put_bucket_tagging", {"Bucket": ID, "Tagging": Made(("tags",), _tag_set)}),
    otherwise=Call("s3.delete_bucket_tagging", {"Bucket": ID}),
)

_BUCKET = Row(
    type="aws:s3/bucket:Bucket",
    source="internal/service/s3/bucket.go",
    replaces=frozenset({"bucket"}),
    id="{bucket}",
    from_id=lambda id: {"bucket": id},
    auto_name="bucket",
    defaults={"forceDestroy": False},
    settings=frozenset({"forceDestroy"}),
    create=(
        Call("s3.create_bucket", {"Bucket": "bucket", "CreateBucketConfiguration": Made((), _location)}),
    ),
    reads=(
        Read(
            Call("s3.head_bucket", {"Bucket": ID}),
            {
                "arn": Taken("", lambda answer, known, api: f"arn:{api.partition}:s3:::{known['bucket']}"),
                "region": Taken("", lambda answer, known, api: api.region),
                "bucketRegion": Taken("", lambda answer, known, api: api.region),
                "bucketDomainName": Taken(
                    "", lambda answer, known, api: f"{known['bucket']}.s3.amazonaws.com"
                ),
                "bucketRegionalDomainName": Taken(
                    "", lambda answer, known, api: f"{known['bucket']}.s3.{api.region}.amazonaws.com"
                ),
            },
        ),
    ),
    tags=(
        Tags(
            live=Call("s3.get_bucket_tagging", {"Bucket": ID}, "TagSet", ignore=frozenset({"NoSuchTagSet"})),
            tag=_WRITE_TAGS,
            untag=_WRITE_TAGS,
            whole=True,
        ),
    ),
    delete=(_versions("Versions"), _versions("DeleteMarkers"), Call("s3.delete_bucket", {"Bucket": ID})),
)

_PUBLIC_ACCESS = {
    "BlockPublicAcls": "blockPublicAcls",
    "BlockPublicPolicy": "blockPublicPolicy",
    "IgnorePublicAcls": "ignorePublicAcls",
    "RestrictPublicBuckets": "restrictPublicBuckets",
}


def _bucket_of(id: str) -> Properties:
    return {"bucket": id}


def _blocked(properties: Properties, api: Any, id: str) -> Any:
    return {field: bool(properties.get(name)) for field, name in _PUBLIC_ACCESS.items()}


_BLOCK = Call(
    "s3.put_public_access_block",
    {
        "Bucket": "bucket",
        "PublicAccessBlockConfiguration": Made(tuple(_PUBLIC_ACCESS.values()), _blocked),
    },
)

_PUBLIC_ACCESS_BLOCK = Row(
    type="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    source="internal/service/s3/bucket_public_access_block.go",
    replaces=frozenset({"bucket"}),
    id="{bucket}",
    from_id=_bucket_of,
    defaults=dict.fromkeys(_PUBLIC_ACCESS.values(), False),
    create=(_BLOCK,),
    reads=(
        Read(
            Call("s3.get_public_access_block", {"Bucket": ID}, "PublicAccessBlockConfiguration"),
            {
                "bucket": Taken("", lambda answer, known, api: known["bucket"]),
                **{name: field for field, name in _PUBLIC_ACCESS.items()},
            },
        ),
    ),
    update={", ".join(_PUBLIC_ACCESS.values()): (_BLOCK,)},
    delete=(Call("s3.delete_public_access_block", {"Bucket": ID}),),
)


def _versioning(properties: Properties, api: Any, id: str) -> Any:
    return {"Status": properties["versioningConfiguration"]["status"]}


_SET_VERSIONING = Call(
    "s3.put_bucket_versioning",
    {"Bucket": "bucket", "VersioningConfiguration": Made(("versioningConfiguration",), _versioning)},
)

_VERSIONING = Row(
    type="aws:s3/bucketVersioning:BucketVersioning",
    source="internal/service/s3/bucket_versioning.go",
    replaces=frozenset({"bucket"}),
    id="{bucket}",
    from_id=_bucket_of,
    create=(_SET_VERSIONING,),
    reads=(
        Read(
            Call("s3.get_bucket_versioning", {"Bucket": ID}),
            {
                "bucket": Taken("", lambda answer, known, api: known["bucket"]),
                "versioningConfiguration": Taken(
                    "Status", lambda status, known, api: {"status": status or "Disabled"}
                ),
            },
        ),
    ),
    update={"versioningConfiguration": (_SET_VERSIONING,)},
    # Versioning cannot be taken back; suspended, the bucket makes no more versions.
    delete=(
        Call(
            "s3.put_bucket_versioning",
            {"Bucket": ID, "VersioningConfiguration": Literal({"Status": "Suspended"})},
        ),
    ),
)

_PUT_POLICY = Call("s3.put_bucket_policy", {"Bucket": "bucket", "Policy": "policy"})

_POLICY = Row(
    type="aws:s3/bucketPolicy:BucketPolicy",
    compared_as={"policy": as_policy},
    source="internal/service/s3/bucket_policy.go",
    replaces=frozenset({"bucket"}),
    id="{bucket}",
    from_id=_bucket_of,
    create=(_PUT_POLICY,),
    reads=(
        Read(
            Call("s3.get_bucket_policy", {"Bucket": ID}),
            {
                "bucket": Taken("", lambda answer, known, api: known["bucket"]),
                "policy": Taken("Policy", document),
            },
        ),
    ),
    update={"policy": (_PUT_POLICY,)},
    delete=(Call("s3.delete_bucket_policy", {"Bucket": ID}),),
)

S3_ROWS = (_BUCKET, _PUBLIC_ACCESS_BLOCK, _VERSIONING, _POLICY)
