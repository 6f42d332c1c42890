"""Profiles for people: the right roles, and the MFA device where the tool looks for it."""

import configparser
import re
from pathlib import Path

import pytest

from iam_hardening.commands import client_config
from iam_hardening.config.files import settings_of
from tests.options import options

ROOT = Path(__file__).parents[2]
SERIAL = "arn:aws:iam::111111111111:mfa/phone"
ROLE = "arn:aws:iam::222222222222:role/test_role"


def _profiles(person: str, tool: str) -> dict[str, dict[str, str]]:
    return client_config.profiles(settings_of(ROOT), person=person, device="phone", tool=tool)


def test_the_aws_clis_roles_start_from_the_session_in_the_environment() -> None:
    assert _profiles("Administrator", client_config.AWS_CLI) == {
        "central": {"region": "us-east-1"},
        "dev-test_role": {
            "role_arn": ROLE,
            "credential_source": "Environment",
            "role_session_name": "Administrator",
            "region": "us-east-1",
        },
    }


def test_every_tool_finds_the_device_where_it_looks_for_it() -> None:
    """AWSume and Granted in the source profile, aws-vault in both."""
    assert list(_profiles("Administrator", client_config.ALL).items()) == [
        ("central", {"region": "us-east-1", "mfa_serial": SERIAL}),
        (
            "dev-test_role",
            {
                "role_arn": ROLE,
                "source_profile": "central",
                "mfa_serial": SERIAL,
                "role_session_name": "Administrator",
                "region": "us-east-1",
            },
        ),
        (
            "dev-test_role/session",
            {
                "role_arn": ROLE,
                "credential_source": "Environment",
                "role_session_name": "Administrator",
                "region": "us-east-1",
            },
        ),
    ]


def test_the_profiles_for_awsume_alone_are_those_without_a_session_of_the_environment() -> None:
    found = _profiles("Administrator", client_config.ALL)
    del found["dev-test_role/session"]
    assert _profiles("Administrator", client_config.AWSUME) == found


def test_who_was_granted_no_role_gets_no_profile_for_one() -> None:
    assert list(_profiles("Auditor", client_config.AWS_CLI)) == ["central"]


def test_what_is_printed_reads_back_as_a_config_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert client_config.run(**options(["--person", "Administrator", "--device", "phone"])) == 0
    printed = capsys.readouterr().out
    assert f"get-session-token --profile central --serial-number {SERIAL}" in printed
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read_string(printed)
    assert parsed["profile dev-test_role"]["role_arn"] == ROLE
    for tool in ("AWSume", "aws-vault", "Granted", "Leapp", "AWS CLI"):
        assert f"\n# {tool}: " in f"\n{printed}"


@pytest.mark.parametrize("tool", ["aws", "awsume", "all"])
def test_the_comments_name_profiles_that_are_there(
    tool: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    client_config.run(person="Administrator", device="phone", tool=tool)
    printed = capsys.readouterr().out
    named = set(re.findall(r"--profile (\S+)|exec (\S+)|(?:awsume|assume) ([^\s,]+)", printed))
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read_string(printed)
    profiles = {section.removeprefix("profile ") for section in parsed.sections()}
    assert {name for found in named for name in found if name} <= profiles
    assert bool(named) == (tool != "awsume")


def test_an_unknown_person_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert client_config.run(**options(["--person", "Nobody", "--device", "phone"])) == 2
    assert "--person Nobody: no such user; known: Administrator, Auditor" in capsys.readouterr().err
