"""EC2: what a launch may be asked to have, what it then has, and what the instance itself sees."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.emulator.cloud import (
    ALLOWED,
    EVERYTHING,
    REGION,
    Account,
    Cloud,
    Credentials,
    Gap,
    Principal,
    allow,
    deny,
    document,
    names,
    trust,
    verdict,
)

pytestmark = pytest.mark.emulator

DENIED = "UnauthorizedOperation"
CANONICAL = "099720109477"
NOBLE = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"
IMDSV2 = {"HttpTokens": "required"}


def image(account: Account) -> str:
    """One that both emulators have."""
    found = account.client("ec2").describe_images(Owners=[CANONICAL])["Images"]
    return str(found[0]["ImageId"])


def launch(account: Account, by: Principal | None = None, **options: Any) -> dict[str, Any]:
    call = {"ImageId": image(account), "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.micro", **options}
    instance: dict[str, Any] = (by or account).client("ec2").run_instances(**call)["Instances"][0]
    return instance


def launch_verdict(account: Account, by: Principal, **options: Any) -> str:
    call = {"ImageId": image(account), "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.micro", **options}
    return verdict(by.client("ec2").run_instances, **call)


def machine_role(account: Account, trusted: Any = None, *policies: Any) -> str:
    role = account.role("machine", trusted or trust("ec2.amazonaws.com", service=True), *policies)
    account.iam.create_instance_profile(InstanceProfileName="profile")
    account.iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="machine")
    return role


def metadata_options(cloud: Cloud) -> Any:
    return launch(cloud.account(), MetadataOptions=IMDSV2).get("MetadataOptions", {}).get("HttpTokens")


def encrypted_root(cloud: Cloud) -> bool:
    account = cloud.account()
    device = account.client("ec2").describe_images(Owners=[CANONICAL])["Images"][0]["RootDeviceName"]
    encrypted = {"DeviceName": device, "Ebs": {"Encrypted": True}}
    instance = launch(account, BlockDeviceMappings=[encrypted])
    volume = instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    return bool(account.client("ec2").describe_volumes(VolumeIds=[volume])["Volumes"][0]["Encrypted"])


def no_public_address(cloud: Cloud) -> bool:
    interface = {"DeviceIndex": 0, "AssociatePublicIpAddress": False}
    return "PublicIpAddress" not in launch(cloud.account(), NetworkInterfaces=[interface])


def canonicals_images(cloud: Cloud) -> bool:
    images = (
        cloud.account()
        .client("ec2")
        .describe_images(Owners=[CANONICAL], Filters=[{"Name": "name", "Values": [NOBLE]}])["Images"]
    )
    return len(images) > 1 and len({image.get("CreationDate") for image in images}) == len(images)


def an_image_that_does_not_exist(cloud: Cloud) -> str:
    account = cloud.account()
    return launch_verdict(account, account, ImageId="ami-12345678")


def passing_the_role(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    role = machine_role(account)
    profile = {"Name": "profile"}
    without = account.user("Bob", document(allow("ec2:*")))
    passes = allow("iam:PassRole", role, StringEquals={"iam:PassedToService": "ec2.amazonaws.com"})
    with_it = account.user("Ada", document(allow("ec2:*"), passes))
    return (
        launch_verdict(account, with_it, IamInstanceProfile=profile),
        launch_verdict(account, without, IamInstanceProfile=profile),
    )


def only_with_imdsv2(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    condition = {"StringNotEquals": {"ec2:MetadataHttpTokens": "required"}}
    ada = account.user(
        "Ada", document(allow("ec2:*"), deny("ec2:RunInstances", "arn:aws:ec2:*:*:instance/*", **condition))
    )
    return launch_verdict(account, ada, MetadataOptions=IMDSV2), launch_verdict(account, ada)


def several_instances_at_once(cloud: Cloud) -> str:
    account = cloud.account()
    mine, other = launch(account)["InstanceId"], launch(account)["InstanceId"]
    arn = f"arn:aws:ec2:{REGION}:{account.id}:instance/{mine}"
    ada = account.user("Ada", document(allow("ec2:RebootInstances", arn)))
    return verdict(ada.client("ec2").reboot_instances, InstanceIds=[mine, other])


def a_volume_to_an_instance(cloud: Cloud) -> str:
    account = cloud.account()
    instance = launch(account)["InstanceId"]
    volume = account.client("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    arn = f"arn:aws:ec2:{REGION}:{account.id}:instance/{instance}"
    ada = account.user("Ada", document(allow("ec2:AttachVolume", arn)))
    return verdict(ada.client("ec2").attach_volume, InstanceId=instance, VolumeId=volume, Device="/dev/sdf")


def a_shell_on_one_instance(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    mine, other = launch(account)["InstanceId"], launch(account)["InstanceId"]
    arn = f"arn:aws:ec2:{REGION}:{account.id}:instance/{mine}"
    start = account.user("Ada", document(allow("ssm:StartSession", arn))).client("ssm").start_session
    return verdict(start, Target=mine), verdict(start, Target=other)


def describing_one_instance(cloud: Cloud) -> str:
    account = cloud.account()
    instance = launch(account)["InstanceId"]
    arn = f"arn:aws:ec2:{REGION}:{account.id}:instance/{instance}"
    ada = account.user("Ada", document(allow("ec2:DescribeInstances", arn)))
    return verdict(ada.client("ec2").describe_instances, InstanceIds=[instance])


def changing_the_metadata_options(cloud: Cloud) -> str:
    account = cloud.account()
    return verdict(
        account.client("ec2").modify_instance_metadata_options,
        InstanceId=launch(account)["InstanceId"],
        HttpTokens="required",
    )


def tags_asked_for_at_launch(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    tagged = {"StringEquals": {"aws:RequestTag/owner": "ada"}}
    others = [f"arn:aws:ec2:*:*:{kind}/*" for kind in ("image", "subnet", "network-interface", "volume")]
    others += ["arn:aws:ec2:*::image/*", "arn:aws:ec2:*:*:security-group/*"]
    ada = account.user(
        "Ada",
        document(
            allow("ec2:RunInstances", "arn:aws:ec2:*:*:instance/*", **tagged),
            allow("ec2:RunInstances", others),
            allow("ec2:CreateTags", "arn:aws:ec2:*:*:instance/*", **tagged),
        ),
    )
    specification = {"ResourceType": "instance", "Tags": [{"Key": "owner", "Value": "ada"}]}
    return launch_verdict(account, ada, TagSpecifications=[specification]), launch_verdict(account, ada)


GAPS = (
    Gap("metadata options stay", metadata_options, "required", None),
    Gap("the root volume is encrypted when asked", encrypted_root, True, False),
    Gap("no public address when asked", no_public_address, True, False),
    Gap("Canonicals images have dates", canonicals_images, True, False),
    Gap("an unknown image is not launched", an_image_that_does_not_exist, "InvalidAMIID.NotFound", ALLOWED),
    Gap("a launch with a role needs PassRole", passing_the_role, (ALLOWED, DENIED), (ALLOWED, ALLOWED)),
    Gap("IMDSv2 can be demanded", only_with_imdsv2, (ALLOWED, DENIED), (ALLOWED, ALLOWED)),
    Gap("each of several instances is authorised", several_instances_at_once, DENIED, ALLOWED),
    Gap("a volume to be attached is authorised too", a_volume_to_an_instance, DENIED, ALLOWED),
    Gap(
        "a shell is opened on the allowed instance only",
        a_shell_on_one_instance,
        (ALLOWED, "AccessDeniedException"),
        ("AccessDeniedException", "AccessDeniedException"),
    ),
    Gap("describing has no resource", describing_one_instance, DENIED, ALLOWED),
    Gap("metadata options are changed", changing_the_metadata_options, ALLOWED, "InvalidAction"),
    Gap("tags can be demanded at launch", tags_asked_for_at_launch, (ALLOWED, DENIED), (ALLOWED, ALLOWED)),
)


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_behaviour_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_emulated_aws_answers_as_aws(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.fixture
def account(emulated: Cloud) -> Account:
    return emulated.account()


def get(url: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    named = {f"X-aws-ec2-metadata-{name.replace('_', '-')}": value for name, value in headers.items()}
    request = urllib.request.Request(url, method=method, headers=named)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, ""


def metadata_url(account: Account, instance: dict[str, Any]) -> str:
    return f"{account.url}/_instance/{account.id}/{instance['InstanceId']}/latest"


def test_an_instance_that_requires_imdsv2_answers_with_a_token_only(account: Account) -> None:
    machine_role(account)
    url = metadata_url(
        account, launch(account, MetadataOptions=IMDSV2, IamInstanceProfile={"Name": "profile"})
    )
    roles = f"{url}/meta-data/iam/security-credentials/"
    assert get(roles) == (401, "")
    assert get(roles, token="guess") == (401, "")
    status, token = get(f"{url}/api/token", "PUT", token_ttl_seconds="60")
    assert status == 200
    assert get(roles, token=token) == (200, "machine")
    assert get(f"{url}/api/token", "PUT")[0] == 400
    assert get(f"{url}/api/token", "PUT", token_ttl_seconds="21601")[0] == 400


def test_an_instance_that_does_not_require_it_answers_without(account: Account) -> None:
    machine_role(account)
    url = metadata_url(account, launch(account, IamInstanceProfile={"Name": "profile"}))
    assert get(f"{url}/meta-data/iam/security-credentials/") == (200, "machine")


def test_the_credentials_are_the_roles_and_do_what_its_policies_say(account: Account) -> None:
    machine_role(account, None, document(allow("s3:ListAllMyBuckets")))
    instance = launch(account, IamInstanceProfile={"Name": "profile"})
    _, text = get(f"{metadata_url(account, instance)}/meta-data/iam/security-credentials/machine")
    found = json.loads(text)
    machine = Principal(
        account.url, Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
    )
    expected = f"arn:aws:sts::{account.id}:assumed-role/machine/{instance['InstanceId']}"
    assert machine.sts.get_caller_identity()["Arn"] == expected
    assert verdict(machine.client("s3").list_buckets) == ALLOWED
    assert verdict(machine.iam.list_users) == "AccessDenied"


def test_a_role_that_does_not_trust_ec2_gives_no_credentials(account: Account) -> None:
    machine_role(account, trust(account.root_arn), EVERYTHING)
    url = metadata_url(account, launch(account, IamInstanceProfile={"Name": "profile"}))
    _, text = get(f"{url}/meta-data/iam/security-credentials/machine")
    assert json.loads(text)["Code"] == "AssumeRoleUnauthorizedAccess"
    assert "SecretAccessKey" not in text


def test_source_conditions_cut_an_instance_off(account: Account) -> None:
    """EC2 sends neither aws:SourceAccount nor aws:SourceArn."""
    condition = {"StringEquals": {"aws:SourceAccount": account.id}}
    machine_role(account, trust("ec2.amazonaws.com", service=True, **condition))
    url = metadata_url(account, launch(account, IamInstanceProfile={"Name": "profile"}))
    assert "AssumeRoleUnauthorizedAccess" in get(f"{url}/meta-data/iam/security-credentials/machine")[1]


def test_an_instance_without_a_role_another_accounts_and_a_dead_one_give_nothing(emulated: Cloud) -> None:
    account, other = emulated.account(), emulated.account()
    instance = launch(account)
    roles = "/meta-data/iam/security-credentials/"
    assert get(metadata_url(account, instance) + roles)[0] == 404
    assert get(metadata_url(account, instance) + "/meta-data/instance-id") == (200, instance["InstanceId"])
    assert get(metadata_url(other, instance) + "/meta-data/instance-id")[0] == 404
    account.client("ec2").terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert get(metadata_url(account, instance) + "/meta-data/instance-id")[0] == 404


def test_the_profile_and_the_options_are_described(account: Account) -> None:
    machine_role(account)
    launched = launch(account, MetadataOptions=IMDSV2, IamInstanceProfile={"Name": "profile"})
    described = account.client("ec2").describe_instances(InstanceIds=[launched["InstanceId"]])
    instance = described["Reservations"][0]["Instances"][0]
    assert instance["IamInstanceProfile"]["Arn"] == f"arn:aws:iam::{account.id}:instance-profile/profile"
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert instance["SubnetId"]
    assert instance["ImageId"] == launched["ImageId"]


def test_images_are_regional(account: Account) -> None:
    ids = [
        {i["ImageId"] for i in account.client("ec2", region).describe_images(Owners=[CANONICAL])["Images"]}
        for region in (REGION, "us-east-1")
    ]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_terminating_removes_the_root_volume(account: Account) -> None:
    ec2 = account.client("ec2")
    instance = launch(account)["InstanceId"]
    assert len(ec2.describe_volumes()["Volumes"]) == 1
    ec2.terminate_instances(InstanceIds=[instance])
    assert ec2.describe_volumes()["Volumes"] == []
