"""A production Vault's storage and seal, which no shipped stack file switches on."""

import json
from collections.abc import Callable
from typing import Any

import pytest

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
