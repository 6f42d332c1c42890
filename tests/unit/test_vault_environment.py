"""Vault's environment variables and a Vault that cannot be reached: what is obeyed, and the sentence
otherwise."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import hvac
import pytest
import trustme

from iam_hardening import config
from iam_hardening.clients import vault
from iam_hardening.clients.operator import CannotError
from iam_hardening.clients.vault_environment import connection, of_stack
from tests.stack_files import PROJECT, ROOT, config_of


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"data": {"namespace": self.headers.get("X-Vault-Namespace")}})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that refuses the certificate is what these tests are about."""


@dataclass
class Tls:
    """A server with a certificate of an authority that no one knows; `folder` has the authority's files."""

    port: int
    folder: Path

    def read(self, host: str = "localhost", scheme: str = "https", **environment: str) -> object:
        client = vault.client(
            {"VAULT_ADDR": f"{scheme}://{host}:{self.port}", "VAULT_TOKEN": "t", **environment}
        )
        return vault.asking(client, "Reading", "a/path", lambda: client.read("a/path"))["data"]

    def said(self, host: str = "localhost", scheme: str = "https", **environment: str) -> str:
        with pytest.raises(CannotError) as refused:
            self.read(host, scheme, **environment)
        assert "Traceback" not in str(refused.value)
        return str(refused.value)


