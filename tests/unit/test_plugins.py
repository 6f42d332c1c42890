"""Which plugin serves which package, by what is installed in the user's PULUMI_HOME and on PATH."""

import io
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from rich.console import Console

from rehearsal import plugins
from rehearsal.errors import RehearsalError

AWS, VAULT = (plugins.sdk_version(package) for package in plugins.PACKAGES)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PULUMI_HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin")}


@pytest.fixture
def install(environment: dict[str, str]) -> Callable[..., Path]:
    def installed(package: str, version: str) -> Path:
        folder = Path(environment["PULUMI_HOME"]) / "plugins" / f"resource-{package}-v{version}"
        return a_program(folder / f"pulumi-resource-{package}")

    return installed


def a_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_each_package_is_served_by_what_is_installed_for_it(
    install: Callable[..., Path], environment: dict[str, str]
) -> None:
    assert plugins.choose("auto", environment).name == "fake"
    aws = install("aws", AWS)
    mixed = plugins.choose("auto", environment)
    assert (mixed.name, mixed.fake) == ("aws installed, vault fake", ("vault",))
    assert [provider.program for provider in mixed.each] == [aws, None]
    assert "the installed plugin pulumi-resource-aws served aws" in mixed.sentence
    assert f"pulumi-resource-vault {VAULT} is not installed in {environment['PULUMI_HOME']}" in mixed.sentence
    assert "real provider plugin pulumi-resource-vault behaves the same" in mixed.sentence
    install("vault", VAULT)
    both = plugins.choose("auto", environment)
    assert (both.name, both.fake) == ("installed", ())
    assert both.sentence.startswith("Providers: the installed plugins")
    assert "Unproved" not in both.sentence
    assert plugins.choose("installed", environment) == both


def test_fake_is_fake_whatever_is_installed(
    install: Callable[..., Path], environment: dict[str, str]
) -> None:
    install("aws", AWS)
    assert plugins.choose("fake", environment).name == "fake"
    assert "Why" not in plugins.choose("fake", environment).sentence


@pytest.mark.parametrize("version", ["6.0.0", "99.0.0", f"{AWS}-alpha.1"])
def test_another_version_does_not_count(
    version: str, install: Callable[..., Path], environment: dict[str, str]
) -> None:
    install("aws", version)
    chosen = plugins.choose("auto", environment)
    assert chosen.name == "fake"
    assert f"pulumi-resource-aws {AWS} is not installed" in chosen.sentence
    assert f"({version} will not do)" in chosen.sentence


def test_a_plugin_that_is_half_installed_does_not_count(
    install: Callable[..., Path], environment: dict[str, str]
) -> None:
    folder = install("aws", AWS).parent
    partial = folder.with_name(f"{folder.name}.partial")
    partial.touch()
    assert plugins.choose("auto", environment).name == "fake"
    partial.unlink()
    (folder / "pulumi-resource-aws").chmod(0o644)
    assert plugins.choose("auto", environment).name == "fake"


def test_a_plugin_on_path_would_win_so_it_is_chosen_only_by_name(
    environment: dict[str, str], install: Callable[..., Path]
) -> None:
    install("aws", AWS)
    install("vault", VAULT)
    on_path = a_program(Path(environment["PATH"]) / "pulumi-resource-aws")
    chosen = plugins.choose("auto", environment)
    assert chosen.fake == ("aws",)
    assert f"{on_path}, which is on PATH, would win" in chosen.sentence
    assert plugins.choose("installed", environment).each[0].program == on_path


def test_installed_names_what_is_missing_and_the_commands_with_versions(
    install: Callable[..., Path], environment: dict[str, str]
) -> None:
    install("aws", "99.0.0")
    install("vault", VAULT)
    with pytest.raises(RehearsalError) as refused:
        plugins.choose("installed", environment)
    assert f"pulumi-resource-aws {AWS} is not installed in {environment['PULUMI_HOME']} (99.0.0 will" in str(
        refused.value
    )
    assert f"`pulumi plugin install resource aws v{AWS}`" in refused.value.advice
    assert "vault" not in str(refused.value)


def test_without_a_pulumi_home_it_is_the_one_in_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert plugins.home({}) == Path("/somewhere/.pulumi")


class Downloads(BaseHTTPRequestHandler):
    """What get.pulumi.com answers about the archives in `there`."""

    there: ClassVar[set[str]] = set()

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path.removeprefix("/") in self.there else 404)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None: ...


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Downloads)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(plugins, "_DOWNLOADS", f"http://127.0.0.1:{server.server_address[1]}")
    Downloads.there = {plugins._archive(package) for package in plugins.PACKAGES}
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def pulumi(tmp_path: Path) -> Path:
    """Installs what it is asked for, but never vault; and notes what that was."""
    program = a_program(tmp_path / "pulumi")
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path / "asked"}\n'
        '[ "$4" = vault ] && { echo "some words" >&2; echo "error: no space left" >&2; exit 1; }\n'
        'folder="$PULUMI_HOME/plugins/resource-$4-$5"\n'
        'mkdir -p "$folder"; cp "$0" "$folder/pulumi-resource-$4"\n'
    )
    return program


def fetched(pulumi: Path, environment: dict[str, str]) -> tuple[str, list[str]]:
    """What is printed, and what Pulumi was asked for."""
    said = io.StringIO()
    plugins.fetch(Console(file=said, width=500), pulumi, {**environment, "PATH": "/usr/bin:/bin"})
    asked = pulumi.with_name("asked")
    return said.getvalue(), asked.read_text().splitlines() if asked.exists() else []


@pytest.mark.usefixtures("downloads")
def test_pulumi_fetches_exactly_the_versions_that_are_missing(
    pulumi: Path, environment: dict[str, str], install: Callable[..., Path]
) -> None:
    said, asked = fetched(pulumi, environment)
    assert asked == [f"plugin install resource aws v{AWS}", f"plugin install resource vault v{VAULT}"]
    assert f"vault v{VAULT} was not fetched: error: no space left" in said
    assert plugins.choose("auto", environment).name == "aws installed, vault fake"
    install("vault", VAULT)
    pulumi.with_name("asked").unlink()
    assert fetched(pulumi, environment) == ("", [])


@pytest.mark.usefixtures("downloads")
@pytest.mark.parametrize(("value", "fetches"), [("true", False), ("1", False), ("", True), ("false", True)])
def test_nothing_is_fetched_in_ci(
    value: str, fetches: bool, pulumi: Path, environment: dict[str, str]
) -> None:
    _, asked = fetched(pulumi, {**environment, "CI": value})
    assert bool(asked) is fetches


@pytest.mark.usefixtures("downloads")
def test_without_an_answer_nothing_is_fetched_and_that_is_said(
    pulumi: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Downloads.there = set()
    said, asked = fetched(pulumi, environment)
    assert asked == []
    assert "does not answer, so the rehearsal has its fake providers" in said
    monkeypatch.setattr(plugins, "_DOWNLOADS", "http://127.0.0.1:9")
    assert fetched(pulumi, environment)[1] == []
