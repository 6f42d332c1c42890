"""What a policy allows: variables, IAM's resources, condition keys, passing roles, several resources."""

import json
from typing import Any

import pytest

from tests.emulator.cloud import (
    ALLOWED,
    EVERYTHING,
    REGION,
    Account,
    Cloud,
    Gap,
    User,
    allow,
    deny,
    document,
    names,
    trust,
    verdict,
)

pytestmark = pytest.mark.emulator

DENIED = "AccessDenied"


def own_user_by_variable(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    account.user("Bob")
    own = ["arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::*:user/*/${aws:username}"]
    ada = account.user("Ada", document(allow("iam:GetUser", own)), path="/people/")
    return verdict(ada.iam.get_user, UserName="Ada"), verdict(ada.iam.get_user, UserName="Bob")


def bucket_prefix_by_principal_tag(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    bucket = f"b{account.id}"
    account.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    tagged = document(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/${{aws:PrincipalTag/team}}/*"))
    with_tag, without = account.user("Ada", tagged, tags={"team": "red"}), account.user("Bob", tagged)
    put = {"Bucket": bucket, "Key": "red/a", "Body": b""}
    return verdict(with_tag.client("s3").put_object, **put), verdict(without.client("s3").put_object, **put)


def variable_in_a_condition(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    same_team = document(
        allow("iam:GetUser", StringEquals={"iam:ResourceTag/team": "${aws:PrincipalTag/team}"})
    )
    account.user("Red", tags={"team": "red"})
    account.user("Blue", tags={"team": "blue"})
    ada = account.user("Ada", same_team, tags={"team": "red"})
    return verdict(ada.iam.get_user, UserName="Red"), verdict(ada.iam.get_user, UserName="Blue")


def users_under_a_path(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    account.user("issued", path="/vault/")
    account.user("person")
    vault = account.user(
        "vault", document(allow("iam:ListAccessKeys", f"arn:aws:iam::{account.id}:user/vault/*"))
    )
    return (
        verdict(vault.iam.list_access_keys, UserName="issued"),
        verdict(vault.iam.list_access_keys, UserName="person"),
    )


def users_created_under_a_path(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    vault = account.user(
        "vault", document(allow("iam:CreateUser", f"arn:aws:iam::{account.id}:user/vault/*"))
    )
    create = vault.iam.create_user
    return verdict(create, UserName="a", Path="/vault/"), verdict(create, UserName="b")


def membership_is_of_the_group(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    for group in ("readers", "Administrators"):
        account.iam.create_group(GroupName=group)
    joiner = account.user(
        "joiner", document(allow("iam:AddUserToGroup", f"arn:aws:iam::{account.id}:group/readers"))
    )
    join = joiner.iam.add_user_to_group
    return (
        verdict(join, GroupName="readers", UserName="joiner"),
        verdict(join, GroupName="Administrators", UserName="joiner"),
    )


def devices_by_name(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    ada = account.user(
        "Ada", document(allow("iam:CreateVirtualMFADevice", f"arn:aws:iam::{account.id}:mfa/Ada"))
    )
    create = ada.iam.create_virtual_mfa_device
    return verdict(create, VirtualMFADeviceName="Ada"), verdict(create, VirtualMFADeviceName="Bob")


def own_keys_without_a_name(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    own = f"arn:aws:iam::{account.id}:user/Ada"
    ada = account.user("Ada", document(allow("iam:ListAccessKeys", own)))
    bob = account.user("Bob", document(allow("iam:ListAccessKeys", own)))
    return verdict(ada.iam.list_access_keys), verdict(bob.iam.list_access_keys)


def only_with_the_boundary(cloud: Cloud) -> tuple[str, str, str]:
    account = cloud.account()
    boundary, other = account.policy("boundary", EVERYTHING), account.policy("other", EVERYTHING)
    vault = account.user(
        "vault", document(allow("iam:CreateUser", StringEquals={"iam:PermissionsBoundary": boundary}))
    )
    create = vault.iam.create_user
    return (
        verdict(create, UserName="a", PermissionsBoundary=boundary),
        verdict(create, UserName="b", PermissionsBoundary=other),
        verdict(create, UserName="c"),
    )


def policies_only_of_bounded_users(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    boundary = account.policy("boundary", EVERYTHING)
    account.iam.create_user(UserName="bounded", PermissionsBoundary=boundary)
    account.iam.create_user(UserName="free")
    vault = account.user(
        "vault", document(allow("iam:PutUserPolicy", StringEquals={"iam:PermissionsBoundary": boundary}))
    )
    put = vault.iam.put_user_policy
    policy = {"PolicyName": "p", "PolicyDocument": json.dumps(EVERYTHING)}
    return verdict(put, UserName="bounded", **policy), verdict(put, UserName="free", **policy)


def only_these_policies(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    harmless, powerful = account.policy("harmless", EVERYTHING), account.policy("powerful", EVERYTHING)
    account.user("target")
    admin = account.user("a", document(allow("iam:AttachUserPolicy", ArnEquals={"iam:PolicyARN": harmless})))
    attach = admin.iam.attach_user_policy
    return (
        verdict(attach, UserName="target", PolicyArn=harmless),
        verdict(attach, UserName="target", PolicyArn=powerful),
    )


def a_session_by_its_roles_arn(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    user = account.user("Ada", EVERYTHING)
    role = f"arn:aws:iam::{account.id}:role/reader"
    policy = document(
        allow("s3:ListAllMyBuckets", ArnEquals={"aws:PrincipalArn": role}),
        allow("sns:ListTopics", ArnEquals={"aws:PrincipalArn": f"{role}2"}),
    )
    session = user.assume(account.role("reader", trust(account.root_arn), policy))
    return verdict(session.client("s3").list_buckets), verdict(session.client("sns").list_topics)


def _add_to_profile(cloud: Cloud, *policies: Any) -> str:
    account = cloud.account()
    account.role("machine", trust("ec2.amazonaws.com", service=True))
    account.iam.create_instance_profile(InstanceProfileName="profile")
    builder = account.user("builder", *policies)
    return verdict(
        builder.iam.add_role_to_instance_profile, InstanceProfileName="profile", RoleName="machine"
    )


def a_profile_takes_a_role_with_pass_role_only(cloud: Cloud) -> tuple[str, str]:
    add = allow("iam:AddRoleToInstanceProfile")
    passing = allow("iam:PassRole", StringEquals={"iam:PassedToService": "ec2.amazonaws.com"})
    return _add_to_profile(cloud, document(add, passing)), _add_to_profile(cloud, document(add))


def a_session_name_that_the_policy_asks_for(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    role = account.role("reader", trust(account.root_arn))
    ada = account.user(
        "Ada", document(allow("sts:AssumeRole", StringEquals={"sts:RoleSessionName": "${aws:username}"}))
    )
    assume = ada.sts.assume_role
    return (
        verdict(assume, RoleArn=role, RoleSessionName="Ada"),
        verdict(assume, RoleArn=role, RoleSessionName="Bob"),
    )


def a_role_of_the_own_account_that_names_the_user(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    ada, bob = account.user("Ada"), account.user("Bob")
    role = account.role("reader", trust(ada.arn))
    assume = {"RoleArn": role, "RoleSessionName": "session"}
    return verdict(ada.sts.assume_role, **assume), verdict(bob.sts.assume_role, **assume)


BOTH = (ALLOWED, DENIED)


def a_bucket_that_denies_plain_http(cloud: Cloud) -> str:
    account = cloud.account()
    s3, bucket = account.client("s3"), f"tls-only-{account.id}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    denial = {
        **deny(
            "s3:*",
            [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            Bool={"aws:SecureTransport": "false"},
        ),
        "Principal": "*",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document(denial)))
    return verdict(account.user("Ada", EVERYTHING).client("s3").list_objects_v2, Bucket=bucket)


def one_rule_of_eventbridge(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    for name in ("kept", "other"):
        account.client("events").put_rule(Name=name, EventPattern='{"source": ["a"]}')
    arn = f"arn:aws:events:{REGION}:{account.id}:rule/kept"
    ada = account.user("Ada", document(allow("events:*"), deny("events:*", arn)))
    disable = ada.client("events").disable_rule
    return verdict(disable, Name="other"), verdict(disable, Name="kept")


GAPS = (
    Gap(
        "rules of EventBridge are distinguished",
        one_rule_of_eventbridge,
        (ALLOWED, "AccessDeniedException"),
        (ALLOWED, ALLOWED),
    ),
    Gap("a user reads itself through the username variable", own_user_by_variable, BOTH, (DENIED, DENIED)),
    Gap("a tag of the principal names a prefix", bucket_prefix_by_principal_tag, BOTH, (DENIED, DENIED)),
    Gap("a tag of the principal in a condition", variable_in_a_condition, BOTH, (DENIED, DENIED)),
    Gap("users are distinguished by their path", users_under_a_path, BOTH, (DENIED, DENIED)),
    Gap("users are created under one path only", users_created_under_a_path, BOTH, (DENIED, DENIED)),
    Gap("group membership is authorised on the group", membership_is_of_the_group, BOTH, (DENIED, DENIED)),
    Gap("MFA devices are distinguished by name", devices_by_name, BOTH, (DENIED, DENIED)),
    Gap("own keys are listed without a name", own_keys_without_a_name, BOTH, (DENIED, DENIED)),
    Gap("users are created with the boundary only", only_with_the_boundary, (*BOTH, DENIED), (DENIED,) * 3),
    Gap("policies go to bounded users only", policies_only_of_bounded_users, BOTH, (DENIED, DENIED)),
    Gap("only given policies are attached", only_these_policies, BOTH, (DENIED, DENIED)),
    Gap("a session is known by its roles ARN", a_session_by_its_roles_arn, (ALLOWED, "AuthorizationError"),
        (DENIED, "AuthorizationError")),
    Gap("a profile takes a role with PassRole only", a_profile_takes_a_role_with_pass_role_only, BOTH,
        (ALLOWED, ALLOWED)),
    Gap("calls to AWS are made with TLS", a_bucket_that_denies_plain_http, ALLOWED, DENIED),
    Gap("a session name can be asked for", a_session_name_that_the_policy_asks_for, BOTH, (DENIED, DENIED)),
    Gap("a trust policy that names the user is enough", a_role_of_the_own_account_that_names_the_user, BOTH,
        (DENIED, DENIED)),
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


def test_an_unresolvable_variable_matches_nothing(account: Account) -> None:
    unresolvable = "arn:aws:iam::*:user/${aws:PrincipalTag/absent}*"
    user = account.user("Ada", document(allow("iam:GetUser", unresolvable)))
    assert verdict(user.iam.get_user, UserName="Ada") == DENIED
    others = {"Effect": "Deny", "Action": "iam:GetUser", "NotResource": unresolvable}
    nobody_spared = account.user("Bob", document(allow("*"), others))
    assert verdict(nobody_spared.iam.get_user, UserName="Bob") == DENIED


def test_a_variable_may_have_a_default(account: Account) -> None:
    named = document(allow("iam:GetUser", "arn:aws:iam::*:user/${aws:PrincipalTag/absent, 'Ada'}"))
    ada = account.user("Ada", named)
    account.user("Bob")
    assert verdict(ada.iam.get_user, UserName="Ada") == ALLOWED
    assert verdict(ada.iam.get_user, UserName="Bob") == DENIED


def test_variables_are_plain_text_in_the_old_policy_version(account: Account) -> None:
    own = allow("iam:GetUser", "arn:aws:iam::*:user/${aws:username}")
    old, new = {"Version": "2008-10-17", "Statement": [own]}, document(own)
    assert verdict(account.user("Old", old).iam.get_user, UserName="Old") == DENIED
    assert verdict(account.user("New", new).iam.get_user, UserName="New") == ALLOWED


def test_a_deny_on_the_others_users_leaves_the_own_user(account: Account) -> None:
    account.user("Bob")
    own = ["arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::*:user/*/${aws:username}"]
    others = {"Effect": "Deny", "Action": "iam:GetUser", "NotResource": own}
    ada = account.user("Ada", document(allow("*"), others), path="/people/")
    assert verdict(ada.iam.get_user) == ALLOWED
    assert verdict(ada.iam.get_user, UserName="Bob") == DENIED


@pytest.mark.parametrize("key", ["aws:ResourceTag/owner", "iam:ResourceTag/owner"])
def test_a_role_is_known_by_its_tags(account: Account, key: str) -> None:
    account.role("mine", trust(account.root_arn), Tags=[{"Key": "owner", "Value": "ada"}])
    account.role("other", trust(account.root_arn))
    ada = account.user("Ada", document(allow("iam:GetRole", StringEquals={key: "ada"})))
    assert verdict(ada.iam.get_role, RoleName="mine") == ALLOWED
    assert verdict(ada.iam.get_role, RoleName="other") == DENIED


def test_a_boundary_limits_what_policies_allow(account: Account) -> None:
    boundary = account.policy("boundary", document(allow("s3:*")))
    ada = account.user("Ada", EVERYTHING)
    account.iam.put_user_permissions_boundary(UserName="Ada", PermissionsBoundary=boundary)
    assert verdict(ada.client("s3").list_buckets) == ALLOWED
    assert verdict(ada.iam.list_users) == DENIED


def test_renaming_needs_permission_on_the_new_name_too(account: Account) -> None:
    user = account.user("Ada", document(allow("iam:UpdateUser", f"arn:aws:iam::{account.id}:user/Ada*")))
    assert verdict(user.iam.update_user, UserName="Ada", NewPath="/administrators/") == DENIED
    assert verdict(user.iam.update_user, UserName="Ada", NewUserName="AdaLovelace") == ALLOWED


def test_a_refusal_names_action_and_resource(account: Account) -> None:
    account.role("machine", trust("ec2.amazonaws.com", service=True))
    account.iam.create_instance_profile(InstanceProfileName="profile")
    builder = account.user("builder", document(allow("iam:AddRoleToInstanceProfile")))
    with pytest.raises(builder.iam.exceptions.ClientError) as refused:
        builder.iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="machine")
    assert f"iam:PassRole on resource: arn:aws:iam::{account.id}:role/machine" in str(refused.value)


@pytest.mark.parametrize("broken", ["Inactive", "deleted", "wrong secret"])
def test_a_key_that_is_no_longer_good_is_refused_at_once(account: Account, broken: str) -> None:
    ada = account.user("Ada", EVERYTHING)
    assert verdict(ada.client("s3").list_buckets) == ALLOWED
    key = {"UserName": "Ada", "AccessKeyId": ada.credentials.access_key_id}
    if broken == "Inactive":
        account.iam.update_access_key(**key, Status="Inactive")
    elif broken == "deleted":
        account.iam.delete_access_key(**key)
    else:
        ada = User(ada.url, type(ada.credentials)(ada.credentials.access_key_id, "guess"), "Ada", ada.arn)
    assert verdict(ada.client("s3").list_buckets) in ("InvalidAccessKeyId", "SignatureDoesNotMatch")
    assert verdict(ada.sts.get_caller_identity) in ("InvalidClientTokenId", "SignatureDoesNotMatch")
