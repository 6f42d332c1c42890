"""The list of what plugins call, and how a rehearsal's record gets into it."""

import importlib.util
from typing import Any

import pytest
import yaml

from rehearsal import plugin_calls
from tests.stack_files import ROOT


def tool() -> Any:
    path = ROOT / "tools" / "plugin_calls.py"
    spec = importlib.util.spec_from_file_location("plugin_calls_tool", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_list_has_both_packages_and_sorted_calls_without_repetition() -> None:
    listed = plugin_calls.listed()
    assert set(listed) == {"aws", "vault"}
    for operations in listed.values():
        for calls in operations.values():
            assert calls == sorted(set(calls))


def test_what_is_not_listed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_calls, "listed", lambda: {"aws": {"pulumi up": ["iam:GetRole"]}})
    assert plugin_calls.not_listed({"aws": {"pulumi up": ["iam:GetRole"]}}) == []
    [said] = plugin_calls.not_listed({"aws": {"pulumi up": ["iam:GetRole", "iam:GetUser"]}})
    assert "`pulumi up`" in said
    assert "does not list: iam:GetUser (" in said
    assert len(plugin_calls.not_listed({"vault": {"pulumi preview": ["GET sys/mounts/aws"]}})) == 1


def test_a_record_is_added_and_nothing_is_taken_away() -> None:
    data = {"aws": {"recorded_with": None, "operations": {"pulumi up": ["iam:GetUser"]}}}
    found = tool().merged(data, {"aws": {"pulumi up": ["iam:GetRole"], "pulumi refresh": ["iam:GetRole"]}})
    operations = {"pulumi refresh": ["iam:GetRole"], "pulumi up": ["iam:GetRole", "iam:GetUser"]}
    assert found["aws"]["operations"] == operations
    assert found["aws"]["recorded_with"]


def test_the_file_keeps_its_comment(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tool()
    file, recorded = tmp_path / "plugin_calls.yaml", tmp_path / "rehearsal.json"
    file.write_text(plugin_calls.FILE.read_text())
    monkeypatch.setattr(module, "FILE", file)
    monkeypatch.setattr(module.sys, "argv", ["plugin_calls.py", str(recorded)])
    recorded.write_text('{"plugin_calls": {}}')
    assert module.main() == 2
    assert "nothing was recorded" in capsys.readouterr().err
    recorded.write_text('{"plugin_calls": {"vault": {"pulumi destroy": ["DELETE sys/mounts/new"]}}}')
    assert module.main() == 0
    assert file.read_text().splitlines()[0] == plugin_calls.FILE.read_text().splitlines()[0]
    assert (
        "DELETE sys/mounts/new" in yaml.safe_load(file.read_text())["vault"]["operations"]["pulumi destroy"]
    )
