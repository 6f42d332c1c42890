"""Stacks that the project does not ship: a third account, people with PGP keys, and files that are wrong."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from tests.recorder import Recorder
from tests.stack_files import config_of

RunProgram = Callable[..., Recorder]

LOGIN = "aws:iam/userLoginProfile:UserLoginProfile"


def test_a_third_workload_account_is_one_new_stack_file(run_program: RunProgram) -> None:
    config = {
        "aws:region": "eu-central-1",
        "aws:allowedAccountIds": ["333333333333"],
        "iam-hardening:accountKind": "workload",
        "iam-hardening:centralAccountId": "111111111111",
        "iam-hardening:crossAccountRoles": {"deployer": {"managedPolicies": ["PowerUserAccess"]}},
    }
    recorder = run_program(config, stack="production")
    assert recorder.inventory() == [
        ("aws:accessanalyzer/analyzer:Analyzer", "access-analyzer-eu-central-1"),
        ("aws:ebs/encryptionByDefault:EncryptionByDefault", "account-defaults-ebs-encryption-eu-central-1"),
        ("aws:iam/accountPasswordPolicy:AccountPasswordPolicy", "password-policy"),
        ("aws:iam/role:Role", "deployer"),
        ("aws:iam/rolePoliciesExclusive:RolePoliciesExclusive", "deployer-inline-policies"),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "deployer-PowerUserAccess"),
        ("iam-hardening:index:AccessAnalyzer", "access-analyzer"),
        ("iam-hardening:index:AccountDefaults", "account-defaults"),
        ("iam-hardening:index:CrossAccountRole", "deployer"),
        ("iam-hardening:index:PasswordPolicy", "password-policy"),
    ]
    assert recorder.one("aws:iam/role:Role", "deployer").inputs["tags"]["Stack"] == "production"
    assert recorder.stack_outputs["account_id"] == "333333333333"


def test_a_copy_of_dev_with_another_id_is_a_third_account(run_program: RunProgram) -> None:
    config = {**config_of("dev"), "aws:allowedAccountIds": ["333333333333"]}
    recorder = run_program(config, stack="staging")
    principal = recorder.one("aws:iam/policy:Policy", "vault-aws-principal").inputs["policy"]
    assert "arn:aws:iam::333333333333:user/vault/*" in principal
    assert "222222222222" not in principal


BARE: dict[str, Any] = {
    "aws:region": "eu-central-1",
    "aws:allowedAccountIds": ["333333333333"],
    "iam-hardening:accountKind": "workload",
}


def test_a_workload_account_may_have_nothing_but_a_password_policy(run_program: RunProgram) -> None:
    off = {"ebsEncryption": False, "accessAnalyzer": False}
    recorder = run_program({**BARE, "iam-hardening:accountDefaults": off}, stack="bare")
    assert len(recorder.registrations) == 2
    assert recorder.stack_outputs == {"account_id": "333333333333", "role_arns": {}}


def test_by_default_nothing_that_could_stop_what_works_today_is_switched_on(run_program: RunProgram) -> None:
    recorder = run_program(BARE, stack="bare")
    assert {made.type for made in recorder.registrations.values() if made.custom} == {
        "aws:accessanalyzer/analyzer:Analyzer",
        "aws:ebs/encryptionByDefault:EncryptionByDefault",
        "aws:iam/accountPasswordPolicy:AccountPasswordPolicy",
    }


def test_account_defaults_hold_in_every_listed_region(run_program: RunProgram) -> None:
    recorder = run_program({**BARE, "iam-hardening:regions": ["eu-central-1", "us-east-1"]}, stack="bare")
    encrypted = "aws:ebs/encryptionByDefault:EncryptionByDefault"
    assert [made.inputs["region"] for made in recorder.all_of(encrypted)] == ["eu-central-1", "us-east-1"]


def test_in_china_every_arn_is_chinese(run_program: RunProgram) -> None:
    config = {**config_of("dev"), "aws:region": "cn-north-1"}
    config["iam-hardening:instance"] = {"managedPolicies": ["AmazonSSMManagedInstanceCore"]}
    recorder = run_program(config, stack="china")
    role = recorder.one("aws:iam/role:Role", "test_role").inputs["assumeRolePolicy"]
    assert '"arn:aws-cn:iam::111111111111:root"' in role
    (image,) = [invoked for invoked in recorder.invoked if invoked.token == "aws:ec2/getAmi:getAmi"]
    assert image.arguments["owners"] == ["837727238323"]


def test_a_person_with_a_pgp_key_has_no_readable_password(run_program: RunProgram) -> None:
    config = config_of("central")
    config["iam-hardening:users"]["Auditor"]["pgpKey"] = "keybase:auditor"
    recorder = run_program(config, stack="central")
    assert recorder.one(LOGIN, "Auditor").inputs["pgpKey"] == "keybase:auditor"
    assert "pgpKey" not in recorder.one(LOGIN, "Administrator").inputs


def test_without_a_user_called_administrator_there_is_no_single_password(run_program: RunProgram) -> None:
    config = config_of("central")
    config["iam-hardening:users"] = {"Alice": {"groups": ["Administrators"]}}
    recorder = run_program(config, stack="central")
    assert "password" not in recorder.stack_outputs
    assert recorder.stack_outputs["passwords"] == {"Alice": "pretend-password"}
    assert recorder.secret_stack_outputs == {"passwords"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"iam-hardening:acountKind": "workload"}, 'acountKind: unknown key; did you mean "accountKind"?'),
        ({"iam-hardening:centralAccountId": "222222222222"}, "a role would trust its own account"),
        ({"iam-hardening:vault": {"defaultLeaseTtl": "3h"}}, "3h is longer than the mount's maximum of 1h"),
        ({"aws:region": None}, "aws:region: has no value"),
    ],
)
def test_a_wrong_file_registers_nothing(
    run_program: RunProgram, recorder: Recorder, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        run_program(config_of("dev") | changes, stack="dev")
    assert sentence in str(refused.value)
    assert str(refused.value).startswith("Pulumi.dev.yaml has ")
    assert recorder.registrations == {}
    assert recorder.invoked == []
    assert recorder.stack_outputs == {}


def test_a_secret_setting_is_refused_and_not_shown(run_program: RunProgram, recorder: Recorder) -> None:
    config = config_of("central")
    config["iam-hardening:users"]["Auditor"]["pgpKey"] = "hush hush"
    with pytest.raises(pulumi.RunError) as refused:
        run_program(config, stack="central", secret_keys=["iam-hardening:users"])
    assert "iam-hardening:users: is a secret (secure:)" in str(refused.value)
    assert "hush" not in str(refused.value)
    assert recorder.registrations == {}


@pytest.mark.parametrize("stack", ["central", "dev"])
def test_the_management_account_of_either_kind_manages_its_members_root_users(
    run_program: RunProgram, stack: str
) -> None:
    config = config_of(stack) | {"iam-hardening:organizationRootAccess": "true"}
    recorder = run_program(config, stack=stack)
    features = "aws:iam/organizationsFeatures:OrganizationsFeatures"
    assert recorder.one(features, "root-access").inputs == {
        "enabledFeatures": ["RootCredentialsManagement", "RootSessions"]
    }


def test_more_than_a_quotas_default_is_a_warning_and_is_registered(
    run_program: RunProgram, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    policies = [f"Policy{number}" for number in range(12)]
    config = config_of("dev") | {
        "iam-hardening:crossAccountRoles": {"operations": {"managedPolicies": policies}}
    }
    run_program(config, stack="dev")
    (said,) = warned
    assert said.startswith("iam-hardening:crossAccountRoles.operations.managedPolicies: 12 managed policies;")
    assert recorder.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "operations-Policy11")
