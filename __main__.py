"""One stack, one account: reads its settings, builds what they ask for, exports what people need next."""

from dataclasses import replace
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi.runtime import config as stack_config

from components.account_defaults import AccountDefaults, AccountDefaultsArgs
from components.alarms import Alarms, AlarmsArgs
from components.cross_account import CrossAccountRole, CrossAccountRoleArgs
from components.detection import AccessAnalyzer, AccessAnalyzerArgs
from components.instance import Instance, InstanceArgs
from components.mfa import MfaEnforcement, MfaEnforcementArgs
from components.password_policy import PasswordPolicy, PasswordPolicyArgs
from components.people import PeopleGroup, PeopleGroupArgs, Person, PersonArgs
from components.permissions import PermissionsArgs
from components.root_account import CentralRootAccess
from components.session_preferences import SessionPreferences, SessionPreferencesArgs
from components.trail import Trail, TrailArgs
from components.vault_audit import VaultAudit, VaultAuditArgs
from components.vault_aws import VaultAws, VaultAwsArgs, VaultRoleArgs
from components.vault_logins import VaultLogin, VaultLoginArgs
from components.vault_server import VaultServer, VaultServerArgs
from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies import people as people_policies
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.config import deployer, files
from iam_hardening.config.values import duration_text
from iam_hardening.model import alarms, vault_boundary


def permissions(configured: config.Permissions) -> PermissionsArgs:
    return PermissionsArgs(
        managed_policies=configured.managed_policies,
        policies={
            name: roles_policies.configured([statement.document() for statement in statements])
            for name, statements in configured.policies.items()
        },
    )


def group_permissions(account: config.Settings, name: str, group: config.Group) -> PermissionsArgs:
    given = permissions(group)
    if not (account.break_glass and name == naming.BREAK_GLASS_GROUP):
        return given
    no_keys = people_policies.no_own_access_keys(account.partition, account.account_id)
    return replace(given, policies={naming.BREAK_GLASS_POLICY: no_keys})


def role_permissions(account: config.Settings, name: str, role: config.CrossAccountRole) -> PermissionsArgs:
    given = permissions(role)
    if not role.deny_secrets:
        return given
    denial = {naming.no_secrets_policy_name(name): roles_policies.deny_secrets(account.partition)}
    return replace(given, policies={**given.policies, **denial})


def build_account_defaults(account: config.Settings) -> None:
    wanted = account.account_defaults
    if wanted.imdsv2 or wanted.ebs_encryption or wanted.s3_public_access_block:
        AccountDefaults(
            "account-defaults",
            AccountDefaultsArgs(
                account_id=account.account_id,
                regions=account.regions,
                imdsv2=wanted.imdsv2,
                ebs_encryption=wanted.ebs_encryption,
                s3_public_access_block=wanted.s3_public_access_block,
            ),
        )
    if wanted.access_analyzer:
        AccessAnalyzer("access-analyzer", AccessAnalyzerArgs(regions=account.regions, tags=account.tags))


def build_alarms(account: config.Settings, wanted: config.Alarms) -> None:
    trail = (
        []
        if wanted.trail
        else [
            Trail(
                "trail",
                TrailArgs(
                    partition=account.partition,
                    account_id=account.account_id,
                    region=account.region,
                    protect=account.protect,
                    log_administrators=wanted.log_administrators,
                    tags=account.tags,
                ),
            )
        ]
    )
    Alarms(
        "alarms",
        AlarmsArgs(
            partition=account.partition,
            account_id=account.account_id,
            email=wanted.email,
            alarms=alarms.alarms(account, wanted),
            trail=trail,
            tags=account.tags,
        ),
    )


