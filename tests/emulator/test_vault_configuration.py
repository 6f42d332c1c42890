"""The configuration file of a production Vault, read by OpenBao.

OpenBao has HashiCorp's parser and listener, but neither DynamoDB storage nor (built in) the KMS seal. So the
file is parsed as a whole, unknown fields of the listener would be reported, and then the storage's type is
what it does not know. The fields of storage and seal are read by nothing here.
"""

import os
import subprocess
from pathlib import Path

import pytest

from components.vault_server import VaultServerArgs, configuration_file
from iam_hardening import config
from rehearsal import tools
from tests.accounts import account, section

pytestmark = pytest.mark.emulator

SECONDS = 60


def rendered() -> str:
    server = section(config.VaultServer, apiAddress="https://vault.example.com:8200")
    args = VaultServerArgs(account=account(region="eu-central-1"), server=server)
    key_arn = "arn:aws:kms:eu-central-1:111111111111:key/01234567-89ab-cdef-0123-456789abcdef"
    return configuration_file(args, table_name="vault-server", key_arn=key_arn)


def what_openbao_says(folder: Path, configuration: str) -> str:
    """Of a start that ends at the storage: nothing listens before that."""
    file = folder / "vault.hcl"
    file.write_text(configuration)
    ended = subprocess.run(
        [tools.bao(), "server", f"-config={file}"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )
    return ended.stdout + ended.stderr


def test_openbao_reads_the_file_and_knows_everything_but_the_storage(tmp_path: Path) -> None:
    said = what_openbao_says(tmp_path, rendered())
    assert "unknown storage type dynamodb" in said
    assert "error loading configuration" not in said
    assert "unknown or unsupported field" not in said


@pytest.mark.parametrize(
    ("right", "wrong", "reported"),
    [
        ("tls_cert_file", "tls_crt_file", "unknown or unsupported field tls_crt_file"),
        ("api_addr ", "api_address ", "unknown or unsupported field api_address"),
        ('ha_enabled = "true"', 'ha_enabled = "true', "error loading configuration"),
    ],
)
def test_a_mistake_in_it_would_be_reported(tmp_path: Path, right: str, wrong: str, reported: str) -> None:
    assert right in rendered()
    assert reported in what_openbao_says(tmp_path, rendered().replace(right, wrong))