def _serve(context: ssl.SSLContext | None) -> tuple[_Server, int]:
    server = _Server(("127.0.0.1", 0), _Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, server.server_port


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    folder = tmp_path_factory.mktemp("authority")
    authority.cert_pem.write_to_path(folder / "ca.crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "vault.internal").configure_cert(context)
    server, port = _serve(context)
    yield Tls(port, folder)
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "https_proxy",
        "http_proxy",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)


def test_an_unknown_authority_is_reported_with_the_way_to_name_it(tls: Tls) -> None:
    assert "its certificate is not trusted here. Set VAULT_CACERT" in tls.said()


def test_each_way_to_name_the_authority_is_obeyed(tls: Tls) -> None:
    file = tls.folder / "ca.crt"
    assert tls.read(VAULT_CACERT=str(file))
    assert tls.read(VAULT_CAPATH=str(tls.folder))
    assert tls.read(VAULT_CACERT_BYTES=file.read_text())


def test_another_authority_is_not_enough(tls: Tls, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.crt")
    assert "is not trusted here" in tls.said(VAULT_CACERT=str(tmp_path / "other.crt"))
    assert "is not trusted here" in tls.said(VAULT_CAPATH=str(tmp_path))


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_no_check_at_all_is_obeyed_and_said(tls: Tls, capsys: pytest.CaptureFixture[str]) -> None:
    assert tls.read(VAULT_SKIP_VERIFY="true")
    assert "Vault's certificate is not checked" in capsys.readouterr().err
    assert "is not trusted here" in tls.said(VAULT_SKIP_VERIFY="false")


def test_a_certificate_for_another_name(tls: Tls) -> None:
    file = str(tls.folder / "ca.crt")
    assert "its certificate is for another name" in tls.said("127.0.0.1", VAULT_CACERT=file)
    assert tls.read("127.0.0.1", VAULT_CACERT=file, VAULT_TLS_SERVER_NAME="vault.internal")
    wrong = tls.said("127.0.0.1", VAULT_CACERT=file, VAULT_TLS_SERVER_NAME="other.internal")
    assert "its certificate is for another name" in wrong


def test_a_server_without_tls() -> None:
    server, port = _serve(None)
    assert "it does not speak TLS there" in Tls(port, Path()).said()
    server.shutdown()
    server.server_close()


def test_a_client_certificate(authority: trustme.CA, tls: Tls, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    # In TLS 1.3 the client hears of it after the handshake, or finds the connection closed.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    own = authority.issue_cert("person@example.com")
    own.cert_chain_pems[0].write_to_path(tmp_path / "own.crt")
    own.private_key_pem.write_to_path(tmp_path / "own.key")
    server, port = _serve(context)
    asks = Tls(port, tls.folder)
    known = {"VAULT_CACERT": str(tls.folder / "ca.crt")}
    key = {"VAULT_CLIENT_CERT": str(tmp_path / "own.crt"), "VAULT_CLIENT_KEY": str(tmp_path / "own.key")}
    assert asks.read(**known, **key)
    assert "it asks for a client certificate" in asks.said(**known)
    server.shutdown()
    server.server_close()


def test_the_namespace_is_sent(tls: Tls) -> None:
    answer = tls.read(VAULT_CACERT=str(tls.folder / "ca.crt"), VAULT_NAMESPACE="team")
    assert answer == {"namespace": "team"}


def test_a_server_that_does_not_answer_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = Tls(silent.getsockname()[1], Path()).said(scheme="http", VAULT_CLIENT_TIMEOUT="1s")
    assert "does not answer in time" in said
    assert "VAULT_CLIENT_TIMEOUT" in said


def test_a_proxy_that_is_not_there(tls: Tls) -> None:
    assert "the proxy for" in tls.said(VAULT_PROXY_ADDR="http://127.0.0.1:1")


def test_a_name_that_dns_does_not_know() -> None:
    assert "is not known to DNS here" in Tls(8200, Path()).said("vault.invalid")


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        (
            {"VAULT_ADDR": "localhost:8200"},
            'VAULT_ADDR is "localhost:8200", which does not begin with https://',
        ),
        ({"VAULT_ADDR": "unix:///run/vault.sock"}, "which does not begin with https://"),
        ({"VAULT_CACERT": "/nowhere/ca.crt"}, "VAULT_CACERT names /nowhere/ca.crt, which cannot be read"),
        ({"VAULT_CACERT": __file__}, "holds no certificate in PEM"),
        ({"VAULT_CACERT_BYTES": "x"}, "VAULT_CACERT_BYTES holds no certificate in PEM"),
        ({"VAULT_CAPATH": "/nowhere"}, "VAULT_CAPATH is /nowhere, which is not a folder"),
        ({"VAULT_CAPATH": str(Path(__file__).parent)}, "no file there holds a certificate in PEM"),
        ({"VAULT_SKIP_VERIFY": "yes"}, 'VAULT_SKIP_VERIFY is "yes"; allowed: true or false'),
        ({"VAULT_CLIENT_CERT": __file__}, "VAULT_CLIENT_KEY is not set"),
        ({"VAULT_CLIENT_KEY": __file__}, "VAULT_CLIENT_CERT is not set"),
        ({"VAULT_CLIENT_TIMEOUT": "soon"}, 'VAULT_CLIENT_TIMEOUT is "soon"; allowed: seconds'),
    ],
)
def test_a_variable_that_cannot_be_followed(environment: dict[str, str], says: str) -> None:
    with pytest.raises(CannotError) as refused:
        vault.client({"VAULT_ADDR": "https://v.example", "VAULT_TOKEN": "t", **environment})
    assert says in str(refused.value)


@pytest.mark.parametrize(("text", "seconds"), [("", 30), ("45", 45), ("90s", 90), ("2m", 120)])
def test_how_long_a_call_may_take(text: str, seconds: int) -> None:
    assert connection({"VAULT_CLIENT_TIMEOUT": text})["timeout"] == seconds


def test_an_expired_certificate(authority: trustme.CA, tls: Tls) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    authority.issue_cert("localhost", not_after=yesterday).configure_cert(context)
    server, port = _serve(context)
    said = Tls(port, tls.folder).said(VAULT_CACERT=str(tls.folder / "ca.crt"))
    assert "its certificate is not valid now" in said
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "words", "says"),
    [
        (
            400,
            "Client sent an HTTP request to an HTTPS server.",
            "speaks TLS: begin VAULT_ADDR with https://",
        ),
        (
            500,
            "local node not active but active cluster node not found",
            "is on standby, and no node is active",
        ),
        (404, "", "nothing at aws/creds/x in the namespace team"),
    ],
)
def test_what_a_server_answers_that_is_in_another_state(status: int, words: str, says: str) -> None:
    client = vault.client({"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": "t", "VAULT_NAMESPACE": "team"})

    def refused() -> None:
        hvac.utils.raise_for_error(
            "GET", "aws/creds/x", status, message=words, errors=[words] if words else None
        )

    with pytest.raises(CannotError) as error:
        vault.asking(client, "Reading", "aws/creds/x", refused)
    assert says in str(error.value)


