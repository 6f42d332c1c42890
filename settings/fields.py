"""The kinds of value a stack file holds, in AWS's and Vault's terms, each with the rule AWS has for it.

Every rule answers with a sentence that names the value found and what is allowed.
Sources: AWS, "IAM and AWS STS quotas" and the API reference's patterns; HashiCorp, Vault's duration format.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from settings.report import shown

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def _refuse(sentence: str) -> PydanticCustomError:
    # pydantic would take braces in the sentence for its own placeholders.
    return PydanticCustomError("refused", "{sentence}", {"sentence": sentence})


def _text(pattern: str, allowed: str) -> Callable[[Any], str]:
    """A check that takes text which matches the whole pattern and says what is allowed otherwise."""
    compiled = re.compile(pattern)

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise _refuse(f"is {shown(value)}, which YAML does not read as text: put it in quotes")
        if not compiled.fullmatch(value):
            raise _refuse(f"is {shown(value)}; allowed: {allowed}")
        return value

    return check


def _account_id(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _refuse(f"is {shown(value)}; allowed: a 12-digit account ID in quotes")
    if not isinstance(value, str):
        raise _refuse(
            f"is {shown(value)}: YAML reads an unquoted account ID as a number and drops leading zeros; "
            'put the 12 digits in quotes, like "012345678901"'
        )
    if not re.fullmatch(r"\d{12}", value):
        hint = ""
        if re.fullmatch(r"[\d.e+]{1,16}", value):
            hint = "; YAML drops the leading zeros of an unquoted number: put the 12 digits in quotes"
        raise _refuse(f"is {shown(value)}; allowed: exactly 12 digits{hint}")
    return value


def seconds(value: Any) -> int:
    """`30m`, `1h30m`, `900s` or a number of seconds → seconds."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str) and value:
        if value.isdigit() and int(value) > 0:
            return int(value)
        match = _DURATION.fullmatch(value)
        if match:
            hours, minutes, secs = (int(part or 0) for part in match.groups())
            if total := hours * 3600 + minutes * 60 + secs:
                return total
    raise _refuse(f"is {shown(value)}; allowed: a duration such as 30m, 1h or 900s")


def duration_text(total: int) -> str:
    """Seconds → the shortest text in hours, minutes and seconds: 5400 → `1h30m`."""
    hours, rest = divmod(total, 3600)
    minutes, secs = divmod(rest, 60)
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (secs, "s")) if n) or "0s"


def _pgp_key(value: Any) -> str:
    """`keybase:NAME`, or a binary public key in base64 (as `gpg --export KEY | base64 -w0` prints it)."""
    if not isinstance(value, str):
        raise _refuse("must be text: a base64-encoded PGP public key, or keybase:NAME")
    if value.startswith("keybase:"):
        return value
    if "BEGIN PGP PRIVATE" in value:
        raise _refuse(
            "is a PRIVATE key; remove it and put the public key here (gpg --export KEY | base64 -w0)"
        )
    if "BEGIN PGP" in value:
        raise _refuse(
            "is an armored PGP key; AWS's provider wants it binary in base64: gpg --export KEY | base64 -w0"
        )
    if not re.fullmatch(r"[A-Za-z0-9+/\s]{64,}={0,2}\s*", value):
        raise _refuse(f"is {shown(value)}; allowed: a base64-encoded PGP public key, or keybase:NAME")
    return value


_NAME = r"[A-Za-z0-9+=,.@_-]"
_NAME_RULE = "letters, digits and + = , . @ _ -"

