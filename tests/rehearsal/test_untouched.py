"""The probes of «before and after»: each must be able to find either, and leave nothing behind.

The whole of it, with the stacks deployed, is in test_rehearsal.py.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from iam_hardening.aws.policies import people as people_policies
from iam_hardening.clients.aws import Credentials, Session
from rehearsal import inventory
from rehearsal.scenarios.baseline import UNTOUCHED, Place, probe_all
from rehearsal.servers import emulated_aws

pytestmark = pytest.mark.emulator

REGION = "eu-central-1"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Session]:
    with emulated_aws(tmp_path / "aws") as aws:
        key = Credentials(access_key_id="123456789012", secret_access_key="emulated")
        yield Session(key, region=REGION, endpoint_url=aws.endpoint_url)


def _place(admin: Session, *groups: str) -> Place:
    return Place(admin=admin, partition="aws", administrators=groups)


def _found(place: Place) -> dict[str, str]:
    return {each["what"]: each["found"]["here"] for each in probe_all({"here": place})}


def test_an_untouched_account_lets_everything_happen(root: Session) -> None:
    assert list(_found(_place(root)).values()) == [
        "none",
        "allowed",
        "allowed",
        "allowed",
        "not encrypted",
        "IMDSv1 answers",
        "none",
        "allowed",
    ]


def test_each_probe_sees_what_was_set_up(root: Session) -> None:
    iam, ec2 = root.client("iam"), root.client("ec2")
    before = _found(_place(root))
    iam.update_account_password_policy(MinimumPasswordLength=14, PasswordReusePrevention=24)
    iam.create_group(GroupName="Administrators")
    iam.attach_group_policy(
        GroupName="Administrators", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    wall = people_policies.enforce_mfa("aws", "123456789012")
    iam.put_group_policy(GroupName="Administrators", PolicyName="wall", PolicyDocument=json.dumps(wall))
    ec2.enable_ebs_encryption_by_default()
    ec2.modify_instance_metadata_defaults(HttpTokens="required")
    root.client("accessanalyzer").create_analyzer(analyzerName="a", type="ACCOUNT")
    root.client("s3control").put_public_access_block(
        AccountId="123456789012",
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    after = _found(_place(root, "Administrators"))
    assert list(after.values()) == [
        "14 characters, none of the last 24",
        "PasswordPolicyViolation",
        "refused",
        "refused",
        "encrypted",
        "IMDSv2 required",
        "account: active",
        "refused",
    ]
    assert not set(before.items()) & set(after.items())


def test_where_there_are_no_people_no_key_is_stolen(root: Session) -> None:
    place = Place(admin=root, partition="aws", administrators=None)
    without = [each["what"] for each in probe_all({UNTOUCHED: place}) if not each["found"]]
    assert len(without) == 2
    assert all("stolen key" in what for what in without)


def test_the_probes_leave_nothing_behind(root: Session) -> None:
    root.client("iam").create_group(GroupName="Administrators")

    def everything() -> tuple[frozenset[str], int]:
        return inventory.of_account(root, [REGION]), len(root.client("s3").list_buckets()["Buckets"])

    before = everything()
    probe_all({"alone": _place(root), "with a group": _place(root, "Administrators")})
    assert everything() == before
