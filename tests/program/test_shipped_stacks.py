"""The two stack files that the project ships: every resource and every output."""

from collections.abc import Callable

from tests.recorder import ACCOUNT_ID, Recorder
from tests.stack_files import config_of

RunProgram = Callable[..., Recorder]

CENTRAL = [
    ("aws:accessanalyzer/analyzer:Analyzer", "access-analyzer-us-east-1"),
    ("aws:ebs/encryptionByDefault:EncryptionByDefault", "account-defaults-ebs-encryption-us-east-1"),
    ("aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults", "account-defaults-imdsv2-us-east-1"),
    ("aws:iam/accountPasswordPolicy:AccountPasswordPolicy", "password-policy"),
    ("aws:iam/group:Group", "Administrators"),
    ("aws:iam/group:Group", "Auditors"),
    ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "Administrators-AdministratorAccess"),
    ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "Administrators-assume-roles"),
    ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "Administrators-enforce-mfa"),
    ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "Auditors-SecurityAudit"),
    ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "Auditors-enforce-mfa"),
    ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "Auditors-self-service"),
    ("aws:iam/policy:Policy", "Administrators-assume-roles"),
    ("aws:iam/policy:Policy", "mfa-enforce"),
    ("aws:iam/policy:Policy", "mfa-self-service"),
    ("aws:iam/user:User", "Administrator"),
    ("aws:iam/user:User", "Auditor"),
    ("aws:iam/userGroupMembership:UserGroupMembership", "Administrator"),
    ("aws:iam/userGroupMembership:UserGroupMembership", "Auditor"),
    ("aws:iam/userLoginProfile:UserLoginProfile", "Administrator"),
    ("aws:iam/userLoginProfile:UserLoginProfile", "Auditor"),
    ("aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock", "account-defaults-s3-public-access"),
    ("iam-hardening:index:AccessAnalyzer", "access-analyzer"),
    ("iam-hardening:index:AccountDefaults", "account-defaults"),
    ("iam-hardening:index:MfaEnforcement", "mfa"),
    ("iam-hardening:index:PasswordPolicy", "password-policy"),
    ("iam-hardening:index:PeopleGroup", "Administrators"),
    ("iam-hardening:index:PeopleGroup", "Auditors"),
    ("iam-hardening:index:Person", "Administrator"),
    ("iam-hardening:index:Person", "Auditor"),
]

DEV = [
    ("aws:accessanalyzer/analyzer:Analyzer", "access-analyzer-us-east-1"),
    ("aws:ebs/encryptionByDefault:EncryptionByDefault", "account-defaults-ebs-encryption-us-east-1"),
    ("aws:ec2/instance:Instance", "instance"),
    ("aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults", "account-defaults-imdsv2-us-east-1"),
    ("aws:iam/accessKey:AccessKey", "vault-aws-access-key-1"),
    ("aws:iam/accountPasswordPolicy:AccountPasswordPolicy", "password-policy"),
    ("aws:iam/instanceProfile:InstanceProfile", "instance-profile"),
    ("aws:iam/policy:Policy", "policy/test_policy"),
    ("aws:iam/policy:Policy", "policy/write-application-data"),
    ("aws:iam/policy:Policy", "vault-aws-boundary"),
    ("aws:iam/policy:Policy", "vault-aws-principal"),
    ("aws:iam/role:Role", "instance-role"),
    ("aws:iam/role:Role", "test_role"),
    ("aws:iam/role:Role", "vault-aws-verify-data-assumed"),
    ("aws:iam/rolePoliciesExclusive:RolePoliciesExclusive", "test_role-inline-policies"),
    (
        "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive",
        "vault-aws-verify-data-assumed-inline-policies",
    ),
    ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "instance-write-application-data"),
    ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "test_role-test_policy"),
    (
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "vault-aws-verify-data-assumed-AmazonS3ReadOnlyAccess",
    ),
    ("aws:iam/user:User", "vault-aws-principal"),
    ("aws:iam/userPolicyAttachment:UserPolicyAttachment", "vault-aws-principal"),
    ("aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock", "account-defaults-s3-public-access"),
    ("iam-hardening:index:AccessAnalyzer", "access-analyzer"),
    ("iam-hardening:index:AccountDefaults", "account-defaults"),
    ("iam-hardening:index:CrossAccountRole", "test_role"),
    ("iam-hardening:index:Instance", "instance"),
    ("iam-hardening:index:PasswordPolicy", "password-policy"),
    ("iam-hardening:index:VaultAws", "vault-aws"),
    ("vault:aws/secretBackend:SecretBackend", "vault-aws"),
    ("vault:aws/secretBackendRole:SecretBackendRole", "vault-aws-debug-instance"),
    ("vault:aws/secretBackendRole:SecretBackendRole", "vault-aws-test"),
    ("vault:aws/secretBackendRole:SecretBackendRole", "vault-aws-verify-data"),
    ("vault:index/policy:Policy", "vault-aws-debug-instance"),
    ("vault:index/policy:Policy", "vault-aws-test"),
    ("vault:index/policy:Policy", "vault-aws-verify-data"),
]


def iam(resource: str) -> str:
    return f"arn:aws:iam::{ACCOUNT_ID}:{resource}"


def test_central_holds_people_and_nothing_else(run_program: RunProgram) -> None:
    assert run_program(config_of("central"), stack="central").inventory() == CENTRAL


def test_a_new_user_renames_nobody_else(run_program: RunProgram) -> None:
    """Names come from dictionary keys: an index would rename everyone after the new one."""
    config = config_of("central")
    config["iam-hardening:users"] = {"Aaron": {"groups": ["Auditors"]}, **config["iam-hardening:users"]}
    inventory = run_program(config, stack="central").inventory()
    assert [made for made in inventory if made[1] != "Aaron"] == CENTRAL


