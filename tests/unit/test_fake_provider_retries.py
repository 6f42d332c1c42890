"""The fake Vault provider tries a call again when Vault answers with 5xx, as the real one does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rehearsal.providers.rows import FakeProviderError
from rehearsal.providers.vault_calls import VaultApi


@pytest.fixture
def vault() -> Iterator[tuple[VaultApi, list[int]]]:
    """A server that answers with the statuses of the list, one after the other."""
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status = statuses.pop(0)
            body = json.dumps({"data": {"done": True}} if status == 200 else {"errors": ["internal error"]})
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = VaultApi(f"http://127.0.0.1:{server.server_port}", "token")
    yield api, statuses
    server.shutdown()
    server.server_close()


def test_two_internal_errors_are_tried_again(vault: tuple[VaultApi, list[int]]) -> None:
    api, statuses = vault
    statuses += [500, 503, 200]
    assert api.call("POST sys/auth/people", {"type": "userpass"}) == {"done": True}


def test_the_third_is_reported_in_vaults_words(vault: tuple[VaultApi, list[int]]) -> None:
    api, statuses = vault
    statuses += [500, 500, 500, 200]
    with pytest.raises(FakeProviderError, match="Vault refused POST sys/auth/people: internal error"):
        api.call("POST sys/auth/people", {"type": "userpass"})
    assert statuses == [200]


def test_a_refusal_is_not_tried_again(vault: tuple[VaultApi, list[int]]) -> None:
    api, statuses = vault
    statuses += [400, 200]
    with pytest.raises(FakeProviderError):
        api.call("POST sys/auth/people", {"type": "userpass"})
    assert statuses == [200]
