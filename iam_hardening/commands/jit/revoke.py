"""Ends all just-in-time access of one Vault role.

    iam-hardening jit revoke --stack dev --role test --yes
    iam-hardening jit revoke --stack dev --role verify-data --lift

Users that Vault issued are deleted, at once, and sessions that they took of their keys die with them
(`sts:GetSessionToken`, which no policy can deny; an inactive key would not end those). A session of an IAM
role cannot be deleted: for a role of the kind `assumed_role` everything is denied to sessions issued before
now, as `iam-hardening revoke-sessions` does (`iam_hardening/clients/revocations.py`). Shells of Session
Manager outlive both, so they are ended as well (`iam_hardening/clients/shells.py`). Anyone who may read the
role's credentials can ask for new ones: take that right away first.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hvac

from iam_hardening import config
from iam_hardening.aws.naming import vault_aws_role_name
from iam_hardening.claims.claim import REFUSED
from iam_hardening.claims.grants import grants_of
from iam_hardening.clients import operator, reach, shells, vault
from iam_hardening.clients.revocations import lifting, revoke, says
from iam_hardening.commands.revoke_sessions import COULD_NOT, DONE, STOPPED
from iam_hardening.config.files import settings_of


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role of Vault's engine, as the stack file has it. `aws_role`: the IAM role it assumes, or None.
    `may_open_shells` also where the file alone does not tell."""

    account: config.Settings
    mount: str
    name: str
    aws_role: str | None
    may_open_shells: bool

    @property
    def leases(self) -> str:
        return f"{self.mount}/creds/{self.name}"


def role_of(stack: str, name: str, stack_files: Path | None) -> Role:
    """Raises live.CannotError or settings.ConfigError."""
    stacks = settings_of(Path.cwd(), stack_files=stack_files, needed=[stack])
    if stack not in stacks:
        raise operator.CannotError(f"--stack {stack}: no such stack; known: {', '.join(stacks)}")
    account = stacks[stack]
    if account.vault is None:
        raise operator.CannotError(
            f"--stack {stack}: its file has no vault section, so Vault issues nothing there."
        )
    if name not in account.vault.roles:
        known = ", ".join(account.vault.roles) or "none"
        raise operator.CannotError(f"--role {name}: not under vault.roles of {stack}; known: {known}")
    role = account.vault.roles[name]
    assumed = role.is_session
    grants = grants_of(managed_policies=role.managed_policies, statements=role.statements)
    return Role(
        account=account,
        mount=account.vault.mount,
        name=name,
        aws_role=vault_aws_role_name(account.vault.mount, name) if assumed else None,
        # Groups' policies are not in the file.
        may_open_shells=role.debug_instance
        or bool(role.groups)
        or grants.verdict("ssm:StartSession", "*") != REFUSED,
    )


def live_leases(client: hvac.Client, prefix: str) -> list[str]:
    """The ids, without their prefix, of every lease that Vault still has. Raises live.CannotError."""
    path = f"sys/leases/lookup/{prefix}"
    found = vault.asking(client, f"Listing the leases of {prefix}", path, lambda: client.list(path))
    return list(found["data"]["keys"]) if found else []


def must_be_allowed_to_end(client: hvac.Client, prefix: str) -> None:
    """Raises live.CannotError for a token that may list the leases but not end them."""
    path = f"sys/leases/revoke-prefix/{prefix}"
    answer = vault.asking(
        client, "Asking Vault what this token may do", path, lambda: client.sys.get_capabilities([path])
    )
    held = set(answer["data"][path])
    # The path is a root-protected one: update alone is refused.
    if "root" not in held and not {"update", "sudo"} <= held:
        raise operator.CannotError(
            f"The Vault token may not use {path}: it takes update and sudo, and has "
            f"{', '.join(sorted(held))}. Nothing was changed."
        )


def end_leases(client: hvac.Client, prefix: str) -> None:
    """Revokes every lease, and returns when Vault has deleted the users. Raises live.CannotError."""
    path = f"sys/leases/revoke-prefix/{prefix}"
    vault.asking(
        client, f"Ending the leases of {prefix}", path, lambda: client.write_data(path, data={"sync": True})
    )


def _owners(
    role: Role, make_client: operator.MakeClient
) -> tuple[Callable[[str], bool] | None, operator.CannotError | None]:
    """The principals whose shells have to end, or why they are unknown: without AWS, the leases can still
    be ended."""
    if not role.may_open_shells:
        return None, None
    if role.aws_role:
        return shells.of_assumed_role(role.aws_role), None
    try:
        operator.must_be_in(role.account, make_client)
        return shells.of_issued_users(make_client("iam", role.account.region, None), role.name), None
    except operator.CannotError as problem:
        return None, problem


def _announce(role: Role, leases: int) -> None:
    print(f"Ends {leases} leases of the role {role.name} at {role.mount}, of all holders.")
    if role.aws_role:
        print(f"Denies everything to sessions of {role.aws_role} that were issued before now.")
    if role.may_open_shells:
        print("Ends their shells of Session Manager.")
    print("Anyone who may read the role's credentials can ask again: take that right away first.")


def _end_shells(role: Role, make_client: operator.MakeClient, owns: Callable[[str], bool]) -> str:
    def clients(service: str, region: str) -> Any:
        return make_client(service, region, None)

    found = shells.shells(clients, role.account.regions, owns)
    shells.end(clients, found)
    return f"{len(found)} shells were ended."


def _lift(role: Role, make_client: operator.MakeClient, *, early: bool) -> int:
    if role.aws_role is None:
        print(f"The users of {role.name} were deleted; there is no denial to lift. Nothing was changed.")
        return DONE
    operator.must_be_in(role.account, make_client)
    print(lifting(make_client("iam", role.account.region, None), role.aws_role, early=early))
    return DONE


def run(
    *,
    stack: str,
    role: str,
    yes: bool = False,
    lift: bool = False,
    early: bool = False,
    stack_files: Path | None = None,
    make_client: operator.MakeClient | None = None,
    ask: operator.Ask = input,
) -> int:
    try:
        access = role_of(stack, role, stack_files)
        make_client = make_client or reach.clients_of(access.account)
        if lift:
            return _lift(access, make_client, early=early)
        client = vault.client_of(access.account)
        # Everything that could refuse is asked before anything is changed.
        leases = live_leases(client, access.leases)
        must_be_allowed_to_end(client, access.leases)
        iam: Any = None
        if access.aws_role:
            operator.must_be_in(access.account, make_client)
            iam = make_client("iam", access.account.region, None)
        owns, unseen = _owners(access, make_client)
        _announce(access, len(leases))
        if not (yes or operator.confirmed(access.name, "the role's name", ask)):
            print("Stopped; nothing was changed.")
            return STOPPED
        # First, as only AWS knows whether it is allowed: refused, nothing is half-done.
        if access.aws_role:
            command = f"iam-hardening jit revoke --stack {stack} --role {access.name} --lift"
            print(says(revoke(iam, access.aws_role), command))
        end_leases(client, access.leases)
        left = live_leases(client, access.leases)
        print(f"{len(leases)} leases were ended." if not left else f"{len(left)} leases are still there.")
        # Last: until then a new one could be opened.
        if owns:
            print(_end_shells(access, make_client, owns))
        if unseen:
            print(f"Shells of Session Manager were not looked for, and go on: {unseen}", file=sys.stderr)
            return COULD_NOT
    except (operator.CannotError, config.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    return DONE if not left else COULD_NOT
