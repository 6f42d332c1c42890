"""The profiles that `client-config` prints, with the tools themselves: each takes an MFA session and the role
with it.

Run are AWSume and aws-vault (built for this test, about a minute once) and botocore, which reads profiles for
the AWS CLI. Granted and Leapp were read, not run (docs/people.md).
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.session
import pyotp
import pytest
from rich.console import Console

from iam_hardening.aws.policies import people, roles
from iam_hardening.commands import client_config
from iam_hardening.config.files import settings_of
from rehearsal import tools
from rehearsal.problems import SetupError
from tests.emulator.aws_front import front
from tests.emulator.cloud import (
    EVERYTHING,
    Account,
    Cloud,
    Credentials,
    User,
    codes_of_any_seed,
)
from tests.emulator.conftest import free_port, serving

pytestmark = pytest.mark.emulator

ROOT = Path(__file__).parents[2]
CENTRAL, DEV = "111111111111", "222222222222"
ROLE = "arn:aws:sts::222222222222:assumed-role/test_role/Administrator"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    port = free_port()
    with serving([sys.executable, "-m", "rehearsal.emulator", "--port", str(port)], port) as running:
        yield running


@dataclass(frozen=True)
class Person:
    """The Administrator of the shipped stack files, with an access key and the home of a workstation."""

    user: User
    central: Account
    home: Path

    def profiles(self, device: str) -> Callable[[], str]:
        """Writes `~/.aws/config` and `~/.aws/credentials`; answers with the codes of a new device of that
        name."""
        seed = self.central.iam.create_virtual_mfa_device(VirtualMFADeviceName=device)["VirtualMFADevice"]
        first, second = codes_of_any_seed(seed["Base32StringSeed"])
        self.central.iam.enable_mfa_device(
            UserName=self.user.name,
            SerialNumber=seed["SerialNumber"],
            AuthenticationCode1=first,
            AuthenticationCode2=second,
        )
        made = client_config.profiles(settings_of(ROOT), person=self.user.name, device=device)
        (self.home / ".aws").mkdir(parents=True)
        (self.home / ".aws" / "config").write_text(client_config.as_ini(made))
        key = self.user.credentials
        (self.home / ".aws" / "credentials").write_text(
            f"[central]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret}\n"
        )
        return pyotp.TOTP(seed["Base32StringSeed"].decode()).now

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS")}
        return kept | {"HOME": str(self.home), "AWS_EC2_METADATA_DISABLED": "true"} | more


@pytest.fixture(scope="module")
def administrator(cloud: Cloud) -> tuple[User, Account]:
    central, dev = (Account(cloud.url, Credentials(number, "x"), number) for number in (CENTRAL, DEV))
    wall = people.enforce_mfa("aws", CENTRAL)
    dev.role("test_role", roles.trust_account("aws", CENTRAL, require_mfa=True))
    return central.user("Administrator", EVERYTHING, wall), central


@pytest.fixture
def person(administrator: tuple[User, Account], tmp_path: Path) -> Person:
    user, central = administrator
    return Person(user, central, tmp_path)


def who(cloud: Cloud, found: dict[str, str]) -> str:
    """Whose credentials these environment variables are."""
    sts: Any = botocore.session.Session().create_client(
        "sts",
        region_name="us-east-1",
        endpoint_url=cloud.url,
        aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=found["AWS_SESSION_TOKEN"],
    )
    return str(sts.get_caller_identity()["Arn"])


def exported(printed: str) -> dict[str, str]:
    """As `env` prints them."""
    return dict(line.split("=", 1) for line in printed.splitlines() if line.startswith("AWS_"))


# --- AWSume


def awsume() -> str:
    found = shutil.which(
        "awsumepy", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    if found is None:
        pytest.skip("AWSume is not installed: run `make setup`")
    return found


def test_awsume_takes_a_session_with_mfa_and_the_role_with_it(cloud: Cloud, person: Person) -> None:
    command = [awsume(), "dev-test_role", "--mfa-token"]
    code = person.profiles("awsume")
    ended = subprocess.run(
        [*command, code()],
        env=person.environment(AWS_ENDPOINT_URL=cloud.url),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    # What its shell function exports.
    word, key, secret, token, *_ = ended.stdout.split()
    assert word == "Awsume"
    found = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
    assert who(cloud, found) == ROLE


# --- aws-vault


@pytest.fixture(scope="module")
def aws_vault() -> str:
    try:
        tools.build(Console(file=sys.stderr), [tools.AWS_VAULT])
    except SetupError as error:
        pytest.skip(f"aws-vault cannot be built here: {error}")
    return str(tools.AWS_VAULT.binary)


@dataclass(frozen=True)
class Vaulted:
    """aws-vault on a person's workstation: a file for a keychain, and a front of AWS for its endpoints, which
    its SDK does not let anyone change."""

    binary: str
    person: Person
    environment: dict[str, str]

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.binary, *arguments], env=self.environment, capture_output=True, text=True, timeout=60
        )


@pytest.fixture
def vaulted(aws_vault: str, cloud: Cloud, person: Person, tmp_path: Path) -> Iterator[Vaulted]:
    key = person.user.credentials
    with front(cloud.url, tmp_path, {key.access_key_id: key.secret}) as (proxy, authority):
        environment = person.environment(
            HTTPS_PROXY=proxy,
            SSL_CERT_FILE=str(authority),
            AWS_VAULT_BACKEND="file",
            AWS_VAULT_FILE_PASSPHRASE="x",
        )
        yield Vaulted(aws_vault, person, environment)


def add_the_key(vaulted: Vaulted) -> None:
    """As a person does, who then has no key in `~/.aws/credentials`."""
    key = vaulted.person.user.credentials
    (vaulted.person.home / ".aws" / "credentials").unlink()
    names = {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret}
    ended = subprocess.run(
        [vaulted.binary, "add", "central", "--env"],
        env=vaulted.environment | names,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr


def test_aws_vault_takes_a_session_with_mfa_and_the_role_with_it(cloud: Cloud, vaulted: Vaulted) -> None:
    code = vaulted.person.profiles("aws-vault")
    add_the_key(vaulted)
    ended = vaulted("exec", "--debug", "--mfa-token", code(), "dev-test_role", "--", "env")
    assert ended.returncode == 0, ended.stderr
    assert "using GetSessionToken (with MFA)" in ended.stderr
    assert who(cloud, exported(ended.stdout)) == ROLE


def test_aws_vault_is_refused_where_the_roles_profile_does_not_name_the_device(vaulted: Vaulted) -> None:
    """99designs/aws-vault#164: it then takes the role with the bare key."""
    code = vaulted.person.profiles("aws-vault-old")
    add_the_key(vaulted)
    config = vaulted.person.home / ".aws" / "config"
    before, role, after = config.read_text().partition("[profile dev-test_role]")
    config.write_text(before + role + after.replace("mfa_serial", "not_mfa_serial", 1))
    ended = vaulted("exec", "--mfa-token", code(), "dev-test_role", "--", "env")
    assert ended.returncode != 0
    assert "AccessDenied" in ended.stderr


