"""How just-in-time access ends: on time, also after a crash and an outage; at once; and what was left over.

A live server and the emulated AWS, with the program's own policies for Vault's principal, the boundary and
the role that Vault assumes.
"""

import functools
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import hvac
import pyotp
import pytest

from iam_hardening.aws.naming import VAULT_USERNAME_TEMPLATE
from iam_hardening.aws.policies import documents, vault_boundary
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.aws.policies import vault as vault_policies
from iam_hardening.clients import shells
from iam_hardening.clients.operator import CannotError
from iam_hardening.commands.jit import revoke
from iam_hardening.commands.jit import sweep as jit_sweep
from iam_hardening.commands.revoke_sessions import COULD_NOT, DONE, STOPPED
from rehearsal import tools
from rehearsal.servers import VaultServer, emulated_aws, vault_server
from tests.emulator.cloud import two_codes
from tests.options import options

pytestmark = pytest.mark.emulator

ROOT = Path(__file__).resolve().parents[2]
DEV = "222222222222"
MOUNT, ISSUING, ASSUMED = "aws", "test", "verify-data"
LEASE_SECONDS = 4
# Vault tries again after ten seconds, and the AWS SDK in it several times before that.
OUTAGE_IS_OVER_WITHIN = 90


class Forwarder:
    """A way to the emulated AWS that can be closed and opened again, as a network can."""

    def __init__(self, to: str) -> None:
        host, port = to.removeprefix("http://").split(":")
        self._to = (host, int(port))
        self._listener: socket.socket | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.open()

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._to)
            for source, target in ((caller, server), (server, caller)):
                threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, target):
            end.close()


