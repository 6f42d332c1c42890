"""The kinds of value a stack file holds, in AWS's and Vault's terms, each with the rule AWS has for it.

Every rule answers with a sentence that names the value found and what is allowed.
Sources: AWS, "IAM and AWS STS quotas" and the API reference's patterns; HashiCorp, Vault's duration format.
"""

import base64
import ipaddress
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator
from pydantic_core import PydanticCustomError

from iam_hardening.config.errors import is_empty, nearest, shown

# At most nine digits each: Python refuses to read endless ones.
_DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?|([0-9]{1,9})")
# The packet tag of a public key. Source: RFC 9580, section 5.
_PGP_PUBLIC_KEY_TAG = 6
_PGP_SECRET_KEY_TAG = 5
_MINUTE = 60


def refuse(sentence: str) -> PydanticCustomError:
    """The error for a validator to raise."""
    # pydantic would take braces in the sentence for its own placeholders.
    return PydanticCustomError("refused", "{sentence}", {"sentence": sentence})


def _text(pattern: str, allowed: str) -> BeforeValidator:
    """A check that takes text which matches the whole pattern and says what is allowed otherwise."""
    compiled = re.compile(pattern)

    def check(value: Any) -> str:
        if isinstance(value, str) and compiled.fullmatch(value):
            return value
        if is_empty(value):
            raise refuse(f"has no value; allowed: {allowed}")
        if isinstance(value, bool | int | float):
            raise refuse(f"is {shown(value)}, which YAML does not read as text: put it in quotes")
        raise refuse(f"is {shown(value)}; allowed: {allowed}")

    return BeforeValidator(check)


def _cidr(value: Any) -> str:
    allowed = "allowed: a block of addresses such as 10.0.0.0/8 or 192.0.2.7/32"
    if is_empty(value) or not isinstance(value, str):
        raise refuse(f"is {shown(value)}; {allowed}" if value else f"has no value; {allowed}")
    try:
        block = ipaddress.ip_network(value)
        if "%" in value:
            raise ValueError("a zone is of one machine only")
    except ValueError as error:
        raise refuse(f"is {shown(value)}: {error}; {allowed}") from None
    if str(block) != value:
        raise refuse(f"is {shown(value)}; write {block}")
    return value


def _claim_values(value: Any) -> list[str]:
    """One value, or several of which a token has one. Vault compares them whole."""
    allowed = "allowed: text, or a list of texts of which the claim has one"
    values = value if isinstance(value, list) else [value]
    if is_empty(value) or not values:
        raise refuse(f"has no value; {allowed}")
    for each in values:
        if isinstance(each, bool):
            raise refuse(f"is {shown(each)}; Pulumi's Vault provider compares text only. Bind another claim")
        if isinstance(each, int | float):
            raise refuse(
                f"is {shown(each)}, which YAML does not read as text: put it in quotes, if the token "
                "has it as "
                "text; numbers in a token cannot be bound"
            )
        if not isinstance(each, str) or not each or each != each.strip() or not each.isprintable():
            raise refuse(f"is {shown(each)}; {allowed}, without spaces at its ends")
        if "*" in each:
            raise refuse(
                f"is {shown(each)}; a claim is compared whole, and * is no pattern here: list the values"
            )
    return values


