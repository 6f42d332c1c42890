"""Ends all just-in-time access of one Vault role, whoever holds it.

    make jit-revoke ROLE=test STACK=dev [ARGS=--yes]

Users that Vault issued are deleted, at once. A session of an IAM role cannot be deleted: for a role of the
kind `assumed_role` everything is denied to sessions that were issued before now, as `make revoke-sessions`
does, until the next `pulumi up --refresh`. Whoever may read the role's credentials can ask for new ones: take
that right away first.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hvac

import settings
from access import live, vault
from access.revoke_sessions import COULD_NOT, DONE, STOPPED, how_long, revoke
from access.stack_files import settings_of
from naming import vault_aws_role_name


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role of Vault's engine, as the stack file has it. `aws_role`: the IAM role it assumes, or None."""

    account: settings.Settings
    mount: str
    name: str
    aws_role: str | None

    @property
    def leases(self) -> str:
        return f"{self.mount}/creds/{self.name}"


def role_of(stack: str, name: str, directory: Path) -> Role:
    """Raises live.CannotError or settings.ConfigError."""
    stacks = settings_of(directory)
    if stack not in stacks:
        raise live.CannotError(f"STACK={stack}: no such stack; known: {', '.join(stacks)}")
    account = stacks[stack]
    if account.vault is None:
        raise live.CannotError(f"STACK={stack}: its file has no vault section, so nobody gets access there.")
    if name not in account.vault.roles:
        known = ", ".join(account.vault.roles) or "none"
        raise live.CannotError(f"ROLE={name}: not under vault.roles of {stack}; known: {known}")
    assumed = account.vault.roles[name].credential_type == "assumed_role"
    return Role(
        account=account,
        mount=account.vault.mount,
        name=name,
        aws_role=vault_aws_role_name(account.vault.mount, name) if assumed else None,
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
        raise live.CannotError(
            f"The Vault token may not use {path}: it takes update and sudo, and has "
            f"{', '.join(sorted(held))}. Nothing was changed."
        )


def end_leases(client: hvac.Client, prefix: str) -> None:
    """Revokes every lease, and returns when Vault has deleted the users. Raises live.CannotError."""
    path = f"sys/leases/revoke-prefix/{prefix}"
    vault.asking(
        client, f"Ending the leases of {prefix}", path, lambda: client.write_data(path, data={"sync": True})
    )


def main(
    arguments: list[str],
    make_client: live.MakeClient = live.client,
    ask: live.Ask = input,
    directory: Path | None = None,
) -> int:
    parser = argparse.ArgumentParser(description="Ends all just-in-time access of one Vault role.")
    parser.add_argument("--role", required=True, help="the role's name under vault.roles")
    parser.add_argument("--stack", required=True, help="the stack whose account it is")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    try:
        role = role_of(options.stack, options.role, directory or Path.cwd())
        client = vault.client()
        # Everything that could refuse is asked before anything is changed.
        leases = live_leases(client, role.leases)
        must_be_allowed_to_end(client, role.leases)
        iam: Any = None
        if role.aws_role:
            live.must_be_in(role.account, make_client)
            iam = make_client("iam", role.account.region, None)
        print(f"Ends {len(leases)} leases of the role {role.name} at {role.mount}, whoever holds them.")
        if role.aws_role:
            print(f"Denies everything to sessions of {role.aws_role} that were issued before now.")
        print("Whoever may read the role's credentials can ask again: take that right away first.")
        if not (options.yes or live.confirmed(role.name, "the role's name", ask)):
            print("Stopped; nothing was changed.")
            return STOPPED
        # First, as AWS alone tells whether it is allowed: refused, nothing is half-done.
        if role.aws_role:
            print(how_long(revoke(iam, role.aws_role), options.stack))
        end_leases(client, role.leases)
        left = live_leases(client, role.leases)
        print(f"{len(leases)} leases were ended." if not left else f"{len(left)} leases are still there.")
    except (live.CannotError, settings.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    return DONE if not left else COULD_NOT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
