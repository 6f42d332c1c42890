"""The folder that a rehearsal works in: gone when it ends, and by the next one's start if it was killed."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAME = re.compile(r"rehearsal-(?P<process>[0-9]+)-.+")


@contextmanager
def working_folder() -> Iterator[Path]:
    """For this process alone, its owner's alone. What killed rehearsals of the same user left goes first."""
    _remove_leftovers()
    with tempfile.TemporaryDirectory(prefix=f"rehearsal-{os.getpid()}-") as folder:
        yield Path(folder)


def _remove_leftovers() -> None:
    for folder in Path(tempfile.gettempdir()).glob("rehearsal-*"):
        match = _NAME.fullmatch(folder.name)
        if match and not _runs(int(match["process"])) and folder.lstat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
