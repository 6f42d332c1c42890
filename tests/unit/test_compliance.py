"""docs/compliance.md: its numbers are those of the benchmarks, and what it says shows a row is there."""

import re
from pathlib import Path

import pytest

from iam_hardening.commands.report import controls

ROOT = Path(__file__).parents[2]
MAP = (ROOT / "docs" / "compliance.md").read_text()
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))

# What CIS AWS Foundations 5.0 asks for → where 7.0 does; None where it no longer does.
# Source: public copies of both (Prowler's cis_5.0_aws.json and cis_7.0_aws.json), read in November 2026.
SEVEN_OF_FIVE: dict[str, str | None] = {
    "1.1": "2.2",
    "1.2": "2.3",
    "1.3": "2.4",
    "1.4": "2.5",
    "1.5": "2.6",
    "1.6": "2.7",
    "1.7": "2.8",
    "1.8": "2.9",
    "1.9": "2.10",
    "1.10": None,
    "1.11": "2.11",
    "1.12": None,
    "1.13": "2.12",
    "1.14": "2.13",
    "1.15": "2.14",
    "1.16": "2.15",
    "1.17": "2.16",
    "1.18": "2.17",
    "1.19": "2.18",
    "1.20": "2.19",
    "1.21": "2.20",
    "2.1.4": "3.1.4",
    "3.1": "4.1",
    "3.2": "4.2",
    "3.3": "4.3",
    "3.4": "4.4",
    "3.5": "4.5",
    "3.6": "4.6",
    "4.2": "5.2",
    "4.3": "5.3",
    "4.4": "5.4",
    "4.7": "5.7",
    "5.1.1": "6.1.1",
    "5.7": "6.7",
}
# Security Hub's; AWS retired IAM.20.
IAM_CONTROLS = {f"IAM.{number}" for number in range(1, 29)} - {"IAM.20"}

NUMBER = re.compile(r"\d+(?:\.\d+)+")


def rows() -> list[tuple[list[str], list[str], list[str]]]:
    """CIS 5.0's numbers, 7.0's and Security Hub's, of each row of the first table."""
    table = MAP.split("\n\n")[2].splitlines()[2:]
    cells = [line.split("|")[1:4] for line in table]
    return [
        (NUMBER.findall(five), NUMBER.findall(seven), re.findall(r"[A-Za-z0-9]+\.\d+", hub))
        for five, seven, hub in cells
    ]


@pytest.mark.parametrize("row", rows(), ids=str)
def test_a_row_is_about_one_thing_in_both_benchmarks(row: tuple[list[str], list[str], list[str]]) -> None:
    five, seven, _ = row
    if five:
        assert seven == [SEVEN_OF_FIVE[number] for number in five if SEVEN_OF_FIVE[number]]


def test_every_control_about_iam_has_a_row() -> None:
    five = {number for row in rows() for number in row[0]}
    assert {number for number in SEVEN_OF_FIVE if number.startswith("1.")} <= five
    assert {number for row in rows() for number in row[2] if number.startswith("IAM.")} == IAM_CONTROLS


def test_every_test_that_the_map_names_is_there() -> None:
    named = re.findall(r"`(test_\w+)(…?)`", MAP)
    assert len(named) > 10
    for name, more in named:
        assert re.search(rf"def {name}{'' if more else '[(]'}", TESTS), name
    for path in re.findall(r"`((?:tests|settings)/[\w/.]+)`", MAP):
        assert (ROOT / path).exists(), path


def test_the_report_numbers_its_controls_as_the_map_does() -> None:
    def numbers(ids: str, version: str) -> list[str]:
        of_version = re.search(rf"CIS {version} ((?:[\d.]+(?:, | and )?)+)", ids)
        return NUMBER.findall(of_version[1]) if of_version else []

    five = {control.ids: numbers(control.ids, r"5\.0") for control in controls.known()}
    assert sum(map(len, five.values())) > 15
    for ids, of_five in five.items():
        if of_five:
            expected = [SEVEN_OF_FIVE[number] for number in of_five if SEVEN_OF_FIVE[number]]
            assert numbers(ids, r"7\.0") == expected, ids
