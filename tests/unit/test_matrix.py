"""The behaviour matrix worked out for the stack files: enough of it, every row of use, nothing said twice."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.claims import matrix
from iam_hardening.config import Settings
from iam_hardening.config.files import settings_of
from tests.stack_files import PROJECT, config_of

ROOT = Path(__file__).parents[2]
SHIPPED = settings_of(ROOT)


def hardened() -> dict[str, Settings]:
    folder = ROOT / "examples" / "hardened"
    return {
        stack: config.load(
            yaml.safe_load((folder / f"Pulumi.{stack}.yaml").read_text())["config"],
            project="iam-hardening",
            stack=stack,
        )
        for stack in ("central", "dev")
    }


def in_one_account() -> Settings:
    folder = ROOT / "examples" / "single-account"
    return config.load(config_of("company", folder), project=PROJECT, stack="company")


def deployed(account: Settings) -> matrix.Issued:
    """As if a user had been issued for each of Vault's roles, and the instance were running."""
    roles = account.vault.roles if account.vault else {}
    return matrix.Issued(
        users={
            name: naming.user_arn(account.partition, account.account_id, "/vault/", f"vault-{name}")
            for name, role in roles.items()
            if role.credential_type == "iam_user"
        },
        instance_arn=f"arn:aws:ec2:us-east-1:{account.account_id}:instance/i-0123"
        if account.instance
        else None,
    )


def cells(account: Settings) -> list[matrix.MatrixClaim]:
    return matrix.claims(account, issued=deployed(account))


def test_the_shipped_files_make_more_than_two_hundred_claims() -> None:
    assert sum(len(cells(account)) for account in SHIPPED.values()) >= 200


def test_every_row_counts_in_one_of_the_projects_own_stack_files() -> None:
    accounts = [*SHIPPED.values(), *hardened().values()]
    for row in matrix.rows():
        assert any(matrix.claims(account, [row], deployed(account)) for account in accounts), row


@pytest.mark.parametrize("who", ["Administrator", "Auditor"])
def test_every_person_is_allowed_something_and_refused_something(who: str) -> None:
    verdicts = Counter(cell.claimed for cell in cells(SHIPPED["central"]) if cell.who == who)
    assert set(verdicts) == {"allowed", "refused"}


def test_each_state_of_mfa_is_claimed_for_people() -> None:
    people = [cell for cell in cells(SHIPPED["central"]) if cell.kind == "person"]
    assert {cell.mfa for cell in people} == {"absent", "false", "present"}


def key(cell: matrix.MatrixClaim) -> tuple[object, ...]:
    given = tuple(sorted(cell.given.items()))
    return (
        cell.subject,
        cell.principal_arn,
        cell.beside_everything,
        cell.mfa,
        cell.action,
        cell.resource,
        given,
    )


def test_no_cell_is_claimed_twice() -> None:
    for account in (*SHIPPED.values(), *hardened().values(), in_one_account()):
        keys = [key(cell) for cell in cells(account)]
        assert len(keys) == len(set(keys))


def test_no_two_rows_claim_the_opposite_of_each_other() -> None:
    for account in (*SHIPPED.values(), *hardened().values(), in_one_account()):
        verdicts: dict[tuple[object, ...], set[str]] = {}
        for row in matrix.rows():
            for cell in matrix.claims(account, [row], deployed(account)):
                verdicts.setdefault(key(cell), set()).add(cell.claimed)
        assert [cell for cell, claimed in verdicts.items() if len(claimed) > 1] == []


