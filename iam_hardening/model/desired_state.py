"""Everything that one account, and Vault for it, are to hold: derived once, from the settings alone.

Components make it; `verify` compares an account with it, `adopt` and `doctor` rely on parts of it.
`tests/program/test_desired_state.py` proves, for each stack variant, that the program makes just this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iam_hardening.aws.event_patterns import Alarm
from iam_hardening.aws.policies.documents import Document
from iam_hardening.config import Settings
from iam_hardening.model import account_defaults, alarms, identities, policies, vault
from iam_hardening.model.account_defaults import Defaults
from iam_hardening.model.identities import Identity


@dataclass(frozen=True, kw_only=True)
class DesiredState:
    """`policies`: the account's own managed policies by name. `engine` None: no Vault. `shell_preferences`:
    Session Manager's document."""

    identities: tuple[Identity, ...]
    policies: Mapping[str, Document]
    password_policy: Mapping[str, Any]
    defaults: Defaults
    root_features: tuple[str, ...]
    alarms: Mapping[str, Alarm]
    # Region → who is mailed there.
    alarm_recipients: Mapping[str, str]
    makes_trail: bool
    shell_preferences: Mapping[str, Any] | None
    # Log group → days that what was typed in shells is kept.
    shell_logs: Mapping[str, int]
    engine: vault.Engine | None
    engine_roles: Mapping[str, vault.EngineRole]
    auth_methods: Mapping[str, vault.AuthMethod]
    audit_device: vault.AuditDevice | None


def of(settings: Settings, instance_arn: str | None = None) -> DesiredState:
    """`instance_arn`: of the stack's instance, of which the settings do not know the ID."""
    section, preferences = settings.vault, settings.instance and settings.instance.session_preferences
    return DesiredState(
        identities=tuple(identities.identities(settings)),
        policies=policies.documents(settings, instance_arn),
        password_policy=settings.password_policy.values(),
        defaults=account_defaults.defaults(settings.regions, settings.account_defaults),
        root_features=account_defaults.root_features(settings),
        alarms=alarms.alarms(settings),
        alarm_recipients=alarms.recipients(settings),
        makes_trail=alarms.makes_trail(settings),
        shell_preferences=preferences.document() if preferences else None,
        shell_logs={preferences.log_group: preferences.log_retention_days} if preferences else {},
        engine=vault.engine(settings, section) if section else None,
        engine_roles=vault.engine_roles(settings, section) if section else {},
        auth_methods=vault.auth_methods(section) if section else {},
        audit_device=vault.audit_device(section.audit) if section and section.audit else None,
    )
