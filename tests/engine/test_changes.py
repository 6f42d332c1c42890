"""What a change of a live stack's file does: exactly what it says, in place where that is possible.

The real program, engine, emulated AWS and Vault, with the fake providers for providers: that the real
providers also change these properties in place was read in their documentation, not run
(docs/fake-providers.md).
"""

import contextlib
import copy
import itertools
import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.automation import CommandError, Deployment, EngineEvent

from iam_hardening.aws.naming import iam_arn
from rehearsal import inventory
from rehearsal.project import Project
from rehearsal.testbed import FAKE_PROVIDERS, Account, Testbed, running_testbed
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

    def __init__(self, testbed: Testbed) -> None:
        self.testbed = testbed
        # Stacks that are not as the baseline has them.
        self.changed: set[str] = set()
        for name in BASELINE:
            self.account(name).stack.up()

    def account(self, name: str) -> Account:
        return self.testbed.accounts[name]

    def write(self, name: str, changes: Changes) -> None:
        path = self.testbed.directory / "project" / f"Pulumi.{name}.yaml"
        file = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(file | {"config": changed(BASELINE[name], changes)}, sort_keys=False))

    def preview(self, name: str, changes: Changes) -> Steps:
        self.write(name, changes)
        events: list[EngineEvent] = []
        self.account(name).stack.engine.preview(on_event=events.append)
        return steps(events)

    def up(self, name: str, changes: Changes) -> list[EngineEvent]:
        self.write(name, changes)
        self.changed.add(name)
        events: list[EngineEvent] = []
        # The preview that the command makes: the Automation API leaves it out, and protection with it.
        self.account(name).stack.engine.preview()
        self.account(name).stack.engine.up(on_event=events.append, show_secrets=False)
        return events

    def holds(self, name: str) -> frozenset[str]:
        account = self.account(name)
        in_account = inventory.of_account(account.admin, account.settings.regions)
        return in_account | inventory.of_vault(self.testbed.vault())


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
    """The component "instance" and its instance are both `Instance`."""
    made = [event.resource_pre_event.metadata for event in events if event.resource_pre_event]
    return {
        _key(step)
        for step in made
        if _operation(step) not in ("same", "read") and not step.type.startswith("pulumi:")
    }


def _operation(step: Any) -> str:
    return str(getattr(step.op, "value", step.op))


def _key(step: Any) -> tuple[str, str, str]:
    return _operation(step), step.type.split(":")[-1], step.urn.split("::")[-1]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    stack_files = tmp_path_factory.mktemp("stack-files")
    for name, config in BASELINE.items():
        (stack_files / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}, sort_keys=False))
    directory: Path = tmp_path_factory.mktemp("testbed")
    with running_testbed(Project.find(ROOT, stack_files), directory, providers=FAKE_PROVIDERS) as testbed:
        yield Live(testbed)


