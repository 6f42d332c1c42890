"""Which of a stack's resources exist already, under the names that the stack gives them, and by which id.

Ids are the import ids of pulumi-aws 7 and pulumi-vault 7, from the Import section of each resource's page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from iam_hardening.clients.reads import NotAllowed, answer_of
from iam_hardening.clients.user_belongings import last_use
from iam_hardening.clients.vault_reader import VaultReader
from iam_hardening.commands.adopt.scratch import Step
from iam_hardening.commands.verify.identities import Live, read
from iam_hardening.model.identities import Kind

_NO_SUCH = frozenset({"NoSuchEntity", "ResourceNotFoundException"})

# What an up writes whether it is there or not: there is nothing to take over.
SET_ANYWAY = frozenset(
    {
        "aws:ebs/encryptionByDefault:EncryptionByDefault",
        "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults",
        "aws:iam/organizationsFeatures:OrganizationsFeatures",
        "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock",
    }
)
# What cannot be taken over, and why.
NEVER: Mapping[str, str] = {
    "aws:iam/accessKey:AccessKey": (
        "AWS shows the secret of a key once, when it is made: the up makes its own key for Vault"
    ),
    "aws:ec2/instance:Instance": (
        "the up starts a new instance with the role's profile; nothing happens to those that run"
    ),
}


# How the engine shows what is not known before it is made.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class TakenError(Exception):
    """The name belongs to something else. The text says to what, and what to do."""


@dataclass
class Existing:
    """Asks the account and Vault; keeps what IAM said."""

    clients: Callable[[str, str], Any]
    region: str
    vault: VaultReader = field(default_factory=lambda: VaultReader(None))
    _live: Live | None = field(default=None, repr=False)

    @property
    def iam(self) -> Any:
        return self.clients("iam", self.region)

    @property
    def live(self) -> Live:
        """Raises NotAllowed."""
        if self._live is None:
            self._live = read(self.iam)
        return self._live

    def devices(self, user: str) -> list[Any]:
        """The user's MFA devices, as IAM lists them. Raises NotAllowed."""
        answer = answer_of("iam:ListMFADevices", self.iam.list_mfa_devices, UserName=user)
        return list(answer["MFADevices"]) if answer else []

    def access_keys(self, user: str) -> list[Any]:
        """The user's access keys, active or not, as IAM lists them. Raises NotAllowed."""
        answer = answer_of("iam:ListAccessKeys", self.iam.list_access_keys, UserName=user)
        return list(answer["AccessKeyMetadata"]) if answer else []

    def use_of_key(self, access_key_id: str) -> str:
        """When and for what the key was last used, in words."""
        try:
            return last_use(self.iam, access_key_id) or "never used so far"
        except NotAllowed as refused:
            return f"its last use was not read: it takes {refused}"

    def use_of_role(self, name: str) -> str:
        """When and where the role was last used, in words."""
        try:
            role = answer_of("iam:GetRole", self.iam.get_role, _NO_SUCH, RoleName=name) or {}
        except NotAllowed as refused:
            return f"its last use was not read: it takes {refused}"
        used = role.get("Role", {}).get("RoleLastUsed", {})
        if "LastUsedDate" not in used:
            return "AWS reports no use in 400 days"
        return f"last used {used['LastUsedDate']:%Y-%m-%d} in {used['Region']}"

    def id_of(self, step: Step) -> str | None:
        """The id to import, or None if there is no such thing, no look-up for it, or no name of it yet: what
        an attachment attaches is known once that exists. Raises NotAllowed, TakenError."""
        names, look_up = LOOK_UPS.get(step.type, ((), None))
        known = not any(UNKNOWN in str(step.inputs.get(name)) for name in names)
        return look_up(self, step.inputs) if look_up and known else None


Inputs = Mapping[str, Any]
LookUp = Callable[[Existing, Inputs], str | None]


def _entity(kind: Kind) -> LookUp:
    def look_up(existing: Existing, inputs: Inputs) -> str | None:
        name = str(inputs["name"])
        records = existing.live.records[kind]
        _not_in_another_case(f"{kind} {name}", name, records)
        return name if name in records else None

    return look_up