# --- The AWS CLI, and whatever reads profiles as it does


def test_the_aws_clis_profile_takes_the_role_with_the_session_of_the_environment(
    cloud: Cloud, person: Person
) -> None:
    serial = f"arn:aws:iam::{CENTRAL}:mfa/cli"
    code = person.profiles("cli")
    taken = person.user.sts.get_session_token(SerialNumber=serial, TokenCode=code())["Credentials"]
    session = {
        "AWS_ACCESS_KEY_ID": taken["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": taken["SecretAccessKey"],
        "AWS_SESSION_TOKEN": taken["SessionToken"],
    }
    assert whose_profile(person, cloud, "dev-test_role/session", **session) == ROLE
    assert "AccessDenied" in whose_profile(person, cloud, "dev-test_role/session", **bare(person))


def bare(person: Person) -> dict[str, str]:
    key = person.user.credentials
    return {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret}


def whose_profile(person: Person, cloud: Cloud, profile: str, **environment: str) -> str:
    """The caller's ARN, or why there is none. In a process, because botocore reads the environment."""
    program = (
        "import botocore.session, json, sys\n"
        f"session = botocore.session.Session(profile={profile!r})\n"
        "print(json.dumps(session.create_client('sts').get_caller_identity()['Arn']))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=person.environment(AWS_ENDPOINT_URL=cloud.url, **environment),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return str(json.loads(ended.stdout)) if ended.returncode == 0 else ended.stderr


@pytest.mark.parametrize("profile", ["central", "dev-test_role", "dev-test_role/session"])
def test_every_profile_is_read_as_one(person: Person, monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    person.profiles(f"read-{profile.replace('/', '-')}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(person.home / ".aws" / "config"))
    assert "region" in botocore.session.Session(profile=profile).get_scoped_config()
    with pytest.raises(botocore.exceptions.ProfileNotFound):
        botocore.session.Session(profile=f"{profile}-other").get_scoped_config()
