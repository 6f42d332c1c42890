"""What a plugin says that ends at its start reaches the user, whether or not the engine passes it on."""

import subprocess
from pathlib import Path

import pytest
from pulumi import automation

from rehearsal import stacks
from rehearsal.errors import RehearsalError


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    program = tmp_path / "pulumi-resource-aws"
    program.write_text("#!/bin/sh\necho 'no luck today' >&2\nexit 3\n")
    program.chmod(0o755)
    return program


def said(engine: str) -> RehearsalError:
    def fail() -> None:
        raise automation.CommandError(
            automation.CommandResult(stdout=f"Diagnostics:\n{engine}", stderr="", code=1)
        )

    with pytest.raises(RehearsalError) as failed:
        stacks._said_plainly("dev", "pulumi up", fail)
    return failed.value


def test_its_words_are_shown_once(plugin: Path) -> None:
    error = said(f"  error: could not read plugin [{plugin}]: exit status 3")
    assert error.reason.count("no luck today") == 1
    assert "PROVIDERS=fake" in error.advice
    dump = f"  error: Detected that {plugin} exited prematurely.\n  plugin:no luck today"
    error = said(f"  error: could not read plugin [{plugin}]: exit status 3\n{dump}")
    assert error.reason.count("no luck today") == 1


def test_a_plugin_that_cannot_be_run_or_now_starts_is_said_as_that(
    plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "_START_SECONDS", 0.2)
    plugin.write_text("#!/bin/sh\nexec sleep 30\n")
    assert "timed out" in said(f"  error: could not read plugin [{plugin}]: EOF").reason
    plugin.write_bytes(b"\x7fELF of another machine")
    assert "Exec format error" in said(f"  error: could not read plugin [{plugin}]: x").reason


def test_other_failures_run_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", None)
    assert "no such role" in said("  error: no such role").reason
