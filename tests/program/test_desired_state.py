"""What the program registers is what `verify` compares an account with: every kind, every stack variant."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies import documents
from iam_hardening.model import desired_state
from iam_hardening.model.desired_state import DesiredState
from iam_hardening.model.identities import PolicyName
from tests.program.desired import Desired, Registered, kinds
from tests.program.registrations import record
from tests.program.variants import Variant, variants
from tests.recorder import ACCOUNT_ID, Registration
from tests.stack_files import PROJECT, ROOT, config_of

INSTANCE_ARN = f"arn:aws:ec2:us-east-1:{ACCOUNT_ID}:instance/instance"
KINDS = kinds(INSTANCE_ARN)
_OWN_VAULT = {"mount": "aws", "roles": {"look": {"managedPolicies": ["ReadOnlyAccess"]}}}
VARIANTS = variants() | {
    "Vault on a role that is there already": Variant(
        "dev", config_of("dev") | {f"{PROJECT}:vault": _OWN_VAULT | {"runsOnRole": "platform-vault"}}
    ),
    "single account": Variant("company", config_of("company", ROOT / "examples" / "single-account")),
    "management account": Variant(
        "central",
        config_of("central")
        | {
            f"{PROJECT}:organizationRootAccess": True,
            f"{PROJECT}:accountDefaults": {"imdsv2": True, "s3PublicAccessBlock": True},
            f"{PROJECT}:regions": ["eu-central-1", "us-east-1"],
        },
    ),
}
# Of AWS's and Vault's resources, those that are no matter of access, or stand in a kind by another name: what
# they say is tested where they are made, or claimed of the account (`claims/resource_policies.py`).
NOT_COMPARED = {
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:dynamodb/table:Table",
    "aws:ec2/instance:Instance",
    "aws:kms/alias:Alias",
    "aws:kms/key:Key",
    "aws:s3/bucket:Bucket",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:sns/topic:Topic",
    "aws:sns/topicPolicy:TopicPolicy",
}


@dataclasses.dataclass(frozen=True)
class Both:
    """One variant's two sides."""

    desired: Desired
    registered: Registered

    def differ(self, kind: str) -> bool:
        return bool(KINDS[kind].desired(self.desired) != KINDS[kind].registered(self.registered))


_RECORDED: dict[str, Both] = {}


def both_of(name: str) -> Both:
    """Recorded once for all tests, which change copies only."""
    if name not in _RECORDED:
        variant = VARIANTS[name]
        settings = config.load(dict(variant.config), project=PROJECT, stack=variant.stack)
        made = record(variant).registrations.values()
        _RECORDED[name] = Both(
            Desired(desired_state.of(settings, INSTANCE_ARN), settings.account_id),
            Registered(made, settings.account_id),
        )
    return _RECORDED[name]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_registered_is_what_is_desired(variant: str, kind: str) -> None:
    both = both_of(variant)
    assert KINDS[kind].desired(both.desired) == KINDS[kind].registered(both.registered)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_type_of_resource_is_left_out(variant: str) -> None:
    registered = both_of(variant).registered
    for kind in KINDS.values():
        kind.registered(registered)
    types = {made.type for made in registered.registrations if made.custom}
    assert types <= registered.read | NOT_COMPARED


def test_nothing_is_left_out_that_no_variant_has() -> None:
    types = {made.type for name in VARIANTS for made in both_of(name).registered.registrations}
    assert types >= NOT_COMPARED


# --- Each kind is found to differ: once the program makes something else, once the model says so.

Change = Callable[[dict[str, Any]], object]
_IAM = "aws:iam/"
_OTHER_DOCUMENT = '{"Version": "2012-10-17", "Statement": []}'


def _set(**changed: Any) -> Change:
    return lambda inputs: inputs.update(changed)


