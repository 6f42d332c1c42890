"""What a changed policy denies more and allows less: every verdict against single calls, one by one."""

import itertools
import json
import random
import re
from typing import Any

import pytest

from iam_hardening.commands.adopt.policy_changes import is_about_mfa, more_denied, no_longer_allowed

Statement = dict[str, Any]


def document(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(*actions: str, resource: Any = "*", **condition: Any) -> Statement:
    found: Statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return found | ({"Condition": condition} if condition else {})


def deny(*actions: str, resource: Any = "*", **condition: Any) -> Statement:
    return {**allow(*actions, resource=resource, **condition), "Effect": "Deny"}


NO_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        (allow("s3:Get*", "s3:PutObject"), allow("s3:Get*"), ["s3:PutObject"]),
        (allow("s3:GetObject"), allow("s3:*"), []),
        (allow("s3:GetObject"), allow("S3:getobject"), []),
        (allow("s3:*"), allow("s3:Get*", "s3:List*"), ["s3:*"]),
        (allow("s3:Get*"), allow("s3:Get?bject"), ["s3:Get*"]),
        (allow("s3:GetObject"), allow("s3:Get?bject"), []),
        (
            allow("s3:GetObject"),
            allow("s3:GetObject", Bool={"aws:SecureTransport": "true"}),
            ["s3:GetObject"],
        ),
        (allow("s3:GetObject", Bool={"aws:SecureTransport": "true"}), allow("s3:GetObject"), []),
        (allow("s3:GetObject"), allow("s3:GetObject", resource="arn:aws:s3:::a/*"), ["s3:GetObject"]),
        (
            allow("s3:GetObject", resource=["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]),
            allow("s3:GetObject", resource=["arn:aws:s3:::b/*"]),
            ["s3:GetObject"],
        ),
        (
            {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"},
            {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"},
            ["all but iam:*"],
        ),
        (
            {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"},
            {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"},
            [],
        ),
        (allow("s3:GetObject"), {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}, []),
        (allow("iam:Get*"), {"Effect": "Allow", "NotAction": ["iam:GetUser"], "Resource": "*"}, ["iam:Get*"]),
    ],
)
def test_what_is_no_longer_allowed(old: Statement, new: Statement, lost: list[str]) -> None:
    assert no_longer_allowed(document(old), document(new)) == lost


def test_a_denial_that_was_there_is_none_that_is_new() -> None:
    old = document(allow("*"), deny("sqs:*"))
    assert more_denied(old, document(deny("sqs:SendMessage"), allow("*"))) == []
    assert more_denied(old, document(deny("sqs:*", "sns:Publish"), allow("*"))) == [deny_one("sns:Publish")]
    assert more_denied(old, old) == []


def deny_one(action: str) -> Statement:
    return {"Effect": "Deny", "Action": action, "Resource": "*"}


def test_fewer_exceptions_are_a_new_denial_and_more_are_none() -> None:
    def without_mfa(*exceptions: str) -> dict[str, Any]:
        return document(
            {"Effect": "Deny", "NotAction": list(exceptions), "Resource": "*", "Condition": NO_MFA}
        )

    more = more_denied(without_mfa("iam:GetUser", "sts:*"), without_mfa("sts:*"))
    assert len(more) == 1
    assert is_about_mfa(more)
    assert more_denied(without_mfa("sts:*"), without_mfa("iam:GetUser", "sts:*")) == []


def test_a_denial_beside_that_without_mfa_is_not_about_mfa() -> None:
    more = more_denied(document(), document(deny("*", **NO_MFA), deny("sqs:*")))
    assert not is_about_mfa(more)
    assert is_about_mfa(more[:1])


# The oracle: IAM's evaluation of one call, by regular expressions, over every call there is here.
_ACTIONS = ["a:GetOne", "a:GetTwo", "a:PutOne", "b:GetOne", "b:PutTwo"]
_RESOURCES = ["arn:x/1", "arn:x/2", "arn:y/1"]
_ACTION_PATTERNS = ["*", "a:*", "a:Get*", "a:GetOne", "b:*", "*:GetOne", "a:Get???", "b:PutTwo"]
_RESOURCE_PATTERNS = ["*", "arn:x/*", "arn:x/1", "arn:?/1", "arn:y/1"]


def _does_match(patterns: list[str], value: str) -> bool:
    return any(
        re.fullmatch(re.escape(p).replace(r"\*", ".*").replace(r"\?", "."), value) is not None
        for p in patterns
    )


def _calls(statements: list[Statement], effect: str) -> set[tuple[str, str]]:
    found = set()
    for statement, action, resource in itertools.product(statements, _ACTIONS, _RESOURCES):
        by_action = (
            not _does_match(statement["NotAction"], action)
            if "NotAction" in statement
            else _does_match(statement["Action"], action)
        )
        by_resource = (
            not _does_match(statement["NotResource"], resource)
            if "NotResource" in statement
            else _does_match(statement["Resource"], resource)
        )
        if statement["Effect"] == effect and by_action and by_resource:
            found.add((action, resource))
    return found


@pytest.mark.parametrize("seed", range(300))
def test_no_call_is_lost_or_denied_without_being_named(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - policies to try, the same in every run

    def statement() -> Statement:
        actions = "NotAction" if chance.random() < 0.25 else "Action"
        resources = "NotResource" if chance.random() < 0.25 else "Resource"
        return {
            "Effect": chance.choice(["Allow", "Deny"]),
            actions: chance.sample(_ACTION_PATTERNS, chance.randint(1, 2)),
            resources: chance.sample(_RESOURCE_PATTERNS, chance.randint(1, 2)),
        }

    old, new = ([statement() for _ in range(chance.randint(1, 3))] for _ in range(2))
    lost = _calls(old, "Allow") - _calls(new, "Allow")
    if lost:
        assert no_longer_allowed(document(*old), document(*new)), json.dumps([old, new])
    denied = _calls(new, "Deny") - _calls(old, "Deny")
    parts = more_denied(document(*old), document(*new))
    whole = [
        {key: value if isinstance(value, list) or key == "Effect" else [value] for key, value in part.items()}
        for part in parts
    ]
    assert denied <= _calls(whole, "Deny")
    assert more_denied(document(*old), document(*old)) == []
