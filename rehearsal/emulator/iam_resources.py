"""The resource that each IAM call is authorised on.

Gap: MiniStack leaves the path out of IAM ARNs, takes the first of role, user, policy and group that a call
names (a group-membership call is then authorised on the user), authorises calls on MFA devices, new policies,
instance profiles, service-linked roles and identity providers on `*`, and does not know who is meant when a
call leaves UserName out.

AWS ("Actions, resources, and condition keys for AWS Identity and Access Management"): every action has one
resource type; a user's ARN carries its path (`user/vault/name`); UserName is optional where a user acts on
itself. Renaming ("UpdateUser") needs permission on both the old and the new ARN.
"""

from rehearsal.emulator import request, resources
from rehearsal.emulator.upstream import Parameters, account_id, iam, parameter

# Parameter that names the resource, its store, its ARN's type; the first that fits the call wins.
_ON_INSTANCE_PROFILE = ("InstanceProfileName", iam._instance_profiles, "instance-profile")
_ON_GROUP = ("GroupName", iam._groups, "group")
_ON_ROLE = ("RoleName", iam._roles, "role")
_ON_USER = ("UserName", iam._users, "user")
_NAMED = (_ON_INSTANCE_PROFILE, _ON_GROUP, _ON_ROLE, _ON_USER)

_ON_THE_CALLER_BY_DEFAULT = frozenset(
    {
        "ChangePassword",
        "CreateAccessKey",
        "CreateLoginProfile",
        "DeleteAccessKey",
        "DeleteLoginProfile",
        "GetLoginProfile",
        "GetMFADevice",
        "GetUser",
        "ListAccessKeys",
        "ListMFADevices",
        "ListServiceSpecificCredentials",
        "ListSSHPublicKeys",
        "ListSigningCertificates",
        "UpdateAccessKey",
        "UpdateLoginProfile",
    }
)
_ON_A_DEVICE = frozenset(
    {
        "CreateVirtualMFADevice",
        "DeleteVirtualMFADevice",
        "ListMFADeviceTags",
        "TagMFADevice",
        "UntagMFADevice",
    }
)
# Calls on a user, group, role or policy that another parameter names.
_ON_AN_ENTITY = {
    "GenerateServiceLastAccessedDetails": "Arn",
    "GetContextKeysForPrincipalPolicy": "PolicySourceArn",
    "ListPoliciesGrantingServiceAccess": "Arn",
    "SimulatePrincipalPolicy": "PolicySourceArn",
}


def arn(kind: str, path: str, name: str) -> str:
    return f"arn:aws:iam::{account_id()}:{kind}{path or '/'}{name}"


def resource_of(action: str, parameters: Parameters) -> str:
    """The ARN that the IAM action is authorised on; `*` for the actions that have none."""
    if action in _ON_A_DEVICE:
        return parameter(parameters, "SerialNumber") or arn(
            "mfa", parameter(parameters, "Path"), parameter(parameters, "VirtualMFADeviceName")
        )
    if action == "CreatePolicy":
        return arn("policy", parameter(parameters, "Path"), parameter(parameters, "PolicyName"))
    if action == "CreateOpenIDConnectProvider":
        return arn("oidc-provider", "/", parameter(parameters, "Url").split("://", 1)[-1])
    if action == "CreateSAMLProvider":
        return arn("saml-provider", "/", parameter(parameters, "Name"))
    if action in _ON_AN_ENTITY:
        return parameter(parameters, _ON_AN_ENTITY[action]) or "*"
    if action == "CreateServiceLinkedRole":
        service = parameter(parameters, "AWSServiceName")
        # The name that MiniStack gives it; AWS's own are written otherwise.
        return arn(
            "role", f"/aws-service-role/{service}/", f"AWSServiceRoleFor{service.split('.')[0].capitalize()}"
        )
    if action == "GetAccessKeyLastUsed":
        key = iam._access_keys.get(parameter(parameters, "AccessKeyId")) or {}
        parameters = {"UserName": key.get("UserName", "")}
    for name_parameter, store, kind in _NAMED:
        name = parameter(parameters, name_parameter)
        if not name:
            continue
        if action == f"Create{kind.title().replace('-', '')}":
            return arn(kind, parameter(parameters, "Path"), name)
        return str((store.get(name) or {}).get("Arn") or arn(kind, "/", name))
    if action in _ON_THE_CALLER_BY_DEFAULT:
        return request.caller_arn()
    for arn_parameter in ("PolicyArn", "OpenIDConnectProviderArn", "SAMLProviderArn"):
        if parameter(parameters, arn_parameter):
            return parameter(parameters, arn_parameter)
    return "*"


def renamed_to(action: str, parameters: Parameters) -> str | None:
    """The ARN a rename or a move leads to, when the call is one."""
    if action not in ("UpdateUser", "UpdateGroup"):
        return None
    kind = action.removeprefix("Update")
    store = iam._users if kind == "User" else iam._groups
    record = store.get(parameter(parameters, f"{kind}Name"))
    if record is None:
        return None
    name = parameter(parameters, f"New{kind}Name") or record[f"{kind}Name"]
    return arn(kind.lower(), parameter(parameters, "NewPath") or record["Path"], name)


def _resources(call: resources.Call) -> list[str]:
    return [resource_of(parameter(call.parameters, "Action"), call.parameters)]


def apply() -> None:
    resources.name("iam", _resources)
