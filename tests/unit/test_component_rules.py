"""What holds for every component, whatever it makes: parents, options, providers, names."""

from collections.abc import Callable, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault
import pytest

from components.account_defaults import AccountDefaults, AccountDefaultsArgs
from components.cross_account import CrossAccountRole, CrossAccountRoleArgs
from components.detection import AccessAnalyzer, AccessAnalyzerArgs
from components.instance import Instance, InstanceArgs
from components.mfa import MfaEnforcement, MfaEnforcementArgs
from components.password_policy import PasswordPolicy, PasswordPolicyArgs
from components.people import PeopleGroup, PeopleGroupArgs, Person, PersonArgs
from components.root_account import CentralRootAccess
from components.session_preferences import SessionPreferences, SessionPreferencesArgs
from components.vault_aws import VaultAws, VaultAwsArgs
from components.vault_logins import VaultLogin, VaultLoginArgs
from components.vault_server import VaultServer, VaultServerArgs
from iam_hardening import config
from iam_hardening.aws.policies import vault_boundary
from iam_hardening.model import account_defaults as account_model
from tests.accounts import account, central_account, section, statement
from tests.recorder import Recorder

POLICY = "aws:iam/policy:Policy"
# What a type needs, whichever component uses it (the reasons are there).
OWN_OPTIONS = {
    "vault:aws/secretBackend:SecretBackend": {"delete_before_replace"},
    "aws:iam/userLoginProfile:UserLoginProfile": {"delete_before_replace"},
    "vault:index/authBackend:AuthBackend": {"delete_before_replace"},
}
VAULTS_PRINCIPAL = {"replace_on_changes": ["name"]}

Make = Callable[[str, pulumi.ResourceOptions], pulumi.ComponentResource]


def permissions(name: str) -> dict[str, Any]:
    """A policy's name is unique in an account: no two components have one of the same name."""
    return {
        "managedPolicies": ["ReadOnlyAccess"],
        "policies": {f"{name}-own": [statement("Own", "s3:ListAllMyBuckets")]},
    }


