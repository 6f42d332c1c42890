"""Which provider plugins serve aws and vault to the engine: the installed ones, or the fake providers.

The engine takes a plugin of exactly the version that the package's Python SDK names, so a plugin of another
version counts as not installed. Plugins are looked for where `pulumi plugin install` puts them.
Source: pulumi/pulumi, sdk/go/common/workspace/plugins.go.
"""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import requests
from rich.console import Console

from rehearsal.errors import RehearsalError

AUTO, FAKE, INSTALLED = "auto", "fake", "installed"
CHOICES = (AUTO, FAKE, INSTALLED)
PACKAGES = ("aws", "vault")

# Where Pulumi fetches plugins from that it finds nowhere else (source: plugins.go).
_DOWNLOADS = "https://get.pulumi.com/releases/plugins"
_ANSWER_SECONDS = 3


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Who serves a package. `program` is the installed plugin, and None for the fake provider; `why` says why
    it is the fake one where it need not be."""

    package: str
    version: str
    program: Path | None = None
    why: str = ""

    @property
    def is_fake(self) -> bool:
        return self.program is None


@dataclass(frozen=True)
class Providers:
    """One for each of PACKAGES."""

    each: tuple[Provider, ...]

    @property
    def fake(self) -> tuple[str, ...]:
        return tuple(provider.package for provider in self.each if provider.is_fake)

    @property
    def installed(self) -> tuple[Provider, ...]:
        return tuple(provider for provider in self.each if not provider.is_fake)

    @property
    def name(self) -> str:
        """`fake` or `installed` where both are, else `aws installed, vault fake`."""
        kinds = {provider.package: FAKE if provider.is_fake else INSTALLED for provider in self.each}
        if len(set(kinds.values())) == 1:
            return kinds["aws"]
        return ", ".join(f"{package} {kind}" for package, kind in kinds.items())

    @property
    def sentence(self) -> str:
        """Which were used and why, and what is unproved by that."""
        reasons = "; ".join(provider.why for provider in self.each if provider.why)
        return " ".join([self._used, *([f"Why: {reasons}."] if reasons else [])])

    @property
    def _used(self) -> str:
        if not self.fake:
            return "Providers: the installed plugins pulumi-resource-aws and pulumi-resource-vault."
        if not self.installed:
            return (
                "Providers: fake providers of this rehearsal served aws and vault to the real engine. "
                "Unproved: that the real provider plugins behave the same (docs/fake-providers.md)."
            )
        [real], [fake] = self.installed, self.fake
        return (
            f"Providers: the installed plugin pulumi-resource-{real.package} served {real.package} to the "
            f"real engine, a fake provider of this rehearsal {fake}. Unproved: that the real provider plugin "
            f"pulumi-resource-{fake} behaves the same (docs/fake-providers.md)."
        )


def choose(choice: str, environment: Mapping[str, str] = os.environ) -> Providers:
    """Raises RehearsalError for `installed` where a plugin is not."""
    if choice == FAKE:
        return Providers(tuple(Provider(package=name, version=sdk_version(name)) for name in PACKAGES))
    found = Providers(tuple(_find(name, environment, choice) for name in PACKAGES))
    if choice == INSTALLED and found.fake:
        raise RehearsalError(
            "PROVIDERS=installed, and " + "; ".join(each.why for each in found.each if each.is_fake) + ".",
            f"Install them ({install_commands(found.fake)}), or leave PROVIDERS out.",
        )
    return found


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """The user's own PULUMI_HOME."""
    return Path(environment.get("PULUMI_HOME") or Path.home() / ".pulumi")


def sdk_version(package: str) -> str:
    return metadata.version(f"pulumi-{package}")


def install_commands(packages: tuple[str, ...] = PACKAGES) -> str:
    """With the exact versions: without one, Pulumi installs the latest, which the engine refuses."""
    return ", ".join(f"`pulumi plugin install resource {name} v{sdk_version(name)}`" for name in packages)


def fetch(console: Console, pulumi: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Has Pulumi install the plugins that are missing, where `pulumi up` would: in the user's PULUMI_HOME.

    Not where CI is set, and not without a network. That it did not work is printed, and no error.
    """
    missing = choose(AUTO, environment).fake
    if not missing or environment.get("CI", "").lower() not in ("", "0", "false"):
        return
    if not _answers(f"{_DOWNLOADS}/{_archive(missing[0])}"):
        console.print(f"plugins: {_DOWNLOADS} does not answer, so the rehearsal has its fake providers")
        return
    for package in missing:
        name = f"{package} v{sdk_version(package)}"
        console.print(f"plugins: Pulumi fetches {name} into {home(environment)}")
        command = [str(pulumi), "plugin", "install", "resource", package, f"v{sdk_version(package)}"]
        done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "no word of it").splitlines()[-1]
            console.print(f"plugins: {name} was not fetched: {said}", markup=False)


def _archive(package: str) -> str:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    system = platform.system().lower()
    return f"pulumi-resource-{package}-v{sdk_version(package)}-{system}-{machine}.tar.gz"


def _answers(url: str) -> bool:
    try:
        return requests.head(url, timeout=_ANSWER_SECONDS, allow_redirects=True).ok
    except requests.RequestException:
        return False


def use(providers: Providers, own_home: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Lets an engine whose PULUMI_HOME is `own_home` find the user's plugins. It takes those of the SDK's
    versions; the fake ones are attached to it, and win."""
    installed = home(environment) / "plugins"
    if providers.installed and installed.is_dir():
        (own_home / "plugins").symlink_to(installed)


def _find(package: str, environment: Mapping[str, str], choice: str) -> Provider:
    version, user_home = sdk_version(package), home(environment)
    program = user_home / "plugins" / f"resource-{package}-v{version}" / f"pulumi-resource-{package}"
    on_path = shutil.which(program.name, path=environment.get("PATH", ""))
    if on_path and choice == AUTO:
        why = f"{on_path}, which is on PATH, would win over the one of version {version}"
        return Provider(package=package, version=version, why=why)
    if on_path:
        return Provider(package=package, version=version, program=Path(on_path))
    if _is_whole(program):
        return Provider(package=package, version=version, program=program)
    others = _other_versions(user_home, package)
    instead = f" ({' and '.join(others)} will not do)" if others else ""
    why = f"{program.name} {version} is not installed in {user_home}{instead}"
    return Provider(package=package, version=version, why=why)


def _is_whole(program: Path) -> bool:
    """Pulumi leaves a `.partial` file next to what it has not finished to install."""
    half_done = program.parent.with_name(f"{program.parent.name}.partial")
    return program.is_file() and os.access(program, os.X_OK) and not half_done.exists()


def _other_versions(user_home: Path, package: str) -> list[str]:
    folders = (path for path in (user_home / "plugins").glob(f"resource-{package}-v*") if path.is_dir())
    return sorted(folder.name.removeprefix(f"resource-{package}-v") for folder in folders)
