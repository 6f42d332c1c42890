"""What the real provider plugins send and expect in the answers, found by running them on the emulator.

terraform-provider-aws is written in Go: its SDK has its own ways to address and repeat calls.
"""

import http.client
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningKey

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
from tests.emulator.test_ec2 import launch

pytestmark = pytest.mark.emulator

# Longer than the 5 s after which hypercorn would end a connection.
IDLE_SECONDS = 6
BLOCK = "/v20180820/configuration/publicAccessBlock"
CONFIGURATION = (
    b'<PublicAccessBlockConfiguration xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/">'
    b"<BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>"
)


def ipv6_of_the_metadata_service(cloud: Cloud) -> str | None:
    account = cloud.account()
    instance = launch(account)["InstanceId"]
    found = account.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    option: str | None = found[0].get("MetadataOptions", {}).get("HttpProtocolIpv6")
    return option


def a_trail_with_tags(cloud: Cloud) -> Any:
    account = cloud.account()
    account.client("s3", "us-east-1").create_bucket(Bucket=f"logs-{account.id}")
    trails = account.client("cloudtrail")
    tags = [{"Key": "Team", "Value": "platform"}]
    arn = trails.create_trail(Name="trail", S3BucketName=f"logs-{account.id}", TagsList=tags)["TrailARN"]
    return trails.list_tags(ResourceIdList=[arn])["ResourceTagList"][0]["TagsList"]


def subnets(account: Account, **filters: list[str]) -> list[str]:
    wanted = [{"Name": name.replace("_", "-"), "Values": values} for name, values in filters.items()]
    found = account.client("ec2").describe_subnets(Filters=wanted)["Subnets"]
    return sorted(subnet["AvailabilityZone"] for subnet in found)


def default_subnets_in_the_second_spelling(cloud: Cloud) -> list[str]:
    return subnets(cloud.account(), defaultForAz=["false"])


def a_zone_in_the_second_spelling(cloud: Cloud) -> list[str]:
    return subnets(cloud.account(), availabilityZone=[f"{REGION}b"])


def a_filter_that_does_not_exist(cloud: Cloud) -> str:
    account = cloud.account()
    return verdict(
        account.client("ec2").describe_subnets, Filters=[{"Name": "default-for-azz", "Values": ["true"]}]
    )


def another_type(cloud: Cloud) -> tuple[str, str, str]:
    """Of a running and of a stopped instance, and what it then is."""
    account = cloud.account()
    ec2 = account.client("ec2")
    instance = launch(account)["InstanceId"]
    change = {"InstanceId": instance, "InstanceType": {"Value": "t3.small"}}
    running = verdict(ec2.modify_instance_attribute, **change)
    ec2.stop_instances(InstanceIds=[instance])
    stopped = verdict(ec2.modify_instance_attribute, **change)
    described = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return running, stopped, described["InstanceType"]