def test_no_file_of_authorities_is_left_behind(tls: Tls, tmp_path: Path) -> None:
    code = (
        "import os, tempfile\n"
        "from iam_hardening.clients.vault_environment import connection\n"
        "made = connection({'VAULT_CAPATH': os.environ['FOLDER']})['verify']\n"
        "assert os.path.dirname(made) == tempfile.gettempdir() and os.path.exists(made)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path), "FOLDER": str(tls.folder)}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


# --- What the stack file says of its Vault


def stack(**vault: object) -> config.Settings:
    given = {f"vault:{key}": value for key, value in vault.items()}
    return config.load({**config_of("dev"), **given}, project=PROJECT, stack="dev")


def test_the_stack_files_vault_counts_more_than_the_shells(
    tls: Tls, capsys: pytest.CaptureFixture[str]
) -> None:
    own = stack(
        address=f"https://localhost:{tls.port}", namespace="team/aws", caCertFile=str(tls.folder / "ca.crt")
    )
    shell = {"VAULT_ADDR": "https://elsewhere.example", "VAULT_TOKEN": "t", "VAULT_CACERT_BYTES": "x"}
    client = vault.client(of_stack(own, shell))
    answer = vault.asking(client, "Reading", "a/path", lambda: client.read("a/path"))
    assert answer["data"] == {"namespace": "team/aws"}
    said = capsys.readouterr().err
    assert f"Vault as Pulumi.dev.yaml says: https://localhost:{tls.port}" in said
    assert "and not this shell's VAULT_ADDR" in said


def test_a_stack_file_that_says_nothing_leaves_the_shells_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shell = {"VAULT_ADDR": "https://v.example", "VAULT_TOKEN": "t"}
    assert of_stack(stack(), shell) == shell
    assert capsys.readouterr().err == ""
    assert of_stack(stack(address="https://v.example"), shell) == shell
    assert "Vault as Pulumi.dev.yaml says: https://v.example (VAULT_ADDR)" in capsys.readouterr().err


def test_the_callers_token_counts_more_than_one_in_the_file() -> None:
    assert of_stack(stack(token="file"), {"VAULT_TOKEN": "shell"})["VAULT_TOKEN"] == "shell"
    assert of_stack(stack(token="file"), {})["VAULT_TOKEN"] == "file"
    assert "VAULT_TOKEN" not in of_stack(stack(token={"secure": "AAAB"}), {})


def test_an_encrypted_address_is_a_sentence() -> None:
    with pytest.raises(CannotError, match="vault:address: is encrypted"):
        of_stack(stack(address={"secure": "AAAB"}), {})


def test_a_certificate_and_no_check_are_followed(tls: Tls) -> None:
    file = str(tls.folder / "ca.crt")
    own = stack(clientAuth={"certFile": file, "keyFile": file}, skipTlsVerify=True, tlsServerName="v")
    assert of_stack(own, {}) == {
        "VAULT_CLIENT_CERT": file,
        "VAULT_CLIENT_KEY": file,
        "VAULT_SKIP_VERIFY": "true",
        "VAULT_TLS_SERVER_NAME": "v",
    }


@pytest.mark.parametrize(
    ("vault", "said"),
    [
        ({"address": "vault.example.com:8200"}, "vault:address: is .*; allowed: an address such as https://"),
        ({"address": ""}, "vault:address: is"),
        ({"address": "https://"}, "vault:address: is"),
        ({"address": "http://vault.example.com:8200"}, "Your Vault token would go there unencrypted"),
        ({"caCertFile": "/nowhere"}, "vault:caCertFile: is .*, which is not there"),
        ({"skipTlsVerify": "yes"}, "vault:skipTlsVerify: is .*; allowed: true or false"),
        ({"namespace": ["x"]}, "vault:namespace: is encrypted, or no text"),
        ({"clientAuth": {"secure": "AAAB"}}, "vault:clientAuth: is not a mapping with certFile"),
        ({"clientAuth": ["x"]}, "vault:clientAuth: is not a mapping"),
        ({"clientAuth": {"certFile": "/c", "keyFile": {"secure": "AAAB"}}}, "vault:clientAuth"),
    ],
)
def test_what_the_stack_file_says_wrongly_is_named_there(vault: dict[str, object], said: str) -> None:
    with pytest.raises(CannotError, match=rf"Pulumi\.dev\.yaml.*{said}|{said}") as refused:
        of_stack(stack(**vault), {"VAULT_TOKEN": "t", "VAULT_ADDR": "https://v.example"})
    assert "Pulumi.dev.yaml" in str(refused.value)
    assert "AAAB" not in str(refused.value)


def test_a_vault_on_this_machine_needs_no_tls() -> None:
    assert of_stack(stack(address="http://127.0.0.1:8200"), {})["VAULT_ADDR"] == "http://127.0.0.1:8200"
