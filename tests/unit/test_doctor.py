"""What is in a person's way, step by step: the sentence and the fix of each, on recorded answers of AWS."""

import functools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError
from botocore.stub import Stubber

from iam_hardening.clients import operator
from iam_hardening.clients.aws import Credentials
from iam_hardening.commands.doctor import vault
from iam_hardening.commands.doctor.run import COULD_NOT, IN_THE_WAY, WELL, run
from tests.options import options

ROOT = Path(__file__).parents[2]
CENTRAL, DEV = "111111111111", "222222222222"
KEY, SESSION_KEY = "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"
SECRET, TOKEN = "pretend-secret-access-key", "pretend-session-token"
USER = f"arn:aws:iam::{CENTRAL}:user/Administrator"
ROLE = f"arn:aws:iam::{DEV}:role/test_role"
TOTP = f"arn:aws:iam::{CENTRAL}:mfa/phone"
PASSKEY = f"arn:aws:iam::{CENTRAL}:u2f/user/Administrator/laptop-ABCDEF"
WHO = ("--person", "Administrator")
TO_THE_ROLE = (*WHO, "--stack", "dev", "--role", "test_role")


@functools.cache
def _clients() -> dict[str, Any]:
    """Once for all tests: a client takes longer to make than anything here."""
    somebody = Credentials(access_key_id=KEY, secret_access_key="unused")
    return {name: operator.client(name[:3], "us-east-1", somebody) for name in ("sts", "iam", "sts in role")}


class Aws:
    """Stubbed clients for the person's own calls and for those with the role; the unexpected fails."""

    def __init__(self) -> None:
        self.person = "Administrator"
        self.stubs = {name: Stubber(client) for name, client in _clients().items()}
        for stub in self.stubs.values():
            stub.activate()

    def client(self, service: str, region: str, credentials: Credentials | None) -> Any:
        assert region == "us-east-1"
        assert credentials is not None
        in_role = credentials.access_key_id.endswith("ROLE")
        return self.stubs["sts in role" if in_role else service].client

    def caller(self, arn: str = USER, account: str = CENTRAL, *, stub: str = "sts") -> "Aws":
        answer = {"Account": account, "Arn": arn, "UserId": "AIDA"}
        self.stubs[stub].add_response("get_caller_identity", answer, {})
        return self

    def devices(self, *serials: str) -> "Aws":
        listed = [
            {"UserName": self.person, "SerialNumber": serial, "EnableDate": "2026-01-01T00:00:00Z"}
            for serial in serials
        ]
        answer = {"MFADevices": listed, "IsTruncated": False}
        self.stubs["iam"].add_response("list_mfa_devices", answer, {"UserName": self.person})
        return self

    def keys(self) -> "Aws":
        self.stubs["iam"].add_response(
            "list_access_keys", {"AccessKeyMetadata": []}, {"UserName": self.person}
        )
        return self

    def assumes(self) -> "Aws":
        """The session is named after the person, whatever the role asks."""
        answer = {
            "AccessKeyId": "ASIAIOSFODNN7ROLE",
            "SecretAccessKey": "unused",
            "SessionToken": "unused",
            "Expiration": "2026-01-31T12:15:00Z",
        }
        wanted = {"RoleArn": ROLE, "RoleSessionName": "Administrator", "DurationSeconds": 900}
        self.stubs["sts"].add_response("assume_role", {"Credentials": answer}, wanted)
        return self

    def refuses(self, call: str, code: str, words: str = "no", *, stub: str = "sts") -> "Aws":
        self.stubs[stub].add_client_error(call, code, words)
        return self


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the shipped stack files, which a test may change."""
    for name in ("Pulumi.yaml", "Pulumi.central.yaml", "Pulumi.dev.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def shell(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a session in it; no file of the machine's own is read."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "VAULT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(project / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(project / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SESSION_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)


@pytest.fixture
def aws() -> Iterator[Aws]:
    made = Aws()
    yield made
    for stub in made.stubs.values():
        stub.deactivate()
    for stub in made.stubs.values():
        stub.assert_no_pending_responses()


@pytest.fixture
def reported(aws: Aws, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What is printed on the way, which must end with `status`; no secret is ever part of it."""

    def walk(*arguments: str, status: int = IN_THE_WAY) -> str:
        ended = run(**options(list(arguments or TO_THE_ROLE)), make_client=aws.client)
        printed = "".join(capsys.readouterr())
        assert ended == status, printed
        assert SECRET not in printed
        assert TOKEN not in printed
        return printed

    return walk


