"""`iam-hardening jit issue` and the profile it prints, as people use them: live Vault, emulated AWS, AWS's
own tools."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import hvac
import pytest

from iam_hardening.clients.aws import Credentials, Session
from iam_hardening.commands.jit import issue
from rehearsal import tools
from rehearsal.servers import emulated_aws, vault_server
from tests.options import options

pytestmark = pytest.mark.emulator

DEV = "222222222222"
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


@dataclass(frozen=True)
class Place:
    vault: hvac.Client
    iam: Any
    environment: dict[str, str]

    def issued(self) -> list[str]:
        return [user["UserName"] for user in self.iam.list_users(PathPrefix="/vault/")["Users"]]

    def token(self, ttl: str = "2h", policies: tuple[str, ...] = ("creds",)) -> str:
        made = self.vault.auth.token.create(policies=list(policies), ttl=ttl, display_name="ada")
        return str(made["auth"]["client_token"])


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    directory = tmp_path_factory.mktemp("jit")
    with (
        emulated_aws(directory / "aws") as aws,
        vault_server(directory / "vault", tools.vault_aws_plugin()) as vault,
    ):
        yield aws.endpoint_url, vault.address, vault.token


@pytest.fixture(scope="module")
def mounted(servers: tuple[str, str, str]) -> tuple[hvac.Client, Any]:
    endpoint, address, token = servers
    root = Session(
        Credentials(access_key_id=DEV, secret_access_key="emulated"),
        region="us-east-1",
        endpoint_url=endpoint,
    )
    iam, vault = root.client("iam"), hvac.Client(address, token=token)
    iam.create_user(UserName="vault")
    iam.attach_user_policy(UserName="vault", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName="vault")["AccessKey"]
    vault.sys.enable_secrets_engine("aws", config={"default_lease_ttl": "1800s", "max_lease_ttl": "3600s"})
    vault.write(
        "aws/config/root",
        access_key=key["AccessKeyId"],
        secret_key=key["SecretAccessKey"],
        region="us-east-1",
        iam_endpoint=endpoint,
        sts_endpoint=endpoint,
    )
    vault.write("aws/roles/test", credential_type="iam_user", policy_arns=[S3], user_path="/vault/")
    vault.sys.create_or_update_policy("creds", 'path "aws/creds/test" { capabilities = ["read"] }')
    return vault, iam


@pytest.fixture
def place(
    servers: tuple[str, str, str],
    mounted: tuple[hvac.Client, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    """Nothing kept yet, no one logged in but `VAULT_TOKEN`."""
    vault, iam = mounted
    for user in [user["UserName"] for user in iam.list_users(PathPrefix="/vault/")["Users"]]:
        for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
        iam.detach_user_policy(UserName=user, PolicyArn=S3)
        iam.delete_user(UserName=user)
    place = Place(vault, iam, {})
    place.environment.update(
        {
            "AWS_ENDPOINT_URL": servers[0],
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "VAULT_ADDR": servers[1],
            "VAULT_TOKEN": place.token(),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        }
    )
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    return place


def test_it_says_in_plain_words_who_one_is_and_until_when_and_shows_no_secret(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert issue.run(**options(["--role", "test", "--stack", "dev"])) == issue.DONE
    said = capsys.readouterr().out
    [user] = place.issued()
    assert f"You are arn:aws:iam::{DEV}:user/vault/{user}\n" in said
    assert re.search(r"ends at \d\d:\d\d:\d\d UTC, in 30 minutes\.", said)
    [kept] = (Path(place.environment["XDG_CACHE_HOME"]) / "iam-hardening").glob("*.json")
    assert json.loads(kept.read_text())["secret_access_key"] not in said
    assert place.environment["VAULT_TOKEN"] not in said
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_the_printed_profile_just_works_and_many_commands_make_one_user(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    issue.run(**options(["--role", "test", "--stack", "dev"]))
    said = capsys.readouterr().out
    profile = said[said.index("[profile ") : said.index("Without a profile")]
    Path(place.environment["AWS_CONFIG_FILE"]).write_text(profile)
    for _ in range(2):
        session = botocore.session.Session(profile="jit-dev-test")
        client: Any = session.create_client("s3")
        assert client.list_buckets()["Buckets"] == []
    assert len(place.issued()) == 1


def test_two_commands_at_once_ask_vault_once(place: Place) -> None:
    command = [sys.executable, "-m", "iam_hardening", "jit", "issue", "--credential-process"]
    command += ["--mount", "aws", "--role", "test", "--region", "us-east-1"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=120)[0]) for process in both]
    assert answers[0] == answers[1]
    assert sorted(answers[0]) == ["AccessKeyId", "Expiration", "SecretAccessKey", "Version"]
    assert len(place.issued()) == 1


def test_another_log_in_never_gets_what_the_last_one_asked_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue.run(**options(["--role", "test", "--stack", "dev"]))
    monkeypatch.setenv("VAULT_TOKEN", place.token())
    issue.run(**options(["--role", "test", "--stack", "dev"]))
    assert len(place.issued()) == 2
    issue.run(**options(["--role", "test", "--stack", "dev", "--fresh"]))
    assert len(place.issued()) == 3


def test_credentials_end_with_a_token_that_is_shorter_than_the_lease(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", place.token(ttl="10m"))
    issue.run(**options(["--role", "test", "--stack", "dev"]))
    said = capsys.readouterr().out
    assert "It ends with your Vault token, which is shorter than the lease." in said
    arguments = ["--credential-process", "--mount", "aws", "--role", "test", "--region", "us-east-1"]
    issue.run(**options(arguments))
    ends = datetime.fromisoformat(json.loads(capsys.readouterr().out)["Expiration"])
    assert (ends - datetime.now(UTC)).total_seconds() <= 600


def test_what_is_about_to_end_is_not_handed_out_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", place.token(ttl="61s"))
    issue.run(**options(["--role", "test", "--stack", "dev"]))
    time.sleep(2)
    issue.run(**options(["--role", "test", "--stack", "dev"]))
    assert len(place.issued()) == 2


def test_exports_are_for_the_shell_and_only_on_request(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    issue.run(**options(["--role", "test", "--stack", "dev", "--export"]))
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["export", "export", "unset"]
    assert lines[0][1].startswith("AWS_ACCESS_KEY_ID=AKIA")


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--role", "test", "--stack", "prod"], "--stack prod: no stack with vault; known: dev"),
        (["--role", "tset", "--stack", "dev"], "--role tset: not under vault.roles of dev; known: test"),
        (["--role", "debug-instance", "--stack", "dev"], "may not use aws/creds/debug-instance"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_leaves_nothing_behind(
    place: Place, capsys: pytest.CaptureFixture[str], arguments: list[str], reported: str
) -> None:
    assert issue.run(**options(arguments)) == issue.COULD_NOT
    written = capsys.readouterr()
    assert reported in written.err
    assert written.out == ""
    assert place.issued() == []


def test_a_folder_that_others_can_read_is_refused(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(place.environment["XDG_CACHE_HOME"]) / "iam-hardening"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    assert issue.run(**options(["--role", "test", "--stack", "dev"])) == issue.COULD_NOT
    assert f"chmod 700 {folder}" in capsys.readouterr().err
    assert place.issued() == []
