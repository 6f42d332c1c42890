"""The rehearsal of examples/single-account: people, an instance and Vault in one account."""

from collections.abc import Callable

import pytest

from tests.rehearsal.conftest import Copy, Rehearsed

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def single(copy_of_project: Callable[[], Copy]) -> Rehearsed:
    copy = copy_of_project()
    return copy.ended(copy.start("--stack-files", "examples/single-account", "--json", "report.json"))


def test_every_claim_holds(single: Rehearsed) -> None:
    assert single.status == 0, single.printed
    assert len(single.claims) > 1000


def test_people_the_instance_and_vault_are_all_played_in_it(single: Rehearsed) -> None:
    assert {claim["account"] for claim in single.claims} <= {"company", "vault", "third party"}
    assert {claim["scenario"] for claim in single.claims} >= {
        "First day of Developer",
        "Role support in company",
        "Instance HelloWorld in company",
        "Vault role test for company",
        "Vault's own principal in company",
        "The boundary in company",
        "Log-in people for company",
    }


def test_what_vault_issues_does_not_reach_the_people_beside_it(single: Rehearsed) -> None:
    """Two accounts would keep them apart; in one the boundary does."""
    issued = [claim for claim in single.claims if claim["scenario"] == "The boundary in company"]
    refused = {claim["call"] for claim in issued if claim["found"] == "refused"}
    assert {"iam:CreateUser", "iam:CreateAccessKey", "iam:CreateLoginProfile", "sts:AssumeRole"} <= refused
