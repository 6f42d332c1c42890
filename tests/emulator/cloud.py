"""What the emulator's tests share: a server, its accounts, and people and roles who make real calls."""

import functools
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session
import pyotp
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-central-1"
ALLOWED = "allowed"

_session = botocore.session.get_session()
# The servers must refuse what is wrong, not the client.
_config = Config(
    retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, parameter_validation=False
)

Document = Mapping[str, Any]


def document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: str | list[str], resource: str | list[str] = "*", **conditions: Any) -> Document:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": conditions} if conditions else {})


def deny(action: str | list[str], resource: str | list[str] = "*", **conditions: Any) -> Document:
    return {**allow(action, resource, **conditions), "Effect": "Deny"}


EVERYTHING = document(allow("*"))


def trust(principal: str, *, service: bool = False, **conditions: Any) -> Document:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service" if service else "AWS": principal},
        "Action": "sts:AssumeRole",
    }
    return document(statement | ({"Condition": conditions} if conditions else {}))


def verdict(call: Callable[..., Any], **parameters: Any) -> str:
    """`allowed`, or the code of AWS's refusal."""
    try:
        call(**parameters)
    except ClientError as refusal:
        return str(refusal.response["Error"]["Code"])
    return ALLOWED


@dataclass(frozen=True)
class Credentials:
    access_key_id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Credentials":
        """From the answer of STS."""
        found = answer["Credentials"]
        return cls(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


@functools.lru_cache(maxsize=256)
def _client(url: str, credentials: Credentials, service: str, region: str) -> Any:
    return _session.create_client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret,
        aws_session_token=credentials.token,
        config=_config,
    )


@dataclass(frozen=True)
class Principal:
    """Someone with credentials; `client` makes calls as them."""

    url: str
    credentials: Credentials

    def client(self, service: str, region: str = REGION) -> Any:
        return _client(self.url, self.credentials, service, region)

    @property
    def iam(self) -> Any:
        return self.client("iam")

    @property
    def sts(self) -> Any:
        return self.client("sts")

    def assume(self, role_arn: str, **options: Any) -> "Principal":
        options.setdefault("RoleSessionName", "session")
        return Principal(self.url, Credentials.of(self.sts.assume_role(RoleArn=role_arn, **options)))


@dataclass(frozen=True)
class User(Principal):
    name: str
    arn: str

    def enrol(self, device: str = "phone") -> tuple[str, pyotp.TOTP]:
        """A device of the user's own, enabled by the user: its serial number and its codes."""
        created = self.iam.create_virtual_mfa_device(VirtualMFADeviceName=device)["VirtualMFADevice"]
        codes = pyotp.TOTP(created["Base32StringSeed"].decode())
        first, second = two_codes(codes)
        self.iam.enable_mfa_device(
            UserName=self.name,
            SerialNumber=created["SerialNumber"],
            AuthenticationCode1=first,
            AuthenticationCode2=second,
        )
        return created["SerialNumber"], codes

    def session(self, serial: str | None = None, codes: pyotp.TOTP | None = None) -> Principal:
        options = {"SerialNumber": serial, "TokenCode": codes.now()} if serial and codes else {}
        return Principal(self.url, Credentials.of(self.sts.get_session_token(**options)))


@dataclass(frozen=True)
class Account(Principal):
    """An account, as its root user."""

    id: str

    def user(
        self, name: str, *policies: Document, path: str = "/", tags: Mapping[str, str] | None = None
    ) -> User:
        iam = self.iam
        tag_list = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        arn = iam.create_user(UserName=name, Path=path, Tags=tag_list)["User"]["Arn"]
        for number, policy in enumerate(policies):
            iam.put_user_policy(
                UserName=name, PolicyName=f"policy{number}", PolicyDocument=json.dumps(policy)
            )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return User(self.url, Credentials(key["AccessKeyId"], key["SecretAccessKey"]), name, arn)

    def role(self, name: str, trusted: Document, *policies: Document, **options: Any) -> str:
        iam = self.iam
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trusted), **options)["Role"][
            "Arn"
        ]
        for number, policy in enumerate(policies):
            iam.put_role_policy(
                RoleName=name, PolicyName=f"policy{number}", PolicyDocument=json.dumps(policy)
            )
        return str(arn)

    def policy(self, name: str, policy: Document) -> str:
        created = self.iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(policy))
        return str(created["Policy"]["Arn"])

    def give_a_device(self, user_name: str) -> None:
        """An MFA device for a user, enabled by root."""
        made = self.iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
        first, second = codes_of_any_seed(made["Base32StringSeed"])
        self.iam.enable_mfa_device(
            UserName=user_name,
            SerialNumber=made["SerialNumber"],
            AuthenticationCode1=first,
            AuthenticationCode2=second,
        )

    @property
    def root_arn(self) -> str:
        return f"arn:aws:iam::{self.id}:root"


@dataclass(frozen=True)
class Cloud:
    """One running emulator."""

    url: str

    def account(self) -> Account:
        """One no one has used yet: every test has its own, so that tests share a server and nothing else."""
        number = "".join(random.choices("0123456789", k=12))  # noqa: S311 (a name, not a secret)
        return Account(self.url, Credentials(number, "unused"), number)


def two_codes(codes: pyotp.TOTP) -> tuple[str, str]:
    """Two consecutive codes, the second the one of now."""
    now = int(time.time())
    return codes.at(now - codes.interval), codes.at(now)


def codes_of_any_seed(seed: bytes) -> tuple[str, str]:
    """Two codes for EnableMFADevice, also where the shipped emulator's seed is none; it takes any code."""
    try:
        return two_codes(pyotp.TOTP(seed.decode()))
    except ValueError:
        return "000000", "111111"


@dataclass(frozen=True)
class Gap:
    """One behaviour in which the shipped emulator differs from AWS: what a probe finds with either."""

    claim: str
    probe: Callable[[Cloud], Any]
    aws: Any
    shipped: Any

    def __post_init__(self) -> None:
        assert self.aws != self.shipped, f"no gap: {self.claim}"


def names(gap: Gap) -> str:
    return gap.claim.replace(" ", "_")
