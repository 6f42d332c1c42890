"""Denials of all but some (`notActions`, `notResources`), from the documents' own examples: what they deny,
and that the documents' rows notice each way to make them wrong."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from iam_hardening import config
from iam_hardening.claims import matrix
from iam_hardening.config.files import settings_of
from rehearsal.mutation.mutate import mutations
from tests.emulator.cloud import ALLOWED, EVERYTHING, Account, Cloud, allow, document, verdict

pytestmark = pytest.mark.emulator

ROOT = Path(__file__).parents[2]
DENIED = ("AccessDenied", "UnauthorizedOperation")
GUARD = "deny-other-regions"


def example(file: str, has: str) -> Any:
    """The YAML example of a document that has this text."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / file).read_text(), re.DOTALL)
    (block,) = [block for block in blocks if has in block]
    return yaml.safe_load(block)


@pytest.fixture
def account(emulated: Cloud) -> Account:
    return emulated.account()


@pytest.fixture(scope="module")
def guard() -> list[config.Statement]:
    written = example("configuration.md", f"{GUARD}:")["policies"][GUARD]
    return [config.Statement.model_validate(statement) for statement in written]


def of(statements: list[config.Statement]) -> Any:
    return document(*(statement.document() for statement in statements))


@pytest.mark.parametrize(
    ("region", "is_allowed"), [("eu-west-1", True), ("us-east-1", True), ("ap-southeast-1", False)]
)
def test_the_guard_lets_calls_into_its_regions_only(
    account: Account, guard: list[config.Statement], region: str, is_allowed: bool
) -> None:
    ada = account.user("Ada", EVERYTHING, of(guard))
    found = verdict(ada.client("ec2", region).describe_instances)
    assert (found == ALLOWED) == is_allowed
    assert is_allowed or found in DENIED


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-1"])
def test_the_guard_leaves_the_services_that_it_excepts(
    account: Account, guard: list[config.Statement], region: str
) -> None:
    ada = account.user("Ada", EVERYTHING, of(guard))
    assert verdict(ada.client("iam", region).list_users) == ALLOWED
    assert verdict(ada.client("sts", region).get_session_token) == ALLOWED


def test_a_denial_of_all_resources_but_some_leaves_these(account: Account) -> None:
    denied = config.Statement.model_validate(
        {
            "sid": "OwnBucketOnly",
            "effect": "Deny",
            "actions": ["s3:GetObject"],
            "notResources": ["arn:aws:s3:::data/*"],
        }
    )
    ada = account.user("Ada", document(allow("s3:*")), of([denied]))
    admin = account.client("s3")
    for bucket in ("data", "others"):
        admin.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        admin.put_object(Bucket=bucket, Key="key", Body=b"x")
    reads = ada.client("s3").get_object
    assert verdict(reads, Bucket="data", Key="key") == ALLOWED
    assert verdict(reads, Bucket="others", Key="key") in DENIED


def noticed(account: Account, arn: str, rows: list[matrix.Row], guard: list[config.Statement]) -> bool:
    """Whether one of the documents' rows is false of the policy as it is deployed now."""
    group = config.Group.model_validate({"policies": {GUARD: guard}})
    own = replace(settings_of(ROOT)["central"], account_id=account.id, groups={"Developers": group})
    claims = matrix.claims(own, rows)
    assert {claim.policy_arn for claim in claims} == {arn}
    return any(not verdict.holds for verdict in matrix.evaluate(account.iam, claims))


def test_the_documents_rows_notice_each_mutant_of_the_guard(
    account: Account, guard: list[config.Statement]
) -> None:
    rows = [matrix.Row.model_validate(row) for row in example("mutants.md", "policy: deny-other-regions")]
    arn = account.policy(GUARD, of(guard))
    assert not noticed(account, arn, rows, guard)
    survivors = []
    for mutant in mutations(of(guard)):
        version = account.iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=json.dumps(mutant.document), SetAsDefault=True
        )["PolicyVersion"]["VersionId"]
        if not noticed(account, arn, rows, guard):
            survivors.append(mutant.what)
        account.iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
        account.iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    assert survivors == []
