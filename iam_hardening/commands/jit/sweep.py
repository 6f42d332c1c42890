"""Lists, and on confirmation deletes, users that Vault should have deleted and did not.

    iam-hardening jit sweep --stack dev --yes

A user under `/vault/` is left over when it is older than the longest lease of the mount, and Vault has no
lease any more that was issued with it and still runs. It is deleted with everything that it made or was
given: keys, password, devices, certificates, policies, groups. No one outside the path is ever touched.

Leases do not say which user they are for. A lease and its user are made within seconds of each other, so a
running lease of the same minute keeps a user; no lease runs longer than the mount's `maxLeaseTtl`.
"""

import functools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import hvac
from rich.console import Console
from rich.table import Table

from iam_hardening import config
from iam_hardening.aws.naming import VAULT_USER_PATH
from iam_hardening.clients import operator, reach, vault
from iam_hardening.clients.user_belongings import BELONGINGS, Belonging
from iam_hardening.commands.jit.revoke import live_leases
from iam_hardening.commands.revoke_sessions import COULD_NOT, DONE, STOPPED
from iam_hardening.config.files import settings_of

# Vault's clock and AWS's may differ, and a new user takes some seconds.
_APART_AT_MOST = timedelta(minutes=1)
# Vault is given that long after the end of the longest lease to try again.
_PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class LeftOver:
    """A user that outlived its lease. `holds`: what would keep Vault from deleting it, in plain words."""

    name: str
    created: datetime
    holds: tuple[str, ...]


def left_over(iam: Any, running: Sequence[datetime], longest: timedelta) -> list[LeftOver]:
    """`running`: when each lease that still runs was issued; `longest`: the mount's maximum.

    Raises live.CannotError.
    """
    answer = operator.call(
        f"Listing the users under {VAULT_USER_PATH}", iam.list_users, PathPrefix=VAULT_USER_PATH
    )
    now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    pages = iam.get_paginator("list_users").paginate(PathPrefix=VAULT_USER_PATH)
    found = []
    for user in (user for page in pages for user in page["Users"]):
        is_known = any(abs(user["CreateDate"] - issued) <= _APART_AT_MOST for issued in running)
        is_old = now - user["CreateDate"] > longest + _PATIENCE
        # AWS filters by the path; a user that stands elsewhere must never be taken for one of these.
        if user["Path"].startswith(VAULT_USER_PATH) and is_old and not is_known:
            holds = tuple(_holds(iam, user["UserName"]))
            found.append(LeftOver(name=user["UserName"], created=user["CreateDate"], holds=holds))
    return found


def running_leases(client: hvac.Client, vault_settings: config.Vault) -> list[datetime]:
    """When each lease of the mount was issued that has not ended. Raises live.CannotError."""
    issued = []
    for role in vault_settings.roles:
        prefix = f"{vault_settings.mount}/creds/{role}"
        for lease in live_leases(client, prefix):
            look = functools.partial(client.sys.read_lease, f"{prefix}/{lease}")
            try:
                found = vault.asking(client, "Looking at a lease", "sys/leases/lookup", look)
            except operator.CannotError as gone:
                if "invalid lease" in str(gone):  # it ended between the two calls
                    continue
                raise
            if found["data"]["ttl"] > 0:
                issued.append(datetime.fromisoformat(found["data"]["issue_time"]))
    return issued


def delete(iam: Any, name: str) -> None:
    """The user and all that is its own. Raises live.CannotError, and may be run again then."""
    user = operator.call(f"Looking at {name}", iam.get_user, UserName=name)["User"]
    if not user["Path"].startswith(VAULT_USER_PATH):
        raise operator.CannotError(f"{name} is not under {VAULT_USER_PATH}; nothing was deleted.")
    if _has_password(iam, name):
        operator.call(f"Taking the password of {name} away", iam.delete_login_profile, UserName=name)
    for belonging in BELONGINGS:
        end = getattr(iam, belonging.delete_call)
        for item in _items(iam, name, belonging):
            named = belonging.named(item)
            operator.call(f"Taking away a {belonging.words} of {name}", end, UserName=name, **named)
            if ":mfa/" in named.get("SerialNumber", ""):  # a virtual device is a separate resource
                operator.call(f"Deleting a device of {name}", iam.delete_virtual_mfa_device, **named)
    operator.call(f"Deleting {name}", iam.delete_user, UserName=name)


def _holds(iam: Any, name: str) -> Iterator[str]:
    if _has_password(iam, name):
        yield "a password"
    for belonging in BELONGINGS:
        if items := _items(iam, name, belonging):
            yield f"{len(items)} {belonging.words}{'s' if len(items) > 1 else ''}"


def _items(iam: Any, name: str, belonging: Belonging) -> list[Any]:
    answer = operator.call(f"Looking at {name}", getattr(iam, belonging.list_call), UserName=name)
    return list(answer[belonging.items])


def _has_password(iam: Any, name: str) -> bool:
    try:
        iam.get_login_profile(UserName=name)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True


def run(
    *,
    stack: str,
    yes: bool = False,
    stack_files: Path | None = None,
    make_client: operator.MakeClient | None = None,
    ask: operator.Ask = input,
) -> int:
    try:
        account = _account_with_vault(stack, stack_files)
        assert account.vault is not None
        make_client = make_client or reach.clients_of(account)
        operator.must_be_in(account, make_client)
        iam = make_client("iam", account.region, None)
        running = running_leases(vault.client_of(account), account.vault)
        found = left_over(iam, running, timedelta(seconds=account.vault.max_lease_ttl))
        if not found:
            print(f"Nothing is left over under {VAULT_USER_PATH}; {len(running)} leases run.")
            return DONE
        _show(found)
        if not (yes or operator.confirmed(account.account_id, "the account's ID", ask)):
            print("Stopped; nothing was changed.")
            return STOPPED
        for user in found:
            delete(iam, user.name)
            print(f"Deleted {user.name}.")
    except (operator.CannotError, config.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    return DONE


def _account_with_vault(stack: str, stack_files: Path | None) -> config.Settings:
    stacks = settings_of(Path.cwd(), stack_files=stack_files, needed=[stack])
    with_vault = [name for name, account in stacks.items() if account.vault]
    if stack not in with_vault:
        raise operator.CannotError(
            f"--stack {stack}: no stack with a vault section; known: {', '.join(with_vault) or 'none'}"
        )
    return stacks[stack]


def _show(found: Sequence[LeftOver]) -> None:
    table = Table(title="Left over", title_justify="left")
    for heading in ("user", "since", "what it holds"):
        table.add_column(heading, overflow="fold")
    for user in found:
        table.add_row(user.name, f"{user.created:%Y-%m-%d %H:%M:%S} UTC", ", ".join(user.holds) or "nothing")
    Console().print(table)