@pytest.mark.parametrize(
    ("pattern", "inside", "beside"),
    [
        ("arn:aws:s3:::data/*", "arn:aws:s3:::data/x", "arn:aws:s3:::data-beside/x"),
        ("arn:aws:s3:::data", "arn:aws:s3:::data", "arn:aws:s3:::data-beside"),
        ("arn:aws:iam::1:role/app-*", "arn:aws:iam::1:role/app-x", "arn:aws:iam::1:role/app--besidex"),
        ("*", "*", "*"),
    ],
)
def test_a_statements_own_resource_and_its_neighbour_are_both_asked_about(
    pattern: str, inside: str, beside: str
) -> None:
    statement = config.Statement.model_validate(
        {"sid": "A", "actions": ["s3:GetObject", "s3:List*"], "resources": [pattern]}
    )
    role = config.CrossAccountRole.model_validate({"policies": {"a": [statement]}})
    account = replace(SHIPPED["dev"], cross_account_roles={"reader": role})
    row = next(row for row in matrix.rows() if row.who == "cross-account role" and row.for_each)
    asked = {(cell.action, cell.resource) for cell in matrix.claims(account, [row])}
    # Which action a pattern stands for is unknown, so none is claimed of it.
    assert asked == {("s3:GetObject", inside), ("s3:GetObject", beside)}


def test_a_denial_of_all_but_some_is_asked_about_on_both_sides_of_its_exceptions() -> None:
    allowed = {"sid": "A", "actions": ["s3:GetObject", "s3:ListBucket"], "resources": ["*"]}
    denied = {
        "sid": "D",
        "effect": "Deny",
        "notActions": ["s3:ListBucket"],
        "notResources": ["arn:aws:s3:::data/*"],
    }
    role = config.CrossAccountRole.model_validate({"policies": {"a": [allowed, denied]}})
    account = replace(SHIPPED["dev"], cross_account_roles={"reader": role})
    own = [r for r in matrix.rows() if r.who == "cross-account role" and r.for_each == "own resource"]
    claimed = {(c.action, c.resource): c.claimed for c in matrix.claims(account, own)}
    assert claimed["s3:ListBucket", "arn:aws:s3:::data/x"] == "allowed"
    assert claimed["s3:ListBucket", "arn:aws:s3:::data-beside/x"] == "allowed"
    assert claimed["s3:GetObject", "*"] == "refused"
    assert claimed["s3:DeleteObject", "arn:aws:s3:::data/x"] == "refused"


def test_a_denial_is_no_guard_of_what_it_denies() -> None:
    """`guarded resource` is about what is allowed: a Deny for one account says nothing of the others."""
    account_asked_for = {"StringEquals": {"aws:ResourceAccount": "222222222222"}}
    allowed = {"sid": "A", "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::data/*"]}
    denied = {**allowed, "sid": "D", "effect": "Deny", "conditions": account_asked_for}
    role = config.CrossAccountRole.model_validate({"policies": {"a": [allowed, denied]}})
    account = replace(SHIPPED["dev"], cross_account_roles={"reader": role})
    guarded = [r for r in matrix.rows() if r.who == "cross-account role" and r.for_each == "guarded resource"]
    assert matrix.claims(account, guarded) == []


def test_a_row_may_be_about_one_policy_of_the_stack_file() -> None:
    row = matrix.Row(
        who="configured policy",
        mfa=["present"],
        actions=["ec2:RunInstances"],
        resources=["*"],
        expect="refused",
        why="nothing runs in other regions",
        control="a rule of the company",
    )
    account = hardened()["dev"]
    judged = {claim.who for claim in matrix.claims(account, [row])}
    assert judged == {"policy test_policy", "policy read_reports", "policy write-application-data"}
    only = row.model_copy(update={"policy": "read_reports"})
    assert {claim.who for claim in matrix.claims(account, [only])} == {"policy read_reports"}
    assert matrix.claims(account, [row.model_copy(update={"policy": "another"})]) == []


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
            if cell.kind == "person"
            and cell.action == "iam:EnableMFADevice"
            and cell.resource == cell.principal_arn
            and cell.mfa == "absent"
        }

    assert enrols(SHIPPED["central"]) == {("allowed", False)}
    assert enrols(hardened()["central"]) == {("refused", False), ("allowed", True)}


def test_a_row_with_a_mistake_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "matrix.yaml"
    table.write_text(
        "- {who: no one, mfa: [absent], actions: [s3:GetObject], resources: ['*'], expect: allowed,"
        " why: because it is so, control: CIS 1.9}"
    )
    with pytest.raises(ValidationError, match="who"):
        matrix.rows(table)