def _not_in_another_case(what: str, name: str, names: Mapping[str, Any]) -> None:
    """IAM's names are unique without regard to case, and cannot be found without it."""
    other = next((each for each in names if each.lower() == name.lower() and each != name), None)
    if other and name not in names:
        raise TakenError(
            f"{what}: the account has {other}, and IAM takes the two for one name; write {other} in the "
            "stack file, or rename it in the account"
        )


def _policy(existing: Existing, inputs: Inputs) -> str | None:
    name = str(inputs["name"])
    _not_in_another_case(f"policy {name}", name, existing.live.policies)
    found = existing.live.policies.get(name)
    return str(found["Arn"]) if found else None


def _attachment(kind: Kind) -> LookUp:
    def look_up(existing: Existing, inputs: Inputs) -> str | None:
        holder, arn = str(inputs[kind]), inputs["policyArn"]
        record = existing.live.records[kind].get(holder, {})
        attached = {each["PolicyArn"] for each in record.get("AttachedManagedPolicies", [])}
        return f"{holder}/{arn}" if arn in attached else None

    return look_up


def _membership(existing: Existing, inputs: Inputs) -> str | None:
    """The wanted groups that the user is in; other groups are kept and not the stack's."""
    user = str(inputs["user"])
    own = existing.live.records["user"].get(user, {}).get("GroupList", [])
    joined = [group for group in inputs["groups"] if group in own]
    return "/".join([user, *joined]) if joined else None


def _login(existing: Existing, inputs: Inputs) -> str | None:
    user = str(inputs["user"])
    found = answer_of("iam:GetLoginProfile", existing.iam.get_login_profile, _NO_SUCH, UserName=user)
    return user if found else None


def _password_policy(existing: Existing, inputs: Inputs) -> str | None:
    call = existing.iam.get_account_password_policy
    return (
        "iam-account-password-policy" if answer_of("iam:GetAccountPasswordPolicy", call, _NO_SUCH) else None
    )


def _inline_policies(existing: Existing, inputs: Inputs) -> str | None:
    role = str(inputs["roleName"])
    return role if role in existing.live.records["role"] else None


def _profile(existing: Existing, inputs: Inputs) -> str | None:
    name = str(inputs["name"])
    call = existing.iam.get_instance_profile
    return name if answer_of("iam:GetInstanceProfile", call, _NO_SUCH, InstanceProfileName=name) else None


def _analyzer(existing: Existing, inputs: Inputs) -> str | None:
    name, region = str(inputs["analyzerName"]), str(inputs.get("region") or existing.region)
    analyzer = existing.clients("accessanalyzer", region)
    if not answer_of("access-analyzer:GetAnalyzer", analyzer.get_analyzer, _NO_SUCH, analyzerName=name):
        return None
    return name if region == existing.region else f"{name}@{region}"


def _document(existing: Existing, inputs: Inputs) -> str | None:
    name = str(inputs["name"])
    call = existing.clients("ssm", existing.region).describe_document
    found = answer_of("ssm:DescribeDocument", call, ("InvalidDocument",), Name=name)
    if found is None:
        return None
    kind = found["Document"]["DocumentType"]
    if kind != inputs["documentType"]:
        raise TakenError(
            f"document {name}: it is of the type {kind}, not {inputs['documentType']}, and AWS changes no "
            "document's type; delete it"
        )
    return name


def _log_group(existing: Existing, inputs: Inputs) -> str | None:
    name = str(inputs["name"])
    pager = existing.clients("logs", existing.region).get_paginator("describe_log_groups")

    def names() -> list[str]:
        return [
            g["logGroupName"] for page in pager.paginate(logGroupNamePrefix=name) for g in page["logGroups"]
        ]

    return name if name in (answer_of("logs:DescribeLogGroups", names) or []) else None


def _vault_mount(existing: Existing, inputs: Inputs) -> str | None:
    path = str(inputs["path"])
    found = existing.vault.read(f"sys/mounts/{path}")
    if found is None:
        return None
    if found["type"] != "aws":
        raise TakenError(
            f"Vault's mount {path}: it is a secrets engine of the type {found['type']}; give "
            "vault.mount in the stack file another path"
        )
    return path


