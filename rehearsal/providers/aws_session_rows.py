"""Rows of what Session Manager's preferences are made of: a document of Systems Manager and a log group."""

from typing import Any

from rehearsal.providers.rows import ID, ITEM, Argument, Call, Literal, Made, Read, Row, Switch, Tags, Taken
from rehearsal.providers.shapes import iso_time
from rehearsal.providers.values import Properties


def _document_arn(name: Any, known: Properties, api: Any) -> str:
    return f"arn:{api.partition}:ssm:{api.region}:{api.account_id}:document/{name}"


def _latest(properties: Properties, api: Any, id: str) -> str:
    """The version that an update has just made; the real provider has it from the update's answer."""
    described = api.call("ssm.describe_document", {"Name": id, "DocumentVersion": "$LATEST"})
    return str(described["Document"]["DocumentVersion"])


def _default(properties: Properties, api: Any, id: str) -> Any:
    return properties["defaultVersion"]


_OF_A_DOCUMENT: dict[str, Argument] = {"ResourceType": Literal("Document"), "ResourceId": ID}

_DOCUMENT = Row(
    type="aws:ssm/document:Document",
    source="internal/service/ssm/document.go",
    replaces=frozenset({"name"}),
    id="{name}",
    from_id=lambda id: {"name": id, "documentFormat": "JSON"},
    auto_name="name",
    defaults={"documentFormat": "JSON"},
    create=(
        Call(
            "ssm.create_document",
            {
                "Name": "name",
                "Content": "content",
                "DocumentType": "documentType",
                "DocumentFormat": "documentFormat",
            },
        ),
    ),
    reads=(
        Read(
            Call("ssm.describe_document", {"Name": ID}, "Document"),
            {
                "name": "Name",
                "arn": Taken("Name", _document_arn),
                "createdDate": Taken("CreatedDate", iso_time),
                "defaultVersion": "DefaultVersion",
                "description": "Description",
                "documentFormat": "DocumentFormat",
                "documentType": "DocumentType",
                "documentVersion": "DocumentVersion",
                "hash": "Hash",
                "hashType": "HashType",
                "latestVersion": "LatestVersion",
                "owner": "Owner",
                "platformTypes": "PlatformTypes",
                "schemaVersion": "SchemaVersion",
                "status": "Status",
            },
        ),
        # The latest version, not the default one.
        Read(
            Call(
                "ssm.get_document",
                {"Name": ID, "DocumentFormat": "documentFormat", "DocumentVersion": Literal("$LATEST")},
            ),
            {"content": "Content"},
        ),
    ),
    update={
        "content, documentFormat, documentType": (
            Call(
                "ssm.update_document",
                {
                    "Name": ID,
                    "Content": "content",
                    "DocumentFormat": "documentFormat",
                    "DocumentVersion": Made((), _default),
                },
            ),
            Call(
                "ssm.update_document_default_version",
                {"Name": ID, "DocumentVersion": Made((), _latest)},
            ),
        ),
    },
    unlike={
        "content": (
            "where the content is there already (DuplicateDocumentContent), the real provider makes the "
            "latest version the default one"
        ),
        "documentType": (
            "the real provider changes neither type nor format of a document of schema version 1.x without "
            "other content, and shows the difference again at the next up"
        ),
    },
    tags=(
        Tags(
            live=Call("ssm.list_tags_for_resource", _OF_A_DOCUMENT, "TagList"),
            tag=Call("ssm.add_tags_to_resource", {**_OF_A_DOCUMENT, "Tags": ITEM}),
            untag=Call("ssm.remove_tags_from_resource", {**_OF_A_DOCUMENT, "TagKeys": ITEM}),
        ),
    ),
    delete=(Call("ssm.delete_document", {"Name": ID}),),
)


def _group_arn(properties: Properties, api: Any, id: str) -> str:
    return f"arn:{api.partition}:logs:{api.region}:{api.account_id}:log-group:{id}"


def _without_wildcard(value: Any, known: Properties, api: Any) -> Any:
    return value.removesuffix(":*") if isinstance(value, str) else value


def _tags(properties: Properties, api: Any, id: str) -> Any:
    return properties["tags"]


_GROUP_ARN = Made((), _group_arn)
_RETAIN = Switch(
    "retentionInDays",
    then=Call("logs.put_retention_policy", {"logGroupName": ID, "retentionInDays": "retentionInDays"}),
    otherwise=Call("logs.delete_retention_policy", {"logGroupName": ID}),
)

_LOG_GROUP = Row(
    type="aws:cloudwatch/logGroup:LogGroup",
    source="internal/service/logs/group.go",
    replaces=frozenset({"name"}),
    id="{name}",
    from_id=lambda id: {"name": id},
    auto_name="name",
    defaults={"retentionInDays": 0},
    create=(Call("logs.create_log_group", {"logGroupName": "name"}), _RETAIN),
    reads=(
        Read(
            Call(
                "logs.describe_log_groups",
                {"logGroupNamePrefix": ID},
                "logGroups",
                find={"logGroupName": ID},
            ),
            {
                "name": "logGroupName",
                "arn": Taken("arn", _without_wildcard),
                "logGroupClass": "logGroupClass",
                "retentionInDays": Taken("retentionInDays", lambda days, known, api: days or 0),
            },
        ),
    ),
    update={"retentionInDays": (_RETAIN,)},
    tags=(
        Tags(
            live=Call("logs.list_tags_for_resource", {"resourceArn": _GROUP_ARN}, "tags"),
            tag=Call("logs.tag_resource", {"resourceArn": _GROUP_ARN, "tags": Made(("tags",), _tags)}),
            untag=Call("logs.untag_resource", {"resourceArn": _GROUP_ARN, "tagKeys": ITEM}),
        ),
    ),
    delete=(Call("logs.delete_log_group", {"logGroupName": ID}),),
)

SESSION_ROWS = (_DOCUMENT, _LOG_GROUP)