Reported = Callable[..., str]


def edit(project: Path, stack: str, old: str, new: str) -> None:
    file = project / f"Pulumi.{stack}.yaml"
    assert file.read_text().count(old) == 1
    file.write_text(file.read_text().replace(old, new))


def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)


def with_mfa(aws: Aws) -> Aws:
    return aws.caller().devices(TOTP).keys()


# --- The whole way


def test_the_whole_way(aws: Aws, reported: Reported) -> None:
    with_mfa(aws).assumes().caller(f"{ROLE}/Administrator", DEV, stub="sts in role")
    printed = reported(status=WELL)
    assert [line.split()[0] for line in printed.splitlines()] == ["✓"] * 6


def test_what_comes_after_the_first_failure_is_not_asked(aws: Aws, reported: Reported) -> None:
    aws.caller().devices()
    printed = reported()
    assert [line[0] for line in printed.splitlines() if not line.startswith("  Fix")] == [*"✓✓✗---"]


def test_the_json_file_has_each_step_with_its_fix(aws: Aws, reported: Reported, tmp_path: Path) -> None:
    aws.caller().devices()
    reported(*TO_THE_ROLE, "--json", str(tmp_path / "doctor.json"))
    report = json.loads((tmp_path / "doctor.json").read_text())
    assert (report["person"], report["stack"], report["role"]) == ("Administrator", "dev", "test_role")
    results = [step["result"] for step in report["steps"]]
    assert results == ["passed", "passed", "failed", "not looked at", "not looked at", "not looked at"]
    assert report["steps"][2]["fix"]


# --- Credentials


def test_no_credentials(reported: Reported, monkeypatch: pytest.MonkeyPatch) -> None:
    no_keys(monkeypatch)
    printed = reported()
    assert "There are no AWS credentials, neither in the environment nor in the files" in printed
    assert "Fix: Make an access key in the console" in printed


def test_a_profile_that_does_not_exist(reported: Reported, monkeypatch: pytest.MonkeyPatch) -> None:
    no_keys(monkeypatch)
    monkeypatch.setenv("AWS_PROFILE", "centrall")
    printed = reported()
    assert "The config profile (centrall) could not be found" in printed
    assert "export AWS_PROFILE=central" in printed
    assert "iam-hardening client-config --person Administrator --device your-device prints it" in printed


