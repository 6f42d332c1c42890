"""Pulumi ESC environments in stack files: never opened; their configuration comes from a file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from iam_hardening import config
from iam_hardening.cli import main
from iam_hardening.config import environments
from iam_hardening.config.environments import Values
from iam_hardening.config.files import settings_of
from iam_hardening.config.reading import read_project, read_stack
from rehearsal.errors import RehearsalError
from rehearsal.project import Project
from tests.stack_files import PROJECT, config_of

GIVEN = {"aws:region": "eu-central-1", "aws:allowedAccountIds": ["111111111111"]}


@pytest.fixture(autouse=True)
def no_values() -> Iterator[None]:
    yield
    environments.use(None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
    write(tmp_path, ["acme/aws-dev"])
    return tmp_path


def write(folder: Path, environment: Any, **more: Any) -> None:
    kept = {key: value for key, value in config_of("central").items() if not key.startswith("aws:")}
    content = {"environment": environment, "config": {**kept, **more}}
    (folder / "Pulumi.central.yaml").write_text(yaml.safe_dump(content))


def use(folder: Path, content: Any) -> None:
    file = folder / "values.json"
    file.write_text(json.dumps(content))
    environments.use(file)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (None, ()),
        ([], ()),
        (["a", "b/c@stable"], ("a", "b/c@stable")),
        ([{"a": {"merge": False}}, "b"], ("a", "b")),
        ({"imports": ["a"]}, ("a",)),
        ({"imports": ["a"], "values": {"pulumiConfig": {}}}, ("a",)),
        ({"imports": None, "values": {"pulumiConfig": {"a:b": "c"}}}, ()),
        ({"values": {"pulumiConfig": {"a:b": "${c.d}"}}}, ("its own values",)),
        ({"values": {"aws": {"login": {}}}}, ("its own values",)),
        ([None, "a"], ("a",)),
        (True, ()),
        ("a", ("a",)),
    ],
)
def test_the_names_in_every_way_to_write_them(written: Any, names: tuple[str, ...]) -> None:
    assert environments.names(written) == names


@pytest.mark.parametrize(
    "content",
    [
        GIVEN,
        {
            "pulumiConfig": GIVEN,
            "environmentVariables": {"AWS_SESSION_TOKEN": "secret"},
            "aws": {"login": {}},
        },
        {"values": {"pulumiConfig": GIVEN, "aws": {"login": {"fn::open::aws-login": {}}}}},
        {"acme/aws-dev": GIVEN},
        {"central": {"pulumiConfig": GIVEN}},
        {"acme/iam-hardening/central": GIVEN},
        {"acme/aws-dev@stable": GIVEN},
        {"config": GIVEN, "encryptionsalt": "v1:abc"},
        {key: {"value": json.dumps(value) if key.endswith("Ids") else value} for key, value in GIVEN.items()},
    ],
)
def test_the_values_come_from_the_file_in_each_shape(folder: Path, content: Any) -> None:
    use(folder, content)
    settings = settings_of(folder)["central"]
    assert (settings.region, settings.account_id) == ("eu-central-1", "111111111111")


def test_the_values_of_a_stack_file_count_more_and_mappings_are_merged(folder: Path) -> None:
    write(folder, ["a", "b"], **{"aws:defaultTags": {"tags": {"Team": "own"}}})
    use(
        folder,
        {
            "a": {**GIVEN, "aws:defaultTags": {"tags": {"Team": "a", "Cost": "a"}}},
            "b": {"aws:region": "us-east-1", "aws:defaultTags": {"tags": {"Cost": "b"}}},
        },
    )
    found = read_stack(folder / "Pulumi.central.yaml", read_project(folder)).config
    assert found["aws:defaultTags"] == {"tags": {"Team": "own", "Cost": "b"}}
    assert found["aws:region"] == "us-east-1"


def test_a_file_that_opens_no_environment_gets_none_of_the_values(folder: Path) -> None:
    write(folder, None)
    use(folder, GIVEN)
    with pytest.raises(config.ConfigError, match="aws:region: is missing"):
        settings_of(folder)


def test_what_is_missing_is_named_with_the_option_and_nothing_is_copied(folder: Path) -> None:
    with pytest.raises(RehearsalError) as refused:
        Project.find(folder).copy_to(folder / "copy")
    said = str(refused.value)
    assert "environment: is acme/aws-dev, which is never opened here" in said
    assert "If it gives aws:region, aws:allowedAccountIds: write them into a file" in said
    assert "--environment-values FILE" in said
    assert not (folder / "copy").exists()


def test_what_the_file_of_values_lacks_is_named(folder: Path) -> None:
    use(folder, {"aws:region": "eu-central-1"})
    with pytest.raises(config.ConfigError) as refused:
        settings_of(folder)
    assert "If it gives aws:allowedAccountIds: add them to values.json" in str(refused.value)


def test_a_mistake_that_no_environment_can_mend_is_left_as_it_is(folder: Path) -> None:
    write(folder, ["a"], **GIVEN, **{"iam-hardening:protekt": True})
    with pytest.raises(config.ConfigError) as refused:
        settings_of(folder)
    assert "environment" not in str(refused.value)


def test_the_copy_for_the_engine_has_the_values_and_no_environment(folder: Path) -> None:
    use(folder, GIVEN)
    (note,) = Project.find(folder).copy_to(folder / "copy")
    assert note == "Pulumi.central.yaml: the configuration of acme/aws-dev is from values.json."
    copy = yaml.safe_load((folder / "copy" / "Pulumi.central.yaml").read_text())
    assert "environment" not in copy
    assert copy["config"]["aws:region"] == "eu-central-1"


def test_an_environment_that_is_not_needed_is_not_opened_and_mentioned(folder: Path) -> None:
    write(folder, ["acme/aws-dev"], **GIVEN)
    lines: list[str] = []
    settings_of(folder, report=lines.append)
    assert lines == Project.find(folder).copy_to(folder / "copy")
    assert lines == [
        "Pulumi.central.yaml: the environment acme/aws-dev was not opened. If it gives configuration: "
        "--environment-values FILE."
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "file: gives no configuration"),
        ({"environmentVariables": {"AWS_REGION": "x"}}, "file: gives no configuration"),
        ({"pulumiConfig": ["x"]}, "pulumiConfig: is neither"),
        ({"aws:region": "${aws.region}"}, "aws:region: is an expression that only ESC evaluates"),
        ({"aws:region": '${pulumiConfig["aws:region"]}'}, "aws:region: is an expression"),
        ({"region": "us-east-1"}, "region: is neither a configuration key, which has a namespace"),
        ({"acme/aws-dev": None}, "acme/aws-dev: is neither"),
        ({"a": {"aws:region": {"fn::secret": "x"}}}, "a.aws:region: is an expression"),
    ],
)
def test_a_file_of_values_that_says_nothing_is_refused(content: Any, said: str) -> None:
    with pytest.raises(config.ConfigError, match=said):
        Values.of("values.json", content)


def test_policy_variables_are_no_expressions() -> None:
    content = {
        "iam-hardening:x": "arn:aws:iam::111111111111:user/${aws:username}",
        "iam-hardening:y": "$${z}",
    }
    assert Values.of("values.json", content).common == content


def test_the_command_line_takes_the_file_and_gives_it_back(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "values.yaml").write_text("aws:region: eu-central-1\naws:allowedAccountIds: ['111111111111']\n")
    command = ["client-config", "--person", "Administrator", "--device", "phone"]
    assert main([*command, "--environment-values", "values.yaml"]) == 0
    assert "region = eu-central-1" in capsys.readouterr().out
    assert main([*command]) == 2
    assert main([*command, "--environment-values", "nowhere.yaml"]) == 2
    assert "nowhere.yaml has 1 mistake" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        {"acme/aws-dve": {"iam-hardening:protect": False}, **GIVEN},
        {"users": {"Bob": {"groups": []}}, **GIVEN},
        {"aws": {"region": "x"}, **GIVEN},
    ],
)
def test_a_name_that_no_stack_file_has_is_reported_and_nothing_is_lost(folder: Path, content: Any) -> None:
    use(folder, content)
    with pytest.raises(config.ConfigError, match=r"(?s)values\.json.*is no stack with an environment"):
        settings_of(folder)
    with pytest.raises(RehearsalError, match="is no stack with an environment"):
        Project.find(folder).copy_to(folder / "copy")


def test_a_broken_file_of_another_stack_does_not_make_its_environment_a_mistake(folder: Path) -> None:
    (folder / "Pulumi.prod.yaml").write_text("environment: [acme/aws-prod]\nconfig: {a: 012}\n")
    use(folder, {**GIVEN, "acme/aws-prod": {"aws:region": "us-east-1"}})
    lines: list[str] = []
    assert settings_of(folder, ["central"], report=lines.append)["central"].region == "eu-central-1"
    assert any("Pulumi.prod.yaml is left out" in line for line in lines)
    (folder / "Pulumi.prod.yaml").unlink()
    with pytest.raises(config.ConfigError, match="acme/aws-prod: is no stack with an environment"):
        settings_of(folder, ["central"])


def test_what_an_inline_environment_has_in_plain_text_counts(folder: Path) -> None:
    write(folder, {"values": {"pulumiConfig": GIVEN}})
    lines: list[str] = []
    settings = settings_of(folder, report=lines.append)["central"]
    assert (settings.region, lines) == ("eu-central-1", [])


def test_no_value_of_the_file_is_in_a_message(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "values.yaml").write_text(
        "environmentVariables: {PIN: 0812346}\npulumiConfig: {aws:region: 08123}\n"
    )
    command = ["client-config", "--person", "Administrator", "--device", "phone"]
    assert main([*command, "--environment-values", "values.yaml"]) == 2
    said = capsys.readouterr().err
    assert "which Pulumi reads as a number: put it in quotes" in said
    assert "08123" not in said


def test_json_as_programs_write_it_is_read(folder: Path) -> None:
    file = folder / "values.json"
    file.write_text(json.dumps({**GIVEN, "iam-hardening:tags": {"Note": "\U00020000"}}, indent="\t"))
    environments.use(file)
    assert settings_of(folder)["central"].tags["Note"] == "\U00020000"