def password_policy(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    return PasswordPolicy(name, PasswordPolicyArgs(policy=section(config.PasswordPolicy)), opts)


def mfa(name: str, opts: pulumi.ResourceOptions) -> MfaEnforcement:
    return MfaEnforcement(name, MfaEnforcementArgs(account=central_account()), opts)


def group(name: str, opts: pulumi.ResourceOptions) -> PeopleGroup:
    may_assume = ["arn:aws:iam::222222222222:role/test_role"]
    written = section(config.Group, **permissions(name), mayAssume=may_assume)
    args = PeopleGroupArgs(account=central_account(), group=written, mfa=mfa(f"{name}-mfa", opts))
    return PeopleGroup(name, args, opts)


def person(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    args = PersonArgs(
        account=central_account(),
        user=section(config.User, groups=["people"]),
        groups=[],
        password_policy=section(config.PasswordPolicy),
    )
    return Person(name, args, opts)


def cross_account_role(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    role = section(config.CrossAccountRole, **permissions(name), permissionsBoundary="ReadOnlyAccess")
    return CrossAccountRole(name, CrossAccountRoleArgs(account=account(), role=role), opts)


def instance(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    written = section(config.Instance, **permissions(name), sessionManager=True)
    return Instance(name, InstanceArgs(account=account(), instance=written), opts)


def vault_aws(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    args = VaultAwsArgs(
        account=account(),
        vault=section(config.Vault, roles={"test": {"managedPolicies": ["ReadOnlyAccess"]}}),
        boundary=vault_boundary.vault_issued_user_boundary(),
    )
    return VaultAws(name, args, opts)


def vault_login(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    login = {"method": "userpass", "roles": ["test"], "users": ["ada"]}
    written = section(config.Vault, roles={"test": {}}, logins={"people": login})
    args = VaultLoginArgs(vault=written, login=written.logins["people"], policy_names={"test": "p"})
    return VaultLogin(name, args, opts)


def vault_server(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    server = section(config.VaultServer, apiAddress="https://vault.example.com:8200")
    return VaultServer(name, VaultServerArgs(account=account(), server=server), opts)


def session_preferences(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    args = SessionPreferencesArgs(account=account(), preferences=section(config.SessionPreferences))
    return SessionPreferences(name, args, opts)


def account_defaults(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    written = section(config.AccountDefaults, imdsv2=True, s3PublicAccessBlock=True)
    wanted = account_model.defaults(["us-east-1"], written)
    return AccountDefaults(name, AccountDefaultsArgs(account=account(), defaults=wanted), opts)


def access_analyzer(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    wanted = account_model.defaults(["us-east-1"], section(config.AccountDefaults))
    return AccessAnalyzer(name, AccessAnalyzerArgs(account=account(), defaults=wanted), opts)


def central_root_access(name: str, opts: pulumi.ResourceOptions) -> pulumi.ComponentResource:
    return CentralRootAccess(name, opts)


COMPONENTS: Sequence[Make] = (
    central_root_access,
    account_defaults,
    access_analyzer,
    password_policy,
    mfa,
    group,
    person,
    cross_account_role,
    instance,
    vault_aws,
    vault_login,
    vault_server,
    session_preferences,
)
every_component = pytest.mark.parametrize("make", COMPONENTS, ids=lambda make: make.__name__)


@every_component
def test_children_get_the_component_as_parent_and_nothing_else_of_its_options(
    recorder: Recorder, make: Make
) -> None:
    def build() -> None:
        grandparent = pulumi.ComponentResource("test:index:Grandparent", "grandparent")
        make(
            "sample",
            pulumi.ResourceOptions(
                parent=grandparent,
                delete_before_replace=True,
                retain_on_delete=True,
                import_="somebody-elses",
            ),
        )

    recorder.run(build)
    components = {made.urn for made in recorder.registrations.values() if not made.custom}
    children = [made for made in recorder.registrations.values() if made.custom]
    assert children
    for child in children:
        assert child.parent in components
        assert "Grandparent::" not in child.parent
        own = {"aliases"} if child.name.startswith("policy/") else OWN_OPTIONS.get(child.type, set())
        is_vaults_principal = child.type == "aws:iam/user:User" and make is vault_aws
        assert set(child.options) == (set(VAULTS_PRINCIPAL) if is_vaults_principal else own)


@every_component
def test_children_and_look_ups_use_the_provider_that_the_component_was_given(
    recorder: Recorder, make: Make
) -> None:
    def build() -> None:
        providers = [aws.Provider("other-account"), vault.Provider("other-vault", address="https://vault")]
        make("sample", pulumi.ResourceOptions(providers=providers))

    recorder.run(build)
    provider_of = {"aws": "::other-account::", "vault": "::other-vault::"}
    for child in recorder.registrations.values():
        if child.custom and not child.type.startswith("pulumi:providers:"):
            assert provider_of[child.type.split(":")[0]] in child.options["provider"]
    for invoked in recorder.invoked:
        assert "::other-account::" in invoked.provider


@every_component
def test_every_child_is_named_after_its_component(recorder: Recorder, make: Make) -> None:
    recorder.run(lambda: make("sample", pulumi.ResourceOptions()))
    for made in recorder.registrations.values():
        # A policy that a stack file names keeps its resource, whichever principal holds it.
        of_file = made.type == POLICY and made.name == "policy/sample-own"
        assert of_file or made.name == "sample" or made.name.startswith("sample-")


@pytest.mark.parametrize("make", [group, cross_account_role, instance], ids=lambda make: make.__name__)
def test_a_policy_of_the_file_is_found_in_states_that_have_it_under_its_holder(
    recorder: Recorder, make: Make
) -> None:
    recorder.run(lambda: make("sample", pulumi.ResourceOptions()))
    policy = recorder.one(POLICY, "policy/sample-own")
    assert policy.inputs["name"] == "sample-own"
    (alias,) = policy.options["aliases"]
    assert 'name: "sample-sample-own"' in alias
    aliased = [made for made in recorder.registrations.values() if "aliases" in made.options]
    assert aliased == [policy]


@every_component
def test_two_of_a_kind_live_side_by_side_in_one_stack(recorder: Recorder, make: Make) -> None:
    def build() -> None:
        make("first", pulumi.ResourceOptions())
        make("second", pulumi.ResourceOptions())

    recorder.run(build)
    assert len(recorder.registrations) % 2 == 0


@every_component
def test_a_component_registers_its_outputs(recorder: Recorder, make: Make) -> None:
    """Without it the engine would show the component as still being made."""
    recorder.run(lambda: make("sample", pulumi.ResourceOptions()))
    components = {made.urn for made in recorder.registrations.values() if not made.custom}
    assert components <= set(recorder.registered_outputs)
