"""`iam-hardening adopt` on accounts that someone set up by hand, and the import and up that follow it.

The command and `pulumi import` are run as a person runs them. That the real providers import these types by
these ids was read in their documentation, not run (docs/adopt.md).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from iam_hardening.clients.aws import Session
from rehearsal import tools
from rehearsal.project import Project
from rehearsal.providers.language import serve_language_host
from rehearsal.testbed import FAKE_PROVIDERS, Account, Testbed, running_testbed
from tests.engine.by_hand import Administrator, set_up_central, set_up_dev
from tests.stack_files import ROOT

pytestmark = pytest.mark.engine


@dataclass
class Person:
    """Who adopts: a shell in the project's folder, with the stack's credentials."""

    testbed: Testbed
    language_host: str

    @property
    def directory(self) -> Path:
        return self.testbed.directory / "project"

    def file(self, stack: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.directory / f"import-{stack}.json").read_text())
        return content

    def adopt(self, stack: str, *, by: Session | None = None, more: Sequence[str] = ()) -> tuple[int, str]:
        done = self._run(
            [sys.executable, "-m", "iam_hardening", "adopt", "--stack", stack, *more],
            by or self._deployer(stack),
        )
        return done.returncode, done.stdout + done.stderr

    def take_over(self, stack: str) -> str:
        """The command that `iam-hardening adopt` prints."""
        done = self._run(
            [
                *(str(tools.pulumi()), "import", "--stack", stack, "--file", f"import-{stack}.json"),
                *("--protect=false", "--generate-code=false", "--yes"),
            ],
            self._deployer(stack),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _deployer(self, stack: str) -> Session:
        return self.testbed.accounts[stack].admin

    def _run(self, command: list[str], who: Session) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            **self.testbed.environment,
            "AWS_ACCESS_KEY_ID": who.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": who.credentials.secret_access_key,
            "PULUMI_DEBUG_LANGUAGES": self.language_host,
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "400",
        }
        if who.credentials.session_token:
            environment["AWS_SESSION_TOKEN"] = who.credentials.session_token
        return subprocess.run(
            command, cwd=self.directory, env=environment, capture_output=True, text=True, check=False
        )


@dataclass
class ByHand:
    """The accounts as they were found, taken over and then deployed."""

    person: Person
    administrator: Administrator
    said: dict[str, str] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)


def holds(account: Account) -> Any:
    """All that IAM says of the account, to see that nothing was changed."""
    iam = account.admin.client("iam")
    details = iam.get_account_authorization_details()
    return details | {"ResponseMetadata": None}, iam.get_account_password_policy()["PasswordPolicy"]


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    directory = tmp_path_factory.mktemp("testbed")
    with (
        serve_language_host() as language_host,
        running_testbed(Project.find(ROOT), directory, providers=FAKE_PROVIDERS) as testbed,
    ):
        yield Person(testbed, language_host)


@pytest.fixture(scope="module")
def adopted(person: Person) -> ByHand:
    central, dev = person.testbed.accounts["central"], person.testbed.accounts["dev"]
    found = ByHand(person, set_up_central(central))
    set_up_dev(dev, central.id, person.testbed)
    for account in (central, dev):
        before = holds(account)
        status, found.said[account.name] = person.adopt(
            account.name, more=["--accept-warnings", "--json", f"adopted-{account.name}.json"]
        )
        assert (status, holds(account)) == (0, before), found.said[account.name]
        person.take_over(account.name)
        found.changes[account.name] = account.stack.up().done
    return found


@pytest.mark.parametrize("name", ["central", "dev"])
def test_the_json_file_has_what_the_import_file_takes_over(adopted: ByHand, name: str) -> None:
    report = json.loads((adopted.person.directory / f"adopted-{name}.json").read_text())
    taken = [each["id"] for each in adopted.person.file(name)["resources"] if not each.get("component")]
    assert sorted(each["id"] for each in report["there"].values()) == sorted(taken)
    assert (report["replaced"], report["name_taken"], report["unchecked"]) == ({}, {}, {})


@pytest.mark.parametrize("name", ["central", "dev"])
def test_the_up_after_the_import_replaces_and_deletes_nothing_and_the_next_one_changes_nothing(
    adopted: ByHand, name: str
) -> None:
    assert "replace" not in adopted.changes[name]
    assert "delete" not in adopted.changes[name]
    assert "update" in adopted.changes[name]
    assert not adopted.person.testbed.accounts[name].stack.up().anything


def test_the_administrator_still_gets_in_with_the_same_password_device_and_key(adopted: ByHand) -> None:
    central = adopted.person.testbed.accounts["central"]
    administrator = adopted.administrator
    with pytest.raises(ClientError, match="AccessDenied"):
        administrator.bare.client("iam").list_users()
    assert administrator.with_mfa().client("iam").list_users()["Users"]
    iam = central.admin.client("iam")
    devices = iam.list_mfa_devices(UserName="Administrator")["MFADevices"]
    assert [device["SerialNumber"] for device in devices] == [administrator.device.serial_number]
    keys = iam.list_access_keys(UserName="Administrator")["AccessKeyMetadata"]
    assert [key["AccessKeyId"] for key in keys] == [administrator.bare.credentials.access_key_id]
    administrator.with_mfa().client("iam").change_password(
        OldPassword=administrator.password, NewPassword=f"{administrator.password}-2"
    )


def test_a_second_run_finds_nothing_to_take_over(adopted: ByHand) -> None:
    status, said = adopted.person.adopt("dev")
    assert status == 0, said
    assert "Nothing to take over" in said
    assert adopted.person.file("dev") == {"resources": []}
