"""What people have in profiles and runbooks keeps working for one release: `python -m access.jit`, and every
make target of before."""

import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from iam_hardening import cli, exit_status
from iam_hardening.commands.jit import issue
from tests.stack_files import ROOT

LEASE = {
    "lease_id": "aws/creds/test/1",
    "lease_duration": 1800,
    "renewable": False,
    "data": {"access_key": "AKIAEXAMPLE", "secret_key": "a-secret-key", "security_token": None},
}
IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::222222222222:user/vault/v-1</Arn><UserId>AIDAEXAMPLE</UserId><Account>222222222222</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


class _VaultAndSts(BaseHTTPRequestHandler):
    """Hands out one lease, and knows whose it is."""

    def do_GET(self) -> None:
        is_lease = self.path.startswith("/v1/aws/creds/")
        self._answer(json.dumps(LEASE if is_lease else {"data": {"ttl": 1800}}), "application/json")

    def do_PUT(self) -> None:
        self._read()
        self._answer(json.dumps({"data": {"ttl": 1800}, "lease_duration": 1800}), "application/json")

    def do_POST(self) -> None:
        body = self._read()
        if b"GetCallerIdentity" in body:
            self._answer(IDENTITY, "text/xml")
        else:
            self._answer(json.dumps({"data": {"ttl": 1800}}), "application/json")

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, text: str, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _VaultAndSts) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def the_new_profile() -> list[str]:
    written = issue.profile("dev", "us-east-1", "aws", "test")
    return shlex.split(written.partition("credential_process = ")[2])


OLD_PROFILE = [
    *("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "access.jit", "--credential-process"),
    *("--mount", "aws", "--role", "test", "--region", "us-east-1"),
]


@pytest.mark.parametrize("command", [OLD_PROFILE, the_new_profile()], ids=["old", "new"])
def test_a_profile_gets_its_credentials(command: list[str], server: str, tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "VAULT_ADDR": server,
        "VAULT_TOKEN": "a-token",
        "AWS_ENDPOINT_URL": server,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["Version"], answer["AccessKeyId"]) == (1, "AKIAEXAMPLE")
    assert answer["SecretAccessKey"] == "a-secret-key"


def test_a_profile_of_before_with_wrong_options_says_how(tmp_path: Path) -> None:
    command = [*OLD_PROFILE[:5], "--credential-process"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == exit_status.WRONG_USAGE
    assert "Missing option '--role'" in done.stderr


@pytest.mark.parametrize("file", sorted((ROOT / "access").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_a_module_of_before_runs_the_new_command(file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", f"access.{file.stem}"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    helped = subprocess.run(
        [*command, "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert helped.returncode == exit_status.HOLDS
    name = helped.stderr.removeprefix("python -m access.… is now: ").strip()
    assert f"Usage: {name} " in helped.stdout
    wrong = subprocess.run(
        [*command, "--no-such"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert wrong.returncode == exit_status.WRONG_USAGE


# Target and variables of before → the command line that it runs now.
TARGETS = {
    "rehearse": "rehearse",
    "rehearse ARGS=--stack-files=examples/hardened": "rehearse --stack-files=examples/hardened",
    "mutants ARGS=--json=m.json": "mutate --json=m.json",
    "report": "report",
    "report FROM=earlier.json": "report --from earlier.json",
    "sandbox": "sandbox",
    "sandbox-down": "sandbox --down",
    "client-config PERSON=Ann DEVICE=phone": "client-config --person Ann --device phone",
    "client-config PERSON=Ann DEVICE=phone TOOL=awsume": (
        "client-config --person Ann --device phone --tool awsume"
    ),
    "doctor PERSON=Ann": "doctor --person Ann",
    "doctor PERSON=Ann STACK=dev ROLE=r VAULT_ROLE=v ARGS=--try": (
        "doctor --person Ann --stack dev --role r --vault-role v --try"
    ),
    "root-keys ACCOUNT=dev": "root-keys --account dev",
    "revoke-sessions ROLE=r STACK=dev ARGS=--yes": "revoke-sessions --stack dev --role r --yes",
    "jit ROLE=r STACK=dev ARGS=--export": "jit issue --stack dev --role r --export",
    "jit-revoke ROLE=r STACK=dev ARGS=--yes": "jit revoke --stack dev --role r --yes",
    "jit-sweep STACK=dev": "jit sweep --stack dev",
    "jit-audit STACK=dev LOG=audit.log": "jit audit --stack dev --log audit.log",
    "jit-audit STACK=dev LOG=- ARGS=--json": "jit audit --stack dev --log - --json -",
    "verify STACK=dev ARGS=--print-policy=vault": "verify --stack dev --print-policy=vault",
    "verify STACK=dev ARGS=--print-policy": "verify --stack dev --print-policy both",
    "adopt STACK=dev ARGS=--accept-warnings": "adopt --stack dev --accept-warnings",
}
UNCHANGED = {"rehearse", "report", "sandbox"}


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_of_before_runs_the_new_command_and_says_its_name(target: str) -> None:
    """Dry, and without setting anything up: `make -n` prints what it would run."""
    command = ["make", "-n", "-o", "setup", "-o", "environment", *shlex.split(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.replace("\\\n", " ").splitlines()
    runs = [shlex.split(line) for line in lines if line.startswith(".venv/bin/iam-hardening")]
    assert runs == [[".venv/bin/iam-hardening", *shlex.split(TARGETS[target])]]
    said = [line for line in lines if "is now: iam-hardening" in line]
    assert len(said) == (target.split()[0] not in UNCHANGED)
    assert all(line.endswith(">&2") for line in said)


@pytest.mark.parametrize("line", TARGETS.values())
def test_what_the_targets_run_is_right_usage(line: str) -> None:
    """The command's own help comes instead of running it; a wrong option would be reported first."""
    arguments = shlex.split(line)
    assert cli.main([*arguments, "--no-such-option"]) == exit_status.WRONG_USAGE
    assert cli.main([*arguments, "--help"]) == exit_status.HOLDS
