"""Users, groups, roles and policies: names, renaming, deletion, documents, pages, AWS's own policies."""

import json
from typing import Any

import pytest

from tests.emulator.cloud import (
    ALLOWED,
    EVERYTHING,
    Account,
    Cloud,
    Gap,
    allow,
    deny,
    document,
    names,
    trust,
    verdict,
)

pytestmark = pytest.mark.emulator

CONFLICT, EXISTS, INVALID, LIMIT, MALFORMED, MISSING = (
    "DeleteConflict",
    "EntityAlreadyExists",
    "ValidationError",
    "LimitExceeded",
    "MalformedPolicyDocument",
    "NoSuchEntity",
)


def _delete_user_that_has(account: Account, thing: str) -> str:
    iam = account.iam
    iam.create_user(UserName="Ada")
    if thing == "password":
        iam.create_login_profile(UserName="Ada", Password="Some-Password-1")
    elif thing == "group":
        iam.create_group(GroupName="people")
        iam.add_user_to_group(GroupName="people", UserName="Ada")
    elif thing == "inline policy":
        iam.put_user_policy(UserName="Ada", PolicyName="p", PolicyDocument=json.dumps(EVERYTHING))
    return verdict(iam.delete_user, UserName="Ada")


def deleting_a_user_with_a_password(cloud: Cloud) -> str:
    return _delete_user_that_has(cloud.account(), "password")


def deleting_a_user_in_a_group(cloud: Cloud) -> str:
    return _delete_user_that_has(cloud.account(), "group")


def deleting_a_user_with_a_policy(cloud: Cloud) -> str:
    return _delete_user_that_has(cloud.account(), "inline policy")


def deleting_a_user_with_a_device(cloud: Cloud) -> str:
    account = cloud.account()
    iam = account.iam
    iam.create_user(UserName="Ada")
    account.give_a_device("Ada")
    return verdict(iam.delete_user, UserName="Ada")


def deleting_a_group_with_members(cloud: Cloud) -> str:
    account = cloud.account()
    account.iam.create_group(GroupName="people")
    account.iam.create_user(UserName="Ada")
    account.iam.add_user_to_group(GroupName="people", UserName="Ada")
    return verdict(account.iam.delete_group, GroupName="people")


def deleting_a_group_with_policies(cloud: Cloud) -> str:
    account = cloud.account()
    account.iam.create_group(GroupName="people")
    account.iam.attach_group_policy(GroupName="people", PolicyArn=account.policy("p", EVERYTHING))
    return verdict(account.iam.delete_group, GroupName="people")


def deleting_a_policy_with_versions(cloud: Cloud) -> str:
    account = cloud.account()
    arn = account.policy("p", EVERYTHING)
    account.iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(EVERYTHING), SetAsDefault=True)
    return verdict(account.iam.delete_policy, PolicyArn=arn)


def the_name_in_other_letters(cloud: Cloud) -> str:
    iam = cloud.account().iam
    iam.create_user(UserName="Ada")
    return verdict(iam.create_user, UserName="ada")


def a_name_aws_refuses(cloud: Cloud) -> str:
    return verdict(cloud.account().iam.create_user, UserName="Ada Lovelace")


def renaming_a_user(cloud: Cloud) -> str:
    iam = cloud.account().iam
    iam.create_user(UserName="Ada")
    return verdict(iam.update_user, UserName="Ada", NewUserName="Lovelace", NewPath="/people/")


def renaming_a_group(cloud: Cloud) -> str:
    iam = cloud.account().iam
    iam.create_group(GroupName="people")
    return verdict(iam.update_group, GroupName="people", NewGroupName="staff")


def a_default_version(cloud: Cloud) -> str:
    account = cloud.account()
    arn = account.policy("p", EVERYTHING)
    account.iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(EVERYTHING))
    return verdict(account.iam.set_default_policy_version, PolicyArn=arn, VersionId="v2")


def attaching_a_policy_that_does_not_exist(cloud: Cloud) -> str:
    account = cloud.account()
    account.iam.create_user(UserName="Ada")
    arn = "arn:aws:iam::aws:policy/AdminstratorAccess"
    return verdict(account.iam.attach_user_policy, UserName="Ada", PolicyArn=arn)


def aws_own_policies(cloud: Cloud) -> list[str]:
    iam = cloud.account().iam
    wanted = (
        "IAMUserChangePassword",
        "AWSSupportAccess",
        "AWSLambda_FullAccess",
        "job-function/ViewOnlyAccess",
        "job-function/Billing",
    )
    return [verdict(iam.get_policy, PolicyArn=f"arn:aws:iam::aws:policy/{name}") for name in wanted]