@dataclass
class Place:
    """The account, Vault, and the way between them."""

    endpoint_url: str
    way: Forwarder
    server: VaultServer
    iam: Any
    key: dict[str, str]

    @property
    def vault(self) -> hvac.Client:
        return hvac.Client(url=self.server.address, token=self.server.token)

    def client(self, service: str, key: dict[str, str] | None = None) -> Any:
        credentials = key or {"aws_access_key_id": DEV, "aws_secret_access_key": "root"}
        return boto3.client(  # type: ignore[call-overload]
            service, region_name="us-east-1", endpoint_url=self.endpoint_url, **credentials
        )

    def make_client(self, service: str, region: str, credentials: Any = None) -> Any:
        return self.client(service)

    def issue(self, role: str = ISSUING) -> dict[str, str]:
        answer = self.vault.read(f"{MOUNT}/creds/{role}")
        assert answer
        data = answer["data"]
        token = data.get("security_token")
        return {
            "aws_access_key_id": data["access_key"],
            "aws_secret_access_key": data["secret_key"],
            **({"aws_session_token": token} if token else {}),
        }

    def users(self) -> list[str]:
        return [user["UserName"] for user in self.iam.list_users(PathPrefix="/vault/")["Users"]]

    def until_nobody_is_left(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.users():
                return True
            time.sleep(0.2)
        return False


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("jit")
    with (
        emulated_aws(folder / "aws") as aws,
        vault_server(folder / "vault", tools.vault_aws_plugin()) as server,
    ):
        way = Forwarder(aws.endpoint_url)
        made = Place(aws.endpoint_url, way, server, None, {})
        made.iam = made.client("iam")
        _set_up(made)
        yield made
        way.close()


def _set_up(place: Place) -> None:
    iam = place.iam
    boundary = iam.create_policy(
        PolicyName="vault-issued-user-boundary",
        PolicyDocument=documents.render(vault_boundary.vault_issued_user_boundary()),
    )["Policy"]["Arn"]
    principal = iam.create_user(UserName="vault-secrets-engine")["User"]["Arn"]
    s3 = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    assumed = f"arn:aws:iam::{DEV}:role/vault-{MOUNT}-{ASSUMED}"
    own = vault_policies.vault_principal(
        "aws", DEV, boundary_arn=boundary, attachable_policy_arns=[s3], assumable_role_arns=[assumed]
    )
    iam.put_user_policy(UserName="vault-secrets-engine", PolicyName="own", PolicyDocument=json.dumps(own))
    iam.create_role(
        RoleName=f"vault-{MOUNT}-{ASSUMED}",
        AssumeRolePolicyDocument=documents.render(vault_policies.trust_vault(principal)),
        PermissionsBoundary=boundary,
    )
    iam.attach_role_policy(RoleName=f"vault-{MOUNT}-{ASSUMED}", PolicyArn=s3)
    key = place.key = iam.create_access_key(UserName="vault-secrets-engine")["AccessKey"]
    vault = place.vault
    vault.sys.enable_secrets_engine(
        "aws", path=MOUNT, config={"default_lease_ttl": f"{LEASE_SECONDS}s", "max_lease_ttl": "1h"}
    )
    vault.write_data(
        f"{MOUNT}/config/root",
        data={
            "access_key": key["AccessKeyId"],
            "secret_key": key["SecretAccessKey"],
            "region": "us-east-1",
            "iam_endpoint": place.way.url,
            "sts_endpoint": place.way.url,
        },
    )
    vault.write_data(
        f"{MOUNT}/roles/{ISSUING}",
        data={
            "credential_type": "iam_user",
            "policy_arns": [s3],
            "user_path": "/vault/",
            "permissions_boundary_arn": boundary,
        },
    )
    vault.write_data(
        f"{MOUNT}/roles/{ASSUMED}", data={"credential_type": "assumed_role", "role_arns": [assumed]}
    )


@pytest.fixture(autouse=True)
def nobody_is_left_from_another_test(place: Place) -> Iterator[None]:
    yield
    for role in (ISSUING, ASSUMED):
        place.vault.sys.revoke_force(f"{MOUNT}/creds/{role}")
    for name in place.users():
        jit_sweep.delete(place.iam, name)


@pytest.fixture
def in_the_environment(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", place.server.address)
    monkeypatch.setenv("VAULT_TOKEN", place.server.token)
    monkeypatch.delenv("VAULT_NAMESPACE", raising=False)


@contextmanager
def longer_leases(place: Place) -> Iterator[None]:
    place.vault.sys.tune_mount_configuration(MOUNT, default_lease_ttl="30m")
    try:
        yield
    finally:
        place.vault.sys.tune_mount_configuration(MOUNT, default_lease_ttl=f"{LEASE_SECONDS}s")


def is_refused(call: Callable[[], Any]) -> bool:
    try:
        call()
    except Exception as error:
        return (
            "InvalidAccessKeyId" in str(error)
            or "AccessDenied" in str(error)
            or "InvalidClientTokenId" in str(error)
        )
    return False


# --- Without a command


def test_a_lease_ends_on_time_although_vault_was_killed_meanwhile(place: Place) -> None:
    key = place.issue()
    os.kill(_server_process(place.server), signal.SIGKILL)
    time.sleep(LEASE_SECONDS)
    assert place.users()  # no one ended it: Vault is away
    place.server.stop()
    place.server.start()
    assert place.until_nobody_is_left(20)
    assert is_refused(lambda: place.client("s3", key).list_buckets())


def _server_process(server: VaultServer) -> int:
    """OpenBao itself, below the process that watches over it."""
    watcher = server._process.pid
    children = Path(f"/proc/{watcher}/task/{watcher}/children").read_text().split()
    return int(children[0])


def test_a_user_whose_lease_ended_while_aws_was_away_is_deleted_when_it_is_back(place: Place) -> None:
    place.issue()
    place.way.close()
    time.sleep(LEASE_SECONDS + 2)
    assert place.users()
    place.way.open()
    assert place.until_nobody_is_left(OUTAGE_IS_OVER_WITHIN)


# --- At once


@pytest.mark.usefixtures("in_the_environment")
def test_revoking_a_role_deletes_all_of_its_users_at_once(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with longer_leases(place):
        keys = [place.issue() for _ in range(3)]
        assert len(place.users()) == 3
        arguments = ["--role", ISSUING, "--stack", "dev"]
        assert (
            revoke.run(
                **options(arguments), make_client=place.make_client, ask=lambda _: "no", stack_files=ROOT
            )
            == STOPPED
        )
        assert len(place.users()) == 3
        assert (
            revoke.run(
                **options(arguments), make_client=place.make_client, ask=lambda _: ISSUING, stack_files=ROOT
            )
            == DONE
        )
    assert place.users() == []
    assert "3 leases were ended." in capsys.readouterr().out
    assert all(is_refused(functools.partial(place.client("s3", key).list_buckets)) for key in keys)


@pytest.mark.usefixtures("in_the_environment")
def test_revoking_a_role_that_vault_assumes_ends_the_sessions_too(place: Place) -> None:
    role_name = f"vault-{MOUNT}-{ASSUMED}"
    with longer_leases(place):
        key = place.issue(ASSUMED)
        place.client("s3", key).list_buckets()
        arguments = ["--role", ASSUMED, "--stack", "dev", "--yes"]
        assert revoke.run(**options(arguments), make_client=place.make_client, stack_files=ROOT) == DONE
    assert is_refused(lambda: place.client("s3", key).list_buckets())
    time.sleep(1.1)  # issue times have no fractions of seconds
    place.client("s3", place.issue(ASSUMED)).list_buckets()
    lift = ["--role", ASSUMED, "--stack", "dev", "--lift"]
    assert revoke.run(**options(lift), make_client=place.make_client, stack_files=ROOT) == COULD_NOT
    assert is_refused(lambda: place.client("s3", key).list_buckets())
    assert revoke.run(**options([*lift, "--early"]), make_client=place.make_client, stack_files=ROOT) == DONE
    place.client("s3", key).list_buckets()
    attached = place.iam.list_attached_role_policies(RoleName=role_name)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonS3FullAccess"]


@pytest.mark.usefixtures("in_the_environment")
def test_revoking_again_ends_the_sessions_issued_since(place: Place) -> None:
    arguments = ["--role", ASSUMED, "--stack", "dev"]
    keys = []
    for _ in range(7):  # AWS keeps five versions of a policy
        keys.append(place.issue(ASSUMED))
        assert (
            revoke.run(**options([*arguments, "--yes"]), make_client=place.make_client, stack_files=ROOT)
            == DONE
        )
        time.sleep(1.1)
    assert all(is_refused(functools.partial(place.client("s3", key).list_buckets)) for key in keys)
    assert (
        revoke.run(
            **options([*arguments, "--lift", "--early"]), make_client=place.make_client, stack_files=ROOT
        )
        == DONE
    )


def test_a_session_of_an_issued_users_key_dies_with_the_user_and_not_with_the_key(place: Place) -> None:
    """`sts:GetSessionToken` cannot be denied; so what ends its sessions is what an operator has to know."""
    with longer_leases(place):
        key = place.issue()
        (name,) = place.users()
        taken = place.client("sts", key).get_session_token()["Credentials"]
        session = {
            "aws_access_key_id": taken["AccessKeyId"],
            "aws_secret_access_key": taken["SecretAccessKey"],
            "aws_session_token": taken["SessionToken"],
        }
        place.client("s3", session).list_buckets()
        assert is_refused(place.client("iam", session).list_users)
        place.iam.update_access_key(UserName=name, AccessKeyId=key["aws_access_key_id"], Status="Inactive")
        assert is_refused(lambda: place.client("s3", key).list_buckets())
        place.client("s3", session).list_buckets()
        place.vault.sys.revoke_prefix(f"{MOUNT}/creds/{ISSUING}")
        assert place.until_nobody_is_left(20)
    assert is_refused(lambda: place.client("s3", session).list_buckets())


def test_the_names_of_issued_users_tell_two_people_with_a_long_log_in_apart(place: Place) -> None:
    """The log-in's name alone takes all the room that a user's name has for who asked."""
    vault, login = place.vault, "platform-engineering-prod"
    vault.write_data(
        f"{MOUNT}/config/root",
        data={
            "access_key": place.key["AccessKeyId"],
            "secret_key": place.key["SecretAccessKey"],
            "region": "us-east-1",
            "iam_endpoint": place.way.url,
            "sts_endpoint": place.way.url,
            "username_template": VAULT_USERNAME_TEMPLATE,
        },
    )
    vault.sys.enable_auth_method("userpass", path=login)
    vault.sys.create_or_update_policy("reads", f'path "{MOUNT}/creds/*" {{ capabilities = ["read"] }}')
    issued = []
    try:
        for person in ("christopher.a", "christopher.b"):
            vault.auth.userpass.create_or_update_user(
                person, "pass-word", policies="reads", mount_point=login
            )
            theirs = hvac.Client(url=place.server.address)
            theirs.auth.userpass.login(person, "pass-word", mount_point=login)
            before = set(place.users())
            with longer_leases(place):
                theirs.read(f"{MOUNT}/creds/{ISSUING}")
            (name,) = set(place.users()) - before
            issued.append(name)
    finally:
        vault.sys.disable_auth_method(login)
    who = [name.split(f"-{ISSUING}-")[0] for name in issued]
    assert all(
        len(name) <= 64 and one.startswith("vault-platform-engin")
        for name, one in zip(issued, who, strict=True)
    )
    assert who[0] != who[1]


def shells_of(place: Place) -> set[str]:
    found = place.client("ssm").describe_sessions(State="Active")["Sessions"]
    return {session["SessionId"] for session in found}


@pytest.fixture
def instance(place: Place) -> Iterator[str]:
    ec2 = place.client("ec2")
    image = ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
    launched = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    yield launched
    ec2.terminate_instances(InstanceIds=[launched])


@pytest.mark.usefixtures("in_the_environment")
def test_shells_of_the_roles_users_are_ended_and_nobody_elses(
    place: Place, instance: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = revoke.role_of("dev", ISSUING, ROOT)
    monkeypatch.setattr(revoke, "role_of", lambda *_: replace(role, may_open_shells=True))
    shell = roles_policies.configured(
        [{"Sid": "Shell", "Effect": "Allow", "Action": "ssm:StartSession", "Resource": "*"}]
    )
    mine = place.client("ssm").start_session(Target=instance)["SessionId"]
    with longer_leases(place):
        key = place.issue()
        (name,) = place.users()
        place.iam.put_user_policy(UserName=name, PolicyName="shell", PolicyDocument=json.dumps(shell))
        place.iam.tag_user(UserName=name, Tags=[{"Key": "VaultRole", "Value": ISSUING}])
        theirs = place.client("ssm", key).start_session(Target=instance)["SessionId"]
        assert shells_of(place) == {mine, theirs}
        arguments = ["--role", ISSUING, "--stack", "dev", "--yes"]
        assert revoke.run(**options(arguments), make_client=place.make_client, stack_files=ROOT) == DONE
    assert shells_of(place) == {mine}
    place.client("ssm").terminate_session(SessionId=mine)


@pytest.mark.usefixtures("in_the_environment")
def test_without_a_way_to_aws_the_leases_end_and_the_shells_are_reported(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    role = revoke.role_of("dev", ISSUING, ROOT)
    monkeypatch.setattr(revoke, "role_of", lambda *_: replace(role, may_open_shells=True))
    other = boto3.client(
        "sts", region_name="us-east-1", endpoint_url=place.endpoint_url,
        aws_access_key_id="333333333333", aws_secret_access_key="root",
    )  # fmt: skip
    with longer_leases(place):
        place.issue()
        arguments = ["--role", ISSUING, "--stack", "dev", "--yes"]
        assert revoke.run(**options(arguments), make_client=lambda *_: other, stack_files=ROOT) == COULD_NOT
    assert place.users() == []
    assert "Shells of Session Manager were not looked for, and go on" in capsys.readouterr().err


def test_shells_of_users_that_are_gone_are_found_by_their_name(place: Place) -> None:
    owns = shells.of_issued_users(place.iam, "a-role-with-a-long-name")
    user = f"arn:aws:iam::{DEV}:user"
    assert owns(f"{user}/vault/vault-userpass-alice-a-role-with-a--1767225600-x7Kq2bWd")
    assert not owns(f"{user}/vault/vault-userpass-alice-another-role-w-1767225600-x7Kq2bWd")
    assert not owns(f"{user}/vault-userpass-alice-a-role-with-a--1767225600-x7Kq2bWd")
    assert shells.of_assumed_role("vault-aws-data")(f"arn:aws:sts::{DEV}:assumed-role/vault-aws-data/vault-x")
    assert not shells.of_assumed_role("vault-aws-data")(f"arn:aws:sts::{DEV}:assumed-role/vault-aws-data2/x")


@pytest.mark.usefixtures("in_the_environment")
def test_with_credentials_of_another_account_not_even_a_lease_is_ended(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with longer_leases(place):
        place.issue(ASSUMED)
        other = boto3.client(
            "sts", region_name="us-east-1", endpoint_url=place.endpoint_url,
            aws_access_key_id="333333333333", aws_secret_access_key="root",
        )  # fmt: skip
        arguments = ["--role", ASSUMED, "--stack", "dev", "--yes"]
        assert revoke.run(**options(arguments), make_client=lambda *_: other, stack_files=ROOT) == COULD_NOT
        assert revoke.live_leases(place.vault, f"{MOUNT}/creds/{ASSUMED}")
    assert "credentials of the account 333333333333" in capsys.readouterr().err


@pytest.mark.usefixtures("in_the_environment")
def test_a_token_that_may_not_list_leases_ends_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with longer_leases(place):
        place.issue()
        weak = place.vault.auth.token.create(policies=["default"])["auth"]["client_token"]
        monkeypatch.setenv("VAULT_TOKEN", weak)
        arguments = ["--role", ISSUING, "--stack", "dev", "--yes"]
        assert revoke.run(**options(arguments), make_client=place.make_client, stack_files=ROOT) == COULD_NOT
    assert place.users()
    assert "may not use sys/leases/lookup/aws/creds/test" in capsys.readouterr().err


@pytest.mark.usefixtures("in_the_environment")
def test_a_token_that_may_list_leases_but_not_end_them_changes_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with longer_leases(place):
        place.issue(ASSUMED)
        place.vault.sys.create_or_update_policy(
            "lists", f'path "sys/leases/lookup/{MOUNT}/*" {{ capabilities = ["list", "sudo"] }}'
        )
        lists = place.vault.auth.token.create(policies=["lists"])["auth"]["client_token"]
        monkeypatch.setenv("VAULT_TOKEN", lists)
        arguments = ["--role", ASSUMED, "--stack", "dev", "--yes"]
        assert revoke.run(**options(arguments), make_client=place.make_client, stack_files=ROOT) == COULD_NOT
        assert revoke.live_leases(place.vault, f"{MOUNT}/creds/{ASSUMED}")
    assert [p["PolicyName"] for p in place.iam.list_policies(Scope="Local")["Policies"]] == [
        "vault-issued-user-boundary"
    ]
    assert "it takes update and sudo, and has deny. Nothing was changed." in capsys.readouterr().err


@pytest.mark.usefixtures("in_the_environment")
def test_credentials_that_may_not_deny_the_sessions_end_no_lease(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    reads = roles_policies.configured(
        [{"Sid": "Look", "Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"}]
    )
    place.iam.create_user(UserName="looker")
    place.iam.put_user_policy(UserName="looker", PolicyName="own", PolicyDocument=json.dumps(reads))
    made = place.iam.create_access_key(UserName="looker")["AccessKey"]
    key = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}

    def make_client(service: str, *_: Any) -> Any:
        return place.client(service, key)

    with longer_leases(place):
        place.issue(ASSUMED)
        arguments = ["--role", ASSUMED, "--stack", "dev", "--yes"]
        assert revoke.run(**options(arguments), make_client=make_client, stack_files=ROOT) == COULD_NOT
        assert revoke.live_leases(place.vault, f"{MOUNT}/creds/{ASSUMED}")
    assert (
        "Putting the policy AWSRevokeOlderSessions-vault-aws-verify-data on the role"
        in capsys.readouterr().err
    )
    place.iam.delete_access_key(UserName="looker", AccessKeyId=made["AccessKeyId"])
    place.iam.delete_user_policy(UserName="looker", PolicyName="own")
    place.iam.delete_user(UserName="looker")


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--role", "nonesuch", "--stack", "dev"], "known: test, debug-instance, verify-data"),
        (["--role", "test", "--stack", "prod"], "no such stack; known: central, dev"),
        (["--role", "test", "--stack", "central"], "its file has no vault section"),
    ],
)
def test_what_the_stack_files_do_not_have_is_refused(
    arguments: list[str], reported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert revoke.run(**options(arguments), stack_files=ROOT) == COULD_NOT
    assert reported in capsys.readouterr().err


# --- Left over


def with_a_password_by_hand(place: Place) -> str:
    """An issued user that got a password from an administrator: Vault cannot delete it any more."""
    place.issue()
    (name,) = place.users()
    place.iam.create_login_profile(UserName=name, Password="aA1!aA1!aA1!aA1!")
    return name


def test_vault_cannot_delete_a_user_with_a_password_and_the_sweep_can(place: Place) -> None:
    name = with_a_password_by_hand(place)
    assert not place.until_nobody_is_left(LEASE_SECONDS + 3)
    sts = place.client("sts")
    assert jit_sweep.left_over(place.iam, [], timedelta(hours=1)) == []
    (found,) = jit_sweep.left_over(place.iam, [], timedelta(minutes=-6))
    assert found.name == name
    assert found.holds[0] == "a password"
    jit_sweep.delete(place.iam, name)
    assert place.users() == []
    assert sts.get_caller_identity()["Account"] == DEV


def test_a_user_whose_lease_still_runs_is_not_left_over(place: Place) -> None:
    with longer_leases(place):
        place.issue()
        vault_settings = revoke.role_of("dev", ISSUING, ROOT).account.vault
        assert vault_settings is not None
        running = jit_sweep.running_leases(place.vault, vault_settings)
        assert len(running) == 1
        assert jit_sweep.left_over(place.iam, running, timedelta(minutes=-6)) == []


def test_whatever_a_left_over_user_was_given_goes_with_it(place: Place) -> None:
    iam = place.iam
    iam.create_user(UserName="vault-old", Path="/vault/")
    iam.create_group(GroupName="people")
    iam.add_user_to_group(GroupName="people", UserName="vault-old")
    iam.create_access_key(UserName="vault-old")
    iam.create_access_key(UserName="vault-old")
    iam.create_login_profile(UserName="vault-old", Password="aA1!aA1!aA1!aA1!")
    reading = roles_policies.configured(
        [{"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]
    )
    iam.put_user_policy(UserName="vault-old", PolicyName="own", PolicyDocument=json.dumps(reading))
    iam.upload_ssh_public_key(UserName="vault-old", SSHPublicKeyBody="ssh-ed25519 AAAA")
    iam.create_service_specific_credential(UserName="vault-old", ServiceName="codecommit.amazonaws.com")
    iam.upload_signing_certificate(UserName="vault-old", CertificateBody="body")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="old")["VirtualMFADevice"]
    first, second = two_codes(pyotp.TOTP(device["Base32StringSeed"].decode()))
    iam.enable_mfa_device(
        UserName="vault-old",
        SerialNumber=device["SerialNumber"],
        AuthenticationCode1=first,
        AuthenticationCode2=second,
    )
    iam.attach_user_policy(UserName="vault-old", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    (found,) = jit_sweep.left_over(iam, [], timedelta(minutes=-6))
    assert found.holds == (
        "a password",
        "2 access keys",
        "1 MFA device",
        "1 SSH key",
        "1 service credential",
        "1 signing certificate",
        "1 inline policy",
        "1 managed policy",
        "1 group",
    )
    jit_sweep.delete(iam, "vault-old")
    assert place.users() == []
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert iam.get_group(GroupName="people")["Users"] == []
    iam.delete_group(GroupName="people")


def test_nobody_outside_the_path_is_ever_deleted(place: Place) -> None:
    place.iam.create_user(UserName="vault-look-alike", Path="/people/")
    assert jit_sweep.left_over(place.iam, [], timedelta(minutes=-6)) == []
    with pytest.raises(CannotError, match="vault-look-alike is not under /vault/; nothing was deleted"):
        jit_sweep.delete(place.iam, "vault-look-alike")
    assert place.iam.get_user(UserName="vault-look-alike")["User"]["Path"] == "/people/"
    place.iam.delete_user(UserName="vault-look-alike")


@pytest.mark.usefixtures("in_the_environment")
def test_the_sweep_asks_for_the_accounts_id_and_deletes_nothing_without_it(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place.iam.create_user(UserName="vault-old", Path="/vault/")
    monkeypatch.setattr(jit_sweep, "_PATIENCE", timedelta(hours=-2))
    sweep = functools.partial(jit_sweep.run, stack="dev", make_client=place.make_client, stack_files=ROOT)
    assert sweep(ask=lambda _: "") == STOPPED
    assert place.users() == ["vault-old"]
    assert sweep(ask=lambda _: DEV) == DONE
    assert place.users() == []
    assert "Deleted vault-old." in capsys.readouterr().out
    assert sweep(ask=lambda _: "") == DONE
    assert "Nothing is left over under /vault/; 0 leases run." in capsys.readouterr().out
