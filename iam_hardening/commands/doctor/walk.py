"""What the steps share: who walks where, what earlier steps found, and AWS's refusals as sentences."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import hvac
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from iam_hardening.clients import operator
from iam_hardening.clients.aws import Credentials
from iam_hardening.config import CrossAccountRole, Settings, Vault
from iam_hardening.model.vault import lease_seconds

_NOT_KNOWN = {"InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException", "AuthFailure"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException"}
_CLOCK = {"RequestExpired", "RequestTimeTooSkewed"}
_WRONG_SECRET = {"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"}
# A signature's age is judged with the same code as a wrong one; only AWS's words tell.
_CLOCK_WORDS = ("signature expired", "signature not yet current")
_DENIED = {"AccessDenied", "AccessDeniedException"}

_T = TypeVar("_T")


def needed(value: _T | None) -> _T:
    """What an earlier step, or a check of the arguments, has put there."""
    if value is None:
        raise ValueError("a step was taken out of order")
    return value


class Trouble(operator.CannotError):
    """What is in the way, and in `fix` what to do about it (empty where the sentence itself says so)."""

    def __init__(self, problem: str, fix: str = "") -> None:
        super().__init__(problem)
        self.fix = fix


class Denied(Trouble):
    """AWS knows who asks, and refuses. Each step knows for itself what that means."""


@dataclass(kw_only=True)
class Walk:
    """`central` is where `person` is a user. `account` is the workload account, `role` a role there and
    `vault_role` one of its Vault roles. What follows is filled in by the steps."""

    person: str
    central: Settings
    account: Settings | None
    role: str | None
    vault_role: str | None
    make_client: operator.MakeClient

    credentials: Credentials | None = None
    serial: str | None = None
    in_role: Credentials | None = None
    vault: hvac.Client | None = None

    @property
    def cross_account_role(self) -> CrossAccountRole | None:
        return self.account.cross_account_roles[self.role] if self.account and self.role else None

    @property
    def engine(self) -> Vault:
        return needed(needed(self.account).vault)

    @property
    def lease_seconds(self) -> int:
        return lease_seconds(self.engine, self.engine.roles[needed(self.vault_role)])

    @property
    def groups(self) -> list[str]:
        return list(self.central.users[self.person].groups)

    def client(self, service: str, region: str, credentials: Credentials | None) -> Any:
        """Raises Trouble where the configuration lets none be made."""
        try:
            return self.make_client(service, region, credentials)
        except (BotoCoreError, ValueError) as error:
            raise Trouble(
                f"AWS's libraries refuse their configuration: {error}",
                "Look at AWS_PROFILE, AWS_ENDPOINT_URL and ~/.aws/config: each setting there that is not "
                "needed is better unset.",
            ) from None

    def session_commands(self) -> str:
        """How this person gets an MFA session; with the device's own serial number, once that is known."""
        device = (self.serial or "").partition(":mfa/")[2]
        if self.serial and not device:
            return (
                f"aws sts get-session-token --profile {self.central.stack} --serial-number {self.serial} "
                "--token-code CODE (then export its three values; docs/people.md)."
            )
        return (
            f"iam-hardening client-config --person {self.person} --device {device or 'your-device'} "
            "prints the commands "
            "for an MFA session (aws sts get-session-token); run them in this shell."
        )


@dataclass(frozen=True)
class Step:
    """`take` answers with what was found, or raises live.CannotError (Trouble where a fix is known)."""

    name: str
    take: Callable[[Walk], str]


def asking(walk: Walk, doing: str, call: Callable[..., Any], **arguments: Any) -> Any:
    """The answer of one call to AWS. Raises Denied where AWS refused, else Trouble."""
    try:
        return call(**arguments)
    except (ConnectionError, HTTPClientError) as error:
        raise Trouble(
            f"{doing}: AWS does not answer. {error}",
            "Look at the network and its proxy (HTTPS_PROXY), at aws:region in the stack file, and whether "
            "AWS_ENDPOINT_URL is set, which it should not be.",
        ) from None
    except BotoCoreError as error:
        raise Trouble(f"{doing} failed: {error}") from None
    except ClientError as error:
        raise _refusal(walk, doing, error) from None


def _refusal(walk: Walk, doing: str, error: ClientError) -> Trouble:
    found = error.response.get("Error", {})
    code, words = found.get("Code", ""), found.get("Message", "")
    if code in _CLOCK or any(said in words.lower() for said in _CLOCK_WORDS):
        return Trouble(
            f"{doing}: AWS says that the request's time is wrong ({code}): this machine's clock is off.",
            "Compare `date -u` with the real time and switch time synchronisation on (timedatectl set-ntp "
            "true); AWS accepts five minutes of difference.",
        )
    if code in _EXPIRED:
        return Trouble(
            f"{doing}: these are temporary credentials, and their time is over.",
            f"Take a new session. {walk.session_commands()}",
        )
    if code in _NOT_KNOWN:
        return Trouble(
            f"{doing}: AWS does not take this access key ({code}). It was deleted or set inactive, or the "
            "session token with it belongs to another one.",
            "In the console, Security credentials, Access keys: is it there, and active? If not make a new "
            "one there and put it in place with aws configure.",
        )
    if code in _WRONG_SECRET:
        return Trouble(
            f"{doing}: the secret does not belong to this access key ({code}).",
            "Put in key and secret together again (aws configure); a secret that is lost takes a new key.",
        )
    kind = Denied if code in _DENIED else Trouble
    return kind(f"{doing} failed: {words or error}")
