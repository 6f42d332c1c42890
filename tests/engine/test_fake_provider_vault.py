"""The fake provider's Vault rows under the real engine, with Vault's AWS engine issuing real users."""

import json
from collections.abc import Callable
from typing import Any

import hvac
import pulumi
import pulumi_aws as aws
import pulumi_vault as vault
import pytest

from tests.engine.documents import allow, spaced

pytestmark = pytest.mark.engine

S3 = "arn:aws:iam::aws:policy/AmazonS3FullAccess"


def _engine(stack: Any) -> Callable[[], None]:
    """Vault's principal in the account, the mount, two roles and the policy of one."""

    def program() -> None:
        user = aws.iam.User("principal", name="vault", force_destroy=True)
        attachment = aws.iam.UserPolicyAttachment(
            "principal-may", user=user.name, policy_arn="arn:aws:iam::aws:policy/IAMFullAccess"
        )
        key = aws.iam.AccessKey("principal-key", user=user.name)
        backend = vault.aws.SecretBackend(
            "mount",
            path=f"aws-{stack.name}",
            description="just-in-time",
            access_key=key.id,
            secret_key=key.secret,
            region="us-east-1",
            default_lease_ttl_seconds=1800,
            max_lease_ttl_seconds=3600,
            opts=pulumi.ResourceOptions(depends_on=[attachment]),
        )
        role = vault.aws.SecretBackendRole(
            "role",
            backend=backend.path,
            name="test",
            credential_type="iam_user",
            policy_arns=[S3],
            user_path="/vault/",
            iam_tags={"by": "vault"},
        )
        vault.aws.SecretBackendRole(
            "role-document",
            backend=backend.path,
            name="debug",
            credential_type="iam_user",
            policy_document=allow("ec2:DescribeInstances"),
        )
        policy = pulumi.Output.format(
            'path "{0}/creds/{1}" {{ capabilities = ["read"] }}\n', backend.path, role.name
        )
        vault.Policy("policy", name=f"creds-{stack.name}", policy=policy)

    return program


def test_the_engine_issues_a_user_of_the_emulated_account_and_takes_it_back(
    stack: Any, vault_client: hvac.Client
) -> None:
    stack.up(_engine(stack))
    lease = vault_client.read(f"aws-{stack.name}/creds/test")
    assert lease["lease_duration"] == 1800
    users = {user["UserName"]: user for user in stack.client("iam").list_users()["Users"]}
    issued = next(name for name in users if name != "vault")
    assert users[issued]["Path"] == "/vault/"
    vault_client.sys.revoke_lease(lease["lease_id"])
    assert [user["UserName"] for user in stack.client("iam").list_users()["Users"]] == ["vault"]


def test_a_second_up_changes_nothing_and_the_filled_in_endpoints_do_not_show(
    stack: Any, vault_client: hvac.Client, aws_endpoint_url: str
) -> None:
    stack.up(_engine(stack))
    assert stack.up().clean
    assert stack.refresh().clean
    assert "iamEndpoint" not in stack.resource("mount")["outputs"]
    assert vault_client.read(f"aws-{stack.name}/config/root")["data"]["iam_endpoint"] == aws_endpoint_url
    assert stack.resource("role")["id"] == f"aws-{stack.name}/roles/test"
    assert stack.destroy().changes["delete"] == 8
    assert f"aws-{stack.name}/" not in vault_client.sys.list_mounted_secrets_engines()["data"]


def test_an_endpoint_of_the_program_wins(
    stack: Any, vault_client: hvac.Client, aws_endpoint_url: str
) -> None:
    def program(**endpoints: Any) -> Callable[[], None]:
        return lambda: (vault.aws.SecretBackend("mount", path=f"aws-{stack.name}", **endpoints), None)[1]

    def live() -> str:
        return str(vault_client.read(f"aws-{stack.name}/config/root")["data"]["iam_endpoint"])

    stack.up(program(iam_endpoint="http://127.0.0.1:1"))
    assert live() == "http://127.0.0.1:1"
    assert stack.refresh().clean
    stack.up(program(iam_endpoint=aws_endpoint_url))
    assert stack.refresh().clean
    assert stack.up().clean
    stack.up(program())
    assert live() == aws_endpoint_url
    assert stack.refresh().clean