def test_dev_holds_roles_an_instance_and_vault_and_no_people(run_program: RunProgram) -> None:
    assert run_program(config_of("dev"), stack="dev").inventory() == DEV


def protected(recorder: Recorder) -> set[tuple[str, str]]:
    resources = [made for made in recorder.registrations.values() if made.custom]
    return {(made.type, made.name) for made in resources if made.options.get("protect")}


def test_what_lets_administrators_in_and_the_password_policy_are_protected_and_nothing_else(
    run_program: RunProgram,
) -> None:
    assert protected(run_program(config_of("central"), stack="central")) == {
        ("aws:iam/accountPasswordPolicy:AccountPasswordPolicy", "password-policy"),
        ("aws:iam/group:Group", "Administrators"),
        ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "Administrators-AdministratorAccess"),
        ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "Administrators-enforce-mfa"),
        ("aws:iam/user:User", "Administrator"),
        ("aws:iam/userGroupMembership:UserGroupMembership", "Administrator"),
        ("aws:iam/userLoginProfile:UserLoginProfile", "Administrator"),
    }


def test_of_two_administrators_either_can_be_taken_out(run_program: RunProgram) -> None:
    config = config_of("central")
    config["iam-hardening:users"]["Second"] = {"groups": ["Administrators"]}
    assert not {name for _, name in protected(run_program(config, stack="central"))} & {
        "Administrator",
        "Second",
    }


def test_a_workload_account_protects_its_password_policy(run_program: RunProgram) -> None:
    assert protected(run_program(config_of("dev"), stack="dev")) == {
        ("aws:iam/accountPasswordPolicy:AccountPasswordPolicy", "password-policy")
    }


def test_protection_is_lifted_by_one_key(run_program: RunProgram) -> None:
    config = config_of("central") | {"iam-hardening:protect": False}
    assert protected(run_program(config, stack="central")) == set()


def test_central_says_where_to_sign_in_and_keeps_the_passwords_secret(run_program: RunProgram) -> None:
    recorder = run_program(config_of("central"), stack="central")
    assert recorder.stack_outputs == {
        "account_id": "111111111111",
        "sign_in_url": "https://111111111111.signin.aws.amazon.com/console",
        "password": "pretend-password",
        "passwords": {"Administrator": "pretend-password", "Auditor": "pretend-password"},
        "encrypted_passwords": {},
        "role_arns": {},
    }
    assert recorder.secret_stack_outputs == {"password", "passwords"}


def test_dev_says_what_people_need_to_get_in(run_program: RunProgram) -> None:
    recorder = run_program(config_of("dev"), stack="dev")
    assert recorder.stack_outputs == {
        "account_id": "222222222222",
        "role_arn": iam("role/test_role"),
        "role_arns": {"test_role": iam("role/test_role")},
        "instance_id": "instance-id",
        "instance_role_arn": iam("role/test_instance_role"),
        "instance_profile_arn": iam("instanceProfile/test_profile"),
        "vault_mount": "aws",
        "vault_principal_arn": iam("user/vault-secrets-engine"),
        "vault_policies": {
            "test": "aws-test",
            "debug-instance": "aws-debug-instance",
            "verify-data": "aws-verify-data",
        },
    }
    assert recorder.secret_stack_outputs == frozenset()


def test_administrators_hold_the_arn_that_dev_gives_its_role(run_program: RunProgram) -> None:
    """Composed in both stacks from names, so that neither has to be deployed first."""
    recorder = run_program(config_of("central"), stack="central")
    granted = recorder.one("aws:iam/policy:Policy", "Administrators-assume-roles").inputs["policy"]
    dev = config_of("dev")
    (account_id,) = dev["aws:allowedAccountIds"]
    for role in dev["iam-hardening:crossAccountRoles"]:
        assert f'"arn:aws:iam::{account_id}:role/{role}"' in granted


def test_the_sample_instance_is_hardened(run_program: RunProgram) -> None:
    instance = run_program(config_of("dev"), stack="dev").one("aws:ec2/instance:Instance", "instance").inputs
    assert instance["metadataOptions"]["httpTokens"] == "required"
    assert instance["rootBlockDevice"]["encrypted"] is True
    assert instance["associatePublicIpAddress"] is False
    assert instance["instanceType"] == "t3.micro"
    assert instance["tags"]["Name"] == "HelloWorld"


def test_the_sample_leases_last_half_an_hour_and_an_hour_at_most(run_program: RunProgram) -> None:
    mount = run_program(config_of("dev"), stack="dev").one(
        "vault:aws/secretBackend:SecretBackend", "vault-aws"
    )
    assert (mount.inputs["defaultLeaseTtlSeconds"], mount.inputs["maxLeaseTtlSeconds"]) == (1800, 3600)


def test_the_debugging_role_reaches_the_stacks_own_instance_only(run_program: RunProgram) -> None:
    recorder = run_program(config_of("dev"), stack="dev")
    role = recorder.one("vault:aws/secretBackendRole:SecretBackendRole", "vault-aws-debug-instance").inputs
    own_instance = f"arn:aws:ec2:us-east-1:{ACCOUNT_ID}:instance/instance"
    assert '"Sid": "DebugThisInstance"' in role["policyDocument"]
    document = f"arn:aws:ssm:us-east-1:{ACCOUNT_ID}:document/SSM-SessionManagerRunShell"
    assert f'"Resource": ["{own_instance}", "{document}"]' in role["policyDocument"]
    assert "policyArns" not in role
