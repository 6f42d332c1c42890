"""The engine's own promises, kept with the fake providers: previews, replacements, resource options,
imports."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault
import pytest
from pulumi import ResourceOptions

from tests.engine.documents import allow, trust

pytestmark = pytest.mark.engine


def _group(resource: str = "group", opts: ResourceOptions | None = None, **inputs: Any) -> Callable[[], None]:
    return lambda: (aws.iam.Group(resource, opts=opts, **inputs), None)[1]


def _groups(stack: Any) -> dict[str, str]:
    return {group["GroupName"]: group["Path"] for group in stack.client("iam").list_groups()["Groups"]}


def test_a_preview_changes_nothing_and_knows_what_it_does_not_know(stack: Any) -> None:
    def program() -> None:
        policy = aws.iam.Policy("policy", name="p", policy=allow("s3:*"))
        role = aws.iam.Role(
            "role", name="r", assume_role_policy=policy.arn.apply(lambda arn: trust("1" * 12))
        )
        aws.iam.RolePolicyAttachment("attachment", role=role.name, policy_arn=policy.arn)
        pulumi.export("seen", policy.arn)

    preview = stack.preview(program)
    assert preview.changes == {"create": 4}
    assert stack.client("iam").list_roles()["Roles"] == []
    stack.up()
    assert stack.outputs()["seen"] == f"arn:aws:iam::{stack.account_id}:policy/p"


def test_a_generated_name_is_kept_and_a_replacement_then_creates_first(stack: Any) -> None:
    def program(path: str) -> Callable[[], None]:
        return lambda: (aws.iam.InstanceProfile("profile", path=path), None)[1]

    stack.up(program("/"))
    first = stack.resource("profile")["outputs"]["name"]
    assert first.startswith("profile-")
    assert stack.up().clean
    order = [step for step in stack.up(program("/elsewhere/")).order if step[1] == "profile"]
    assert [operation for operation, _ in order] == ["create-replacement", "replace", "delete-replaced"]
    assert stack.resource("profile")["outputs"]["name"] != first


def test_a_replacement_that_keeps_its_name_deletes_first(stack: Any) -> None:
    def program(path: str) -> Callable[[], None]:
        return lambda: (aws.iam.InstanceProfile("profile", name="mine", path=path), None)[1]

    stack.up(program("/"))
    order = [operation for operation, name in stack.up(program("/elsewhere/")).order if name == "profile"]
    assert order[0] == "delete-replaced"
    assert "create-replacement" in order
    assert stack.up().clean


def test_an_ignored_change_is_not_made_and_another_one_is(stack: Any) -> None:
    ignoring = ResourceOptions(ignore_changes=["path"])
    stack.up(_group(name="g", path="/a/"))
    assert stack.up(_group(name="g", path="/b/", opts=ignoring)).clean
    assert _groups(stack) == {"g": "/a/"}
    assert stack.up(_group(name="g", path="/b/")).updated == {"group"}
    assert _groups(stack) == {"g": "/b/"}


def test_a_protected_resource_stays_and_a_retained_one_is_left_behind(stack: Any) -> None:
    stack.up(_group(name="g", opts=ResourceOptions(protect=True)))
    with pytest.raises(Exception, match="protected"):
        stack.destroy()
    assert "g" in _groups(stack)
    stack.up(_group(name="g", opts=ResourceOptions(retain_on_delete=True)))
    stack.destroy()
    assert "g" in _groups(stack)


def test_an_alias_renames_a_resource_without_touching_it(stack: Any) -> None:
    stack.up(_group("old", name="g"))
    assert stack.up(_group("new", name="g", opts=ResourceOptions(aliases=[pulumi.Alias(name="old")]))).clean
    assert stack.names() == {"new"}
    assert stack.up(_group("newer", name="other")).created == {"newer"}


def test_a_create_that_fails_half_way_leaves_nothing_and_the_next_up_works(stack: Any) -> None:
    def program() -> None:
        aws.iam.InstanceProfile("profile", name="p", role="not-yet")

    said = stack.fails(program)
    assert "aws:iam/instanceProfile:InstanceProfile profile: " in said
    assert "NoSuchEntity" in said
    iam = stack.client("iam")
    assert iam.list_instance_profiles()["InstanceProfiles"] == []
    iam.create_role(RoleName="not-yet", AssumeRolePolicyDocument=trust("111111111111"))
    assert stack.up().created == {"profile"}
    assert stack.up().clean


def test_an_update_that_stops_half_way_is_finished_by_the_next_up(stack: Any) -> None:
    def program(boundary: str, duration: int) -> Callable[[], None]:
        def run() -> None:
            aws.iam.Role(
                "role",
                name="r",
                assume_role_policy=trust("111111111111"),
                max_session_duration=duration,
                permissions_boundary=boundary,
            )

        return run

    read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    stack.up(program(read_only, 3600))
    stack.fails(program("arn:aws:iam::aws:policy/NoSuchPolicyAnywhere", 7200))
    role = stack.client("iam").get_role(RoleName="r")["Role"]
    assert role["MaxSessionDuration"] == 7200
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == read_only
    assert stack.resource("role")["outputs"]["maxSessionDuration"] == 7200
    stack.up(program(read_only, 3600))
    assert stack.client("iam").get_role(RoleName="r")["Role"]["MaxSessionDuration"] == 3600
    assert stack.up().clean


def test_an_instance_of_a_provider_has_its_own_credentials_and_region(
    new_stack: Callable[..., Any], stack: Any
) -> None:
    other = new_stack()

    def program() -> None:
        provider = aws.Provider(
            "other", region="eu-west-1", access_key=other.account_id, secret_key="any-secret"
        )
        aws.iam.Group("group", name="there", opts=ResourceOptions(provider=provider))
        invoke = pulumi.InvokeOptions(provider=provider)
        pulumi.export("region", aws.ec2.get_subnets(opts=invoke).id)

    stack.up(program)
    assert _groups(stack) == {}
    assert set(_groups(other)) == {"there"}
    assert stack.outputs()["region"] == "eu-west-1"
    assert stack.up().clean


IMPORTS: dict[str, tuple[str, Callable[[ResourceOptions], object]]] = {
    "group": ("Admins", lambda o: aws.iam.Group("group", name="Admins", opts=o)),
    "user": ("Ann", lambda o: aws.iam.User("user", name="Ann", tags={"a": "b"}, opts=o)),
    "membership": (
        "Ann/Admins",
        lambda o: aws.iam.UserGroupMembership("membership", user="Ann", groups=["Admins"], opts=o),
    ),
    "login": (
        "Ann",
        lambda o: aws.iam.UserLoginProfile("login", user="Ann", password_reset_required=True, opts=o),
    ),
    "group-attached": (
        "Admins/arn:aws:iam::aws:policy/ReadOnlyAccess",
        lambda o: aws.iam.GroupPolicyAttachment(
            "group-attached", group="Admins", policy_arn="arn:aws:iam::aws:policy/ReadOnlyAccess", opts=o
        ),
    ),
    "group-inline": (
        "Admins:inline",
        lambda o: aws.iam.GroupPolicy(
            "group-inline", group="Admins", name="inline", policy=allow("s3:*"), opts=o
        ),
    ),
    "policy": (
        "arn:aws:iam::ACCOUNT:policy/p",
        lambda o: aws.iam.Policy("policy", name="p", description="d", policy=allow("s3:*"), opts=o),
    ),
    "passwords": (
        "iam-account-password-policy",
        lambda o: aws.iam.AccountPasswordPolicy("passwords", minimum_password_length=14, opts=o),
    ),
    "role": (
        "r",
        lambda o: aws.iam.Role("role", name="r", assume_role_policy=trust("111111111111"), opts=o),
    ),
    "role-inline": (
        "r:inline",
        lambda o: aws.iam.RolePolicy("role-inline", role="r", name="inline", policy=allow("s3:*"), opts=o),
    ),
    "profile": ("ip", lambda o: aws.iam.InstanceProfile("profile", name="ip", role="r", opts=o)),
    "key": ("KEY", lambda o: aws.iam.AccessKey("key", user="Ann", opts=o)),
    "bucket": (
        "NAME-bucket",
        lambda o: aws.s3.Bucket("bucket", bucket=f"{pulumi.get_stack()}-bucket", opts=o),
    ),
    "mount": (
        "NAME",
        lambda o: vault.aws.SecretBackend("mount", path=pulumi.get_stack(), description="d", opts=o),
    ),
    "vault-role": (
        "NAME/roles/r",
        lambda o: vault.aws.SecretBackendRole(
            "vault-role",
            backend=pulumi.get_stack(),
            name="r",
            credential_type="iam_user",
            policy_document=allow("s3:*"),
            opts=o,
        ),
    ),
    "vault-policy": (
        "NAME",
        lambda o: vault.Policy("vault-policy", name=pulumi.get_stack(), policy="# none", opts=o),
    ),
}


def _made_by_hand(stack: Any, vault_client: Any) -> str:
    """Everything that IMPORTS adopts; answers the access key's id."""
    iam = stack.client("iam")
    iam.create_group(GroupName="Admins")
    iam.create_user(UserName="Ann", Tags=[{"Key": "a", "Value": "b"}])
    iam.add_user_to_group(UserName="Ann", GroupName="Admins")
    iam.create_login_profile(UserName="Ann", Password="Correct-Horse-9-Battery", PasswordResetRequired=True)
    iam.attach_group_policy(GroupName="Admins", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.put_group_policy(GroupName="Admins", PolicyName="inline", PolicyDocument=allow("s3:*"))
    iam.create_policy(PolicyName="p", Description="d", PolicyDocument=allow("s3:*"))
    iam.update_account_password_policy(MinimumPasswordLength=14, AllowUsersToChangePassword=True)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust("111111111111"))
    iam.put_role_policy(RoleName="r", PolicyName="inline", PolicyDocument=allow("s3:*"))
    iam.create_instance_profile(InstanceProfileName="ip")
    iam.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="r")
    stack.client("s3").create_bucket(Bucket=f"{stack.name}-bucket")
    vault_client.sys.enable_secrets_engine("aws", path=stack.name, description="d")
    vault_client.write(f"{stack.name}/roles/r", credential_type="iam_user", policy_document=allow("s3:*"))
    vault_client.sys.create_or_update_policy(stack.name, "# none")
    return str(iam.create_access_key(UserName="Ann")["AccessKey"]["AccessKeyId"])


def test_every_row_adopts_what_is_there_by_its_id(stack: Any, vault_client: Any) -> None:
    key = _made_by_hand(stack, vault_client)

    def program(*, importing: bool) -> Callable[[], None]:
        def run() -> None:
            for id, make in IMPORTS.values():
                full_id = (
                    id.replace("ACCOUNT", stack.account_id).replace("KEY", key).replace("NAME", stack.name)
                )
                make(ResourceOptions(import_=full_id) if importing else ResourceOptions())

        return run

    assert stack.up(program(importing=True)).changes == {"create": 1, "import": len(IMPORTS)}
    assert stack.up(program(importing=False)).clean
    assert stack.refresh().clean


def test_an_import_that_differs_is_changed_and_one_of_nothing_is_refused(stack: Any) -> None:
    stack.client("iam").create_group(GroupName="Admins", Path="/there/")
    imported = ResourceOptions(import_="Admins")
    assert stack.up(_group(name="Admins", path="/here/", opts=imported)).changes == {
        "create": 1,
        "import": 1,
        "update": 1,
    }
    assert _groups(stack) == {"Admins": "/here/"}
    assert "does not exist" in stack.fails(_group(name="Nobody", opts=ResourceOptions(import_="Nobody")))
