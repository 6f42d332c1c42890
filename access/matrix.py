"""The behaviour matrix: `matrix.yaml` worked out for one account, and put to IAM's policy simulator.

Pure up to `evaluate`, which asks `iam:SimulatePrincipalPolicy` of whatever account its client reaches, and
changes nothing. The simulator knows identity policies, boundaries and the conditions that it is given facts
about; it does not know trust policies, resource policies or service control policies.

Source: IAM API reference, "SimulatePrincipalPolicy".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

import naming
import settings
from access.claims import ALLOWED, REFUSED
from access.grants import Grants, grants_of
from settings import Settings

TABLE = Path(__file__).with_name("matrix.yaml")

Mfa = Literal["absent", "false", "present"]
Who = Literal[
    "person",
    "administrator",
    "other person",
    "break-glass",
    "vault principal",
    "instance role",
    "cross-account role",
    "vault session",
]
PEOPLE: set[Who] = {"person", "administrator", "other person", "break-glass"}
Only = Literal["open onboarding", "strict onboarding", "issues users"]
AS_THE_FILE_SAYS = "as the stack file says"

_MFA_KEY = "aws:MultiFactorAuthPresent"
_OTHER_USER = "somebody-else"


class Row(BaseModel):
    """One row of the table, as `matrix.yaml` explains it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    who: Who
    mfa: Annotated[list[Mfa], Field(min_length=1)]
    actions: Annotated[list[str], Field(min_length=1)]
    resources: Annotated[list[str], Field(min_length=1)]
    expect: Literal["allowed", "refused", "as the stack file says"]
    why: Annotated[str, Field(min_length=10)]
    control: Annotated[str, Field(min_length=5)]
    only: Only | None = None
    for_each: Literal["granted role"] | None = None
    given: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class MatrixClaim:
    """One cell: `who` is the identity's name, `principal_arn` whom the simulator takes it for; `given` the
    facts about the request; `kind` the row's own word for the identity."""

    who: str
    kind: Who
    principal_arn: str
    mfa: Mfa
    action: str
    resource: str
    given: Mapping[str, str]
    claimed: str
    why: str
    control: str


@dataclass(frozen=True, kw_only=True)
class _Identity:
    name: str
    arn: str
    # What the stack file gives it, where a row leaves the verdict to the file.
    grants: Grants | None = None
    granted_roles: tuple[str, ...] = ()


def rows(table: Path = TABLE) -> list[Row]:
    return [Row.model_validate(row) for row in yaml.safe_load(table.read_text())]


def claims(account: Settings, table: Sequence[Row] | None = None) -> list[MatrixClaim]:
    """Every cell that counts in this account, no cell twice."""
    found: dict[tuple[Any, ...], MatrixClaim] = {}
    for row in rows() if table is None else table:
        if row.only and not _counts(row.only, account):
            continue
        for identity in _identities(row.who, account):
            for claim in _cells(row, identity, account):
                key = (
                    claim.principal_arn,
                    claim.mfa,
                    claim.action,
                    claim.resource,
                    *sorted(claim.given.items()),
                )
                found.setdefault(key, claim)
    return list(found.values())


def _counts(only: Only, account: Settings) -> bool:
    if only == "issues users":
        return account.vault is not None and _issues_users(account.vault)
    return account.strict_onboarding == (only == "strict onboarding")


def _issues_users(vault: settings.Vault) -> bool:
    return not vault.roles or any(role.credential_type == "iam_user" for role in vault.roles.values())


def _cells(row: Row, identity: _Identity, account: Settings) -> Iterator[MatrixClaim]:
    for mfa in row.mfa:
        for role_arn in identity.granted_roles if row.for_each else ("",):
            for resource in row.resources:
                for action in row.actions:
                    where = _filled(resource, identity, account, role_arn)
                    claimed = _claimed(row, identity, action, where)
                    if claimed is None:
                        continue
                    yield MatrixClaim(
                        who=identity.name,
                        kind=row.who,
                        principal_arn=identity.arn,
                        mfa=mfa,
                        action=action,
                        resource=where,
                        given={
                            key: _filled(value, identity, account, role_arn)
                            for key, value in row.given.items()
                        },
                        claimed=claimed,
                        why=row.why,
                        control=row.control,
                    )


