"""`iam-hardening adopt` without engine and account: the import file, look-ups by name, and changes in
words."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from iam_hardening.commands.adopt.caller import Caller, identify
from iam_hardening.commands.adopt.findings import Adoption
from iam_hardening.commands.adopt.lockout import kept
from iam_hardening.commands.adopt.lookups import UNKNOWN, Existing, TakenError
from iam_hardening.commands.adopt.scratch import ImportFile, Step
from iam_hardening.commands.adopt.show import changed
from iam_hardening.commands.verify.identities import Live
from tests.unit.adoption import Iam, holding, of_aws

STACK = "urn:pulumi:central::iam-hardening"
GROUP_URN = f"{STACK}::iam-hardening:index:PeopleGroup$aws:iam/group:Group::Administrators"
CONTENT = {
    "resources": [
        {"type": "iam-hardening:index:PeopleGroup", "name": "Administrators", "component": True},
        {"type": "iam-hardening:index:PeopleGroup", "name": "Auditors", "component": True},
        {
            "type": "aws:iam/group:Group",
            "name": "AdministratorsGroup",
            "logicalName": "Administrators",
            "id": "<PLACEHOLDER>",
            "parent": "Administrators",
        },
        {"type": "aws:iam/group:Group", "name": "AuditorsGroup", "id": "<PLACEHOLDER>", "parent": "Auditors"},
    ]
}


def test_the_file_has_what_exists_and_the_components_that_it_is_in_and_no_placeholder() -> None:
    template = ImportFile.read(CONTENT, "central", "iam-hardening")
    content = template.with_ids({GROUP_URN: "Administrators"})
    assert [entry["name"] for entry in content["resources"]] == ["Administrators", "AdministratorsGroup"]
    assert content["resources"][1]["id"] == "Administrators"
    assert "PLACEHOLDER" not in json.dumps(content)
    assert template.with_ids({}) == {"resources": []}


def test_a_component_that_the_stack_has_already_is_named_in_the_table() -> None:
    parent = f"{STACK}::iam-hardening:index:PeopleGroup::Administrators"
    content = {"nameTable": {"Administrators": parent}, "resources": [CONTENT["resources"][2]]}
    template = ImportFile.read(content, "central", "iam-hardening")
    assert template.with_ids({GROUP_URN: "A"})["nameTable"] == {"Administrators": parent}


def existing(**records: dict[str, Any]) -> Existing:
    found: Any = {"user": {}, "group": {}, "role": {}} | records
    live = Live(records=found, policies={"own": {"Arn": "arn:aws:iam::111111111111:policy/teams/own"}})
    return Existing(clients=lambda service, region: None, region="us-east-1", _live=live)


def step(type: str, /, **inputs: Any) -> Step:
    return Step(operation="create", urn=f"{STACK}::{type}::x", inputs=inputs, old_inputs={})


@pytest.mark.parametrize(
    ("wanted", "id"),
    [
        (step("aws:iam/group:Group", name="Administrators"), "Administrators"),
        (step("aws:iam/group:Group", name="Auditors"), None),
        (step("aws:iam/policy:Policy", name="own"), "arn:aws:iam::111111111111:policy/teams/own"),
        (
            step(
                "aws:iam/groupPolicyAttachment:GroupPolicyAttachment", group="Administrators", policyArn="a"
            ),
            "Administrators/a",
        ),
        (
            step(
                "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
                group="Administrators",
                policyArn=UNKNOWN,
            ),
            None,
        ),
        (
            step("aws:iam/userGroupMembership:UserGroupMembership", user="A", groups=["One", "Two", "Three"]),
            "A/One/Three",
        ),
        (step("aws:iam/userGroupMembership:UserGroupMembership", user="B", groups=["One"]), None),
        (step("aws:sns/topic:Topic", name="x"), None),
    ],
)
def test_ids_are_the_providers_import_ids(wanted: Step, id: str | None) -> None:
    account = existing(
        group={"Administrators": {"AttachedManagedPolicies": [{"PolicyArn": "a"}]}},
        user={"A": {"GroupList": ["One", "Three", "Other"]}},
    )
    assert account.id_of(wanted) == id


def test_a_name_in_another_case_is_taken() -> None:
    with pytest.raises(
        TakenError, match="the account has administrators, and IAM takes the two for one name"
    ):
        existing(group={"administrators": {}}).id_of(step("aws:iam/group:Group", name="Administrators"))


def test_changes_in_words_show_no_secret_and_policies_by_their_sids() -> None:
    def document(sid: str) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": sid, "Effect": "Deny"}]})

    update = Step(
        operation="update",
        urn=GROUP_URN,
        inputs={"path": "/", "secretKey": {"4dabf18193072939515e22adb298388d": "x", "value": "hush"}}
        | {"policy": document("Ours"), "arn": UNKNOWN},
        old_inputs={"path": "/teams/", "policy": document("Theirs")},
        changed=("path", "secretKey", "policy", "arn"),
    )
    assert list(changed(update)) == [
        "path: /teams/ → /",
        "secretKey: nothing → a secret",
        "policy: it is, compared with ours, without Ours; also Theirs",
        "arn: nothing → known once it is made",
    ]


class Reported:
    """What Vault would answer."""

    def __init__(self, **answers: dict[str, Any]) -> None:
        self._answers = {path.replace("__", "/"): answer for path, answer in answers.items()}

    def read(self, path: str) -> dict[str, Any] | None:
        return self._answers.get(path)


VAULT: Any = Reported(
    sys__auth={"people/": {"type": "userpass"}, "github/": {"type": "jwt"}},
    sys__audit={"file/": {"type": "file"}},
    auth__github__role__github={"role_type": "jwt"},
    identity__entity__name__alice={"id": "e-1"},
    identity__entity__id__e1={"aliases": [{"id": "a-1", "name": "alice", "mount_accessor": "m-1"}]},
)
ALIAS = "vault:identity/entityAlias:EntityAlias"


@pytest.mark.parametrize(
    ("wanted", "id"),
    [
        (step("vault:index/authBackend:AuthBackend", path="people", type="userpass"), "people"),
        (step("vault:index/authBackend:AuthBackend", path="nobody", type="userpass"), None),
        (step("vault:jwt/authBackend:AuthBackend", path="github"), "github"),
        (
            step("vault:jwt/authBackendRole:AuthBackendRole", backend="github", roleName="github"),
            "auth/github/role/github",
        ),
        (step("vault:appRole/authBackendRole:AuthBackendRole", backend="x", roleName="x"), None),
        (step("vault:index/audit:Audit", path="file"), "file"),
        (step("vault:index/audit:Audit", path="other"), None),
        (step("vault:identity/entity:Entity", name="alice"), "e-1"),
        (step("vault:identity/entity:Entity", name="bob"), None),
        (step(ALIAS, name="alice", mountAccessor="m-1", canonicalId="e1"), "a-1"),
        (step(ALIAS, name="alice", mountAccessor="m-2", canonicalId="e1"), None),
        (step(ALIAS, name="alice", mountAccessor=UNKNOWN, canonicalId="e1"), None),
    ],
)
def test_log_ins_and_the_audit_device_of_vault_are_found_by_their_names(wanted: Step, id: str | None) -> None:
    asked = existing()
    asked.vault = VAULT
    assert asked.id_of(wanted) == id


def test_an_auth_method_of_another_type_is_in_the_way() -> None:
    asked = existing()
    asked.vault = VAULT
    with pytest.raises(TakenError, match="auth method github: it is of the type jwt, not userpass"):
        asked.id_of(step("vault:index/authBackend:AuthBackend", path="github", type="userpass"))


class SessionManager:
    """Systems Manager with one document of a type, and CloudWatch Logs with one group."""

    def __init__(self, kind: str | None) -> None:
        self._kind = kind

    def describe_document(self, *, Name: str) -> dict[str, Any]:
        if self._kind is None:
            raise ClientError({"Error": {"Code": "InvalidDocument"}}, "DescribeDocument")
        return {"Document": {"Name": Name, "DocumentType": self._kind}}

    def get_paginator(self, operation: str) -> "SessionManager":
        assert operation == "describe_log_groups"
        return self

    def paginate(self, *, logGroupNamePrefix: str) -> list[dict[str, Any]]:
        return [
            {"logGroups": [{"logGroupName": f"{logGroupNamePrefix}-beside"}]},
            {"logGroups": self._groups},
        ]

    @property
    def _groups(self) -> list[dict[str, str]]:
        return [{"logGroupName": "/shells"}]


PREFERENCES = step("aws:ssm/document:Document", name="SSM-SessionManagerRunShell", documentType="Session")


def with_session_manager(kind: str | None) -> Existing:
    return Existing(clients=lambda service, region: SessionManager(kind), region="us-east-1")


def test_preferences_that_somebody_set_in_the_console_are_taken_over() -> None:
    assert with_session_manager("Session").id_of(PREFERENCES) == "SSM-SessionManagerRunShell"
    assert with_session_manager(None).id_of(PREFERENCES) is None


def test_a_document_of_another_type_is_in_the_way() -> None:
    with pytest.raises(TakenError, match="of the type Command, not Session"):
        with_session_manager("Command").id_of(PREFERENCES)


@pytest.mark.parametrize(("name", "id"), [("/shells", "/shells"), ("/shell", None)])
def test_a_log_group_is_found_by_its_whole_name(name: str, id: str | None) -> None:
    wanted = step("aws:cloudwatch/logGroup:LogGroup", name=name)
    assert with_session_manager(None).id_of(wanted) == id


def test_people_are_not_advised_to_write_their_own_policies_into_a_file_that_has_no_place_for_them() -> None:
    holds = holding(of_aws("ReadOnlyAccess"))
    account = existing(user={"alice": holds}, group={"Developers": holds}, role={"ci": holds})
    account.clients = lambda service, region: Iam()
    steps = [
        step(f"aws:iam/{kind}:{kind.capitalize()}", name=name)
        for kind, name in (("user", "alice"), ("group", "Developers"), ("role", "ci"))
    ]
    ids = {each.urn: str(each.inputs["name"]) for each in steps}
    said = list(kept(Adoption(ids=ids, steps={each.urn: each for each in steps}), account))
    advice = {line.split(":")[0]: line for line in said if "stay attached" in line}
    assert "give them to a group of the file that the user is in, or leave them" in advice["user alice"]
    assert "write them into the file" not in advice["user alice"]
    assert "write them into the file" in advice["group Developers"]
    assert "write them into the file" in advice["role ci"]


@pytest.mark.parametrize("token", [None, "token"])
def test_credentials_of_a_session_are_known_by_their_token(token: str | None) -> None:
    sts = boto3.client(
        "sts",
        region_name="eu-west-1",
        aws_access_key_id="AKIA",
        aws_secret_access_key="secret",
        aws_session_token=token,
    )
    arn = "arn:aws:iam::111111111111:user/alice"
    body = f"<R><GetCallerIdentityResult><Arn>{arn}</Arn></GetCallerIdentityResult></R>"

    class Answer:
        content = body.encode()
        status_code = 200
        headers: Mapping[str, str] = {}

    sts.meta.events.register_last("before-send.sts", lambda **_: Answer())
    assert identify(sts) == Caller(arn=arn, is_temporary=token is not None)
