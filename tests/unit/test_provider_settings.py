"""Settings of the AWS and Vault providers: which of them a rehearsal takes, and which it takes aside."""

import ast
from pathlib import Path

import pulumi_aws
import pulumi_vault
import pytest
import yaml

from iam_hardening import config
from iam_hardening.config import provider_settings
from iam_hardening.config.reading import read_project, read_stack
from rehearsal.errors import RehearsalError
from rehearsal.project import Project
from tests.stack_files import PROJECT, config_of

MEANT = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["111111111111"],
    "aws:defaultTags": {"tags": {"Team": "platform"}},
    "aws:ignoreTags": {"keyPrefixes": ["cost:"]},
}
REACH = {
    "aws:profile": "acme",
    "aws:assumeRoles": [{"roleArn": "arn:aws:iam::111111111111:role/deploy"}],
    "aws:secretKey": {"secure": "AAAB"},
    "aws:endpoints": [{"iam": "https://iam.example"}],
    "vault:address": "https://vault.example.com:8200",
    "vault:namespace": "admin/aws",
    "vault:token": {"secure": "AAAB"},
    "vault:authLoginUserpass": {"username": "x"},
}


def camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def settings_of_the_sdk(package: str) -> set[str]:
    """Read, not imported: the names that `pulumi_aws.config` has."""
    sdk = {"aws": pulumi_aws, "vault": pulumi_vault}[package]
    tree = ast.parse((Path(str(sdk.__file__)).parent / "config" / "vars.py").read_text())
    (variables,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {
        call.args[0].value
        for call in ast.walk(variables)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr.startswith("get")
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and "_" not in call.args[0].value
    }


@pytest.mark.parametrize("package", ["aws", "vault"])
def test_every_setting_of_the_provider_is_of_one_kind(package: str) -> None:
    meant, reach = provider_settings.MEANT[package], provider_settings.REACH[package]
    assert not meant & reach
    assert meant | reach == settings_of_the_sdk(package)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text(
        yaml.safe_dump({"name": PROJECT, "runtime": "python", "config": {"aws:profile": "shared"}})
    )
    return tmp_path


def write(folder: Path, **more: object) -> None:
    kept = {key: value for key, value in config_of("central").items() if not key.startswith("aws:")}
    content = {"config": {**kept, **MEANT, **more}, "encryptionsalt": "v1:abc"}
    (folder / "Pulumi.central.yaml").write_text(yaml.safe_dump(content))


def test_how_to_reach_the_real_account_is_left_out_with_a_line(folder: Path) -> None:
    write(folder, **REACH)
    (note,) = Project.find(folder).copy_to(folder / "copy")
    for key in REACH:
        assert key in note
    assert "secure" not in note
    assert "AAAB" not in note
    copy = yaml.safe_load((folder / "copy" / "Pulumi.central.yaml").read_text())
    assert {key for key in copy["config"] if key.startswith(("aws:", "vault:"))} == set(MEANT)
    assert copy["config"]["aws:ignoreTags"] == MEANT["aws:ignoreTags"]
    assert "encryptionsalt" not in copy
    assert yaml.safe_load((folder / "copy" / "Pulumi.yaml").read_text())["config"] == {}


def test_a_file_without_such_settings_has_no_line(folder: Path) -> None:
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": PROJECT, "runtime": "python"}))
    write(folder)
    assert Project.find(folder).copy_to(folder / "copy") == []


def test_a_setting_that_the_provider_lacks_is_reported_with_the_other_mistakes(folder: Path) -> None:
    write(
        folder,
        **{"aws:profil": "acme", "vault:adress": "https://v.example", "iam-hardening:protekt": True},
    )
    with pytest.raises(RehearsalError) as refused:
        Project.find(folder).copy_to(folder / "copy")
    said = str(refused.value)
    assert 'aws:profil: is not a setting of Pulumi\'s AWS provider; did you mean "profile"?' in said
    assert 'vault:adress: is not a setting of Pulumi\'s Vault provider; did you mean "address"?' in said
    assert "iam-hardening:protekt" in said
    assert not (folder / "copy").exists()


def test_the_settings_keep_what_operators_need_and_do_not_show_it(folder: Path) -> None:
    write(folder, **{"aws:profile": "acme", "aws:secretKey": "in-plain-text"})
    text = read_stack(folder / "Pulumi.central.yaml", read_project(folder))
    settings = config.load(text.config, project=PROJECT, stack="central")
    assert settings.reach == {"aws:profile": "acme", "aws:secretKey": "in-plain-text"}
    assert "in-plain-text" not in repr(settings)
