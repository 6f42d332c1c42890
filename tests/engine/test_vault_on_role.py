"""A Vault that runs on the role of its own servers: from the role to a key and back, by the real program."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hvac
import pytest
import yaml

from rehearsal.project import Project
from rehearsal.world import STAND_INS, Account, World, world
from tests.engine.test_changes import DEV
from tests.stack_files import ROOT

pytestmark = pytest.mark.engine

VAULT = "iam-hardening:vault"


def config(**of_vault: Any) -> dict[str, Any]:
    made = copy.deepcopy(DEV) | {
        "iam-hardening:vaultServer": {"apiAddress": "https://vault.example.com:8200"},
        "iam-hardening:protect": False,
    }
    made[VAULT]["roles"]["verify-data"] = {
        "credentialType": "assumed_role",
        "ttl": "15m",
        "externalId": "agreed",
        "sessionTags": {"team": "data"},
        "managedPolicies": ["AmazonS3ReadOnlyAccess"],
    }
    made[VAULT] |= of_vault
    return made


def write(directory: Path, content: dict[str, Any]) -> None:
    path = directory / "Pulumi.dev.yaml"
    before = yaml.safe_load(path.read_text()) if path.is_file() else {}
    path.write_text(yaml.safe_dump(before | {"config": content}, sort_keys=False))


@pytest.fixture
def staged(tmp_path: Path) -> Iterator[World]:
    files, directory = tmp_path / "files", tmp_path / "world"
    files.mkdir()
    directory.mkdir()
    write(files, config(runsOnRole="vault-server"))
    with world(Project.find(ROOT, files), directory, providers=STAND_INS) as made:
        yield made


def issued(vault: hvac.Client, role: str) -> dict[str, Any]:
    answer: Any = vault.read(f"aws/creds/{role}")
    return dict(answer)


def users(account: Account) -> list[str]:
    return [user["UserName"] for user in account.admin.client("iam").list_users()["Users"]]


def test_from_the_role_to_a_key_and_back_no_lease_is_interrupted(staged: World) -> None:
    account, vault = staged.accounts["dev"], staged.vault()
    work_dir = staged.directory / "project"
    account.stack.up()
    assert "vault-secrets-engine" not in users(account)
    on_role = issued(vault, "test")
    issued(vault, "verify-data")

    write(work_dir, config())
    account.stack.up()
    assert "vault-secrets-engine" in users(account)
    with_key = issued(vault, "test")
    issued(vault, "verify-data")
    vault.sys.revoke_lease(on_role["lease_id"])

    write(work_dir, config(runsOnRole="vault-server"))
    account.stack.up()
    assert "vault-secrets-engine" not in users(account)
    assert not account.stack.up().anything
    issued(vault, "verify-data")
    vault.sys.revoke_lease(with_key["lease_id"])
    assert account.admin.client("iam").list_users(PathPrefix="/vault/")["Users"] == []

    issued(vault, "test")
    account.stack.destroy()
    assert account.admin.client("iam").list_users(PathPrefix="/vault/")["Users"] == []