def send(url: str, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def signed(who: Principal, method: str, host: str, **headers: str) -> dict[str, str]:
    request = AWSRequest(method, f"http://{host}{BLOCK}", headers={"Host": host, **headers})
    key = SigningKey(who.credentials.access_key_id, who.credentials.secret, who.credentials.token)
    S3SigV4Auth(key, "s3", REGION).add_auth(request)
    return dict(request.headers.items())


def by_host(who: Principal, method: str, host_account: str, body: bytes = b"", **headers: str) -> int:
    host = f"{host_account}.{urlsplit(who.url).netloc}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(who.url, method, BLOCK, signed(who, method, host, **named), body)[0]


def the_account_in_the_host_name(cloud: Cloud) -> tuple[int, int]:
    account = cloud.account()
    return by_host(account, "PUT", account.id, CONFIGURATION), by_host(account, "GET", account.id)


TAG = [{"Key": "Team", "Value": "platform"}]
GAPS = (
    Gap("IPv6 of the metadata service is described", ipv6_of_the_metadata_service, "disabled", None),
    Gap("a trail is made with tags", a_trail_with_tags, TAG, []),
    Gap(
        "defaultForAz is default-for-az",
        default_subnets_in_the_second_spelling,
        [],
        [f"{REGION}{zone}" for zone in "abc"],
    ),
    Gap(
        "availabilityZone is availability-zone",
        a_zone_in_the_second_spelling,
        [f"{REGION}b"],
        [f"{REGION}{zone}" for zone in "abc"],
    ),
    Gap("an unknown filter is refused", a_filter_that_does_not_exist, "InvalidParameterValue", ALLOWED),
    Gap(
        "the type of a stopped instance changes",
        another_type,
        ("IncorrectInstanceState", ALLOWED, "t3.small"),
        ("InvalidAction", "InvalidAction", "t3.micro"),
    ),
    Gap("S3 Control takes the account from the host", the_account_in_the_host_name, (201, 200), (400, 400)),
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


@pytest.mark.parametrize(
    ("filters", "zones"),
    [
        ({"default_for_az": ["true"]}, "abc"),
        ({"defaultForAz": ["true"]}, "abc"),
        ({"defaultForAz": ["true"], "availability_zone": [f"{REGION}c"]}, "c"),
        ({"cidrBlock": ["172.31.0.0/20"]}, "a"),
        ({"cidr": ["172.31.0.0/20"]}, "a"),
        ({"state": ["available"], "map_public_ip_on_launch": ["true"]}, "abc"),
        ({"state": ["pending"]}, ""),
        ({"subnet_id": ["subnet-*2"]}, "b"),
    ],
)
def test_every_filter_narrows_what_is_found(
    account: Account, filters: dict[str, list[str]], zones: str
) -> None:
    assert subnets(account, **filters) == [f"{REGION}{zone}" for zone in zones]


def test_a_subnet_of_ones_own_is_no_default_subnet_and_is_found_by_id(account: Account) -> None:
    ec2 = account.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    own = ec2.create_subnet(VpcId=vpc, CidrBlock="172.31.64.0/20", AvailabilityZone=f"{REGION}a")["Subnet"]
    assert subnets(account, default_for_az=["true"]) == [f"{REGION}{zone}" for zone in "abc"]
    found = ec2.describe_subnets(SubnetIds=[own["SubnetId"]])["Subnets"]
    assert [subnet["SubnetId"] for subnet in found] == [own["SubnetId"]]


def test_the_default_subnets_give_a_public_address_unless_the_launch_says_otherwise(account: Account) -> None:
    assert launch(account)["PublicIpAddress"]
    choice = {"DeviceIndex": 0, "AssociatePublicIpAddress": False, "SubnetId": "subnet-00000002"}
    assert "PublicIpAddress" not in launch(account, NetworkInterfaces=[choice])
    account.client("ec2").modify_subnet_attribute(
        SubnetId="subnet-00000002", MapPublicIpOnLaunch={"Value": False}
    )
    assert "PublicIpAddress" not in launch(account, SubnetId="subnet-00000002")
    assert launch(account, SubnetId="subnet-00000003")["PublicIpAddress"]


def test_ipv6_of_the_metadata_service_is_set_at_launch_and_later(account: Account) -> None:
    ec2 = account.client("ec2")
    instance = launch(account, MetadataOptions={"HttpProtocolIpv6": "enabled"})
    assert instance["MetadataOptions"]["HttpProtocolIpv6"] == "enabled"
    ec2.modify_instance_metadata_options(InstanceId=instance["InstanceId"], HttpProtocolIpv6="disabled")
    described = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"][0]["Instances"]
    assert described[0]["MetadataOptions"]["HttpProtocolIpv6"] == "disabled"


def test_the_groups_of_an_instance_change_while_it_runs(account: Account) -> None:
    ec2 = account.client("ec2")
    instance = launch(account)["InstanceId"]
    group = ec2.create_security_group(GroupName="other", Description="x")["GroupId"]
    change = ec2.modify_instance_attribute
    assert verdict(change, InstanceId=instance, Groups=[group]) == ALLOWED
    described = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert described["SecurityGroups"] == [{"GroupId": group, "GroupName": "other"}]
    assert verdict(change, InstanceId=instance, Groups=["sg-01234567"]) == "InvalidGroup.NotFound"
    assert verdict(change, InstanceId="i-0123456789abcdef0", Groups=[group]) == "InvalidInstanceID.NotFound"
    both = {"InstanceType": {"Value": "t3.small"}, "Groups": [group]}
    assert verdict(change, InstanceId=instance, **both) == "InvalidParameterCombination"
    assert verdict(change, InstanceId=instance, SourceDestCheck={"Value": False}) == "UnsupportedOperation"


def test_changing_an_instance_is_authorised_on_that_instance(account: Account) -> None:
    mine, other = launch(account)["InstanceId"], launch(account)["InstanceId"]
    account.client("ec2").stop_instances(InstanceIds=[mine, other])
    arn = f"arn:aws:ec2:{REGION}:{account.id}:instance/{mine}"
    ada = account.user("Ada", document(allow("ec2:ModifyInstanceAttribute", arn))).client("ec2")
    change = {"InstanceType": {"Value": "t3.small"}}
    assert verdict(ada.modify_instance_attribute, InstanceId=mine, **change) == ALLOWED
    assert verdict(ada.modify_instance_attribute, InstanceId=other, **change) == "UnauthorizedOperation"


def test_a_trail_with_a_tag_twice_is_refused_and_not_made(account: Account) -> None:
    trails = account.client("cloudtrail")
    twice = [{"Key": "Team", "Value": value} for value in ("a", "b")]
    made = verdict(trails.create_trail, Name="trail", S3BucketName="logs", TagsList=twice)
    assert made == "InvalidTagParameterException"
    assert trails.describe_trails()["trailList"] == []


def test_the_account_in_the_host_name_is_the_callers_own_or_nothing_is_changed(
    account: Account, emulated: Cloud
) -> None:
    other = emulated.account()
    assert by_host(account, "PUT", other.id, CONFIGURATION) == 403
    assert by_host(account, "PUT", account.id, CONFIGURATION, x_amz_account_id=other.id) == 403
    assert by_host(account, "PUT", other.id, CONFIGURATION, x_amz_account_id=account.id) == 403
    assert by_host(account, "GET", account.id) == 404
    assert by_host(other, "GET", other.id) == 404
    assert by_host(account, "PUT", account.id, CONFIGURATION, x_amz_account_id=account.id) == 201


READ_THE_BLOCK = document(allow("s3:GetAccountPublicAccessBlock", "*"))


def test_the_signature_of_a_user_is_checked_over_the_host_name_as_it_was_sent(account: Account) -> None:
    assert by_host(account, "PUT", account.id, CONFIGURATION) == 201
    ada = account.user("Ada", READ_THE_BLOCK)
    netloc = urlsplit(account.url).netloc
    assert by_host(ada, "GET", account.id) == 200
    assert by_host(ada.session(), "GET", account.id) == 200
    assert by_host(account.user("Bob"), "GET", account.id) == 403
    elsewhere = {**signed(ada, "GET", netloc), "Host": f"{account.id}.{netloc}"}
    assert b"SignatureDoesNotMatch" in send(account.url, "GET", BLOCK, elsewhere)[1]
    # Without an account in the host, the header has it.
    by_header = {"x-amz-account-id": account.id}
    assert send(account.url, "GET", BLOCK, signed(ada, "GET", netloc, **by_header))[0] == 200


def through_the_proxy(who: Principal, host: str, path: str = BLOCK) -> tuple[int, bytes]:
    return send(who.url, "GET", f"http://{host}{path}", signed(who, "GET", host))


def test_the_emulator_is_a_proxy_for_its_own_host_names_only(account: Account) -> None:
    assert by_host(account, "PUT", account.id, CONFIGURATION) == 201
    netloc = urlsplit(account.url).netloc
    ada = account.user("Ada", READ_THE_BLOCK)
    assert through_the_proxy(ada, f"{account.id}.{netloc}")[0] == 200
    assert through_the_proxy(account.user("Bob"), f"{account.id}.{netloc}")[0] == 403
    assert send(account.url, "GET", f"http://{netloc}/_ministack/health", {})[0] == 200
    assert through_the_proxy(ada, "example.com")[0] == 403
    assert through_the_proxy(ada, f"{account.id}.example.com")[0] == 403
    # The target's host counts, whatever the header says.
    headers = {**signed(ada, "GET", "example.com"), "Host": netloc}
    assert send(account.url, "GET", f"http://example.com{BLOCK}", headers)[0] == 403


def test_only_s3_control_has_host_names_of_accounts(account: Account) -> None:
    host = f"{account.id}.{urlsplit(account.url).netloc}"
    assert send(account.url, "GET", "/bucket", {"Host": host})[0] == 403
    elsewhere = f"{account.id}.example.com"
    assert send(account.url, "GET", BLOCK, {"Host": elsewhere})[0] == 403


def test_an_idle_connection_stays_open(emulated: Cloud) -> None:
    connection = http.client.HTTPConnection(urlsplit(emulated.url).netloc)
    try:
        connection.request("GET", "/_ministack/health")
        connection.getresponse().read()
        opened = connection.sock
        time.sleep(IDLE_SECONDS)
        connection.request("GET", "/_ministack/health")
        assert connection.getresponse().status == 200
        assert connection.sock is opened
    finally:
        connection.close()
