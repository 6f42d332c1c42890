"""The rehearsal's testbed with plugins that the engine launches from a PULUMI_HOME, as real ones."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import plugins, tools
from rehearsal.errors import RehearsalError
from rehearsal.github_tokens import ISSUER
from rehearsal.project import Project
from rehearsal.testbed import Testbed, running_testbed
from tests.engine.plugin_home import PluginHome
from tests.stack_files import ROOT

pytestmark = pytest.mark.engine

HARDENED = Project.find(ROOT, ROOT / "examples" / "hardened")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> PluginHome:
    return PluginHome(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def vault_installed(home: PluginHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Testbed]:
    """The plugin of Vault is there, that of AWS in another version: both stacks are deployed."""
    home.install("vault")
    home.install_failing("aws", "never started")
    (home.folder / "plugins" / f"resource-aws-v{plugins.sdk_version('aws')}").rename(
        home.folder / "plugins" / "resource-aws-v99.0.0"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULUMI_HOME", str(home.folder))
        own = home.folder / "bin" / "pulumi"
        own.parent.mkdir()
        own.symlink_to(tools.pulumi())
        patch.setenv("PATH", f"{own.parent}{os.pathsep}{os.environ['PATH']}")
        directory = tmp_path_factory.mktemp("testbed")
        with running_testbed(HARDENED, directory, providers=plugins.AUTO) as testbed:
            for account in testbed.accounts.values():
                account.stack.up()
            yield testbed


def test_what_is_installed_is_launched_and_what_is_not_is_attached(
    vault_installed: Testbed, home: PluginHome
) -> None:
    assert vault_installed.providers.name == "aws fake, vault installed"
    attached = vault_installed.environment["PULUMI_DEBUG_PROVIDERS"]
    assert [each.split(":")[0] for each in attached.split(",")] == ["aws"]
    assert home.launches("vault")
    assert vault_installed.used.startswith(f"Pulumi: your own, {home.folder / 'bin' / 'pulumi'}. Providers: ")


def test_a_launched_plugin_finds_the_servers_in_its_environment(
    vault_installed: Testbed, home: PluginHome
) -> None:
    for launch in home.launches("vault"):
        environment = launch["environment"]
        assert environment["VAULT_ADDR"] == vault_installed.vault_address
        assert environment["AWS_ENDPOINT_URL"] == vault_installed.endpoint_url
        assert "HTTP_PROXY" not in environment  # it is for the plugin of AWS


def test_the_audit_log_is_in_the_rehearsals_folder_and_the_stack_file_says_another(
    vault_installed: Testbed,
) -> None:
    dev = vault_installed.accounts["dev"]
    assert dev.settings.vault
    assert dev.settings.vault.audit
    file = Path(dev.settings.vault.audit.file)
    assert "sys/audit" in (vault_installed.directory / "vault" / file.name).read_text()
    assert not file.exists()
    assert str(file) in dev.stack.state()


def test_vault_reaches_the_emulated_aws_and_knows_the_key_of_githubs_issuer(
    vault_installed: Testbed,
) -> None:
    dev = vault_installed.accounts["dev"]
    assert dev.settings.vault
    assert "127.0.0.1" not in (vault_installed.directory / "project" / "Pulumi.dev.yaml").read_text()
    issued = vault_installed.vault().read(f"{dev.settings.vault.mount}/creds/test")
    assert issued
    assert issued["data"]["access_key"]
    assert vault_installed.vault().read("auth/github/config")["data"]["oidc_discovery_url"] == ISSUER
    assert dev.stack.up(refresh=True).anything is False


def test_the_plugin_of_aws_asks_s3_control_by_the_accounts_host_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which only a proxy resolves, and the emulator is it."""
    own = PluginHome(tmp_path / "home")
    own.install("aws")
    monkeypatch.setenv("PULUMI_HOME", str(own.folder))
    with running_testbed(HARDENED, tmp_path / "testbed", providers=plugins.AUTO) as testbed:
        assert testbed.providers.name == "aws installed, vault fake"
        central = testbed.accounts["central"]
        central.stack.up()
        block = central.admin.client("s3control").get_public_access_block(AccountId=central.id)
        assert block["PublicAccessBlockConfiguration"]["BlockPublicAcls"] is True
        assert central.stack.up(refresh=True).anything is False
    for launch in own.launches("aws"):
        environment = launch["environment"]
        assert environment["HTTP_PROXY"] == testbed.endpoint_url
        assert environment["NO_PROXY"] == "127.0.0.1,localhost"
        assert environment["AWS_ACCESS_KEY_ID"] == central.admin.credentials.access_key_id


@pytest.mark.parametrize("package", plugins.PACKAGES)
def test_a_plugin_that_fails_at_its_start_says_why(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = PluginHome(tmp_path / "home")
    for each in plugins.PACKAGES:
        own.install_failing(each, f"no luck with {each} today") if each == package else own.install(each)
    monkeypatch.setenv("PULUMI_HOME", str(own.folder))
    with (
        running_testbed(HARDENED, tmp_path / "testbed", providers=plugins.AUTO) as testbed,
        pytest.raises(RehearsalError) as failed,
    ):
        testbed.accounts["dev"].stack.up()
    assert f"no luck with {package} today" in failed.value.reason


def test_what_launched_plugins_call_is_recorded_by_operation(vault_installed: Testbed) -> None:
    dev = vault_installed.accounts["dev"]
    assert dev.settings.vault
    assert dev.stack.preview().anything is False
    assert dev.stack.preview(refresh=True).anything is False
    every = tuple(plugins.Provider(package=package, version="1") for package in plugins.PACKAGES)
    recorded = vault_installed.calls.of(every)
    aws, vault = recorded["aws"], recorded["vault"]
    mount = dev.settings.vault.mount
    assert {"iam:CreateRole", "iam:PassRole", "ec2:RunInstances"} <= set(aws["pulumi up"])
    assert "iam:GetRole" in aws["pulumi preview --refresh"]
    assert "iam:GetRole" not in aws["pulumi preview"]
    changing = re.compile(r":(Create|Put|Delete|Update|Attach|Detach|Add|Run|Tag|Pass)")
    assert not [action for action in aws["pulumi preview --refresh"] if changing.search(action)]
    assert f"POST sys/mounts/{mount}" in vault["pulumi up"]
    assert {each.split()[0] for each in vault["pulumi preview --refresh"]} == {"GET"}
    # Only what was launched is written down: the fake provider's calls say nothing about the real one.
    assert list(vault_installed.calls.of(vault_installed.providers.installed)) == ["vault"]


def test_what_others_call_meanwhile_is_not_the_plugins(vault_installed: Testbed) -> None:
    dev = vault_installed.accounts["dev"]
    with vault_installed.calls.recorded("nothing"):
        dev.root.client("iam").list_users()
        vault_installed.stranger.client("iam").list_groups()
    every = tuple(plugins.Provider(package=package, version="1") for package in plugins.PACKAGES)
    assert vault_installed.calls.of(every)["aws"]["nothing"] == []
