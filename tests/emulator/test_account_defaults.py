"""Defaults of an account or region, and Access Analyzer: what later calls get without asking."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from iam_hardening.clients.aws import reach_at_endpoint
from tests.emulator.cloud import (
    ALLOWED,
    REGION,
    Account,
    Cloud,
    Gap,
    Principal,
    allow,
    document,
    names,
    verdict,
)

pytestmark = pytest.mark.emulator

OTHER_REGION = "us-east-1"
ALL_BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


@pytest.fixture
def account(emulated: Cloud) -> Account:
    return emulated.account()


def s3control(caller: Principal) -> Any:
    client = caller.client("s3control")
    reach_at_endpoint(client)
    return client


def launched(account: Account, region: str = REGION, **options: Any) -> dict[str, Any]:
    ec2 = account.client("ec2", region)
    image = ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
    run = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, **options)
    instance: dict[str, Any] = run["Instances"][0]
    return instance


def public_policy_verdict(account: Account, bucket: str) -> str:
    statement = {**allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"), "Principal": "*"}
    policy = json.dumps(document(statement))
    return verdict(account.client("s3").put_bucket_policy, Bucket=bucket, Policy=policy)


def open_bucket(account: Account) -> str:
    """One whose own public access block is off."""
    bucket = f"bucket-{account.id}"
    s3 = account.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.delete_public_access_block(Bucket=bucket)
    return bucket


def metadata_defaults(cloud: Cloud) -> str:
    return verdict(cloud.account().client("ec2").modify_instance_metadata_defaults, HttpTokens="required")


def encryption_by_default(cloud: Cloud) -> str:
    return verdict(cloud.account().client("ec2").enable_ebs_encryption_by_default)


def public_access_block(cloud: Cloud) -> bool:
    account = cloud.account()
    control = s3control(account)
    try:
        control.put_public_access_block(AccountId=account.id, PublicAccessBlockConfiguration=ALL_BLOCKED)
        answer = control.get_public_access_block(AccountId=account.id)
    except ClientError:
        return False
    return bool(answer["PublicAccessBlockConfiguration"] == ALL_BLOCKED)


def analyzer(cloud: Cloud) -> bool:
    client = cloud.account().client("accessanalyzer")
    try:
        client.create_analyzer(analyzerName="external", type="ACCOUNT")
        return bool(client.get_analyzer(analyzerName="external")["analyzer"]["status"] == "ACTIVE")
    except (ClientError, KeyError):
        return False


GAPS = [
    Gap("instance metadata defaults can be set", metadata_defaults, ALLOWED, "InvalidAction"),
    Gap("EBS encryption by default can be set", encryption_by_default, ALLOWED, "InvalidAction"),
    Gap("the account's public access block can be set and read", public_access_block, True, False),
    Gap("an analyzer can be made and read", analyzer, True, False),
]


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_behaves_as_aws_documents(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


def test_a_launch_takes_from_the_account_what_it_does_not_say_in_this_region_only(account: Account) -> None:
    account.client("ec2").modify_instance_metadata_defaults(HttpTokens="required", HttpPutResponseHopLimit=3)
    silent = launched(account)["MetadataOptions"]
    assert (silent["HttpTokens"], silent["HttpPutResponseHopLimit"]) == ("required", 3)
    own = launched(account, MetadataOptions={"HttpTokens": "optional"})["MetadataOptions"]
    assert (own["HttpTokens"], own["HttpPutResponseHopLimit"]) == ("optional", 3)
    assert launched(account, OTHER_REGION)["MetadataOptions"]["HttpTokens"] == "optional"


def test_no_preference_takes_the_accounts_defaults_away_again(account: Account) -> None:
    ec2 = account.client("ec2")
    ec2.modify_instance_metadata_defaults(HttpTokens="required", HttpPutResponseHopLimit=3)
    assert ec2.get_instance_metadata_defaults()["AccountLevel"] == {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 3,
    }
    ec2.modify_instance_metadata_defaults(HttpTokens="no-preference", HttpPutResponseHopLimit=-1)
    assert ec2.get_instance_metadata_defaults()["AccountLevel"] == {}
    wrong = verdict(ec2.modify_instance_metadata_defaults, HttpTokens="always")
    assert wrong == "InvalidParameterValue"


def test_with_encryption_by_default_every_new_volume_is_encrypted_in_this_region_only(
    account: Account,
) -> None:
    def volume(region: str) -> bool:
        made = account.client("ec2", region).create_volume(AvailabilityZone=f"{region}a", Size=1)
        return bool(made["Encrypted"])

    ec2 = account.client("ec2")
    assert not volume(REGION)
    ec2.enable_ebs_encryption_by_default()
    assert volume(REGION)
    root = launched(account)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    assert ec2.describe_volumes(VolumeIds=[root])["Volumes"][0]["Encrypted"]
    assert not volume(OTHER_REGION)
    ec2.disable_ebs_encryption_by_default()
    assert not volume(REGION)


def test_the_accounts_block_refuses_a_public_policy_where_the_buckets_own_does_not(account: Account) -> None:
    bucket, control = open_bucket(account), s3control(account)
    assert public_policy_verdict(account, bucket) == ALLOWED
    control.put_public_access_block(AccountId=account.id, PublicAccessBlockConfiguration=ALL_BLOCKED)
    assert public_policy_verdict(account, bucket) == "AccessDenied"
    control.delete_public_access_block(AccountId=account.id)
    assert public_policy_verdict(account, bucket) == ALLOWED
    missing = verdict(control.get_public_access_block, AccountId=account.id)
    assert missing == "NoSuchPublicAccessBlockConfiguration"


def test_only_who_may_turns_the_defaults_off(account: Account) -> None:
    nobody = account.user("Nobody", document(allow("s3:GetAccountPublicAccessBlock")))
    s3control(account).put_public_access_block(
        AccountId=account.id, PublicAccessBlockConfiguration=ALL_BLOCKED
    )
    assert verdict(s3control(nobody).get_public_access_block, AccountId=account.id) == ALLOWED
    assert verdict(s3control(nobody).delete_public_access_block, AccountId=account.id) == "AccessDenied"
    ec2 = nobody.client("ec2")
    assert verdict(ec2.disable_ebs_encryption_by_default) == "UnauthorizedOperation"
    assert verdict(ec2.modify_instance_metadata_defaults, HttpTokens="optional") == "UnauthorizedOperation"


def test_another_accounts_block_is_out_of_reach(emulated: Cloud, account: Account) -> None:
    other = emulated.account()
    assert verdict(s3control(account).get_public_access_block, AccountId=other.id) == "AccessDenied"


def test_an_account_has_one_analyzer_per_region(account: Account) -> None:
    client = account.client("accessanalyzer")
    client.create_analyzer(analyzerName="external", type="ACCOUNT", tags={"Team": "security"})
    assert verdict(client.create_analyzer, analyzerName="second", type="ACCOUNT") == (
        "ServiceQuotaExceededException"
    )
    there = account.client("accessanalyzer", OTHER_REGION)
    assert verdict(there.create_analyzer, analyzerName="external", type="ACCOUNT") == ALLOWED
    arn = f"arn:aws:access-analyzer:{REGION}:{account.id}:analyzer/external"
    client.tag_resource(resourceArn=arn, tags={"Stage": "test"})
    client.untag_resource(resourceArn=arn, tagKeys=["Team"])
    assert client.list_analyzers()["analyzers"][0]["tags"] == {"Stage": "test"}
    client.delete_analyzer(analyzerName="external")
    assert verdict(client.get_analyzer, analyzerName="external") == "ResourceNotFoundException"


def test_only_who_may_deletes_an_analyzer(account: Account) -> None:
    account.client("accessanalyzer").create_analyzer(analyzerName="external", type="ACCOUNT")
    arn = f"arn:aws:access-analyzer:{REGION}:{account.id}:analyzer/"
    reader = account.user("Reader", document(allow("access-analyzer:GetAnalyzer", f"{arn}external")))
    client = reader.client("accessanalyzer")
    assert verdict(client.get_analyzer, analyzerName="external") == ALLOWED
    assert verdict(client.delete_analyzer, analyzerName="external") == "AccessDeniedException"
