"""`iam-hardening doctor` on deployed stacks: the whole way is green, and broken at each step it names that
step."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import hvac
import pytest

from iam_hardening.clients.aws import Credentials, Session
from iam_hardening.commands.doctor.run import COULD_NOT, IN_THE_WAY, WELL, run
from rehearsal import tools
from rehearsal.authenticator import Authenticator
from rehearsal.project import Project
from rehearsal.servers import vault_server
from rehearsal.testbed import FAKE_PROVIDERS, Testbed, enrol, running_testbed
from tests.options import options

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]
CENTRAL, DEV = "111111111111", "222222222222"
TO_THE_ROLE = ("--person", "Administrator", "--stack", "dev", "--role", "test_role")
TO_VAULT = ("--person", "Administrator", "--stack", "dev", "--vault-role", "test")


@dataclass(frozen=True)
class Person:
    """A user with an access key, and the device where there is one."""

    key: Session
    device: Authenticator | None

    def session(self) -> Credentials:
        """With a code where there is a device."""
        code = (
            {"SerialNumber": self.device.serial_number, "TokenCode": self.device.code()}
            if self.device
            else {}
        )
        return Credentials.of(self.key.client("sts").get_session_token(**code)["Credentials"])

    def session_without_a_code(self) -> Credentials:
        return Credentials.of(self.key.client("sts").get_session_token()["Credentials"])


def person(testbed: Testbed, name: str, *, enrolled: bool) -> Person:
    admin = testbed.accounts["central"].admin
    key = admin.client("iam").create_access_key(UserName=name)["AccessKey"]
    return Person(admin.with_credentials(Credentials.of(key)), enrol(admin, name) if enrolled else None)


@pytest.fixture(scope="module")
def testbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    project = Project.find(ROOT, ROOT / "examples" / "hardened")
    with running_testbed(project, tmp_path_factory.mktemp("testbed"), providers=FAKE_PROVIDERS) as deployed:
        for account in deployed.accounts.values():
            account.stack.up()
        yield deployed


@pytest.fixture(scope="module")
def administrator(testbed: Testbed) -> Person:
    return person(testbed, "Administrator", enrolled=True)


@pytest.fixture(scope="module")
def auditor(testbed: Testbed) -> Person:
    """Has not enrolled yet."""
    return person(testbed, "Auditor", enrolled=False)


As = Callable[[Credentials | None], None]


@pytest.fixture
def using(testbed: Testbed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> As:
    """A shell of someone's own, with these credentials in it and nothing else."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "VAULT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(testbed.directory / "project")
    for name, value in {
        "AWS_ENDPOINT_URL": testbed.endpoint_url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "VAULT_ADDR": testbed.vault_address,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
        "COLUMNS": "400",
    }.items():
        monkeypatch.setenv(name, value)

    def use(credentials: Credentials | None) -> None:
        if credentials:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key_id)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key)
            if credentials.session_token:
                monkeypatch.setenv("AWS_SESSION_TOKEN", credentials.session_token)

    return use


@pytest.fixture
def walked(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str], str]]:
    """Exit status, the marks with their steps' names, and all that was printed; never a secret in it."""

    def walk(*arguments: str) -> tuple[int, list[str], str]:
        status = run(**options(list(arguments)))
        printed = "".join(capsys.readouterr())
        for secret in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "VAULT_TOKEN"):
            assert os.environ.get(secret, "no such text") not in printed
        steps = [
            " ".join(line.split("  ")[0].split()) for line in printed.splitlines() if line[:2] in ("✓ ", "✗ ")
        ]
        return status, steps, printed

    return walk


Walked = Callable[..., tuple[int, list[str], str]]


def vault_token(testbed: Testbed, *policies: str, ttl: str = "2h") -> str:
    made = testbed.vault().auth.token.create(policies=list(policies), ttl=ttl, display_name="ada")
    return str(made["auth"]["client_token"])


def vault_users(testbed: Testbed) -> list[str]:
    users = testbed.accounts["dev"].admin.client("iam").list_users(PathPrefix="/vault/")["Users"]
    return [user["UserName"] for user in users]


