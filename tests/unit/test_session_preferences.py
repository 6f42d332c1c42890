"""The preferences of Session Manager: one document for the account and region, and the log group it names."""

import json

import pytest

from components.session_preferences import SessionPreferences, SessionPreferencesArgs
from iam_hardening.config import SessionPreferences as Section
from tests.accounts import account, section
from tests.recorder import Recorder

TAGS = {"Stack": "dev"}
DOCUMENT = "aws:ssm/document:Document"
GROUP = "aws:cloudwatch/logGroup:LogGroup"
WANTED = section(Section, maxDuration="30m", logGroup="/shells", logRetentionDays=90)


def record(recorder: Recorder, *, protect: bool = True) -> None:
    args = SessionPreferencesArgs(account=account(protect=protect), preferences=WANTED)
    recorder.run(lambda: SessionPreferences("preferences", args))


def test_the_document_is_the_one_that_session_manager_looks_for(recorder: Recorder) -> None:
    record(recorder)
    inputs = dict(recorder.one(DOCUMENT, "preferences").inputs)
    assert json.loads(inputs.pop("content")) == WANTED.document()
    assert inputs == {
        "name": "SSM-SessionManagerRunShell",
        "documentType": "Session",
        "documentFormat": "JSON",
        "tags": TAGS,
    }


def test_the_log_group_is_there_before_the_document_that_names_it(recorder: Recorder) -> None:
    record(recorder)
    group = recorder.one(GROUP, "preferences")
    assert group.inputs == {"name": "/shells", "retentionInDays": 90, "tags": TAGS}
    assert group.urn in recorder.one(DOCUMENT, "preferences").dependencies


@pytest.mark.parametrize("protect", [True, False])
def test_what_was_typed_is_kept_from_deletion(recorder: Recorder, protect: bool) -> None:
    record(recorder, protect=protect)
    assert recorder.one(GROUP, "preferences").options == ({"protect": True} if protect else {})
    assert recorder.one(DOCUMENT, "preferences").options == {}
