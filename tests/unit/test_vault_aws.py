"""Tutorial section 7: Vault's AWS secrets engine, and its own principal in the account."""

import json
from typing import Any

import pulumi
import pytest

from components.vault_aws import VaultAws, VaultAwsArgs
from iam_hardening import config
from iam_hardening.aws.policies import documents, vault_boundary
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.aws.policies import vault as vault_policies
from tests.accounts import account, section, statement
from tests.recorder import ACCOUNT_ID, Recorder

BOUNDARY_DOCUMENT = vault_boundary.vault_issued_user_boundary()
TAGS = {"Stack": "dev"}
S3 = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
BOUNDARY = f"arn:aws:iam::{ACCOUNT_ID}:policy/vault-issued-user-boundary"
STATEMENT = {"Sid": "A", "Effect": "Allow", "Action": ["ec2:RebootInstances"], "Resource": ["*"]}
POLICY = "aws:iam/policy:Policy"
ACCESS_KEY = "aws:iam/accessKey:AccessKey"
BACKEND = "vault:aws/secretBackend:SecretBackend"
ENGINE_ROLE = "vault:aws/secretBackendRole:SecretBackendRole"
VAULT_POLICY = "vault:index/policy:Policy"
USERNAMES = (
    '{{ printf "vault-%s-%s-%s-%s" (.DisplayName | truncate_sha256 22) (.PolicyName | truncate 14)'
    " (unix_time) (random 8) }}"
)
# As a stack file writes them.
ROLES: dict[str, Any] = {
    "test": {"managedPolicies": ["AmazonS3FullAccess"]},
    "debug": {"statements": [statement("A", "ec2:RebootInstances")]},
}
SESSION = {"credentialType": "assumed_role", "ttl": "15m"}


def record_vault(recorder: Recorder, *, server_role_arn: str | None = None, **changed: Any) -> None:
    """`changed`: of the section."""
    vault = section(config.Vault, **{"mount": "aws/dev", "roles": ROLES} | changed)
    args = VaultAwsArgs(
        account=account(region="eu-central-1"),
        vault=vault,
        boundary=BOUNDARY_DOCUMENT,
        server_role_arn=pulumi.Output.from_input(server_role_arn) if server_role_arn else None,
    )

    def build() -> None:
        engine = VaultAws("vault-aws", args)
        pulumi.export("mount", engine.mount_path)
        pulumi.export("principal", engine.principal_arn)
        pulumi.export("policies", engine.policy_names)

    recorder.run(build)


def test_the_mount_has_the_configured_leases_and_the_principals_key(recorder: Recorder) -> None:
    record_vault(recorder)
    assert recorder.one(BACKEND, "vault-aws").inputs == {
        "path": "aws/dev",
        "disableRemount": True,
        "description": "Just-in-time credentials for the AWS account 222222222222",
        "accessKey": "vault-aws-access-key-1-id",
        "secretKey": "pretend-secret-key",
        "region": "eu-central-1",
        "usernameTemplate": USERNAMES,
        "defaultLeaseTtlSeconds": 1800,
        "maxLeaseTtlSeconds": 3600,
        "auditNonHmacResponseKeys": ["access_key", "arn"],
    }


def test_endpoints_are_handed_over_when_given(recorder: Recorder) -> None:
    record_vault(recorder, iamEndpoint="http://127.0.0.1:1", stsEndpoint="http://127.0.0.1:2")
    inputs = recorder.one(BACKEND, "vault-aws").inputs
    assert (inputs["iamEndpoint"], inputs["stsEndpoint"]) == ("http://127.0.0.1:1", "http://127.0.0.1:2")


def test_the_principals_key_is_a_secret_from_aws_to_vault_and_in_no_output(recorder: Recorder) -> None:
    record_vault(recorder)
    assert "secret" in recorder.one(ACCESS_KEY, "vault-aws-access-key-1").additional_secret_outputs
    assert {"accessKey", "secretKey"} <= recorder.one(BACKEND, "vault-aws").secret_inputs
    holders = {
        made.type
        for made in recorder.registrations.values()
        if "pretend-secret-key" in json.dumps(dict(made.inputs))
    }
    assert holders == {BACKEND}
    assert "pretend-secret-key" not in json.dumps(recorder.registered_outputs)


@pytest.mark.parametrize("generation", [1, 7])
def test_a_new_generation_is_a_new_access_key(recorder: Recorder, generation: int) -> None:
    record_vault(recorder, keyGeneration=generation)
    assert [made.name for made in recorder.all_of(ACCESS_KEY)] == [f"vault-aws-access-key-{generation}"]
    assert recorder.all_of(ACCESS_KEY)[0].inputs == {"user": "vault-secrets-engine"}