def test_the_whole_way_is_green_and_leaves_nothing_behind(
    testbed: Testbed, administrator: Person, using: As, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    using(administrator.session())
    testbed.vault().sys.create_or_update_policy(
        "revoker", 'path "sys/leases/revoke" { capabilities = ["update"] }'
    )
    monkeypatch.setenv("VAULT_TOKEN", vault_token(testbed, "aws-test", "revoker"))
    before = vault_users(testbed)
    status, steps, printed = walked(*TO_THE_ROLE, "--vault-role", "test", "--try")
    assert (status, steps) == (
        WELL,
        [
            "✓ AWS credentials",
            "✓ whose",
            "✓ MFA device",
            "✓ MFA session",
            "✓ role",
            "✓ right account",
            "✓ Vault",
            "✓ Vault token",
            "✓ Vault policy",
            "✓ Vault's credentials",
        ],
    ), printed
    assert "from the environment" in printed
    assert f"arn:aws:sts::{DEV}:assumed-role/test_role/Administrator" in printed
    assert re.search(rf"AWS takes arn:aws:iam::{DEV}:user/vault/vault-\S+; revoked again", printed)
    assert vault_users(testbed) == before


def test_without_a_role_the_way_ends_in_the_central_account(
    administrator: Person, using: As, walked: Walked
) -> None:
    using(administrator.session())
    status, steps, _ = walked("--person", "Administrator")
    assert (status, steps[-1]) == (WELL, "✓ MFA session")


def test_what_may_not_be_revoked_is_kept_for_make_jit_and_asked_for_once(
    testbed: Testbed, using: As, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    using(None)
    monkeypatch.setenv("VAULT_TOKEN", vault_token(testbed, "aws-test"))
    before = set(vault_users(testbed))
    for _ in range(2):
        _, steps, printed = walked(*TO_VAULT, "--try")
        assert "✓ Vault's credentials" in steps
        assert "iam-hardening jit issue uses them, and they end in 30 minutes" in printed
    assert len(set(vault_users(testbed)) - before) == 1


def test_a_session_of_vaults_ends_by_itself(
    testbed: Testbed, using: As, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    using(None)
    monkeypatch.setenv("VAULT_TOKEN", vault_token(testbed, "aws-verify-data"))
    _, _, printed = walked(*TO_VAULT[:-1], "verify-data", "--try")
    assert "a session, which ends in 15 minutes" in printed


def test_no_key(using: As, walked: Walked) -> None:
    using(None)
    status, steps, printed = walked(*TO_THE_ROLE)
    assert (status, steps) == (IN_THE_WAY, ["✗ AWS credentials"])
    assert "There are no AWS credentials" in printed
    assert "aws configure --profile central" in printed
    assert printed.count("not looked at") == 5


def test_a_deleted_key_a_wrong_secret_and_an_inactive_one(
    testbed: Testbed, using: As, walked: Walked
) -> None:
    iam = testbed.accounts["central"].admin.client("iam")
    key = iam.create_access_key(UserName="Administrator")["AccessKey"]
    wrong = Credentials(access_key_id=key["AccessKeyId"], secret_access_key="wrong" * 8)
    using(wrong)
    _, steps, printed = walked(*TO_THE_ROLE)
    assert steps[-1] == "✗ whose"
    assert "the secret does not belong to this access key (SignatureDoesNotMatch)" in printed
    using(Credentials.of(key))
    iam.update_access_key(UserName="Administrator", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert "It was deleted or set inactive" in walked(*TO_THE_ROLE)[2]
    iam.delete_access_key(UserName="Administrator", AccessKeyId=key["AccessKeyId"])
    assert "does not take this access key (InvalidClientTokenId)" in walked(*TO_THE_ROLE)[2]


def test_somebody_elses_key(testbed: Testbed, auditor: Person, using: As, walked: Walked) -> None:
    using(auditor.key.credentials)
    assert "These are Auditor's, not Administrator's." in walked(*TO_THE_ROLE)[2]
    using(testbed.accounts["central"].admin.credentials)
    assert "does not know bootstrap-administrator" in walked(*TO_THE_ROLE)[2]


def test_the_wrong_account_and_its_root_user(testbed: Testbed, using: As, walked: Walked) -> None:
    using(testbed.accounts["dev"].admin.credentials)
    status, steps, printed = walked(*TO_THE_ROLE)
    assert (status, steps[-1]) == (IN_THE_WAY, "✗ whose")
    assert f"of the account {DEV}" in printed
    assert f"is a user of {CENTRAL}, stack central" in printed
    using(testbed.accounts["central"].root.credentials)
    assert "These are the root user's" in walked(*TO_THE_ROLE)[2]


def test_a_session_of_a_role_is_no_beginning(
    testbed: Testbed, administrator: Person, using: As, walked: Walked
) -> None:
    sts = testbed.accounts["central"].admin.with_credentials(administrator.session()).client("sts")
    answer = sts.assume_role(
        RoleArn=f"arn:aws:iam::{CENTRAL}:role/security-audit", RoleSessionName="Administrator"
    )
    using(Credentials.of(answer["Credentials"]))
    assert "This is a session of something else: arn:aws:sts::" in walked(*TO_THE_ROLE)[2]


def test_no_mfa_device(auditor: Person, using: As, walked: Walked) -> None:
    using(auditor.key.credentials)
    status, steps, printed = walked("--person", "Auditor", "--stack", "dev", "--role", "security-audit")
    assert (status, steps[-1]) == (IN_THE_WAY, "✗ MFA device")
    assert "There is no MFA device" in printed
    assert "an administrator marks you as new" in printed


def test_a_session_without_a_code(administrator: Person, using: As, walked: Walked) -> None:
    """IAM answers it nothing, so that the step before it ends the way."""
    using(administrator.session_without_a_code())
    status, steps, printed = walked(*TO_THE_ROLE)
    assert (status, steps[-1]) == (IN_THE_WAY, "✗ MFA device")
    assert "This session was made without an MFA code" in printed
    assert (
        "iam-hardening client-config --person Administrator --device your-device prints the commands"
        in printed
    )


def test_a_long_term_key_is_no_session(administrator: Person, using: As, walked: Walked) -> None:
    using(administrator.key.credentials)
    _, steps, printed = walked(*TO_THE_ROLE)
    assert steps[-1] == "✗ MFA session"
    assert "This is a long-term access key" in printed
    assert (
        "iam-hardening client-config --person Administrator --device Administrator prints the commands"
        in printed
    )


def test_a_role_that_the_groups_were_not_granted(testbed: Testbed, using: As, walked: Walked) -> None:
    admin = testbed.accounts["central"].admin
    late = person(testbed, "Auditor", enrolled=True)
    using(late.session())
    try:
        status, steps, printed = walked("--person", "Auditor", "--stack", "dev", "--role", "test_role")
        assert (status, steps[-1]) == (IN_THE_WAY, "✗ role")
        assert "none of the groups Auditors may" in printed
        assert "mayAssume of a group in Pulumi.central.yaml, then pulumi up --stack central" in printed
        granted = walked("--person", "Auditor", "--stack", "dev", "--role", "security-audit")
        assert granted[0] == WELL
    finally:
        assert late.device
        iam = admin.client("iam")
        iam.deactivate_mfa_device(UserName="Auditor", SerialNumber=late.device.serial_number)
        iam.delete_virtual_mfa_device(SerialNumber=late.device.serial_number)


def test_an_mfa_code_that_is_too_old(
    testbed: Testbed, administrator: Person, using: As, walked: Walked
) -> None:
    using(administrator.session())
    testbed.make_mfa_older(3600)
    try:
        _, steps, printed = walked(*TO_THE_ROLE)
    finally:
        testbed.make_mfa_older(0)
    assert steps[-1] == "✗ role"
    assert "entered more than 60 minutes ago (mfaMaxAge)" in printed


def test_a_third_partys_role_and_one_that_was_taken_away_by_hand(
    testbed: Testbed, administrator: Person, using: As, walked: Walked
) -> None:
    using(administrator.session())
    _, steps, printed = walked(*TO_THE_ROLE[:-1], "third_party_role")
    assert steps[-1] == "✗ role"
    assert "no person here assumes it" in printed
    iam = testbed.accounts["dev"].admin.client("iam")
    trust = iam.get_role(RoleName="bounded_role")["Role"]["AssumeRolePolicyDocument"]
    closed = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "No", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
            ],
        }
    )
    iam.update_assume_role_policy(RoleName="bounded_role", PolicyDocument=closed)
    try:
        assert "something was changed by hand" in walked(*TO_THE_ROLE[:-1], "bounded_role")[2]
    finally:
        iam.update_assume_role_policy(RoleName="bounded_role", PolicyDocument=json.dumps(trust))


def test_vault_without_an_address_a_token_or_a_server(
    using: As, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    using(None)
    assert "There is no Vault token" in walked(*TO_VAULT)[2]
    monkeypatch.setenv("VAULT_TOKEN", "s.of-nobody")
    status, steps, printed = walked(*TO_VAULT)
    assert (status, steps[-1]) == (IN_THE_WAY, "✗ Vault token")
    assert "is not valid or has expired: log in again" in printed
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    assert walked(*TO_VAULT)[1][-1] == "✗ Vault"
    monkeypatch.delenv("VAULT_ADDR")
    assert "VAULT_ADDR is not set" in walked(*TO_VAULT)[2]


def test_vault_is_looked_at_though_aws_was_not_reached(
    testbed: Testbed, using: As, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    using(None)
    monkeypatch.setenv("VAULT_TOKEN", vault_token(testbed, "aws-test"))
    status, steps, _ = walked(*TO_VAULT)
    assert (status, steps) == (
        IN_THE_WAY,
        ["✗ AWS credentials", "✓ Vault", "✓ Vault token", "✓ Vault policy"],
    )


def test_a_vault_token_that_is_shorter_than_its_lease_or_has_not_the_policy(
    testbed: Testbed, using: As, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    using(None)
    monkeypatch.setenv("VAULT_TOKEN", vault_token(testbed, "aws-test", ttl="10m"))
    _, steps, printed = walked(*TO_VAULT)
    assert steps[-1] == "✗ Vault token"
    assert "and a lease of test runs 30: it would end with the token" in printed
    assert "vault login -method=userpass -path=people" in printed
    monkeypatch.setenv("VAULT_TOKEN", vault_token(testbed, "aws-debug-instance"))
    _, steps, printed = walked(*TO_VAULT)
    assert steps[-1] == "✗ Vault policy"
    assert "may not read aws/creds/test; its policies are aws-debug-instance, default" in printed
    assert "the policy aws-test comes with it" in printed


def test_a_sealed_vault(using: As, walked: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    using(None)
    with vault_server(tmp_path / "vault", tools.vault_aws_plugin()) as other:
        hvac.Client(other.address, token=other.token).sys.seal()
        monkeypatch.setenv("VAULT_ADDR", other.address)
        monkeypatch.setenv("VAULT_TOKEN", other.token)
        _, steps, printed = walked(*TO_VAULT)
    assert steps[-1] == "✗ Vault"
    assert f"The Vault at {other.address} is sealed" in printed
    assert "vault operator unseal" in printed


def test_a_mount_of_another_account_is_reported_and_the_lease_is_given_back(
    testbed: Testbed, using: As, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    using(None)
    monkeypatch.setenv("VAULT_TOKEN", testbed.vault_token)
    file = Path("Pulumi.dev.yaml")
    ours = file.read_text()
    file.write_text(ours.replace(f'"{DEV}"', '"444444444444"').replace(DEV, "444444444444"))
    before = vault_users(testbed)
    try:
        _, steps, printed = walked(*TO_VAULT, "--try")
    finally:
        file.write_text(ours)
    assert steps[-1] == "✗ Vault's credentials"
    assert f"Vault's mount aws is of the account {DEV}; the stack dev is 444444444444" in printed
    assert vault_users(testbed) == before


def test_credentials_that_cannot_be_tried_are_reported(
    testbed: Testbed, using: As, walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile that is not there lets AWS's libraries make no call, whoever's keys it is with."""
    using(None)
    monkeypatch.setenv("VAULT_TOKEN", testbed.vault_token)
    monkeypatch.setenv("AWS_PROFILE", "centrall")
    _, steps, printed = walked(*TO_VAULT, "--try")
    assert steps[-1] == "✗ Vault's credentials"
    assert "AWS's libraries refuse their configuration: The config profile (centrall)" in printed


def test_a_role_in_the_central_account_itself(administrator: Person, using: As, walked: Walked) -> None:
    using(administrator.session())
    status, steps, _ = walked("--person", "Administrator", "--stack", "central", "--role", "security-audit")
    assert (status, steps[-1]) == (WELL, "✓ right account")


def test_the_break_glass_user_has_no_way_here(using: As, walked: Walked) -> None:
    using(None)
    status, _, printed = walked("--person", "break-glass")
    assert status == COULD_NOT
    assert "docs/break-glass.md" in printed
