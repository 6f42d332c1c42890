"""The project's Python environment, `.venv`, installed from requirements.lock; and the lock itself.

`make setup` runs this with the system's Python before anything is installed: standard library only, in
syntax that an older Python still reads far enough to report that it is too old. The environment is ready
once its stamp says so, and the stamp is written last: an interrupted set-up starts over.

    python3 -m rehearsal.environment               install, if anything changed
    .venv/bin/python -m rehearsal.environment lock [uv's options, such as --upgrade]
    .venv/bin/python -m rehearsal.environment check-lock
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rehearsal import supervise
from rehearsal.problems import SetupError, failure

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
REQUIREMENTS = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")

_OLDEST_PYTHON = (3, 11)
_STAMP = ENVIRONMENT / "installed-from"
_PYTHON = ENVIRONMENT / "bin" / "python"
_UV = ENVIRONMENT / "bin" / "uv"
_INPUTS_LINE = "# sha256 of what it was made from: "


def install() -> None:
    """Make `.venv` what requirements.lock says. Quick when it already is."""
    _check_python()
    wanted = _fingerprint()
    if _installed() == wanted:
        return
    if ENVIRONMENT.is_symlink():
        raise SetupError(
            f"{ENVIRONMENT.name} is a link to {ENVIRONMENT.resolve()}, which another tree may use, "
            "and would be "
            f"emptied: remove the link, then run `make setup` again."
        )
    with _alone():
        if _installed() == wanted:  # another set-up did it while this one waited
            return
        print(f"Python environment: installing {LOCK.name} into {ENVIRONMENT.name}", flush=True)
        _STAMP.unlink(missing_ok=True)
        _run("making the Python environment", [sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)])
        uv_requirement = ENVIRONMENT / "uv.txt"
        uv_requirement.write_text(_locked("uv"))
        pip_install = [str(_PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes"]
        _run("installing uv", [*pip_install, "--requirement", str(uv_requirement)])
        uv_install = [str(_UV), "pip", "install", "--python", str(_PYTHON), "--require-hashes"]
        _run("installing the Python packages", [*uv_install, "--requirements", str(LOCK)])
        _write_command(ENVIRONMENT / "bin" / "iam-hardening")
        _STAMP.write_text(wanted)


def _write_command(path: Path) -> None:
    """`.venv/bin/iam-hardening`. The project is a Pulumi program and not an installed package: the command
    adds the tree to what Python imports from, and stays in the folder where it was called."""
    path.write_text(
        f"#!{_PYTHON}\n"
        "import sys\n\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from iam_hardening.cli import main\n\n"
        "sys.exit(main())\n"
    )
    path.chmod(0o755)


def lock(options: Sequence[str] = ()) -> None:
    """Write requirements.lock anew. Versions in it stay where the requirements still allow them."""
    resolve = [str(_UV), "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header"]
    resolve += ["--python-version", ".".join(map(str, _OLDEST_PYTHON)), "--no-emit-index-url", *options]
    names = [path.name for path in REQUIREMENTS]
    _run("resolving the requirements", [*resolve, "--output-file", LOCK.name, *names])
    header = f"# Versions and hashes of everything in {' and '.join(names)}. Written by `make lock`.\n"
    LOCK.write_text(f"{header}{_INPUTS_LINE}{_inputs_digest()}\n{LOCK.read_text()}")


def check_lock() -> None:
    """Raise SetupError if the requirements have changed since the lock was written."""
    if f"{_INPUTS_LINE}{_inputs_digest()}\n" not in LOCK.read_text():
        names = " and ".join(path.name for path in REQUIREMENTS)
        raise SetupError(f"{LOCK.name} was not made from {names} as they are now: run `make lock`.")


def _check_python() -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    oldest = ".".join(map(str, _OLDEST_PYTHON))
    if sys.version_info < _OLDEST_PYTHON:
        raise SetupError(
            f"Python {version} ({sys.executable}) is too old: install Python {oldest} or newer, "
            "or name one that is there already: `export PYTHON=/path/to/python3`."
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise SetupError(
            f"Python {version} ({sys.executable}) cannot make virtual environments, as its venv package "
            "is missing: install it (on Debian and Ubuntu `apt-get install python3-venv`), "
            "then run `make setup` again."
        )


def _fingerprint() -> str:
    """Of all that `.venv` depends on, its own path too: its scripts name it, so a moved tree starts over."""
    parts = [sys.version, sys.base_prefix, str(ENVIRONMENT), LOCK.read_text()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _installed() -> str | None:
    made = (_STAMP, _PYTHON, ENVIRONMENT / "bin" / "iam-hardening")
    return _STAMP.read_text() if all(path.exists() for path in made) else None


def _inputs_digest() -> str:
    """Of the requirements without comments and blank lines."""
    lines = (line.strip() for path in REQUIREMENTS for line in path.read_text().splitlines())
    meaningful = "\n".join(line for line in lines if line and not line.startswith("#"))
    return hashlib.sha256(meaningful.encode()).hexdigest()


def _locked(package: str) -> str:
    """The lines of one package in the lock: its version and hashes."""
    found = re.search(rf"^{re.escape(package)}==.*\n(?:[ \t].*\n)*", LOCK.read_text(), re.MULTILINE)
    if found is None:
        raise SetupError(f"{LOCK.name} has no {package}: run `git checkout -- {LOCK.name}`.")
    return found.group()


@contextmanager
def _alone() -> Iterator[None]:
    """Wait for a set-up of the same tree that is under way. A killed one does not keep the lock."""
    path = ENVIRONMENT.with_name(".tools") / "environment.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Python environment: waiting for another `make setup` of this tree", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(doing: str, command: Sequence[str]) -> None:
    """Supervised, so that an installation whose set-up was killed does not go on next to a second one."""
    process = supervise.start(command, output=subprocess.PIPE, cwd=ROOT)
    try:
        assert process.stdout is not None
        output = process.stdout.read().decode(errors="replace")
        if process.wait():
            raise failure(doing, output.splitlines())
    finally:
        supervise.stop(process)


def main(arguments: Sequence[str]) -> int:
    try:
        if not arguments:
            install()
        elif arguments[0] == "lock":
            lock(arguments[1:])
        elif list(arguments) == ["check-lock"]:
            check_lock()
        else:
            raise SetupError(f"unknown arguments {' '.join(arguments)!r}: give none, `lock` or `check-lock`.")
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"setup: {failure('the set-up', [str(error)])}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
