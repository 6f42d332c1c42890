"""What cannot be authorised for certain is refused; S3; and the server itself."""

import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningCredentials

from tests.emulator.cloud import (
    ALLOWED,
    EVERYTHING,
    REGION,
    Account,
    Cloud,
    Gap,
    User,
    allow,
    document,
    names,
    verdict,
)
from tests.emulator.conftest import ROOT

pytestmark = pytest.mark.emulator

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def send(user: User, service: str, method: str, path: str, body: str = "", **headers: str) -> int:
    """A signed request as no SDK would make it; its status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    signed = AWSRequest(method, user.url + path, data=body.encode(), headers=named)
    credentials = SigningCredentials(user.credentials.access_key_id, user.credentials.secret)
    SigV4Auth(credentials, service, REGION).add_auth(signed)
    return status(user.url + path, method, body.encode(), dict(signed.headers))


def status(
    url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
) -> int:
    request = urllib.request.Request(url, data=body or None, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def one_action_authorised_and_another_executed(cloud: Cloud) -> bool:
    """Whether a user who may list users can create one that way."""
    account = cloud.account()
    ada = account.user("Ada", document(allow("iam:ListUsers")))
    body = urllib.parse.urlencode({"Action": "CreateUser", "UserName": "smuggled", "Version": "2010-05-08"})
    send(ada, "iam", "POST", "/?Action=ListUsers&Version=2010-05-08", body, **FORM)
    return len(account.iam.list_users()["Users"]) == 2


def a_target_beside_an_action(cloud: Cloud) -> bool:
    """Whether a user who may list tables can create one that way."""
    account = cloud.account()
    ada = account.user("Ada", document(allow("dynamodb:ListTables")))
    key = {"AttributeName": "id", "KeyType": "HASH"}
    attribute = {"AttributeName": "id", "AttributeType": "S"}
    table = {
        "TableName": "smuggled",
        "KeySchema": [key],
        "AttributeDefinitions": [attribute],
        "BillingMode": "PAY_PER_REQUEST",
    }
    send(
        ada,
        "dynamodb",
        "POST",
        "/?Action=ListTables",
        json.dumps(table),
        X_Amz_Target="DynamoDB_20120810.CreateTable",
        Content_Type="application/x-amz-json-1.0",
    )
    return bool(account.client("dynamodb").list_tables()["TableNames"])


def an_object_written_as_another_action(cloud: Cloud) -> bool:
    account = cloud.account()
    bucket = make_bucket(account)
    ada = account.user("Ada", document(allow("s3:ListAllMyBuckets")))
    body = "smuggled"
    path = f"/{bucket}/key?Action=ListAllMyBuckets"
    send(ada, "s3", "PUT", path, body, x_amz_content_sha256="UNSIGNED-PAYLOAD")
    return verdict(account.client("s3").head_object, Bucket=bucket, Key="key") == ALLOWED


def a_call_no_permission_is_known_for(cloud: Cloud) -> int:
    ada = cloud.account().user("Ada", EVERYTHING)
    return send(ada, "monitoring", "GET", "/nothing-known-here")


def a_decoy_parameter(cloud: Cloud) -> bool:
    """Whether a user who may change one group can delete a user that way."""
    account = cloud.account()
    account.iam.create_group(GroupName="mine")
    account.iam.create_user(UserName="victim")
    ada = account.user("Ada", document(allow("iam:*", f"arn:aws:iam::{account.id}:role/mine")))
    body = {"Action": "DeleteUser", "UserName": "victim", "RoleName": "mine", "Version": "2010-05-08"}
    send(ada, "iam", "POST", "/", urllib.parse.urlencode(body), **FORM)
    return verdict(account.iam.get_user, UserName="victim") != ALLOWED


def runtime_settings(cloud: Cloud) -> int:
    return status(f"{cloud.url}/_ministack/config", "POST", b"{}", {"Content-Type": "application/json"})


def the_key_called_test(cloud: Cloud) -> str:
    account = cloud.account()
    test = User(account.url, type(account.credentials)("test", "test"), "test", "")
    return verdict(test.iam.list_users)


GAPS = (
    Gap("no action rides on another", one_action_authorised_and_another_executed, False, True),
    Gap("no target rides on an action", a_target_beside_an_action, False, True),
    Gap("no object is written as another action", an_object_written_as_another_action, False, True),
    Gap("no parameter of another call decides", a_decoy_parameter, False, True),
    Gap("a call no permission is known for is refused", a_call_no_permission_is_known_for, 403, 400),
    Gap("runtime settings are not served", runtime_settings, 403, 200),
    Gap("the key called test is no one", the_key_called_test, "InvalidClientTokenId", ALLOWED),
)


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_emulated_aws_answers_as_aws(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_behaviour_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "cloudtrail": ("describe_trails", {}),
    "cloudwatch": ("describe_alarms", {}),
    "dynamodb": ("list_tables", {}),
    "ec2": ("describe_instances", {}),
    "events": ("list_rules", {}),
    "iam": ("list_users", {}),
    "kms": ("list_keys", {}),
    "logs": ("describe_log_groups", {}),
    "organizations": ("list_roots", {}),
    "resourcegroupstaggingapi": ("get_resources", {}),
    "s3": ("list_buckets", {}),
    "sns": ("list_topics", {}),
    "ssm": ("describe_parameters", {}),
}
REFUSALS = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}


@pytest.mark.parametrize("service", CALLS)
def test_every_service_refuses_whom_no_policy_allows(emulated: Cloud, service: str) -> None:
    account = emulated.account()
    operation, parameters = CALLS[service]
    nobody, everybody = account.user("nobody"), account.user("everybody", EVERYTHING)
    assert verdict(getattr(nobody.client(service), operation), **parameters) in REFUSALS
    # Without an organisation there are no roots to list: the call is authorised, then fails for that reason.
    allowed = {ALLOWED, "AWSOrganizationsNotInUseException"}
    assert verdict(getattr(everybody.client(service), operation), **parameters) in allowed


@pytest.mark.parametrize("service", ["lambda", "sqs", "cognito-idp", "secretsmanager"])
def test_services_that_nobody_needs_are_not_served(emulated: Cloud, service: str) -> None:
    operation = {"lambda": "list_functions", "sqs": "list_queues", "secretsmanager": "list_secrets"}
    everybody = emulated.account().user("everybody", EVERYTHING)
    client = everybody.client(service)
    call = getattr(client, operation.get(service, "list_user_pools"))
    assert verdict(call, **({"MaxResults": 1} if service == "cognito-idp" else {})) != ALLOWED


@pytest.mark.parametrize(
    "path", ["/", "/_ministack/config", "/_localstack/health", "/_aws/ses", "/bucket/key"]
)
def test_nobody_in_particular_gets_nothing(emulated: Cloud, path: str) -> None:
    assert status(emulated.url + path) in (400, 403, 404)


def test_other_host_names_are_not_answered(emulated: Cloud) -> None:
    url = f"{emulated.url}/_ministack/health"
    assert status(url, headers={"Host": "rebound.example.com"}) == 403
    assert status(url, headers={"Host": "localhost:80"}) == 200


# --- S3 -----------------------------------------------------------------------------------------------------


def make_bucket(account: Account) -> str:
    name = f"bucket-{account.id}"
    account.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def test_objects_are_authorised_by_prefix(emulated: Cloud) -> None:
    account = emulated.account()
    bucket = make_bucket(account)
    ada = account.user("Ada", document(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/logs/*")))
    s3 = ada.client("s3")
    assert verdict(s3.put_object, Bucket=bucket, Key="logs/today", Body=b"") == ALLOWED
    assert verdict(s3.put_object, Bucket=bucket, Key="other", Body=b"") == "AccessDenied"
    assert verdict(s3.put_object, Bucket=bucket, Key="/logs/today", Body=b"") == "AccessDenied"
    assert verdict(s3.get_object, Bucket=bucket, Key="logs/today") == "AccessDenied"
    assert verdict(s3.list_objects_v2, Bucket=bucket) == "AccessDenied"


def test_a_bucket_is_its_accounts_own(emulated: Cloud) -> None:
    account, other = emulated.account(), emulated.account()
    bucket = make_bucket(account)
    account.client("s3").put_object(Bucket=bucket, Key="key", Body=b"secret")
    eve = other.user("Eve", EVERYTHING).client("s3")
    assert eve.list_buckets()["Buckets"] == []
    for call, parameters in (
        (eve.get_object, {"Key": "key"}),
        (eve.put_object, {"Key": "key", "Body": b""}),
        (eve.delete_object, {"Key": "key"}),
        (eve.list_objects_v2, {}),
        (eve.delete_bucket, {}),
        (eve.get_bucket_policy, {}),
    ):
        assert verdict(call, Bucket=bucket, **parameters) in ("AccessDenied", "403")
    location = {"LocationConstraint": REGION}
    assert (
        verdict(eve.create_bucket, Bucket=bucket, CreateBucketConfiguration=location) == "BucketAlreadyExists"
    )


def test_a_bucket_policy_lets_another_account_in_as_far_as_it_says(emulated: Cloud) -> None:
    account, other = emulated.account(), emulated.account()
    bucket = make_bucket(account)
    account.client("s3").put_object(Bucket=bucket, Key="key", Body=b"shared")
    shared = {**allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"), "Principal": {"AWS": other.root_arn}}
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document(shared)))
    bob = other.user("Bob", EVERYTHING).client("s3")
    without = other.user("Carol").client("s3")
    assert verdict(bob.get_object, Bucket=bucket, Key="key") == ALLOWED
    assert verdict(bob.put_object, Bucket=bucket, Key="key", Body=b"") == "AccessDenied"
    assert verdict(without.get_object, Bucket=bucket, Key="key") == "AccessDenied"


def test_the_account_of_a_bucket_is_its_owners_whoever_asks(emulated: Cloud) -> None:
    """A policy of one's own that asks for one's own account stops at a bucket of someone else's, although
    that bucket's policy lets everyone in."""
    account, other = emulated.account(), emulated.account()
    bucket, own = make_bucket(account), make_bucket(other)
    put = ["s3:PutObject", "s3:GetObject"]
    shared = {**allow(put, f"arn:aws:s3:::{bucket}/*"), "Principal": {"AWS": other.root_arn}}
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document(shared)))
    guarded = allow(put, "arn:aws:s3:::*", StringEquals={"aws:ResourceAccount": other.id})
    bob = other.user("Bob", document(guarded)).client("s3")
    carol = other.user("Carol", document(allow(put, "arn:aws:s3:::*"))).client("s3")
    assert verdict(bob.put_object, Bucket=own, Key="key", Body=b"") == ALLOWED
    assert verdict(bob.put_object, Bucket=bucket, Key="key", Body=b"") == "AccessDenied"
    assert verdict(carol.put_object, Bucket=bucket, Key="key", Body=b"") == ALLOWED


def test_full_access_to_s3_is_no_access_to_iam(emulated: Cloud) -> None:
    account = emulated.account()
    ada = account.user("Ada")
    account.iam.attach_user_policy(UserName="Ada", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    create = {"Bucket": f"bucket-{account.id}", "CreateBucketConfiguration": {"LocationConstraint": REGION}}
    assert verdict(ada.client("s3").create_bucket, **create) == ALLOWED
    assert verdict(ada.iam.list_users) == "AccessDenied"


# --- The server ---------------------------------------------------------------------------------------------


def test_a_port_in_use_is_said(emulated: Cloud) -> None:
    port = emulated.url.rsplit(":", 1)[1]
    ended = subprocess.run(
        [sys.executable, "-m", "rehearsal.emulator", "--port", port],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert ended.returncode == 2
    assert f"Port {port} on 127.0.0.1 is taken" in ended.stderr


def test_another_version_of_ministack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import importlib.metadata; importlib.metadata.version = lambda _: '9.9.9'; "
        "import rehearsal.emulator.upstream"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=20
    )
    assert ended.returncode != 0
    assert "ministack 1.5.33, not 9.9.9" in ended.stderr
