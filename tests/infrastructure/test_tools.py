"""The Go tools are built once, from what is pinned; and what is missing is said in one sentence.

A script stands in for `go`: these tests need neither Go nor a network. The engine tests run the real tools.
"""

import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from rehearsal import tools
from rehearsal.problems import SetupError
from tests.infrastructure.processes import is_running, wait_for

_GO = """#!/bin/sh
case "$1" in
    env) echo "${GO_REPORTS:-go1.26.8}" ;;
    list) echo "go: downloading example.com/m v1.0.0"; echo example.com/a; echo example.com/b ;;
    build)
        echo $$ >> "$BUILDS"
        while [ "$1" != -o ]; do shift; done
        [ -z "$SLOW" ] || sleep "$SLOW"
        echo built > "$2"
        ;;
esac
"""


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake provider for `go` comes first on PATH; the file gets a line for each build."""
    write_go(tmp_path, _GO)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "go-bin"), "/usr/bin", "/bin"]))
    monkeypatch.setenv("BUILDS", str(tmp_path / "builds"))
    monkeypatch.setattr(tools, "TOOLS", tmp_path / ".tools")
    return tmp_path / "builds"


def write_go(directory: Path, script: str) -> None:
    go = directory / "go-bin" / "go"
    go.parent.mkdir(exist_ok=True)
    go.write_text(script)
    go.chmod(0o755)


@pytest.fixture
def tool(tmp_path: Path) -> tools.GoTool:
    module = tmp_path / "tool"
    module.mkdir()
    (module / "go.mod").write_text("module tool\n\ngo 1.26\n\nrequire example.com/m v1.0.0\n")
    (module / "go.sum").write_text("example.com/m v1.0.0 h1:x\n")
    return tools.GoTool(module=module, package="example.com/m", binary=tmp_path / ".tools" / "bin" / "tool")


def build(tool: tools.GoTool) -> str:
    said = io.StringIO()
    tools.build(Console(file=said, width=200), [tool])
    return said.getvalue()


def test_a_tool_is_built_once(builds: Path, tool: tools.GoTool) -> None:
    assert "built in" in build(tool)
    assert build(tool) == ""

    assert len(builds.read_text().splitlines()) == 1
    assert tool.binary.read_text() == "built\n"


@pytest.mark.parametrize("pin", ["go.mod", "go.sum"])
def test_a_changed_pin_is_built_anew(builds: Path, tool: tools.GoTool, pin: str) -> None:
    build(tool)
    with (tool.module / pin).open("a") as file:
        file.write("// changed\n")

    build(tool)

    assert len(builds.read_text().splitlines()) == 2


def test_two_set_ups_at_once_build_a_tool_once(
    builds: Path, tool: tools.GoTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW", "0.5")
    said: list[str] = []
    both = [threading.Thread(target=lambda: said.append(build(tool))) for _ in range(2)]

    for one in both:
        one.start()
    for one in both:
        one.join()

    assert len(builds.read_text().splitlines()) == 1
    assert sorted("waiting for another" in text for text in said) == [False, True]


def test_a_killed_build_leaves_no_process_and_no_half_binary_and_the_next_one_works(
    builds: Path, tool: tools.GoTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW", "300")
    program = (
        "from pathlib import Path\n"
        "from rich.console import Console\n"
        "from rehearsal import tools\n"
        f"tools.TOOLS = Path({str(tools.TOOLS)!r})\n"
        f"tool = tools.GoTool(module=Path({str(tool.module)!r}), package='example.com/m',"
        f" binary=Path({str(tool.binary)!r}))\n"
        "tools.build(Console(), [tool])\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)
    assert wait_for(builds.exists, seconds=30)

    killed.send_signal(signal.SIGKILL)
    killed.wait()

    compiler = int(builds.read_text())
    assert wait_for(lambda: not is_running(compiler))
    assert not tool.is_built
    monkeypatch.delenv("SLOW")
    build(tool)
    assert tool.is_built
    assert list(tools.TOOLS.glob("partial-*")) == []


def test_without_go_the_message_says_what_to_install(
    builds: Path, tool: tools.GoTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(SetupError, match=r"^Go is not installed or not on PATH: install Go 1\.26 or newer"):
        build(tool)


def test_a_go_that_is_too_old_is_refused_before_anything_is_fetched(
    builds: Path, tool: tools.GoTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GO_REPORTS", "go1.19.8")

    with pytest.raises(SetupError, match=r"^go1\.19\.8 \(.*\) is too old: install Go 1\.26 or newer"):
        build(tool)
    assert not builds.exists()


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("go: example.com/m@v1.0.0: dial tcp: lookup x: no such host", "check the network"),
        ("go: example.com/m@v1.0.0: reading x: 403 Forbidden", "check GOPROXY"),
        ("write /x: no space left on device", "free about"),
    ],
)
def test_a_build_that_fails_says_why_and_leaves_nothing(
    builds: Path, tool: tools.GoTool, line: str, advice: str
) -> None:
    write_go(builds.parent, f"#!/bin/sh\n[ $1 = env ] && echo go1.26.8 && exit\necho '{line}' >&2\nexit 1\n")

    with pytest.raises(SetupError) as reported:
        build(tool)

    assert advice in str(reported.value)
    assert line in str(reported.value)
    assert not tool.is_built
    assert list(tools.TOOLS.glob("partial-*")) == []


def test_a_user_s_go_settings_do_not_change_what_is_built(
    builds: Path, tool: tools.GoTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("CGO_ENABLED", "1")
    seen = builds.with_name("seen")
    write_go(builds.parent, _GO.replace('case "$1"', f'echo "$GOFLAGS $CGO_ENABLED" >> {seen}\ncase "$1"', 1))

    build(tool)

    assert set(seen.read_text().splitlines()) == {"-mod=readonly 0"}


def test_the_pulumi_binary_reports_the_version_that_go_mod_pins() -> None:
    pinned = tools._pinned_version(tools.PULUMI.module, "github.com/pulumi/pulumi/pkg/v3")

    assert tools.PULUMI.linker_flags.endswith(f"version.Version={pinned}")


def own(directory: Path, version: str) -> Path:
    program = directory / "own" / "pulumi"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n[ $1 = version ] && echo {version}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("version", "will_do"),
    [
        *(("v3.259.0", True), ("v3.259.1", True), ("3.300.0", True), ("v4.0.0", True)),
        *(("v3.258.9", False), ("v3.99.0", False), ("v2.999.0", False), ("v3.259.0-alpha.1", False)),
        *(("nonsense", False), ("", False)),
    ],
)
def test_the_users_own_pulumi_will_do_where_it_is_not_older_than_the_pinned_one(
    version: str, will_do: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "_pulumis_version", lambda: "v3.259.0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'own'}:/usr/bin:/bin")
    assert tools.own_pulumi() is None
    program = own(tmp_path, version)
    assert tools.own_pulumi() == (program if will_do else None)
    assert (tools.PULUMI in tools.needed(own=True)) is not will_do
    assert tools.PULUMI in tools.needed(own=False)


def test_the_pinned_version_is_one_to_compare_with() -> None:
    assert tools._numbers(tools._pulumis_version())
