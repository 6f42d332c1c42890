"""Session Manager's preferences: the document of an account and region, who changes it, and what it does.

Calls and answers are those that terraform-provider-aws makes and expects (internal/service/ssm/document.go).
"""

import json
from typing import Any

import pytest

from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.config import SessionPreferences
from tests.emulator.cloud import (
    ALLOWED,
    EVERYTHING,
    REGION,
    Account,
    Cloud,
    Gap,
    allow,
    document,
    names,
    trust,
    verdict,
)
from tests.emulator.test_ec2 import launch

pytestmark = pytest.mark.emulator

NAME = "SSM-SessionManagerRunShell"
REFUSED = "AccessDeniedException"
TAGS = [{"Key": "Team", "Value": "platform"}]


def content(**changed: Any) -> str:
    return json.dumps(SessionPreferences.model_validate(changed).document())


def create(account: Account, text: str | None = None, name: str = NAME) -> dict[str, Any]:
    ssm = account.client("ssm")
    made: dict[str, Any] = ssm.create_document(
        Name=name,
        Content=text or content(),
        DocumentType="Session",
        DocumentFormat="JSON",
        Tags=TAGS,
    )
    return made


def a_document(cloud: Cloud) -> str:
    account = cloud.account()
    ssm = account.client("ssm")
    arguments = {"Name": NAME, "Content": content(), "DocumentType": "Session"}
    return verdict(ssm.create_document, **arguments)


def events_of(cloud: Cloud, pattern: str) -> str:
    """Whether someone who may read just what the pattern covers reads a stream of the group `shells`."""
    account = cloud.account()
    logs = account.client("logs")
    logs.create_log_group(logGroupName="shells")
    logs.create_log_stream(logGroupName="shells", logStreamName="ada")
    arn = f"arn:aws:logs:{REGION}:{account.id}:log-group:shells{pattern}"
    reader = account.user("Ada", document(allow("logs:GetLogEvents", arn))).client("logs")
    return verdict(reader.get_log_events, logGroupName="shells", logStreamName="ada")


def a_query_of_two_groups(cloud: Cloud) -> str:
    account = cloud.account()
    logs = account.client("logs")
    for name in ("mine", "shells"):
        logs.create_log_group(logGroupName=name)
    arn = f"arn:aws:logs:{REGION}:{account.id}:log-group:mine:*"
    reader = account.user("Ada", document(allow("logs:StartQuery", arn))).client("logs")
    query = {"startTime": 0, "endTime": 1, "queryString": "fields @message"}
    return verdict(reader.start_query, logGroupNames=["mine", "shells"], **query)


