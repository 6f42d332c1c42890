"""Systems Manager's documents, as far as Session Manager's preferences need them.

Gap: MiniStack has no documents, and authorises calls about a document's tags on `*`.

AWS ("CreateDocument", "UpdateDocument", "UpdateDocumentDefaultVersion" and the like in the Systems Manager
API reference; "Session document schema" in its User Guide): documents are of an account and region; an update
makes a further version, and what counts is the default one, which a separate call sets. An update must name
the latest version, and bring other content than it has. Each is authorised on the document. Only documents of
the type Session are made here. That AWS compares new content with the latest version alone is an assumption:
the reference says "another document".
"""

import hashlib
import json
import time
from typing import Any

from rehearsal.emulator.upstream import Response, account_id, responses, ssm

PREFERENCES = "SSM-SessionManagerRunShell"
# AWS's own documents have no account in their ARN.
_OF_AWS = "AWS-"
_SESSION_TYPES = frozenset({"InteractiveCommands", "NonInteractiveCommands", "Port", "Standard_Stream"})
_ABOUT_TAGS = frozenset({"AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource"})
_ABOUT_ONE = frozenset(
    {
        "CreateDocument",
        "DeleteDocument",
        "DescribeDocument",
        "DescribeDocumentPermission",
        "GetDocument",
        "ModifyDocumentPermission",
        "UpdateDocument",
        "UpdateDocumentDefaultVersion",
    }
)
_LATEST, _DEFAULT = "$LATEST", "$DEFAULT"

# Name → `versions` (content of each, oldest first), `default` (its number) and `created`.
_documents: Any = responses.AccountRegionScopedDict()


class _RefusedError(Exception):
    """A code of AWS's, and its message."""


def arn(name: str) -> str:
    if name.startswith("arn:"):
        return name
    owner = "" if name.startswith(_OF_AWS) else account_id()
    return f"arn:aws:ssm:{responses.get_region()}:{owner}:document/{name}"


def resources(operation: str, content: dict[str, Any]) -> list[str]:
    """The ARN that a call about one document is authorised on; none for other calls."""
    if operation in _ABOUT_ONE:
        return [arn(str(content.get("Name", "")))]
    if operation in _ABOUT_TAGS and content.get("ResourceType") == "Document":
        return [arn(str(content.get("ResourceId", "")))]
    return []


def is_there(name: str) -> bool:
    """Whether a session can be started with the document. AWS's own are not listed here."""
    return name.startswith(_OF_AWS) or name in _documents


def preference(document: str, name: str) -> str | None:
    """An input of the default version of a document of the account's own; None where it has none."""
    record = _documents.get(document)
    if record is None:
        return None
    inputs = json.loads(record["versions"][record["default"] - 1]).get("inputs") or {}
    return str(inputs[name]) if inputs.get(name) else None


def handle(operation: str, content: dict[str, Any]) -> Response | None:
    """The answer to a call about documents; None for other calls."""
    if operation == "ListDocuments":
        found = [_description(name) for name in sorted(_documents)]
        return answer({"DocumentIdentifiers": found})
    if operation in _ABOUT_TAGS:
        name = str(content.get("ResourceId", ""))
        if content.get("ResourceType") != "Document" or name in _documents:
            return None
        return refuse("InvalidResourceId", f"The resource ID {name} is not valid.")
    if operation not in _ABOUT_ONE:
        return None
    try:
        return answer(_about_one(operation, str(content.get("Name", "")), content))
    except _RefusedError as refused:
        return refuse(*refused.args)


