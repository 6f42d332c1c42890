"""A production Vault's storage and seal, which no shipped stack file switches on."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from iam_hardening.aws.policies import vault as vault_policies
from tests.recorder import Recorder
from tests.stack_files import config_of

RunProgram = Callable[..., Recorder]

ADDRESS = "https://vault.example.com:8200"
TABLE = "aws:dynamodb/table:Table"


def with_server(stack: str, **options: Any) -> dict[str, Any]:
    return config_of(stack) | {"iam-hardening:vaultServer": {"apiAddress": ADDRESS, **options}}


@pytest.mark.parametrize("stack", ["central", "dev"])
def test_any_account_may_have_one(run_program: RunProgram, stack: str) -> None:
    recorder = run_program(with_server(stack), stack=stack)
    assert [(kind, name) for kind, name in recorder.inventory() if "vault-server" in name] == [
        ("aws:dynamodb/table:Table", "vault-server-table"),
        ("aws:iam/instanceProfile:InstanceProfile", "vault-server-profile"),
        ("aws:iam/policy:Policy", "vault-server-storage"),
        ("aws:iam/role:Role", "vault-server-role"),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "vault-server-storage"),
        ("aws:kms/alias:Alias", "vault-server-seal"),
        ("aws:kms/key:Key", "vault-server-seal"),
        ("iam-hardening:index:VaultServer", "vault-server"),
    ]


def test_the_outputs_are_what_an_instance_needs(run_program: RunProgram) -> None:
    recorder = run_program(with_server("dev", tableName="vault-data"), stack="dev")
    configuration = recorder.stack_outputs["vault_server_configuration"]
    assert f'api_addr     = "{ADDRESS}"' in configuration
    assert 'table      = "vault-data"' in configuration
    assert 'region     = "us-east-1"' in configuration
    assert recorder.stack_outputs["vault_server_profile"] == "vault-server"
    assert recorder.one(TABLE, "vault-server-table").inputs["name"] == "vault-data"


def test_the_name_is_the_tables_too_where_none_is_given(run_program: RunProgram) -> None:
    recorder = run_program(with_server("dev", name="vault-production"), stack="dev")
    assert recorder.one(TABLE, "vault-server-table").inputs["name"] == "vault-production"
    assert recorder.one("aws:kms/alias:Alias", "vault-server-seal").inputs["name"] == "alias/vault-production"


def test_protect_false_reaches_table_and_key(run_program: RunProgram) -> None:
    config = with_server("dev") | {"iam-hardening:protect": False}
    recorder = run_program(config, stack="dev")
    table = recorder.one(TABLE, "vault-server-table")
    assert (table.inputs["deletionProtectionEnabled"], table.options) == (False, {})


def test_the_key_knows_the_account_it_is_in(run_program: RunProgram) -> None:
    recorder = run_program(with_server("dev"), stack="dev")
    policy = json.loads(recorder.one("aws:kms/key:Key", "vault-server-seal").inputs["policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::222222222222:root"}


ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"


def on_role(name: str, **sections: Any) -> dict[str, Any]:
    """dev, whose Vault runs on a role: one line."""
    config = config_of("dev") | {f"iam-hardening:{section}": value for section, value in sections.items()}
    return config | {"iam-hardening:vault": config["iam-hardening:vault"] | {"runsOnRole": name}}


def test_a_vault_on_the_role_of_its_server_has_no_user_and_no_key(run_program: RunProgram) -> None:
    recorder = run_program(on_role("vault-server", vaultServer={"apiAddress": ADDRESS}), stack="dev")
    assert recorder.all_of("aws:iam/user:User") == []
    assert recorder.all_of("aws:iam/accessKey:AccessKey") == []
    attachment = recorder.one(ATTACHMENT, "vault-aws-principal")
    assert attachment.inputs["role"] == "vault-server"
    assert recorder.one("aws:iam/role:Role", "vault-server-role").urn in attachment.dependencies
    assert recorder.stack_outputs["vault_principal_arn"] == recorder.stack_outputs["vault_server_role_arn"]


def test_a_vault_may_run_on_a_role_that_the_account_has_already(run_program: RunProgram) -> None:
    recorder = run_program(on_role("platform-vault"), stack="dev")
    assert recorder.one(ATTACHMENT, "vault-aws-principal").inputs["role"] == "platform-vault"
    arn = "arn:aws:iam::222222222222:role/platform-vault"
    assert recorder.stack_outputs["vault_principal_arn"] == arn
    trusts = [json.loads(made.inputs["assumeRolePolicy"]) for made in recorder.all_of("aws:iam/role:Role")]
    assert vault_policies.trust_vault(arn) in trusts


def test_alarms_expect_the_role_that_vault_runs_on(run_program: RunProgram) -> None:
    recorder = run_program(on_role("platform-vault", alarms={"email": "a@example.com"}), stack="dev")
    patterns = [
        json.loads(rule.inputs["eventPattern"])
        for rule in recorder.all_of("aws:cloudwatch/eventRule:EventRule")
        if "aws.iam" in rule.inputs["eventPattern"]
    ]
    arn = "arn:aws:iam::222222222222:role/platform-vault"
    assert len(patterns) == 2
    for pattern in patterns:
        issuer = pattern["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]
        assert issuer == {"arn": [{"anything-but": [arn]}, {"exists": False}]}
