"""Session Manager's shells of principals with access from Vault: found by their owner, and ended.

A shell goes on when the credentials that opened it are gone: it ends when it is closed, idle for too long, or
terminated. Source: Systems Manager User Guide, "End a session".
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from iam_hardening.aws.naming import VAULT_ROLE_CHARACTERS, VAULT_ROLE_TAG, VAULT_USER_PATH
from iam_hardening.clients import operator


@dataclass(frozen=True, kw_only=True)
class Shell:
    region: str
    session_id: str


def shells(
    clients: Callable[[str, str], Any], regions: Sequence[str], owns: Callable[[str], bool]
) -> list[Shell]:
    """The active ones whose owner's ARN `owns` says yes to. Raises live.CannotError."""
    found = []
    for region in regions:
        pages = clients("ssm", region).get_paginator("describe_sessions").paginate(State="Active")
        for page in operator.call(f"Listing the shells in {region}", lambda pages=pages: list(pages)):
            found += [
                Shell(region=region, session_id=session["SessionId"])
                for session in page["Sessions"]
                if owns(session["Owner"])
            ]
    return found


def end(clients: Callable[[str, str], Any], ended: Sequence[Shell]) -> None:
    """Raises live.CannotError, and may be run again then."""
    for shell in ended:
        ssm = clients("ssm", shell.region)
        operator.call(
            f"Ending the shell {shell.session_id}", ssm.terminate_session, SessionId=shell.session_id
        )


def of_assumed_role(aws_role: str) -> Callable[[str], bool]:
    return lambda owner: f":assumed-role/{aws_role}/" in owner


def of_issued_users(iam: Any, role: str) -> Callable[[str], bool]:
    """Users that Vault issued for a role: by their tag, and those that are gone by their name.

    Asked before the users are deleted. Raises live.CannotError.
    """
    of_its_role = {user["UserName"]: _role_of(iam, user["UserName"]) == role for user in _users(iam)}

    def owns(owner: str) -> bool:
        _, path, name = owner.partition(f":user{VAULT_USER_PATH}")
        if not path:
            return False
        return of_its_role.get(name, _is_named_for(role, name))

    return owns


def _users(iam: Any) -> Iterator[dict[str, Any]]:
    pages = iam.get_paginator("list_users").paginate(PathPrefix=VAULT_USER_PATH)
    for page in operator.call(f"Listing the users under {VAULT_USER_PATH}", lambda: list(pages)):
        yield from page["Users"]


def _role_of(iam: Any, name: str) -> str | None:
    try:
        tags = iam.list_user_tags(UserName=name)["Tags"]
    except iam.exceptions.NoSuchEntityException:  # its lease ended between the two calls
        return None
    except operator.CALL_ERRORS as error:
        raise operator.CannotError(f"Looking at the tags of {name} failed: {error}") from None
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == VAULT_ROLE_TAG), None)


def _is_named_for(role: str, name: str) -> bool:
    """Of a user that is gone: `vault-LOGIN-NAME-ROLE-TIME-RANDOM`."""
    written = re.escape(role[:VAULT_ROLE_CHARACTERS])
    return bool(re.fullmatch(rf"vault-.*-{written}-[0-9]+-[A-Za-z0-9]+", name))
