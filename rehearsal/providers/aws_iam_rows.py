"""Rows of AWS IAM.

As with the real provider, a changed name renames a user or group, and the engine keeps the id with the old
name: the next refresh takes it for gone. A program that changes such a name replaces on it
(`replace_on_changes`). Source: pulumi-aws #1610.

Ids, import ids and defaults are the real provider's (terraform-provider-aws 6, internal/service/iam).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rehearsal.providers.comparing import as_policy
from rehearsal.providers.lifecycle import by_template
from rehearsal.providers.login_password import prepare_login_profile
from rehearsal.providers.rows import (
    ID,
    ITEM,
    Argument,
    Call,
    Each,
    Field,
    Literal,
    Prepare,
    Read,
    Row,
    Step,
    Sweep,
    Switch,
    Tags,
    Taken,
)
from rehearsal.providers.shapes import document, is_own_virtual_mfa, iso_time

_NO_SUCH_ENTITY = frozenset({"NoSuchEntity"})

# An emulator that cannot list a kind of credential has none of it.
_UNKNOWN_TO_EMULATOR = frozenset({"InvalidAction"})

# IAM keeps five versions of a policy and refuses a sixth.
_VERSIONS_BESIDE_A_NEW_ONE = 4


def _tags(kind: str, key: str) -> Tags:
    return Tags(
        live=Call(f"iam.list_{kind}_tags", {key: ID}, "Tags"),
        tag=Call(f"iam.tag_{kind}", {key: ID, "Tags": ITEM}),
        untag=Call(f"iam.untag_{kind}", {key: ID, "TagKeys": ITEM}),
    )


def _attachment(kind: str) -> Row:
    """A managed policy on a group, role or user."""
    key = f"{kind.capitalize()}Name"
    which: Mapping[str, Argument] = {key: kind, "PolicyArn": "policyArn"}
    listed = Call(
        f"iam.list_attached_{kind}_policies", {key: kind}, "AttachedPolicies", find={"PolicyArn": "policyArn"}
    )
    return Row(
        type=f"aws:iam/{kind}PolicyAttachment:{kind.capitalize()}PolicyAttachment",
        source=f"internal/service/iam/{kind}_policy_attachment.go",
        replaces=frozenset({kind, "policyArn"}),
        deletes_first=True,
        id=f"{{{kind}}}/{{policyArn}}",
        from_id=by_template(kind, "policyArn", separator="/"),
        create=(Call(f"iam.attach_{kind}_policy", which),),
        # The list does not say whose it is; that it has the policy confirms both inputs.
        reads=(Read(listed, {"policyArn": "PolicyArn"}),),
        delete=(Call(f"iam.detach_{kind}_policy", which),),
    )


def _inline_policy(kind: str) -> Row:
    """A policy inside a group, role or user."""
    key = f"{kind.capitalize()}Name"
    which: Mapping[str, Argument] = {key: kind, "PolicyName": "name"}
    put = Call(f"iam.put_{kind}_policy", {**which, "PolicyDocument": "policy"})
    return Row(
        type=f"aws:iam/{kind}Policy:{kind.capitalize()}Policy",
        source=f"internal/service/iam/{kind}_policy.go",
        replaces=frozenset({kind, "name"}),
        id=f"{{{kind}}}:{{name}}",
        from_id=by_template(kind, "name", separator=":"),
        auto_name="name",
        compared_as={"policy": as_policy},
        create=(put,),
        reads=(
            Read(
                Call(f"iam.get_{kind}_policy", which),
                {kind: key, "name": "PolicyName", "policy": Taken("PolicyDocument", document)},
            ),
        ),
        update={"policy": (put,)},
        delete=(Call(f"iam.delete_{kind}_policy", which),),
    )


def _boundary(kind: str) -> dict[str, tuple[Step, ...]]:
    key = f"{kind.capitalize()}Name"
    return {
        "permissionsBoundary": (
            Switch(
                "permissionsBoundary",
                then=Call(
                    f"iam.put_{kind}_permissions_boundary",
                    {key: ID, "PermissionsBoundary": "permissionsBoundary"},
                ),
                otherwise=Call(f"iam.delete_{kind}_permissions_boundary", {key: ID}, ignore=_NO_SUCH_ENTITY),
            ),
        )
    }


def _detach_everything(kind: str, needs: str) -> tuple[Sweep, ...]:
    """Policies that someone put on a user or role by hand, and that would keep it from being deleted."""
    key = f"{kind.capitalize()}Name"
    return (
        Sweep(
            Call(f"iam.list_attached_{kind}_policies", {key: ID}, "AttachedPolicies"),
            (Call(f"iam.detach_{kind}_policy", {key: ID, "PolicyArn": Field("PolicyArn")}),),
            needs=needs,
        ),
        Sweep(
            Call(f"iam.list_{kind}_policies", {key: ID}, "PolicyNames"),
            (Call(f"iam.delete_{kind}_policy", {key: ID, "PolicyName": ITEM}),),
            needs=needs,
        ),
    )


def _of_user(operation: str, result: str, delete: str, argument: str, **more: Any) -> Sweep:
    """Everything of one kind that a user has, deleted under forceDestroy."""
    return Sweep(
        Call(f"iam.list_{operation}", {"UserName": ID}, result, ignore=_UNKNOWN_TO_EMULATOR),
        (Call(f"iam.{delete}", {"UserName": ID, argument: Field(argument)}),),
        needs="forceDestroy",
        **more,
    )


_GROUP = Row(
    type="aws:iam/group:Group",
    source="internal/service/iam/group.go",
    replaces=frozenset(),
    id="{name}",
    auto_name="name",
    defaults={"path": "/"},
    create=(Call("iam.create_group", {"GroupName": "name", "Path": "path"}),),
    reads=(
        Read(
            Call("iam.get_group", {"GroupName": ID}, "Group"),
            {"name": "GroupName", "path": "Path", "arn": "Arn", "uniqueId": "GroupId"},
        ),
    ),
    update={
        "name, path": (
            Call("iam.update_group", {"GroupName": ID, "NewGroupName": "name", "NewPath": "path"}),
        )
    },
    delete=(Call("iam.delete_group", {"GroupName": ID}),),
)

_USER = Row(
    type="aws:iam/user:User",
    source="internal/service/iam/user.go",
    replaces=frozenset(),
    id="{name}",
    auto_name="name",
    defaults={"path": "/", "forceDestroy": False},
    settings=frozenset({"forceDestroy"}),
    create=(
        Call(
            "iam.create_user",
            {"UserName": "name", "Path": "path", "PermissionsBoundary": "permissionsBoundary"},
        ),
    ),
    reads=(
        Read(
            Call("iam.get_user", {"UserName": ID}, "User"),
            {
                "name": "UserName",
                "path": "Path",
                "arn": "Arn",
                "uniqueId": "UserId",
                "permissionsBoundary": "PermissionsBoundary.PermissionsBoundaryArn",
            },
        ),
    ),
    update={
        "name, path": (Call("iam.update_user", {"UserName": ID, "NewUserName": "name", "NewPath": "path"}),),
        **_boundary("user"),
    },
    tags=(_tags("user", "UserName"),),
    delete=(
        Sweep(
            Call("iam.list_groups_for_user", {"UserName": ID}, "Groups"),
            (Call("iam.remove_user_from_group", {"UserName": ID, "GroupName": Field("GroupName")}),),
        ),
        Sweep(
            Call("iam.list_mfa_devices", {"UserName": ID}, "MFADevices"),
            (
                Call("iam.deactivate_mfa_device", {"UserName": ID, "SerialNumber": Field("SerialNumber")}),
                Call("iam.delete_virtual_mfa_device", {"SerialNumber": Field("SerialNumber")}),
            ),
            where=is_own_virtual_mfa,
            needs="forceDestroy",
        ),
        _of_user("mfa_devices", "MFADevices", "deactivate_mfa_device", "SerialNumber"),
        _of_user("access_keys", "AccessKeyMetadata", "delete_access_key", "AccessKeyId"),
        _of_user("ssh_public_keys", "SSHPublicKeys", "delete_ssh_public_key", "SSHPublicKeyId"),
        _of_user("signing_certificates", "Certificates", "delete_signing_certificate", "CertificateId"),
        _of_user(
            "service_specific_credentials",
            "ServiceSpecificCredentials",
            "delete_service_specific_credential",
            "ServiceSpecificCredentialId",
        ),
        Call("iam.delete_login_profile", {"UserName": ID}, needs="forceDestroy"),
        *_detach_everything("user", needs="forceDestroy"),
        Call("iam.delete_user", {"UserName": ID}),
    ),
)

# The real provider manages only the groups it is given: other memberships are neither reported nor removed.
_USER_GROUP_MEMBERSHIP = Row(
    type="aws:iam/userGroupMembership:UserGroupMembership",
    source="internal/service/iam/user_group_membership.go",
    replaces=frozenset({"user"}),
    id="{unique}",
    from_id=lambda id: {"user": id.split("/")[0], "groups": id.split("/")[1:]},
    create=(Call("iam.get_user", {"UserName": "user"}, "User"),),
    reads=(Read(Call("iam.get_user", {"UserName": "user"}, "User"), {"user": "UserName"}),),
    each=(
        Each(
            "groups",
            live=Call("iam.list_groups_for_user", {"UserName": "user"}, "Groups"),
            item=lambda group: group["GroupName"],
            add=Call("iam.add_user_to_group", {"UserName": "user", "GroupName": ITEM}),
            remove=Call("iam.remove_user_from_group", {"UserName": "user", "GroupName": ITEM}),
            exclusive=False,
        ),
    ),
    delete=(),
)

# As in the real provider, a refresh shows whether the password still has to be reset and any change replaces
# the profile, with a new password: a program that wants a person's own password to last ignores changes of
# passwordResetRequired.
_USER_LOGIN_PROFILE = Row(
    type="aws:iam/userLoginProfile:UserLoginProfile",
    source="internal/service/iam/user_login_profile.go",
    replaces=frozenset({"user", "passwordLength", "passwordResetRequired", "pgpKey"}),
    id="{user}",
    defaults={"passwordLength": 20},
    computed=frozenset({"passwordResetRequired"}),
    prepare=Prepare(
        uses=("passwordLength", "pgpKey"),
        outputs=("password", "encryptedPassword", "keyFingerprint"),
        make=prepare_login_profile,
    ),
    secrets=frozenset({"password"}),
    create=(
        Call(
            "iam.create_login_profile",
            {"UserName": "user", "Password": "_password", "PasswordResetRequired": "passwordResetRequired"},
        ),
    ),
    reads=(
        Read(
            Call("iam.get_login_profile", {"UserName": ID}, "LoginProfile"),
            {"user": "UserName", "passwordResetRequired": "PasswordResetRequired"},
        ),
    ),
    delete=(Call("iam.delete_login_profile", {"UserName": ID}),),
)

_POLICY = Row(
    type="aws:iam/policy:Policy",
    source="internal/service/iam/policy.go",
    replaces=frozenset({"name", "path", "description"}),
    id="{Arn}",
    auto_name="name",
    defaults={"path": "/"},
    compared_as={"policy": as_policy},
    create=(
        Call(
            "iam.create_policy",
            {"PolicyName": "name", "Path": "path", "Description": "description", "PolicyDocument": "policy"},
            "Policy",
        ),
    ),
    reads=(
        Read(
            Call("iam.get_policy", {"PolicyArn": ID}, "Policy"),
            {
                "name": "PolicyName",
                "path": "Path",
                "description": "Description",
                "arn": "Arn",
                "policyId": "PolicyId",
                "attachmentCount": "AttachmentCount",
                "_version": "DefaultVersionId",
            },
        ),
        Read(
            Call("iam.get_policy_version", {"PolicyArn": ID, "VersionId": "_version"}, "PolicyVersion"),
            {"policy": Taken("Document", document)},
        ),
    ),
    update={
        "policy": (
            Sweep(
                Call("iam.list_policy_versions", {"PolicyArn": ID}, "Versions"),
                (Call("iam.delete_policy_version", {"PolicyArn": ID, "VersionId": Field("VersionId")}),),
                where=lambda version: not version["IsDefaultVersion"],
                # The default version counts too, and is kept out of the list.
                keep=_VERSIONS_BESIDE_A_NEW_ONE - 1,
            ),
            Call(
                "iam.create_policy_version",
                {"PolicyArn": ID, "PolicyDocument": "policy", "SetAsDefault": Literal(True)},
            ),
        )
    },
    tags=(_tags("policy", "PolicyArn"),),
    delete=(
        Sweep(
            Call("iam.list_policy_versions", {"PolicyArn": ID}, "Versions"),
            (Call("iam.delete_policy_version", {"PolicyArn": ID, "VersionId": Field("VersionId")}),),
            where=lambda version: not version["IsDefaultVersion"],
        ),
        Call("iam.delete_policy", {"PolicyArn": ID}),
    ),
)

_PASSWORD_POLICY_FIELDS = {
    "minimumPasswordLength": "MinimumPasswordLength",
    "requireUppercaseCharacters": "RequireUppercaseCharacters",
    "requireLowercaseCharacters": "RequireLowercaseCharacters",
    "requireNumbers": "RequireNumbers",
    "requireSymbols": "RequireSymbols",
    "allowUsersToChangePassword": "AllowUsersToChangePassword",
    "maxPasswordAge": "MaxPasswordAge",
    "passwordReusePrevention": "PasswordReusePrevention",
    "hardExpiry": "HardExpiry",
}
_PUT_PASSWORD_POLICY = Call(
    "iam.update_account_password_policy", {wire: name for name, wire in _PASSWORD_POLICY_FIELDS.items()}
)
_ACCOUNT_PASSWORD_POLICY = Row(
    type="aws:iam/accountPasswordPolicy:AccountPasswordPolicy",
    source="internal/service/iam/account_password_policy.go",
    replaces=frozenset(),
    id="iam-account-password-policy",
    defaults={"allowUsersToChangePassword": True, "minimumPasswordLength": 6},
    computed=frozenset(_PASSWORD_POLICY_FIELDS) - {"allowUsersToChangePassword", "minimumPasswordLength"},
    create=(_PUT_PASSWORD_POLICY,),
    reads=(
        Read(
            Call("iam.get_account_password_policy", {}, "PasswordPolicy"),
            {**_PASSWORD_POLICY_FIELDS, "expirePasswords": "ExpirePasswords"},
        ),
    ),
    update={",".join(_PASSWORD_POLICY_FIELDS): (_PUT_PASSWORD_POLICY,)},
    delete=(Call("iam.delete_account_password_policy"),),
)

_ROLE = Row(
    type="aws:iam/role:Role",
    source="internal/service/iam/role.go",
    replaces=frozenset({"name", "path"}),
    id="{name}",
    auto_name="name",
    defaults={"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False},
    settings=frozenset({"forceDetachPolicies"}),
    compared_as={"assumeRolePolicy": as_policy},
    refused={
        "inlinePolicies": "inlinePolicies is deprecated and has no row in the fake provider: use RolePolicy",
        "managedPolicyArns": (
            "managedPolicyArns is deprecated and has no row in the fake provider: use RolePolicyAttachment"
        ),
    },
    create=(
        Call(
            "iam.create_role",
            {
                "RoleName": "name",
                "Path": "path",
                "Description": "description",
                "AssumeRolePolicyDocument": "assumeRolePolicy",
                "MaxSessionDuration": "maxSessionDuration",
                "PermissionsBoundary": "permissionsBoundary",
            },
        ),
    ),
    reads=(
        Read(
            Call("iam.get_role", {"RoleName": ID}, "Role"),
            {
                "name": "RoleName",
                "path": "Path",
                "description": "Description",
                "assumeRolePolicy": Taken("AssumeRolePolicyDocument", document),
                "maxSessionDuration": "MaxSessionDuration",
                "permissionsBoundary": "PermissionsBoundary.PermissionsBoundaryArn",
                "arn": "Arn",
                "uniqueId": "RoleId",
                "createDate": Taken("CreateDate", iso_time),
            },
        ),
    ),
    update={
        "assumeRolePolicy": (
            Call("iam.update_assume_role_policy", {"RoleName": ID, "PolicyDocument": "assumeRolePolicy"}),
        ),
        "description, maxSessionDuration": (
            Call(
                "iam.update_role",
                {"RoleName": ID, "Description": "description", "MaxSessionDuration": "maxSessionDuration"},
                clears=True,
            ),
        ),
        **_boundary("role"),
    },
    tags=(_tags("role", "RoleName"),),
    delete=(
        Sweep(
            Call("iam.list_instance_profiles_for_role", {"RoleName": ID}, "InstanceProfiles"),
            (
                Call(
                    "iam.remove_role_from_instance_profile",
                    {"RoleName": ID, "InstanceProfileName": Field("InstanceProfileName")},
                ),
            ),
        ),
        *_detach_everything("role", needs="forceDetachPolicies"),
        Call("iam.delete_role", {"RoleName": ID}),
    ),
)

_ROLE_POLICIES = Call("iam.list_role_policies", {"RoleName": "roleName"}, "PolicyNames")
_OTHER_ROLE_POLICIES = Sweep(
    _ROLE_POLICIES,
    (Call("iam.delete_role_policy", {"RoleName": "roleName", "PolicyName": ITEM}),),
    but_not="policyNames",
)
# As in the real provider, a destroy leaves the policies; and those that are listed must be made elsewhere.
_ROLE_POLICIES_EXCLUSIVE = Row(
    type="aws:iam/rolePoliciesExclusive:RolePoliciesExclusive",
    source="internal/service/iam/role_policies_exclusive.go",
    replaces=frozenset({"roleName"}),
    id="{roleName}",
    from_id=lambda id: {"roleName": id},
    create=(_ROLE_POLICIES, _OTHER_ROLE_POLICIES),
    reads=(Read(_ROLE_POLICIES, {"policyNames": ""}),),
    update={"policyNames": (_OTHER_ROLE_POLICIES,)},
    delete=(),
)

_INSTANCE_PROFILE = Row(
    type="aws:iam/instanceProfile:InstanceProfile",
    source="internal/service/iam/instance_profile.go",
    replaces=frozenset({"name", "path"}),
    id="{name}",
    auto_name="name",
    defaults={"path": "/"},
    create=(
        Call("iam.create_instance_profile", {"InstanceProfileName": "name", "Path": "path"}),
        Call(
            "iam.add_role_to_instance_profile", {"InstanceProfileName": ID, "RoleName": "role"}, needs="role"
        ),
    ),
    reads=(
        Read(
            Call("iam.get_instance_profile", {"InstanceProfileName": ID}, "InstanceProfile"),
            {
                "name": "InstanceProfileName",
                "path": "Path",
                "arn": "Arn",
                "uniqueId": "InstanceProfileId",
                "role": "Roles.0.RoleName",
                "createDate": Taken("CreateDate", iso_time),
            },
        ),
    ),
    update={
        "role": (
            Sweep(
                Call("iam.get_instance_profile", {"InstanceProfileName": ID}, "InstanceProfile.Roles"),
                (
                    Call(
                        "iam.remove_role_from_instance_profile",
                        {"InstanceProfileName": ID, "RoleName": Field("RoleName")},
                    ),
                ),
            ),
            Call(
                "iam.add_role_to_instance_profile",
                {"InstanceProfileName": ID, "RoleName": "role"},
                needs="role",
            ),
        )
    },
    tags=(_tags("instance_profile", "InstanceProfileName"),),
    delete=(
        Call(
            "iam.remove_role_from_instance_profile",
            {"InstanceProfileName": ID, "RoleName": "role"},
            needs="role",
        ),
        Call("iam.delete_instance_profile", {"InstanceProfileName": ID}),
    ),
)

_ACCESS_KEY = Row(
    type="aws:iam/accessKey:AccessKey",
    source="internal/service/iam/access_key.go",
    replaces=frozenset({"user"}),
    id="{AccessKeyId}",
    defaults={"status": "Active"},
    secrets=frozenset({"secret"}),
    refused={
        "pgpKey": (
            "the fake provider does not encrypt access keys to a PGP key; leave pgpKey out in the rehearsal"
        )
    },
    create=(
        Call("iam.create_access_key", {"UserName": "user"}, "AccessKey"),
        Call("iam.update_access_key", {"UserName": "user", "AccessKeyId": ID, "Status": "status"}),
    ),
    remembered={"secret": "SecretAccessKey"},
    reads=(
        Read(Call("iam.get_access_key_last_used", {"AccessKeyId": ID}), {"user": "UserName"}),
        Read(
            Call("iam.list_access_keys", {"UserName": "user"}, "AccessKeyMetadata", find={"AccessKeyId": ID}),
            {"status": "Status", "createDate": Taken("CreateDate", iso_time)},
        ),
    ),
    update={
        "status": (
            Call("iam.update_access_key", {"UserName": "user", "AccessKeyId": ID, "Status": "status"}),
        )
    },
    delete=(Call("iam.delete_access_key", {"UserName": "user", "AccessKeyId": ID}),),
)

_FEATURE_OPERATIONS = {
    "RootCredentialsManagement": "root_credentials_management",
    "RootSessions": "root_sessions",
}
_FEATURES = Call("iam.list_organizations_features")
_ORGANIZATIONS_FEATURES = Row(
    type="aws:iam/organizationsFeatures:OrganizationsFeatures",
    source="internal/service/iam/organizations_features.go",
    replaces=frozenset(),
    id="{OrganizationId}",
    create=(_FEATURES,),
    reads=(Read(_FEATURES, {"organizationId": "OrganizationId"}),),
    each=(
        Each(
            "enabledFeatures",
            live=replace(_FEATURES, result="EnabledFeatures"),
            item=str,
            items=lambda features: [_FEATURE_OPERATIONS[feature] for feature in features],
            add=Call("iam.enable_organizations_{item}"),
            remove=Call("iam.disable_organizations_{item}"),
        ),
    ),
    delete=(),
)

IAM_ROWS = (
    _GROUP,
    *(_attachment(kind) for kind in ("group", "role", "user")),
    *(_inline_policy(kind) for kind in ("group", "role", "user")),
    _USER,
    _USER_GROUP_MEMBERSHIP,
    _USER_LOGIN_PROFILE,
    _POLICY,
    _ACCOUNT_PASSWORD_POLICY,
    _ROLE,
    _ROLE_POLICIES_EXCLUSIVE,
    _INSTANCE_PROFILE,
    _ACCESS_KEY,
    _ORGANIZATIONS_FEATURES,
)
