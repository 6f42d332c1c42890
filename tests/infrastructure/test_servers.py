"""The servers start, restart and end; a message says why when they cannot."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import hvac
import pytest
import requests

from rehearsal import servers, tools
from rehearsal.servers import EmulatedAws, ServerError, VaultServer, emulated_aws, vault_server
from tests.infrastructure.processes import command_lines, groups_with, is_running, wait_for

pytestmark = pytest.mark.emulator


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[VaultServer]:
    with vault_server(tmp_path / "vault", tools.vault_aws_plugin(), audit=True) as server:
        yield server


def client(server: VaultServer) -> hvac.Client:
    return hvac.Client(url=server.address, token=server.token)


def iam_of(aws: EmulatedAws) -> Any:
    """IAM of one account, as its root user."""
    return boto3.client(
        "iam",
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="111122223333",
        aws_secret_access_key="any",
    )


def taken_port() -> tuple[socket.socket, int]:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken, taken.getsockname()[1]


def test_two_emulators_at_once_share_nothing_and_end_with_their_blocks(tmp_path: Path) -> None:
    with emulated_aws(tmp_path / "one") as one:
        with emulated_aws(tmp_path / "other") as other:
            first = iam_of(one)
            second = iam_of(other)
            first.create_user(UserName="someone")

            assert [user["UserName"] for user in first.list_users()["Users"]] == ["someone"]
            assert second.list_users()["Users"] == []
        assert first.list_users()["Users"]
        with pytest.raises(requests.ConnectionError):
            requests.get(other.endpoint_url, timeout=5)
    with pytest.raises(requests.ConnectionError):
        requests.get(one.endpoint_url, timeout=5)


def test_the_aws_engine_issues_and_revokes_a_user_of_the_emulated_account(
    vault: VaultServer, tmp_path: Path
) -> None:
    with emulated_aws(tmp_path / "aws") as aws:
        iam = iam_of(aws)
        iam.create_user(UserName="vault")
        iam.attach_user_policy(UserName="vault", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        key = iam.create_access_key(UserName="vault")["AccessKey"]
        engine = client(vault)
        engine.sys.enable_secrets_engine("aws")
        engine.secrets.aws.configure_root_iam_credentials(
            key["AccessKeyId"],
            key["SecretAccessKey"],
            iam_endpoint=aws.endpoint_url,
            sts_endpoint=aws.endpoint_url,
        )
        engine.secrets.aws.configure_lease("30m", "1h")
        engine.secrets.aws.create_or_update_role(
            "test", "iam_user", policy_arns=["arn:aws:iam::aws:policy/AmazonS3FullAccess"]
        )

        issued = engine.secrets.aws.generate_credentials("test")
        assert issued["lease_duration"] == 1800
        assert len(iam.list_users()["Users"]) == 2

        engine.sys.revoke_lease(issued["lease_id"])
        assert [user["UserName"] for user in iam.list_users()["Users"]] == ["vault"]


def test_a_restart_keeps_what_was_written_the_token_and_the_address(vault: VaultServer) -> None:
    client(vault).sys.enable_secrets_engine("aws", path="before")
    address = vault.address

    vault.stop()
    with pytest.raises(requests.ConnectionError):
        client(vault).sys.read_health_status()
    vault.start()

    assert vault.address == address
    mounts = client(vault).sys.list_mounted_secrets_engines()["data"]
    assert mounts["before/"]["type"] == "aws"
    assert "never-mounted/" not in mounts


def test_a_restart_on_a_port_that_was_taken_meanwhile_says_so(vault: VaultServer) -> None:
    vault.stop()
    with socket.socket() as intruder:
        intruder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        intruder.bind(("127.0.0.1", int(vault.address.rpartition(":")[2])))
        intruder.listen()

        with pytest.raises(ServerError, match="was taken while it was stopped"):
            vault.start()


def test_two_vaults_at_once_share_nothing(vault: VaultServer, tmp_path: Path) -> None:
    with vault_server(tmp_path / "other", tools.vault_aws_plugin()) as other:
        client(vault).sys.enable_secrets_engine("aws")

        assert other.address != vault.address
        assert "aws/" in client(vault).sys.list_mounted_secrets_engines()["data"]
        assert "aws/" not in client(other).sys.list_mounted_secrets_engines()["data"]
        assert hvac.Client(url=other.address, token=vault.token).is_authenticated() is False


def test_no_secret_is_in_a_log_a_command_line_or_the_server_s_text(vault: VaultServer) -> None:
    client(vault).sys.enable_secrets_engine("aws")
    secrets = (vault.token, vault._unseal_key)
    assert vault.audit_log is not None
    files = [path for path in vault.log.parent.iterdir() if path.is_file()]
    everything = [path.read_text() for path in files] + [*command_lines().values(), repr(vault), str(vault)]

    assert '"path":"sys/mounts/aws"' in vault.audit_log.read_text()
    assert vault.address in repr(vault)
    for secret in secrets:
        assert not any(secret in text for text in everything)


def test_the_files_of_the_servers_are_for_their_owner_only(tmp_path: Path) -> None:
    with emulated_aws(tmp_path / "aws"), vault_server(tmp_path / "vault", tools.vault_aws_plugin()):
        for directory in (tmp_path / "aws", tmp_path / "vault"):
            assert directory.stat().st_mode & 0o077 == 0


def test_both_servers_listen_on_this_machine_s_own_address_only(vault: VaultServer, tmp_path: Path) -> None:
    with emulated_aws(tmp_path / "aws") as aws:
        for address in (vault.address, aws.endpoint_url):
            port = int(address.rpartition(":")[2])
            # Were a server bound to every address, no second socket could bind to another one of them.
            with socket.socket() as elsewhere:
                elsewhere.bind(("127.0.0.2", port))
            with socket.socket() as same, pytest.raises(OSError, match="in use"):
                same.bind(("127.0.0.1", port))


def test_the_servers_do_not_see_the_user_s_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "the-user-s-own")

    assert "the-user-s-own" not in servers._environment(tmp_path).values()
    assert "PATH" in servers._environment(tmp_path)


def test_a_port_taken_at_the_last_moment_is_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, port = taken_port()
    find_free_port = servers._free_port
    ports = iter([port])
    monkeypatch.setattr(servers, "_free_port", lambda: next(ports, None) or find_free_port())

    with taken, vault_server(tmp_path / "vault", tools.vault_aws_plugin()) as server:
        assert server.address != f"http://127.0.0.1:{port}"
        assert client(server).is_authenticated()


def test_ports_that_are_all_taken_end_with_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, port = taken_port()
    monkeypatch.setattr(servers, "_free_port", lambda: port)

    with (
        taken,
        pytest.raises(ServerError, match="were each taken before a server could bind"),
        emulated_aws(tmp_path / "aws"),
    ):
        pass


def test_a_plugin_that_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerError, match="run `make setup`"),
        vault_server(tmp_path / "vault", tmp_path / "plugins" / "aws"),
    ):
        pass


def test_a_server_that_cannot_start_shows_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bao"
    broken.write_text("#!/bin/sh\necho this machine has no such thing\nexit 4\n")
    broken.chmod(0o755)
    monkeypatch.setattr(tools, "bao", lambda: broken)

    with (
        pytest.raises(ServerError, match="with exit status 4") as reported,
        vault_server(tmp_path / "vault", tools.vault_aws_plugin()),
    ):
        pass

    assert "this machine has no such thing" in str(reported.value)


def test_a_rehearsal_that_is_killed_leaves_no_server_and_no_plugin(tmp_path: Path) -> None:
    program = (
        "import sys, time, hvac\n"
        "from pathlib import Path\n"
        "from rehearsal import tools\n"
        "from rehearsal.servers import emulated_aws, vault_server\n"
        "directory = Path(sys.argv[1])\n"
        "with emulated_aws(directory / 'aws') as aws:\n"
        "    with vault_server(directory / 'vault', tools.vault_aws_plugin()) as vault:\n"
        "        hvac.Client(url=vault.address, token=vault.token).sys.enable_secrets_engine('aws')\n"
        "        (directory / 'port').write_text(aws.endpoint_url.rpartition(':')[2])\n"
        "        time.sleep(300)\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
    assert wait_for((tmp_path / "port").exists, seconds=60)
    vault_family = groups_with(f"server -config={tmp_path}")
    aws_family = groups_with(f"rehearsal.emulator --port {(tmp_path / 'port').read_text()}")
    assert any(command.endswith("plugins/aws") for command in vault_family.values())
    assert len(aws_family) >= 2, "the emulator and its supervisor"

    killed.send_signal(signal.SIGKILL)
    killed.wait()

    assert wait_for(lambda: not any(map(is_running, [*vault_family, *aws_family])))
