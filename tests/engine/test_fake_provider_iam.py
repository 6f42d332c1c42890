"""The fake provider's IAM rows under the real engine: drift is seen and repaired, a destroy leaves
nothing."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from tests.engine.documents import allow, spaced, trust

pytestmark = pytest.mark.engine

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def everything() -> None:
    """Every IAM row once."""
    administrator_access = aws.iam.get_policy(name="AdministratorAccess")
    policy = aws.iam.Policy(
        "policy", name="enforce", policy=allow("iam:ListUsers"), tags={"team": "security"}
    )
    group = aws.iam.Group("group", name="Administrators")
    aws.iam.GroupPolicyAttachment("group-attached", group=group.name, policy_arn=administrator_access.arn)
    aws.iam.GroupPolicy("group-inline", name="inline", group=group.name, policy=allow("s3:ListAllMyBuckets"))
    user = aws.iam.User("user", name="Administrator", force_destroy=True, tags={"team": "security"})
    aws.iam.UserGroupMembership("membership", user=user.name, groups=[group.name])
    aws.iam.UserLoginProfile("login", user=user.name, password_reset_required=True)
    aws.iam.UserPolicyAttachment("user-attached", user=user.name, policy_arn=READ_ONLY)
    aws.iam.UserPolicy("user-inline", name="inline", user=user.name, policy=allow("s3:ListAllMyBuckets"))
    aws.iam.AccessKey("key", user=user.name)
    aws.iam.AccountPasswordPolicy("passwords", minimum_password_length=14, require_symbols=True)
    role = aws.iam.Role(
        "role",
        name="test_role",
        description="for tests",
        assume_role_policy=trust("111111111111"),
        permissions_boundary=policy.arn,
    )
    aws.iam.RolePolicy("role-inline", name="test_policy", role=role.name, policy=allow("s3:ListAllMyBuckets"))
    aws.iam.RolePolicyAttachment("role-attached", role=role.name, policy_arn=policy.arn)
    aws.iam.InstanceProfile("profile", name="test_profile", role=role.name)


def only_listed_inline_policies(names: list[str]) -> None:
    role = aws.iam.Role(
        "role", name="test_role", assume_role_policy=trust("111111111111"), force_detach_policies=True
    )
    aws.iam.RolePolicy("inline", name="listed", role=role.name, policy=allow("s3:ListAllMyBuckets"))
    aws.iam.RolePoliciesExclusive("exclusive", role_name=role.name, policy_names=names)


def test_inline_policies_that_are_not_listed_go_with_the_next_up_that_refreshes(stack: Any) -> None:
    stack.up(lambda: only_listed_inline_policies(["listed"]))
    assert stack.up().clean
    assert stack.resource("exclusive")["id"] == "test_role"
    iam = stack.client("iam")
    iam.put_role_policy(RoleName="test_role", PolicyName="by-hand", PolicyDocument=allow("*"))
    assert stack.up().clean
    assert set(iam.list_role_policies(RoleName="test_role")["PolicyNames"]) == {"by-hand", "listed"}
    assert stack.up(refresh=True).updated == {"exclusive"}
    assert iam.list_role_policies(RoleName="test_role")["PolicyNames"] == ["listed"]
    assert stack.up(refresh=True).clean


def test_an_inline_policy_by_hand_does_not_keep_the_role_from_being_destroyed(stack: Any) -> None:
    stack.up(lambda: only_listed_inline_policies([]), refresh=True)
    iam = stack.client("iam")
    iam.put_role_policy(RoleName="test_role", PolicyName="by-hand", PolicyDocument=allow("*"))
    stack.destroy()
    assert iam.list_roles()["Roles"] == []


def root_access(*features: str) -> Callable[[], None]:
    return lambda: (aws.iam.OrganizationsFeatures("root-access", enabled_features=list(features)), None)[1]


def test_an_organisations_features_are_switched_each_by_itself(stack: Any) -> None:
    iam = stack.client("iam")
    both = root_access("RootCredentialsManagement", "RootSessions")
    stack.up(both)
    assert iam.list_organizations_features()["EnabledFeatures"] == [
        "RootCredentialsManagement",
        "RootSessions",
    ]
    assert stack.up(refresh=True).clean
    iam.disable_organizations_root_sessions()
    assert stack.refresh().updated == {"root-access"}
    assert stack.up(root_access("RootCredentialsManagement")).clean
    assert stack.up(both).updated == {"root-access"}
    stack.destroy()
    assert iam.list_organizations_features()["EnabledFeatures"] == []


def test_every_row_comes_up_once_stays_as_it_is_and_goes(stack: Any) -> None:
    assert stack.preview(everything).changes == {"create": 16}
    assert stack.up().changes == {"create": 16}
    assert stack.up().clean
    assert stack.refresh().clean
    iam = stack.client("iam")
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["Administrator"]
    assert (
        stack.resource("role-attached")["id"] == f"test_role/arn:aws:iam::{stack.account_id}:policy/enforce"
    )
    assert stack.resource("role-inline")["id"] == "test_role:test_policy"
    assert stack.destroy().changes == {"delete": 16}
    assert iam.list_users()["Users"] == []
    assert iam.list_roles()["Roles"] == []
    assert iam.list_policies(Scope="Local")["Policies"] == []


Hand = Callable[[Any, str], object]

BY_HAND: dict[str, tuple[str, Hand]] = {
    "a policy's document": (
        "policy",
        lambda iam, account: iam.create_policy_version(
            PolicyArn=f"arn:aws:iam::{account}:policy/enforce",
            PolicyDocument=allow("iam:*"),
            SetAsDefault=True,
        ),
    ),
    "a policy's tag": (
        "policy",
        lambda iam, account: iam.tag_policy(
            PolicyArn=f"arn:aws:iam::{account}:policy/enforce", Tags=[{"Key": "team", "Value": "somebody"}]
        ),
    ),
    "a tag no one asked for": (
        "user",
        lambda iam, account: iam.tag_user(UserName="Administrator", Tags=[{"Key": "by", "Value": "hand"}]),
    ),
    "a tag taken away": (
        "user",
        lambda iam, account: iam.untag_user(UserName="Administrator", TagKeys=["team"]),
    ),
    "a member taken out of a group": (
        "membership",
        lambda iam, account: iam.remove_user_from_group(UserName="Administrator", GroupName="Administrators"),
    ),
    "an inline policy of a group": (
        "group-inline",
        lambda iam, account: iam.put_group_policy(
            GroupName="Administrators", PolicyName="inline", PolicyDocument=allow("*")
        ),
    ),
    "a field of the password policy": (
        "passwords",
        lambda iam, account: iam.update_account_password_policy(MinimumPasswordLength=6, RequireSymbols=True),
    ),
    "a flag of the password policy that the program left out": (
        "passwords",
        lambda iam, account: iam.update_account_password_policy(
            MinimumPasswordLength=14, RequireSymbols=True, AllowUsersToChangePassword=False
        ),
    ),
    "a trust policy": (
        "role",
        lambda iam, account: iam.update_assume_role_policy(
            RoleName="test_role", PolicyDocument=trust("999999999999")
        ),
    ),
    "a role's session duration": (
        "role",
        lambda iam, account: iam.update_role(RoleName="test_role", MaxSessionDuration=43200),
    ),
    "a role's description": (
        "role",
        lambda iam, account: iam.update_role(
            RoleName="test_role", Description="mine", MaxSessionDuration=3600
        ),
    ),
    "a permissions boundary taken away": (
        "role",
        lambda iam, account: iam.delete_role_permissions_boundary(RoleName="test_role"),
    ),
    "a permissions boundary no one asked for": (
        "user",
        lambda iam, account: iam.put_user_permissions_boundary(
            UserName="Administrator", PermissionsBoundary=READ_ONLY
        ),
    ),
    "a key made inactive": (
        "key",
        lambda iam, account: iam.update_access_key(
            UserName="Administrator",
            AccessKeyId=iam.list_access_keys(UserName="Administrator")["AccessKeyMetadata"][0]["AccessKeyId"],
            Status="Inactive",
        ),
    ),
    "a role taken out of its profile": (
        "profile",
        lambda iam, account: iam.remove_role_from_instance_profile(
            InstanceProfileName="test_profile", RoleName="test_role"
        ),
    ),
}

TAKEN_AWAY: dict[str, tuple[str, Hand]] = {
    "a policy detached from a group": (
        "group-attached",
        lambda iam, account: iam.detach_group_policy(
            GroupName="Administrators", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        ),
    ),
    "a policy detached from a role": (
        "role-attached",
        lambda iam, account: iam.detach_role_policy(
            RoleName="test_role", PolicyArn=f"arn:aws:iam::{account}:policy/enforce"
        ),
    ),
    "an inline policy deleted": (
        "user-inline",
        lambda iam, account: iam.delete_user_policy(UserName="Administrator", PolicyName="inline"),
    ),
    "a key deleted": (
        "key",
        lambda iam, account: iam.delete_access_key(
            UserName="Administrator",
            AccessKeyId=iam.list_access_keys(UserName="Administrator")["AccessKeyMetadata"][0]["AccessKeyId"],
        ),
    ),
    "the password policy deleted": ("passwords", lambda iam, account: iam.delete_account_password_policy()),
    "a login profile deleted": (
        "login",
        lambda iam, account: iam.delete_login_profile(UserName="Administrator"),
    ),
}


def _rounds(changes: dict[str, tuple[str, Hand]]) -> list[dict[str, Hand]]:
    """The changes in rounds with at most one for a resource, so that one refresh can show many."""
    rounds: list[dict[str, Hand]] = []
    for resource, change in changes.values():
        free = next((each for each in rounds if resource not in each), None)
        if free is None:
            rounds.append(free := {})
        free[resource] = change
    return rounds


@pytest.mark.parametrize("changes", _rounds(BY_HAND), ids=lambda changes: "+".join(changes))
def test_what_a_hand_changed_is_shown_by_a_refresh_and_undone_by_an_up(
    stack: Any, changes: dict[str, Hand]
) -> None:
    stack.up(everything)
    for change in changes.values():
        change(stack.client("iam"), stack.account_id)
    assert stack.refresh().updated == set(changes)
    assert stack.refresh().clean
    assert stack.up().updated == set(changes)
    assert stack.refresh().clean


def test_what_a_hand_took_away_is_dropped_by_a_refresh_and_made_again_by_an_up(stack: Any) -> None:
    stack.up(everything)
    for _, take_away in TAKEN_AWAY.values():
        take_away(stack.client("iam"), stack.account_id)
    gone = {resource for resource, _ in TAKEN_AWAY.values()}
    before = stack.names()
    stack.refresh()
    assert stack.names() == before - gone
    assert stack.up().created == gone
    assert stack.refresh().clean


def test_a_membership_given_by_hand_in_another_group_is_left_alone(stack: Any) -> None:
    stack.up(everything)
    iam = stack.client("iam")
    iam.create_group(GroupName="other")
    iam.add_user_to_group(UserName="Administrator", GroupName="other")
    assert stack.refresh().clean
    assert stack.up().clean
    groups = {group["GroupName"] for group in iam.list_groups_for_user(UserName="Administrator")["Groups"]}
    assert groups == {"Administrators", "other"}


def test_a_document_or_a_set_written_otherwise_is_no_change(stack: Any) -> None:
    def program(document: str, groups: list[str]) -> Callable[[], None]:
        def run() -> None:
            aws.iam.Policy("policy", name="p", policy=document)
            aws.iam.Role("role", name="r", assume_role_policy=spaced(trust("111111111111")))
            names = [aws.iam.Group(name, name=name).name for name in groups]
            aws.iam.User("user", name="u")
            aws.iam.UserGroupMembership("membership", user="u", groups=names)

        return run

    document = allow("s3:GetObject", "s3:PutObject")
    stack.up(program(document, ["one", "two"]))
    assert stack.up(program(spaced(document), ["two", "one"])).clean
    assert stack.up(program(allow("s3:GetObject"), ["two", "one"])).changes == {"update": 1, "same": 6}


def test_a_sixth_version_of_a_policy_finds_room(stack: Any) -> None:
    def version(number: int) -> Callable[[], None]:
        return lambda: (aws.iam.Policy("policy", name="p", policy=allow(f"s3:Get{number}")), None)[1]

    for number in range(6):
        stack.up(version(number))
    arn = stack.resource("policy")["id"]
    iam = stack.client("iam")
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert len(versions) == 5
    current = next(each["VersionId"] for each in versions if each["IsDefaultVersion"])
    document = iam.get_policy_version(PolicyArn=arn, VersionId=current)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == ["s3:Get5"]


def _user(*, force_destroy: bool) -> Callable[[], None]:
    return lambda: (aws.iam.User("user", name="Person", force_destroy=force_destroy), None)[1]


def _enrol(iam: Any) -> None:
    """What people get by themselves: a password, a key, an MFA device, policies and groups given by hand."""
    iam.create_login_profile(UserName="Person", Password="Correct-Horse-9-Battery")
    iam.create_access_key(UserName="Person")
    iam.attach_user_policy(UserName="Person", PolicyArn=READ_ONLY)
    iam.put_user_policy(UserName="Person", PolicyName="own", PolicyDocument=allow("s3:*"))
    iam.create_group(GroupName="by-hand")
    iam.add_user_to_group(UserName="Person", GroupName="by-hand")


def test_force_destroy_empties_a_user_and_without_it_the_user_stays(
    stack: Any, enable_mfa: Callable[..., str]
) -> None:
    stack.up(_user(force_destroy=False))
    iam = stack.client("iam")
    _enrol(iam)
    enable_mfa(iam, "Person")
    with pytest.raises(Exception, match="DeleteConflict"):
        stack.destroy()
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["Person"]
    stack.up(_user(force_destroy=True))
    stack.destroy()
    assert iam.list_users()["Users"] == []
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []


def test_destroying_what_is_gone_already_succeeds(stack: Any) -> None:
    stack.up(everything)
    iam = stack.client("iam")
    iam.remove_role_from_instance_profile(InstanceProfileName="test_profile", RoleName="test_role")
    iam.delete_instance_profile(InstanceProfileName="test_profile")
    iam.delete_login_profile(UserName="Administrator")
    iam.delete_account_password_policy()
    iam.detach_group_policy(
        GroupName="Administrators", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    assert stack.destroy().changes == {"delete": 16}
    assert iam.list_roles()["Roles"] == []


def test_a_password_once_reset_replaces_the_profile_unless_changes_are_ignored(stack: Any) -> None:
    def program(*, ignore: bool, delete_first: bool = False) -> Callable[[], None]:
        def run() -> None:
            user = aws.iam.User("user", name="Person")
            options = pulumi.ResourceOptions(
                ignore_changes=["passwordResetRequired"] if ignore else [],
                # As the real provider, the fake provider makes the new profile first, and IAM refuses it.
                delete_before_replace=delete_first,
            )
            profile = aws.iam.UserLoginProfile(
                "login", user=user.name, password_reset_required=True, opts=options
            )
            pulumi.export("password", profile.password)

        return run

    stack.up(program(ignore=True))
    first = stack.outputs()["password"]
    stack.client("iam").update_login_profile(UserName="Person", PasswordResetRequired=False)
    stack.refresh()
    assert stack.up().clean
    assert stack.outputs()["password"] == first
    profile = stack.client("iam").get_login_profile(UserName="Person")["LoginProfile"]
    assert profile["PasswordResetRequired"] is False
    assert "EntityAlreadyExists" in stack.fails(program(ignore=False))
    assert stack.up(program(ignore=False, delete_first=True)).changes["replace"] == 1
    assert stack.outputs()["password"] != first


def test_a_renamed_user_is_lost_unless_the_program_replaces_it(stack: Any) -> None:
    """As with the real providers: the user is renamed, and the engine keeps the old name as its id. The real
    one fails at the key, which it looks for under the old name; here the key stays, and no one knows it."""

    def program(name: str, **options: Any) -> Callable[[], None]:
        def run() -> None:
            user = aws.iam.User("user", name=name, opts=pulumi.ResourceOptions(**options))
            aws.iam.AccessKey("key", user=user.name)

        return run

    iam = stack.client("iam")
    stack.up(program("First"))
    stack.up(program("Second"))
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["Second"]
    assert len(iam.list_access_keys(UserName="Second")["AccessKeyMetadata"]) == 2
    stack.refresh()
    assert "user" not in stack.names()


def test_a_user_that_the_program_replaces_on_its_name_is_another_one(stack: Any) -> None:
    def program(name: str) -> Callable[[], None]:
        def run() -> None:
            options = pulumi.ResourceOptions(replace_on_changes=["name"])
            user = aws.iam.User("user", name=name, opts=options)
            aws.iam.AccessKey("key", user=user.name)

        return run

    stack.up(program("First"))
    stack.up(program("Second"))
    users = stack.client("iam").list_users()["Users"]
    assert [user["UserName"] for user in users] == ["Second"]
    assert len(stack.client("iam").list_access_keys(UserName="Second")["AccessKeyMetadata"]) == 1
    assert stack.refresh().clean
    assert stack.up().clean


def test_a_group_of_another_name_is_renamed_in_place(stack: Any) -> None:
    stack.up(lambda: (aws.iam.Group("group", name="First"), None)[1])
    assert stack.up(lambda: (aws.iam.Group("group", name="Second"), None)[1]).updated == {"group"}
    groups = stack.client("iam").list_groups()["Groups"]
    assert [group["GroupName"] for group in groups] == ["Second"]


def test_a_named_role_that_is_replaced_goes_first_and_an_unnamed_one_last(stack: Any) -> None:
    """Whatever changes, the name itself as well: the engine then deletes what hangs on it, too."""

    def program(path: str, **name: Any) -> Callable[[], None]:
        def run() -> None:
            role = aws.iam.Role("role", path=path, assume_role_policy=trust("111111111111"), **name)
            aws.iam.RolePolicyAttachment(
                "attachment", role=role.name, policy_arn="arn:aws:iam::aws:policy/ReadOnlyAccess"
            )

        return run

    def order(done: Any) -> list[str]:
        return [
            op
            for op, name in done.order
            if name == "role" and op in ("create-replacement", "delete-replaced")
        ]

    stack.up(program("/", name="First"))
    assert order(stack.up(program("/a/", name="First"))) == ["delete-replaced", "create-replacement"]
    assert order(stack.up(program("/a/", name="Second"))) == ["delete-replaced", "create-replacement"]
    stack.destroy()
    stack.up(program("/"))
    assert order(stack.up(program("/a/"))) == ["create-replacement", "delete-replaced"]


def test_a_policy_that_means_the_same_is_not_changed(stack: Any) -> None:
    def program(action: Any, principal: str) -> Callable[[], None]:
        statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
        trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}}

        def run() -> None:
            aws.iam.Policy(
                "policy", name="p", policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            )
            aws.iam.Role(
                "role",
                name="r",
                assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": trusted}),
            )

        return run

    stack.up(program("s3:GetObject", "arn:aws:iam::111111111111:root"))
    assert stack.up(program(["s3:GetObject"], "111111111111")).clean
    assert stack.up(program(["s3:GetObject", "s3:PutObject"], "222222222222")).updated == {"policy", "role"}


def test_default_tags_reach_every_resource_and_a_change_of_them_too(new_stack: Callable[..., Any]) -> None:
    def program() -> None:
        role = aws.iam.Role("role", name="r", assume_role_policy=trust("111111111111"), tags={"own": "1"})
        pulumi.export("all", role.tags_all)

    stack = new_stack({"aws:defaultTags": '{"tags": {"project": "x", "own": "0"}}'})
    stack.up(program)
    assert stack.outputs()["all"] == {"project": "x", "own": "1"}
    assert stack.refresh().clean
    stack.set_config("aws:defaultTags", '{"tags": {"project": "y"}}')
    assert stack.up().changes == {"update": 1, "same": 1}
    tags = {tag["Key"]: tag["Value"] for tag in stack.client("iam").list_role_tags(RoleName="r")["Tags"]}
    assert tags == {"project": "y", "own": "1"}
    assert stack.up().clean