def _about_one(operation: str, name: str, content: dict[str, Any]) -> dict[str, Any]:
    if operation == "CreateDocument":
        return _create(name, content)
    if name not in _documents:
        raise _RefusedError("InvalidDocument", f"Document with name {name} does not exist.")
    record = _documents[name]
    if operation == "DescribeDocument":
        number = _number(record, content.get("DocumentVersion", _DEFAULT))
        return {"Document": _description(name, number)}
    if operation == "GetDocument":
        number = _number(record, content.get("DocumentVersion", _DEFAULT))
        described = _description(name, number)
        return {
            **{key: described[key] for key in ("Name", "DocumentVersion", "DocumentType", "DocumentFormat")},
            "Status": "Active",
            "Content": record["versions"][number - 1],
        }
    if operation == "DescribeDocumentPermission":
        return {"AccountIds": [], "AccountSharingInfoList": []}
    if operation == "UpdateDocument":
        return _update(name, record, content)
    if operation == "UpdateDocumentDefaultVersion":
        record["default"] = _number(record, content.get("DocumentVersion", ""))
        return {"Description": {"Name": name, "DefaultVersion": str(record["default"])}}
    if operation == "DeleteDocument":
        del _documents[name]
        ssm._tags.pop(name, None)
        return {}
    raise _RefusedError("InvalidPermissionType", "The emulated AWS does not share documents.")


def _create(name: str, content: dict[str, Any]) -> dict[str, Any]:
    if name in _documents:
        raise _RefusedError("DocumentAlreadyExists", f"Document with same name {name} already exists")
    if content.get("DocumentType") != "Session":
        raise _RefusedError(
            "InvalidDocumentContent", "The emulated AWS makes documents of the type Session only."
        )
    _check(content)
    _documents[name] = {"versions": [content["Content"]], "default": 1, "created": time.time()}
    ssm._tags[name] = {tag["Key"]: tag["Value"] for tag in content.get("Tags") or []}
    return {"DocumentDescription": _description(name)}


def _update(name: str, record: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    latest = len(record["versions"])
    if content.get("DocumentVersion") not in (_LATEST, str(latest)):
        raise _RefusedError("InvalidDocumentVersion", "The latest version of the document has to be named.")
    _check(content)
    if content["Content"] == record["versions"][-1]:
        raise _RefusedError("DuplicateDocumentContent", "The content is that of the latest version.")
    record["versions"].append(content["Content"])
    return {"DocumentDescription": _description(name, latest + 1)}


def _check(content: dict[str, Any]) -> None:
    try:
        written = json.loads(content.get("Content") or "")
    except ValueError:
        raise _RefusedError("InvalidDocumentContent", "JSON not well-formed.") from None
    if not isinstance(written, dict) or written.get("sessionType") not in _SESSION_TYPES:
        raise _RefusedError("InvalidDocumentContent", "sessionType is missing or not valid.")
    if written.get("schemaVersion") != "1.0":
        raise _RefusedError("InvalidDocumentSchemaVersion", "Session documents have the schema version 1.0.")


def _number(record: dict[str, Any], version: Any) -> int:
    known = {str(number) for number in range(1, len(record["versions"]) + 1)}
    named = {_LATEST: len(record["versions"]), _DEFAULT: record["default"]}
    if version in named:
        return int(named[version])
    if version not in known:
        raise _RefusedError("InvalidDocumentVersion", f"There is no version {version} of the document.")
    return int(version)


def _description(name: str, number: int | None = None) -> dict[str, Any]:
    record = _documents[name]
    number = number or record["default"]
    text = record["versions"][number - 1]
    written = json.loads(text)
    return {
        "Name": name,
        "Owner": account_id(),
        "CreatedDate": record["created"],
        "Status": "Active",
        "DocumentType": "Session",
        "DocumentFormat": "JSON",
        "DocumentVersion": str(number),
        "DefaultVersion": str(record["default"]),
        "LatestVersion": str(len(record["versions"])),
        "SchemaVersion": written["schemaVersion"],
        "Description": written.get("description", ""),
        "Hash": hashlib.sha256(text.encode()).hexdigest(),
        "HashType": "Sha256",
        "PlatformTypes": ["Windows", "Linux", "MacOS"],
        "Tags": [{"Key": key, "Value": value} for key, value in (ssm._tags.get(name) or {}).items()],
    }


def answer(content: dict[str, Any]) -> Response:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(content).encode()


def refuse(code: str, message: str) -> Response:
    refused: Response = responses.error_response_json(code, message, 400)
    return refused
