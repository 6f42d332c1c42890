"""The behaviour matrix worked out for the stack files: enough of it, every row of use, nothing said twice."""

from collections import Counter
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

import settings
from access import matrix
from access.stack_files import settings_of
from settings import Settings

ROOT = Path(__file__).parents[2]
SHIPPED = settings_of(ROOT)


def hardened() -> dict[str, Settings]:
    folder = ROOT / "examples" / "hardened"
    return {
        stack: settings.load(
            yaml.safe_load((folder / f"Pulumi.{stack}.yaml").read_text())["config"],
            project="iam-hardening",
            stack=stack,
        )
        for stack in ("central", "dev")
    }


def cells(account: Settings) -> list[matrix.MatrixClaim]:
    return matrix.claims(account)


def test_the_shipped_files_make_more_than_two_hundred_claims() -> None:
    assert sum(len(cells(account)) for account in SHIPPED.values()) >= 200


def test_every_row_counts_in_one_of_the_projects_own_stack_files() -> None:
    accounts = [*SHIPPED.values(), *hardened().values()]
    for row in matrix.rows():
        assert any(matrix.claims(account, [row]) for account in accounts), row


@pytest.mark.parametrize("who", ["Administrator", "Auditor"])
def test_every_person_is_allowed_something_and_refused_something(who: str) -> None:
    verdicts = Counter(cell.claimed for cell in cells(SHIPPED["central"]) if cell.who == who)
    assert set(verdicts) == {"allowed", "refused"}


def test_each_state_of_mfa_is_claimed_for_people() -> None:
    people = [cell for cell in cells(SHIPPED["central"]) if cell.kind == "person"]
    assert {cell.mfa for cell in people} == {"absent", "false", "present"}


def test_no_cell_is_claimed_twice_and_none_against_another() -> None:
    for account in (*SHIPPED.values(), *hardened().values()):
        keys = [
            (c.principal_arn, c.mfa, c.action, c.resource, tuple(sorted(c.given.items())))
            for c in cells(account)
        ]
        assert len(keys) == len(set(keys))


def test_no_template_is_left_unfilled() -> None:
    for account in SHIPPED.values():
        for cell in cells(account):
            assert "{" not in cell.resource.replace("${", "")
            assert "{" not in "".join(cell.given.values())


def test_strict_onboarding_turns_its_rows_around() -> None:
    def enrols(account: Settings) -> set[tuple[str, bool]]:
        return {
            (cell.claimed, bool(cell.given))
            for cell in cells(account)
            if cell.action == "iam:EnableMFADevice"
            and cell.resource == cell.principal_arn
            and cell.mfa == "absent"
        }

    assert enrols(SHIPPED["central"]) == {("allowed", False)}
    assert enrols(hardened()["central"]) == {("refused", False), ("allowed", True)}


def test_a_row_with_a_mistake_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "matrix.yaml"
    table.write_text(
        "- {who: nobody, mfa: [absent], actions: [s3:GetObject], resources: ['*'], expect: allowed,"
        " why: because it is so, control: CIS 1.9}"
    )
    with pytest.raises(ValidationError, match="who"):
        matrix.rows(table)
