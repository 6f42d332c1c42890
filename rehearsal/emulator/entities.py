"""Users, groups, roles and policies: their names, their life and its end.

Gap: MiniStack takes any name and path, distinguishes `alice` from `Alice`, deletes users and groups that
still have something of theirs and policies with several versions, lacks UpdateUser and UpdateGroup,
attaches policies that do not exist, takes the role paths that AWS keeps for itself, lets everyone change
service-linked roles, and leaves boundaries and AWS-managed policies out of GetAccountAuthorizationDetails.

AWS ("IAM and AWS STS quotas": names, paths, "names are unique within the account, without regard to case";
"DeleteUser", "DeleteGroup", "DeleteRole", "DeletePolicy": DeleteConflict; "UpdateUser", "UpdateGroup": keys,
memberships and policies stay with the renamed entity; "UserDetail", "RoleDetail": PermissionsBoundary;
"Create a service-linked role": `aws-service-role/` is for those alone, and only AWS changes them;
`aws-reserved/` is IAM Identity Center's; "GetAccountAuthorizationDetails": AWS-managed policies with their
documents, here those that the account uses).
"""

import re
from typing import Any
from urllib.parse import quote

import botocore.session

from rehearsal.emulator import passwords, request, user_credentials
from rehearsal.emulator.upstream import (
    Handler,
    Parameters,
    Response,
    account_id,
    iam,
    iam_answer,
    iam_handlers,
    members,
    parameter,
    refuse,
)

_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_PATH = re.compile(r"/|/[\x21-\x7e]+/")
_MAX_PATH = 512
_RESERVED_ROLE_PATHS = ("/aws-service-role/", "/aws-reserved/")
# A service-linked role's description may be edited, and AWS's list of errors does not say so.
_OPEN_TO_ALL = frozenset({"UpdateRole", "UpdateRoleDescription"})
# Source: "IAM and AWS STS quotas".
_MAX_NAME = {
    "User": 64,
    "Role": 64,
    "Group": 128,
    "Policy": 128,
    "InstanceProfile": 128,
    "VirtualMFADevice": 226,
}
_STORES = {
    "User": iam._users,
    "Role": iam._roles,
    "Group": iam._groups,
    "InstanceProfile": iam._instance_profiles,
}


def _invalid(name: str, text: str, constraint: str) -> Response:
    field = f"{name[0].lower()}{name[1:]}"
    message = (
        f"1 validation error detected: Value '{text}' at '{field}' failed to satisfy constraint: {constraint}"
    )
    return refuse(400, "ValidationError", message)


def _name_refusal(
    kind: str, name_parameter: str, path_parameter: str, parameters: Parameters
) -> Response | None:
    name, path = parameter(parameters, name_parameter), parameter(parameters, path_parameter)
    if name and len(name) > _MAX_NAME[kind]:
        return _invalid(
            name_parameter, name, f"Member must have length less than or equal to {_MAX_NAME[kind]}"
        )
    if name and not _NAME.fullmatch(name):
        return _invalid(name_parameter, name, r"Member must satisfy regular expression pattern: [\w+=,.@-]+")
    if path and (len(path) > _MAX_PATH or not _PATH.fullmatch(path)):
        return _invalid(path_parameter, path, "A path begins and ends with / and has at most 512 characters")
    if kind == "Role" and path.startswith(_RESERVED_ROLE_PATHS):
        return refuse(400, "InvalidInput", f"The path {path} is reserved for roles that AWS makes.")
    return None


def _exists_in_other_case(kind: str, name: str, but: str = "") -> bool:
    return any(other.lower() == name.lower() for other in _STORES.get(kind, {}) if other != but)


def _already_exists(kind: str, name: str) -> Response:
    return refuse(409, "EntityAlreadyExists", f"{kind} with name {name} already exists.")


def _creating(kind: str, handler: Handler) -> Handler:
    def checked(parameters: Parameters) -> Response:
        name = parameter(parameters, f"{kind}Name")
        if not name:
            return _invalid(f"{kind}Name", "", "Member must not be null")
        if refused := _name_refusal(kind, f"{kind}Name", "Path", parameters):
            return refused
        if _exists_in_other_case(kind, name):
            return _already_exists(kind, name)
        if "Description" in parameters:
            # MiniStack puts it into its XML answers as it is.
            parameters = {**parameters, "Description": iam._xml_escape(parameter(parameters, "Description"))}
        return handler(parameters)

    return checked


