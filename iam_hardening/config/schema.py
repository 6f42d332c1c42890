"""What a stack file may hold: one frozen model per section, keys in camelCase as Pulumi's are.

The defaults are what a new account should get. Checks that need only one value are in `fields.py`, checks
between values in `checks.py`.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticKnownError

from iam_hardening.aws import quotas
from iam_hardening.aws.naming import ADMINISTRATOR_ACCESS, SESSION_LOG_GROUP, role_arn, user_arn
from iam_hardening.aws.policies.documents import Document
from iam_hardening.aws.policies.roles import configured
from iam_hardening.config.values import (
    AbsolutePath,
    AccountId,
    Action,
    Audience,
    BucketName,
    CaCertificates,
    Cidr,
    ClaimName,
    ClaimValues,
    ConditionKey,
    ConditionOperator,
    ConditionValue,
    DirectoryGroup,
    EmailAddress,
    ExternalId,
    GroupName,
    HttpsAddress,
    HttpsUrl,
    ImageName,
    InstanceName,
    InstanceType,
    LdapUrl,
    LogGroupName,
    LogRetentionDays,
    ManagedPolicy,
    MfaAgeSeconds,
    MountPath,
    OidcScope,
    OsUser,
    PgpKey,
    PlainText,
    PolicyName,
    PrincipalArn,
    ProfileName,
    Region,
    Resource,
    RoleArn,
    RoleName,
    RoleSessionSeconds,
    Seconds,
    SecurityGroupId,
    ShellIdleSeconds,
    ShellSeconds,
    Sid,
    SubnetId,
    TableName,
    TagKey,
    TagValue,
    TopLevelBoolean,
    TrailArn,
    Url,
    UserName,
    UserPath,
    VaultLoginName,
    VaultRoleName,
    VaultServerName,
    VaultUserName,
    refuse,
)


class Section(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)


# AWS's quota; it cannot be raised.
_GROUPS_PER_USER = 10
# AWS's quota on one network interface; it can be raised to 16, for fewer rules in each.
_SECURITY_GROUPS_PER_INTERFACE = 16


# The default of a list that has to be there unless its opposite is; no YAML is a tuple.
_LEFT_OUT: Any = ()


class Statement(Section):
    """One statement of a policy that the stack file spells out.

    One of `actions` and `not_actions` is empty, and one of `resources` and `not_resources`. Only a Deny has
    those with `not`: all but these.

    Source: IAM User Guide, "IAM JSON policy elements: NotAction", "IAM JSON policy elements: NotResource".
    """

    sid: Sid
    effect: Literal["Allow", "Deny"] = "Allow"
    # Before their opposites, whose validator looks at them.
    not_actions: Annotated[list[Action], Field(min_length=1)] = []
    not_resources: Annotated[list[Resource], Field(min_length=1)] = []
    actions: Annotated[list[Action], Field(min_length=1)] = Field(default=_LEFT_OUT, validate_default=True)
    resources: Annotated[list[Resource], Field(min_length=1)] = Field(
        default=_LEFT_OUT, validate_default=True
    )
    conditions: dict[
        ConditionOperator, Annotated[dict[ConditionKey, ConditionValue], Field(min_length=1)]
    ] = {}

    @field_validator("not_actions", "not_resources")
    @classmethod
    def _of_a_deny(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if info.data.get("effect") == "Allow":
            plain = _opposite(info)
            raise refuse(
                f"is for effect: Deny; an Allow of all but some {plain} would also allow what AWS adds "
                f"tomorrow. List under {plain} what is to be allowed"
            )
        if "*" in value:
            raise refuse('excepts everything with "*": the statement would deny nothing')
        return value

    @field_validator("actions", "resources", mode="wrap")
    @classmethod
    def _one_of_the_two(
        cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> list[str]:
        opposite = _opposite(info)
        if value is not _LEFT_OUT:
            listed: list[str] = handler(value)
            if info.data.get(opposite):
                raise refuse(f"does not go with {to_camel(opposite)}; a statement has one of the two")
            return listed
        # Not there at all: it has a mistake, which is reported.
        if info.data.get(opposite, True):
            return []
        raise PydanticKnownError("missing")

    def document(self) -> dict[str, Any]:
        """As IAM writes it."""
        statement: dict[str, Any] = {"Sid": self.sid, "Effect": self.effect}
        statement |= {"NotAction": self.not_actions} if self.not_actions else {"Action": self.actions}
        statement |= (
            {"NotResource": self.not_resources} if self.not_resources else {"Resource": self.resources}
        )
        if self.conditions:
            statement["Condition"] = self.conditions
        return statement


def _opposite(info: ValidationInfo) -> str:
    name = str(info.field_name)
    return name.removeprefix("not_") if name.startswith("not_") else f"not_{name}"


class Permissions(Section):
    """What a group or a role may do: managed policies by name or ARN, and customer-managed ones made here."""

    managed_policies: list[ManagedPolicy] = []
    policies: dict[PolicyName, Annotated[list[Statement], Field(min_length=1)]] = {}

    def documents(self) -> dict[str, Document]:
        """The configured policies, as IAM writes them."""
        return {
            name: configured([statement.document() for statement in statements])
            for name, statements in self.policies.items()
        }


def is_administrators(group: Permissions) -> bool:
    """Whether a group holds AWS's own AdministratorAccess, by name or by ARN."""
    return any(
        policy == ADMINISTRATOR_ACCESS or policy.endswith(f":iam::aws:policy/{ADMINISTRATOR_ACCESS}")
        for policy in group.managed_policies
    )


