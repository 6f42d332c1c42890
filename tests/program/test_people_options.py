"""The options for people that no shipped stack file switches on."""

import json
from collections.abc import Callable

from tests.recorder import Recorder
from tests.stack_files import config_of

RunProgram = Callable[..., Recorder]

ATTACHMENT = "aws:iam/groupPolicyAttachment:GroupPolicyAttachment"
POLICY = "aws:iam/policy:Policy"
SUPPORT = "arn:aws:iam::111111111111:role/support"


def test_the_break_glass_group_administers_with_mfa_and_without_keys(run_program: RunProgram) -> None:
    config = config_of("central") | {"iam-hardening:breakGlass": {}}
    recorder = run_program(config, stack="central")
    attached = {made.name for made in recorder.all_of(ATTACHMENT) if made.inputs["group"] == "BreakGlass"}
    assert attached == {
        "BreakGlass-AdministratorAccess",
        "BreakGlass-break-glass-no-access-keys",
        "BreakGlass-enforce-mfa",
    }
    no_keys = json.loads(recorder.one(POLICY, "policy/break-glass-no-access-keys").inputs["policy"])
    assert [(s["Effect"], s["Action"]) for s in no_keys["Statement"]] == [("Deny", "iam:CreateAccessKey")]
    membership = recorder.one("aws:iam/userGroupMembership:UserGroupMembership", "break-glass").inputs
    assert membership["groups"] == ["BreakGlass"]
    assert recorder.one("aws:iam/userLoginProfile:UserLoginProfile", "break-glass").inputs["user"]


def test_a_standard_role_of_the_central_account_is_for_its_own_people_with_mfa(
    run_program: RunProgram,
) -> None:
    config = config_of("central") | {"iam-hardening:standardRoles": ["support"]}
    config["iam-hardening:groups"]["Auditors"]["mayAssume"] = [SUPPORT]
    recorder = run_program(config, stack="central")
    (trust,) = json.loads(recorder.one("aws:iam/role:Role", "support").inputs["assumeRolePolicy"])[
        "Statement"
    ]
    assert trust["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
    assert trust["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    attached = recorder.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "support-AWSSupportAccess")
    assert attached.inputs["policyArn"] == "arn:aws:iam::aws:policy/AWSSupportAccess"
    assert f'"{SUPPORT}"' in recorder.one(POLICY, "Auditors-assume-roles").inputs["policy"]


def test_strict_onboarding_reaches_the_wall_and_every_person(run_program: RunProgram) -> None:
    config = config_of("central") | {"iam-hardening:onboarding": "strict"}
    recorder = run_program(config, stack="central")
    assert "aws:PrincipalTag/Onboarding" in recorder.one(POLICY, "mfa-enforce").inputs["policy"]
    users = recorder.all_of("aws:iam/user:User")
    assert {user.ignore_changes for user in users} == {("tags.Onboarding",)}


def test_a_path_reaches_the_user(run_program: RunProgram) -> None:
    config = config_of("central")
    config["iam-hardening:users"]["Auditor"]["path"] = "/people/"
    recorder = run_program(config, stack="central")
    assert recorder.one("aws:iam/user:User", "Auditor").inputs["path"] == "/people/"
