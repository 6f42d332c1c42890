"""A front of AWS for tools whose endpoints cannot be changed: a proxy that answers for amazonaws.com, with
certificates of a test's authority, and passes everything on to the emulated AWS.

A signature covers the host's name, so the front signs again for the emulator's: with the secrets that it was
given, and those that pass through it. Nothing leaves this machine: every other host is refused.
"""

import contextlib
import http.server
import re
import socketserver
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import trustme
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_DOMAIN = ".amazonaws.com"
_SIGNER = re.compile(r"Credential=([^/]+)/[0-9]+/([^/]+)/([^/]+)/")
_ISSUED = re.compile(
    r"<AccessKeyId>(.*?)</AccessKeyId>\s*<SecretAccessKey>(.*?)</SecretAccessKey>", re.DOTALL
)


@contextlib.contextmanager
def front(emulator: str, directory: Path, secrets: dict[str, str]) -> Iterator[tuple[str, Path]]:
    """The proxy's address, and the file of the authority that its certificates are from. `secrets`: access
    key ID to its secret."""
    authority = trustme.CA()
    bundle = directory / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(f"*{_DOMAIN}", f"*.us-east-1{_DOMAIN}").configure_cert(inside)

    class Front(_Front):
        target, context, known = emulator, inside, secrets

    with _Server(("127.0.0.1", 0), Front) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", bundle
        finally:
            server.shutdown()
            thread.join()


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


class _Front(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: str
    context: ssl.SSLContext
    known: dict[str, str]

    def do_CONNECT(self) -> None:
        if not self.path.rpartition(":")[0].endswith(_DOMAIN):
            self.send_error(403, "only AWS is answered for")
            return
        self.send_response(200)
        self.end_headers()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = socketserver._SocketWriter(self.connection)  # type: ignore[attr-defined]
        self.close_connection = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = urllib.request.Request(self.target, data=body, headers=self._signed(body), method="POST")
        try:
            answer = urllib.request.urlopen(request, timeout=10)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            text = answer.read()
            self.known.update(_ISSUED.findall(text.decode()))
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "text/xml"))
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def _signed(self, body: bytes) -> dict[str, str]:
        signer = _SIGNER.search(self.headers["Authorization"])
        assert signer is not None
        key, region, service = signer.groups()
        kept = {"Content-Type": self.headers["Content-Type"]}
        request = AWSRequest(method="POST", url=self.target, data=body, headers=kept)
        token = self.headers["X-Amz-Security-Token"]
        SigV4Auth(Credentials(key, self.known[key], token), service, region).add_auth(request)
        return dict(request.headers.items())

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""
