"""Condition keys of the request, the resource and the principal.

Gap: MiniStack knows neither IAM's own keys (`iam:PermissionsBoundary`, `iam:PolicyARN`,
`iam:AWSServiceName`) nor STS's in identity policies (`sts:ExternalId`, `sts:RoleSessionName`), nor
`iam:ResourceTag`/`aws:ResourceTag` of users and roles; for a role's session `aws:PrincipalArn` is the
session's ARN and `aws:PrincipalType` of root is `Root`. EC2's keys are in `ec2_authorization.py`. And
`aws:SecureTransport` is true of this machine, where the emulator is asked without TLS; here every
call counts as made with TLS, as every call to AWS is that this project makes. `aws:PrincipalIsAWSService` is
missing; no service calls the emulator, so it is false here. `aws:ResourceAccount` of a bucket is the
caller's account, not its owner's.

AWS ("Actions, resources, and condition keys for AWS Identity and Access Management", "AWS global condition
context keys"): `iam:PermissionsBoundary` is the boundary being set, or, where the call changes a user's or
role's policies, the one it has; it does not exist on other calls. `aws:PrincipalArn` of a session is the
role's ARN.
"""

from fnmatch import fnmatchcase
from typing import Any

from rehearsal.emulator import action_table, request
from rehearsal.emulator.upstream import Parameters, actions, evaluator, iam, members, parameter, s3

_SETS_THE_BOUNDARY = frozenset(
    {"CreateRole", "CreateUser", "PutRolePermissionsBoundary", "PutUserPermissionsBoundary"}
)
_CHANGES_POLICIES_UNDER_THE_BOUNDARY = frozenset(
    f"{verb}{kind}{what}"
    for kind in ("Role", "User")
    for verb, what in (
        ("Attach", "Policy"),
        ("Detach", "Policy"),
        ("Put", "Policy"),
        ("Delete", "Policy"),
        ("Delete", "PermissionsBoundary"),
    )
)
_NAMES_A_POLICY = frozenset(
    f"{verb}{kind}Policy" for verb in ("Attach", "Detach") for kind in ("Group", "Role", "User")
)
_PRINCIPAL_TYPE = {"Root": "Account"}


# Per action, without the service's name: what is there when a call has it. Of other keys that AWS lists for
# an action nothing is known here, and a call whose policies ask for one is refused.
_SUPPLIED = {
    "dynamodb:*": ("attributes", "enclosingoperation", "select"),
    "ec2:*": ("createaction", "resourcetag/*"),
    "ec2:createvolume": ("encrypted", "kmskeyid", "volumesize", "volumetype"),
    "ec2:runinstances": (
        "associatepublicipaddress",
        "encrypted",
        "instancetype",
        "metadatahttpputresponsehoplimit",
        "metadatahttptokens",
    ),
    "iam:*": ("awsservicename", "passedtoservice", "permissionsboundary", "policyarn", "resourcetag/*"),
    "kms:*": (
        "calleraccount",
        "encryptioncontext*",
        "keyorigin",
        "keyspec",
        "keyusage",
        "multiregion",
        "reencryptonsamekey",
        "requestalias",
        "resourcealiases",
        "viaservice",
    ),
    "s3:*": (
        "dataaccesspoint*",
        "delimiter",
        "existingobjecttag/*",
        "max-keys",
        "prefix",
        "requestobjecttag*",
        "resourceaccount",
    ),
    "s3:putobject": ("x-amz-acl", "x-amz-grant-*", "x-amz-server-side-encryption"),
    "ssm:*": ("resourcetag/*", "sessiondocumentaccesscheck"),
    "sts:*": ("externalid", "rolesessionname", "sourceidentity", "transitivetagkeys"),
}


def _is_unknown(key: str, action: str) -> bool:
    """Whether AWS has a value of the key for the action, and nothing here could."""
    service, _, name = key.lower().partition(":")
    if service != action.split(":", 1)[0] or not action_table.has_key(action, key):
        return False
    known = (*_SUPPLIED.get(f"{service}:*", ()), *_SUPPLIED.get(action.lower(), ()))
    return not any(fnmatchcase(name, pattern) for pattern in known)


def _iam_keys(action: str, parameters: Parameters) -> dict[str, Any]:
    target = iam._users.get(parameter(parameters, "UserName")) or iam._roles.get(
        parameter(parameters, "RoleName")
    )
    keys: dict[str, Any] = {}
    boundary = ""
    if action in _SETS_THE_BOUNDARY:
        boundary = parameter(parameters, "PermissionsBoundary")
    elif action in _CHANGES_POLICIES_UNDER_THE_BOUNDARY and target:
        boundary = target.get("PermissionsBoundary") or ""
    if boundary:
        keys["iam:PermissionsBoundary"] = boundary
    if action in _NAMES_A_POLICY:
        keys["iam:PolicyARN"] = parameter(parameters, "PolicyArn")
    if action == "CreateServiceLinkedRole":
        keys["iam:AWSServiceName"] = parameter(parameters, "AWSServiceName")
    if target and not action.startswith("Create"):
        for tag in target.get("Tags") or []:
            keys[f"iam:ResourceTag/{tag['Key']}"] = tag["Value"]
            keys[f"aws:ResourceTag/{tag['Key']}"] = tag["Value"]
    return keys


def _sts_keys(parameters: Parameters) -> dict[str, Any]:
    names = ("ExternalId", "RoleSessionName", "SourceIdentity")
    keys: dict[str, Any] = {f"sts:{name}": parameter(parameters, name) for name in names}
    keys["sts:TransitiveTagKeys"] = members(parameters, "TransitiveTagKeys")
    return {key: value for key, value in keys.items() if value}


def role_arn_of_session(arn: str, account: str) -> str:
    """`arn:aws:sts::1:assumed-role/R/session` → the role's own ARN, path included."""
    if ":assumed-role/" not in arn:
        return arn
    name = arn.split(":assumed-role/", 1)[1].split("/", 1)[0]
    role = iam._roles.get_scoped(account, None, name) or {}
    return str(role.get("Arn") or f"arn:aws:iam::{account}:role/{name}")


def apply() -> None:
    request_tags = actions.request_tag_context
    resolve = evaluator._resolve_condition_key

    def request_tag_context(
        service: str, iam_action: str, body: bytes, parameters: Parameters
    ) -> dict[str, Any]:
        keys: dict[str, Any] = dict(request_tags(service, iam_action, body, parameters))
        action = iam_action.split(":", 1)[-1]
        if service == "iam":
            keys |= _iam_keys(action, parameters)
        if service == "sts":
            keys |= _sts_keys(parameters)
        return keys

    def resolve_condition_key(key: str, context: Any) -> Any:
        name = key.lower()
        if name == "aws:principalarn":
            return role_arn_of_session(context.principal_arn, context.principal_account)
        if name == "aws:principaltype":
            return _PRINCIPAL_TYPE.get(context.principal_type, context.principal_type)
        if name == "aws:principalisawsservice":
            return "false"
        if name == "aws:securetransport":
            return "true"
        if name in ("aws:resourceaccount", "s3:resourceaccount") and ":s3:::" in context.resource_arn:
            bucket = context.resource_arn.split(":::", 1)[1].partition("/")[0]
            return s3._bucket_owner_account(bucket) or context.principal_account
        value = resolve(key, context)
        if value is None and _is_unknown(key, context.action):
            request.current().unknown_key = key
        return value

    actions.request_tag_context = request_tag_context
    evaluator._resolve_condition_key = resolve_condition_key
