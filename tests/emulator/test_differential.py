"""The emulated AWS decides as a second evaluator does, over policies and requests made by chance.

Two ways: through the policy simulator, thousands of times, and by real calls on a bucket, where boundaries,
session policies, the bucket's own policy and another account come together. A seed makes the same ones again;
`DIFFERENTIAL_SEED=7 make test ARGS="-k differential"` makes others.
"""

import ast
import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.emulator import generated, reference
from tests.emulator.cloud import ALLOWED, REGION, Account, Cloud, Principal, allow, document, trust, verdict

pytestmark = pytest.mark.emulator

SEED = int(os.environ.get("DIFFERENTIAL_SEED", "20261127"))
SIMULATIONS = 700
REAL_CALLS = 240
ACTIONS_A_TIME = RESOURCES_A_TIME = 2
PAIRS = SIMULATIONS * ACTIONS_A_TIME * RESOURCES_A_TIME
AT_LEAST = 2000


def entries(context: dict[str, str | list[str]]) -> list[dict[str, Any]]:
    found = []
    for name, value in context.items():
        kind = generated.KEYS.get(name, ("", "string", ()))[1]
        found.append(
            {
                "ContextKeyName": name,
                "ContextKeyValues": value if isinstance(value, list) else [value],
                "ContextKeyType": "stringList" if isinstance(value, list) else kind,
            }
        )
    return found


def simulated(account: Account, case: dict[str, Any]) -> dict[tuple[str, str], str]:
    boundary = [json.dumps(each) for each in case["boundary"]]
    answer = account.iam.simulate_custom_policy(
        PolicyInputList=[json.dumps(each) for each in case["policies"]],
        **({"PermissionsBoundaryPolicyInputList": boundary} if boundary else {}),
        ActionNames=case["actions"],
        ResourceArns=case["resources"],
        ContextEntries=entries(case["context"]),
    )
    results = answer["EvaluationResults"]
    return {(each["EvalActionName"], each["EvalResourceName"]): each["EvalDecision"] for each in results}


def expected(case: dict[str, Any]) -> dict[tuple[str, str], str]:
    limits = [case["boundary"]] if case["boundary"] else []
    return {
        (action, resource): reference.of_identity(
            reference.Call(action, resource, case["context"]), case["policies"], *limits
        )
        for action in case["actions"]
        for resource in case["resources"]
    }


def simulations() -> list[dict[str, Any]]:
    dice = random.Random(SEED)  # noqa: S311 (to make tests, not secrets)
    return [
        {
            "policies": [generated.policy(dice) for _ in range(dice.randint(1, 2))],
            "boundary": [generated.policy(dice)] if dice.random() < 0.3 else [],
            "actions": dice.sample(generated.ACTIONS, ACTIONS_A_TIME),
            "resources": dice.sample(generated.RESOURCES, RESOURCES_A_TIME),
            "context": generated.context(dice),
        }
        for _ in range(SIMULATIONS)
    ]


def test_the_simulator_decides_as_the_reference(emulated: Cloud) -> None:
    account, cases = emulated.account(), simulations()
    differences = [
        case | {"emulated": found, "reference": wanted}
        for case in cases
        if (found := simulated(account, case)) != (wanted := expected(case))
    ]
    assert not differences, (
        f"{len(differences)} of {len(cases)}: {json.dumps(_readable(differences[0]), indent=1)}"
    )


def _readable(case: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {" on ".join(pair): said for pair, said in value.items()}
        if name in ("emulated", "reference")
        else value
        for name, value in case.items()
    }


def test_the_comparison_notices_what_the_shipped_emulator_lacks(shipped: Cloud) -> None:
    account = shipped.account()
    assert any(simulated(account, case) != expected(case) for case in simulations()[:50])


