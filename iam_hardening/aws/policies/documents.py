"""What every policy document is made of, and how AWS counts its size."""

import json
from typing import Any

Statement = dict[str, Any]
Document = dict[str, Any]

# Characters, white space not counted. Source: AWS, "IAM and AWS STS quotas".
MANAGED_POLICY_MAX_CHARACTERS = 6144
USER_INLINE_POLICIES_MAX_CHARACTERS = 2048


def document(*statements: Statement) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def render(doc: Document) -> str:
    """The document as JSON text, the way it is sent to AWS."""
    return json.dumps(doc)


def size(doc: Document) -> int:
    """The document's characters as AWS counts them against its quotas (white space left out)."""
    return len("".join(json.dumps(doc, separators=(",", ":")).split()))
