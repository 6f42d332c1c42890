"""`iam-hardening mutate`: all mutants of our own stack files are noticed, and blunt claims are found out."""

from collections.abc import Callable

import pytest

from tests.rehearsal.conftest import Copy, Rehearsed

pytestmark = pytest.mark.engine

JSON = ("--json", "report.json")


@pytest.fixture(scope="module")
def mutants(copy_of_project: Callable[[], Copy]) -> tuple[Rehearsed, Rehearsed]:
    """Of the shipped stack files, and of the hardened example."""
    shipped, hardened = copy_of_project(), copy_of_project()
    running = (
        shipped.start("mutants", *JSON),
        hardened.start("mutants", "--stack-files", "examples/hardened", *JSON),
    )
    return shipped.ended(running[0]), hardened.ended(running[1])


@pytest.mark.parametrize("which", [0, 1], ids=["shipped", "hardened"])
def test_every_mutant_is_noticed(mutants: tuple[Rehearsed, Rehearsed], which: int) -> None:
    result = mutants[which]
    assert result.status == 0, result.printed
    assert result.report["survive"] == 0
    assert result.report["noticed"] > 200
    assert "100 %" in result.printed


def test_every_kind_of_policy_has_mutants(mutants: tuple[Rehearsed, Rehearsed]) -> None:
    policies = {each["policy"] for each in mutants[1].report["mutants"]}
    assert {
        "policy enforce-to-use-mfa",
        "policy self-service-password-and-mfa",
        "policy break-glass-no-access-keys",
        "policy assume-roles-Auditors",
        "policy vault-secrets-engine",
        "policy vault-issued-user-boundary",
        "policy vault-server",
        "policy test_policy",
        "policy write-application-data",
        "policy of role test_role (us-east-1)",
        "policy of role third_party_role (us-east-1)",
        "policy of role test_instance_role (us-east-1)",
        "policy of role vault-aws-verify-data (us-east-1)",
        "policy of key vault-server (us-east-1)",
        "policy of key iam-hardening-alarms (eu-central-1)",
        "policy of topic iam-hardening-alarms (us-east-1)",
        "policy of bucket iam-hardening-management-events-111111111111-us-east-1 (us-east-1)",
        "role bounded_role's boundary",
        "role vault-aws-verify-data's boundary",
        "Vault policy aws-test",
        "Vault role test",
    } <= policies


def test_what_a_mutant_broke_is_reported_by_the_claim(mutants: tuple[Rehearsed, Rehearsed]) -> None:
    noticed = {(each["policy"], each["what"]): each["killed_by"] for each in mutants[0].report["mutants"]}
    assert noticed[
        "policy of role test_role (us-east-1)", "AllowTheCentralAccount: without its condition"
    ] == (
        "sts:AssumeRole by account 111111111111 (no aws:MultiFactorAuthPresent) at role test_role is allowed"
    )
    assert "iam:EnableMFADevice" in noticed["policy enforce-to-use-mfa", "DenyOthersUsersIfNoMFA: dropped"]


@pytest.fixture(scope="module")
def blunt(copy_of_project: Callable[[], Copy]) -> Rehearsed:
    """Claims that look away: no one asks what happens without MFA. And a reason that is none."""
    copy = copy_of_project()
    copy.replace(
        "iam_hardening/claims/resource_policies.py",
        "needed[_MFA], wrong[_MFA] = True, [False]",
        "needed[_MFA] = True",
    )
    copy.replace(
        "rehearsal/mutation/equivalent.yaml",
        '- policy: "policy *"\n',
        "- {policy: policy self-service-password-and-mfa, why: a reason that is none,\n"
        '   what: ["AllowCreatingADevice: dropped"]}\n'
        '- policy: "policy *"\n',
    )
    return copy.ended(copy.start("mutants", *JSON))


def test_claims_that_look_away_let_mutants_survive(blunt: Rehearsed) -> None:
    assert blunt.status == 1, blunt.printed
    survivors = {
        (each["policy"], each["what"])
        for each in blunt.report["mutants"]
        if each["killed_by"] is None and each["equivalent"] is None
    }
    trust = "policy of role test_role (us-east-1)"
    assert (trust, "AllowTheCentralAccount: without its condition") in survivors
    assert "survives: AllowTheCentralAccount: without its condition" in blunt.printed
    assert "100 %" not in blunt.printed


def test_a_mutant_that_is_noticed_cannot_be_called_equivalent(blunt: Rehearsed) -> None:
    assert "equivalent.yaml says it changes nothing" in blunt.printed


def test_mutants_of_a_deployment_that_is_wrong_already_are_not_run(
    copy_of_project: Callable[[], Copy],
) -> None:
    copy = copy_of_project()
    copy.replace(
        "iam_hardening/aws/policies/roles.py", "    if require_mfa:\n        condition |= WITH_MFA\n", ""
    )
    result = copy.ended(copy.start("mutants", *JSON))
    assert result.status == 2, result.printed
    assert "a claim is false although no mutant is in place" in result.printed
    assert "Traceback" not in result.printed
