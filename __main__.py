"""One stack, one account: reads its settings, builds what they ask for, exports what people need next."""

import pulumi

from components.account_defaults import AccountDefaults, AccountDefaultsArgs
from components.alarms import Alarms, AlarmsArgs
from components.cross_account import CrossAccountRole, CrossAccountRoleArgs
from components.detection import AccessAnalyzer, AccessAnalyzerArgs
from components.instance import Instance, InstanceArgs
from components.mfa import MfaEnforcement, MfaEnforcementArgs
from components.password_policy import PasswordPolicy, PasswordPolicyArgs
from components.people import PeopleGroup, PeopleGroupArgs, Person, PersonArgs
from components.preflight import check_caller, load_settings
from components.root_account import CentralRootAccess
from components.session_preferences import SessionPreferences, SessionPreferencesArgs
from components.trail import Trail, TrailArgs
from components.vault_audit import VaultAudit, VaultAuditArgs
from components.vault_aws import VaultAws, VaultAwsArgs
from components.vault_logins import VaultLogin, VaultLoginArgs
from components.vault_server import VaultServer, VaultServerArgs
from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.model import account_defaults, alarms, vault_boundary


def export(**values: object) -> None:
    for name, value in values.items():
        pulumi.export(name, value)


def build_account(stack: config.Settings) -> None:
    defaults = account_defaults.defaults(stack.regions, stack.account_defaults)
    kept = pulumi.ResourceOptions(protect=stack.protect)
    PasswordPolicy("password-policy", PasswordPolicyArgs(policy=stack.password_policy), kept)
    if stack.organization_root_access:
        CentralRootAccess("root-access")
    if defaults.changes_services:
        AccountDefaults("account-defaults", AccountDefaultsArgs(account=stack, defaults=defaults))
    if defaults.analyzers_in:
        AccessAnalyzer("access-analyzer", AccessAnalyzerArgs(account=stack, defaults=defaults))


def build_alarms(stack: config.Settings, section: config.Alarms) -> None:
    made = alarms.makes_trail(stack)
    trail = [Trail("trail", TrailArgs(account=stack, alarms=section))] if made else []
    rules = alarms.alarms(stack)
    Alarms("alarms", AlarmsArgs(account=stack, alarms=section, rules=rules, trail=trail))


def build_roles(stack: config.Settings) -> None:
    arns = {
        name: CrossAccountRole(name, CrossAccountRoleArgs(account=stack, role=role)).role_arn
        for name, role in stack.cross_account_roles.items()
    }
    export(role_arns=arns)
    if arns:
        export(role_arn=next(iter(arns.values())))


def build_people(stack: config.Settings) -> None:
    strict, password_policy = stack.strict_onboarding, stack.password_policy
    mfa = MfaEnforcement("mfa", MfaEnforcementArgs(account=stack, strict_onboarding=strict))
    groups = {
        name: PeopleGroup(name, PeopleGroupArgs(account=stack, group=group, mfa=mfa))
        for name, group in stack.groups.items()
    }
    people = {}
    for name, user in stack.users.items():
        own = [groups[group] for group in user.groups]
        args = PersonArgs(
            account=stack, user=user, groups=own, password_policy=password_policy, strict_onboarding=strict
        )
        # Replaced in one up, the only administrator would go before the next one has a device.
        kept = pulumi.ResourceOptions(protect=stack.protect and name == stack.only_administrator)
        people[name] = Person(name, args, kept)
    encrypted = {name for name, user in stack.users.items() if user.pgp_key}
    export(
        sign_in_url=naming.sign_in_url(stack.partition, stack.account_id),
        passwords={name: person.password for name, person in people.items() if name not in encrypted},
        encrypted_passwords={name: people[name].encrypted_password for name in people if name in encrypted},
    )
    if naming.ADMINISTRATOR in people.keys() - encrypted:
        export(password=people[naming.ADMINISTRATOR].password)


def build_instance(stack: config.Settings, section: config.Instance) -> Instance:
    if section.session_preferences:
        args = SessionPreferencesArgs(account=stack, preferences=section.session_preferences)
        SessionPreferences("session-preferences", args)
    instance = Instance("instance", InstanceArgs(account=stack, instance=section))
    export(
        instance_id=instance.instance_id,
        instance_role_arn=instance.role_arn,
        instance_profile_arn=instance.profile_arn,
    )
    return instance


def build_vault_server(stack: config.Settings, section: config.VaultServer) -> VaultServer:
    server = VaultServer("vault-server", VaultServerArgs(account=stack, server=section))
    export(
        vault_server_configuration=server.configuration,
        vault_server_profile=server.profile_name,
        vault_server_role_arn=server.role_arn,
        vault_server_table_arn=server.table_arn,
        vault_server_key_arn=server.key_arn,
    )
    return server


def build_vault(
    stack: config.Settings, section: config.Vault, instance: Instance | None, server: VaultServer | None
) -> None:
    if section.audit:
        VaultAudit("vault-audit", VaultAuditArgs(audit=section.audit))
    args = VaultAwsArgs(
        account=stack,
        vault=section,
        boundary=vault_boundary.boundary(stack, section),
        server_role_arn=server.role_arn if server and stack.own_role_of_vault else None,
        instance_arn=instance.instance_arn if instance else None,
    )
    engine = VaultAws("vault-aws", args)
    names = engine.policy_names
    logins = {
        name: VaultLogin(name, VaultLoginArgs(vault=section, login=login, policy_names=names)).path
        for name, login in section.logins.items()
    }
    if logins:
        export(vault_logins=logins)
    export(vault_mount=engine.mount_path, vault_principal_arn=engine.principal_arn, vault_policies=names)


def main() -> None:
    stack = load_settings()
    check_caller(stack)
    build_account(stack)
    build_roles(stack)
    if stack.alarms:
        build_alarms(stack, stack.alarms)
    server = build_vault_server(stack, stack.vault_server) if stack.vault_server else None
    if stack.is_central:
        build_people(stack)
    instance = build_instance(stack, stack.instance) if stack.instance else None
    if stack.vault:
        build_vault(stack, stack.vault, instance, server)
    export(account_id=stack.account_id)


main()
