"""Vault's own principal, changed under live leases by the real program: its key, its name, a role instead."""

import copy
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hvac
import pytest
import yaml

from iam_hardening.claims.claim import ALLOWED, KEY_INVALID, attempt
from iam_hardening.clients.aws import Credentials
from rehearsal.project import Project
from rehearsal.testbed import FAKE_PROVIDERS, Account, Testbed, running_testbed
from tests.engine.test_changes import DEV
from tests.stack_files import ROOT

pytestmark = pytest.mark.engine

VAULT = "iam-hardening:vault"
_LONGEST_WAIT_SECONDS = 30


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
def testbed(tmp_path: Path) -> Iterator[Testbed]:
    files, directory = tmp_path / "files", tmp_path / "testbed"
    files.mkdir()
    directory.mkdir()
    write(files, config(runsOnRole="vault-server"))
    with running_testbed(Project.find(ROOT, files), directory, providers=FAKE_PROVIDERS) as made:
        yield made


def issued(vault: hvac.Client, role: str) -> dict[str, Any]:
    answer: Any = vault.read(f"aws/creds/{role}")
    return dict(answer)


def works(account: Account, given: dict[str, Any]) -> bool:
    key = {"AccessKeyId": given["data"]["access_key"], "SecretAccessKey": given["data"]["secret_key"]}
    found = attempt(account.admin.with_credentials(Credentials.of(key)).client("s3").list_buckets)
    assert found.found in (ALLOWED, KEY_INVALID)
    return found.found == ALLOWED


def keys_of_vault(account: Account) -> list[str]:
    found = account.admin.client("iam").list_access_keys(UserName="vault-secrets-engine")
    return [key["AccessKeyId"] for key in found["AccessKeyMetadata"]]


class Asking(threading.Thread):
    """Someone who asks Vault for credentials again and again, and stops at the first refusal."""

    def __init__(self, vault: hvac.Client) -> None:
        super().__init__(daemon=True)
        self.vault, self.done = vault, threading.Event()
        self.given: list[dict[str, Any]] = []
        self.refused: Exception | None = None

    def run(self) -> None:
        while not self.done.is_set() and not self.refused:
            try:
                self.given.append(issued(self.vault, "test"))
            except Exception as refusal:
                self.refused = refusal
            self.done.wait(0.1)


def users(account: Account) -> list[str]:
    return [user["UserName"] for user in account.admin.client("iam").list_users()["Users"]]


def test_a_new_key_interrupts_no_lease_and_no_request(testbed: Testbed) -> None:
    account, vault = testbed.accounts["dev"], testbed.vault()
    work_dir = testbed.directory / "project"
    write(work_dir, config())
    account.stack.up()
    [old_key] = keys_of_vault(account)
    kept = issued(vault, "test")
    vault.sys.tune_mount_configuration("aws", default_lease_ttl="3s")
    ending = issued(vault, "test")
    vault.sys.tune_mount_configuration("aws", default_lease_ttl="30m")

    asking = Asking(testbed.vault())
    asking.start()
    write(work_dir, config(keyGeneration=2))
    account.stack.up()
    asking.done.set()
    asking.join()

    [new_key] = keys_of_vault(account)
    assert new_key != old_key
    assert asking.refused is None
    assert len(asking.given) > 1
    assert all(works(account, given) for given in (kept, asking.given[0], asking.given[-1]))
    # What the old key issued the new one takes away: on time, and when it is revoked.
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while works(account, ending) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not works(account, ending)
    vault.sys.revoke_lease(kept["lease_id"])
    assert not works(account, kept)
    vault.write_data("sys/leases/revoke-prefix/aws/creds/test", data={"sync": True})
    assert account.admin.client("iam").list_users(PathPrefix="/vault/")["Users"] == []


def test_from_the_role_to_a_key_to_another_name_and_back_every_lease_can_be_ended(testbed: Testbed) -> None:
    account, vault = testbed.accounts["dev"], testbed.vault()
    work_dir = testbed.directory / "project"
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

    write(work_dir, config(principalName="vault-2"))
    account.stack.up()
    assert "vault-secrets-engine" not in users(account)
    # A user renamed in place would be lost to a refresh.
    account.stack.refresh()
    assert not account.stack.up().anything
    vault.sys.revoke_lease(with_key["lease_id"])
    with_key = issued(vault, "test")
    issued(vault, "verify-data")

    write(work_dir, config(runsOnRole="vault-server"))
    account.stack.up()
    assert not {"vault-secrets-engine", "vault-2"} & set(users(account))
    assert not account.stack.up().anything
    issued(vault, "verify-data")
    vault.sys.revoke_lease(with_key["lease_id"])
    assert account.admin.client("iam").list_users(PathPrefix="/vault/")["Users"] == []

    issued(vault, "test")
    account.stack.destroy()
    assert account.admin.client("iam").list_users(PathPrefix="/vault/")["Users"] == []
