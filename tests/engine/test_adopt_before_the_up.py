"""`iam-hardening adopt` names before the up the people and the work that it would stop, and what AWS would
refuse.

Two estates from the field: policies hang on users, with keys in use; and groups that hold all that AWS
allows.
"""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from iam_hardening.clients.aws import Credentials
from rehearsal.errors import RehearsalError
from rehearsal.project import Project
from rehearsal.providers.language import serve_language_host
from rehearsal.testbed import FAKE_PROVIDERS, enrol, running_testbed
from tests.engine.test_adopt import Person
from tests.stack_files import ROOT

pytestmark = pytest.mark.engine

ALICE, BOB, CAROL = "alice@example.com", "bob", "carol"
STACK: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["111111111111"],
    "iam-hardening:accountKind": "central",
    "iam-hardening:groups": {
        "Administrators": {"managedPolicies": ["AdministratorAccess"]},
        "Developers": {"managedPolicies": ["ReadOnlyAccess"]},
        "Guarded": {
            "managedPolicies": ["ReadOnlyAccess"],
            "enforceMfa": False,
            "policies": {
                "no-queues": [{"sid": "NoQueues", "effect": "Deny", "actions": ["sqs:*"], "resources": ["*"]}]
            },
        },
    },
    "iam-hardening:users": {
        "Administrator": {"groups": ["Administrators"]},
        ALICE: {"groups": ["Developers"]},
        BOB: {"groups": ["Developers"]},
        CAROL: {"groups": ["Developers", "Guarded"]},
    },
}


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    files = tmp_path / "stack"
    files.mkdir()
    (files / "Pulumi.central.yaml").write_text(yaml.safe_dump({"config": STACK}))
    project = Project.find(ROOT, files)
    with (
        serve_language_host() as host,
        running_testbed(project, tmp_path / "testbed", providers=FAKE_PROVIDERS) as testbed,
    ):
        yield Person(testbed, host)


def test_nobody_and_nothing_stops_without_having_been_named(person: Person) -> None:
    account = person.testbed.accounts["central"]
    iam = account.admin.client("iam")
    programs = {}
    for name in (ALICE, BOB, CAROL, "program"):
        iam.create_user(UserName=name)
        iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/PowerUserAccess")
        key = iam.create_access_key(UserName=name)["AccessKey"]
        programs[name] = (key["AccessKeyId"], account.admin.with_credentials(Credentials.of(key)))
        programs[name][1].client("s3").list_buckets()
    enrol(account.admin, BOB)
    status, said = person.adopt("central")
    assert status == 1, said
    person.take_over("central")
    assert account.stack.up().anything
    assert not account.stack.up().anything
    stopped = set()
    for name, (_, session) in programs.items():
        try:
            session.client("s3").list_buckets()
        except ClientError:
            stopped.add(name)
    assert stopped == {ALICE, BOB, CAROL}
    for name in stopped:
        last_use = f"last used {datetime.now(UTC):%Y-%m-%d} for s3 in {account.admin.region}"
        assert f"user {name}: everything that uses the access key {programs[name][0]} ({last_use})" in said
    assert programs["program"][0] not in said
    assert f"user {ALICE}, without an MFA device, can only enrol one after the up" in said
    assert f"user {BOB}, without an MFA device" not in said
    assert (
        f"user {CAROL} joins Developers, Guarded and gets the denials of enforce-to-use-mfa and no-queues"
        in said
    )


def test_with_the_warnings_accepted_the_status_says_that_nothing_is_in_the_way(person: Person) -> None:
    iam = person.testbed.accounts["central"].admin.client("iam")
    iam.create_user(UserName=ALICE)
    assert person.adopt("central")[0] == 1
    assert person.adopt("central", more=["--accept-warnings"])[0] == 0


