"""Profiles for people: the right roles, and the MFA device where the tool looks for it."""

import configparser
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


def test_awsume_finds_the_device_in_the_source_profile_only() -> None:
    found = _profiles("Administrator", client_config.AWSUME)
    assert found["central"]["mfa_serial"] == SERIAL
    assert "mfa_serial" not in found["dev-test_role"]
    assert found["dev-test_role"]["source_profile"] == "central"


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


def test_an_unknown_person_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert client_config.run(**options(["--person", "Nobody", "--device", "phone"])) == 2
    assert "--person Nobody: no such user; known: Administrator, Auditor" in capsys.readouterr().err