def _vault_role(existing: Existing, inputs: Inputs) -> str | None:
    mount = existing.vault.read(f"sys/mounts/{inputs['backend']}")
    path = f"{inputs['backend']}/roles/{inputs['name']}"
    return path if mount and mount["type"] == "aws" and existing.vault.read(path) else None


def _vault_policy(existing: Existing, inputs: Inputs) -> str | None:
    name = str(inputs["name"])
    return name if existing.vault.read(f"sys/policies/acl/{name}") else None


def _vault_auth(kind: str | None) -> LookUp:
    """An auth method; `kind` None: as its input `type` says."""

    def look_up(existing: Existing, inputs: Inputs) -> str | None:
        path, wanted = str(inputs["path"]), kind or str(inputs["type"])
        found = (existing.vault.read("sys/auth") or {}).get(f"{path}/")
        if found is None:
            return None
        if found["type"] != wanted:
            raise TakenError(
                f"Vault's auth method {path}: it is of the type {found['type']}, not {wanted}; give the "
                "log-in another name under vault.logins in the stack file"
            )
        return path

    return look_up


def _vault_auth_role(existing: Existing, inputs: Inputs) -> str | None:
    path = f"auth/{inputs['backend']}/role/{inputs['roleName']}"
    return path if existing.vault.read(path) else None


def _vault_entity(existing: Existing, inputs: Inputs) -> str | None:
    found = existing.vault.read(f"identity/entity/name/{inputs['name']}")
    return str(found["id"]) if found else None


def _vault_entity_alias(existing: Existing, inputs: Inputs) -> str | None:
    entity = existing.vault.read(f"identity/entity/id/{inputs['canonicalId']}") or {}
    wanted = (inputs["name"], inputs["mountAccessor"])
    own = (each for each in entity.get("aliases") or () if (each["name"], each["mount_accessor"]) == wanted)
    return next((str(each["id"]) for each in own), None)


def _vault_audit(existing: Existing, inputs: Inputs) -> str | None:
    path = str(inputs["path"])
    return path if f"{path}/" in (existing.vault.read("sys/audit") or {}) else None


# Type → the inputs that say which one it is, and the look-up.
LOOK_UPS: Mapping[str, tuple[tuple[str, ...], LookUp]] = {
    "aws:accessanalyzer/analyzer:Analyzer": (("analyzerName", "region"), _analyzer),
    "aws:cloudwatch/logGroup:LogGroup": (("name",), _log_group),
    "aws:iam/accountPasswordPolicy:AccountPasswordPolicy": ((), _password_policy),
    "aws:iam/group:Group": (("name",), _entity("group")),
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": (("group", "policyArn"), _attachment("group")),
    "aws:iam/instanceProfile:InstanceProfile": (("name",), _profile),
    "aws:iam/policy:Policy": (("name",), _policy),
    "aws:iam/role:Role": (("name",), _entity("role")),
    "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive": (("roleName",), _inline_policies),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (("role", "policyArn"), _attachment("role")),
    "aws:iam/user:User": (("name",), _entity("user")),
    "aws:iam/userGroupMembership:UserGroupMembership": (("user", "groups"), _membership),
    "aws:iam/userLoginProfile:UserLoginProfile": (("user",), _login),
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": (("user", "policyArn"), _attachment("user")),
    "aws:ssm/document:Document": (("name", "documentType"), _document),
    "vault:appRole/authBackendRole:AuthBackendRole": (("backend", "roleName"), _vault_auth_role),
    "vault:aws/secretBackend:SecretBackend": (("path",), _vault_mount),
    "vault:aws/secretBackendRole:SecretBackendRole": (("backend", "name"), _vault_role),
    "vault:identity/entity:Entity": (("name",), _vault_entity),
    "vault:identity/entityAlias:EntityAlias": (
        ("name", "mountAccessor", "canonicalId"),
        _vault_entity_alias,
    ),
    "vault:index/audit:Audit": (("path",), _vault_audit),
    "vault:index/authBackend:AuthBackend": (("path", "type"), _vault_auth(None)),
    "vault:jwt/authBackend:AuthBackend": (("path",), _vault_auth("jwt")),
    "vault:jwt/authBackendRole:AuthBackendRole": (("backend", "roleName"), _vault_auth_role),
    "vault:index/policy:Policy": (("name",), _vault_policy),
}
