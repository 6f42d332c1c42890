"""Names and ARNs that two stacks must agree on."""

import pytest

from iam_hardening.aws import naming


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("us-east-1", "aws"),
        ("eu-central-1", "aws"),
        ("mx-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_a_region_belongs_to_one_partition(region: str, partition: str) -> None:
    assert naming.partition_of(region) == partition


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (naming.account_root_arn("aws", "111111111111"), "arn:aws:iam::111111111111:root"),
        (
            naming.role_arn("aws-cn", "222222222222", "test_role"),
            "arn:aws-cn:iam::222222222222:role/test_role",
        ),
        (naming.policy_arn("aws", "222222222222", "p"), "arn:aws:iam::222222222222:policy/p"),
        (naming.mfa_device_arn("aws", "111111111111", "phone"), "arn:aws:iam::111111111111:mfa/phone"),
        (naming.bucket_objects_arn("aws-us-gov", "data"), "arn:aws-us-gov:s3:::data/*"),
        (naming.assume_policy_name("Administrators"), "assume-roles-Administrators"),
        (naming.vault_policy_name("aws/dev", "test"), "aws-dev-test"),
    ],
)
def test_arns_and_names_are_exact(made: str, expected: str) -> None:
    assert made == expected


@pytest.mark.parametrize(
    ("partition", "url"),
    [
        ("aws", "https://111111111111.signin.aws.amazon.com/console"),
        ("aws-cn", "https://111111111111.signin.amazonaws.cn/console"),
        ("aws-us-gov", "https://111111111111.signin.amazonaws-us-gov.com/console"),
        ("aws-eusc", "https://111111111111.signin.amazonaws-eusc.eu/console"),
        ("aws-iso", "https://111111111111.signin.c2shome.ic.gov/console"),
        ("aws-iso-b", "https://111111111111.signin.sc2shome.sgov.gov/console"),
        ("aws-iso-e", "https://111111111111.signin.csphome.adc-e.uk/console"),
        ("aws-iso-f", "https://111111111111.signin.csphome.hci.ic.gov/console"),
        ("aws-new", None),
    ],
)
def test_people_sign_in_where_their_partition_says(partition: str, url: str | None) -> None:
    assert naming.sign_in_url(partition, "111111111111") == url