# Kind → a variant that has one, the type of the resource, and what is changed of the first.
PROGRAM_MAKES: Mapping[str, tuple[str, str, Change]] = {
    "names": ("hardened central", f"{_IAM}user:User", _set(name="another")),
    "attached policies": (
        "hardened dev",
        f"{_IAM}rolePolicyAttachment:RolePolicyAttachment",
        _set(policyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
    "paths": ("hardened central", f"{_IAM}user:User", _set(path="/elsewhere/")),
    "boundaries": ("hardened dev", f"{_IAM}user:User", _set(permissionsBoundary="arn:aws:iam::aws:policy/B")),
    "memberships": ("hardened central", f"{_IAM}userGroupMembership:UserGroupMembership", _set(groups=["x"])),
    "inline policies": (
        "hardened dev",
        f"{_IAM}rolePoliciesExclusive:RolePoliciesExclusive",
        _set(policyNames=["by-hand"]),
    ),
    "log-ins": (
        "hardened central",
        f"{_IAM}userLoginProfile:UserLoginProfile",
        _set(passwordResetRequired=False),
    ),
    "access keys": ("hardened dev", f"{_IAM}accessKey:AccessKey", _set(user="somebody")),
    "trusts": ("hardened dev", f"{_IAM}role:Role", _set(assumeRolePolicy=_OTHER_DOCUMENT)),
    "longest sessions": ("hardened dev", f"{_IAM}role:Role", _set(maxSessionDuration=43200)),
    "instance profiles": ("hardened dev", f"{_IAM}instanceProfile:InstanceProfile", _set(role="another")),
    "customer-managed policies": ("hardened central", f"{_IAM}policy:Policy", _set(policy=_OTHER_DOCUMENT)),
    "password policy": (
        "hardened dev",
        f"{_IAM}accountPasswordPolicy:AccountPasswordPolicy",
        _set(requireSymbols=False),
    ),
    "account defaults": (
        "management account",
        "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults",
        _set(httpPutResponseHopLimit=2),
    ),
    "root access": (
        "management account",
        f"{_IAM}organizationsFeatures:OrganizationsFeatures",
        _set(enabledFeatures=["RootSessions"]),
    ),
    "alarms": ("hardened dev", "aws:cloudwatch/eventRule:EventRule", _set(eventPattern="{}")),
    "recipients of alarms": (
        "hardened dev",
        "aws:sns/topicSubscription:TopicSubscription",
        _set(endpoint="stranger@example.com"),
    ),
    "logs of shells": ("hardened dev", "aws:cloudwatch/logGroup:LogGroup", _set(retentionInDays=1)),
    "shell preferences": ("hardened dev", "aws:ssm/document:Document", _set(content="{}")),
    "Vault's engine": ("hardened dev", "vault:aws/secretBackend:SecretBackend", _set(maxLeaseTtlSeconds=1)),
    "Vault's roles": (
        "hardened dev",
        "vault:aws/secretBackendRole:SecretBackendRole",
        _set(policyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]),
    ),
    "Vault's policies": ("hardened dev", "vault:index/policy:Policy", _set(policy='path "*" {}')),
    "auth methods": ("hardened dev", "vault:index/authBackend:AuthBackend", _set(type="ldap")),
    "directories": ("hardened dev", "vault:ldap/authBackend:AuthBackend", _set(url="ldap://elsewhere")),
    "roles of auth methods": (
        "hardened dev",
        "vault:jwt/authBackendRole:AuthBackendRole",
        _set(tokenPolicies=["root"]),
    ),
    "entities": ("hardened dev", "vault:identity/entity:Entity", _set(policies=["root"])),
    "audit device": ("hardened dev", "vault:index/audit:Audit", _set(options={"log_raw": "true"})),
}


def _changed(made: Registration, change: Change) -> Registration:
    inputs = dict(made.inputs)
    change(inputs)
    return replace(made, inputs=inputs)


@pytest.mark.parametrize("kind", PROGRAM_MAKES)
def test_a_program_that_makes_something_else_is_found(kind: str) -> None:
    variant, type_, change = PROGRAM_MAKES[kind]
    both = both_of(variant)
    made = both.registered.registrations
    position = next(number for number, each in enumerate(made) if each.type == type_)
    changed = [*made[:position], _changed(made[position], change), *made[position + 1 :]]
    assert not both.differ(kind)
    assert replace(both, registered=Registered(changed, both.registered.account_id)).differ(kind)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in KINDS if kind not in ("password policy", "shell preferences", "account defaults")],
)
def test_a_program_that_leaves_a_resource_out_is_found(kind: str) -> None:
    variant, type_, _ = PROGRAM_MAKES.get(kind, ("hardened dev", "aws:cloudtrail/trail:Trail", _set()))
    both = both_of(variant)
    fewer = [made for made in both.registered.registrations if made.type != type_]
    assert replace(both, registered=Registered(fewer, both.registered.account_id)).differ(kind)


@pytest.mark.parametrize("kind", ["group", "user", "role"])
def test_an_inline_policy_that_the_program_writes_is_found(kind: str) -> None:
    both = both_of("hardened dev")
    some = both.registered.registrations[0]
    inline = replace(
        some, type=f"{_IAM}{kind}Policy:{kind.capitalize()}Policy", inputs={kind: "x", "name": "p"}
    )
    more = [*both.registered.registrations, inline]
    assert replace(both, registered=Registered(more, both.registered.account_id)).differ("inline policies")


