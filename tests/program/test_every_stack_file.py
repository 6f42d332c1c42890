"""What holds for every stack file in the tree, one that a user adds included.

The engine is a recorder: nothing here proves that AWS or Vault accepts what the program asks for.
"""

import json
from collections.abc import Callable
from typing import Any

import pulumi_aws
import pulumi_vault
import pytest

from iam_hardening import config
from tests.recorder import Recorder, Registration
from tests.stack_files import PROJECT, STACKS, config_of, handed_over

every_stack = pytest.mark.parametrize("stack", STACKS)

RunProgram = Callable[..., Recorder]


def loaded(stack: str) -> config.Settings:
    return config.load(handed_over(config_of(stack)), project=PROJECT, stack=stack)


def takes_tags(made: Registration) -> bool:
    """Asks the provider's SDK, so that a type that the program begins to use is covered as well."""
    package, path, kind = made.type.split(":")
    if package == "vault":
        assert hasattr(pulumi_vault, kind) or path.startswith("aws/")
        return False
    module = getattr(pulumi_aws, path.split("/")[0])
    return hasattr(getattr(module, f"{kind}Args"), "tags")


@every_stack
def test_the_stack_is_for_one_account_and_says_which(run_program: RunProgram, stack: str) -> None:
    recorder = run_program(config_of(stack), stack=stack)
    assert [recorder.stack_outputs["account_id"]] == config_of(stack)["aws:allowedAccountIds"]


@every_stack
def test_every_resource_belongs_to_a_component(run_program: RunProgram, stack: str) -> None:
    recorder = run_program(config_of(stack), stack=stack)
    components = {made.urn for made in recorder.registrations.values() if not made.custom}
    resources = [made for made in recorder.registrations.values() if made.custom]
    assert resources
    for made in resources:
        assert made.parent in components
        assert set(made.options) <= {"protect", "aliases", "delete_before_replace", "replace_on_changes"}
        # Only policies that a file names have had another name (test_component_rules.py).
        assert ("aliases" in made.options) == made.name.startswith("policy/")


@every_stack
def test_everything_that_takes_tags_has_the_stacks_tags(run_program: RunProgram, stack: str) -> None:
    recorder = run_program(config_of(stack), stack=stack)
    tagged = [made for made in recorder.registrations.values() if made.custom and takes_tags(made)]
    assert tagged
    for made in tagged:
        assert made.inputs["tags"].items() >= loaded(stack).tags.items(), made.urn


@every_stack
def test_policies_are_customer_managed_and_well_formed(run_program: RunProgram, stack: str) -> None:
    recorder = run_program(config_of(stack), stack=stack)
    inline = ("aws:iam/rolePolicy:", "aws:iam/groupPolicy:", "aws:iam/userPolicy:")
    for made in recorder.registrations.values():
        assert not made.type.startswith(inline), made.urn
        assert "inlinePolicies" not in made.inputs
        assert "managedPolicyArns" not in made.inputs
        for name in ("policy", "assumeRolePolicy"):
            if made.type.startswith("aws:iam/") and name in made.inputs:
                document = json.loads(made.inputs[name])
                assert document["Version"] == "2012-10-17"
                assert all(statement["Sid"] for statement in document["Statement"])


@every_stack
def test_no_secret_is_readable_in_an_output_or_an_input(run_program: RunProgram, stack: str) -> None:
    recorder = run_program(config_of(stack), stack=stack)

    def readable(values: dict[str, Any], secret: frozenset[str]) -> str:
        return json.dumps({name: value for name, value in values.items() if name not in secret})

    for urn, values in recorder.registered_outputs.items():
        assert "pretend-" not in readable(values, recorder.secret_outputs[urn]), urn
    for made in recorder.registrations.values():
        assert "pretend-" not in readable(dict(made.inputs), made.secret_inputs), made.urn


@every_stack
def test_no_access_key_is_made_for_a_person(run_program: RunProgram, stack: str) -> None:
    """Vault's principal is the only user whose key the program makes."""
    recorder = run_program(config_of(stack), stack=stack)
    vault = loaded(stack).vault
    programs = {vault.principal_name} if vault else set()
    keys = recorder.all_of("aws:iam/accessKey:AccessKey")
    assert {key.inputs["user"] for key in keys} == programs


@every_stack
def test_no_machine_is_in_a_group_that_enforces_mfa(run_program: RunProgram, stack: str) -> None:
    """Vault and Pulumi never enter a code: in such a group they could do nothing."""
    recorder = run_program(config_of(stack), stack=stack)
    members = {
        made.inputs["user"] for made in recorder.all_of("aws:iam/userGroupMembership:UserGroupMembership")
    }
    people = {made.name for made in recorder.all_of("iam-hardening:index:Person")}
    assert members == people
    assert not recorder.all_of("aws:iam/groupMembership:GroupMembership")


@every_stack
def test_no_name_in_the_account_stands_for_two_things(run_program: RunProgram, stack: str) -> None:
    """Pulumi's names may differ where AWS's do not: then the second create would fail, or take over."""
    recorder = run_program(config_of(stack), stack=stack)
    names = [
        (made.type, made.inputs["name"].lower())
        for made in recorder.registrations.values()
        if made.type.startswith("aws:iam/") and "name" in made.inputs
    ]
    assert len(set(names)) == len(names)


@every_stack
def test_roles_that_people_may_assume_trust_the_account_of_these_people(stack: str) -> None:
    """Compared over all stack files in the tree; a role of an account without a file here cannot be."""
    central = loaded(stack)
    workloads = {
        workload.account_id: workload for name in STACKS if not (workload := loaded(name)).is_central
    }
    for group in central.groups.values():
        for arn in group.may_assume:
            account_id, role = arn.split(":")[4], arn.rsplit("/", 1)[-1]
            if account_id in workloads:
                assert role in workloads[account_id].cross_account_roles
                assert workloads[account_id].central_account_id == central.account_id