def test_what_a_hand_changed_in_vault_is_shown_by_a_refresh_and_undone_by_an_up(
    stack: Any, vault_client: hvac.Client
) -> None:
    stack.up(_engine(stack))
    mount = f"aws-{stack.name}"
    vault_client.sys.tune_mount_configuration(mount, max_lease_ttl="7200s")
    vault_client.write(
        f"{mount}/roles/test", credential_type="iam_user", policy_arns=[S3.replace("S3", "EC2")]
    )
    vault_client.write(f"{mount}/roles/debug", credential_type="iam_user", policy_document=allow("*"))
    vault_client.sys.create_or_update_policy(f"creds-{stack.name}", 'path "*" { capabilities = ["sudo"] }')
    changed = {"mount", "role", "role-document", "policy"}
    assert stack.refresh().updated == changed
    assert stack.refresh().clean
    assert stack.up().updated == changed
    assert stack.refresh().clean
    assert vault_client.read(f"sys/mounts/{mount}")["data"]["config"]["max_lease_ttl"] == 3600
    assert vault_client.read(f"{mount}/roles/test")["data"]["policy_arns"] == [S3]


def test_what_a_hand_deleted_in_vault_is_made_again(stack: Any, vault_client: hvac.Client) -> None:
    stack.up(_engine(stack))
    mount = f"aws-{stack.name}"
    vault_client.delete(f"{mount}/roles/test")
    vault_client.sys.delete_policy(f"creds-{stack.name}")
    before = stack.names()
    stack.refresh()
    assert stack.names() == before - {"role", "policy"}
    assert stack.up().created == {"role", "policy"}
    vault_client.sys.disable_secrets_engine(mount)
    stack.refresh()
    assert stack.names() == before - {"mount", "role", "role-document"}
    assert stack.up().created == {"mount", "role", "role-document"}
    vault_client.sys.disable_secrets_engine(mount)
    stack.destroy()
    assert stack.names() == set()


def test_a_property_of_a_role_that_the_program_drops_is_emptied(
    stack: Any, vault_client: hvac.Client
) -> None:
    def program(**role: Any) -> Callable[[], None]:
        def run() -> None:
            backend = vault.aws.SecretBackend("mount", path=f"aws-{stack.name}")
            vault.aws.SecretBackendRole(
                "role", backend=backend.path, name="r", credential_type="iam_user", policy_arns=[S3], **role
            )

        return run

    stack.up(program(iam_groups=["one"], policy_document=allow("s3:*"), iam_tags={"a": "b"}))
    assert stack.up(program(policy_document=spaced(allow("s3:*")))).updated == {"role"}
    live = vault_client.read(f"aws-{stack.name}/roles/r")["data"]
    assert not live["iam_groups"]
    assert not live["iam_tags"]
    assert json.loads(live["policy_document"]) == json.loads(allow("s3:*"))
    assert stack.up().clean
    assert stack.refresh().clean


def test_auth_methods_come_up_and_go(stack: Any, vault_client: hvac.Client) -> None:
    def program() -> None:
        vault.AuthBackend("auth", path=f"auth-{stack.name}", type="userpass", description="people")

    stack.up(program)
    assert stack.up().clean
    assert stack.refresh().clean
    vault_client.sys.disable_auth_method(f"auth-{stack.name}")
    stack.refresh()
    assert stack.names() == set()
    assert stack.up().created == {"auth"}
    stack.destroy()
    assert f"auth-{stack.name}/" not in vault_client.sys.list_auth_methods()["data"]


def test_vaults_refusal_reaches_the_user_in_vaults_words(stack: Any) -> None:
    said = stack.fails(
        lambda: (vault.AuthBackend("odd", path=f"odd-{stack.name}", type="no-such-method"), None)[1]
    )
    assert "vault:index/authBackend:AuthBackend odd: Vault refused POST sys/auth" in said
    assert "no-such-method" in said
    assert "Traceback" not in said