Mutation = Callable[[DesiredState], DesiredState]


def _identity(kind: str, **changed: Any) -> Mutation:
    """The first identity of a kind is another."""

    def mutate(state: DesiredState) -> DesiredState:
        number = next(n for n, each in enumerate(state.identities) if each.kind == kind)
        mutated = replace(state.identities[number], **changed)
        return replace(
            state, identities=(*state.identities[:number], mutated, *state.identities[number + 1 :])
        )

    return mutate


def _state(**changed: Any) -> Mutation:
    return lambda state: replace(state, **changed)


def _first(field: str, **changed: Any) -> Mutation:
    """The first entry of one of the state's mappings is another."""

    def mutate(state: DesiredState) -> DesiredState:
        entries = dict(getattr(state, field))
        name = next(iter(entries))
        mutated: dict[str, Any] = {field: {**entries, name: replace(entries[name], **changed)}}
        return replace(state, **mutated)

    return mutate


# Kind → a variant that has one, and what the model says else.
MODEL_SAYS: Mapping[str, tuple[str, Mutation]] = {
    "names": ("hardened central", _identity("user", name="another")),
    "attached policies": ("hardened central", _identity("group", attached=frozenset())),
    "paths": ("hardened central", _identity("user", path="/elsewhere/")),
    "boundaries": ("hardened dev", _identity("user", boundary=PolicyName.own("b"))),
    "memberships": ("hardened central", _identity("group", members=frozenset())),
    "inline policies": ("hardened dev", _identity("role", inline_is_exclusive=False)),
    "log-ins": ("hardened central", _identity("user", log_in=None)),
    "access keys": ("hardened dev", _identity("user", has_access_key=False)),
    "trusts": ("hardened dev", _identity("role", trust={})),
    "longest sessions": ("hardened dev", _identity("role", max_session_seconds=43200)),
    "instance profiles": ("hardened dev", _identity("role", instance_profile="another")),
    "customer-managed policies": ("hardened dev", _state(policies={})),
    "password policy": ("hardened dev", _state(password_policy={"minimum_password_length": 6})),
    "account defaults": (
        "hardened dev",
        lambda state: replace(state, defaults=replace(state.defaults, encrypted_in=())),
    ),
    "root access": ("management account", _state(root_features=())),
    "alarms": ("hardened dev", _first("alarms", pattern={})),
    "trail": ("hardened dev", lambda state: replace(state, makes_trail=not state.makes_trail)),
    "recipients of alarms": ("hardened dev", _state(alarm_recipients={})),
    "logs of shells": ("hardened dev", _state(shell_logs={})),
    "shell preferences": ("hardened dev", _state(shell_preferences={})),
    "Vault's engine": ("hardened dev", _state(engine=None)),
    "Vault's roles": ("hardened dev", _first("engine_roles", managed_policies=("X",), iam_role=None)),
    "Vault's policies": ("hardened dev", _first("engine_roles", policy_text="")),
    "auth methods": ("hardened dev", _first("auth_methods", token_seconds=1)),
    "directories": ("hardened dev", _state(auth_methods={})),
    "roles of auth methods": ("hardened dev", _state(auth_methods={})),
    "entities": ("hardened dev", _state(auth_methods={})),
    "audit device": ("hardened dev", _state(audit_device=None)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_says_something_else_is_found(kind: str) -> None:
    variant, mutate = MODEL_SAYS[kind]
    both = both_of(variant)
    mutated = both.desired._replace(state=mutate(both.desired.state))
    assert not both.differ(kind)
    assert replace(both, desired=mutated).differ(kind)


def test_every_kind_has_its_counterexamples() -> None:
    assert set(MODEL_SAYS) == set(KINDS)
    # A trail is there or not: the test that leaves it out is its counterexample.
    assert set(PROGRAM_MAKES) == set(KINDS) - {"trail"}


# AWS's limit is 6,144 characters; what it adds, and what a stack file allows, needs room.
BOUNDARY_MAX_CHARACTERS = 5500


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_boundary_of_what_vault_issues_leaves_room(variant: str) -> None:
    state = both_of(variant).desired.state
    boundary = state.policies.get(naming.VAULT_BOUNDARY_POLICY)
    assert boundary is not None or state.engine is None
    assert boundary is None or documents.size(boundary) < BOUNDARY_MAX_CHARACTERS
