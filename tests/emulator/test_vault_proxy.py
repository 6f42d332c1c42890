"""What the rehearsal's proxy before Vault replaces, what it gives back, and what it leaves alone.

Vault is an OpenBao with HashiCorp's AWS engine; what it really keeps is read past the proxy.
"""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hvac
import pytest
import requests

from rehearsal import tools
from rehearsal.github_tokens import ISSUER, Issuer
from rehearsal.servers import vault_server
from rehearsal.vault_proxy import Substitutes, vault_proxy

pytestmark = pytest.mark.emulator

AWS = "http://127.0.0.1:4566"
GITHUB = Issuer()
DISCOVERY = {"oidc_discovery_url": ISSUER, "bound_issuer": ISSUER}


@dataclass
class Place:
    direct: hvac.Client
    proxied: hvac.Client
    audit_folder: Path
    address: str

    def kept(self, path: str) -> Any:
        return self.direct.read(path)["data"]

    def shown(self, path: str) -> Any:
        return self.proxied.read(path)["data"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("audit")
    substitutes = Substitutes(aws_endpoint_url=AWS, github_public_key=GITHUB.public_key, audit_folder=folder)
    with (
        vault_server(tmp_path_factory.mktemp("vault"), tools.vault_aws_plugin()) as vault,
        vault_proxy(vault.address, substitutes) as address,
    ):
        clients = [hvac.Client(each, token=vault.token) for each in (vault.address, address)]
        yield Place(clients[0], clients[1], folder, address)


@pytest.fixture
def engine(place: Place) -> Iterator[str]:
    place.direct.sys.enable_secrets_engine("aws", path="team/aws")
    yield "team/aws/config/root"
    place.direct.sys.disable_secrets_engine("team/aws")


@pytest.fixture
def jwt(place: Place) -> Iterator[str]:
    place.direct.sys.enable_auth_method("jwt", path="github")
    yield "auth/github/config"
    place.direct.sys.disable_auth_method("github")


@pytest.mark.parametrize("nothing", [{}, {"iam_endpoint": "", "sts_endpoint": ""}])
def test_an_engine_without_endpoints_reaches_the_emulated_aws_and_does_not_show_it(
    nothing: dict[str, str], place: Place, engine: str
) -> None:
    place.proxied.write_data(engine, data={"access_key": "AKIA1", "secret_key": "s", **nothing})
    kept, shown = place.kept(engine), place.shown(engine)
    assert (kept["iam_endpoint"], kept["sts_endpoint"], kept["access_key"]) == (AWS, AWS, "AKIA1")
    assert (shown["iam_endpoint"], shown["sts_endpoint"], shown["access_key"]) == ("", "", "AKIA1")


def test_an_endpoint_of_the_program_wins_and_is_shown(place: Place, engine: str) -> None:
    for own in ("http://127.0.0.1:1", AWS):
        place.proxied.write_data(engine, data={"iam_endpoint": own})
        assert place.kept(engine)["iam_endpoint"] == own
        assert (place.shown(engine)["iam_endpoint"], place.shown(engine)["sts_endpoint"]) == (own, "")
    place.proxied.write_data(engine, data={})
    assert place.shown(engine)["iam_endpoint"] == ""


def test_what_someone_changes_past_the_proxy_is_shown(place: Place, engine: str) -> None:
    place.proxied.write_data(engine, data={})
    place.direct.write_data(engine, data={"iam_endpoint": "http://127.0.0.1:1"})
    assert place.shown(engine)["iam_endpoint"] == "http://127.0.0.1:1"


def test_an_engine_that_moves_keeps_its_secret(place: Place, engine: str) -> None:
    place.proxied.write_data(engine, data={})
    move(place, "team/aws", "moved/aws")
    try:
        assert place.shown("moved/aws/config/root")["iam_endpoint"] == ""
    finally:
        move(place, "moved/aws", "team/aws")


def move(place: Place, old: str, new: str) -> None:
    """Vault moves a mount after it has answered."""
    place.direct.sys.move_backend(old, new)
    deadline = time.monotonic() + 10
    while f"{new}/" not in place.direct.sys.list_mounted_secrets_engines()["data"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_discovery_url_becomes_the_key_of_the_rehearsals_issuer(place: Place, jwt: str) -> None:
    place.proxied.write_data(jwt, data=DISCOVERY)
    kept, shown = place.kept(jwt), place.shown(jwt)
    assert (kept["oidc_discovery_url"], kept["jwt_validation_pubkeys"]) == ("", [GITHUB.public_key])
    assert (shown["oidc_discovery_url"], shown["jwt_validation_pubkeys"]) == (ISSUER, [])
    assert kept["bound_issuer"] == shown["bound_issuer"] == ISSUER
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["x"]}
    place.proxied.write_data("auth/github/role/deploy", data=role)
    login = place.proxied.auth.jwt.jwt_login
    answer = login("deploy", GITHUB.token({"sub": "repo:a", "aud": "x"}), path="github", use_token=False)
    assert answer["auth"]["client_token"]
    with pytest.raises(hvac.exceptions.VaultError):
        login("deploy", Issuer().token({"sub": "repo:a", "aud": "x"}), path="github", use_token=False)


def test_an_address_of_keys_becomes_the_key_too_and_the_last_one_written_is_shown(
    place: Place, jwt: str
) -> None:
    place.proxied.write_data(jwt, data=DISCOVERY)
    keys = "https://ci.example.com/keys"
    place.proxied.write_data(jwt, data={"jwks_url": keys, "bound_issuer": "https://ci.example.com"})
    kept, shown = place.kept(jwt), place.shown(jwt)
    assert (kept["jwks_url"], kept["jwt_validation_pubkeys"]) == ("", [GITHUB.public_key])
    assert (shown["jwks_url"], shown["oidc_discovery_url"], shown["jwt_validation_pubkeys"]) == (keys, "", [])


def test_an_issuer_on_this_machine_is_asked_by_vault(place: Place, jwt: str) -> None:
    with pytest.raises(hvac.exceptions.VaultError) as refused:
        place.proxied.write_data(jwt, data={"oidc_discovery_url": "http://127.0.0.1:9"})
    assert "127.0.0.1:9" in str(refused.value)


def test_keys_that_a_program_gives_are_left_alone(place: Place, jwt: str) -> None:
    key = Issuer().public_key
    place.proxied.write_data(jwt, data={"jwt_validation_pubkeys": [key]})
    for found in (place.kept(jwt), place.shown(jwt)):
        assert (found["oidc_discovery_url"], found["jwt_validation_pubkeys"]) == ("", [key])


def test_an_audit_device_writes_into_the_folder_and_shows_the_programs_file(place: Place) -> None:
    file = "/nowhere/on/this/machine/vault-audit.log"
    place.proxied.sys.enable_audit_device("file", path="main", options={"file_path": file})
    try:
        ours = place.audit_folder / "vault-audit.log"
        listed = place.proxied.sys.list_enabled_audit_devices()
        for devices in (listed, listed["data"]):
            assert devices["main/"]["options"]["file_path"] == file
        kept = place.direct.sys.list_enabled_audit_devices()["data"]["main/"]["options"]["file_path"]
        assert kept == str(ours)
        assert "sys/audit" in ours.read_text()
        assert not Path("/nowhere").exists()
    finally:
        place.proxied.sys.disable_audit_device("main")


def test_all_else_passes_with_its_status_and_its_words(place: Place) -> None:
    for client in (place.direct, place.proxied):
        assert client.sys.is_initialized()
        assert "root" in client.list("sys/policies/acl")["data"]["keys"]
        with pytest.raises(hvac.exceptions.InvalidRequest) as refused:
            client.write_data("sys/mounts/x", data={"type": "no-such-engine"})
        assert "no-such-engine" in str(refused.value)
        with pytest.raises(hvac.exceptions.Forbidden):
            hvac.Client(client.url, token="wrong").read("sys/mounts")
    place.proxied.sys.create_or_update_policy("mine", 'path "a" { capabilities = ["read"] }')
    assert "capabilities" in place.direct.sys.read_policy("mine")["data"]["rules"]
    place.proxied.sys.delete_policy("mine")
    assert requests.head(f"{place.address}/v1/sys/health", timeout=5).status_code == 200
    assert requests.get(f"{place.address}/v1/sys/no-such", timeout=5).status_code in (403, 404)


def test_a_vault_that_is_down_is_said_to_be(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    substitutes = Substitutes(aws_endpoint_url=AWS, github_public_key="", audit_folder=tmp_path)
    with vault_proxy(gone, substitutes) as address:
        answer = requests.get(f"{address}/v1/sys/health", timeout=5)
    assert answer.status_code == 502
    assert f"{gone.removeprefix('http://')} does not answer" in answer.json()["errors"][0]
