"""Session Manager's preferences under the real engine: made, seen again, changed, mended, taken over."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.session_preferences import SessionPreferences, SessionPreferencesArgs
from iam_hardening.config import SessionPreferences as Section
from tests.accounts import account, section

pytestmark = pytest.mark.engine

NAME, GROUP = "SSM-SessionManagerRunShell", "/shells"
BY_HAND = json.dumps({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {}})


def program(*, days: int = 90, team: str = "platform", **changed: Any) -> Callable[[], None]:
    def run() -> None:
        preferences = section(Section, logGroup=GROUP, logRetentionDays=days, **changed)
        args = SessionPreferencesArgs(account=account(tags={"Team": team}), preferences=preferences)
        SessionPreferences("preferences", args)

    return run


def in_force(stack: Any) -> dict[str, Any]:
    """The inputs of the default version, by which sessions go."""
    content = stack.client("ssm").get_document(Name=NAME)["Content"]
    inputs: dict[str, Any] = json.loads(content)["inputs"]
    return inputs


def group(stack: Any) -> dict[str, Any]:
    (found,) = stack.client("logs").describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    return dict(found)


def test_preferences_are_made_stay_and_go(stack: Any) -> None:
    stack.up(program())
    assert stack.up().clean
    assert stack.refresh().clean
    assert in_force(stack)["maxSessionDuration"] == "60"
    assert group(stack)["retentionInDays"] == 90
    assert stack.client("ssm").describe_document(Name=NAME)["Document"]["Tags"] == [
        {"Key": "Team", "Value": "platform"}
    ]
    stack.destroy()
    assert stack.client("ssm").list_documents()["DocumentIdentifiers"] == []
    assert stack.client("logs").describe_log_groups()["logGroups"] == []


def test_other_preferences_are_in_force_after_one_up_in_place(stack: Any) -> None:
    stack.up(program())
    result = stack.up(program(maxDuration="2h", runAs="debugger"))
    assert result.changes == {"update": 1, "same": 3}
    changed = in_force(stack)
    assert (changed["maxSessionDuration"], changed["runAsDefaultUser"]) == ("120", "debugger")
    assert stack.up().clean
    # Back to what it was: a third version, not the first one again.
    assert stack.up(program()).changes == {"update": 1, "same": 3}
    assert in_force(stack)["maxSessionDuration"] == "60"
    assert stack.up().clean


def test_another_retention_and_other_tags_change_in_place(stack: Any) -> None:
    stack.up(program())
    assert stack.up(program(days=365, team="security")).changes == {"update": 2, "same": 2}
    assert group(stack)["retentionInDays"] == 365
    arn = group(stack)["logGroupArn"]
    assert stack.client("logs").list_tags_for_resource(resourceArn=arn)["tags"] == {"Team": "security"}
    assert stack.client("ssm").describe_document(Name=NAME)["Document"]["Tags"] == [
        {"Key": "Team", "Value": "security"}
    ]
    assert stack.up().clean


def test_what_a_hand_changed_is_shown_and_undone(stack: Any) -> None:
    stack.up(program())
    ssm = stack.client("ssm")
    ssm.update_document(Name=NAME, Content=BY_HAND, DocumentVersion="$LATEST")
    ssm.update_document_default_version(Name=NAME, DocumentVersion="2")
    stack.client("logs").delete_retention_policy(logGroupName=GROUP)
    assert stack.refresh().changes["update"] == 2
    assert stack.up().changes["update"] == 2
    assert in_force(stack)["maxSessionDuration"] == "60"
    assert group(stack)["retentionInDays"] == 90


def test_preferences_from_the_console_stop_the_up_and_are_taken_over_in_place(stack: Any) -> None:
    ssm = stack.client("ssm")
    ssm.create_document(Name=NAME, Content=BY_HAND, DocumentType="Session", DocumentFormat="JSON")
    assert "DocumentAlreadyExists" in stack.fails(program())

    def take_over() -> None:
        content = json.dumps(json.loads(BY_HAND))
        aws.ssm.Document(
            "preferences",
            name=NAME,
            document_type="Session",
            document_format="JSON",
            content=content,
            opts=pulumi.ResourceOptions(import_=NAME),
        )

    assert stack.up(take_over).changes.get("import") == 1

    def ours() -> None:
        content = json.dumps(Section().document())
        aws.ssm.Document(
            "preferences", name=NAME, document_type="Session", document_format="JSON", content=content
        )

    assert stack.up(ours).updated == {"preferences"}
    assert in_force(stack)["maxSessionDuration"] == "60"