def test_the_principal_stands_outside_the_path_of_the_users_it_issues(recorder: Recorder) -> None:
    record_vault(recorder)
    assert recorder.one("aws:iam/user:User", "vault-aws-principal").inputs == {
        "name": "vault-secrets-engine",
        "path": "/",
        "tags": TAGS,
    }
    paths = {made.inputs["userPath"] for made in recorder.all_of(ENGINE_ROLE)}
    assert paths == {"/vault/"}


def test_the_principal_may_attach_the_configured_policies_within_the_boundary_only(
    recorder: Recorder,
) -> None:
    record_vault(recorder)
    principal = recorder.one(POLICY, "vault-aws-principal").inputs
    assert principal == {
        "name": "vault-secrets-engine",
        "description": "What Vault needs to issue and remove users, and nothing outside their path",
        "policy": json.dumps(
            vault_policies.vault_principal(
                "aws", "222222222222", boundary_arn=BOUNDARY, attachable_policy_arns=[S3]
            )
        ),
        "tags": TAGS,
    }
    attachments = recorder.all_of("aws:iam/userPolicyAttachment:UserPolicyAttachment")
    assert [made.inputs for made in attachments] == [
        {
            "user": "vault-secrets-engine",
            "policyArn": f"arn:aws:iam::{ACCOUNT_ID}:policy/vault-secrets-engine",
        }
    ]


def test_every_issued_user_is_bounded(recorder: Recorder) -> None:
    record_vault(recorder)
    assert recorder.one(POLICY, "vault-aws-boundary").inputs == {
        "name": "vault-issued-user-boundary",
        "description": "The most a user issued by Vault can do: nothing that would outlive its lease",
        "policy": documents.render(BOUNDARY_DOCUMENT),
        "tags": TAGS,
    }
    common = {
        "backend": "aws/dev",
        "credentialType": "iam_user",
        "userPath": "/vault/",
        "permissionsBoundaryArn": BOUNDARY,
    }
    assert {made.name: made.inputs for made in recorder.all_of(ENGINE_ROLE)} == {
        "vault-aws-test": {
            **common,
            "name": "test",
            "policyArns": [S3],
            "iamTags": {"Stack": "dev", "ManagedBy": "vault", "VaultRole": "test"},
        },
        "vault-aws-debug": {
            **common,
            "iamTags": {"Stack": "dev", "ManagedBy": "vault", "VaultRole": "debug"},
            "name": "debug",
            "policyDocument": json.dumps(roles_policies.configured([STATEMENT])),
        },
    }


def test_each_role_has_a_vault_policy_that_reads_its_credentials_and_nothing_else(
    recorder: Recorder,
) -> None:
    record_vault(recorder)
    assert {made.name: made.inputs for made in recorder.all_of(VAULT_POLICY)} == {
        f"vault-aws-{role}": {
            "name": f"aws-dev-{role}",
            "policy": f'path "aws/dev/creds/{role}" {{\n'
            '  capabilities      = ["read"]\n'
            '  denied_parameters = { "role_session_name" = [] }\n'
            "}\n",
        }
        for role in ROLES
    }
    assert recorder.stack_outputs == {
        "mount": "aws/dev",
        "principal": f"arn:aws:iam::{ACCOUNT_ID}:user/vault-secrets-engine",
        "policies": {"test": "aws-dev-test", "debug": "aws-dev-debug"},
    }


def test_the_mount_goes_before_the_rights_that_its_leases_need_to_be_revoked(recorder: Recorder) -> None:
    record_vault(recorder)
    needed = [
        recorder.one("aws:iam/userPolicyAttachment:UserPolicyAttachment", "vault-aws-principal"),
        recorder.one(POLICY, "vault-aws-boundary"),
        recorder.one(ACCESS_KEY, "vault-aws-access-key-1"),
    ]
    assert {made.urn for made in needed} <= recorder.one(BACKEND, "vault-aws").dependencies


def test_a_principal_without_managed_policies_may_attach_none(recorder: Recorder) -> None:
    record_vault(recorder, roles={"debug": ROLES["debug"]})
    document = json.loads(recorder.one(POLICY, "vault-aws-principal").inputs["policy"])
    actions = [action for statement in document["Statement"] for action in statement["Action"]]
    assert "iam:CreateUser" in actions
    assert "iam:AttachUserPolicy" not in json.dumps(document)
    assert recorder.invoked == []


