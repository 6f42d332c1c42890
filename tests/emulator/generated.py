"""Policies and requests by chance, from a seed: small alphabets, so that they meet.

Left out, because AWS's documents leave it open: a single-valued operator on a key with several values, a
variable without a value in NotResource or in a negated condition, an Allow to everyone (`*`) for a caller
within a boundary, values that are not of their operator's kind.
"""

import random
from collections.abc import Callable
from typing import Any

ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:ListBucket", "iam:GetUser", "iam:CreateUser", "kms:Encrypt")
_ACTION_PATTERNS = (
    *ACTIONS, "*", "s3:*", "S3:getobject", "iam:*User", "*:Get*", "s3:?etObject", "iam:Create*", "kms:E*t",
    "s3:*Ob*",
)  # fmt: skip
RESOURCES = (
    "arn:aws:s3:::red/a",
    "arn:aws:s3:::red/b/c",
    "arn:aws:s3:::blue/a",
    "arn:aws:s3:::Red/a",
    "arn:aws:s3:::red/*",
    "arn:aws:iam::111111111111:user/ada",
    "arn:aws:iam::111111111111:user/people/ada",
)
_RESOURCE_PATTERNS = (
    *RESOURCES, "*", "arn:aws:s3:::red/*", "arn:aws:s3:::*/a", "arn:aws:s3:::?ed/a", "arn:aws:*:::*",
    "arn:aws:iam::*:user/*", "arn:aws:iam::*:user/*/ada", "arn:aws:s3:::r*d/*c",
)  # fmt: skip
# With a value in every request, or a default.
_WITH_VARIABLES = (
    "arn:aws:s3:::${aws:PrincipalTag/always}/*",
    "arn:aws:iam::*:user/${aws:username}",
    "arn:aws:s3:::${aws:PrincipalTag/never, 'red'}/a",
    "arn:aws:s3:::red/${*}",
    "arn:aws:s3:::${aws:PrincipalTag/wild}/a",
)
_PERHAPS_WITHOUT_A_VALUE = (
    "arn:aws:s3:::${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::${aws:PrincipalTag/never}*",
)
VALUES: dict[str, tuple[str, ...]] = {
    "String": ("red", "Red", "blue", "r*d", "${aws:username}", "ada", "?ed"),
    "Arn": (
        "arn:aws:s3:::red/a",
        "arn:aws:iam::111111111111:role/reader",
        "arn:aws:iam::*:role/*",
        "arn:aws:iam::111111111111:role/r*",
        "arn:*:s3:::*",
    ),
    "Numeric": ("1", "2", "10", "2.5"),
    "Date": ("2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z", "1767225600"),
    "Bool": ("true", "false"),
    "Ip": ("10.0.0.0/8", "10.1.2.3/32", "192.168.0.0/16", "2001:db8::/32"),
}
_OPERATORS: dict[str, tuple[str, ...]] = {
    "String": (
        "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
    ),
    "Arn": ("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
    "Numeric": tuple(
        f"Numeric{name}"
        for name in ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
    ),
    "Date": tuple(
        f"Date{name}"
        for name in ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
    ),
    "Bool": ("Bool",),
    "Ip": ("IpAddress", "NotIpAddress"),
}  # fmt: skip
# Key to kind, type for the simulator, and the values that a request may have.
KEYS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "aws:PrincipalTag/team": ("String", "string", ("red", "Red", "blue")),
    "aws:RequestTag/team": ("String", "string", ("red", "blue", "r*d")),
    "aws:PrincipalArn": ("Arn", "string", ("arn:aws:iam::111111111111:role/reader", "arn:aws:s3:::red/a")),
    "s3:max-keys": ("Numeric", "numeric", ("1", "2", "10", "2.0")),
    "aws:TokenIssueTime": (
        "Date",
        "date",
        ("2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z", "2025-05-05T05:05:05Z"),
    ),
    "aws:MultiFactorAuthPresent": ("Bool", "boolean", ("true", "false")),
    "aws:SourceIp": ("Ip", "ip", ("10.1.2.3", "192.168.7.7", "172.16.0.1", "2001:db8::1")),
}
SEVERAL = "aws:TagKeys"
ALWAYS = {"aws:username": "ada", "aws:PrincipalTag/always": "red", "aws:PrincipalTag/wild": "r*d"}


