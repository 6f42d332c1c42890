"""What a change of a live stack's file does: exactly what it says, in place where that is possible.

The real program, engine, emulated AWS and Vault, with the stand-ins for providers: that the real providers
also change these properties in place was read in their documentation, not run (docs/stand-ins.md).
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.automation import EngineEvent

from rehearsal import inventory
from rehearsal.project import Project
from rehearsal.world import STAND_INS, Account, World, world
from tests.stack_files import ROOT

pytestmark = pytest.mark.engine

CENTRAL: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["111111111111"],
    "iam-hardening:accountKind": "central",
    "iam-hardening:groups": {
        "Administrators": {"managedPolicies": ["AdministratorAccess"]},
        "Auditors": {"managedPolicies": ["SecurityAudit"]},
        "Developers": {
            "managedPolicies": ["ReadOnlyAccess"],
            "policies": {
                "use-queues": [{"sid": "A", "actions": ["sqs:*"], "resources": ["*"]}],
                "use-topics": [{"sid": "A", "actions": ["sns:*"], "resources": ["*"]}],
            },
            "mayAssume": ["arn:aws:iam::222222222222:role/test_role"],
        },
    },
    "iam-hardening:users": {
        "Administrator": {"groups": ["Administrators"]},
        "Auditor": {"groups": ["Auditors"]},
        "Dev.Eloper+1@example.com": {"groups": ["Auditors", "Developers"]},
    },
}
DEV: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["222222222222"],
    "iam-hardening:accountKind": "workload",
    "iam-hardening:centralAccountId": "111111111111",
    "iam-hardening:crossAccountRoles": {
        "test_role": {
            "managedPolicies": ["AmazonS3ReadOnlyAccess"],
            "policies": {"use-tables": [{"sid": "A", "actions": ["dynamodb:*"], "resources": ["*"]}]},
        },
        "reader": {"managedPolicies": ["ReadOnlyAccess"]},
    },
    "iam-hardening:instance": {
        "policies": {"write-logs": [{"sid": "A", "actions": ["logs:PutLogEvents"], "resources": ["*"]}]}
    },
    "iam-hardening:vault": {
        "roles": {
            "test": {"managedPolicies": ["AmazonS3FullAccess"]},
            "other": {"statements": [{"sid": "A", "actions": ["sqs:*"], "resources": ["*"]}]},
        }
    },
}
BASELINE = {"central": CENTRAL, "dev": DEV}

GROUPS, USERS = ("iam-hardening:groups",), ("iam-hardening:users",)
ROLES, INSTANCE = ("iam-hardening:crossAccountRoles",), ("iam-hardening:instance",)
VAULT, TAGS = ("iam-hardening:vault",), ("iam-hardening:tags",)
ADMINS, DEVELOPERS = (*GROUPS, "Administrators"), (*GROUPS, "Developers")
DEVELOPER = (*USERS, "Dev.Eloper+1@example.com")
REMOVED = object()

# Path in the stack file → new value.
Changes = dict[tuple[str, ...], Any]
# Operation, type and name of a resource that is not left as it is.
Steps = set[tuple[str, str, str]]

_PGP = "keybase:someone"


class Live:
    """Both stacks, deployed with the baseline."""

    def __init__(self, staged: World) -> None:
        self.staged = staged
        for name in BASELINE:
            self.account(name).stack.up()

    def account(self, name: str) -> Account:
        return self.staged.accounts[name]

    def write(self, name: str, changes: Changes) -> None:
        path = self.staged.directory / "project" / f"Pulumi.{name}.yaml"
        file = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(file | {"config": changed(BASELINE[name], changes)}, sort_keys=False))

    def preview(self, name: str, changes: Changes) -> Steps:
        self.write(name, changes)
        events: list[EngineEvent] = []
        self.account(name).stack.engine.preview(on_event=events.append)
        return steps(events)

    def up(self, name: str, changes: Changes) -> list[EngineEvent]:
        self.write(name, changes)
        events: list[EngineEvent] = []
        # The preview that the command makes: the Automation API leaves it out, and protection with it.
        self.account(name).stack.engine.preview()
        self.account(name).stack.engine.up(on_event=events.append, show_secrets=False)
        return events

    def holds(self, name: str) -> frozenset[str]:
        return inventory.of_account(self.account(name).admin) | inventory.of_vault(self.staged.vault())


def changed(config: dict[str, Any], changes: Changes) -> dict[str, Any]:
    new = copy.deepcopy(config)
    for path, value in changes.items():
        holder: Any = new
        for part in path[:-1]:
            holder = holder.setdefault(part, {})
        if value is REMOVED:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
    return new


def steps(events: list[EngineEvent]) -> Steps:
    made = [event.resource_pre_event.metadata for event in events if event.resource_pre_event]
    return {
        (_operation(step), step.type.split(":")[-1], step.urn.split("::")[-1])
        for step in made
        if _operation(step) not in ("same", "read") and not step.type.startswith("pulumi:pulumi:")
    }


def _operation(step: Any) -> str:
    return str(getattr(step.op, "value", step.op))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    stack_files = tmp_path_factory.mktemp("stack-files")
    for name, config in BASELINE.items():
        (stack_files / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}, sort_keys=False))
    directory: Path = tmp_path_factory.mktemp("world")
    with world(Project.find(ROOT, stack_files), directory, providers=STAND_INS) as staged:
        yield Live(staged)


def updates(*resources: tuple[str, str]) -> Steps:
    return {("update", type_, name) for type_, name in resources}


def of(operation: str, *resources: tuple[str, str]) -> Steps:
    return {(operation, type_, name) for type_, name in resources}


def replaced(*resources: tuple[str, str]) -> Steps:
    operations = ("create-replacement", "replace", "delete-replaced")
    return {(operation, type_, name) for operation in operations for type_, name in resources}


TAGGED_CENTRAL = [
    *(("User", name) for name in CENTRAL["iam-hardening:users"]),
    *(("Policy", name) for name in ("mfa-enforce", "mfa-self-service", "Developers-assume-roles")),
    *(("Policy", f"Developers-{name}") for name in ("use-queues", "use-topics")),
]
TAGGED_DEV = [
    *(("Role", name) for name in ("test_role", "reader", "instance-role")),
    *(("Policy", name) for name in ("test_role-use-tables", "instance-write-logs")),
    *(("Policy", name) for name in ("vault-aws-boundary", "vault-aws-principal")),
    ("InstanceProfile", "instance-profile"),
    ("Instance", "instance"),
    ("User", "vault-aws-principal"),
]

# What is changed → stack, the change, and everything that the engine would do.
IN_PLACE: dict[str, tuple[str, Changes, Steps]] = {
    "nothing": ("central", {}, set()),
    "the password preset": (
        "central",
        {("iam-hardening:passwordPolicy",): {"preset": "tutorial"}},
        updates(("AccountPasswordPolicy", "password-policy")),
    ),
    "a value of the password policy": (
        "dev",
        {("iam-hardening:passwordPolicy",): {"minimumPasswordLength": 20}},
        updates(("AccountPasswordPolicy", "password-policy")),
    ),
    "tags of people": ("central", {TAGS: {"Team": "platform"}}, updates(*TAGGED_CENTRAL)),
    "tags of a workload": ("dev", {TAGS: {"Team": "platform"}}, updates(*TAGGED_DEV)),
    "protection lifted": ("central", {("iam-hardening:protect",): False}, set()),
    "a managed policy more": (
        "central",
        {(*ADMINS, "managedPolicies"): ["AdministratorAccess", "ReadOnlyAccess"]},
        of("create", ("GroupPolicyAttachment", "Administrators-ReadOnlyAccess")),
    ),
    "a managed policy by ARN instead of by name": (
        "central",
        {(*ADMINS, "managedPolicies"): ["arn:aws:iam::aws:policy/AdministratorAccess"]},
        set(),
    ),
    "the order of managed policies and of groups": (
        "central",
        {(*DEVELOPER, "groups"): ["Developers", "Auditors"]},
        set(),
    ),
    "a managed policy less": (
        "central",
        {(*DEVELOPERS, "managedPolicies"): []},
        of("delete", ("GroupPolicyAttachment", "Developers-ReadOnlyAccess")),
    ),
    "the text of a policy": (
        "central",
        {
            (*DEVELOPERS, "policies", "use-queues"): [
                {"sid": "A", "actions": ["sqs:Send*"], "resources": ["*"]}
            ]
        },
        updates(("Policy", "Developers-use-queues")),
    ),
    "a policy's name": (
        "central",
        {
            (*DEVELOPERS, "policies", "use-queues"): REMOVED,
            (*DEVELOPERS, "policies", "queues"): CENTRAL["iam-hardening:groups"]["Developers"]["policies"][
                "use-queues"
            ],
        },
        of("create", ("Policy", "Developers-queues"), ("GroupPolicyAttachment", "Developers-queues"))
        | of(
            "delete", ("Policy", "Developers-use-queues"), ("GroupPolicyAttachment", "Developers-use-queues")
        ),
    ),
    "one more role to assume": (
        "central",
        {
            (*DEVELOPERS, "mayAssume"): [
                "arn:aws:iam::222222222222:role/test_role",
                "arn:aws:iam::222222222222:role/reader",
            ]
        },
        updates(("Policy", "Developers-assume-roles")),
    ),
    "no more roles to assume": (
        "central",
        {(*DEVELOPERS, "mayAssume"): []},
        of(
            "delete",
            ("Policy", "Developers-assume-roles"),
            ("GroupPolicyAttachment", "Developers-assume-roles"),
        ),
    ),
    "a group that leaves MFA to another": (
        "central",
        {(*DEVELOPERS, "enforceMfa"): False},
        of(
            "delete",
            ("GroupPolicyAttachment", "Developers-enforce-mfa"),
            ("GroupPolicyAttachment", "Developers-self-service"),
        ),
    ),
    "a person's groups": (
        "central",
        {(*DEVELOPER, "groups"): ["Developers"]},
        updates(("UserGroupMembership", DEVELOPER[-1])),
    ),
    "a PGP key for somebody who is here already": ("central", {(*DEVELOPER, "pgpKey"): _PGP}, set()),
    "MFA asked for no longer": (
        "dev",
        {(*ROLES, "test_role", "requireMfa"): False},
        updates(("Role", "test_role")),
    ),
    "named principals only": (
        "dev",
        {(*ROLES, "test_role", "principals"): ["arn:aws:iam::111111111111:user/Administrator"]},
        updates(("Role", "test_role")),
    ),
    "another central account": (
        "dev",
        {("iam-hardening:centralAccountId",): "333333333333"},
        updates(("Role", "test_role"), ("Role", "reader")),
    ),
    "a role's managed policies": (
        "dev",
        {(*ROLES, "test_role", "managedPolicies"): ["AmazonS3FullAccess"]},
        of("create", ("RolePolicyAttachment", "test_role-AmazonS3FullAccess"))
        | of("delete", ("RolePolicyAttachment", "test_role-AmazonS3ReadOnlyAccess")),
    ),
    "the text of a role's policy": (
        "dev",
        {
            (*ROLES, "test_role", "policies", "use-tables"): [
                {"sid": "A", "actions": ["dynamodb:Get*"], "resources": ["*"]}
            ]
        },
        updates(("Policy", "test_role-use-tables")),
    ),
    "the instance's policy": (
        "dev",
        {
            (*INSTANCE, "policies", "write-logs"): [
                {"sid": "A", "actions": ["logs:CreateLogStream"], "resources": ["*"]}
            ]
        },
        updates(("Policy", "instance-write-logs")),
    ),
    "the instance's type": (
        "dev",
        {(*INSTANCE, "instanceType"): "t3.small"},
        updates(("Instance", "instance")),
    ),
    "the instance's name": (
        "dev",
        {(*INSTANCE, "name"): "Other"},
        updates(("Instance", "instance"), ("Role", "instance-role")),
    ),
    "the image's name": ("dev", {(*INSTANCE, "imageName"): "ubuntu/images/hvm-ssd-gp3/ubuntu-*"}, set()),
    "how long leases last": (
        "dev",
        {(*VAULT, "defaultLeaseTtl"): "10m", (*VAULT, "maxLeaseTtl"): "2h"},
        updates(("SecretBackend", "vault-aws")),
    ),
    "a Vault role's managed policies": (
        "dev",
        {(*VAULT, "roles", "test", "managedPolicies"): ["AmazonS3ReadOnlyAccess"]},
        updates(("SecretBackendRole", "vault-aws-test"), ("Policy", "vault-aws-principal")),
    ),
    "a Vault role's statements": (
        "dev",
        {(*VAULT, "roles", "other", "statements"): [{"sid": "B", "actions": ["sns:*"], "resources": ["*"]}]},
        updates(("SecretBackendRole", "vault-aws-other")),
    ),
    "a new key for Vault": (
        "dev",
        {(*VAULT, "keyGeneration"): 2},
        of("create", ("AccessKey", "vault-aws-access-key-2"))
        | updates(("SecretBackend", "vault-aws"))
        | of("delete", ("AccessKey", "vault-aws-access-key-1")),
    ),
}

# Where the name or the place is the identity: nothing else is replaced with it (docs/changes.md).
REPLACES: dict[str, tuple[str, Changes, Steps]] = {
    "the instance's subnet": (
        "dev",
        {(*INSTANCE, "subnetId"): "subnet-0123456789abcdef0"},
        replaced(("Instance", "instance")),
    ),
    "the name of the instance's role": (
        "dev",
        {(*INSTANCE, "roleName"): "another_role"},
        replaced(("Role", "instance-role"), ("RolePolicyAttachment", "instance-write-logs"))
        | updates(("InstanceProfile", "instance-profile")),
    ),
    "the name of the profile": (
        "dev",
        {(*INSTANCE, "profileName"): "another_profile"},
        replaced(("InstanceProfile", "instance-profile")) | updates(("Instance", "instance")),
    ),
    "the name of Vault's principal": (
        "dev",
        {(*VAULT, "principalName"): "vault-2"},
        replaced(
            ("User", "vault-aws-principal"),
            ("Policy", "vault-aws-principal"),
            ("UserPolicyAttachment", "vault-aws-principal"),
            ("AccessKey", "vault-aws-access-key-1"),
        )
        | updates(("SecretBackend", "vault-aws")),
    ),
    "the mount": (
        "dev",
        {(*VAULT, "mount"): "aws/dev"},
        replaced(
            ("SecretBackend", "vault-aws"),
            ("SecretBackendRole", "vault-aws-test"),
            ("SecretBackendRole", "vault-aws-other"),
            ("Policy", "vault-aws-test"),
            ("Policy", "vault-aws-other"),
        ),
    ),
}


@pytest.mark.parametrize("change", IN_PLACE)
def test_a_change_is_made_in_place_and_touches_nothing_else(live: Live, change: str) -> None:
    stack, changes, expected = IN_PLACE[change]
    assert live.preview(stack, changes) == expected


@pytest.mark.parametrize("change", REPLACES)
def test_only_what_cannot_change_in_place_is_replaced(live: Live, change: str) -> None:
    stack, changes, expected = REPLACES[change]
    assert live.preview(stack, changes) == expected
