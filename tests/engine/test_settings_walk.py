"""The walk through every setting (settings_walk.py): the real engine, an emulated AWS and a live Vault.

What it shows: each change does what docs/changes.md says, an up after it finds nothing left to do (each up
would show steps that the one before left), and a walk that ends where it began leaves nothing behind.
What it does not: the real providers, of which the fake ones are written after their documentation.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from pulumi.automation import EngineEvent

from rehearsal import inventory
from rehearsal.project import Project
from rehearsal.testbed import FAKE_PROVIDERS, Testbed, running_testbed
from tests.engine.settings_walk import STEPS, Config, Step, Walk, as_stack_file, recorded, walks
from tests.program.registrations import record
from tests.program.variants import Variant
from tests.recorder import Registration
from tests.stack_files import ROOT

pytestmark = pytest.mark.engine

WALKS = walks()
_GROUPS = ("sg-0123456789abcdef0", "sg-0fedcba9876543210")
# AWS makes up the ID of each key and instance.
_MADE_UP = re.compile(r"\b(Key|Instance) \S+$")


@pytest.fixture(scope="module")
def testbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    files = tmp_path_factory.mktemp("stack-files")
    for name, walk in WALKS.items():
        write(files / f"Pulumi.{name}.yaml", walk.base)
    with running_testbed(
        Project.find(ROOT, files), tmp_path_factory.mktemp("walk"), providers=FAKE_PROVIDERS
    ) as made:
        yield made


def write(path: Path, config: Config, file: Mapping[str, object] | None = None) -> None:
    """As JSON, which is YAML with all text in quotes: unquoted, 012345678901 is a number for the engine and
    text for PyYAML."""
    path.write_text(json.dumps({**(file or {}), "config": as_stack_file(config)}))


class Walker:
    """One stack, deployed with the base of its walk."""

    def __init__(self, testbed: Testbed, walk: Walk) -> None:
        self.testbed, self.walk = testbed, walk
        self.account = testbed.accounts[walk.stack]
        self.path = testbed.directory / "project" / f"Pulumi.{walk.stack}.yaml"
        # The walk's security groups by the IDs that they have here.
        self.groups = {made_up: self.make_group(made_up) for made_up in _GROUPS}
        self.up(walk.base)

    def make_group(self, name: str) -> str:
        ec2 = self.account.admin.client("ec2")
        made = ec2.create_security_group(GroupName=f"walked {name}", Description="for the walk")
        return str(made["GroupId"])

    def up(self, config: Config) -> set[Step]:
        """Operation, type and name of every resource that the up does not leave as it is; components left
        out."""
        file = yaml.safe_load(self.path.read_text())
        write(self.path, config, file)
        text = self.path.read_text()
        for made_up, group in self.groups.items():
            text = text.replace(made_up, group)
        self.path.write_text(text)
        events: list[EngineEvent] = []
        self.account.stack.engine.up(on_event=events.append, show_secrets=False)
        made = [event.resource_pre_event.metadata for event in events if event.resource_pre_event]
        return {
            (_operation(step.op), step.type.split(":")[-1], step.urn.split("::")[-1])
            for step in made
            if _operation(step.op) not in ("same", "read") and not step.type.startswith(("pulumi:", "iam-"))
        }

    def holds(self) -> list[str]:
        """Names of what is in the account and in Vault, without the IDs that AWS makes up."""
        account = inventory.of_account(self.account.admin, self.account.settings.regions)
        names = account | inventory.of_vault(self.testbed.vault())
        return sorted(_MADE_UP.sub(r"\1", name) for name in names)


def _operation(operation: object) -> str:
    return str(getattr(operation, "value", operation))


def registered(walk: Walk, moments: Mapping[str, int]) -> dict[str, Registration]:
    """By URN what the program registers; in one process, without an engine."""
    return record(Variant(walk.stack, as_stack_file(walk.config(moments)))).registrations


def _type_and_name(urn: str) -> tuple[str, str]:
    parts = urn.split("::")
    return parts[-2].split("$")[-1].split(":")[-1], parts[-1]


def touched(walk: Walk, before: Mapping[str, int], now: Mapping[str, int]) -> set[tuple[str, str]]:
    """Type and name of the resources that are registered with other inputs, or are new or gone."""
    old, new = registered(walk, before), registered(walk, now)
    return {
        _type_and_name(urn)
        for urn in old.keys() | new.keys()
        if urn not in old or urn not in new or old[urn].inputs != new[urn].inputs
    }


def attributed(
    walk: Walk, before: Mapping[str, int], now: Mapping[str, int], steps: set[Step]
) -> dict[str, set[Step]]:
    """Setting → the steps that are its own, of those of one up."""
    own: dict[str, set[Step]] = {}
    for setting in walk.changes(before, now):
        names = touched(walk, {setting: before.get(setting, 0)}, {setting: now[setting]})
        own[setting] = {step for step in steps if step[1:] in names}
    # Resources that only an output of another one changes, such as a new key's ID.
    needs = {
        _type_and_name(urn): set(map(_type_and_name, made.dependencies))
        for urn, made in registered(walk, now).items()
    }
    for step in steps - set().union(*own.values()):
        for mine in own.values():
            if any(each[0] != "update" and each[1:] in needs.get(step[1:], set()) for each in mine):
                mine.add(step)
    left = steps - set().union(*own.values())
    assert left == set(), f"no row of this up asks for {sorted(left)}"
    for step in steps:
        owners = [setting for setting, steps_of in own.items() if step in steps_of]
        if step[0] != "update":
            assert len(owners) == 1, f"{step} is asked for by {owners}: give them different turns"
    return own


@pytest.mark.parametrize("stack", WALKS)
def test_every_setting_changes_as_the_document_says(
    testbed: Testbed, stack: str, request: pytest.FixtureRequest
) -> None:
    walk, recording = WALKS[stack], request.config.getoption("--record-steps")
    walker = Walker(testbed, walk)
    expected = recorded().get(stack, {})
    at_first = walker.holds()
    noted: dict[str, list[set[Step]]] = {row.of: [] for row in walk.rows}
    wrong: dict[str, object] = {}
    for before, moments in walk.ups():
        changes = walk.changes(before, moments)
        steps = walker.up(walk.config(moments))
        if recording:
            for setting, own in attributed(walk, before, moments, steps).items():
                noted[setting].append(own)
        else:
            asked = {
                tuple(step.split(" ", 2))
                for setting in changes
                for step in expected[setting][moments[setting] - 1]
            }
            if asked != steps:
                wrong[", ".join(f"{kind} {name}" for name, kind in changes.items())] = {
                    "not done": sorted(asked - steps),
                    "done besides": sorted(steps - asked),
                }
    assert wrong == {}
    assert walker.up(walk.base) == set()
    assert walker.holds() == at_first
    if recording:
        kept = recorded() | {
            stack: {
                setting: [[" ".join(step) for step in sorted(own)] for own in each]
                for setting, each in noted.items()
            }
        }
        STEPS.write_text("# Written by pytest --record-steps.\n" + yaml.safe_dump(kept, sort_keys=True))
