"""The rehearsal's testbed with plugins that the engine launches from a PULUMI_HOME, as real ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import plugins
from rehearsal.errors import RehearsalError
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
        directory = tmp_path_factory.mktemp("testbed")
        with running_testbed(HARDENED, directory, providers=plugins.AUTO) as testbed:
            for account in testbed.accounts.values():
                account.stack.up()
            yield testbed


def test_what_is_installed_is_launched_and_what_is_not_is_attached(
    vault_installed: Testbed, home: PluginHome
) -> None:
    assert vault_installed.providers.name == "aws fake, vault installed"
    assert vault_installed.environment["PULUMI_DEBUG_PROVIDERS"].startswith("aws:")
    assert "vault:" not in vault_installed.environment["PULUMI_DEBUG_PROVIDERS"]
    assert home.launches("vault")


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
