"""The root user: its keys, and what the account summary says of them."""

import csv
import urllib.request

import pytest

from tests.emulator.cloud import ALLOWED, EVERYTHING, Cloud, Credentials, Gap, Principal, names, verdict

pytestmark = pytest.mark.emulator


def _summary(cloud: Cloud, *, with_key: bool) -> int:
    account = cloud.account()
    if with_key:
        account.iam.create_access_key()
    return int(account.iam.get_account_summary()["SummaryMap"]["AccountAccessKeysPresent"])


def a_key_of_root_shows(cloud: Cloud) -> tuple[int, int]:
    return _summary(cloud, with_key=False), _summary(cloud, with_key=True)


def a_key_of_root_in_the_credential_report(cloud: Cloud) -> str:
    account = cloud.account()
    account.iam.create_access_key()
    account.iam.generate_credential_report()
    report = csv.DictReader(account.iam.get_credential_report()["Content"].decode().splitlines())
    return next(row["access_key_1_active"] for row in report if row["user"] == "<root_account>")


def get_user_without_a_name(cloud: Cloud) -> str:
    return str(cloud.account().user("Ada", EVERYTHING).iam.get_user()["User"]["Arn"].split(":", 5)[5])


def roots_mfa_when_a_user_has_a_device(cloud: Cloud) -> int:
    account = cloud.account()
    account.iam.create_user(UserName="Ada")
    account.give_a_device("Ada")
    return int(account.iam.get_account_summary()["SummaryMap"]["AccountMFAEnabled"])


GAPS = (
    Gap("a key of root shows in the summary", a_key_of_root_shows, (0, 1), (0, 0)),
    Gap("a key of root is in the credential report", a_key_of_root_in_the_credential_report, "true", "false"),
    Gap("GetUser without a name is the caller", get_user_without_a_name, "user/Ada", "root"),
    Gap("roots MFA is not anybodys", roots_mfa_when_a_user_has_a_device, 0, 1),
)


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_emulated_aws_answers_as_aws(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_behaviour_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


def test_a_key_of_root_works_until_it_is_deleted(emulated: Cloud) -> None:
    account = emulated.account()
    made = account.iam.create_access_key()["AccessKey"]
    with_key = Principal(account.url, Credentials(made["AccessKeyId"], made["SecretAccessKey"]))
    assert with_key.sts.get_caller_identity()["Arn"] == account.root_arn
    assert verdict(with_key.iam.list_users) == ALLOWED
    assert [key["AccessKeyId"] for key in account.iam.list_access_keys()["AccessKeyMetadata"]] == [
        made["AccessKeyId"]
    ]
    account.iam.delete_access_key(AccessKeyId=made["AccessKeyId"])
    assert verdict(with_key.iam.list_users) == "InvalidClientTokenId"
    assert account.iam.get_account_summary()["SummaryMap"]["AccountAccessKeysPresent"] == 0


def test_a_user_called_default_is_not_root(emulated: Cloud) -> None:
    """MiniStack keeps root's keys under that name."""
    account = emulated.account()
    assert verdict(account.user("default").iam.list_users) == "AccessDenied"
    assert account.iam.get_account_summary()["SummaryMap"]["AccountAccessKeysPresent"] == 0


def test_the_root_user_can_be_said_to_have_mfa_in_one_account_only(emulated: Cloud) -> None:
    account, other = emulated.account(), emulated.account()
    control = f"{emulated.url}/_emulated_aws/root-mfa?account={account.id}"
    urllib.request.urlopen(urllib.request.Request(control, method="POST")).close()
    found = []
    for each in (account, other):
        each.iam.generate_credential_report()
        report = csv.DictReader(each.iam.get_credential_report()["Content"].decode().splitlines())
        summary = each.iam.get_account_summary()["SummaryMap"]["AccountMFAEnabled"]
        found.append((summary, next(report)["mfa_active"]))
    assert found == [(1, "true"), (0, "false")]


def test_the_summary_counts(emulated: Cloud) -> None:
    account = emulated.account()
    account.user("Ada", EVERYTHING).enrol()
    account.policy("p", EVERYTHING)
    account.iam.create_instance_profile(InstanceProfileName="profile")
    found = account.iam.get_account_summary()["SummaryMap"]
    expected = {
        "Users": 1,
        "Policies": 1,
        "PolicyVersionsInUse": 1,
        "MFADevicesInUse": 1,
        "InstanceProfiles": 1,
    }
    assert {name: found[name] for name in expected} == expected