def test_the_profile_of_a_role_is_no_beginning_and_is_not_tried(
    reported: Reported, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_keys(monkeypatch)
    (project / "config").write_text(
        f"[profile central]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
        f"[profile dev-test_role]\nrole_arn = {ROLE}\nsource_profile = central\nmfa_serial = {TOTP}\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "dev-test_role")
    assert "The profile dev-test_role is a role's." in reported()


def test_a_roles_profile_without_the_session_that_it_starts_from(
    reported: Reported, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_keys(monkeypatch)
    (project / "config").write_text(
        f"[profile dev-test_role]\nrole_arn = {ROLE}\ncredential_source = Environment\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "dev-test_role")
    assert "✗ AWS credentials" in reported()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("AWS_PROFILE", "centrall", "The config profile (centrall) could not be found"),
        ("AWS_ENDPOINT_URL", "nowhere", "Invalid endpoint: nowhere"),
    ],
)
def test_a_configuration_that_lets_no_call_be_made(
    name: str, value: str, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real maker of clients, and keys in the environment."""
    monkeypatch.setenv(name, value)
    assert run(**options([*WHO])) == IN_THE_WAY
    assert words in capsys.readouterr().out


def test_a_secret_that_is_missing(reported: Reported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY" in reported()


def test_a_sessions_key_without_its_token(reported: Reported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    assert f"{SESSION_KEY} is the key of a session, and its session token is not there" in reported()


def test_where_the_credentials_come_from_is_reported(
    aws: Aws, reported: Reported, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment wins over a profile that was chosen, which surprises people."""
    (project / "credentials").write_text(
        f"[central]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "central")
    aws.caller().devices()
    assert f"{SESSION_KEY}, from the environment (AWS_PROFILE is set as well and does not count" in reported()
    no_keys(monkeypatch)
    aws.caller().devices()
    assert f"{KEY}, from the credentials file, profile central" in reported()


# --- Whose


@pytest.mark.parametrize(
    ("code", "words", "sentence", "fix"),
    [
        ("InvalidClientTokenId", "", "It was deleted or set inactive", "make a new one there"),
        ("ExpiredToken", "", "their time is over", "iam-hardening client-config --person Administrator"),
        ("SignatureDoesNotMatch", "The request signature", "does not belong to this", "aws configure"),
        ("SignatureDoesNotMatch", "Signature expired: 2026", "clock is off", "date -u"),
        ("SignatureDoesNotMatch", "Signature not yet current: 2026", "clock is off", "date -u"),
        ("RequestExpired", "", "clock is off", "timedatectl"),
        ("Throttling", "Rate exceeded", "Whose these are failed: Rate exceeded", ""),
    ],
)
def test_what_aws_says_of_the_key(
    aws: Aws, reported: Reported, code: str, words: str, sentence: str, fix: str
) -> None:
    aws.refuses("get_caller_identity", code, words)
    printed = reported()
    assert sentence in printed
    assert fix in printed


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://sts.nowhere-1.amazonaws.com"),
        ConnectTimeoutError(endpoint_url="https://sts.nowhere-1.amazonaws.com"),
    ],
)
def test_aws_cannot_be_reached(
    aws: Aws, reported: Reported, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise error

    monkeypatch.setattr(aws.stubs["sts"].client, "get_caller_identity", fails)
    printed = reported()
    assert "Whose these are: AWS does not answer." in printed
    assert "sts.nowhere-1.amazonaws.com" in printed
    assert "HTTPS_PROXY" in printed


@pytest.mark.parametrize(
    ("arn", "account", "sentence"),
    [
        (f"arn:aws:iam::{CENTRAL}:root", CENTRAL, "These are the root user's of 111111111111."),
        (f"arn:aws:iam::{DEV}:user/Administrator", DEV, "These are of the account 222222222222"),
        (f"arn:aws:sts::{CENTRAL}:assumed-role/support/x", CENTRAL, "This is a session of something else"),
        (f"arn:aws:sts::{CENTRAL}:federated-user/x", CENTRAL, "This is a session of something else"),
        (f"arn:aws:iam::{CENTRAL}:user/Auditor", CENTRAL, "Or did you mean --person Auditor?"),
        (f"arn:aws:iam::{CENTRAL}:user/mallory", CENTRAL, "Pulumi.central.yaml does not know mallory."),
        (
            f"arn:aws:iam::{CENTRAL}:user/old/Administrator",
            CENTRAL,
            f"The user is arn:aws:iam::{CENTRAL}:user/old/Administrator; the stack file says {USER}",
        ),
    ],
)
def test_credentials_that_are_not_the_persons_own(
    aws: Aws, reported: Reported, arn: str, account: str, sentence: str
) -> None:
    aws.caller(arn, account)
    printed = reported()
    assert "✗ whose" in printed
    assert sentence in printed
    assert "Fix: " in printed


# --- The device and its session


def test_no_device(aws: Aws, reported: Reported) -> None:
    aws.caller().devices()
    printed = reported()
    assert "There is no MFA device" in printed
    assert "Assign MFA device, Authenticator app" in printed
    assert "marks you as new" not in printed


def test_no_device_where_onboarding_is_strict(aws: Aws, reported: Reported, project: Path) -> None:
    edit(
        project,
        "central",
        "iam-hardening:accountKind: central",
        "iam-hardening:accountKind: central\n  iam-hardening:onboarding: strict",
    )
    aws.caller().devices()
    assert "Before that an administrator marks you as new: aws iam tag-user" in reported()


def test_a_passkey_alone_cannot_be_used_on_the_command_line(aws: Aws, reported: Reported) -> None:
    aws.caller().devices(PASSKEY)
    printed = reported()
    assert f"There are only passkeys or security keys ({PASSKEY})" in printed
    assert "the six digits of an authenticator app (TOTP)" in printed


@pytest.mark.parametrize(
    ("serials", "found"), [((PASSKEY, TOTP), f"{TOTP} (and a passkey"), (("GAHT12345678",), "GAHT12345678")]
)
def test_an_app_beside_a_passkey_and_a_hardware_token_can(
    aws: Aws, reported: Reported, serials: tuple[str, ...], found: str
) -> None:
    aws.caller().devices(*serials).keys()
    assert found in reported(*WHO, status=WELL)


def test_a_key_that_may_not_even_list_the_own_devices(
    aws: Aws, reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    aws.caller().refuses("list_mfa_devices", "AccessDenied", "an explicit deny", stub="iam")
    printed = reported()
    assert "Listing your MFA devices failed: an explicit deny" in printed
    assert "iam-hardening verify --stack central" in printed


def test_a_session_that_iam_answers_nothing_was_made_without_a_code(aws: Aws, reported: Reported) -> None:
    aws.caller().refuses("list_mfa_devices", "AccessDenied", "without MFA", stub="iam")
    printed = reported()
    assert "This session was made without an MFA code" in printed
    assert "--device your-device prints the commands" in printed


def test_a_long_term_key_takes_a_session(
    aws: Aws, reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_keys(monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    aws.caller().devices(TOTP)
    printed = reported()
    assert "This is a long-term access key" in printed
    assert (
        "Fix: iam-hardening client-config --person Administrator --device phone prints the commands"
        in printed
    )
    aws.caller().devices("GAHT12345678")
    assert "aws sts get-session-token --profile central --serial-number GAHT12345678" in reported()


def test_a_session_without_a_code(aws: Aws, reported: Reported) -> None:
    aws.caller().devices(TOTP).refuses("list_access_keys", "AccessDenied", "an explicit deny", stub="iam")
    assert "This session was made without an MFA code" in reported()


def test_a_refusal_that_is_not_the_walls_is_not_taken_for_missing_mfa(aws: Aws, reported: Reported) -> None:
    words = "with an explicit deny in a service control policy"
    aws.caller().devices(TOTP).refuses("list_access_keys", "AccessDenied", words, stub="iam")
    printed = reported()
    assert "A policy that is not this project's refuses." in printed
    assert "without an MFA code" not in printed


# --- The role


def refused_role(aws: Aws) -> None:
    with_mfa(aws).refuses("assume_role", "AccessDenied", "not authorized to perform: sts:AssumeRole")


def test_a_role_that_was_not_granted(aws: Aws, reported: Reported) -> None:
    aws.person = "Auditor"
    aws.caller(f"arn:aws:iam::{CENTRAL}:user/Auditor").devices(TOTP).keys()
    aws.refuses("assume_role", "AccessDenied", "not authorized to perform: sts:AssumeRole")
    printed = reported("--person", "Auditor", *TO_THE_ROLE[2:])
    assert "none of the groups Auditors may" in printed
    assert "Add it to mayAssume of a group in Pulumi.central.yaml, then pulumi up --stack central." in printed


def test_what_a_policy_grants_that_is_not_known_here_is_not_claimed_to_be_missing(
    aws: Aws, reported: Reported, project: Path
) -> None:
    aws.person = "Auditor"
    edit(project, "central", "[SecurityAudit]", "[SecurityAudit, PowerUserAccess]")
    aws.caller(f"arn:aws:iam::{CENTRAL}:user/Auditor").devices(TOTP).keys()
    aws.refuses("assume_role", "AccessDenied")
    printed = reported("--person", "Auditor", *TO_THE_ROLE[2:])
    assert "none of the groups" not in printed
    assert "the stack files do not say why" in printed


TRUST = "    test_role:\n"


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            f'      principals: ["arn:aws:iam::{CENTRAL}:user/Auditor"]\n',
            "principals of the role name others",
        ),
        ("      mfaMaxAge: 1h\n", "entered more than 60 minutes ago (mfaMaxAge)"),
        ("", "and the stack files do not say why. The role is not there yet, or something was changed"),
    ],
)
def test_why_a_granted_role_refuses(
    aws: Aws, reported: Reported, project: Path, keys: str, sentence: str
) -> None:
    edit(project, "dev", TRUST, TRUST + keys)
    refused_role(aws)
    assert sentence in reported()


def test_a_role_of_another_central_account(aws: Aws, reported: Reported, project: Path) -> None:
    edit(project, "dev", f'centralAccountId: "{CENTRAL}"', 'centralAccountId: "333333333333"')
    refused_role(aws)
    assert "it trusts the account 333333333333" in reported()


def test_a_third_partys_role_is_not_even_asked_for(aws: Aws, reported: Reported, project: Path) -> None:
    keys = '      trustedAccountId: "333333333333"\n      externalId: agreed-with-them\n'
    edit(project, "dev", TRUST, TRUST + keys)
    with_mfa(aws)
    assert "a role for the third party's account 333333333333" in reported()


def test_the_name_that_a_session_must_have_is_reported(aws: Aws, reported: Reported, project: Path) -> None:
    edit(project, "dev", TRUST, TRUST + "      sessionNameIsUserName: true\n")
    with_mfa(aws).assumes().caller(f"{ROLE}/Administrator", DEV, stub="sts in role")
    assert "the session's name must be Administrator" in reported(status=WELL)


def test_a_role_that_is_in_another_account(aws: Aws, reported: Reported) -> None:
    with_mfa(aws).assumes().caller(account="333333333333", stub="sts in role")
    assert "The role is in the account 333333333333, and not in 222222222222" in reported()


# --- Vault; the rest of it is tested against a live one (tests/rehearsal/test_doctor.py)


def test_a_vault_that_nobody_has_set_up(reported: Reported, monkeypatch: pytest.MonkeyPatch) -> None:
    no_keys(monkeypatch)
    status = {"initialized": False, "sealed": True}
    empty = SimpleNamespace(url="https://v.example", sys=SimpleNamespace(read_seal_status=lambda: status))
    asked: list[tuple[dict[str, str], ...]] = []

    def client(*environment: dict[str, str]) -> Any:
        asked.append(environment)
        return empty

    monkeypatch.setenv("VAULT_NAMESPACE", "team")
    monkeypatch.setattr(vault, "client", client)
    assert "The Vault at https://v.example is not initialised" in reported(
        *WHO, "--stack", "dev", "--vault-role", "test"
    )
    [_, (outside,)] = asked
    assert "VAULT_NAMESPACE" not in outside


# --- What it cannot run with


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--person", "Nobody"), "--person Nobody: no such user; known: Administrator, Auditor"),
        (("--person", ""), "--person : no such user"),
        ((*WHO, "--stack", "prod", "--role", "x"), "--stack prod: no such stack; known: central, dev"),
        ((*WHO, "--stack", "dev"), "--stack goes with --role, --vault-role or both"),
        ((*WHO, "--role", "test_role"), "--stack goes with --role, --vault-role or both"),
        (
            (*WHO, "--stack", "dev", "--role", "x"),
            "--role x: not under crossAccountRoles of dev; known: test_role",
        ),
        (
            (*WHO, "--stack", "dev", "--vault-role", "x"),
            "--vault-role x: not under vault.roles of dev; known: test, debug-instance, verify-data",
        ),
        ((*WHO, "--stack", "central", "--vault-role", "x"), "not under vault.roles of central; known: none"),
        ((*TO_THE_ROLE, "--try"), "--try asks Vault for credentials: give --vault-role as well"),
    ],
)
def test_arguments_that_no_stack_file_has(
    reported: Reported, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in reported(*arguments, status=COULD_NOT)


def test_without_a_central_stack_file_there_are_no_people(reported: Reported, project: Path) -> None:
    (project / "Pulumi.central.yaml").unlink()
    assert "There is no central account's stack file here" in reported(status=COULD_NOT)


def test_a_stack_file_with_mistakes(reported: Reported, project: Path) -> None:
    edit(project, "central", "iam-hardening:users:", "iam-hardening:usres:")
    assert "Pulumi.central.yaml has" in reported(status=COULD_NOT)


def test_the_break_glass_user_works_in_the_console_only(reported: Reported, project: Path) -> None:
    edit(
        project,
        "central",
        "iam-hardening:accountKind: central",
        "iam-hardening:accountKind: central\n  iam-hardening:breakGlass: {user: last-resort}",
    )
    assert "last-resort is the break-glass user" in reported("--person", "last-resort", status=COULD_NOT)