def _unless_service_linked(handler: Handler) -> Handler:
    def guarded(parameters: Parameters) -> Response:
        name = parameter(parameters, "RoleName")
        if (iam._roles.get(name) or {}).get("Path", "").startswith("/aws-service-role/"):
            message = f"Cannot perform the operation on the protected role '{name}': AWS alone changes it."
            return refuse(400, "UnmodifiableEntity", message)
        return handler(parameters)

    return guarded


def _conflict(what: str) -> Response:
    return refuse(409, "DeleteConflict", f"Cannot delete entity, must {what} first.")


def _user_has(name: str) -> str | None:
    user = iam._users.get(name) or {}
    if name in iam._login_profiles:
        return "delete login profile"
    if any(key["UserName"] == name for key in iam._access_keys.values()):
        return "delete access keys"
    if any(device.get("User") == name for device in iam._mfa_devices.values()):
        return "delete MFA device"
    if user_credentials.has_any(name):
        return "delete SSH keys, service specific credentials and signing certificates"
    if any(name in group["Users"] for group in iam._groups.values()):
        return "remove users from group"
    if iam._user_inline_policies.get(name):
        return "delete policies"
    return "detach all policies" if user.get("AttachedPolicies") else None


def _group_has(name: str) -> str | None:
    group = iam._groups.get(name) or {"Users": []}
    if any(member in iam._users for member in group["Users"]):
        return "remove users from group"
    if iam._group_inline_policies.get(name):
        return "delete policies"
    return "detach all policies" if group.get("AttachedPolicies") else None


def _policy_has(arn: str) -> str | None:
    policy = iam._policies.get(arn) or {}
    if len(policy.get("Versions") or {}) > 1:
        return "delete all non-default versions of this policy"
    entities = (*iam._users.values(), *iam._groups.values(), *iam._roles.values())
    return (
        "detach all entities"
        if any(arn in entity.get("AttachedPolicies", []) for entity in entities)
        else None
    )


def _deleting(name_parameter: str, has: Any, handler: Handler) -> Handler:
    def checked(parameters: Parameters) -> Response:
        remains = has(parameter(parameters, name_parameter))
        return _conflict(remains) if remains else handler(parameters)

    return checked


def _attaching(handler: Handler) -> Handler:
    def checked(parameters: Parameters) -> Response:
        arn = parameter(parameters, "PolicyArn")
        if not iam._policy_exists(arn):
            return refuse(404, "NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")
        return handler(parameters)

    return checked


def _update_user(parameters: Parameters) -> Response:
    name, new_name = parameter(parameters, "UserName"), parameter(parameters, "NewUserName")
    if name not in iam._users:
        return request.user_not_found(name)
    if refused := _name_refusal("User", "NewUserName", "NewPath", parameters):
        return refused
    if new_name and _exists_in_other_case("User", new_name, but=name):
        return _already_exists("User", new_name)
    user = iam._users.pop(name)
    new_name = new_name or name
    user["UserName"], user["Path"] = new_name, parameter(parameters, "NewPath") or user["Path"]
    user["Arn"] = f"arn:aws:iam::{account_id()}:user{user['Path']}{new_name}"
    iam._users[new_name] = user
    for store in (iam._login_profiles, iam._user_inline_policies):
        if name in store:
            store[new_name] = store.pop(name)
    if new_name in iam._login_profiles:
        iam._login_profiles[new_name]["UserName"] = new_name
    passwords.rename(name, new_name)
    for group in iam._groups.values():
        group["Users"] = [new_name if member == name else member for member in group["Users"]]
    for key in iam._access_keys.values():
        if key["UserName"] == name:
            key["UserName"] = new_name
    for device in iam._mfa_devices.values():
        if device.get("User") == name:
            device["User"] = new_name
    return iam_answer("UpdateUser")