def a_third_key(cloud: Cloud) -> str:
    iam = cloud.account().iam
    iam.create_user(UserName="Ada")
    for _ in range(2):
        iam.create_access_key(UserName="Ada")
    return verdict(iam.create_access_key, UserName="Ada")


def a_managed_policy_over_the_limit(cloud: Cloud) -> str:
    big = document(allow([f"s3:Action{number:04}" for number in range(500)]))
    return verdict(cloud.account().iam.create_policy, PolicyName="big", PolicyDocument=json.dumps(big))


def inline_policies_over_the_limit_together(cloud: Cloud) -> list[str]:
    account = cloud.account()
    account.iam.create_user(UserName="Ada")
    half = json.dumps(document(allow([f"s3:Action{number:04}" for number in range(80)])))
    put = account.iam.put_user_policy
    return [verdict(put, UserName="Ada", PolicyName=name, PolicyDocument=half) for name in ("one", "two")]


def _create_policy(cloud: Cloud, statement: Any) -> str:
    text = json.dumps(document(statement))
    return verdict(cloud.account().iam.create_policy, PolicyName="p", PolicyDocument=text)


def a_condition_operator_that_does_not_exist(cloud: Cloud) -> str:
    return _create_policy(cloud, deny("*", StringEqual={"aws:username": "Ada"}))


def an_identity_policy_with_a_principal(cloud: Cloud) -> str:
    return _create_policy(cloud, {**allow("s3:*"), "Principal": "*"})


def an_action_without_a_service(cloud: Cloud) -> str:
    return _create_policy(cloud, allow("ListAllMyBuckets"))