@pytest.fixture
def live(deployed: Live) -> Iterator[Live]:
    """Both stacks as the baseline has them, whatever the test before did."""
    yield deployed
    for name in sorted(deployed.changed):
        deployed.up(name, {})
    deployed.changed.clear()


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
    *(("Policy", f"policy/{name}") for name in ("use-queues", "use-topics")),
    ("Analyzer", "access-analyzer-us-east-1"),
]
TAGGED_DEV = [
    *(("Role", name) for name in ("test_role", "reader", "instance-role")),
    *(("Policy", f"policy/{name}") for name in ("use-tables", "write-logs")),
    *(("Policy", name) for name in ("vault-aws-boundary", "vault-aws-principal")),
    ("InstanceProfile", "instance-profile"),
    ("Instance", "instance"),
    ("User", "vault-aws-principal"),
    ("Analyzer", "access-analyzer-us-east-1"),
    # Vault gives the stack's tags to the users that it makes.
    *(("SecretBackendRole", name) for name in ("vault-aws-test", "vault-aws-other")),
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
        updates(("Policy", "policy/use-queues")),
    ),
    "a policy's name": (
        "central",
        {
            (*DEVELOPERS, "policies", "use-queues"): REMOVED,
            (*DEVELOPERS, "policies", "queues"): CENTRAL["iam-hardening:groups"]["Developers"]["policies"][
                "use-queues"
            ],
        },
        of("create", ("Policy", "policy/queues"), ("GroupPolicyAttachment", "Developers-queues"))
        | of("delete", ("Policy", "policy/use-queues"), ("GroupPolicyAttachment", "Developers-use-queues")),
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
    "a person's path": (
        "central",
        {(*DEVELOPER, "path"): "/people/"},
        updates(("User", DEVELOPER[-1])),
    ),
    "a PGP key for someone who is here already": ("central", {(*DEVELOPER, "pgpKey"): _PGP}, set()),
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
    "a boundary, a younger MFA, longer sessions, and sessions that say who": (
        "dev",
        {
            (*ROLES, "test_role", "permissionsBoundary"): "arn:aws:iam::aws:policy/ReadOnlyAccess",
            (*ROLES, "test_role", "mfaMaxAge"): "1h",
            (*ROLES, "test_role", "maxSessionDuration"): "2h",
            (*ROLES, "test_role", "sessionNameIsUserName"): True,
        },
        updates(("Role", "test_role")),
    ),
    "Session Manager": (
        "dev",
        {(*INSTANCE, "sessionManager"): True},
        of("create", ("RolePolicyAttachment", "instance-AmazonSSMManagedInstanceCore")),
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
        updates(("Policy", "policy/use-tables")),
    ),
    "the instance's policy": (
        "dev",
        {
            (*INSTANCE, "policies", "write-logs"): [
                {"sid": "A", "actions": ["logs:CreateLogStream"], "resources": ["*"]}
            ]
        },
        updates(("Policy", "policy/write-logs")),
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


@pytest.mark.parametrize("stack", ["central", "dev"])
def test_a_preview_without_a_change_knows_every_output(live: Live, stack: str) -> None:
    live.write(stack, {})
    if stack in live.changed:
        live.up(stack, {})
    printed = live.account(stack).stack.engine.preview().stdout
    assert "unchanged" in printed
    assert "Outputs:" not in printed


@pytest.mark.parametrize("change", IN_PLACE)
def test_a_change_is_made_in_place_and_touches_nothing_else(live: Live, change: str) -> None:
    stack, changes, expected = IN_PLACE[change]
    assert live.preview(stack, changes) == expected


@pytest.mark.parametrize("change", REPLACES)
def test_only_what_cannot_change_in_place_is_replaced(live: Live, change: str) -> None:
    stack, changes, expected = REPLACES[change]
    assert live.preview(stack, changes) == expected


# Stack, what is taken out of its file, what is deleted with it, and what else the account and Vault lose.
REMOVALS: list[tuple[str, Changes, Steps, set[str]]] = [
    (
        "central",
        {(*DEVELOPERS, "policies", "use-topics"): REMOVED},
        of("delete", ("GroupPolicyAttachment", "Developers-use-topics"), ("Policy", "policy/use-topics")),
        {"Policies use-topics"},
    ),
    (
        "central",
        {(*USERS, "Auditor"): REMOVED},
        of(
            "delete",
            ("UserLoginProfile", "Auditor"),
            ("UserGroupMembership", "Auditor"),
            ("User", "Auditor"),
            ("Person", "Auditor"),
        ),
        {"Users Auditor"},
    ),
    (
        "central",
        {(*GROUPS, "Auditors"): REMOVED, (*DEVELOPER, "groups"): ["Developers"]},
        updates(("UserGroupMembership", DEVELOPER[-1]))
        | of(
            "delete",
            ("GroupPolicyAttachment", "Auditors-SecurityAudit"),
            ("GroupPolicyAttachment", "Auditors-enforce-mfa"),
            ("GroupPolicyAttachment", "Auditors-self-service"),
            ("Group", "Auditors"),
            ("PeopleGroup", "Auditors"),
        ),
        {"Groups Auditors"},
    ),
    (
        "dev",
        {(*ROLES, "test_role"): REMOVED},
        of(
            "delete",
            ("RolePolicyAttachment", "test_role-AmazonS3ReadOnlyAccess"),
            ("RolePolicyAttachment", "test_role-use-tables"),
            ("Policy", "policy/use-tables"),
            ("RolePoliciesExclusive", "test_role-inline-policies"),
            ("Role", "test_role"),
            ("CrossAccountRole", "test_role"),
        ),
        {"Roles test_role", "Policies use-tables"},
    ),
    (
        "dev",
        {(*VAULT, "roles", "other"): REMOVED},
        of("delete", ("SecretBackendRole", "vault-aws-other"), ("Policy", "vault-aws-other")),
        {"policy aws-other"},
    ),
    (
        "dev",
        {INSTANCE: REMOVED},
        of(
            "delete",
            ("Instance", "instance"),
            ("InstanceProfile", "instance-profile"),
            ("RolePolicyAttachment", "instance-write-logs"),
            ("Policy", "policy/write-logs"),
            ("Role", "instance-role"),
        ),
        {"Roles test_instance_role", "InstanceProfiles test_profile", "Policies write-logs", "Instance"},
    ),
    (
        "dev",
        {VAULT: REMOVED},
        of(
            "delete",
            ("SecretBackendRole", "vault-aws-test"),
            ("Policy", "vault-aws-test"),
            ("SecretBackend", "vault-aws"),
            ("AccessKey", "vault-aws-access-key-1"),
            ("UserPolicyAttachment", "vault-aws-principal"),
            ("Policy", "vault-aws-principal"),
            ("User", "vault-aws-principal"),
            ("Policy", "vault-aws-boundary"),
            ("VaultAws", "vault-aws"),
        ),
        {
            "Users vault-secrets-engine",
            "Policies vault-secrets-engine",
            "Policies vault-issued-user-boundary",
            "mount aws/",
            "policy aws-test",
        },
    ),
]


def without_instance_ids(names: frozenset[str]) -> set[str]:
    return {"Instance" if name.startswith("Instance i-") else name for name in names}


def test_a_line_that_is_removed_removes_what_it_made_and_nothing_else(live: Live) -> None:
    removed: dict[str, Changes] = {stack: {} for stack in BASELINE}
    for stack, changes, expected, lost in REMOVALS:
        removed[stack] |= changes
        before = {name: live.holds(name) for name in BASELINE}
        assert steps(live.up(stack, removed[stack])) == expected
        after = {name: live.holds(name) for name in BASELINE}
        # Vault is in both lists.
        gone = without_instance_ids(before["central"] - after["central"] | before["dev"] - after["dev"])
        assert gone == lost
        assert not after["central"] - before["central"]
        assert not after["dev"] - before["dev"]


def moments(events: list[EngineEvent]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """When each step began and ended, as places in the engine's own order of events."""
    began: dict[tuple[str, str, str], int] = {}
    whole: dict[tuple[str, str, str], tuple[int, int]] = {}
    for place, event in enumerate(events):
        if event.resource_pre_event:
            began[_key(event.resource_pre_event.metadata)] = place
        elif event.res_outputs_event:
            key = _key(event.res_outputs_event.metadata)
            whole[key] = began.get(key, place), place
    return whole


def in_order(events: list[EngineEvent], *expected: tuple[str, str, str]) -> bool:
    """Whether each step ended before the next one began."""
    when = moments(events)
    return all(when[first][1] < when[then][0] for first, then in itertools.pairwise(expected))


def test_a_renamed_groups_members_are_never_without_mfa_enforcement(live: Live) -> None:
    """The new group is whole before anyone joins; the old one is left before anything of it goes."""
    renamed = {
        (*GROUPS, "Auditors"): REMOVED,
        (*GROUPS, "Reviewers"): {"managedPolicies": ["SecurityAudit"]},
        (*USERS, "Auditor", "groups"): ["Reviewers"],
        (*DEVELOPER, "groups"): ["Reviewers", "Developers"],
    }
    events = live.up("central", renamed)
    for member in ("Auditor", DEVELOPER[-1]):
        assert in_order(
            events,
            ("create", "GroupPolicyAttachment", "Reviewers-enforce-mfa"),
            ("create", "GroupPolicyAttachment", "Reviewers-SecurityAudit"),
            ("update", "UserGroupMembership", member),
            ("delete", "GroupPolicyAttachment", "Auditors-SecurityAudit"),
            ("delete", "GroupPolicyAttachment", "Auditors-enforce-mfa"),
            ("delete", "Group", "Auditors"),
        )


def test_somebody_who_leaves_is_out_of_the_group_before_its_mfa_enforcement_goes(live: Live) -> None:
    gone = {
        (*GROUPS, "Auditors"): REMOVED,
        (*USERS, "Auditor"): REMOVED,
        (*DEVELOPER, "groups"): ["Developers"],
    }
    events = live.up("central", gone)
    assert in_order(
        events,
        ("delete", "UserGroupMembership", "Auditor"),
        ("delete", "GroupPolicyAttachment", "Auditors-SecurityAudit"),
        ("delete", "GroupPolicyAttachment", "Auditors-enforce-mfa"),
    )


ANOTHER_ADMINISTRATOR: Changes = {(*USERS, "Second"): {"groups": ["Administrators"]}}
INSTEAD: Changes = {**ANOTHER_ADMINISTRATOR, (*USERS, "Administrator"): REMOVED}
MISTAKES: dict[str, Changes] = {
    "another administrator instead of the only one": INSTEAD,
    "the administrators' group under another name": {
        (*GROUPS, "Administrators"): REMOVED,
        (*GROUPS, "Admins"): {"managedPolicies": ["AdministratorAccess"]},
        (*USERS, "Administrator", "groups"): ["Admins"],
    },
    "administrators without their rights": {
        (*ADMINS, "managedPolicies"): [],
        (*DEVELOPERS, "managedPolicies"): ["AdministratorAccess"],
        (*DEVELOPER, "groups"): ["Developers"],
    },
    "administrators without MFA enforcement": {
        (*ADMINS, "enforceMfa"): False,
        (*USERS, "Administrator", "groups"): ["Administrators", "Auditors"],
        (*GROUPS, "Chiefs"): {"managedPolicies": ["AdministratorAccess"]},
        (*USERS, "Auditor", "groups"): ["Chiefs"],
    },
    "protection lifted in the same up": {**INSTEAD, ("iam-hardening:protect",): False},
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_edit_that_would_lose_what_is_protected_is_refused_and_changes_nothing(
    live: Live, mistake: str
) -> None:
    before = live.holds("central")
    with pytest.raises(CommandError, match="protected"):
        live.up("central", MISTAKES[mistake])
    assert live.holds("central") == before
    assert live.preview("central", {}) == set()


def test_the_only_administrator_is_followed_by_another_in_two_ups(live: Live) -> None:
    assert ("create", "User", "Second") in steps(live.up("central", ANOTHER_ADMINISTRATOR))
    assert steps(live.up("central", INSTEAD)) == of(
        "delete",
        ("UserLoginProfile", "Administrator"),
        ("UserGroupMembership", "Administrator"),
        ("User", "Administrator"),
        ("Person", "Administrator"),
    )
    live.up("central", {**INSTEAD, (*USERS, "Administrator"): {"groups": ["Administrators"]}})


def tables_of(role: str) -> Changes:
    """`test_role` under another name, with the same policies."""
    return {
        (*ROLES, "test_role"): REMOVED,
        (*ROLES, role): DEV["iam-hardening:crossAccountRoles"]["test_role"],
    }


def test_a_renamed_role_keeps_its_policies_and_the_next_up_changes_nothing(live: Live) -> None:
    before = live.holds("dev")
    assert steps(live.up("dev", tables_of("table_role"))) == of(
        "create",
        ("CrossAccountRole", "table_role"),
        ("Role", "table_role"),
        ("RolePolicyAttachment", "table_role-AmazonS3ReadOnlyAccess"),
        ("RolePolicyAttachment", "table_role-use-tables"),
        ("RolePoliciesExclusive", "table_role-inline-policies"),
    ) | of(
        "delete",
        ("RolePolicyAttachment", "test_role-AmazonS3ReadOnlyAccess"),
        ("RolePolicyAttachment", "test_role-use-tables"),
        ("RolePoliciesExclusive", "test_role-inline-policies"),
        ("Role", "test_role"),
        ("CrossAccountRole", "test_role"),
    )
    assert live.holds("dev") - before == {"Roles table_role"}
    assert before - live.holds("dev") == {"Roles test_role"}
    assert live.preview("dev", tables_of("table_role")) == set()
    iam = live.account("dev").admin.client("iam")
    attached = iam.list_attached_role_policies(RoleName="table_role")["AttachedPolicies"]
    assert {policy["PolicyName"] for policy in attached} == {"AmazonS3ReadOnlyAccess", "use-tables"}


def test_a_renamed_group_keeps_its_policies(live: Live) -> None:
    developers = CENTRAL["iam-hardening:groups"]["Developers"]
    renamed: Changes = {
        DEVELOPERS: REMOVED,
        (*GROUPS, "Engineers"): developers,
        (*DEVELOPER, "groups"): ["Auditors", "Engineers"],
    }
    done = steps(live.up("central", renamed))
    of_policies = {step for step in done if step[1] == "Policy"}
    # The one that has the group's name in its own.
    assert of_policies == of("create", ("Policy", "Engineers-assume-roles")) | of(
        "delete", ("Policy", "Developers-assume-roles")
    )
    assert live.preview("central", renamed) == set()


def test_a_policy_moves_to_another_group_in_one_up(live: Live) -> None:
    statements = CENTRAL["iam-hardening:groups"]["Developers"]["policies"]["use-queues"]
    moved: Changes = {
        (*DEVELOPERS, "policies", "use-queues"): REMOVED,
        (*GROUPS, "Auditors", "policies"): {"use-queues": statements},
    }
    assert steps(live.up("central", moved)) == of(
        "create", ("GroupPolicyAttachment", "Auditors-use-queues")
    ) | of("delete", ("GroupPolicyAttachment", "Developers-use-queues"))
    assert live.preview("central", moved) == set()


def test_a_policy_moves_from_a_role_to_the_instance_in_two_ups_and_in_one_nothing_is_lost(
    live: Live,
) -> None:
    """Their policies are resources of different components. The name is taken until the old one is gone, and
    the engine makes before it deletes."""
    statements = DEV["iam-hardening:crossAccountRoles"]["test_role"]["policies"]["use-tables"]
    removed: Changes = {(*ROLES, "test_role", "policies", "use-tables"): REMOVED}
    moved = {**removed, (*INSTANCE, "policies", "use-tables"): statements}
    before = live.holds("dev")
    with pytest.raises(CommandError, match="EntityAlreadyExists"):
        live.up("dev", moved)
    assert live.holds("dev") == before
    live.up("dev", removed)
    assert steps(live.up("dev", moved)) == of(
        "create", ("Policy", "policy/use-tables"), ("RolePolicyAttachment", "instance-use-tables")
    )
    live.up("dev", removed)


def as_named_before(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """The state with the names that policies of the stack file had in it once: `HOLDER-POLICY`."""
    text = json.dumps(deployment)
    for resource in deployment["resources"]:
        beginning, _, name = resource["urn"].rpartition("::")
        if name.startswith("policy/"):
            holder = resource["parent"].split("::")[-1]
            was = f"{beginning}::{holder}-{name.removeprefix('policy/')}"
            text = text.replace(f'"{resource["urn"]}"', f'"{was}"')
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def policy_names(deployment: Mapping[str, Any]) -> set[str]:
    resources = deployment["resources"]
    return {each["urn"].split("::")[-1] for each in resources if each["type"] == "aws:iam/policy:Policy"}


@pytest.mark.parametrize(
    ("stack", "was"),
    [
        ("central", {"Developers-use-queues", "Developers-use-topics"}),
        ("dev", {"test_role-use-tables", "instance-write-logs"}),
    ],
)
def test_the_policies_of_a_state_from_before_stay_as_they_are(live: Live, stack: str, was: set[str]) -> None:
    engine, before = live.account(stack).stack.engine, live.holds(stack)
    exported = engine.export_stack()
    assert exported.deployment
    old = as_named_before(exported.deployment)
    assert policy_names(old) >= was
    engine.import_stack(Deployment(version=exported.version, deployment=old))
    assert live.preview(stack, {}) == set()
    assert steps(live.up(stack, {})) == set()
    assert live.holds(stack) == before
    after = engine.export_stack().deployment
    assert after
    assert policy_names(after) == policy_names(exported.deployment)


def engines() -> list[int]:
    """The engine's processes that this one has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            if name == "pulumi" and int(rest.split()[1]) == os.getpid():
                found.append(int(stat.parent.name))
    return found


def mend_state(live: Live, name: str) -> None:
    """A local state file that the killed engine was just writing is empty; the one before is beside it, or,
    where that one is as well, what the last finished update left."""
    state = live.testbed.directory / "state" / ".pulumi"
    file = state / "stacks" / live.testbed.project.name / f"{name}.json"
    finished = sorted((state / "history" / live.testbed.project.name / name).glob("*.checkpoint.json"))
    assert finished
    whole = [each for each in (file, file.with_suffix(".json.bak"), *reversed(finished)) if _text(each)]
    if whole[0] != file:
        file.write_bytes(whole[0].read_bytes())


def _text(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


def delete_by_hand(live: Live, name: str, made: frozenset[str]) -> None:
    """Takes away what is in the account and not in the state, as docs/changes.md says."""
    iam = live.account(name).admin.client("iam")
    deployment = json.loads(live.account(name).stack.state())["deployment"]
    known = {resource.get("id") for resource in deployment["resources"]}
    for entry in made:
        kind, own_name = entry.split(" ", 1)
        arn = iam_arn("aws", live.account(name).id, f"policy/{own_name}")
        if kind == "Policies" and arn not in known:
            iam.delete_policy(PolicyArn=arn)
        elif kind == "Groups" and own_name not in known:
            iam.delete_group(GroupName=own_name)
        elif kind == "Roles" and own_name not in known:
            iam.delete_role(RoleName=own_name)


INTERRUPTED: dict[str, Changes] = {
    "central": {
        (*GROUPS, f"New{number}"): {
            "managedPolicies": ["ReadOnlyAccess"],
            "policies": {f"new-{number}": [{"sid": "A", "actions": ["s3:*"], "resources": ["*"]}]},
        }
        for number in range(5)
    },
    "dev": {
        (*ROLES, f"new_{number}"): {
            "policies": {f"new-{number}": [{"sid": "A", "actions": ["s3:*"], "resources": ["*"]}]}
        }
        for number in range(5)
    },
}


@pytest.mark.parametrize("stack", INTERRUPTED)
def test_after_a_killed_up_the_next_one_gets_there(live: Live, stack: str) -> None:
    """The lock has to be lifted; what was being made is in the account and not in the state."""
    before = live.holds(stack)

    def kill(event: EngineEvent) -> None:
        if event.res_outputs_event and _operation(event.res_outputs_event.metadata) == "create":
            for engine in engines():
                os.kill(engine, signal.SIGKILL)

    live.write(stack, INTERRUPTED[stack])
    live.changed.add(stack)
    engine = live.account(stack).stack.engine
    with pytest.raises(CommandError, match="code: -9"):
        engine.up(on_event=kill, show_secrets=False)
    mend_state(live, stack)
    with pytest.raises(CommandError, match="locked"):
        engine.up(show_secrets=False)
    engine.cancel()
    delete_by_hand(live, stack, live.holds(stack) - before)
    engine.up(show_secrets=False)
    assert live.preview(stack, INTERRUPTED[stack]) == set()
    assert len(live.holds(stack) - before) == 10
    live.up(stack, {})
    assert live.holds(stack) == before
