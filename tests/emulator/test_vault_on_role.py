"""A Vault without a key: it runs on a role, and issues, assumes and takes back with that role's credentials.

A live server and the emulated AWS, with the program's own policies for the role, the boundary and the trust.
The credentials come the way a container gets them; on an instance they come from its metadata service, of
which Vault's AWS SDK knows one address only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hvac
import pytest
import requests

from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.aws.policies import vault as vault_policies
from iam_hardening.aws.policies import vault_boundary
from rehearsal import tools
from rehearsal.servers import EmulatedAws, VaultServer, emulated_aws, vault_server
from tests.emulator.cloud import ALLOWED, Account, Credentials, Principal, document, trust, verdict

pytestmark = pytest.mark.emulator

DEV, ROLE = "222222222222", "vault-server"
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ASSUMED = f"arn:aws:iam::{DEV}:role/vault-aws-verify-data"
TAGS = {"team": "data"}


@dataclass(frozen=True)
class Place:
    aws: EmulatedAws
    server: VaultServer
    account: Account

    @property
    def vault(self) -> hvac.Client:
        return hvac.Client(self.server.address, token=self.server.token)

    def issue(self, role: str) -> tuple[str, Principal]:
        answer: Any = self.vault.read(f"aws/creds/{role}")
        data = answer["data"]
        token = data.get("security_token")
        key = Credentials(data["access_key"], data["secret_key"], token)
        return answer["lease_id"], Principal(self.aws.endpoint_url, key)

    def users(self) -> list[str]:
        return [user["UserName"] for user in self.account.iam.list_users(PathPrefix="/vault/")["Users"]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("role")
    with emulated_aws(folder / "aws") as aws:
        url = aws.role_credentials_url(DEV, ROLE)
        with vault_server(folder / "vault", tools.vault_aws_plugin(), role_credentials_url=url) as server:
            made = Place(aws, server, Account(aws.endpoint_url, Credentials(DEV, "unused"), DEV))
            _set_up(made)
            yield made


def _set_up(place: Place) -> None:
    account, endpoint = place.account, place.aws.endpoint_url
    boundary = account.policy("vault-issued-user-boundary", vault_boundary.vault_issued_user_boundary())
    own = vault_policies.vault_principal(
        "aws",
        DEV,
        boundary_arn=boundary,
        attachable_policy_arns=[S3],
        assumable_role_arns=[ASSUMED],
        taggable_role_arns=[ASSUMED],
    )
    role_arn = account.role(ROLE, roles_policies.trust_ec2("aws"), own)
    account.role(
        ASSUMED.rsplit("/", 1)[-1],
        vault_policies.trust_vault(role_arn, external_id="agreed", session_tags=TAGS),
        PermissionsBoundary=boundary,
    )
    account.iam.attach_role_policy(RoleName=ASSUMED.rsplit("/", 1)[-1], PolicyArn=S3)
    account.role("for-people", trust(account.root_arn))
    vault = place.vault
    vault.sys.enable_secrets_engine("aws", config={"default_lease_ttl": "30m", "max_lease_ttl": "1h"})
    where = {"region": "us-east-1", "iam_endpoint": endpoint, "sts_endpoint": endpoint}
    vault.write_data("aws/config/root", data=where)
    issued = {"credential_type": "iam_user", "policy_arns": [S3], "user_path": "/vault/"}
    vault.write_data("aws/roles/test", data=issued | {"permissions_boundary_arn": boundary})
    vault.write_data("aws/roles/unbounded", data=issued)
    session: dict[str, Any] = {
        "credential_type": "assumed_role",
        "role_arns": [ASSUMED],
        "default_sts_ttl": "15m",
    }
    session |= {"external_id": "agreed", "session_tags": TAGS}
    vault.write_data("aws/roles/verify-data", data=session)


def test_it_issues_a_user_and_takes_it_back(place: Place) -> None:
    lease, user = place.issue("test")
    assert verdict(user.client("s3").list_buckets) == ALLOWED
    assert len(place.users()) == 1
    place.vault.sys.revoke_lease(lease)
    assert place.users() == []
    assert verdict(user.client("s3").list_buckets) != ALLOWED


def test_it_assumes_the_role_that_trusts_its_own(place: Place) -> None:
    _, session = place.issue("verify-data")
    assert f":assumed-role/{ASSUMED.rsplit('/', 1)[-1]}/" in session.sts.get_caller_identity()["Arn"]
    assert verdict(session.client("s3").list_buckets) == ALLOWED


def test_it_makes_no_user_without_the_boundary(place: Place) -> None:
    with pytest.raises(hvac.exceptions.VaultError, match="not authorized to perform: iam:CreateUser"):
        place.vault.read("aws/creds/unbounded")
    assert place.users() == []


def test_nobody_else_of_the_account_gets_the_role_that_trusts_it(place: Place) -> None:
    everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    administrator = place.account.user("Administrator", everything)
    options = {"RoleArn": ASSUMED, "RoleSessionName": "anybody", "ExternalId": "agreed"}
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    assert verdict(administrator.sts.assume_role, **options, Tags=tags) == "AccessDenied"


def test_the_role_gives_no_session_longer_than_an_hour(place: Place) -> None:
    """Role chaining. The program refuses such a ttl when it loads the file."""
    place.account.iam.update_role(RoleName=ASSUMED.rsplit("/", 1)[-1], MaxSessionDuration=7200)
    place.vault.sys.tune_mount_configuration("aws", max_lease_ttl="2h")
    with pytest.raises(hvac.exceptions.VaultError, match="exceeds the 1 hour session limit for roles"):
        place.vault.read("aws/sts/verify-data?ttl=90m")
    place.vault.sys.tune_mount_configuration("aws", max_lease_ttl="1h")


def test_only_a_role_that_instances_may_have_is_handed_out(place: Place) -> None:
    for name in ("for-people", "nonesuch"):
        assert not requests.get(place.aws.role_credentials_url(DEV, name), timeout=10).ok


def test_after_a_restart_it_finds_its_role_again(place: Place) -> None:
    lease, _ = place.issue("test")
    place.server.stop()
    place.server.start()
    place.vault.sys.revoke_lease(lease)
    assert place.users() == []
