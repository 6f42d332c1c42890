"""A production Vault's storage and seal on a live stack: what a change of the file does, and cannot do.

The real program, engine and emulated AWS, with the fake providers for providers (docs/fake-providers.md).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.automation import CommandError, EngineEvent

from rehearsal import inventory
from rehearsal.project import Project
from rehearsal.testbed import FAKE_PROVIDERS, Account, Testbed, running_testbed
from tests.engine.test_changes import REMOVED, Changes, changed, steps
from tests.stack_files import ROOT

pytestmark = pytest.mark.engine

SERVER = ("iam-hardening:vaultServer",)
PROTECT = ("iam-hardening:protect",)
TOOLS: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["222222222222"],
    "iam-hardening:accountKind": "workload",
    "iam-hardening:accountDefaults": {"ebsEncryption": False, "accessAnalyzer": False},
    "iam-hardening:vaultServer": {"apiAddress": "https://vault.example.com:8200"},
}


class Live:
    def __init__(self, testbed: Testbed) -> None:
        self.testbed = testbed
        self.account: Account = testbed.accounts["tools"]

    def up(self, changes: Changes) -> list[EngineEvent]:
        file = self.testbed.directory / "project" / "Pulumi.tools.yaml"
        kept = yaml.safe_load(file.read_text())
        file.write_text(yaml.safe_dump(kept | {"config": changed(TOOLS, changes)}, sort_keys=False))
        events: list[EngineEvent] = []
        engine = self.account.stack.engine
        engine.preview()
        engine.up(on_event=events.append, show_secrets=False)
        return events

    def holds(self) -> frozenset[str]:
        return inventory.of_account(self.account.admin, self.account.settings.regions)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    stack_files = tmp_path_factory.mktemp("stack-files")
    (stack_files / "Pulumi.tools.yaml").write_text(yaml.safe_dump({"config": TOOLS}, sort_keys=False))
    directory: Path = tmp_path_factory.mktemp("testbed")
    with running_testbed(Project.find(ROOT, stack_files), directory, providers=FAKE_PROVIDERS) as testbed:
        live = Live(testbed)
        live.up({})
        yield live


@pytest.mark.parametrize(
    "mistake",
    [
        {SERVER: REMOVED},
        {(*SERVER, "tableName"): "vault-data"},
        {(*SERVER, "name"): "vault"},
        {SERVER: REMOVED, PROTECT: False},
    ],
    ids=["removed", "another table", "another name", "removed and unprotected at once"],
)
def test_an_edit_that_would_lose_the_table_is_refused_and_changes_nothing(
    live: Live, mistake: Changes
) -> None:
    before = live.holds()
    with pytest.raises(CommandError, match=r"protected|marked for protection"):
        live.up(mistake)
    assert live.holds() == before
    assert steps(live.up({})) == set()


def test_another_address_or_file_changes_the_configuration_and_nothing_in_aws(live: Live) -> None:
    changes: Changes = {
        (*SERVER, "apiAddress"): "https://vault.internal.example.com",
        (*SERVER, "tlsKeyFile"): "/etc/vault.d/key.pem",
    }
    assert steps(live.up(changes)) == set()
    configuration = live.account.stack.engine.outputs()["vault_server_configuration"].value
    assert 'api_addr     = "https://vault.internal.example.com"' in configuration
    assert 'tls_key_file    = "/etc/vault.d/key.pem"' in configuration
    live.up({})


def test_on_purpose_it_takes_two_ups_and_the_key_waits_thirty_days(live: Live) -> None:
    key = live.account.stack.engine.outputs()["vault_server_key_arn"].value
    assert steps(live.up({PROTECT: False})) == {("update", "Table", "vault-server-table")}
    live.up({PROTECT: False, SERVER: REMOVED})
    left = [name for name in live.holds() if "vault" in name.lower() or "Key" in name]
    assert left == []
    metadata = live.account.admin.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["KeyState"] == "PendingDeletion"
