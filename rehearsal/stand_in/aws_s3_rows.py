"""Rows of S3: a bucket with its tags."""

from typing import Any

from rehearsal.stand_in.rows import ID, Call, Field, Made, Read, Row, Sweep, Switch, Tags, Taken
from rehearsal.stand_in.values import Properties


def _location(properties: Properties, api: Any, id: str) -> Any:
    # us-east-1 is the one region that S3 refuses to be told.
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
    id="{bucket}",
    from_id=lambda id: {"bucket": id},
    auto_name="bucket",
    identity=("bucket",),
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
        ),
    ),
    delete=(_versions("Versions"), _versions("DeleteMarkers"), Call("s3.delete_bucket", {"Bucket": ID})),
)

S3_ROWS = (_BUCKET,)
