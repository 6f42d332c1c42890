"""What a person reads when Vault refuses: a live server in each state, and the sentence for it."""

from collections.abc import Iterator
from pathlib import Path

import hvac
import pytest

from iam_hardening.clients import vault
from iam_hardening.clients.operator import CannotError
from rehearsal import tools
from rehearsal.servers import VaultServer, emulated_aws, vault_server

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultServer]:
    with vault_server(tmp_path_factory.mktemp("vault"), tools.vault_aws_plugin()) as running:
        yield running


def caller(server: VaultServer, token: str | None = None) -> hvac.Client:
    return vault.client({"VAULT_ADDR": server.address, "VAULT_TOKEN": token or server.token})


def sentence(client: hvac.Client, path: str) -> str:
    with pytest.raises(CannotError) as refused:
        vault.asking(client, "Reading", path, lambda: client.read(path))
    return str(refused.value)


def test_without_an_address_or_a_token_nothing_is_asked(tmp_path: Path) -> None:
    with pytest.raises(CannotError, match="VAULT_ADDR is not set"):
        vault.client({}, tmp_path)
    with pytest.raises(CannotError, match=r"no Vault token: log in to https://v\.example first"):
        vault.client({"VAULT_ADDR": "https://v.example"}, tmp_path)


def test_the_token_of_a_login_is_taken_and_the_environments_wins(tmp_path: Path) -> None:
    (tmp_path / ".vault-token").write_text("from-login\n")
    address = {"VAULT_ADDR": "https://v.example"}
    assert vault.client(address, tmp_path).token == "from-login"
    assert vault.client({**address, "VAULT_TOKEN": "given"}, tmp_path).token == "given"


def test_a_vault_that_is_down_is_reported_with_its_address() -> None:
    client = vault.client({"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": "t"})
    reported = sentence(client, "aws/creds/test")
    assert reported.startswith("Reading failed: http://127.0.0.1:1 does not answer")
    assert reported.endswith("Is Vault running, and is VAULT_ADDR right?")


def test_a_token_that_is_not_valid_is_distinguished_from_one_that_may_not(server: VaultServer) -> None:
    assert "is not valid or has expired: log in again" in sentence(
        caller(server, "s.nonsense"), "aws/creds/test"
    )
    may_nothing = caller(server).auth.token.create(policies=["default"])["auth"]["client_token"]
    reported = sentence(caller(server, may_nothing), "aws/creds/test")
    assert "may not use aws/creds/test" in reported


def test_a_mount_that_is_not_there_is_reported_with_the_way_to_it(server: VaultServer) -> None:
    root = caller(server)
    aws = root.secrets.aws
    with pytest.raises(
        CannotError, match=r"nothing at other/creds/test\. Is an AWS secrets engine mounted at other"
    ):
        vault.asking(
            root, "Asking", "other/creds/test", lambda: aws.generate_credentials("test", mount_point="other")
        )


def test_a_role_that_the_mount_lacks_is_named(server: VaultServer, tmp_path: Path) -> None:
    root = caller(server)
    with emulated_aws(tmp_path / "aws") as aws:
        root.sys.enable_secrets_engine("aws", path="here")
        root.write("here/config/root", access_key="222222222222", secret_key="x", region="us-east-1",
                   iam_endpoint=aws.endpoint_url, sts_endpoint=aws.endpoint_url)  # fmt: skip
        assert "the mount has no role nonesuch; `vault list here/roles`" in sentence(
            root, "here/creds/nonesuch"
        )
        root.write("here/config/root", access_key="AKIAIOSFODNN7EXAMPLE", secret_key="x", region="us-east-1",
                   iam_endpoint=aws.endpoint_url, sts_endpoint=aws.endpoint_url)  # fmt: skip
        root.write(
            "here/roles/test",
            credential_type="iam_user",
            policy_arns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        )
        assert "AWS refused Vault's own principal" in sentence(root, "here/creds/test")
    root.sys.disable_secrets_engine("here")


def test_an_engine_that_this_vault_lacks_is_reported(server: VaultServer) -> None:
    root = caller(server)
    with pytest.raises(CannotError, match="this Vault has no AWS secrets engine"):
        vault.asking(
            root, "Mounting", "sys/mounts/x", lambda: root.sys.enable_secrets_engine("aws-of-old", path="x")
        )


def test_a_sealed_vault_is_reported_and_what_it_means(server: VaultServer) -> None:
    root = caller(server)
    root.sys.seal()
    try:
        reported = sentence(root, "aws/creds/test")
        assert (
            f"the Vault at {server.address} is sealed. Vault issues no credentials, and no lease ends"
            in reported
        )
    finally:
        server.stop()
        server.start()
    assert root.sys.is_sealed() is False