def _claimed(row: Row, identity: _Identity, action: str, resource: str) -> str | None:
    """The verdict; None where the stack file alone does not tell (a condition, an unknown managed policy)."""
    if row.expect != AS_THE_FILE_SAYS:
        return row.expect
    return identity.grants.verdict(action, resource) if identity.grants else None


def _filled(text: str, identity: _Identity, account: Settings, role_arn: str) -> str:
    return (
        text.replace("{own}", identity.arn)
        .replace("{other}", naming.user_arn(account.partition, account.account_id, "/", _OTHER_USER))
        .replace("{role}", role_arn)
        .replace("{account}", account.account_id)
        .replace("{region}", account.region)
        .replace("{partition}", account.partition)
    )


def _identities(who: Who, account: Settings) -> Iterator[_Identity]:
    if who in PEOPLE:
        yield from _people(who, account)
    elif who == "cross-account role":
        for name, role in account.cross_account_roles.items():
            yield _role(account, name, grants_of([role], boundary=role.permissions_boundary))
    elif who == "instance role" and account.instance:
        managed = [naming.SESSION_MANAGER_POLICY] if account.instance.session_manager else []
        yield _role(
            account, account.instance.role_name, grants_of([account.instance], managed_policies=managed)
        )
    elif account.vault and who == "vault principal":
        arn = account.vault.principal_arn(account.partition, account.account_id)
        yield _Identity(name=account.vault.principal, arn=arn)
    elif account.vault and who == "vault session":
        for name, session in account.vault.roles.items():
            if session.credential_type == "assumed_role":
                yield _role(account, naming.vault_aws_role_name(account.vault.mount, name), None)


def _people(who: Who, account: Settings) -> Iterator[_Identity]:
    last_resort = account.break_glass.user if account.break_glass else None
    for name, user in account.users.items():
        groups = [account.groups[group] for group in user.groups]
        administers = any(settings.is_administrators(group) and group.enforce_mfa for group in groups)
        if (
            who == "person"
            or (who == "break-glass" and name == last_resort)
            or (who == "administrator" and administers and name != last_resort)
            or (who == "other person" and not any(settings.is_administrators(group) for group in groups))
        ):
            yield _Identity(
                name=name,
                arn=naming.user_arn(account.partition, account.account_id, user.path, name),
                granted_roles=tuple(dict.fromkeys(arn for group in groups for arn in group.may_assume)),
            )


def _role(account: Settings, name: str, grants: Grants | None) -> _Identity:
    arn = naming.role_arn(account.partition, account.account_id, name)
    return _Identity(name=name, arn=arn, grants=grants)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the simulator says of one cell. `decision` is its own word."""

    claim: MatrixClaim
    found: str
    decision: str

    @property
    def holds(self) -> bool:
        return self.found == self.claim.claimed


def evaluate(iam: Any, wanted: Iterable[MatrixClaim]) -> Iterator[Verdict]:
    """Asks the simulator, many cells at a time. Errors are the client's own (NoSuchEntity, AccessDenied)."""
    ordered = sorted(wanted, key=_request)
    for (principal_arn, _, _, resource), same in groupby(ordered, key=_request):
        cells = list(same)
        answer = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=principal_arn,
            ActionNames=sorted({cell.action for cell in cells}),
            ResourceArns=[resource],
            ContextEntries=_context(cells[0]),
        )
        decisions = {
            result["EvalActionName"]: result["EvalDecision"]
            for page in answer
            for result in page["EvaluationResults"]
        }
        for cell in cells:
            decision = decisions[cell.action]
            yield Verdict(claim=cell, found=ALLOWED if decision == "allowed" else REFUSED, decision=decision)


def _request(claim: MatrixClaim) -> tuple[str, str, str, str]:
    """What one request to the simulator has in common."""
    return claim.principal_arn, claim.mfa, str(sorted(claim.given.items())), claim.resource


def _context(claim: MatrixClaim) -> list[dict[str, Any]]:
    entries = [_entry(key, "string", value) for key, value in claim.given.items()]
    if ":user/" in claim.principal_arn:
        entries.append(_entry("aws:username", "string", claim.who))
    if claim.mfa != "absent":
        entries.append(_entry(_MFA_KEY, "boolean", "true" if claim.mfa == "present" else "false"))
    return entries


def _entry(key: str, kind: str, value: str) -> dict[str, Any]:
    return {"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": [value]}
