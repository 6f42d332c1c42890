"""Scenarios whose opposite cannot come from a stack file: each must be able to find a claim false."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from iam_hardening.claims.claim import Outcome
from iam_hardening.clients.aws import Credentials, Session
from rehearsal.recorder import Recorder
from rehearsal.scenarios import root_account, secrets_stay_secret
from rehearsal.servers import emulated_aws
from rehearsal.testbed import Account


class Nobody:
    """An audience that does not watch."""

    def scenario_begins(self, title: str) -> None: ...
    def outcome(self, outcome: Outcome) -> None: ...
    def note(self, text: str) -> None: ...
    def tally(self, outcomes: list[Outcome]) -> None: ...


@pytest.mark.emulator
def test_a_root_access_key_is_a_false_claim_that_says_how_to_delete_it(tmp_path: Path) -> None:
    with emulated_aws(tmp_path / "aws") as aws:
        root = Session(
            Credentials(access_key_id="123456789012", secret_access_key="emulated"),
            region="us-east-1",
            endpoint_url=aws.endpoint_url,
        )
        account = cast(Account, SimpleNamespace(name="dev", admin=root))
        recorder = Recorder(Nobody())
        root_account.judge_root_keys(recorder, account)
        key = root.client("iam").create_access_key()["AccessKey"]["AccessKeyId"]
        root_account.judge_root_keys(recorder, account)
        root.client("iam").delete_access_key(AccessKeyId=key)
        root_account.judge_root_keys(recorder, account)
    assert [outcome.holds for outcome in recorder.outcomes] == [True, False, True]
    assert "delete it: docs/root-account.md" in recorder.outcomes[1].detail


@pytest.mark.emulator
def test_central_root_access_with_one_feature_off_is_a_false_claim(tmp_path: Path) -> None:
    with emulated_aws(tmp_path / "aws") as aws:
        root = Session(
            Credentials(access_key_id="123456789012", secret_access_key="emulated"),
            region="us-east-1",
            endpoint_url=aws.endpoint_url,
        )
        account = cast(Account, SimpleNamespace(name="central", admin=root))
        recorder = Recorder(Nobody())
        root.client("iam").enable_organizations_root_credentials_management()
        root_account.judge_central_root_access(recorder, account)
        root.client("iam").enable_organizations_root_sessions()
        root_account.judge_central_root_access(recorder, account)
    assert [(outcome.holds, outcome.found) for outcome in recorder.outcomes] == [
        (False, "RootCredentialsManagement"),
        (True, "RootCredentialsManagement, RootSessions"),
    ]


def test_a_secret_is_found_in_a_file_and_in_a_text(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "server.log").write_bytes(b"\x00 key=wJalrXUtnFEMI0 \x00")
    (tmp_path / "logs" / "other.log").write_text("nothing here")
    found = secrets_stay_secret.where_found(
        {"wJalrXUtnFEMI0"}, {"the claims": "wJalrXUtnFEMI0", "the output": "[secret]"}, tmp_path
    )
    assert found == ["the claims", "logs/server.log"]


def test_secrets_are_every_plaintext_of_an_unmasked_state_but_key_ids() -> None:
    state = """{"deployment": {"resources": [{"outputs": {
        "password": {"4dabf18193072939515e22adb298388d": "x", "plaintext": "\\"aA1!aA1!aA1!aA1!\\""},
        "accessKey": {"4dabf18193072939515e22adb298388d": "x", "plaintext": "\\"AKIAIOSFODNN7EXAMPLE\\""},
        "passwords": {"plaintext": "{\\"Alice\\": \\"another secret text\\"}"},
        "name": "no secret at all, however long"}}]}}"""
    assert secrets_stay_secret.secrets_of(state) == {"aA1!aA1!aA1!aA1!", "another secret text"}