def _update_group(parameters: Parameters) -> Response:
    name, new_name = parameter(parameters, "GroupName"), parameter(parameters, "NewGroupName")
    if name not in iam._groups:
        return refuse(404, "NoSuchEntity", f"The group with name {name} cannot be found.")
    if refused := _name_refusal("Group", "NewGroupName", "NewPath", parameters):
        return refused
    if new_name and _exists_in_other_case("Group", new_name, but=name):
        return _already_exists("Group", new_name)
    group = iam._groups.pop(name)
    new_name = new_name or name
    group["GroupName"], group["Path"] = new_name, parameter(parameters, "NewPath") or group["Path"]
    group["Arn"] = f"arn:aws:iam::{account_id()}:group{group['Path']}{new_name}"
    iam._groups[new_name] = group
    if name in iam._group_inline_policies:
        iam._group_inline_policies[new_name] = iam._group_inline_policies.pop(name)
    return iam_answer("UpdateGroup")


def _managed_by_aws(arn: str) -> str:
    """One AWS-managed policy, as GetAccountAuthorizationDetails has it."""
    policy = iam._aws_managed_policies[arn]
    versions = "".join(
        f"<member><Document>{quote(version['Document'], safe='')}</Document>"
        f"<VersionId>{version['VersionId']}</VersionId>"
        f"<IsDefaultVersion>{str(version['IsDefaultVersion']).lower()}</IsDefaultVersion></member>"
        for version in policy["Versions"].values()
    )
    return (
        f"<member><PolicyName>{policy['PolicyName']}</PolicyName><PolicyId>{policy['PolicyId']}</PolicyId>"
        f"<Arn>{arn}</Arn><Path>{policy['Path']}</Path>"
        f"<DefaultVersionId>{policy['DefaultVersionId']}</DefaultVersionId>"
        f"<PolicyVersionList>{versions}</PolicyVersionList></member>"
    )


def _with_managed_policies(details: Handler) -> Handler:
    def answer(parameters: Parameters) -> Response:
        status, headers, body = details(parameters)
        filters = members(parameters, "Filter")
        if filters and "AWSManagedPolicy" not in filters:
            return status, headers, body
        entities = (*iam._users.values(), *iam._groups.values(), *iam._roles.values())
        used = {arn for each in entities for arn in each.get("AttachedPolicies", [])}
        used |= {str(each.get("PermissionsBoundary")) for each in entities}
        found = "".join(_managed_by_aws(arn) for arn in sorted(used) if arn in iam._aws_managed_policies)
        return status, headers, body.replace(b"</Policies>", f"{found}</Policies>".encode())

    return answer


def _with_boundaries(details: Handler) -> Handler:
    def answer(parameters: Parameters) -> Response:
        status, headers, body = details(parameters)
        text = body.decode()
        for record in (*iam._users.values(), *iam._roles.values()):
            if arn := record.get("PermissionsBoundary"):
                boundary = (
                    "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType>"
                    f"<PermissionsBoundaryArn>{arn}</PermissionsBoundaryArn></PermissionsBoundary>"
                )
                own_arn = f"<Arn>{record['Arn']}</Arn>"
                text = text.replace(own_arn, f"{own_arn}{boundary}")
        return status, headers, text.encode()

    return answer


def apply() -> None:
    details = "GetAccountAuthorizationDetails"
    iam_handlers[details] = _with_managed_policies(_with_boundaries(iam_handlers[details]))
    for kind in _MAX_NAME:
        action = f"Create{kind}"
        iam_handlers[action] = _creating(kind, iam_handlers[action])
    for action, name_parameter, has in (
        ("DeleteUser", "UserName", _user_has),
        ("DeleteGroup", "GroupName", _group_has),
        ("DeletePolicy", "PolicyArn", _policy_has),
    ):
        iam_handlers[action] = _deleting(name_parameter, has, iam_handlers[action])
    for kind in ("User", "Group", "Role"):
        iam_handlers[f"Attach{kind}Policy"] = _attaching(iam_handlers[f"Attach{kind}Policy"])
    model = botocore.session.Session().get_service_model("iam")
    for action in {*iam_handlers} & {*model.operation_names} - _OPEN_TO_ALL:
        errors = {shape.name for shape in model.operation_model(action).error_shapes}
        if "UnmodifiableEntityException" in errors:
            iam_handlers[action] = _unless_service_linked(iam_handlers[action])
    iam_handlers["UpdateUser"] = _update_user
    iam_handlers["UpdateGroup"] = _update_group
