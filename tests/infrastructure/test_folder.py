"""The rehearsal's folder: whose it is, and what becomes of one that was left behind."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rehearsal.workdir import working_folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def a_process_that_has_ended() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_folder_is_its_owners_alone_and_goes_at_the_end(temporary: Path) -> None:
    with working_folder() as folder:
        assert folder.parent == temporary
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()


def test_what_a_killed_rehearsal_left_is_removed_by_the_next(temporary: Path) -> None:
    left = temporary / f"rehearsal-{a_process_that_has_ended()}-x"
    (left / "state").mkdir(parents=True)
    with working_folder():
        assert not left.exists()


def test_folders_of_a_running_rehearsal_and_of_others_stay(temporary: Path) -> None:
    kept = [temporary / f"rehearsal-{os.getpid()}-other", temporary / "rehearsal-notes", temporary / "mine"]
    for folder in kept:
        folder.mkdir()
    with working_folder():
        assert all(folder.exists() for folder in kept)
