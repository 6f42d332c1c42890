"""Copies of the project that rehearsals are run in, as a user would: a folder, a command, an exit status."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rehearsal.project import Project
from rehearsal.testbed import FAKE_PROVIDERS, Testbed, enrol, running_testbed

ROOT = Path(__file__).resolve().parents[2]
_NOT_COPIED = shutil.ignore_patterns(".*", "tests", "docs", "__pycache__")
_LONGEST_SECONDS = 900
_BEHAVIOUR = "Who may do what in "


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal that has ended: its exit status, all that it printed, and its report."""

    status: int
    printed: str
    report: dict[str, Any]

    @property
    def claims(self) -> list[dict[str, Any]]:
        return list(self.report["claims"])

    @property
    def acted(self) -> list[dict[str, Any]]:
        """The claims that someone acted out; the others were put to the policy simulator."""
        return [c for c in self.claims if not c["scenario"].startswith(_BEHAVIOUR)]

    @property
    def simulated(self) -> list[dict[str, Any]]:
        return [c for c in self.claims if c["scenario"].startswith(_BEHAVIOUR)]

    @property
    def false_claims(self) -> set[tuple[str, str, str]]:
        """Who, call, account of every claim that was acted out and did not hold."""
        return {(c["who"], c["call"], c["account"]) for c in self.acted if not c["holds"]}

    @property
    def false_in_the_matrix(self) -> set[tuple[str, str]]:
        """Who, action of every claim of the behaviour matrix that did not hold."""
        return {(c["who"], c["call"].split()[0]) for c in self.simulated if not c["holds"]}


class Copy:
    """A copy of the project with the tools that are built already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=_NOT_COPIED)
        (folder / ".tools").symlink_to(ROOT / ".tools")

    def replace(self, file: str, old: str, new: str) -> None:
        """Changes the code or a stack file; `old` must be there exactly once, or the test proves nothing."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "rehearsal", *arguments],
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "200", "PROVIDERS": os.environ.get("PROVIDERS") or "fake"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start_with_report(self) -> subprocess.Popen[str]:
        return self.start("--json", "report.json")

    def ended(self, process: subprocess.Popen[str]) -> Rehearsed:
        printed, _ = process.communicate(timeout=_LONGEST_SECONDS)
        report = self.folder / "report.json"
        return Rehearsed(
            process.returncode, printed, json.loads(report.read_text()) if report.exists() else {}
        )


@pytest.fixture(scope="module")
def copy_of_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Copy]:
    return lambda: Copy(tmp_path_factory.mktemp("project") / "copy")


@pytest.fixture(scope="session")
def testbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """The hardened stacks, deployed, and everyone has enrolled; for tests that put back what they break."""
    project = Project.find(ROOT, ROOT / "examples" / "hardened")
    with running_testbed(project, tmp_path_factory.mktemp("testbed"), providers=FAKE_PROVIDERS) as deployed:
        for account in deployed.accounts.values():
            account.stack.up()
        for person in deployed.accounts["central"].settings.users:
            enrol(deployed.accounts["central"].admin, person)
        yield deployed
