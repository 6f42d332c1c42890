"""Who got which just-in-time credentials when, by Vault's audit log, and which IAM user or session they were.

    iam-hardening jit audit --stack dev --log /var/log/vault/audit.log

Vault hashes secrets in its audit log; the access key's ID, which is none, it leaves readable on the mount
that the stack makes. The key's ID leads to the user: AWS says whose it is while it exists, and CloudTrail,
for 90 days, whose it was. A session of an IAM role is named in Vault's own answer.

Vault does not log that a lease ended by its time, and hashes the lease's ID where one is revoked alone;
that a role's leases were ended together (`iam-hardening jit revoke`) is shown, of those that could still
run then.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.clients import operator
from iam_hardening.commands.revoke_sessions import COULD_NOT, DONE
from iam_hardening.config.files import settings_of

_UNKNOWN = "not known any more"


@dataclass(frozen=True, kw_only=True)
class Given:
    """One hand-out. `who` is Vault's display name, such as `userpass-alice`; `entity` its identity entity.
    `identity`: the IAM user's name, or the ARN of the role's session."""

    when: str
    who: str
    entity: str
    address: str
    role: str
    lease: str
    access_key_id: str
    identity: str
    ended_early_by: str = ""


def given(lines: Iterable[str], mount: str, longest: timedelta) -> list[Given]:
    """Every issued credential of the mount's roles in the log, oldest first; lines of others are skipped.

    `longest`: the mount's maximum lease; what is older cannot be ended early any more.

    Raises live.CannotError for a file that is no audit log.
    """
    found: dict[str, Given] = {}
    path = re.compile(rf"{re.escape(mount)}/(?:creds|sts)/(?P<role>[^/]+)")
    for number, line in enumerate(filter(str.strip, lines), start=1):
        try:
            entry = json.loads(line)
            kind, request = entry["type"], entry["request"]
        except (ValueError, TypeError, KeyError):
            raise operator.CannotError(f"Line {number} is no line of a Vault audit log.") from None
        if kind != "response" or entry.get("error"):
            continue
        asked = str(request.get("path", ""))
        match = path.fullmatch(asked)
        if match and request.get("operation") in ("read", "update"):
            made = _given(entry, match["role"])
            if made:
                found[made.lease] = made
        elif asked.startswith("sys/leases/revoke"):
            _mark_ended(found, entry, asked, longest)
    return list(found.values())


def _given(entry: dict[str, Any], role: str) -> Given | None:
    auth, response = entry.get("auth") or {}, entry.get("response") or {}
    data = response.get("data") or {}
    if "access_key" not in data:
        return None
    return Given(
        when=str(entry["time"]),
        who=str(auth.get("display_name") or "unknown"),
        entity=str(auth.get("entity_id") or ""),
        address=str(entry["request"].get("remote_address") or ""),
        role=role,
        lease=str((response.get("secret") or {}).get("lease_id") or ""),
        access_key_id=str(data["access_key"]),
        identity=str(data.get("arn") or ""),
    )


def _mark_ended(found: dict[str, Given], entry: dict[str, Any], path: str, longest: timedelta) -> None:
    by = str((entry.get("auth") or {}).get("display_name") or "unknown")
    prefix = re.sub(r"^sys/leases/revoke(?:-prefix|-force)?/?", "", path)
    if not prefix:
        return
    oldest = datetime.fromisoformat(entry["time"]) - longest
    for lease, each in found.items():
        # Vault ends what is below the path: aws/creds/test is not the beginning of aws/creds/test-admin.
        is_below = lease == prefix or lease.startswith(f"{prefix.rstrip('/')}/")
        if is_below and not each.ended_early_by and datetime.fromisoformat(each.when) > oldest:
            found[lease] = replace(each, ended_early_by=by)


def with_users(hand_outs: Iterable[Given], iam: Any, cloudtrail: Any) -> Iterator[Given]:
    """With the IAM user of every key that is not a session's. Raises live.CannotError."""
    for each in hand_outs:
        yield each if each.identity else replace(each, identity=_user_of(each.access_key_id, iam, cloudtrail))


def _user_of(access_key_id: str, iam: Any, cloudtrail: Any) -> str:
    try:
        return str(iam.get_access_key_last_used(AccessKeyId=access_key_id)["UserName"])
    except (ClientError, KeyError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else "NoSuchEntity"
        # For a key that is gone, AWS says the one or the other.
        if code not in ("NoSuchEntity", "AccessDenied"):
            raise operator.CannotError(f"Asking whose key {access_key_id} is failed: {error}") from None
    events = operator.call(
        f"Asking CloudTrail whose key {access_key_id} was",
        cloudtrail.lookup_events,
        LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": access_key_id}],
    )["Events"]
    names = [
        resource["ResourceName"]
        for event in events
        if event.get("EventName") == "CreateAccessKey"
        for resource in event.get("Resources", [])
        if resource.get("ResourceType") == "AWS::IAM::User"
    ]
    return names[0] if names else _UNKNOWN


def run(
    *,
    stack: str,
    log: Path,
    json_file: Path | None = None,
    stack_files: Path | None = None,
    make_client: operator.MakeClient = operator.client,
) -> int:
    try:
        account = _account(stack, stack_files)
        assert account.vault is not None
        longest = timedelta(seconds=account.vault.max_lease_ttl)
        hand_outs = given(_lines(log), account.vault.mount, longest)
        operator.must_be_in(account, make_client)
        region = naming.IAM_EVENTS_REGION.get(account.partition, account.region)
        iam, cloudtrail = make_client("iam", account.region, None), make_client("cloudtrail", region, None)
        known = list(with_users(hand_outs, iam, cloudtrail))
    except (operator.CannotError, config.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    _show(known, account.vault.mount)
    if json_file:
        json_file.write_text("".join(f"{json.dumps(vars(each))}\n" for each in known))
    return DONE


def _account(stack: str, stack_files: Path | None) -> config.Settings:
    stacks = settings_of(Path.cwd(), stack_files=stack_files, needed=[stack])
    with_vault = [name for name, account in stacks.items() if account.vault]
    if stack not in with_vault:
        raise operator.CannotError(
            f"--stack {stack}: no stack with a vault section; known: {', '.join(with_vault) or 'none'}"
        )
    return stacks[stack]


def _lines(log: Path) -> list[str]:
    if str(log) == "-":
        return sys.stdin.read().splitlines()
    try:
        return log.read_text().splitlines()
    except OSError as error:
        raise operator.CannotError(
            f"--log {log}: {error.strerror}. Vault writes it on its own machine, for its own user; bring a "
            "copy here, or pipe it in with LOG=-."
        ) from None


def _show(hand_outs: list[Given], mount: str) -> None:
    table = Table(title=f"Credentials from {mount}", title_justify="left")
    for heading in ("when", "who", "from", "role", "IAM user or session", "ended early by"):
        table.add_column(heading, overflow="fold")
    for each in hand_outs:
        table.add_row(
            each.when[:19].replace("T", " "),
            each.who,
            each.address,
            each.role,
            each.identity,
            each.ended_early_by or "",
        )
    Console().print(table)
