"""`.venv` is what the lock says, or a message names what is missing; the lock fits the requirements."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from rehearsal import environment
from rehearsal.problems import SetupError

_PIN = re.compile(r"^(?P<name>[a-z0-9.-]+)==(?P<version>\S+?)(?: ; .*)? \\$", re.MULTILINE)


class Steps:
    """Stands in for the commands that make the environment: records them, and can fail at one."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failing: str | None = None

    def run(self, doing: str, command: Sequence[str]) -> None:
        if doing == self.failing:
            raise KeyboardInterrupt
        self.done.append(doing)
        python = environment.ENVIRONMENT / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    """A separate tree, with this project's requirements."""
    for name in ("LOCK", "REQUIREMENTS"):
        value = getattr(environment, name)
        copies = tuple(tmp_path / path.name for path in (value if name == "REQUIREMENTS" else (value,)))
        for copy in copies:
            copy.write_text((environment.ROOT / copy.name).read_text())
        monkeypatch.setattr(environment, name, copies if name == "REQUIREMENTS" else copies[0])
    monkeypatch.setattr(environment, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(environment, "_STAMP", tmp_path / ".venv" / "installed-from")
    monkeypatch.setattr(environment, "_PYTHON", tmp_path / ".venv" / "bin" / "python")
    recorded = Steps()
    monkeypatch.setattr(environment, "_run", recorded.run)
    return recorded


ALL_STEPS = ["making the Python environment", "installing uv", "installing the Python packages"]


def test_a_second_set_up_does_nothing(steps: Steps) -> None:
    environment.install()
    assert steps.done == ALL_STEPS

    environment.install()
    assert steps.done == ALL_STEPS


def test_a_changed_lock_is_installed(steps: Steps) -> None:
    environment.install()
    with environment.LOCK.open("a") as lock:
        lock.write("# changed\n")

    environment.install()

    assert steps.done == ALL_STEPS * 2


def test_an_environment_that_lost_its_python_is_made_again(steps: Steps) -> None:
    environment.install()
    (environment.ENVIRONMENT / "bin" / "python").unlink()

    environment.install()

    assert steps.done == ALL_STEPS * 2


def test_a_link_to_another_trees_environment_is_refused_and_not_emptied(steps: Steps, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious").touch()
    environment.ENVIRONMENT.symlink_to(other)
    with pytest.raises(SetupError, match=r"\.venv is a link to .*other.*remove the link"):
        environment.install()
    assert steps.done == []
    assert (other / "precious").exists()


@pytest.mark.parametrize("step", ALL_STEPS)
def test_an_interrupted_set_up_starts_over(steps: Steps, step: str) -> None:
    environment.install()
    with environment.LOCK.open("a") as lock:
        lock.write("# changed\n")
    steps.failing = step
    with pytest.raises(KeyboardInterrupt):
        environment.install()
    steps.failing, steps.done = None, []

    environment.install()

    assert steps.done == ALL_STEPS


def test_only_locked_files_of_uv_are_accepted(steps: Steps) -> None:
    environment.install()

    uv = (environment.ENVIRONMENT / "uv.txt").read_text()
    assert re.match(r"uv==\d+\.\d+\.\d+ \\\n    --hash=sha256:[0-9a-f]{64}", uv)
    assert "==" not in uv.partition("==")[2]


def test_a_python_that_is_too_old_is_named_with_the_one_that_is_needed(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))

    with pytest.raises(SetupError, match=r"Python 3\.9\.2 \(.*\) is too old: install Python 3\.11 or newer"):
        environment.install()
    assert steps.done == []


def test_a_python_without_ensurepip_says_which_package_to_install(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "ensurepip" else environment.__spec__
    )

    with pytest.raises(SetupError, match="apt-get install python3-venv"):
        environment.install()
    assert steps.done == []


def test_the_committed_lock_was_made_from_the_committed_requirements() -> None:
    environment.check_lock()


def test_a_requirement_that_changed_without_the_lock_is_noticed(steps: Steps) -> None:
    requirements = environment.REQUIREMENTS[0]
    environment.check_lock()
    requirements.write_text(requirements.read_text().replace("pulumi-vault>=7.14", "pulumi-vault>=7.13"))

    with pytest.raises(SetupError, match="run `make lock`"):
        environment.check_lock()


def test_every_requirement_has_bounds_and_the_lock_is_within_them() -> None:
    pins = {match["name"]: match["version"] for match in _PIN.finditer(environment.LOCK.read_text())}

    for path in environment.REQUIREMENTS:
        for line in path.read_text().splitlines():
            if line and not line.startswith("#"):
                requirement = Requirement(line)
                operators = {part.operator for part in requirement.specifier}
                assert operators in ({"=="}, {">=", "<"}), f"{line}: needs a lower and an upper bound"
                assert pins[requirement.name.lower()] in requirement.specifier


def test_the_lock_has_a_hash_for_each_version_and_no_address() -> None:
    text = environment.LOCK.read_text()

    for block in re.split(r"\n(?=\S)", text):
        if not block.startswith("#"):
            assert re.search(r"^    --hash=sha256:[0-9a-f]{64}", block, re.MULTILINE), block.splitlines()[0]
    assert "://" not in text
