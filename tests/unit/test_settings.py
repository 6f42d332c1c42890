"""What a stack file that is right becomes."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter

from iam_hardening import config as settings
from iam_hardening.aws.policies.roles import trust_account, trust_third_party
from iam_hardening.config import trust
from iam_hardening.config.values import Seconds, duration_text
from tests.stack_files import PROJECT, config_of, handed_over

WORKLOAD = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["222222222222"],
    "iam-hardening:accountKind": "workload",
    "iam-hardening:centralAccountId": "111111111111",
}


def load(config: Mapping[str, Any], stack: str = "test") -> settings.Settings:
    return settings.load(handed_over(config), project=PROJECT, stack=stack)


def test_central_is_read_whole() -> None:
    account = load(config_of("central"), "central")
    assert account.is_central
    assert (account.account_id, account.region, account.partition) == ("111111111111", "us-east-1", "aws")
    assert account.central_account_id is None
    assert list(account.groups) == ["Administrators", "Auditors"]
    assert account.groups["Administrators"].may_assume == ["arn:aws:iam::222222222222:role/test_role"]
    assert account.groups["Auditors"].enforce_mfa is True
    assert account.users["Auditor"].groups == ["Auditors"]
    assert (account.instance, account.vault, account.cross_account_roles) == (None, None, {})


def test_dev_is_read_whole() -> None:
    account = load(config_of("dev"), "dev")
    assert not account.is_central
    assert account.central_account_id == "111111111111"
    assert account.cross_account_roles["test_role"].require_mfa is True
    assert account.vault is not None
    assert (account.vault.default_lease_ttl, account.vault.max_lease_ttl) == (1800, 3600)
    assert account.vault.roles["debug-instance"].debug_instance is True
    assert account.instance is not None
    statement = account.instance.policies["write-application-data"][0]
    assert statement.document() == {
        "Sid": "WriteObjects",
        "Effect": "Allow",
        "Action": ["s3:PutObject"],
        "Resource": ["arn:aws:s3:::application-data-222222222222/*"],
        "Condition": {"StringEquals": {"aws:ResourceAccount": "222222222222"}},
    }


def test_a_guard_against_other_regions_is_read_as_everyone_writes_it() -> None:
    guard = {
        "sid": "DenyOtherRegions",
        "effect": "Deny",
        "notActions": ["iam:*", "sts:*", "support:*", "cloudfront:*", "route53:*"],
        "resources": ["*"],
        "conditions": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}},
    }
    config = config_of("central")
    groups = config["iam-hardening:groups"] | {"Developers": {"policies": {"deny-other-regions": [guard]}}}
    account = load({**config, "iam-hardening:groups": groups}, "central")
    assert account.groups["Developers"].documents()["deny-other-regions"]["Statement"] == [
        {
            "Sid": "DenyOtherRegions",
            "Effect": "Deny",
            "NotAction": ["iam:*", "sts:*", "support:*", "cloudfront:*", "route53:*"],
            "Resource": ["*"],
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}},
        }
    ]


def test_a_denial_may_be_about_all_resources_but_some() -> None:
    statement = settings.Statement.model_validate(
        {"sid": "A", "effect": "Deny", "actions": ["s3:*"], "notResources": ["arn:aws:s3:::data/*"]}
    )
    assert statement.document() == {
        "Sid": "A",
        "Effect": "Deny",
        "Action": ["s3:*"],
        "NotResource": ["arn:aws:s3:::data/*"],
    }


@pytest.mark.parametrize("stack", ["central", "dev"])
def test_json_text_and_parsed_yaml_mean_the_same(stack: str) -> None:
    parsed = settings.load(config_of(stack), project=PROJECT, stack=stack)
    assert load(config_of(stack), stack) == parsed


def test_settings_cannot_be_changed_later() -> None:
    account = load(WORKLOAD)
    with pytest.raises(dataclasses.FrozenInstanceError):
        account.account_id = "333333333333"  # type: ignore[misc]


def test_every_resource_says_who_manages_it_and_a_file_may_add_to_that() -> None:
    account = load(
        {**WORKLOAD, "iam-hardening:tags": {"CostCenter": "42", "Project": "hardening", "Note": ""}}
    )
    assert account.tags == {
        "ManagedBy": "pulumi",
        "Stack": "test",
        "CostCenter": "42",
        "Project": "hardening",
        "Note": "",
    }


def test_an_empty_instance_section_is_the_tutorials_instance() -> None:
    instance = load({**WORKLOAD, "iam-hardening:instance": {}}).instance
    assert instance is not None
    assert (instance.name, instance.role_name, instance.profile_name, instance.instance_type) == (
        "HelloWorld",
        "test_instance_role",
        "test_profile",
        "t3.micro",
    )


def test_empty_session_preferences_are_safe_ones() -> None:
    section = {"sessionManager": True, "sessionPreferences": {}}
    instance = load({**WORKLOAD, "iam-hardening:instance": section}).instance
    assert instance is not None
    assert instance.session_preferences is not None
    assert instance.session_preferences.document()["inputs"] == {
        "s3BucketName": "",
        "s3KeyPrefix": "",
        "s3EncryptionEnabled": False,
        "cloudWatchLogGroupName": "/iam-hardening/shell-sessions",
        "cloudWatchEncryptionEnabled": False,
        "cloudWatchStreamingEnabled": True,
        "kmsKeyId": "",
        "runAsEnabled": False,
        "runAsDefaultUser": "",
        "idleSessionTimeout": "20",
        "maxSessionDuration": "60",
    }
    assert instance.session_preferences.log_retention_days == 365


def test_session_preferences_are_written_as_systems_manager_has_them() -> None:
    section = {"idleTimeout": "1h", "maxDuration": "24h", "runAs": "debugger", "logGroup": "shells"}
    document = settings.SessionPreferences.model_validate(section).document()
    assert (document["schemaVersion"], document["sessionType"]) == ("1.0", "Standard_Stream")
    inputs = document["inputs"]
    assert (inputs["idleSessionTimeout"], inputs["maxSessionDuration"]) == ("60", "1440")
    assert (inputs["runAsEnabled"], inputs["runAsDefaultUser"]) == (True, "debugger")
    assert inputs["cloudWatchLogGroupName"] == "shells"


def test_an_empty_vault_section_is_the_tutorials_mount() -> None:
    vault = load({**WORKLOAD, "iam-hardening:vault": {}}).vault
    assert vault is not None
    assert (vault.mount, vault.default_lease_ttl, vault.max_lease_ttl) == ("aws", 1800, 3600)


def test_a_pgp_key_may_be_wrapped_over_lines() -> None:
    config = config_of("central")
    # The first bytes of a binary public key; the provider reads the rest.
    config["iam-hardening:users"]["Auditor"]["pgpKey"] = "mQENBFabc0\nBCAD0123/+==\n"
    assert load(config).users["Auditor"].pgp_key == "mQENBFabc0BCAD0123/+=="


def test_conditions_keep_iams_own_shape() -> None:
    conditions = {
        "ForAnyValue:StringLikeIfExists": {"aws:PrincipalTag/team": ["a", "b"]},
        "Null": {"s3:prefix": "true"},
    }
    statement = {"sid": "A", "actions": ["s3:Get*"], "resources": ["*"], "conditions": conditions}
    config = {**WORKLOAD, "iam-hardening:instance": {"policies": {"own": [statement]}}}
    instance = load(config).instance
    assert instance is not None
    assert instance.policies["own"][0].document()["Condition"] == conditions


@pytest.mark.parametrize(
    ("effect", "conditions"),
    [
        ("Allow", {"ForAllValues:StringEquals": {"aws:TagKeys": "a"}, "Null": {"AWS:TagKeys": "false"}}),
        ("Allow", {"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        ("Deny", {"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}),
        ("Deny", {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}),
        ("Deny", {"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
    ],
)
def test_conditions_that_say_what_a_missing_key_means_are_taken(
    effect: str, conditions: dict[str, dict[str, str]]
) -> None:
    statement = {
        "sid": "A",
        "effect": effect,
        "actions": ["s3:Get*"],
        "resources": ["*"],
        "conditions": conditions,
    }
    config = {**WORKLOAD, "iam-hardening:instance": {"policies": {"own": [statement]}}}
    assert load(config).instance is not None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("30m", 1800),
        ("1h30m", 5400),
        ("900s", 900),
        ("900", 900),
        (900, 900),
        ("1h1m1s", 3661),
        ("768h", 2764800),
    ],
)
def test_durations_become_seconds(written: object, expected: int) -> None:
    assert TypeAdapter(Seconds).validate_python(written) == expected


@pytest.mark.parametrize(
    ("total", "text"), [(1800, "30m"), (5400, "1h30m"), (3661, "1h1m1s"), (59, "59s"), (0, "0s")]
)
def test_seconds_are_reported_as_durations(total: int, text: str) -> None:
    assert duration_text(total) == text


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (["AdministratorAccess"], True),
        (["arn:aws:iam::aws:policy/AdministratorAccess"], True),
        (["arn:aws-cn:iam::aws:policy/AdministratorAccess"], True),
        (["arn:aws:iam::111111111111:policy/AdministratorAccess"], False),
        (["AdministratorAccess-Amplify"], False),
        (["PowerUserAccess"], False),
        ([], False),
    ],
)
def test_administrators_are_those_with_awss_own_policy(policies: list[str], expected: bool) -> None:
    group = settings.Group.model_validate({"managedPolicies": policies})
    assert settings.is_administrators(group) is expected


def test_other_namespaces_are_left_to_those_who_own_them() -> None:
    foreign = {"aws:profile": "dev", "vault:address": "https://vault", "pulumi:tags": json.dumps({"a": "b"})}
    assert load({**WORKLOAD, **foreign}).account_id == "222222222222"


def test_a_third_partys_role_needs_no_central_account_and_asks_for_no_mfa() -> None:
    account = load(
        {
            "aws:region": "us-east-1",
            "aws:allowedAccountIds": ["222222222222"],
            "iam-hardening:accountKind": "workload",
            "iam-hardening:crossAccountRoles": {
                "vendor": {
                    "trustedAccountId": "333333333333",
                    "externalId": "agreed",
                    "maxSessionDuration": "2h",
                }
            },
        }
    )
    role = account.cross_account_roles["vendor"]
    assert (role.is_for_third_party, role.asks_for_mfa, role.max_session_duration) == (True, False, 7200)
    assert trust.of_cross_account_role(account, role) == trust_third_party(
        "aws", "333333333333", external_id="agreed"
    )


def test_a_role_for_people_trusts_the_central_account_as_its_settings_say() -> None:
    role = {"mfaMaxAge": "1h", "sessionNameIsUserName": True}
    config = {**WORKLOAD, "iam-hardening:centralAccountId": "111111111111"}
    account = load({**config, "iam-hardening:crossAccountRoles": {"own": role}})
    trusted = trust.of_cross_account_role(account, account.cross_account_roles["own"])
    assert trusted == trust_account(
        "aws", "111111111111", require_mfa=True, mfa_max_age_seconds=3600, session_name_is_user_name=True
    )