def build_people(account: config.Settings) -> None:
    mfa = MfaEnforcement(
        "mfa",
        MfaEnforcementArgs(
            partition=account.partition,
            account_id=account.account_id,
            strict_onboarding=account.strict_onboarding,
            tags=account.tags,
        ),
    )
    groups = {
        name: PeopleGroup(
            name,
            PeopleGroupArgs(
                permissions=group_permissions(account, name, group),
                mfa=mfa if group.enforce_mfa else None,
                is_administrators=config.is_administrators(group),
                may_assume_role_arns=group.may_assume,
                protect=account.protect and config.is_administrators(group),
                tags=account.tags,
            ),
        )
        for name, group in account.groups.items()
    }
    people = {
        name: Person(
            name,
            PersonArgs(
                path=user.path,
                group_names=[groups[group].group_name for group in user.groups],
                groups=[groups[group] for group in user.groups],
                minimum_password_length=int(account.password_policy.values()["minimum_password_length"]),
                pgp_key=user.pgp_key,
                strict_onboarding=account.strict_onboarding,
                tags=account.tags,
            ),
            # Replaced in one up, the only administrator would go before the next one has a device.
            pulumi.ResourceOptions(protect=account.protect and name == account.only_administrator),
        )
        for name, user in account.users.items()
    }
    pulumi.export("sign_in_url", naming.sign_in_url(account.partition, account.account_id))
    encrypted = {name for name, user in account.users.items() if user.pgp_key}
    if naming.ADMINISTRATOR in people.keys() - encrypted:
        pulumi.export("password", people[naming.ADMINISTRATOR].password)
    pulumi.export("passwords", {n: person.password for n, person in people.items() if n not in encrypted})
    pulumi.export(
        "encrypted_passwords", {name: people[name].encrypted_password for name in people if name in encrypted}
    )


def build_roles(account: config.Settings) -> None:
    roles = {
        name: CrossAccountRole(
            name,
            CrossAccountRoleArgs(
                trust=role.trust(account.partition, account.trusted_account_id or ""),
                assumed_by=(
                    f"a third party, account {role.trusted_account_id}"
                    if role.is_for_third_party
                    else "people of the central account"
                ),
                max_session_seconds=role.max_session_duration,
                permissions_boundary=role.permissions_boundary,
                permissions=role_permissions(account, name, role),
                tags=account.tags,
            ),
        )
        for name, role in account.cross_account_roles.items()
    }
    pulumi.export("role_arns", {name: role.role_arn for name, role in roles.items()})
    if roles:
        pulumi.export("role_arn", next(iter(roles.values())).role_arn)


def build_workload(account: config.Settings, server: VaultServer | None) -> None:
    instance = build_instance(account, account.instance) if account.instance else None
    if account.vault:
        build_vault(account, account.vault, instance, server)


def build_instance(account: config.Settings, configured: config.Instance) -> Instance:
    preferences = configured.session_preferences
    if preferences:
        SessionPreferences(
            "session-preferences",
            SessionPreferencesArgs(
                document=preferences.document(),
                log_group=preferences.log_group,
                retention_days=preferences.log_retention_days,
                protect=account.protect,
                tags=account.tags,
            ),
        )
    instance = Instance(
        "instance",
        InstanceArgs(
            partition=account.partition,
            instance_name=configured.name,
            role_name=configured.role_name,
            profile_name=configured.profile_name,
            instance_type=configured.instance_type,
            image_name=configured.image_name,
            image_owner=configured.image_owner or naming.CANONICAL_OWNER_ID[account.partition],
            subnet_id=configured.subnet_id,
            security_group_ids=configured.security_group_ids,
            session_manager=configured.session_manager,
            session_log_group_arn=naming.log_group_arn(
                account.partition, account.region, account.account_id, preferences.log_group
            )
            if preferences
            else None,
            permissions=permissions(configured),
            tags=account.tags,
        ),
    )
    pulumi.export("instance_id", instance.instance_id)
    pulumi.export("instance_role_arn", instance.role_arn)
    pulumi.export("instance_profile_arn", instance.profile_arn)
    return instance


def role_that_vault_runs_on(
    account: config.Settings, vault: config.Vault, server: VaultServer | None
) -> pulumi.Input[str] | None:
    """Its ARN: of a role that this stack makes, so that it is there first, or of one that the account has."""
    if vault.runs_on_role is None:
        return None
    if server and account.vault_server and vault.runs_on_role == account.vault_server.name:
        return server.role_arn
    return vault.principal_arn(account.partition, account.account_id)