AccountId = Annotated[str, BeforeValidator(_account_id)]
Seconds = Annotated[int, BeforeValidator(seconds)]
PgpKey = Annotated[str, BeforeValidator(_pgp_key)]
UserName = Annotated[str, BeforeValidator(_text(_NAME + r"{1,64}", f"1 to 64 of {_NAME_RULE}"))]
GroupName = Annotated[str, BeforeValidator(_text(_NAME + r"{1,128}", f"1 to 128 of {_NAME_RULE}"))]
RoleName = Annotated[str, BeforeValidator(_text(_NAME + r"{1,64}", f"1 to 64 of {_NAME_RULE}"))]
PolicyName = Annotated[str, BeforeValidator(_text(_NAME + r"{1,128}", f"1 to 128 of {_NAME_RULE}"))]
ProfileName = Annotated[str, BeforeValidator(_text(_NAME + r"{1,128}", f"1 to 128 of {_NAME_RULE}"))]
IamPath = Annotated[
    str,
    BeforeValidator(_text(r"/(?:[!-.0-~]+/)*", "a path that begins and ends with /, such as / or /people/")),
]
Sid = Annotated[str, BeforeValidator(_text(r"[A-Za-z0-9]{1,128}", "letters and digits"))]
Action = Annotated[
    str,
    BeforeValidator(
        _text(
            r"[a-z0-9-]+:[A-Za-z0-9*]+",
            "an action such as s3:ListAllMyBuckets (for everything, use a managed policy)",
        )
    ),
]
Resource = Annotated[
    str, BeforeValidator(_text(r"\*|arn:[^:]+:[^:]+:[^:]*:[^:]*:.+", 'an ARN, or "*" in quotes'))
]
ManagedPolicy = Annotated[
    str,
    BeforeValidator(
        _text(
            rf"{_NAME}{{1,128}}|arn:[a-z-]+:iam::(?:aws|\d{{12}}):policy/.+",
            "the name of a managed policy, such as ReadOnlyAccess, or its ARN",
        )
    ),
]
RoleArn = Annotated[
    str,
    BeforeValidator(
        _text(
            rf"arn:[a-z-]+:iam::\d{{12}}:role/(?:[!-)+->@-~]+/)*{_NAME}{{1,64}}",
            "the whole ARN of one role, such as arn:aws:iam::222222222222:role/test_role (no wildcard)",
        )
    ),
]
PrincipalArn = Annotated[
    str,
    BeforeValidator(
        _text(
            rf"arn:[a-z-]+:iam::\d{{12}}:(?:user|role)/(?:[!-)+->@-~]+/)*{_NAME}{{1,64}}",
            "the whole ARN of one user or role, such as arn:aws:iam::111111111111:user/Alice (no wildcard)",
        )
    ),
]
Region = Annotated[
    str, BeforeValidator(_text(r"[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}", "an AWS region such as eu-central-1"))
]
InstanceType = Annotated[
    str, BeforeValidator(_text(r"[a-z0-9-]+\.[a-z0-9-]+", "an EC2 instance type such as t3.micro"))
]
SubnetId = Annotated[
    str, BeforeValidator(_text(r"subnet-[0-9a-f]{8,17}", "a subnet ID such as subnet-0123456789abcdef0"))
]
SecurityGroupId = Annotated[
    str, BeforeValidator(_text(r"sg-[0-9a-f]{8,17}", "a security group ID such as sg-0123456789abcdef0"))
]
ImageName = Annotated[
    str, BeforeValidator(_text(r"[A-Za-z0-9()\[\] ./'@_*?-]{3,128}", "an image name, * stands for any text"))
]
MountPath = Annotated[
    str,
    BeforeValidator(
        _text(
            r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*",
            "a Vault mount path such as aws or aws/dev, without / at the ends",
        )
    ),
]
VaultRoleName = Annotated[
    str, BeforeValidator(_text(r"\w(?:[\w.-]*\w)?", "a Vault role name: letters, digits, _ - and ."))
]
HttpsUrl = Annotated[
    str, BeforeValidator(_text(r"https?://[^\s/]+(?:/\S*)?", "a URL such as https://iam.amazonaws.com"))
]
TagText = Annotated[
    str,
    BeforeValidator(_text(r"[\w\s+=.:/@-]{0,256}", "up to 256 letters, digits, spaces and + - = . _ : / @")),
]