_ALL_CHARACTER_CLASSES: dict[str, int | bool] = {
    "require_uppercase_characters": True,
    "require_lowercase_characters": True,
    "require_numbers": True,
    "require_symbols": True,
    "allow_users_to_change_password": True,
}
_PASSWORD_PRESETS: dict[str, dict[str, int | bool]] = {
    # CIS AWS Foundations: length 14 and reuse 24. It no longer asks for expiry, which makes passwords worse.
    "cis": {
        **_ALL_CHARACTER_CLASSES,
        "minimum_password_length": 14,
        "max_password_age": 0,
        "password_reuse_prevention": 24,
    },
    # The tutorial, section 4.
    "tutorial": {
        **_ALL_CHARACTER_CLASSES,
        "minimum_password_length": 10,
        "max_password_age": 90,
        "password_reuse_prevention": 3,
    },
}


class PasswordPolicy(Section):
    """A preset, and what differs from it. Fields and limits are those of IAM's UpdateAccountPasswordPolicy.

    Zero days of `maxPasswordAge` means that passwords do not expire; zero `passwordReusePrevention` that any
    old password may come back.
    """

    preset: Literal["cis", "tutorial"] = "cis"
    minimum_password_length: Annotated[int, Field(ge=6, le=128)] | None = None
    require_uppercase_characters: bool | None = None
    require_lowercase_characters: bool | None = None
    require_numbers: bool | None = None
    require_symbols: bool | None = None
    allow_users_to_change_password: bool | None = None
    max_password_age: Annotated[int, Field(ge=0, le=1095)] | None = None
    password_reuse_prevention: Annotated[int, Field(ge=0, le=24)] | None = None

    def values(self) -> dict[str, Any]:
        """Every field, the preset's value where the stack file gives none."""
        own = self.model_dump(exclude={"preset"}, exclude_none=True)
        return {**_PASSWORD_PRESETS[self.preset], **own}


class Group(Permissions):
    """People who do the same job. `mayAssume` lists roles in workload accounts, as whole ARNs."""

    may_assume: list[RoleArn] = []
    enforce_mfa: bool = True


class BreakGlassGroup(Group):
    """The group that `breakGlass` stands for; a stack file cannot write it."""


class User(Section):
    """A person with a console login. With `pgpKey` the initial password exists only encrypted to that key."""

    groups: Annotated[list[GroupName], Field(min_length=1, max_length=_GROUPS_PER_USER)]
    path: UserPath = "/"
    pgp_key: PgpKey | None = None


class BreakGlass(Section):
    """The administrator of last resort, in its own group (docs/break-glass.md)."""

    user: UserName = "break-glass"
    pgp_key: PgpKey | None = None