def _one_or_more(dice: random.Random, choices: tuple[str, ...], most: int = 3) -> str | list[str]:
    found = dice.sample(choices, dice.randint(1, min(most, len(choices))))
    return found[0] if len(found) == 1 and dice.random() < 0.5 else found


def _any_case(dice: random.Random, key: str) -> str:
    return dice.choice((key, key.lower()))


def _set_condition(dice: random.Random) -> tuple[str, str, Any]:
    operator = dice.choice(("ForAllValues:", "ForAnyValue:")) + dice.choice(_OPERATORS["String"])
    return operator, _any_case(dice, SEVERAL), _one_or_more(dice, ("team", "Team", "cost", "t*"))


def _condition(dice: random.Random) -> tuple[str, str, Any]:
    key = dice.choice((*KEYS, SEVERAL))
    if dice.random() < 0.15:
        return "Null", _any_case(dice, key), dice.choice(("true", "false"))
    if key == SEVERAL:
        return _set_condition(dice)
    kind = KEYS[key][0]
    operator = dice.choice(_OPERATORS[kind]) + dice.choice(("", "", "IfExists"))
    values = VALUES[kind]
    most = 1 if kind in ("Numeric", "Date", "Bool") else 3
    return operator, _any_case(dice, key), _one_or_more(dice, values, most)


def conditions(dice: random.Random) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for _ in range(dice.choice((0, 0, 1, 1, 2))):
        operator, key, values = _condition(dice)
        found.setdefault(operator, {}).setdefault(key, values)
    return found


def statement(dice: random.Random, number: int) -> dict[str, Any]:
    action = "Action" if dice.random() < 0.85 else "NotAction"
    resource = "Resource" if dice.random() < 0.85 else "NotResource"
    perhaps = _PERHAPS_WITHOUT_A_VALUE if resource == "Resource" else ()
    patterns: tuple[str, ...] = (*_RESOURCE_PATTERNS, *_WITH_VARIABLES, *perhaps)
    made: dict[str, Any] = {
        "Sid": f"s{number}",
        "Effect": dice.choice(("Allow", "Allow", "Deny")),
        action: _one_or_more(dice, _ACTION_PATTERNS),
        resource: _one_or_more(dice, patterns),
    }
    if found := conditions(dice):
        made["Condition"] = found
    return made


def policy(dice: random.Random) -> dict[str, Any]:
    """What may be an identity policy or a boundary."""
    version = "2012-10-17" if dice.random() < 0.9 else "2008-10-17"
    return {"Version": version, "Statement": [statement(dice, n) for n in range(dice.randint(1, 3))]}


def context(dice: random.Random) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = dict(ALWAYS)
    for key, (_, _, values) in KEYS.items():
        if dice.random() < 0.6:
            found[key] = dice.choice(values)
    if dice.random() < 0.6:
        found[SEVERAL] = dice.sample(("team", "Team", "cost", "tower"), dice.randint(1, 3))
    return found


# --- Resource policies, for real calls on a bucket

BUCKET_ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket")


def plain_policy(dice: random.Random, bucket: str) -> dict[str, Any]:
    """Without conditions, about a bucket and its objects."""
    return {
        "Version": "2012-10-17",
        "Statement": [_about_a_bucket(dice, bucket, n) for n in range(dice.randint(1, 2))],
    }


def _about_a_bucket(dice: random.Random, bucket: str, number: int) -> dict[str, Any]:
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Sid": f"s{number}",
        "Effect": dice.choice(("Allow", "Allow", "Allow", "Deny")),
        "Action": _one_or_more(dice, (*BUCKET_ACTIONS, "s3:*")),
        "Resource": dice.choice(([arn, f"{arn}/*"], [arn, f"{arn}/a*"], [f"{arn}/a", f"{arn}/b"])),
    }


def bucket_policy(
    dice: random.Random,
    bucket: str,
    principals: tuple[str, ...],
    spared: Callable[[random.Random], list[str]],
) -> dict[str, Any]:
    """With principals, and now and then a denial to all but some."""
    statements = []
    for number in range(dice.randint(1, 2)):
        made = _about_a_bucket(dice, bucket, number)
        if made["Effect"] == "Deny" and dice.random() < 0.6:
            made["NotPrincipal"] = {"AWS": spared(dice)}
        else:
            made["Principal"] = {"AWS": _one_or_more(dice, principals)}
        statements.append(made)
    return {"Version": "2012-10-17", "Statement": statements}
