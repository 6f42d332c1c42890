"""What keeps its path in Vault and has to be made anew there (an auth method of another kind, an audit log),
and what gets another path: the mount.

Vault refuses a second one under a path, and the real plugins make the new one first unless the program says
not to. The fake ones do the same. The real program, engine and Vault, and the emulated AWS.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.automation import CommandError

from rehearsal.project import Project
from rehearsal.testbed import FAKE_PROVIDERS, Testbed, running_testbed
from tests.stack_files import ROOT

pytestmark = pytest.mark.engine

USERPASS = {"method": "userpass", "users": ["ada"], "roles": ["test"]}
APPROLE = {"method": "approle", "roles": ["test"]}
GITHUB = {
    "method": "github",
    "subject": "repo:acme@1/infra@2:environment:production",
    "audience": "https://vault.example.com",
    "roles": ["test"],
}


def config(
    login: dict[str, Any] | None, audit_file: str = "/var/log/vault/audit.log", mount: str = "aws"
) -> dict[str, Any]:
    return {
        "aws:region": "us-east-1",
        "aws:allowedAccountIds": ["222222222222"],
        "iam-hardening:accountKind": "workload",
        "iam-hardening:accountDefaults": {"ebsEncryption": False, "accessAnalyzer": False},
        "iam-hardening:vault": {
            "mount": mount,
            "audit": {"file": audit_file},
            "roles": {"test": {"managedPolicies": ["AmazonS3ReadOnlyAccess"]}},
            **({"logins": {"way": login}} if login else {}),
        },
    }


def write(directory: Path, content: dict[str, Any]) -> None:
    path = directory / "Pulumi.dev.yaml"
    before = yaml.safe_load(path.read_text()) if path.is_file() else {}
    path.write_text(yaml.safe_dump(before | {"config": content}, sort_keys=False))


@pytest.fixture
def testbed(tmp_path: Path) -> Iterator[Testbed]:
    files, directory = tmp_path / "files", tmp_path / "testbed"
    files.mkdir()
    directory.mkdir()
    write(files, config(USERPASS))
    with running_testbed(Project.find(ROOT, files), directory, providers=FAKE_PROVIDERS) as made:
        made.accounts["dev"].stack.up()
        yield made


def up(testbed: Testbed, content: dict[str, Any]) -> None:
    """An up, and that the next one has nothing to do."""
    stack = testbed.accounts["dev"].stack
    write(testbed.directory / "project", content)
    stack.engine.up(show_secrets=False)
    assert not stack.up().anything


def methods(testbed: Testbed) -> dict[str, str]:
    found: dict[str, Any] = testbed.vault().sys.list_auth_methods()["data"]
    return {path: method["type"] for path, method in found.items() if path != "token/"}


def audit_files(testbed: Testbed) -> list[str]:
    devices: dict[str, Any] = testbed.vault().sys.list_enabled_audit_devices()["data"]
    return [Path(device["options"]["file_path"]).name for device in devices.values()]


def test_a_log_in_of_another_method_takes_the_path_of_the_one_before(testbed: Testbed) -> None:
    assert methods(testbed) == {"way/": "userpass"}
    up(testbed, config(APPROLE))
    assert methods(testbed) == {"way/": "approle"}
    assert testbed.vault().list("auth/way/role")["data"]["keys"] == ["way"]
    up(testbed, config(USERPASS))
    assert methods(testbed) == {"way/": "userpass"}


def test_githubs_is_another_kind_of_resource_and_takes_two_ups(testbed: Testbed) -> None:
    with pytest.raises(CommandError, match="path is already in use"):
        up(testbed, config(GITHUB))
    assert methods(testbed) == {"way/": "userpass"}
    up(testbed, config(None))
    up(testbed, config(GITHUB))
    assert methods(testbed) == {"way/": "jwt"}


def test_the_audit_device_moves_to_another_file(testbed: Testbed) -> None:
    assert audit_files(testbed) == ["audit.log"]
    up(testbed, config(USERPASS, audit_file="/var/log/vault/other.log"))
    assert audit_files(testbed) == ["other.log"]


def test_a_renamed_mount_is_made_anew_and_its_leases_end_with_the_old_one(testbed: Testbed) -> None:
    iam = testbed.accounts["dev"].admin.client("iam")
    assert testbed.vault().read("aws/creds/test")
    (before,) = iam.list_users(PathPrefix="/vault/")["Users"]
    up(testbed, config(USERPASS, mount="aws/dev"))
    mounts = testbed.vault().sys.list_mounted_secrets_engines()["data"]
    assert [path for path, each in mounts.items() if each["type"] == "aws"] == ["aws/dev/"]
    assert testbed.vault().list("aws/dev/roles")["data"]["keys"] == ["test"]
    assert iam.list_users(PathPrefix="/vault/")["Users"] == []
    assert testbed.vault().read("aws/dev/creds/test")
    (after,) = iam.list_users(PathPrefix="/vault/")["Users"]
    assert after["UserName"] != before["UserName"]