def trusting_nobody(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    create = account.iam.create_role
    nobody = json.dumps(trust(f"arn:aws:iam::{account.id}:user/nobody"))
    root_of_another = json.dumps(trust("arn:aws:iam::999999999999:root"))
    return (
        verdict(create, RoleName="a", AssumeRolePolicyDocument=nobody),
        verdict(create, RoleName="b", AssumeRolePolicyDocument=root_of_another),
    )


def a_list_in_pages(cloud: Cloud) -> int:
    iam = cloud.account().iam
    for number in range(5):
        iam.create_user(UserName=f"user{number}")
    return len(iam.list_users(MaxItems=2)["Users"])


def credentials_beside_keys(cloud: Cloud) -> list[str]:
    account = cloud.account()
    iam = account.iam
    iam.create_user(UserName="Ada")
    made = [
        verdict(iam.upload_ssh_public_key, UserName="Ada", SSHPublicKeyBody="key"),
        verdict(
            iam.create_service_specific_credential, UserName="Ada", ServiceName="codecommit.amazonaws.com"
        ),
        verdict(iam.upload_signing_certificate, UserName="Ada", CertificateBody="body"),
    ]
    return [*made, verdict(iam.delete_user, UserName="Ada")]


def boundaries_in_the_whole_picture(cloud: Cloud) -> list[str]:
    account = cloud.account()
    boundary = account.policy("limit", EVERYTHING)
    account.iam.create_user(UserName="Ada", PermissionsBoundary=boundary)
    account.iam.create_user(UserName="Bob")
    account.role("reader", trust(account.root_arn), PermissionsBoundary=boundary)
    details = account.iam.get_account_authorization_details(Filter=["User", "Role"])
    records = {each.get("UserName") or each["RoleName"]: each for kind in ("UserDetailList", "RoleDetailList")
               for each in details[kind]}  # fmt: skip
    return sorted(name for name, record in records.items() if "PermissionsBoundary" in record)


def _most_and_one_more(attach: Any, again: Any) -> tuple[str, str, str]:
    """The tenth, the tenth once more, and the eleventh."""
    for number in range(9):
        attach(number)
    return verdict(again, number=9), verdict(again, number=9), verdict(again, number=10)


def managed_policies_of(kind: str) -> Any:
    def probe(cloud: Cloud) -> tuple[str, str, str]:
        account = cloud.account()
        if kind == "group":
            account.iam.create_group(GroupName="x")
        elif kind == "user":
            account.iam.create_user(UserName="x")
        else:
            account.role("x", trust(account.root_arn))
        call = getattr(account.iam, f"attach_{kind}_policy")
        arns = [account.policy(f"p{number}", EVERYTHING) for number in range(11)]

        def attach(number: int) -> None:
            call(**{f"{kind.capitalize()}Name": "x"}, PolicyArn=arns[number])

        return _most_and_one_more(attach, attach)

    return probe


def groups_of_a_user(cloud: Cloud) -> tuple[str, str, str]:
    iam = cloud.account().iam
    iam.create_user(UserName="x")
    for number in range(11):
        iam.create_group(GroupName=f"g{number}")

    def join(number: int) -> None:
        iam.add_user_to_group(UserName="x", GroupName=f"g{number}")

    return _most_and_one_more(join, join)


TEN_AT_MOST, ANY_NUMBER = (ALLOWED, ALLOWED, LIMIT), (ALLOWED, ALLOWED, ALLOWED)

GAPS = (
    Gap("ten managed policies per group", managed_policies_of("group"), TEN_AT_MOST, ANY_NUMBER),
    Gap("ten managed policies per role", managed_policies_of("role"), TEN_AT_MOST, ANY_NUMBER),
    Gap("ten managed policies per user", managed_policies_of("user"), TEN_AT_MOST, ANY_NUMBER),
    Gap("ten groups per user", groups_of_a_user, TEN_AT_MOST, ANY_NUMBER),
    Gap("a user with a password is not deleted", deleting_a_user_with_a_password, CONFLICT, ALLOWED),
    Gap("a user in a group is not deleted", deleting_a_user_in_a_group, CONFLICT, ALLOWED),
    Gap("a user with an inline policy is not deleted", deleting_a_user_with_a_policy, CONFLICT, ALLOWED),
    Gap("a user with a device is not deleted", deleting_a_user_with_a_device, CONFLICT, ALLOWED),
    Gap("a group with members is not deleted", deleting_a_group_with_members, CONFLICT, ALLOWED),
    Gap("a group with policies is not deleted", deleting_a_group_with_policies, CONFLICT, ALLOWED),
    Gap("a policy with versions is not deleted", deleting_a_policy_with_versions, CONFLICT, ALLOWED),
    Gap("names differ by more than their case", the_name_in_other_letters, EXISTS, ALLOWED),
    Gap("a name has no spaces", a_name_aws_refuses, INVALID, ALLOWED),
    Gap("a user is renamed", renaming_a_user, ALLOWED, "InvalidAction"),
    Gap("a group is renamed", renaming_a_group, ALLOWED, "InvalidAction"),
    Gap("another version becomes the default", a_default_version, ALLOWED, "InvalidAction"),
    Gap("a mistyped policy of AWS is not attached", attaching_a_policy_that_does_not_exist, MISSING, ALLOWED),
    Gap("policies of AWS that people need exist", aws_own_policies, [ALLOWED] * 5, [MISSING] * 5),
    Gap("a user has two keys at most", a_third_key, LIMIT, ALLOWED),
    Gap("a managed policy has its limit", a_managed_policy_over_the_limit, LIMIT, ALLOWED),
    Gap("inline policies have a limit together", inline_policies_over_the_limit_together, [ALLOWED, LIMIT],
        [ALLOWED, ALLOWED]),
    Gap("a mistyped condition is refused", a_condition_operator_that_does_not_exist, MALFORMED, ALLOWED),
    Gap("an identity policy has no principal", an_identity_policy_with_a_principal, MALFORMED, ALLOWED),
    Gap("an action has its service", an_action_without_a_service, MALFORMED, ALLOWED),
    Gap("a trusted user must exist", trusting_nobody, (MALFORMED, ALLOWED), (ALLOWED, ALLOWED)),
    Gap("a user has credentials beside keys", credentials_beside_keys, [ALLOWED] * 3 + [CONFLICT],
        ["InvalidAction"] * 3 + [ALLOWED]),
    Gap("boundaries are in the whole picture", boundaries_in_the_whole_picture, ["Ada", "reader"], []),
    Gap("lists come in pages", a_list_in_pages, 2, 5),
)  # fmt: skip


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_emulated_aws_answers_as_aws(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_behaviour_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


@pytest.fixture
def account(emulated: Cloud) -> Account:
    return emulated.account()


def test_what_is_empty_is_deleted(account: Account) -> None:
    iam = account.iam
    iam.create_user(UserName="Ada")
    iam.create_group(GroupName="people")
    account.role("reader", trust(account.root_arn))
    assert verdict(iam.delete_user, UserName="Ada") == ALLOWED
    assert verdict(iam.delete_group, GroupName="people") == ALLOWED
    assert verdict(iam.delete_role, RoleName="reader") == ALLOWED
    assert verdict(iam.delete_policy, PolicyArn=account.policy("p", EVERYTHING)) == ALLOWED


def test_a_role_or_user_with_attachments_is_not_deleted(account: Account) -> None:
    arn = account.policy("p", EVERYTHING)
    account.user("Ada")
    account.role("reader", trust(account.root_arn))
    account.role("machine", trust("ec2.amazonaws.com", service=True))
    account.iam.attach_role_policy(RoleName="reader", PolicyArn=arn)
    account.iam.create_instance_profile(InstanceProfileName="profile")
    account.iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="machine")
    for call, parameters in (
        (account.iam.delete_user, {"UserName": "Ada"}),  # has an access key
        (account.iam.delete_role, {"RoleName": "reader"}),
        (account.iam.delete_role, {"RoleName": "machine"}),
        (account.iam.delete_policy, {"PolicyArn": arn}),
        (account.iam.delete_instance_profile, {"InstanceProfileName": "profile"}),
    ):
        assert verdict(call, **parameters) == CONFLICT


def test_a_renamed_user_keeps_keys_groups_policies_and_device(account: Account) -> None:
    ada = account.user("Ada", document(allow(["iam:*MFA*", "s3:ListAllMyBuckets"])))
    serial, codes = ada.enrol()
    account.iam.create_group(GroupName="people")
    account.iam.add_user_to_group(GroupName="people", UserName="Ada")
    account.iam.update_user(UserName="Ada", NewUserName="Lovelace", NewPath="/people/")
    assert ada.sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{account.id}:user/people/Lovelace"
    assert verdict(ada.client("s3").list_buckets) == ALLOWED
    assert verdict(ada.iam.list_users) == "AccessDenied"
    assert [user["UserName"] for user in account.iam.get_group(GroupName="people")["Users"]] == ["Lovelace"]
    assert verdict(ada.sts.get_session_token, SerialNumber=serial, TokenCode=codes.now()) == ALLOWED


def test_the_default_version_is_the_one_that_counts(account: Account) -> None:
    arn = account.policy("p", document(allow("s3:ListAllMyBuckets")))
    ada = account.user("Ada")
    account.iam.attach_user_policy(UserName="Ada", PolicyArn=arn)
    account.iam.create_policy_version(
        PolicyArn=arn, PolicyDocument=json.dumps(document(deny("*"))), SetAsDefault=True
    )
    assert verdict(ada.client("s3").list_buckets) == "AccessDenied"
    account.iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert verdict(ada.client("s3").list_buckets) == ALLOWED


def test_a_policy_has_five_versions(account: Account) -> None:
    arn = account.policy("p", EVERYTHING)
    text = json.dumps(EVERYTHING)
    made = [verdict(account.iam.create_policy_version, PolicyArn=arn, PolicyDocument=text) for _ in range(5)]
    assert made == [ALLOWED] * 4 + [LIMIT]


def test_white_space_does_not_count_against_the_limit(account: Account) -> None:
    nearly = document(allow([f"s3:Action{number:04}" for number in range(360)]))
    assert (
        verdict(account.iam.create_policy, PolicyName="p", PolicyDocument=json.dumps(nearly, indent=8))
        == ALLOWED
    )


def test_pages_together_are_the_whole_list(account: Account) -> None:
    wanted = {f"user{number}" for number in range(7)}
    for name in wanted:
        account.iam.create_user(UserName=name)
    pages = list(account.iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["Users"]) for page in pages] == [3, 3, 1]
    assert {user["UserName"] for page in pages for user in page["Users"]} == wanted


def test_tags_come_back(account: Account) -> None:
    account.user("Ada", tags={"team": "red"})
    account.iam.tag_user(UserName="Ada", Tags=[{"Key": "owner", "Value": "eve@example.com"}])
    account.iam.untag_user(UserName="Ada", TagKeys=["team"])
    assert account.iam.list_user_tags(UserName="Ada")["Tags"] == [
        {"Key": "owner", "Value": "eve@example.com"}
    ]


def test_a_description_may_have_any_character(account: Account) -> None:
    text = "reads <everything> & more"
    account.role("reader", trust(account.root_arn), Description=text)
    assert account.iam.get_role(RoleName="reader")["Role"]["Description"] == text