def build_vault(
    account: config.Settings,
    configured: config.Vault,
    instance: Instance | None,
    server: VaultServer | None,
) -> None:
    def role_args(role: config.VaultRole) -> VaultRoleArgs:
        statements = [statement.document() for statement in role.statements]
        assumed = role.credential_type == "assumed_role"
        session_seconds = (role.ttl or configured.default_lease_ttl) if assumed else None
        given = VaultRoleArgs(
            session_seconds=session_seconds,
            external_id=role.external_id,
            session_tags=role.session_tags,
            groups=role.groups,
            managed_policies=role.managed_policies,
            statements=statements,
            has_statements=bool(statements),
        )
        if not (role.debug_instance and instance):
            return given
        debugging = instance.instance_arn.apply(
            lambda arn: [*statements, *roles_policies.debug_instance(arn)]
        )
        return replace(given, statements=debugging, has_statements=True)

    if configured.audit:
        VaultAudit("vault-audit", VaultAuditArgs(file=configured.audit.file, device=configured.audit.device))
    engine = VaultAws(
        "vault-aws",
        VaultAwsArgs(
            partition=account.partition,
            account_id=account.account_id,
            region=account.region,
            mount=configured.mount,
            default_lease_ttl_seconds=configured.default_lease_ttl,
            max_lease_ttl_seconds=configured.max_lease_ttl,
            principal_name=configured.principal_name,
            key_generation=configured.key_generation,
            runs_on_role_arn=role_that_vault_runs_on(account, configured, server),
            iam_endpoint=configured.iam_endpoint,
            sts_endpoint=configured.sts_endpoint,
            boundary=vault_boundary.boundary(account, configured),
            roles={name: role_args(role) for name, role in configured.roles.items()},
            tags=account.tags,
        ),
    )
    logins = {name: build_login(name, configured, engine) for name in configured.logins}
    if logins:
        pulumi.export("vault_logins", {name: login.path for name, login in logins.items()})
    pulumi.export("vault_mount", engine.mount_path)
    pulumi.export("vault_principal_arn", engine.principal_arn)
    pulumi.export("vault_policies", engine.policy_names)


def build_vault_server(account: config.Settings, configured: config.VaultServer) -> VaultServer:
    server = VaultServer(
        "vault-server",
        VaultServerArgs(
            partition=account.partition,
            account_id=account.account_id,
            region=account.region,
            name=configured.name,
            table_name=configured.table,
            api_address=configured.api_address,
            tls_certificate_file=configured.tls_certificate_file,
            tls_key_file=configured.tls_key_file,
            protect=account.protect,
            tags=account.tags,
        ),
    )
    pulumi.export("vault_server_configuration", server.configuration)
    pulumi.export("vault_server_profile", server.profile_name)
    pulumi.export("vault_server_role_arn", server.role_arn)
    pulumi.export("vault_server_table_arn", server.table_arn)
    pulumi.export("vault_server_key_arn", server.key_arn)
    return server


def build_login(name: str, vault: config.Vault, engine: VaultAws) -> VaultLogin:
    login = vault.logins[name]
    token_seconds = config.token_seconds(vault, login)

    def of_roles(policy_names: dict[str, str]) -> list[str]:
        return [policy_names[role] for role in login.roles]

    return VaultLogin(
        name,
        VaultLoginArgs(
            method=login.method,
            policy_names=engine.policy_names.apply(of_roles),
            token_seconds=token_seconds,
            token_ttl=duration_text(token_seconds),
            users=login.users,
            subject=login.subject,
            audience=login.audience,
            redirect_uris=login.redirect_uris,
            bound_claims=login.bound_claims,
            user_claim=login.user_claim,
        ),
    )


def check_caller(account: config.Settings) -> None:
    """Before the first resource: refuses an up that could not end. A preview changes nothing, and may be made
    by somebody who only reads. Raises pulumi.RunError."""
    if account.alarms is None or not account.alarms.log_administrators:
        return
    problem = deployer.problem(account, aws.get_caller_identity().arn)
    if problem and pulumi.runtime.is_dry_run():
        pulumi.log.warn(problem)
    elif problem:
        raise pulumi.RunError(problem)


def main() -> None:
    # Pulumi's Config answers for one key only; unknown keys can be refused only by seeing all of them.
    written = {**stack_config.get_config_env(), **stack_config.CONFIG.get()}
    try:
        if root := pulumi.runtime.settings.SETTINGS.root_directory:
            files.check_stack_file(Path(root), pulumi.get_stack())
        account = config.load(
            written,
            project=pulumi.get_project(),
            stack=pulumi.get_stack(),
            secret_keys=[key for key in written if stack_config.is_config_secret(key)],
        )
    except config.ConfigError as error:
        raise pulumi.RunError(str(error)) from None
    check_caller(account)
    PasswordPolicy(
        "password-policy",
        PasswordPolicyArgs(**account.password_policy.values()),
        pulumi.ResourceOptions(protect=account.protect),
    )
    if account.organization_root_access:
        CentralRootAccess("root-access")
    build_roles(account)
    build_account_defaults(account)
    if account.alarms:
        build_alarms(account, account.alarms)
    server = build_vault_server(account, account.vault_server) if account.vault_server else None
    if account.is_central:
        build_people(account)
    else:
        build_workload(account, server)
    pulumi.export("account_id", account.account_id)


main()