def test_the_cases_are_many_and_of_every_kind() -> None:
    """A comparison of cases that are all refused would prove little."""
    assert PAIRS >= AT_LEAST
    counted = Counter(decision for case in simulations() for decision in expected(case).values())
    assert all(counted[each] > PAIRS // 10 for each in ("allowed", "explicitDeny", "implicitDeny")), counted


@pytest.fixture(scope="module")
def accounts(emulated: Cloud) -> tuple[Account, Account]:
    return emulated.account(), emulated.account()


def _bucket(account: Account) -> str:
    name = f"differential-{account.id}"
    account.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    # Else a policy for everyone is refused.
    account.client("s3").delete_public_access_block(Bucket=name)
    return name


def _boundaries(account: Account, dice: random.Random, buckets: list[str]) -> dict[str, Any]:
    """ARN to document, made once: a policy of its own for each call would take longer than the calls."""
    made = [generated.plain_policy(dice, bucket) for bucket in buckets for _ in range(3)]
    return {account.policy(f"boundary{number}", policy): policy for number, policy in enumerate(made)}


def _call(caller: Principal, action: str, bucket: str) -> tuple[str, str]:
    """The resource, and the answer."""
    s3, arn = caller.client("s3"), f"arn:aws:s3:::{bucket}"
    if action == "s3:ListBucket":
        return arn, verdict(s3.list_objects_v2, Bucket=bucket)
    if action == "s3:PutObject":
        return f"{arn}/a", verdict(s3.put_object, Bucket=bucket, Key="a", Body=b"")
    method = {"s3:GetObject": s3.get_object, "s3:DeleteObject": s3.delete_object}[action]
    return f"{arn}/a", verdict(method, Bucket=bucket, Key="a")


def test_real_calls_are_decided_as_the_reference_does(accounts: tuple[Account, Account]) -> None:
    mine, other = accounts
    dice = random.Random(SEED)  # noqa: S311 (to make tests, not secrets)
    buckets = {account.id: _bucket(account) for account in accounts}
    boundaries = _boundaries(mine, dice, list(buckets.values()))
    opener = mine.user("opener", document(allow("sts:AssumeRole")))
    ada, role = mine.user("ada"), mine.role("reader", trust(mine.root_arn))
    session_arn = f"arn:aws:sts::{mine.id}:assumed-role/reader/session"
    someone = mine.user("someone").arn
    differences, counted = [], Counter[str]()
    for _ in range(REAL_CALLS):
        owner = dice.choice((mine, mine, other))
        bucket, as_user = buckets[owner.id], dice.random() < 0.5
        policies = [generated.plain_policy(dice, bucket)]
        boundary = dice.choice([None, None, *boundaries])
        session = generated.plain_policy(dice, bucket) if not as_user and dice.random() < 0.5 else None
        arns = (ada.arn,) if as_user else (session_arn, role)
        principals = (*arns, mine.root_arn, mine.id, someone)
        everyone = ("*",) if boundary is None and session is None else ()

        def spared(by: random.Random, names: tuple[str, ...] = (*arns, mine.root_arn)) -> list[str]:
            return list(names) if by.random() < 0.5 else by.sample(names, by.randint(1, len(names)))

        policy = (
            generated.bucket_policy(dice, bucket, principals + everyone, spared)
            if dice.random() < 0.8
            else None
        )
        _set(mine, as_user, policies[0], boundary)
        owner.client("s3").put_object(Bucket=bucket, Key="a", Body=b"")
        if policy:
            owner.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        options = {"Policy": json.dumps(session)} if session else {}
        principal: Principal = ada if as_user else opener.assume(role, **options)
        caller = reference.Caller(
            arn=arns[0],
            account=mine.id,
            policies=policies,
            role="" if as_user else role,
            boundary=[boundaries[boundary]] if boundary else None,
            session=[session] if session else None,
        )
        action = dice.choice(generated.BUCKET_ACTIONS)
        resource, found = _call(principal, action, bucket)
        wanted = reference.of_resource(reference.Call(action, resource), caller, policy, owner.id)
        counted[wanted] += 1
        if (found == ALLOWED) != (wanted == reference.ALLOWED) or found not in (ALLOWED, "AccessDenied"):
            differences.append(
                {"caller": str(caller), "policy": policy, "action": action, "found": found, "wanted": wanted}
            )
        owner.client("s3").delete_bucket_policy(Bucket=bucket)
    assert not differences, f"{len(differences)}: {json.dumps(differences[0], indent=1)}"
    assert min(counted[each] for each in ("allowed", "explicitDeny", "implicitDeny")) > REAL_CALLS // 10, (
        counted
    )


def _set(account: Account, as_user: bool, policy: Any, boundary: str | None) -> None:
    kind, name = ("user", {"UserName": "ada"}) if as_user else ("role", {"RoleName": "reader"})
    iam = account.iam
    getattr(iam, f"put_{kind}_policy")(**name, PolicyName="p", PolicyDocument=json.dumps(policy))
    if boundary:
        getattr(iam, f"put_{kind}_permissions_boundary")(**name, PermissionsBoundary=boundary)
    else:
        verdict(getattr(iam, f"delete_{kind}_permissions_boundary"), **name)


def test_the_reference_shares_no_code_with_what_it_judges() -> None:
    tree = ast.parse(Path(reference.__file__).read_text())
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"collections.abc", "dataclasses", "datetime", "ipaddress", "re", "typing"}
