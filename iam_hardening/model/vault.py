"""What Vault is to hold for one account: the secrets engine, its roles, their policies, auth methods, a log.

Components make it, `verify` compares a Vault with it. Durations are in seconds; names of fields are those of
Vault's API where they are handed to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.aws.policies import vault as vault_policies
from iam_hardening.aws.policies.documents import Document
from iam_hardening.config import Account, Vault, VaultLogin, VaultRole, oidc_scopes


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The mount of the AWS secrets engine, and how it reaches the account. Endpoints None: AWS's own."""

    path: str
    description: str
    default_lease_seconds: int
    max_lease_seconds: int
    region: str
    iam_endpoint: str | None
    sts_endpoint: str | None
    # Whose access key it holds; None: it has none, and acts as the role that Vault runs on.
    user_of_key: str | None
    username_template: str = naming.VAULT_USERNAME_TEMPLATE
    in_the_clear: tuple[str, ...] = naming.VAULT_AUDITED_IN_THE_CLEAR


@dataclass(frozen=True, kw_only=True)
class EngineRole:
    """One kind of credentials. Those of an `iam_user` have the first block, of an `assumed_role` the second.

    `managed_policies` and `statements` are what the credentials may do: Vault gives them to the user that it
    makes; of sessions the IAM role `iam_role` has them.
    """

    name: str
    credential_type: str
    managed_policies: tuple[str, ...]
    statements: tuple[Mapping[str, Any], ...]
    debugs_instance: bool
    # Of users.
    user_path: str | None = None
    boundary: str | None = None
    iam_groups: tuple[str, ...] = ()
    iam_tags: Mapping[str, str] = field(default_factory=dict)
    # Of sessions.
    iam_role: str | None = None
    session_seconds: int = 0
    external_id: str | None = None
    session_tags: Mapping[str, str] = field(default_factory=dict)
    # The Vault policy whose token may read these credentials.
    policy: str
    policy_text: str

    @property
    def is_session(self) -> bool:
        return self.iam_role is not None

    @property
    def max_session_seconds(self) -> int:
        """Of the IAM role."""
        return max(self.session_seconds, naming.SHORTEST_MAX_SESSION_SECONDS)

    @property
    def has_document(self) -> bool:
        return bool(self.statements) or self.debugs_instance

    def document(self, instance_arn: str | None) -> Document | None:
        """What its own statements allow, and debugging the stack's instance where it is for that; None:
        nothing. `instance_arn`: only AWS knows the instance's ID."""
        statements = [dict(statement) for statement in self.statements]
        if self.debugs_instance and instance_arn:
            statements += roles_policies.debug_instance(instance_arn)
        return roles_policies.configured(statements) if statements else None


@dataclass(frozen=True, kw_only=True)
class AuthMethod:
    """A way to log in. `token_seconds`: the mount's own TTLs; None: Vault's. `role` is the
    fields of `auth/PATH/role/PATH`; empty: there is none. `config` are those of `auth/PATH/config`: who signs
    the tokens, or which directory knows the people; empty: set by hand. `is_configured_by_hand`: the program
    does not write them, as a secret belongs to them. `entities`: user name → the entity that holds
    `policies`. `groups` of a directory hold them."""

    path: str
    type: str
    description: str
    token_seconds: int | None
    policies: tuple[str, ...]
    role: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    is_configured_by_hand: bool = False
    entities: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AuditDevice:
    path: str
    type: str
    options: Mapping[str, str]


def engine(account: Account, vault: Vault) -> Engine:
    return Engine(
        path=vault.mount,
        description=f"Just-in-time credentials for the AWS account {account.account_id}",
        default_lease_seconds=vault.default_lease_ttl,
        max_lease_seconds=vault.max_lease_ttl,
        region=account.region,
        iam_endpoint=vault.iam_endpoint,
        sts_endpoint=vault.sts_endpoint,
        user_of_key=None if vault.runs_on_role else vault.principal_name,
    )


def engine_roles(account: Account, vault: Vault) -> dict[str, EngineRole]:
    return {name: engine_role(account, vault, name, role) for name, role in vault.roles.items()}


def engine_role(account: Account, vault: Vault, name: str, role: VaultRole) -> EngineRole:
    of_kind: dict[str, Any] = (
        {
            "iam_role": naming.vault_aws_role_name(vault.mount, name),
            "session_seconds": vault.session_seconds(role),
            "external_id": role.external_id,
            "session_tags": role.session_tags,
        }
        if role.is_session
        else {
            "user_path": naming.VAULT_USER_PATH,
            "boundary": naming.VAULT_BOUNDARY_POLICY,
            "iam_groups": tuple(role.groups),
            "iam_tags": naming.vault_role_tags(account.tags, name),
        }
    )
    return EngineRole(
        name=name,
        credential_type=role.credential_type,
        managed_policies=tuple(role.managed_policies),
        statements=tuple(statement.document() for statement in role.statements),
        debugs_instance=role.debug_instance,
        policy=naming.vault_policy_name(vault.mount, name),
        policy_text=vault_policies.vault_read_credentials(vault.mount, name),
        **of_kind,
    )


def auth_methods(vault: Vault) -> dict[str, AuthMethod]:
    return {name: auth_method(vault, name, login) for name, login in vault.logins.items()}


