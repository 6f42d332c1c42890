"""A stack whose trail's bucket only listed principals change is deployed, and changed again, by one of them.

That the program refuses anyone else is in tests/program/test_alarms.py.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.errors import RehearsalError
from rehearsal.project import Project
from rehearsal.providers.language import serve_language_host
from rehearsal.testbed import FAKE_PROVIDERS, running_testbed
from tests.engine.test_adopt import Person
from tests.stack_files import ROOT, config_of

pytestmark = pytest.mark.engine

LISTED = {
    "central": "arn:aws:iam::111111111111:role/ci/deployer",
    "dev": "arn:aws:iam::222222222222:user/people/Alice",
}


def stack_files(folder: Path, listed: dict[str, str]) -> Path:
    folder.mkdir()
    for stack, arn in listed.items():
        alarms = {"email": "security@example.com", "logAdministrators": [arn], "expectedPrincipals": [arn]}
        config: dict[str, Any] = config_of(stack) | {"iam-hardening:alarms": alarms}
        (folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}))
    return folder


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    project = Project.find(ROOT, stack_files(tmp_path / "stack", LISTED))
    with (
        serve_language_host() as host,
        running_testbed(project, tmp_path / "testbed", providers=FAKE_PROVIDERS) as testbed,
    ):
        yield Person(testbed, host)


def test_a_listed_role_or_user_deploys_and_changes_and_adopt_refuses_others(person: Person) -> None:
    for name, account in person.testbed.accounts.items():
        caller = account.admin.client("sts").get_caller_identity()["Arn"]
        assert caller.split("/")[-1 if name == "dev" else 1] == LISTED[name].rsplit("/", 1)[-1]
        account.stack.up()
        assert not account.stack.up().anything
        account.stack.set_config("iam-hardening:tags.Team", "security")
        assert account.stack.up().anything
    dev = person.testbed.accounts["dev"]
    status, said = person.adopt("dev", by=dev.root)
    assert status == 2
    assert "does not list the caller, arn:aws:iam::222222222222:root" in said
    assert not (person.directory / "import-dev.json").exists()


def test_a_list_of_nobody_but_the_stacks_own_roles_is_refused_before_anything_starts(tmp_path: Path) -> None:
    own = {"dev": "arn:aws:iam::222222222222:role/test_role"}
    project = Project.find(ROOT, stack_files(tmp_path / "stack", own))
    with (
        pytest.raises(RehearsalError, match="lists only users and roles that the stack itself makes"),
        running_testbed(project, tmp_path / "testbed", providers=FAKE_PROVIDERS),
    ):
        pass