def _account_id(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{12}", value):
        return value
    if is_empty(value):
        raise refuse("has no value; allowed: a 12-digit account ID in quotes")
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise refuse(
            f"is the number {shown(value)}: without quotes YAML reads an account ID as a number and loses "
            'leading zeros; put the 12 digits in quotes, like "012345678901" '
            "(pulumi config set --path --type string)"
        )
    if isinstance(value, str) and re.fullmatch(r"[0-9.e+]{1,16}", value):
        raise refuse(
            f"is {shown(value)}; allowed: exactly 12 digits. Were leading zeros lost? Without quotes YAML "
            'reads an account ID as a number; put it in quotes, like "012345678901"'
        )
    raise refuse(f"is {shown(value)}; allowed: a 12-digit account ID in quotes")


def _duration(shortest: int, longest: int, example: str, *, whole: int = 1) -> BeforeValidator:
    """A check that takes `30m`, `1h30m`, `900s` or a number of seconds, and answers with seconds.

    `whole`: only multiples of so many seconds.
    """

    def check(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            total = value
        elif isinstance(value, str) and (match := _DURATION.fullmatch(value)):
            hours, minutes, secs, plain = (int(part or 0) for part in match.groups())
            total = hours * 3600 + minutes * 60 + secs + plain
        else:
            total = 0
        if shortest <= total <= longest and total % whole == 0:
            return total
        found = "has no value" if is_empty(value) else f"is {shown(value)}"
        kind = "a duration in whole minutes" if whole == _MINUTE else "a duration"
        raise refuse(
            f"{found}; allowed: {kind} such as {example}, "
            f"from {_bound_text(shortest)} to {_bound_text(longest)}"
        )

    return BeforeValidator(check)


def _retention_days(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value in _RETENTION_DAYS:
        return value
    found = "has no value" if is_empty(value) else f"is {shown(value)}"
    raise refuse(f"{found}; allowed: one of {', '.join(map(str, _RETENTION_DAYS))}")


def _bound_text(total: int) -> str:
    return f"{total // 3600}h" if total % 3600 == 0 else duration_text(total)


def duration_text(total: int) -> str:
    """Seconds → the shortest text in hours, minutes and seconds: 5400 → `1h30m`."""
    hours, rest = divmod(total, 3600)
    minutes, secs = divmod(rest, 60)
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (secs, "s")) if n) or "0s"


def _boolean(value: Any) -> bool:
    """Of a key at the top level, where Pulumi hands every scalar over as text."""
    if value in ("true", "false"):
        return bool(value == "true")
    if isinstance(value, bool):
        return value
    found = "has no value" if is_empty(value) else f"is {shown(value)}"
    raise refuse(f"{found}; allowed: true or false")


def _pgp_key(value: Any) -> str:
    """`keybase:NAME`, or a binary public key in base64 (as `gpg --export KEY | base64 -w0` prints it).

    The value is never shown: by mistake it could be a private key.
    """
    how = "put the public key here, binary in base64: gpg --export KEY | base64 -w0"
    if not isinstance(value, str) or not value:
        raise refuse("is no text; allowed: a PGP public key, binary in base64, or keybase:NAME")
    if re.fullmatch(r"keybase:[A-Za-z0-9_]{1,64}", value):
        return value
    if "BEGIN PGP PRIVATE" in value or _pgp_packet_tag(value) == _PGP_SECRET_KEY_TAG:
        raise refuse(f"is a PRIVATE key; remove it, anyone who saw this file can use it, and {how}")
    if "BEGIN PGP" in value:
        raise refuse(f"is an armored PGP key, which the AWS provider cannot read; {how}")
    if _pgp_packet_tag(value) != _PGP_PUBLIC_KEY_TAG:
        raise refuse(f"is no PGP public key; {how}, or keybase:NAME")
    return "".join(value.split())


def _pgp_packet_tag(value: str) -> int | None:
    """What kind of PGP packet base64 text begins with; None where it is no PGP at all."""
    try:
        first = base64.b64decode("".join(value.split()), validate=True)[:1]
    except ValueError:
        return None
    if not first or not first[0] & 0x80:
        return None
    return first[0] & 0x3F if first[0] & 0x40 else (first[0] & 0x3C) >> 2


def _condition_operator(value: Any) -> str:
    match = _CONDITION_OPERATOR.fullmatch(str(value))
    if match and match["operator"] in _CONDITION_OPERATORS:
        return str(value)
    word = match["operator"] if match else str(value)
    raise refuse(
        f"is {shown(value)}, which is no condition operator of IAM; {nearest(word, _CONDITION_OPERATORS)}"
    )


def _condition_value(value: Any) -> str | list[str]:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        return list(value)
    raise refuse(f"is {shown(value)}; allowed: text or a list of text (true and numbers in quotes)")


# Source: CloudWatch Logs API reference, "PutRetentionPolicy".
_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
# Source: AWS, "IAM JSON policy elements: Condition operators".
_CONDITION_OPERATORS = (
    *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    *("StringLike", "StringNotLike"),
    *("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals"),
    *("NumericGreaterThan", "NumericGreaterThanEquals"),
    *("DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals"),
    *("DateGreaterThan", "DateGreaterThanEquals"),
    *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress"),
    *("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null"),
)
_CONDITION_OPERATOR = re.compile(r"(?:ForAllValues:|ForAnyValue:)?(?P<operator>[A-Za-z]+?)(?:IfExists)?")

_NAME = r"[A-Za-z0-9+=,.@_-]"
_NAME_RULE = "letters, digits and + = , . @ _ -"
# The path of an IAM user, role or policy, without characters that a policy would read as a pattern.
_PATH = r"(?:[!-)+->@-~]+/)*"
# What a policy document takes, neither beginning nor ending with a space. Source: AWS, "CreatePolicy".
_POLICY_TEXT = r"[!-~\u00a1-\u00ff](?:[ -~\u00a0-\u00ff]*[!-~\u00a1-\u00ff])?"

# AWS's longest path.
_PATH_MAX_CHARACTERS = 512

AccountId = Annotated[str, BeforeValidator(_account_id)]
TopLevelBoolean = Annotated[bool, BeforeValidator(_boolean)]
# 32 days are Vault's default for the longest lease of the whole server (max_lease_ttl).
Seconds = Annotated[int, _duration(1, 768 * 3600, "30m, 1h or 900s")]
# Source: AWS, "CreateRole".
# What AssumeRole takes: 15 minutes to the role's own maximum, which is 12 hours at most.
AssumedRoleSeconds = Annotated[int, _duration(900, 12 * 3600, "1h or 15m")]
RoleSessionSeconds = Annotated[int, _duration(3600, 12 * 3600, "2h or 90m")]
# A user's session lasts 36 hours at most (AWS, "GetSessionToken"): no sign-in with MFA is older.
MfaAgeSeconds = Annotated[int, _duration(300, 36 * 3600, "1h or 15m")]
# Source: Systems Manager User Guide, "Specify an idle session timeout value" and "Specify maximum session
# duration".
ShellIdleSeconds = Annotated[int, _duration(_MINUTE, 60 * _MINUTE, "20m or 15m", whole=_MINUTE)]
ShellSeconds = Annotated[int, _duration(_MINUTE, 24 * 3600, "1h or 30m", whole=_MINUTE)]
PgpKey = Annotated[str, BeforeValidator(_pgp_key)]
UserName = Annotated[str, _text(_NAME + r"{1,64}", f"1 to 64 of {_NAME_RULE}")]
UserPath = Annotated[
    str,
    _text(
        rf"(?=.{{1,{_PATH_MAX_CHARACTERS}}}\Z)/(?:{_NAME}+/)*",
        f"a path such as /people/, which begins and ends with /, of {_NAME_RULE} and /",
    ),
]
GroupName = Annotated[str, _text(_NAME + r"{1,128}", f"1 to 128 of {_NAME_RULE}")]
RoleName = Annotated[str, _text(_NAME + r"{1,64}", f"1 to 64 of {_NAME_RULE}")]
PolicyName = Annotated[str, _text(_NAME + r"{1,128}", f"1 to 128 of {_NAME_RULE}")]
ProfileName = Annotated[str, _text(_NAME + r"{1,128}", f"1 to 128 of {_NAME_RULE}")]
Sid = Annotated[str, _text(r"[A-Za-z0-9]{1,128}", "1 to 128 letters and digits")]
Action = Annotated[
    str,
    _text(
        r"[a-z0-9-]+:[A-Za-z0-9*?]+",
        "one service and its action, such as s3:ListAllMyBuckets (for everything, use a managed policy)",
    ),
]
# A resource may have spaces (S3 keys, names of CloudWatch alarms, default values of policy variables).
Resource = Annotated[
    str, _text(rf"\*|arn:[a-z-]+:[a-z0-9-]+:[^:\s]*:[^:\s]*:{_POLICY_TEXT}", 'an ARN, or "*" in quotes')
]
ConditionOperator = Annotated[str, BeforeValidator(_condition_operator)]
# The prefix is a service's, or an identity provider's (token.actions.githubusercontent.com:sub); a tag's key
# after it may have spaces.
ConditionKey = Annotated[
    str,
    _text(
        rf"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?:{_POLICY_TEXT}",
        "a condition key such as aws:PrincipalArn or s3:prefix",
    ),
]
ConditionValue = Annotated[str | list[str], PlainValidator(_condition_value)]
ManagedPolicy = Annotated[
    str,
    _text(
        rf"{_NAME}{{1,128}}|arn:[a-z-]+:iam::(?:aws|[0-9]{{12}}):policy/{_PATH}{_NAME}{{1,128}}",
        "the name of a managed policy, such as ReadOnlyAccess, or its ARN",
    ),
]
RoleArn = Annotated[
    str,
    _text(
        rf"arn:[a-z-]+:iam::[0-9]{{12}}:role/{_PATH}{_NAME}{{1,64}}",
        "the whole ARN of one role, such as arn:aws:iam::222222222222:role/test_role (no wildcard)",
    ),
]
PrincipalArn = Annotated[
    str,
    _text(
        rf"arn:[a-z-]+:iam::[0-9]{{12}}:(?:user|role)/{_PATH}{_NAME}{{1,64}}",
        "the whole ARN of one user or role, such as arn:aws:iam::111111111111:user/Alice (no wildcard)",
    ),
]
TrailArn = Annotated[
    str,
    _text(
        r"arn:[a-z-]+:cloudtrail:[a-z0-9-]+:[0-9]{12}:trail/[A-Za-z0-9._-]{3,128}",
        "the whole ARN of a trail, such as arn:aws:cloudtrail:us-east-1:111111111111:trail/management-events",
    ),
]
EmailAddress = Annotated[
    str,
    _text(
        r"[^@\s<>]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
        "one e-mail address, such as security@example.com",
    ),
]
# Source: AWS, "AssumeRole".
ExternalId = Annotated[
    str, _text(r"(?a:[\w+=,.@:/-]{2,1224})", "2 to 1,224 letters, digits and + = , . @ : / - _, in quotes")
]
# Source: the region patterns of botocore's partitions.json; a new region in a known part of the world passes.
Region = Annotated[
    str,
    _text(
        r"(?:(?:us|eu|ap|sa|ca|me|af|il|mx|cn|us-gov|us-isob?|us-isof|eu-isoe)"
        r"-(?:central|(?:north|south)?(?:east|west)?(?<!-))|eusc-[a-z]{2}-[a-z]+)-[0-9]{1,2}",
        "an AWS region such as eu-central-1",
    ),
]
InstanceType = Annotated[str, _text(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "an EC2 instance type such as t3.micro")]
# The name goes into the description of the instance's role, too, where IAM takes fewer characters.
InstanceName = Annotated[
    str, _text(r"[A-Za-z0-9 +=.:_/@-]{1,128}", "1 to 128 letters, digits, spaces and + - = . _ : / @")
]
SubnetId = Annotated[
    str, _text(r"subnet-(?:[0-9a-f]{8}|[0-9a-f]{17})", "a subnet ID such as subnet-0123456789abcdef0")
]
SecurityGroupId = Annotated[
    str, _text(r"sg-(?:[0-9a-f]{8}|[0-9a-f]{17})", "a security group ID such as sg-0123456789abcdef0")
]
ImageName = Annotated[
    str,
    _text(
        r"[A-Za-z0-9()\[\] ./'@_*?-]{3,128}", "an image name of 3 to 128 characters, * stands for any text"
    ),
]
# Vault keeps four paths for itself, and writes the names of its policies, which hold these, in lower case.
MountPath = Annotated[
    str,
    _text(
        r"(?!(?:sys|auth|identity|cubbyhole)(?:/|$))[a-z0-9_-]+(?:/[a-z0-9_-]+)*",
        "a Vault mount path in lower case, such as aws or aws/dev, without / at the ends and not one of "
        "Vault's own (sys, auth, identity, cubbyhole)",
    ),
]
VaultRoleName = Annotated[
    str,
    _text(
        r"[a-z0-9_](?:[a-z0-9_.-]{0,62}[a-z0-9_])?",
        "a Vault role name: up to 64 lower-case letters, digits, _ and, inside, - and .",
    ),
]
# The name of a role, an instance profile and a policy, and of a KMS alias: what all of them allow.
VaultServerName = Annotated[
    str,
    _text(
        r"[A-Za-z0-9_-]{3,64}",
        "3 to 64 letters, digits, _ and -",
    ),
]
# Source: AWS, "Naming rules in DynamoDB".
TableName = Annotated[str, _text(r"[A-Za-z0-9_.-]{3,255}", "3 to 255 letters, digits, _ . and -")]
HttpsAddress = Annotated[
    str,
    _text(
        r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?",
        "an https address without a path, such as https://vault.example.com:8200",
    ),
]
# Source: S3 User Guide, "General purpose bucket naming rules".
BucketName = Annotated[
    str,
    _text(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket, such as company-trail-logs (no ARN)"),
]
# Source: CloudWatch Logs API reference, "CreateLogGroup". AWS keeps names that begin with aws/ for itself.
LogGroupName = Annotated[
    str,
    _text(
        r"(?!aws/)[A-Za-z0-9_./#-]{1,512}",
        "the name of a log group: 1 to 512 letters, digits, _ - / . and #, not beginning with aws/",
    ),
]
LogRetentionDays = Annotated[int, BeforeValidator(_retention_days)]
# Session Manager takes any user of the instance but root (Systems Manager User Guide, "Turn on Run As support
# for Linux and macOS managed nodes"). The characters are those that Linux's useradd takes.
OsUser = Annotated[
    str,
    _text(
        r"(?!root$)[a-z_][a-z0-9_-]{0,31}",
        "a user of the instance's operating system, up to 32 lower-case letters, digits, _ and -; and not "
        "root, which Session Manager refuses",
    ),
]
AbsolutePath = Annotated[
    str, _text(r"(?:/[A-Za-z0-9._-]+)+", "a file's absolute path, such as /opt/vault/tls/tls.crt")
]
# A mount without slashes, and a role of that name on it.
VaultLoginName = Annotated[
    str,
    _text(
        r"(?!token$)[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?",
        "up to 32 lower-case letters, digits and, inside, -; and not token, which is Vault's own",
    ),
]
# Vault's userpass writes names in lower case.
VaultUserName = Annotated[
    str,
    _text(r"[a-z0-9](?:[a-z0-9_.-]{0,62}[a-z0-9])?", "up to 64 lower-case letters, digits, and inside _ . -"),
]
ClaimName = Annotated[str, _text(r"[^\s*?,]+", "the name of a claim, such as email")]
ClaimValues = Annotated[list[str], BeforeValidator(_claim_values)]
Cidr = Annotated[str, BeforeValidator(_cidr)]
# The certificates of an authority; not its key.
CaCertificates = Annotated[
    str,
    _text(
        r"(?:\s*-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+",
        "one or more certificates in PEM, as text (-----BEGIN CERTIFICATE-----)",
    ),
]
PlainText = Annotated[
    str, _text(r"(?! )[^\x00-\x1f\x7f]{1,512}(?<! )", "text in one line, without spaces at its ends")
]
# A part of a path in Vault's API, and written in any case in the directory.
DirectoryGroup = Annotated[
    str,
    _text(r"(?![ .])[^\x00-\x1f\x7f/*?#%]{1,256}(?<![ .])", "the name of a group, without / and wildcards"),
]
# RFC 6749, section 3.3.
OidcScope = Annotated[str, _text(r"[!#-\[\]-~]+", "one scope, such as email")]
# The job names it when it asks for its token; Vault compares it whole.
Audience = Annotated[
    str, _text(r"[^\s*]{1,256}", "the audience of the tokens, such as https://vault.example.com")
]
HttpsUrl = Annotated[str, _text(r"https://[^\s/]+(?:/\S*)?", "an address such as https://login.example.com")]
LdapUrl = Annotated[
    str, _text(r"ldaps?://[^\s/,]+(?:,ldaps?://[^\s/,]+)*", "an address such as ldaps://ldap.example.com")
]
Url = Annotated[str, _text(r"https?://[^\s/]+(?:/\S*)?", "a URL such as https://iam.amazonaws.com")]
TagKey = Annotated[
    str,
    _text(
        r"(?![aA][wW][sS]:)[\w +=.:/@-]{1,128}",
        "1 to 128 letters, digits, spaces and + - = . _ : / @, not beginning with aws:",
    ),
]


def _tag_value(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[\w +=.:/@-]{0,256}", value):
        return value
    if isinstance(value, bool | int | float):
        raise refuse(f"is {shown(value)}, which YAML does not read as text: put it in quotes")
    raise refuse(f"is {shown(value)}; allowed: up to 256 letters, digits, spaces and + - = . _ : / @")


TagValue = Annotated[str, BeforeValidator(_tag_value)]