def auth_method(vault: Vault, name: str, login: VaultLogin) -> AuthMethod:
    """Its name is the mount's path and its role's name there."""
    seconds = config.token_seconds(vault, login)
    policies = tuple(naming.vault_policy_name(vault.mount, role) for role in login.roles)
    by_jobs = login.method in ("github", "jwt")
    tokens = {"token_policies": list(policies), "token_ttl": seconds, "token_max_ttl": seconds}
    role = _login_role(login)
    return AuthMethod(
        path=name,
        type="jwt" if by_jobs else login.method,
        description=(
            f"Log-in{' of GitHub Actions' if login.method == 'github' else ''} for just-in-time credentials"
        ),
        # Of a directory they are in its configuration.
        token_seconds=None if by_jobs or login.method == "ldap" else seconds,
        policies=policies,
        # What a person holds is on their entity or group: who sets the password cannot widen it by that.
        role={**role, **tokens} if role else {},
        config={key: value for key, value in _login_config(login, seconds).items() if value},
        is_configured_by_hand=login.method == "oidc",
        entities={user: naming.vault_entity_name(name, user) for user in login.users},
        groups=tuple(login.groups),
    )


def _login_role(login: VaultLogin) -> dict[str, Any]:
    """The fields of Vault's role that say who gets in; empty for methods without roles."""
    if login.method == "approle":
        # Vault writes the block of one address as the address.
        hosts = [cidr.removesuffix("/128" if ":" in cidr else "/32") for cidr in login.cidrs]
        addresses = {"secret_id_bound_cidrs": login.cidrs, "token_bound_cidrs": hosts}
        return {
            "secret_id_ttl": naming.VAULT_SECRET_ID_SECONDS,
            "secret_id_num_uses": 1,
            **(addresses if login.cidrs else {}),
        }
    if login.method == "oidc":
        scopes = oidc_scopes.scopes(login)
        return {
            "role_type": "oidc",
            "allowed_redirect_uris": login.redirect_uris,
            **_user_claim_of(login),
            **({"oidc_scopes": scopes} if scopes else {}),
            **_bound_claims(login),
        }
    if login.method == "github":
        return {
            "role_type": "jwt",
            # Who set the job off: Vault names issued users after them.
            "user_claim": "actor",
            "bound_audiences": [login.audience or ""],
            "bound_subject": login.subject,
        }
    if login.method == "jwt":
        return {
            "role_type": "jwt",
            **_user_claim_of(login),
            "bound_audiences": [login.audience or ""],
            **({"bound_subject": login.subject} if login.subject else {}),
            **(_bound_claims(login) if login.bound_claims else {}),
        }
    return {}


def _user_claim_of(login: VaultLogin) -> dict[str, Any]:
    """A claim inside another is named by a JSON pointer (RFC 6901), which Vault has to know for this
    one."""
    name = login.user_claim_name
    return {"user_claim": name, **({"user_claim_json_pointer": True} if name.startswith("/") else {})}


def _bound_claims(login: VaultLogin) -> dict[str, Any]:
    """As Vault keeps them: one value as text, several as a list."""
    return {
        "bound_claims": {
            claim: values[0] if len(values) == 1 else values for claim, values in login.bound_claims.items()
        },
        "bound_claims_type": "string",
    }


def _login_config(login: VaultLogin, seconds: int) -> dict[str, Any]:
    if login.method == "github":
        return {"bound_issuer": naming.GITHUB_ISSUER, "oidc_discovery_url": naming.GITHUB_ISSUER}
    if login.method == "jwt":
        by_discovery = not login.jwks_url
        return {
            "bound_issuer": login.issuer,
            "oidc_discovery_url": (login.discovery_url or login.issuer) if by_discovery else None,
            "jwks_url": login.jwks_url,
            "oidc_discovery_ca_pem" if by_discovery else "jwks_ca_pem": login.ca_certificate,
        }
    if login.method == "oidc":
        return {
            "oidc_discovery_url": login.discovery_url,
            "oidc_client_id": login.client_id,
            "oidc_discovery_ca_pem": login.ca_certificate,
        }
    if login.method == "ldap":
        return {
            "url": login.url,
            "starttls": login.start_tls,
            "userdn": login.user_dn,
            "userattr": login.user_attribute,
            "upndomain": login.upn_domain,
            "groupdn": login.group_dn,
            "groupattr": login.group_attribute,
            "groupfilter": login.group_filter,
            "certificate": login.ca_certificate,
            "token_ttl": seconds,
            "token_max_ttl": seconds,
        }
    return {}


def methods_for(vault: Vault, role: str) -> dict[str, VaultLogin]:
    """The log-ins whose tokens may read this role's credentials."""
    return {name: login for name, login in vault.logins.items() if role in login.roles}


def lease_seconds(vault: Vault, role: VaultRole) -> int:
    """How long credentials last that no one renews or ends."""
    return vault.session_seconds(role) if role.is_session else vault.default_lease_ttl


def audit_device(audit: config.VaultAudit) -> AuditDevice:
    return AuditDevice(path=audit.device, type="file", options={"file_path": audit.file, "mode": "0600"})