def test_a_session_role_is_an_iam_role_that_vault_alone_assumes_within_the_boundary(
    recorder: Recorder,
) -> None:
    session = SESSION | ROLES["test"] | ROLES["debug"]
    record_vault(recorder, roles={"look": session})
    role = recorder.one("aws:iam/role:Role", "vault-aws-look-assumed").inputs
    principal = f"arn:aws:iam::{ACCOUNT_ID}:user/vault-secrets-engine"
    assert json.loads(role["assumeRolePolicy"]) == vault_policies.trust_vault(principal)
    assert role["name"] == "vault-aws-dev-look"
    assert role["permissionsBoundary"] == BOUNDARY
    assert role["maxSessionDuration"] == 3600
    assert role["tags"] == TAGS
    attached = {
        made.inputs["policyArn"]
        for made in recorder.all_of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    }
    assert attached == {S3, f"arn:aws:iam::{ACCOUNT_ID}:policy/vault-aws-dev-look"}
    engine_role = recorder.one(ENGINE_ROLE, "vault-aws-look").inputs
    assert engine_role == {
        "name": "look",
        "backend": "aws/dev",
        "credentialType": "assumed_role",
        "roleArns": [f"arn:aws:iam::{ACCOUNT_ID}:role/vault-aws-dev-look"],
        "defaultStsTtl": 900,
        "maxStsTtl": 900,
    }


def test_external_id_and_tags_stand_in_the_engines_role_and_in_the_trust(recorder: Recorder) -> None:
    session = SESSION | ROLES["test"] | {"externalId": "agreed", "sessionTags": {"team": "data"}}
    record_vault(recorder, roles={"look": session})
    made = recorder.one(ENGINE_ROLE, "vault-aws-look").inputs
    assert (made["externalId"], made["sessionTags"]) == ("agreed", {"team": "data"})
    trust = json.loads(recorder.one("aws:iam/role:Role", "vault-aws-look-assumed").inputs["assumeRolePolicy"])
    principal = f"arn:aws:iam::{ACCOUNT_ID}:user/vault-secrets-engine"
    assert trust == vault_policies.trust_vault(principal, external_id="agreed", session_tags={"team": "data"})
    document = json.loads(recorder.one(POLICY, "vault-aws-principal").inputs["policy"])
    assert [statement["Sid"] for statement in document["Statement"]] == [
        "AssumeTheConfiguredRolesOnly",
        "TagTheirSessions",
    ]


def test_issued_users_join_the_configured_groups_and_the_principal_may_use_no_other(
    recorder: Recorder,
) -> None:
    in_groups = ROLES["debug"] | {"groups": ["analysts"]}
    record_vault(recorder, roles={"report": in_groups})
    assert recorder.one(ENGINE_ROLE, "vault-aws-report").inputs["iamGroups"] == ["analysts"]
    document = json.loads(recorder.one(POLICY, "vault-aws-principal").inputs["policy"])
    assert document["Statement"][-1]["Resource"] == ["arn:aws:iam::222222222222:group/analysts"]


def test_a_principal_that_only_assumes_roles_may_make_no_users(recorder: Recorder) -> None:
    record_vault(recorder, roles={"look": SESSION})
    document = json.loads(recorder.one(POLICY, "vault-aws-principal").inputs["policy"])
    assert [statement["Action"] for statement in document["Statement"]] == ["sts:AssumeRole"]
    assert document["Statement"][0]["Resource"] == ["arn:aws:iam::222222222222:role/vault-aws-dev-look"]


def test_a_vault_that_runs_on_a_role_has_no_user_and_no_key(recorder: Recorder) -> None:
    role_arn = "arn:aws:iam::222222222222:role/vault-server"
    record_vault(recorder, runsOnRole="vault-server", roles={**ROLES, "session": SESSION})
    assert recorder.all_of("aws:iam/user:User") == []
    assert recorder.all_of(ACCESS_KEY) == []
    assert recorder.all_of("aws:iam/userPolicyAttachment:UserPolicyAttachment") == []
    assert {"accessKey", "secretKey"}.isdisjoint(recorder.one(BACKEND, "vault-aws").inputs)
    attachment = recorder.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "vault-aws-principal")
    assert attachment.inputs == {
        "role": "vault-server",
        "policyArn": f"arn:aws:iam::{ACCOUNT_ID}:policy/vault-secrets-engine",
    }
    trusted = recorder.one("aws:iam/role:Role", "vault-aws-session-assumed").inputs["assumeRolePolicy"]
    assert json.loads(trusted) == vault_policies.trust_vault(role_arn)
    assert recorder.stack_outputs["principal"] == role_arn


def test_on_a_role_too_the_mount_goes_before_the_rights_that_its_leases_need(recorder: Recorder) -> None:
    record_vault(recorder, runsOnRole="vault-server")
    attachment = recorder.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "vault-aws-principal")
    assert attachment.urn in recorder.one(BACKEND, "vault-aws").dependencies


def test_a_role_that_the_stack_makes_is_there_before_the_policy_is_attached(recorder: Recorder) -> None:
    made_here = "arn:aws:iam::222222222222:role/made-here"
    record_vault(recorder, runsOnRole="made-here", server_role_arn=made_here)
    attachment = recorder.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "vault-aws-principal")
    assert attachment.inputs["role"] == "made-here"
    assert recorder.stack_outputs["principal"] == made_here
