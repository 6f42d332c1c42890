"""Stack files as commands read them: a sentence with file and line for each mistake, and no more files than
the command is about. That the values are the engine's is in tests/infrastructure/test_reading.py."""

import shutil
from pathlib import Path

import pulumi
import pytest

from iam_hardening.clients import operator
from iam_hardening.commands import revoke_sessions
from iam_hardening.commands.jit import audit, issue, revoke, sweep
from iam_hardening.config import ConfigError, ConfigErrors
from iam_hardening.config.files import check_stack_file, settings_of, stack_names
from iam_hardening.config.reading import encrypted_keys, read_project, read_stack
from rehearsal.errors import RehearsalError
from rehearsal.project import Project
from tests.conftest import recorder_of_the_program
from tests.options import options
from tests.stack_files import ROOT

PROJECT = "name: iam-hardening\nruntime: python\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped stack files."""
    for name in ("Pulumi.yaml", "Pulumi.central.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


# What stands in a file → what is said of it.
BROKEN: dict[str, tuple[str | bytes, str]] = {
    "empty": (
        "",
        "Pulumi.prod.yaml has 1 mistake; nothing was changed:\n  config: is missing: the file is empty",
    ),
    "as pulumi stack init leaves it": (
        "secretsprovider: awskms://alias/pulumi\nencryptedkey: AQIC\n",
        "config: is missing: the file is empty, or as `pulumi stack init` made it",
    ),
    "a merge conflict": (
        "config:\n<<<<<<< HEAD\n  aws:region: us-east-1\n=======\n  aws:region: eu-west-1\n>>>>>>> other\n",
        "line 2: has a merge conflict (<<<<<<<): settle it, and remove the markers",
    ),
    "a tab": ("config:\n\taws:region: us-east-1\n", "line 2: is not YAML: a tab; indent with spaces"),
    "an open bracket": ("config:\n  a: [1\n", "is not YAML: "),
    "a list": ("- a\n", "line 1: is not a mapping"),
    "config is text": ("config: text\n", "config: is not a mapping of keys"),
    "two documents": ("config: {a: 1}\n---\nconfig: {a: 2}\n", "line 3: begins a second document"),
    "not UTF-8": (b"config:\n  a: \xe4\n", "line 2: is not UTF-8 text"),
    "a sign that YAML does not allow": (
        "config:\n  a: x\x07\n",
        "line 2: has a character that YAML does not",
    ),
    "a number with a zero in front": (
        "config:\n  users:\n    Kari: {groups: [0812345]}\n",
        "line 3, users.Kari.groups[0]: is 0812345, which Pulumi reads as a number: put it in quotes",
    ),
    "a name that is a number": (
        "config:\n  users:\n    0812346: {groups: [A]}\n",
        "line 3, users.0812346: is the key 0812346, which Pulumi reads as a number: put it in quotes",
    ),
    "a date": ("config:\n  tags: {Since: 2024-01-31}\n", "is 2024-01-31, which Pulumi reads as a date"),
    "a boolean for a name": (
        "config:\n  users: {true: x}\n",
        "is the key true, which Pulumi reads as a boolean",
    ),
    "a key twice": ("config:\n  a: {b: 1, b: 2}\n", "line 2, a.b: is there twice"),
    "a key with and without its namespace": ("config: {a: 1, 'iam-hardening:a': 2}\n", "is there twice"),
    "a tag": ("config:\n  a: !!binary aGk=\n", "line 2, a: has the tag"),
    "a reference to itself": ("config:\n  a: &a [*a]\n", "refers to itself"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_file_that_cannot_be_used_gets_a_sentence(folder: Path, what: str) -> None:
    content, sentence = BROKEN[what]
    file = folder / "Pulumi.prod.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as refused:
        read_stack(file, read_project(folder))
    assert sentence in str(refused.value)
    assert "Pulumi.prod.yaml has " in str(refused.value)


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_of_another_stack_is_left_out_and_reported(folder: Path, what: str) -> None:
    content, _ = BROKEN[what]
    (folder / "Pulumi.prod.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    reported: list[str] = []
    assert list(settings_of(folder, needed=["dev"], report=reported.append)) == ["central", "dev"]
    assert len(reported) == 1
    assert reported[0].startswith("Pulumi.prod.yaml is left out: ")
    with pytest.raises(ConfigError):
        settings_of(folder, needed=["prod"])


def test_a_folder_in_place_of_a_file_gets_a_sentence(folder: Path) -> None:
    (folder / "Pulumi.prod.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"Pulumi\.prod\.yaml has 1 mistake.*\n  file: cannot be read: "):
        settings_of(folder)


def test_all_mistakes_of_all_files_are_reported_at_once(folder: Path) -> None:
    for stack in ("prod", "test"):
        (folder / f"Pulumi.{stack}.yaml").write_text("config: {valut: {}}\n")
    with pytest.raises(ConfigErrors) as refused:
        settings_of(folder)
    assert "Pulumi.prod.yaml has 4 mistakes" in str(refused.value)
    assert "Pulumi.test.yaml has 4 mistakes" in str(refused.value)


@pytest.mark.parametrize(
    "run",
    [
        lambda: revoke_sessions.run(
            **options(["--role", "test_role", "--stack", "dev"]), make_client=_unreachable
        ),
        lambda: revoke.role_of("dev", "test", None) and 2,
        lambda: sweep._account_with_vault("dev", None) and 2,
        lambda: audit._account("dev", None) and 2,
        lambda: issue._place("dev", "test", None) and 2,
    ],
    ids=["revoke-sessions", "jit revoke", "jit sweep", "jit audit", "jit issue"],
)
def test_in_an_incident_an_unfinished_stack_is_in_nobodys_way(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run: object
) -> None:
    (folder / "Pulumi.prod.yaml").write_text("secretsprovider: awskms://alias/pulumi\n")
    monkeypatch.chdir(folder)
    assert callable(run)
    run()
    reported = capsys.readouterr().err
    assert "Pulumi.prod.yaml is left out: config: is missing" in reported
    assert "Pulumi.prod.yaml has" not in reported


def _unreachable(*_: object) -> object:
    raise operator.CannotError("AWS is out of reach in this test")


def test_what_pulumi_yaml_declares_counts_in_every_stack(folder: Path) -> None:
    (folder / "Pulumi.yaml").write_text(
        PROJECT
        + "config:\n"
        + "  tags: {default: {Team: platform}, type: object}\n"
        + "  onboarding: open\n"
        + "  aws:region: {value: eu-west-1}\n"
    )
    file = folder / "Pulumi.central.yaml"
    file.write_text(file.read_text().replace("  aws:region: us-east-1\n", ""))
    own = settings_of(folder, needed=["central"])["central"]
    assert own.tags["Team"] == "platform"
    assert own.region == "eu-west-1"


def test_a_key_that_pulumi_yaml_declares_without_a_value_is_missing(folder: Path) -> None:
    (folder / "Pulumi.yaml").write_text(PROJECT + "config:\n  onboarding: {type: string}\n")
    with pytest.raises(ConfigError, match=r"iam-hardening:onboarding: is missing: Pulumi\.yaml declares it"):
        settings_of(folder, needed=["dev"])


@pytest.mark.parametrize("line", ["stackConfigDir: stacks\n", "config: stacks\n"])
def test_stack_files_are_where_pulumi_yaml_says(folder: Path, line: str) -> None:
    (folder / "Pulumi.yaml").write_text(PROJECT + line)
    (folder / "stacks").mkdir()
    for stack in ("central", "dev"):
        (folder / f"Pulumi.{stack}.yaml").rename(folder / "stacks" / f"Pulumi.{stack}.yaml")
    assert list(settings_of(folder)) == ["central", "dev"]
    project = Project.find(folder)
    assert project.stacks == ("central", "dev")
    project.copy_to(folder / "copy")
    assert stack_names(folder / "copy") == ["central", "dev"]
    assert read_project(folder / "copy").stack_folder == folder / "copy"


def test_a_copy_means_the_same_and_has_no_encryption(folder: Path) -> None:
    file = folder / "Pulumi.dev.yaml"
    file.write_text(file.read_text() + "  tags: {Country: NO, At: 12:30:45}\nencryptionsalt: v1:abc\n")
    Project.find(folder).copy_to(folder / "copy")
    before = read_stack(file, read_project(folder))
    after = read_stack(folder / "copy" / file.name, read_project(folder / "copy"))
    assert after.config == before.config
    assert before.config["iam-hardening:tags"] == {"Country": "NO", "At": "12:30:45"}
    assert after.rest == {}


def test_a_rehearsal_says_what_is_wrong_with_all_files_and_copies_none(folder: Path) -> None:
    (folder / "Pulumi.prod.yaml").write_text("config: {a: 012}\n")
    (folder / "Pulumi.test.yaml").write_text("config: {a: {secure: AAAB}}\n")
    with pytest.raises(RehearsalError) as refused:
        Project.find(folder).copy_to(folder / "copy")
    assert "line 1, a: is 012, which Pulumi reads as a number" in str(refused.value)
    assert "iam-hardening:a: is a secret (secure:), and nothing in this file is one" in str(refused.value)
    assert not (folder / "copy").exists()


def test_secrets_are_found_wherever_they_stand() -> None:
    config = {"a": {"secure": "x"}, "b": [{"c": {"secure": "x"}}], "d": {"secure": "x", "more": 1}, "e": "x"}
    assert encrypted_keys(config) == ["a", "b"]


def test_the_program_refuses_a_file_that_means_something_else_than_it_says(folder: Path) -> None:
    check_stack_file(folder, "dev")
    check_stack_file(folder, "not-there")
    check_stack_file(folder / "elsewhere", "dev")
    (folder / "Pulumi.dev.yaml").write_text("config:\n  users: {0812346: {groups: [A]}}\n")
    with pytest.raises(ConfigError, match="which Pulumi reads as a number: put it in quotes"):
        check_stack_file(folder, "dev")


def test_the_program_looks_at_the_file_that_the_engine_read(
    folder: Path, record_into: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(record_into)
    recorder = record_into(recorder_of_the_program(), stack="dev")
    (folder / "Pulumi.dev.yaml").write_text("config:\n  users: {0812346: {groups: [A]}}\n")
    monkeypatch.setattr(pulumi.runtime.settings.SETTINGS, "root_directory", str(folder), raising=False)
    import runpy

    with pytest.raises(pulumi.RunError, match="0812346, which Pulumi reads as a number"):
        recorder.run(lambda: runpy.run_path(str(ROOT)))