class CrossAccountRole(Permissions):
    """A role that people of the central account assume, or a service in a third party's account.

    `principals` narrows it to some users and roles of that account. A third party's service has no MFA
    device: its role asks for the agreed `externalId` instead. `denySecrets` keeps from it what a reading
    policy such as SecurityAudit shows of secrets.
    """

    require_mfa: bool = True
    mfa_max_age: MfaAgeSeconds | None = None
    principals: list[PrincipalArn] = []
    session_name_is_user_name: bool = False
    max_session_duration: RoleSessionSeconds = 3600
    permissions_boundary: ManagedPolicy | None = None
    trusted_account_id: AccountId | None = None
    external_id: ExternalId | None = None
    deny_secrets: bool = False

    @property
    def is_for_third_party(self) -> bool:
        return self.trusted_account_id is not None

    @property
    def asks_for_mfa(self) -> bool:
        return self.require_mfa and not self.is_for_third_party


class SessionPreferences(Section):
    """How shells of Session Manager are, in the whole account and region: one document holds it for all.

    `runAs`: the user of the instance that a shell runs as; None: `ssm-user`, which the agent makes, with
    sudo. Every shell is written down in the log group while it goes on.

    Source: Systems Manager User Guide, "Session document schema", "Create Session Manager preferences".
    """

    idle_timeout: ShellIdleSeconds = 20 * 60
    max_duration: ShellSeconds = 60 * 60
    run_as: OsUser | None = None
    log_group: LogGroupName = SESSION_LOG_GROUP
    log_retention_days: LogRetentionDays = 365

    def document(self) -> dict[str, Any]:
        """As Systems Manager writes it: durations are minutes as text; empty is off.

        Encryption asks whether log group and bucket have their own KMS key, and refuses shells if not:
        this group has CloudWatch's encryption.
        """
        return {
            "schemaVersion": "1.0",
            "description": "Preferences of Session Manager in this account and region; managed by Pulumi",
            "sessionType": "Standard_Stream",
            "inputs": {
                "s3BucketName": "",
                "s3KeyPrefix": "",
                "s3EncryptionEnabled": False,
                "cloudWatchLogGroupName": self.log_group,
                "cloudWatchEncryptionEnabled": False,
                "cloudWatchStreamingEnabled": True,
                "kmsKeyId": "",
                "runAsEnabled": self.run_as is not None,
                "runAsDefaultUser": self.run_as or "",
                "idleSessionTimeout": str(self.idle_timeout // 60),
                "maxSessionDuration": str(self.max_duration // 60),
            },
        }


class Instance(Permissions):
    """One EC2 instance that gets its permissions from an instance profile.

    `sessionManager` lets the SSM agent on it register, for a shell without SSH. `sessionPreferences` are set
    for every shell of the account's region, not for this instance alone.
    """

    name: InstanceName = "HelloWorld"
    role_name: RoleName = "test_instance_role"
    profile_name: ProfileName = "test_profile"
    instance_type: InstanceType = "t3.micro"
    # Ubuntu 26.04 LTS. The newest match is taken when the instance is first made.
    image_name: ImageName = "ubuntu/images/hvm-ssd-gp3/ubuntu-resolute-26.04-amd64-server-*"
    image_owner: AccountId | None = None
    subnet_id: SubnetId | None = None
    security_group_ids: Annotated[
        list[SecurityGroupId], Field(max_length=_SECURITY_GROUPS_PER_INTERFACE)
    ] = []
    session_manager: bool = False
    session_preferences: SessionPreferences | None = None


class VaultRole(Section):
    """One kind of short-lived access. `debugInstance` adds what debugging this stack's instance needs."""

    credential_type: Literal["iam_user", "assumed_role"] = "iam_user"
    # Of assumed_role only; None: the mount's defaultLeaseTtl.
    ttl: Seconds | None = None
    external_id: ExternalId | None = None
    session_tags: dict[TagKey, TagValue] = {}
    # Of iam_user only: IAM groups that are in the account already.
    groups: Annotated[list[GroupName], Field(max_length=_GROUPS_PER_USER)] = []
    managed_policies: list[ManagedPolicy] = []
    statements: list[Statement] = []
    debug_instance: bool = False

    @property
    def is_session(self) -> bool:
        """Whether its credentials are a session of an IAM role, and not a user that Vault makes."""
        return self.credential_type == "assumed_role"


class VaultLogin(Section):
    """One way to log in to Vault for these `roles`. Its name is the auth method's mount and its role there.

    `tokenTtl` left out is a little more than the longest lease that the roles give. Which of the other keys
    there have to be depends on the method (`config/rules/logins.py`). A bound claim has one of its values.
    """

    method: Literal["userpass", "oidc", "approle", "github", "jwt", "ldap"]
    roles: Annotated[list[VaultRoleName], Field(min_length=1)]
    token_ttl: Seconds | None = None
    users: list[VaultUserName] = []
    subject: PlainText | None = None
    immutable_subject: bool = True
    audience: Audience | None = None
    redirect_uris: list[Url] = []
    bound_claims: dict[ClaimName, ClaimValues] = {}
    user_claim: ClaimName | None = None
    # Of oidc and jwt: who signs the tokens, and where Vault finds its keys.
    scopes: list[OidcScope] | None = None
    issuer: HttpsUrl | None = None
    discovery_url: HttpsUrl | None = None
    jwks_url: HttpsUrl | None = None
    client_id: PlainText | None = None
    # Of oidc, jwt and ldap: the authority of that server's certificate; None: one that Vault's machine
    # trusts.
    ca_certificate: CaCertificates | None = None
    # Of approle: the addresses from which it may log in, and use the token.
    cidrs: list[Cidr] = []
    # Of ldap.
    url: LdapUrl | None = None
    start_tls: bool = False
    user_dn: PlainText | None = None
    user_attribute: PlainText = "cn"
    upn_domain: PlainText | None = None
    group_dn: PlainText | None = None
    group_attribute: PlainText = "cn"
    group_filter: PlainText | None = None
    groups: list[DirectoryGroup] = []

    @property
    def user_claim_name(self) -> str:
        """What Vault knows the person or the job by."""
        return self.user_claim or ("email" if self.method == "oidc" else "sub")


class VaultAudit(Section):
    """An audit device of the whole Vault: `file` is a path on Vault's own machine."""

    file: AbsolutePath
    device: MountPath = "file"


class Vault(Section):
    """Vault's AWS secrets engine for this account. A new `keyGeneration` replaces its principal's key.

    With `runsOnRole` there is no key: Vault's nodes run on that IAM role of the account. `boundaryAllows` are
    actions that the boundary of what Vault issues would refuse. `logBuckets` hold the account's logs, and
    nothing that Vault issues reaches them; the bucket of the program's own trail need not be named.
    """

    mount: MountPath = "aws"
    default_lease_ttl: Seconds = 30 * 60
    max_lease_ttl: Seconds = 60 * 60
    principal_name: UserName = "vault-secrets-engine"
    key_generation: Annotated[int, Field(ge=1)] = 1
    runs_on_role: RoleName | None = None
    iam_endpoint: Url | None = None
    sts_endpoint: Url | None = None
    audit: VaultAudit | None = None
    boundary_allows: list[Action] = []
    log_buckets: list[BucketName] = []
    roles: dict[VaultRoleName, VaultRole] = {}
    logins: dict[VaultLoginName, VaultLogin] = {}

    @property
    def issues_users(self) -> bool:
        """An engine without roles may get one that does."""
        return not self.roles or any(not role.is_session for role in self.roles.values())

    def session_seconds(self, role: VaultRole) -> int:
        """Of a role whose credentials are sessions."""
        return role.ttl or self.default_lease_ttl

    @property
    def principal(self) -> str:
        """The name of Vault's principal in this account: its own user, or the role that it runs on."""
        return self.runs_on_role or self.principal_name

    def principal_arn(self, partition: str, account_id: str) -> str:
        if self.runs_on_role:
            return role_arn(partition, account_id, self.runs_on_role)
        return user_arn(partition, account_id, "/", self.principal_name)


class VaultServer(Section):
    """What a production Vault needs of AWS (docs/vault-server.md). The program does not run Vault itself.

    The files are where HashiCorp's Linux packages look for them. `tableName` None: the section's name.
    """

    name: VaultServerName = "vault-server"
    table_name: TableName | None = None
    api_address: HttpsAddress
    tls_certificate_file: AbsolutePath = "/opt/vault/tls/tls.crt"
    tls_key_file: AbsolutePath = "/opt/vault/tls/tls.key"

    @property
    def table(self) -> str:
        """The table's name, given or not."""
        return self.table_name or self.name


class Quotas(Section):
    """What AWS has raised this account's quotas to. None: the file does not say, and AWS's default may count.

    Of managed policies on one role or user, and of a role's trust policy, in characters.
    """

    managed_policies_per_role: (
        Annotated[
            int,
            Field(ge=quotas.MANAGED_POLICIES_PER_ROLE.default, le=quotas.MANAGED_POLICIES_PER_ROLE.most),
        ]
        | None
    ) = None
    managed_policies_per_user: (
        Annotated[
            int,
            Field(ge=quotas.MANAGED_POLICIES_PER_USER.default, le=quotas.MANAGED_POLICIES_PER_USER.most),
        ]
        | None
    ) = None
    trust_policy_length: (
        Annotated[int, Field(ge=quotas.TRUST_POLICY_LENGTH.default, le=quotas.TRUST_POLICY_LENGTH.most)]
        | None
    ) = None


class AccountDefaults(Section):
    """What an account does automatically with what anyone makes in it, in each of `regions`.

    On are the two that change nothing that is there. `imdsv2` and `s3PublicAccessBlock` may stop what works
    today: software that knows only IMDSv1 on the next instance launched, and buckets that are public on
    purpose.
    """

    ebs_encryption: bool = True
    access_analyzer: bool = True
    imdsv2: bool = False
    s3_public_access_block: bool = False


class Alarms(Section):
    """E-mail about what should not happen, or rarely. `trail`: one that is there already; else it is made.

    `expectedPrincipals` change IAM as a matter of course: anyone who runs `pulumi up`. `logAdministrators`
    alone may delete or overwrite the program's trail's logs and change what keeps them, whoever runs
    `pulumi up` among them; empty: everyone that IAM allows.
    """

    email: EmailAddress
    trail: TrailArn | None = None
    expected_principals: list[PrincipalArn] = []
    log_administrators: list[PrincipalArn] = []
    root_activity: bool = True
    sign_in_without_mfa: bool = True
    iam_changes: bool = True
    break_glass_use: bool = True
    vault_users_touched: bool = True
    key_changes: bool = True


class ProjectConfig(Section):
    """All keys of the project's own namespace. Which of them an account needs depends on `accountKind`."""

    account_kind: Literal["central", "workload"] | None = None
    central_account_id: AccountId | None = None
    tags: dict[TagKey, TagValue] = {}
    # For the organisation's management account, of whichever kind it is.
    organization_root_access: TopLevelBoolean = False
    # False is the first step of removing on purpose what the program protects (docs/destroy.md).
    protect: TopLevelBoolean = True
    password_policy: PasswordPolicy = PasswordPolicy()
    regions: list[Region] = []
    account_defaults: AccountDefaults = AccountDefaults()
    quotas: Quotas = Quotas()
    alarms: Alarms | None = None
    groups: dict[GroupName, Group] = {}
    users: dict[UserName, User] = {}
    break_glass: BreakGlass | None = None
    onboarding: Literal["open", "strict"] = "open"
    standard_roles: list[Literal["support", "security-audit"]] = []
    cross_account_roles: dict[RoleName, CrossAccountRole] = {}
    instance: Instance | None = None
    vault: Vault | None = None
    vault_server: VaultServer | None = None


class DefaultTags(Section):
    """Of `aws:defaultTags`: on everything that takes tags."""

    tags: dict[str, Any] = {}


class IgnoreTags(Section):
    """Of `aws:ignoreTags`: tags of others."""

    keys: list[str] = []
    key_prefixes: list[str] = []


class ProviderConfig(Section):
    """What this program relies on in Pulumi's own AWS settings; the provider reads and checks the rest."""

    model_config = ConfigDict(extra="ignore")

    region: Region | None = None
    allowed_account_ids: list[AccountId] | None = None
    forbidden_account_ids: list[AccountId] = []
    default_tags: DefaultTags | None = None
    ignore_tags: IgnoreTags | None = None
