"""What the commands that change a live account share: whose credentials these are, and a person's yes."""

from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from iam_hardening.clients.aws import Credentials, new_session
from iam_hardening.config import Settings

Ask = Callable[[str], str]
# Makes a client: service, region, and credentials other than those of the environment.
MakeClient = Callable[[str, str, Credentials | None], Any]


# What a call of boto3 raises.
CALL_ERRORS = (BotoCoreError, ClientError)


class CannotError(Exception):
    """Why a command stops, in a sentence that says what to do."""


def client(
    service: str, region: str, credentials: Credentials | None = None, *, config: Config | None = None
) -> Any:
    """A client with the given credentials, or with those that the AWS CLI would use here."""
    keys = credentials.arguments() if credentials else {}
    return new_session().client(service, region_name=region, config=config, **keys)


def call(what: str, call: Callable[..., Any], **arguments: Any) -> Any:
    """The answer of one call. Raises CannotError with AWS's own words after ours."""
    try:
        return call(**arguments)
    except CALL_ERRORS as error:
        raise CannotError(f"{what} failed: {error}") from None


def account_of_credentials(sts: Any) -> str:
    return str(call("Asking AWS whose credentials these are", sts.get_caller_identity)["Account"])


def must_be_in(account: Settings, make_client: MakeClient) -> None:
    """Raises CannotError for credentials of another account than the stack's."""
    actual = account_of_credentials(make_client("sts", account.region, None))
    if actual != account.account_id:
        raise CannotError(
            f"These are credentials of the account {actual}; the stack {account.stack} is the account "
            f"{account.account_id}. Nothing was changed."
        )


def confirmed(expected: str, what: str, ask: Ask) -> bool:
    """Whether a person typed what was asked for, exactly."""
    try:
        return ask(f"Type {what} ({expected}) to go on, anything else to stop: ").strip() == expected
    except EOFError:
        return False