GAPS = (
    Gap("there are documents", a_document, ALLOWED, "InvalidAction"),
    Gap("a stream is read on its own ARN", lambda c: events_of(c, ":log-stream:ada"), ALLOWED, REFUSED),
    Gap("a group's ARN ends with :*", lambda c: events_of(c, ""), REFUSED, ALLOWED),
)


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_emulated_aws_answers_as_aws(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_behaviour_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


@pytest.fixture
def account(emulated: Cloud) -> Account:
    return emulated.account()


def test_a_query_is_authorised_on_every_group_that_it_reads(emulated: Cloud) -> None:
    assert a_query_of_two_groups(emulated) == REFUSED


def test_the_preferences_are_made_read_changed_and_deleted(account: Account) -> None:
    ssm = account.client("ssm")
    assert create(account)["DocumentDescription"]["Name"] == NAME
    described = ssm.describe_document(Name=NAME)["Document"]
    assert (described["Status"], described["SchemaVersion"], described["DefaultVersion"]) == (
        "Active",
        "1.0",
        "1",
    )
    assert described["Tags"] == TAGS
    assert verdict(create, account=account) == "DocumentAlreadyExists"
    assert ssm.describe_document_permission(Name=NAME, PermissionType="Share")["AccountIds"] == []
    longer = content(maxDuration="2h")
    changed = ssm.update_document(Name=NAME, Content=longer, DocumentVersion="1", DocumentFormat="JSON")
    # Sessions go by the default version, which is still the first one.
    assert changed["DocumentDescription"]["DocumentVersion"] == "2"
    assert ssm.get_document(Name=NAME)["Content"] == content()
    assert ssm.get_document(Name=NAME, DocumentVersion="$LATEST")["Content"] == longer
    ssm.update_document_default_version(Name=NAME, DocumentVersion="2")
    assert ssm.get_document(Name=NAME)["Content"] == longer
    ssm.delete_document(Name=NAME)
    assert verdict(ssm.describe_document, Name=NAME) == "InvalidDocument"
    assert verdict(ssm.get_document, Name=NAME) == "InvalidDocument"


def test_what_aws_would_not_take_is_refused(account: Account) -> None:
    ssm = account.client("ssm")
    create(account)
    update = {"Name": NAME, "DocumentFormat": "JSON"}
    assert verdict(ssm.update_document, **update, DocumentVersion="$LATEST", Content=content()) == (
        "DuplicateDocumentContent"
    )
    other = content(idleTimeout="5m")
    assert (
        verdict(ssm.update_document, **update, DocumentVersion="7", Content=other) == "InvalidDocumentVersion"
    )
    assert (
        verdict(ssm.update_document, **update, DocumentVersion="1", Content="{") == "InvalidDocumentContent"
    )
    newer = json.dumps({**json.loads(other), "schemaVersion": "2.2"})
    assert verdict(ssm.update_document, **update, DocumentVersion="1", Content=newer) == (
        "InvalidDocumentSchemaVersion"
    )
    default = ssm.update_document_default_version
    assert verdict(default, Name=NAME, DocumentVersion="2") == "InvalidDocumentVersion"


def test_a_documents_tags_are_its_own(account: Account) -> None:
    ssm = account.client("ssm")
    create(account)
    about = {"ResourceType": "Document", "ResourceId": NAME}
    ssm.add_tags_to_resource(**about, Tags=[{"Key": "Stage", "Value": "test"}])
    ssm.remove_tags_from_resource(**about, TagKeys=["Team"])
    assert ssm.list_tags_for_resource(**about)["TagList"] == [{"Key": "Stage", "Value": "test"}]
    assert ssm.describe_document(Name=NAME)["Document"]["Tags"] == [{"Key": "Stage", "Value": "test"}]
    gone = {**about, "ResourceId": "another"}
    assert verdict(ssm.list_tags_for_resource, **gone) == "InvalidResourceId"


def test_a_document_is_of_one_account_and_region(emulated: Cloud) -> None:
    account, other = emulated.account(), emulated.account()
    create(account)
    assert verdict(other.client("ssm").describe_document, Name=NAME) == "InvalidDocument"
    assert verdict(account.client("ssm", "us-east-1").describe_document, Name=NAME) == "InvalidDocument"
    listed = account.client("ssm").list_documents()["DocumentIdentifiers"]
    assert [each["Name"] for each in listed] == [NAME]


def test_changing_a_document_is_authorised_on_that_document(account: Account) -> None:
    create(account)
    create(account, name="another")
    arn = f"arn:aws:ssm:{REGION}:{account.id}:document/another"
    ada = account.user("Ada", document(allow(["ssm:*Document*", "ssm:AddTagsToResource"], arn))).client("ssm")
    assert verdict(ada.delete_document, Name=NAME) == REFUSED
    update = {"Content": content(idleTimeout="5m"), "DocumentVersion": "1"}
    assert verdict(ada.update_document, Name=NAME, **update) == REFUSED
    assert verdict(ada.update_document, Name="another", **update) == ALLOWED
    about = {"ResourceType": "Document", "Tags": TAGS}
    assert verdict(ada.add_tags_to_resource, ResourceId=NAME, **about) == REFUSED
    assert verdict(ada.add_tags_to_resource, ResourceId="another", **about) == ALLOWED


def test_a_session_goes_by_the_preferences_of_its_account(account: Account) -> None:
    ssm = account.client("ssm")
    instance = launch(account)["InstanceId"]

    def opened(**options: str) -> tuple[str, str | None]:
        identifier = ssm.start_session(Target=instance, **options)["SessionId"]
        sessions = ssm.describe_sessions(State="Active")["Sessions"]
        (found,) = [each for each in sessions if each["SessionId"] == identifier]
        return found["DocumentName"], found.get("MaxSessionDuration")

    assert opened() == (NAME, None)
    assert verdict(ssm.start_session, Target=instance, DocumentName=NAME) == "InvalidDocument"
    create(account, content(maxDuration="45m"))
    assert opened() == (NAME, "45")
    assert opened(DocumentName=NAME) == (NAME, "45")
    # AWS's own document has inputs of its own.
    assert opened(DocumentName="AWS-StartSSHSession") == ("AWS-StartSSHSession", None)


def test_who_debugs_gets_a_shell_by_the_preferences_and_by_no_other_document(account: Account) -> None:
    create(account)
    create(account, content(maxDuration="24h"), name="without-limits")
    instance = launch(account)["InstanceId"]
    statements = roles_policies.debug_instance(f"arn:aws:ec2:{REGION}:{account.id}:instance/{instance}")
    ada = account.user("Ada", document(*statements)).client("ssm")
    start = {"Target": instance}
    assert verdict(ada.start_session, **start, DocumentName=NAME) == ALLOWED
    for other in ("without-limits", "AWS-StartSSHSession", "AWS-StartPortForwardingSession"):
        assert verdict(ada.start_session, **start, DocumentName=other) == REFUSED
    # Where the policy asks for the check, a document has to be named.
    assert verdict(ada.start_session, **start) == REFUSED


def test_a_session_that_was_ended_is_not_taken_up_again(account: Account) -> None:
    ssm = account.user("Ada", EVERYTHING).client("ssm")
    opened = ssm.start_session(Target=launch(account)["InstanceId"])["SessionId"]
    assert verdict(ssm.resume_session, SessionId=opened) == ALLOWED
    ssm.terminate_session(SessionId=opened)
    assert verdict(ssm.resume_session, SessionId=opened) == "DoesNotExistException"
    ended = ssm.describe_sessions(State="History")["Sessions"]
    assert [(each["SessionId"], each["Status"]) for each in ended] == [(opened, "Terminated")]


def test_a_shell_is_ended_by_the_user_who_opened_it(account: Account) -> None:
    own = document(
        allow("ssm:StartSession"), allow("ssm:TerminateSession", "arn:aws:ssm:*:*:session/${aws:username}-*")
    )
    ada, bob = account.user("Ada", own).client("ssm"), account.user("Bob", own).client("ssm")
    opened = ada.start_session(Target=launch(account)["InstanceId"])["SessionId"]
    assert verdict(bob.terminate_session, SessionId=opened) == "AccessDeniedException"
    assert verdict(ada.terminate_session, SessionId=opened) == ALLOWED


def test_a_shell_belongs_to_the_role_session_that_opened_it(account: Account) -> None:
    """The program's own statements, for users and for role sessions, which have no user name."""
    create(account)
    instance = launch(account)["InstanceId"]
    statements = roles_policies.debug_instance(f"arn:aws:ec2:{REGION}:{account.id}:instance/{instance}")
    role = account.role("debug", trust(account.root_arn), document(*statements))
    ada, bob = (
        account.user(name, document(allow("sts:AssumeRole"))).assume(role, RoleSessionName=name).client("ssm")
        for name in ("Ada", "Bob")
    )
    carol = account.user("Carol", document(*statements)).client("ssm")
    for opener, others in ((ada, (bob, carol)), (carol, (ada, bob))):
        opened = opener.start_session(Target=instance, DocumentName=NAME)["SessionId"]
        for other in others:
            assert verdict(other.terminate_session, SessionId=opened) == "AccessDeniedException"
            assert verdict(other.resume_session, SessionId=opened) == "AccessDeniedException"
        assert verdict(opener.resume_session, SessionId=opened) == ALLOWED
        assert verdict(opener.terminate_session, SessionId=opened) == ALLOWED
