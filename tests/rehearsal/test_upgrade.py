"""An account that an earlier version deployed is taken over by this one: nothing is replaced or deleted that
CHANGELOG.md does not name, people still get in, and leases go on and can be revoked.

The earlier version is commit 6b919ed, its program and its stack files, run by today's engine, fake providers,
emulated AWS and Vault. What AWS and the real providers make of the upgrade is not tried.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import EngineEvent

from iam_hardening.aws.naming import VAULT_USER_PATH
from iam_hardening.clients.aws import Credentials, Session
from rehearsal import tools
from rehearsal.project import Project
from rehearsal.testbed import FAKE_PROVIDERS, Account, Testbed, enrol, running_testbed

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]
EARLIER = "6b919ed"
# Type and name of what may be replaced or deleted, and the words of CHANGELOG.md that say so.
NAMED = {
    ("aws:ec2/instance:Instance", "instance"): "An instance that has an address is replaced once.",
}
_HARMLESS = {"same", "create", "update", "read", "refresh"}
# The earlier program in its own process: its modules have the names of today's.
_UP = """
import os, runpy, sys
from pulumi import automation
tree, work_dir, stack, project, pulumi = sys.argv[1:]
automation.select_stack(
    stack_name=stack,
    project_name=project,
    program=lambda: runpy.run_path(tree, run_name="__main__"),
    opts=automation.LocalWorkspaceOptions(
        work_dir=work_dir,
        env_vars=dict(os.environ),
        pulumi_command=automation.PulumiCommand(root=pulumi),
    ),
).up(show_secrets=False)
"""

Step = tuple[str, str, str]


@dataclass
class Upgraded:
    """An estate before and after: who had access with what, and what the upgrade did."""

    testbed: Testbed
    administrator: Session
    leases: dict[str, tuple[str, Session]]
    steps: set[Step]


@pytest.fixture(scope="module")
def earlier_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    known = subprocess.run(
        ["git", "rev-parse", "--quiet", "--verify", f"{EARLIER}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if known.returncode:
        pytest.skip(f"the commit {EARLIER} is not here: no git history, or a shallow one")
    tree = tmp_path_factory.mktemp("earlier")
    packed = subprocess.run(["git", "archive", EARLIER], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(tree)], input=packed, check=True)
    return tree


@pytest.fixture(scope="module", params=[".", "examples/hardened"], ids=["shipped", "hardened"])
def upgraded(
    request: pytest.FixtureRequest, earlier_tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Upgraded]:
    project = Project.find(ROOT, earlier_tree / request.param)
    with running_testbed(project, tmp_path_factory.mktemp("upgrade"), providers=FAKE_PROVIDERS) as testbed:
        for account in testbed.accounts.values():
            _up_of(earlier_tree, testbed, account)
        administrator, leases = _administrator(testbed), dict(_leases(testbed))
        steps: set[Step] = set()
        for account in testbed.accounts.values():
            events: list[EngineEvent] = []
            account.stack.engine.up(on_event=events.append, show_secrets=False)
            steps |= steps_of(events)
        yield Upgraded(testbed=testbed, administrator=administrator, leases=leases, steps=steps)


def _up_of(tree: Path, testbed: Testbed, account: Account) -> None:
    environment = {**os.environ, **account.stack.engine.workspace.env_vars}
    arguments = [str(tree), str(testbed.directory / "project"), account.name, testbed.project.name]
    done = subprocess.run(
        [sys.executable, "-c", _UP, *arguments, str(tools.pulumi().parent.parent)],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _administrator(testbed: Testbed) -> Session:
    """The person, with a device and a key, in a session with MFA."""
    central = testbed.accounts["central"]
    device = enrol(central.admin, "Administrator")
    key = central.admin.client("iam").create_access_key(UserName="Administrator")["AccessKey"]
    own = central.admin.with_credentials(Credentials.of(key))
    answer = own.client("sts").get_session_token(SerialNumber=device.serial_number, TokenCode=device.code())
    return own.with_credentials(Credentials.of(answer["Credentials"]))


def _leases(testbed: Testbed) -> Iterator[tuple[str, tuple[str, Session]]]:
    dev = testbed.accounts["dev"]
    for role in ("test", "verify-data"):
        answer = testbed.vault().read(f"aws/creds/{role}")
        assert answer
        data = answer["data"]
        credentials = Credentials(
            access_key_id=data["access_key"],
            secret_access_key=data["secret_key"],
            session_token=data.get("security_token") or None,
        )
        yield role, (answer["lease_id"], dev.admin.with_credentials(credentials))


def steps_of(events: Iterable[EngineEvent]) -> set[Step]:
    """Operation, type and name of each resource that is not left as it is."""
    steps = [event.resource_pre_event.metadata for event in events if event.resource_pre_event]
    return {
        (str(getattr(step.op, "value", step.op)), step.type, step.urn.split("::")[-1])
        for step in steps
        if str(getattr(step.op, "value", step.op)) != "same"
    }


def unnamed(steps: Iterable[Step]) -> set[Step]:
    return {
        (op, type_, name) for op, type_, name in steps if op not in _HARMLESS and (type_, name) not in NAMED
    }


def test_nothing_is_replaced_or_deleted_that_the_changelog_does_not_name(upgraded: Upgraded) -> None:
    assert unnamed(upgraded.steps) == set()
    changelog = " ".join((ROOT / "CHANGELOG.md").read_text().split())
    assert [words for words in NAMED.values() if words not in changelog] == []


def test_the_upgrade_does_something_and_the_next_up_nothing(upgraded: Upgraded) -> None:
    assert ("update", "aws:iam/policy:Policy", "vault-aws-boundary") in upgraded.steps
    for account in upgraded.testbed.accounts.values():
        assert not account.stack.up().anything


def test_people_still_get_in(upgraded: Upgraded) -> None:
    dev = upgraded.testbed.accounts["dev"]
    central = upgraded.testbed.accounts["central"]
    upgraded.administrator.client("iam").list_users()
    assert central.admin.client("iam").get_login_profile(UserName="Administrator")
    role = f"arn:aws:iam::{dev.id}:role/test_role"
    answer = upgraded.administrator.client("sts").assume_role(RoleArn=role, RoleSessionName="Administrator")
    assert answer["Credentials"]


def test_leases_go_on_and_can_be_revoked(upgraded: Upgraded) -> None:
    for _, session in upgraded.leases.values():
        session.client("s3").list_buckets()
    iam = upgraded.testbed.accounts["dev"].admin.client("iam")
    assert iam.list_users(PathPrefix=VAULT_USER_PATH)["Users"]
    lease, _ = upgraded.leases["test"]
    upgraded.testbed.vault().sys.revoke_lease(lease)
    deadline = time.monotonic() + 20
    while iam.list_users(PathPrefix=VAULT_USER_PATH)["Users"] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert iam.list_users(PathPrefix=VAULT_USER_PATH)["Users"] == []


@pytest.mark.parametrize("operation", ["replace", "create-replacement", "delete-replaced", "delete"])
def test_a_replaced_group_would_be_found(operation: str) -> None:
    group: Step = (operation, "aws:iam/group:Group", "Administrators")
    kept: Step = ("update", "aws:iam/policy:Policy", "vault-aws-boundary")
    assert unnamed({group, kept}) == {group}


def step(**metadata: Any) -> Any:
    return type("Event", (), {"resource_pre_event": type("Pre", (), {"metadata": type("M", (), metadata)})})


def test_steps_are_read_from_the_engines_events() -> None:
    urn = "urn:pulumi:dev::iam-hardening::aws:iam/group:Group::Developers"
    events = [
        step(op="delete", type="aws:iam/group:Group", urn=urn),
        step(op="same", type="aws:iam/user:User", urn=urn),
        type("Other", (), {"resource_pre_event": None}),
    ]
    assert steps_of(events) == {("delete", "aws:iam/group:Group", "Developers")}
