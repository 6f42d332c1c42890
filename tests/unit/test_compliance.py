"""docs/compliance.md: its numbers are those of the benchmarks, and what it says shows a row is there."""

import re
from dataclasses import dataclass
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
    "2.1.1": "3.1.1",
    "2.1.2": "3.1.2",
    "2.1.4": "3.1.4",
    "3.1": "4.1",
    "3.2": "4.2",
    "3.3": "4.3",
    "3.4": "4.4",
    "3.5": "4.5",
    "3.6": "4.6",
    **{f"4.{number}": f"5.{number}" for number in range(1, 17)},
    "5.1.1": "6.1.1",
    "5.7": "6.7",
}
# Security Hub's; AWS retired IAM.20.
IAM_CONTROLS = {f"IAM.{number}" for number in range(1, 29)} - {"IAM.20"}

NUMBER = re.compile(r"\d+(?:\.\d+)+")
HUB = re.compile(r"[A-Z][A-Za-z0-9]+\.\d+")


@dataclass(frozen=True)
class Numbers:
    """Of a row of the first table, or of a control of the report."""

    five: tuple[str, ...]
    six: tuple[str, ...]
    seven: tuple[str, ...]
    hub: frozenset[str]


def rows() -> list[Numbers]:
    table = MAP.split("\n\n")[2].splitlines()[2:]
    cells = [line.split("|")[1:5] for line in table]
    return [_numbers([tuple(NUMBER.findall(cell)) for cell in cis], hub) for *cis, hub in cells]


def _numbers(cis: list[tuple[str, ...]], hub: str) -> Numbers:
    five, six, seven = cis
    return Numbers(five, six, seven, frozenset(HUB.findall(hub)))


def of_the_report() -> list[Numbers]:
    def numbers(ids: str, version: str) -> tuple[str, ...]:
        of_version = re.search(rf"CIS {version} ((?:[\d.]+(?:, | and )?)+)", ids)
        return tuple(NUMBER.findall(of_version[1])) if of_version else ()

    found = []
    for ids in (control.ids for control in controls.known()):
        cis = [numbers(ids, version) for version in (r"5\.0", r"6\.0", r"7\.0")]
        if any(cis) or HUB.findall(ids):
            found.append(_numbers(cis, ids))
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: ", ".join(row.five or row.seven or sorted(row.hub)))
def test_a_row_is_about_one_thing_in_all_benchmarks(row: Numbers) -> None:
    if row.five:
        later = [SEVEN_OF_FIVE[number] for number in row.five]
        assert row.seven == tuple(number for number in later if number)
        # 6.0 moved each section by one, and nothing else (Prowler's cis_6.0_aws.json).
        parts = [number.split(".") for number in row.five]
        assert row.six == tuple(".".join([str(int(section) + 1), *rest]) for section, *rest in parts)


def test_each_control_of_the_report_is_one_row_of_the_map() -> None:
    of_report = of_the_report()
    assert len(of_report) > 15
    assert [each for each in of_report if rows().count(each) != 1] == []


def test_what_the_report_leaves_out_is_not_covered_or_shown_by_tests_alone() -> None:
    table = MAP.split("\n\n")[2].splitlines()[2:]
    left_out = [line for line, row in zip(table, rows(), strict=True) if row not in of_the_report()]
    assert [line for line in left_out if re.search(r"scenario|claim", line.split("|")[7])] == []


def test_every_control_about_iam_has_a_row() -> None:
    five = {number for row in rows() for number in row.five}
    assert {number for number in SEVEN_OF_FIVE if number.startswith("1.")} <= five
    assert {number for row in rows() for number in row.hub if number.startswith("IAM.")} == IAM_CONTROLS


def test_every_test_that_the_map_names_is_there() -> None:
    named = re.findall(r"`(test_\w+)(…?)`", MAP)
    assert len(named) > 10
    for name, more in named:
        assert re.search(rf"def {name}{'' if more else '[(]'}", TESTS), name
    for path in re.findall(r"`((?:tests|settings)/[\w/.]+)`", MAP):
        assert (ROOT / path).exists(), path
