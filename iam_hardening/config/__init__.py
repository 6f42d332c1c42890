"""A stack file, checked once and whole before anything is registered.

`load` takes what Pulumi read from `Pulumi.<stack>.yaml` and answers with frozen `Settings`, or with one
`ConfigError` that reports every mistake of the file. Nothing here talks to AWS, so what only AWS knows
(whether a managed policy or a subnet exists) shows at preview.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from iam_hardening.config import presets, provider_settings
from iam_hardening.config.account import Account
from iam_hardening.config.errors import ConfigError, ConfigErrors, Problem, nearest
from iam_hardening.config.parsing import parse, value_of
from iam_hardening.config.rules.account import administrators, check
from iam_hardening.config.rules.alarms import check_alarms
from iam_hardening.config.rules.boundary import check_boundary
from iam_hardening.config.rules.logins import check_logins, token_seconds
from iam_hardening.config.rules.policies import check_policies
from iam_hardening.config.rules.trust import check_trust
from iam_hardening.config.schema import (
    AccountDefaults,
    Alarms,
    BreakGlass,
    CrossAccountRole,
    Group,
    Instance,
    PasswordPolicy,
    Permissions,
    ProjectConfig,
    ProviderConfig,
    Quotas,
    SessionPreferences,
    Statement,
    User,
    Vault,
    VaultAudit,
    VaultLogin,
    VaultRole,
    VaultServer,
    is_administrators,
)
from iam_hardening.config.stack_file import StackFile

__all__ = [
    "Account",
    "AccountDefaults",
    "Alarms",
    "BreakGlass",
    "ConfigError",
    "ConfigErrors",
    "CrossAccountRole",
    "Group",
    "Instance",
    "PasswordPolicy",
    "Permissions",
    "Problem",
    "Quotas",
    "SessionPreferences",
    "Settings",
    "Statement",
    "User",
    "Vault",
    "VaultAudit",
    "VaultLogin",
    "VaultRole",
    "VaultServer",
    "is_administrators",
    "load",
    "token_seconds",
]

# Namespaces of Pulumi and of the two providers, which check their own keys.
_FOREIGN_NAMESPACES = ("aws", "vault", "pulumi")


@dataclass(frozen=True, kw_only=True)
class Settings(Account):
    """What one account gets. Durations are in seconds; names are as they will be in AWS.

    What the file asks for in one line (`breakGlass`, `standardRoles`) is among `groups`, `users` and
    `cross_account_roles`. `reach` are the providers' settings that say how to reach the account and its
    Vault (`aws:profile`), by their full keys; secrets may be among them. `warnings` are about what may be
    refused, by AWS and not by this program.
    """

    stack: str
    organization_root_access: bool
    password_policy: PasswordPolicy
    regions: tuple[str, ...]
    account_defaults: AccountDefaults
    quotas: Quotas
    alarms: Alarms | None
    groups: Mapping[str, Group]
    users: Mapping[str, User]
    break_glass: BreakGlass | None
    strict_onboarding: bool
    cross_account_roles: Mapping[str, CrossAccountRole]
    instance: Instance | None
    vault: Vault | None
    vault_server: VaultServer | None
    reach: Mapping[str, Any] = field(default_factory=dict, repr=False)
    warnings: tuple[Problem, ...] = ()

    @property
    def only_administrator(self) -> str | None:
        """The one person who administers the account; None where there is more than one. The break-glass user
        is there for the day when no one else can, and does not count."""
        spare = {self.break_glass.user} if self.break_glass else set()
        people = administrators(self.groups, self.users) - spare
        return next(iter(people)) if len(people) == 1 else None

    @property
    def own_role_of_vault(self) -> str | None:
        """The role that Vault's nodes run on, where this stack makes it."""
        if self.vault and self.vault_server and self.vault.runs_on_role == self.vault_server.name:
            return self.vault_server.name
        return None


def load(
    config: Mapping[str, Any], *, project: str, stack: str, secret_keys: Collection[str] = ()
) -> Settings:
    """The settings of one stack.

    `config` maps full keys (`aws:region`, `iam-hardening:users`) to values; lists and maps may be JSON text,
    as Pulumi hands them over, or already parsed. `secret_keys` are those whose value Pulumi decrypted; they
    are refused, and never shown. Raises `ConfigError` with all mistakes.
    """
    written = {key: value_of(value) for key, value in config.items()}
    parsed, own_problems, broken = parse(ProjectConfig, _below(project, written), project, secret_keys)
    # How to reach AWS is the provider's business, and may be a secret.
    meant = {key: value for key, value in written.items() if not provider_settings.is_set_aside(key)}
    provider, provider_problems, _ = parse(ProviderConfig, _below("aws", meant), "aws", secret_keys)
    file = StackFile(project=project, written=written, config=parsed, provider=provider, broken=broken)
    problems = [
        *_unknown_namespaces(written, project),
        *provider_problems,
        *own_problems,
        *check(file),
        *check_alarms(file),
        *check_trust(file),
        *check_policies(file),
        *check_logins(file),
        *check_boundary(file),
    ]
    mistakes = [problem for problem in problems if not problem.is_warning]
    if mistakes or file.account_id is None or provider.region is None or file.partition is None:
        raise ConfigError(f"Pulumi.{stack}.yaml", mistakes)
    return Settings(
        stack=stack,
        account_id=file.account_id,
        region=provider.region,
        partition=file.partition,
        is_central=parsed.account_kind == "central",
        central_account_id=parsed.central_account_id,
        tags={"ManagedBy": "pulumi", "Project": project, "Stack": stack, **parsed.tags},
        organization_root_access=parsed.organization_root_access,
        protect=parsed.protect,
        password_policy=parsed.password_policy,
        regions=tuple(parsed.regions or [provider.region]),
        account_defaults=parsed.account_defaults,
        quotas=parsed.quotas,
        alarms=parsed.alarms,
        groups={**parsed.groups, **presets.groups(parsed)},
        users={**parsed.users, **presets.users(parsed)},
        break_glass=parsed.break_glass,
        strict_onboarding=parsed.onboarding == "strict",
        cross_account_roles={**parsed.cross_account_roles, **presets.roles(parsed)},
        instance=parsed.instance,
        vault=parsed.vault,
        vault_server=parsed.vault_server,
        reach={key: value for key, value in written.items() if provider_settings.is_set_aside(key)},
        warnings=tuple(problems),
    )


def _below(namespace: str, written: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{namespace}:"
    return {key.removeprefix(prefix): value for key, value in written.items() if key.startswith(prefix)}


def _unknown_namespaces(written: Mapping[str, Any], project: str) -> list[Problem]:
    namespaces = [project, *_FOREIGN_NAMESPACES]
    return [
        Problem(key, f"unknown namespace; {nearest(key.split(':')[0], namespaces)}")
        for key in written
        if key.split(":")[0] not in namespaces
    ]