def test_what_passes_awss_quotas_is_reported_and_refused_by_the_emulated_aws(person: Person) -> None:
    account = person.testbed.accounts["central"]
    iam = account.admin.client("iam")
    iam.create_group(GroupName="Developers")
    iam.create_user(UserName=ALICE)
    for number in range(10):
        allowing = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": allowing})
        made = iam.create_policy(PolicyName=f"own-{number}", PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_group_policy(GroupName="Developers", PolicyArn=made)
        iam.create_group(GroupName=f"team-{number}")
        iam.add_user_to_group(GroupName=f"team-{number}", UserName=ALICE)
    status, said = person.adopt("central")
    assert status == 1, said
    assert (
        "group Developers would hold 13 managed policies; AWS allows 10 here, a quota that cannot be raised"
        in said
    )
    assert f"user {ALICE} would be in 11 groups; AWS allows 10, a quota that cannot be raised" in said
    person.take_over("central")
    with pytest.raises(RehearsalError, match="LimitExceeded"):
        account.stack.up()


def _write(person: Person, config: dict[str, Any]) -> None:
    """The stack file anew, with the key of its secrets."""
    file = person.directory / "Pulumi.central.yaml"
    content = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**content, "config": config}))


def test_what_changes_of_people_who_are_there_and_what_is_taken_from_them_is_named(person: Person) -> None:
    account = person.testbed.accounts["central"]
    iam = account.admin.client("iam")
    power = "arn:aws:iam::aws:policy/PowerUserAccess"
    team = [{"Key": "team", "Value": "red"}]
    iam.create_user(UserName=ALICE, Path="/people/", Tags=team, PermissionsBoundary=power)
    key = iam.upload_ssh_public_key(UserName=ALICE, SSHPublicKeyBody="key")["SSHPublicKey"]["SSHPublicKeyId"]
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
                {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"},
            ],
        }
    )
    arn = iam.create_policy(PolicyName="no-queues", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_group(GroupName="Developers")
    quarantine = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
    iam.attach_group_policy(GroupName="Developers", PolicyArn=quarantine)
    iam.create_group(GroupName="Guarded")
    iam.attach_group_policy(GroupName="Guarded", PolicyArn=arn)
    iam.create_user(UserName=CAROL)
    iam.add_user_to_group(GroupName="Guarded", UserName=CAROL)
    status, said = person.adopt("central")
    assert status == 1, said
    assert f"user {ALICE}: everything that uses the SSH key {key}, which carries no MFA, is refused" in said
    assert f"user {ALICE} moves from /people/ to /, and so has another ARN" in said
    assert f"user {ALICE} loses the tags team=red: conditions" in said
    assert f"user {ALICE} loses the permissions boundary PowerUserAccess" in said
    gets = "joins Developers and gets the denials of AWSCompromisedKeyQuarantineV3 and enforce-to-use-mfa"
    assert f"user {CAROL} {gets} and no-queues (which changes)" in said
    assert f"policy no-queues, held by user {CAROL}, no longer allows s3:GetObject as it did" in said
    person.take_over("central")
    assert account.stack.up().anything
    alice = iam.get_user(UserName=ALICE)["User"]
    assert alice["Path"] == "/"
    assert "PermissionsBoundary" not in alice
    assert "team" not in {tag["Key"] for tag in alice["Tags"]}
    changed = copy.deepcopy(STACK)
    changed["iam-hardening:users"][CAROL] = {"groups": ["Administrators"]}
    del changed["iam-hardening:users"][BOB]
    _write(person, changed)
    status, said = person.adopt("central")
    assert status == 1, said
    assert f"user {BOB} is deleted, with password and devices; active access keys: none" in said
    assert f"user {CAROL} leaves Developers, Guarded and loses" in said
    assert account.stack.up().anything
    groups = iam.list_groups_for_user(UserName=CAROL)["Groups"]
    assert [group["GroupName"] for group in groups] == ["Administrators"]
    assert BOB not in {user["UserName"] for user in iam.list_users()["Users"]}
