"""Account defaults: a call that does not ask for encryption or IMDSv2 gets it, and no bucket can be
public."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from iam_hardening.aws.naming import bucket_objects_arn
from iam_hardening.claims.claim import REFUSED, Claim
from iam_hardening.clients.aws import Session
from rehearsal.recorder import Recorder
from rehearsal.testbed import Account, Testbed

_DEPLOYER = "deployer"


def play(recorder: Recorder, testbed: Testbed) -> None:
    accounts = [account for account in testbed.accounts.values() if _anything(account)]
    if not accounts:
        return
    with recorder.scenario("Account defaults"):
        for account in accounts:
            wanted = account.settings.account_defaults
            for region in account.settings.regions:
                admin = account.admin.in_region(region)
                if wanted.ebs_encryption:
                    _new_volumes_are_encrypted(recorder, account, admin)
                if wanted.imdsv2:
                    _new_instances_require_imdsv2(recorder, account, admin)
                if wanted.access_analyzer:
                    _an_analyzer_is_active(recorder, account, admin)
            if wanted.s3_public_access_block:
                _no_bucket_can_be_public(recorder, account)


def _anything(account: Account) -> bool:
    return any(account.settings.account_defaults.model_dump().values())


def _new_volumes_are_encrypted(recorder: Recorder, account: Account, admin: Session) -> None:
    ec2 = admin.client("ec2")
    volume = ec2.create_volume(AvailabilityZone=f"{admin.region}a", Size=1)
    ec2.delete_volume(VolumeId=volume["VolumeId"])
    claim = _claim(
        account, "ec2:CreateVolume", f"Encrypted in {admin.region}", "True", "no one has to remember to ask"
    )
    recorder.found(claim, str(volume["Encrypted"]))


def _new_instances_require_imdsv2(recorder: Recorder, account: Account, admin: Session) -> None:
    with launched_without_a_word(admin) as options:
        for field, claimed, reason in (
            ("HttpTokens", "required", "IMDSv1 answers forged requests"),
            ("HttpPutResponseHopLimit", "1", "a container does not reach the instance's credentials"),
        ):
            claim = _claim(account, "ec2:RunInstances", f"{field} in {admin.region}", claimed, reason)
            recorder.found(claim, str(options[field]))


@contextmanager
def launched_without_a_word(admin: Session) -> Iterator[dict[str, Any]]:
    """The metadata options of an instance whose launch says nothing about them."""
    ec2 = admin.client("ec2")
    image = ec2.describe_images(Filters=[{"Name": "name", "Values": ["ubuntu/images/*"]}])["Images"][0]
    run = ec2.run_instances(ImageId=image["ImageId"], InstanceType="t3.micro", MinCount=1, MaxCount=1)
    instance = run["Instances"][0]
    try:
        yield instance["MetadataOptions"]
    finally:
        ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


def _an_analyzer_is_active(recorder: Recorder, account: Account, admin: Session) -> None:
    analyzers = admin.client("accessanalyzer").list_analyzers()["analyzers"]
    claim = _claim(
        account,
        "access-analyzer:ListAnalyzers",
        f"external access in {admin.region}",
        "ACTIVE",
        "what strangers could reach is found",
    )
    recorder.found(claim, ", ".join(each["status"] for each in analyzers if each["type"] == "ACCOUNT"))


def _no_bucket_can_be_public(recorder: Recorder, account: Account) -> None:
    """On a bucket whose own block is off, so that the account's is what counts."""
    s3, bucket = account.admin.client("s3"), account.targets.buckets[0]
    s3.delete_public_access_block(Bucket=bucket)
    public = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": bucket_objects_arn(account.settings.partition, bucket),
        },
    }
    claim = _claim(
        account, "s3:PutBucketPolicy", f"{bucket}, for everyone", REFUSED, "also with administrator rights"
    )
    recorder.judge(claim, lambda: s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(public)))


def _claim(account: Account, call: str, resource: str, claimed: str, reason: str) -> Claim:
    return Claim(
        who=_DEPLOYER,
        mfa="-",
        call=call,
        resource=resource,
        account=account.name,
        claimed=claimed,
        reason=reason,
    )
