"""The behaviour matrix: `matrix.yaml` worked out for one account, and put to IAM's policy simulator.

Pure up to `evaluate`, which asks `iam:SimulatePrincipalPolicy` (and, of a single policy,
`iam:SimulateCustomPolicy`) of the account that its client reaches, and changes nothing. The simulator knows
identity policies, boundaries and the conditions that it is given facts about; it does not know service
control policies. Trust and resource policies are claimed in `policy_claims.py`.

Source: IAM API reference, "SimulatePrincipalPolicy", "SimulateCustomPolicy".
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies.documents import document
from iam_hardening.claims.claim import ALLOWED, REFUSED
from iam_hardening.claims.grants import KNOWN_POLICIES, Grants, grants_of, resource_accounts
from iam_hardening.config import Settings, Statement, added_policies, trust, vault_principal
from iam_hardening.model import alarms

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
    "vault server",
    "issued user",
    "debugger",
    "MFA enforcement",
    "self-service",
    "break-glass denial",
    "grant of roles",
    "shell logs",
    "boundary",
    "role without secrets",
    "configured policy",
]
_POLICIES_OF_PEOPLE: Mapping[Who, str] = {
    "MFA enforcement": naming.ENFORCE_MFA_POLICY,
    "self-service": naming.SELF_SERVICE_POLICY,
    "break-glass denial": naming.BREAK_GLASS_POLICY,
}
PEOPLE: set[Who] = {"person", "administrator", "other person", "break-glass"}
Only = Literal[
    "open onboarding",
    "strict onboarding",
    "issues users",
    "makes a trail",
    "sends alarms",
    "makes Vault's storage",
    "has Vault's nodes",
    "sets session preferences",
]
# A condition key's value in a simulated request.
Fact = str | bool | int | list[str]
AS_THE_FILE_SAYS = "as the stack file says"

_MFA_KEY = "aws:MultiFactorAuthPresent"
_OTHER_USER = "somebody-else"
# Single policies of people are tested with a user at `/` and with one below a path.
_ANYBODY = ("/anybody", "/people/anybody")
EVERYTHING = document({"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"})
_ITS_ACTIONS = "{its actions}"


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
    policy: str | None = None
    for_each: (
        Literal[
            "granted role",
            "tagged role",
            "granted group",
            "granted policy",
            "own resource",
            "guarded resource",
            "alarm rule",
        ]
        | None
    ) = None
    beside: Literal["nothing", "everything"] = "nothing"
    given: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class MatrixClaim:
    """One cell: `who` is the identity's name, `principal_arn` the principal in the simulator; `given` the
    facts about the request; `kind` the row's own word for the identity. `policy_arn` is there where a policy
    is judged alone, and `is_boundary` says as what; `beside_everything`: as if all else were allowed."""

    who: str
    kind: Who
    principal_arn: str
    policy_arn: str | None
    is_boundary: bool
    beside_everything: bool
    mfa: Mfa
    action: str
    resource: str
    given: Mapping[str, str]
    claimed: str
    why: str
    control: str

    @property
    def subject(self) -> str:
        """The ARN of what is judged."""
        return self.policy_arn or self.principal_arn


@dataclass(frozen=True, kw_only=True)
class Issued:
    """What a claim needs to know of a deployed account. `users`: Vault's role to the ARN of a user that was
    issued for it; `instance_arn` the instance that `debugInstance` is about."""

    users: Mapping[str, str]
    instance_arn: str | None


@dataclass(frozen=True, kw_only=True)
class _Identity:
    name: str
    arn: str
    # What the stack file gives it, where a row leaves the verdict to the file.
    grants: Grants | None = None
    granted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    statements: tuple[Statement, ...] = ()
    # Of a single policy.
    policy_arn: str | None = None
    is_boundary: bool = False


def rows(table: Path = TABLE) -> list[Row]:
    return [Row.model_validate(row) for row in yaml.safe_load(table.read_text())]


def claims(
    account: Settings, table: Sequence[Row] | None = None, issued: Issued | None = None
) -> list[MatrixClaim]:
    """Every cell that counts in this account, no cell twice. `issued` is known of a deployed account only;
    without it rows about issued users and about the instance make no claim."""
    found: dict[tuple[Any, ...], MatrixClaim] = {}
    for row in rows() if table is None else table:
        if row.only and not _counts(row.only, account):
            continue
        for identity in _identities(row.who, account, issued):
            if row.policy and identity.name != f"policy {row.policy}":
                continue
            for claim in _cells(row, identity, account, issued):
                key = (
                    claim.subject,
                    claim.principal_arn,
                    claim.beside_everything,
                    claim.mfa,
                    claim.action,
                    claim.resource,
                    *sorted(claim.given.items()),
                )
                found.setdefault(key, claim)
    return list(found.values())


def _counts(only: Only, account: Settings) -> bool:
    if only == "issues users":
        return account.vault is not None and account.vault.issues_users
    if only == "makes a trail":
        return alarms.makes_trail(account)
    if only == "sends alarms":
        return account.alarms is not None
    if only == "sets session preferences":
        return account.instance is not None and account.instance.session_preferences is not None
    if only == "makes Vault's storage":
        return account.vault_server is not None
    if only == "has Vault's nodes":
        runs_here = account.vault is not None and account.vault.runs_on_role is not None
        return account.vault_server is not None or runs_here
    return account.strict_onboarding == (only == "strict onboarding")


def _cells(row: Row, identity: _Identity, account: Settings, issued: Issued | None) -> Iterator[MatrixClaim]:
    for mfa in row.mfa:
        for each in _scopes(row, identity):
            facts = _facts(identity, account, issued) | dict(each.facts)
            given = {key: _filled(value, facts) for key, value in row.given.items()}
            for resource in (_filled(text, facts) for text in row.resources):
                if "{instance}" in resource:
                    continue
                for action in _actions(row, each):
                    claimed = _claimed(row, identity, action, resource)
                    if claimed is None:
                        continue
                    yield MatrixClaim(
                        who=identity.name,
                        kind=row.who,
                        principal_arn=identity.arn,
                        policy_arn=identity.policy_arn,
                        is_boundary=identity.is_boundary,
                        beside_everything=row.beside == "everything",
                        mfa=mfa,
                        action=action,
                        resource=resource,
                        given=given,
                        claimed=claimed,
                        why=row.why,
                        control=row.control,
                    )


@dataclass(frozen=True, kw_only=True)
class _Scope:
    """One turn of a row's `for_each`."""

    facts: Mapping[str, str] = field(default_factory=dict)
    actions: tuple[str, ...] = ()


def _scopes(row: Row, identity: _Identity) -> Iterator[_Scope]:
    if row.for_each is None:
        yield _Scope()
    elif row.for_each in ("own resource", "guarded resource"):
        statements = [
            statement
            for statement in identity.statements
            if row.for_each == "own resource"
            or (statement.effect == "Allow" and resource_accounts(statement) is not None)
        ]
        for resource in dict.fromkeys(r for s in statements for r in _resources(s)):
            own = [a for s in statements if resource in _resources(s) for a in (*s.actions, *s.not_actions)]
            exact, beside = _inside_and_beside(resource)
            yield _Scope(
                facts={"{its resource}": exact, "{beside it}": beside},
                actions=tuple(action for action in own if "*" not in action and "?" not in action),
            )
    else:
        for arn in identity.granted.get(row.for_each, ()):
            kind = row.for_each.rsplit(" ", 1)[-1]
            yield _Scope(facts={f"{{{kind}}}": arn})


def _resources(statement: Statement) -> list[str]:
    """What the statement names, be it as exceptions."""
    return [*statement.resources, *statement.not_resources]


def _inside_and_beside(pattern: str) -> tuple[str, str]:
    """Something that a resource pattern covers, and its neighbour: another bucket, another role, and so on.

    `arn:aws:s3:::data/*` → `arn:aws:s3:::data/x` and `arn:aws:s3:::data-beside/x`.
    """
    if pattern == "*":
        return "*", "*"
    fixed = pattern.split("*", 1)[0].split("?", 1)[0]
    rest = pattern[len(fixed) :].replace("*", "x").replace("?", "x")
    name, slash = (fixed[:-1], "/") if fixed.endswith("/") else (fixed, "")
    return f"{fixed}{rest}", f"{name}-beside{slash}{rest}"


def _actions(row: Row, scope: _Scope) -> Iterator[str]:
    for action in row.actions:
        yield from scope.actions if action == _ITS_ACTIONS else (action,)


def _claimed(row: Row, identity: _Identity, action: str, resource: str) -> str | None:
    """The verdict; None where the stack file alone does not tell (a condition, an unknown managed policy)."""
    if row.expect != AS_THE_FILE_SAYS:
        return row.expect
    own_account = naming.account_of(identity.arn)
    return identity.grants.verdict(action, resource, owner=own_account) if identity.grants else None


def _facts(identity: _Identity, account: Settings, issued: Issued | None) -> dict[str, str]:
    facts = {
        "{own}": identity.arn,
        "{other}": naming.user_arn(account.partition, account.account_id, "/", _OTHER_USER),
        "{account}": account.account_id,
        "{region}": account.region,
        "{partition}": account.partition,
    }
    bucket = naming.trail_bucket(account.account_id, account.region)
    facts["{log bucket}"] = naming.bucket_arn(account.partition, bucket)
    if account.instance and account.instance.session_preferences:
        facts["{shell logs}"] = naming.log_group_arn(
            account.partition,
            account.region,
            account.account_id,
            account.instance.session_preferences.log_group,
        )
    if account.vault_server:
        facts["{table}"] = account.vault_server.table
        facts["{vault server}"] = account.vault_server.name
    if issued and issued.instance_arn:
        facts["{instance}"] = issued.instance_arn
    return facts


def _filled(text: str, facts: Mapping[str, str]) -> str:
    for name, value in facts.items():
        text = text.replace(name, value)
    return text


def _identities(who: Who, account: Settings, issued: Issued | None) -> Iterator[_Identity]:
    if who in PEOPLE:
        yield from _people(who, account)
    elif who in _POLICIES_OF_PEOPLE:
        if account.is_central and (who != "break-glass denial" or account.break_glass):
            for below in _ANYBODY:
                yield _policy(account, _POLICIES_OF_PEOPLE[who], user=below)
    elif who == "configured policy":
        for name in _configured_policies(account):
            yield _policy(account, name)
    elif who == "grant of roles":
        for name, group in account.groups.items():
            if group.may_assume:
                alone = _policy(account, naming.assume_policy_name(name))
                yield replace(alone, granted={"granted role": tuple(group.may_assume)})
    elif who == "cross-account role":
        for name, role in account.cross_account_roles.items():
            written = tuple(s for statements in role.policies.values() for s in statements)
            grants = grants_of([role], boundary=role.permissions_boundary)
            yield replace(_role(account, name, grants), statements=written)
    elif who == "role without secrets":
        for name, role in account.cross_account_roles.items():
            if role.deny_secrets:
                yield _role(account, name)
    elif who == "instance role" and account.instance:
        added = added_policies.to_instance(account, account.instance)
        managed = [policy.name for policy in added if policy.is_aws]
        written = tuple(s for statements in account.instance.policies.values() for s in statements)
        grants = grants_of([account.instance], managed_policies=managed)
        yield replace(_role(account, account.instance.role_name, grants), statements=written)
    elif who == "shell logs" and account.instance and account.instance.session_preferences:
        yield _policy(account, naming.SESSION_LOG_POLICY)
    elif who == "vault server" and account.vault_server:
        yield _role(account, account.vault_server.name)
    elif account.vault:
        yield from _of_vault(who, account, account.vault, issued)


def _of_vault(who: Who, account: Settings, vault: config.Vault, issued: Issued | None) -> Iterator[_Identity]:
    sessions = vault_principal.assumable_role_arns(account, vault)
    users = dict(issued.users) if issued else {}
    if who == "boundary":
        alone = _policy(account, naming.VAULT_BOUNDARY_POLICY)
        arns = tuple(
            naming.event_rule_arn(account.partition, account.region, account.account_id, rule)
            for rule in alarms.alarms(account)
        )
        yield replace(alone, is_boundary=True, granted={"alarm rule": arns})
    elif who == "vault principal":
        yield _vault_principal(account, vault)
    for name, role in vault.roles.items():
        arn = (sessions if who == "vault session" else users | sessions).get(name)
        asked = (
            who == "vault session"
            or (who == "issued user" and name in users)
            or (who == "debugger" and role.debug_instance)
        )
        if arn and asked:
            yield _Identity(
                name=arn.rsplit("/", 1)[-1] if name in sessions else f"user from Vault's {name}",
                arn=arn,
                # Which statements `debugInstance` adds, the rows about debuggers say.
                grants=None if role.debug_instance else _within_the_boundary(role),
                statements=tuple(role.statements),
            )


def _within_the_boundary(role: config.VaultRole) -> Grants:
    nothing_of_iam = Statement.model_validate(
        {"sid": "Boundary", "effect": "Deny", "actions": ["iam:*"], "resources": ["*"]}
    )
    return grants_of(managed_policies=role.managed_policies, statements=[nothing_of_iam, *role.statements])


def _vault_principal(account: Settings, vault: config.Vault) -> _Identity:
    return _Identity(
        name=vault.principal,
        arn=trust.vaults_principal_arn(account, vault),
        granted={
            "granted role": tuple(vault_principal.assumable_role_arns(account, vault).values()),
            "tagged role": tuple(vault_principal.taggable_role_arns(account, vault)),
            "granted group": tuple(vault_principal.group_arns(account, vault)),
            "granted policy": tuple(_policy_arns(account, vault_principal.attachable_policies(vault))),
        },
    )


def _configured_policies(account: Settings) -> Iterator[str]:
    """The names are unique in an account."""
    holders = [*account.groups.values(), *account.cross_account_roles.values()]
    for holder in (*holders, *([account.instance] if account.instance else [])):
        yield from holder.policies


def _policy_arns(account: Settings, names_or_arns: Iterable[str]) -> Iterator[str]:
    """A bare name may stand for a policy below a path, which only AWS knows; nothing is claimed of those."""
    for policy in names_or_arns:
        if policy.startswith("arn:"):
            yield policy
        elif policy in KNOWN_POLICIES:
            yield naming.iam_arn(account.partition, "aws", f"policy/{policy}")


def _policy(account: Settings, name: str, *, user: str = _ANYBODY[0]) -> _Identity:
    """One policy of this program, as if its holder had it alone."""
    below, _, user_name = user.rpartition("/")
    return _Identity(
        name=f"policy {name}",
        arn=naming.user_arn(account.partition, account.account_id, f"{below}/", user_name),
        policy_arn=naming.policy_arn(account.partition, account.account_id, name),
    )


def _people(who: Who, account: Settings) -> Iterator[_Identity]:
    last_resort = account.break_glass.user if account.break_glass else None
    for name, user in account.users.items():
        groups = [account.groups[group] for group in user.groups]
        administers = any(config.is_administrators(group) and group.enforce_mfa for group in groups)
        if (
            who == "person"
            or (who == "break-glass" and name == last_resort)
            or (who == "administrator" and administers and name != last_resort)
            or (who == "other person" and not any(config.is_administrators(group) for group in groups))
        ):
            yield _Identity(
                name=name,
                arn=naming.user_arn(account.partition, account.account_id, user.path, name),
                granted={
                    "granted role": tuple(dict.fromkeys(a for group in groups for a in group.may_assume))
                },
            )


def _role(account: Settings, name: str, grants: Grants | None = None) -> _Identity:
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

    @cache
    def text_of(policy_arn: str) -> str:
        version = iam.get_policy(PolicyArn=policy_arn)["Policy"]["DefaultVersionId"]
        answer = iam.get_policy_version(PolicyArn=policy_arn, VersionId=version)
        return json.dumps(answer["PolicyVersion"]["Document"])

    ordered = sorted(wanted, key=_request)
    for _, same in groupby(ordered, key=_request):
        cells = list(same)
        first = cells[0]
        decisions = simulate(
            iam,
            actions=[cell.action for cell in cells],
            resource=first.resource,
            facts=_context(first),
            of=None if first.policy_arn else first.principal_arn,
            documents=[
                *([text_of(first.policy_arn)] if first.policy_arn and not first.is_boundary else []),
                *([json.dumps(EVERYTHING)] if first.beside_everything else []),
            ],
            boundary=text_of(first.policy_arn) if first.policy_arn and first.is_boundary else None,
        )
        for cell in cells:
            decision = decisions[cell.action]
            yield Verdict(claim=cell, found=ALLOWED if decision == "allowed" else REFUSED, decision=decision)


def simulate(
    iam: Any,
    *,
    actions: Iterable[str],
    resource: str,
    facts: Mapping[str, Fact],
    of: str | None,
    documents: Sequence[str],
    boundary: str | None = None,
) -> dict[str, str]:
    """Action → the simulator's decision. `of` is whose policies count besides the documents, if anyone's."""
    request: dict[str, Any] = {
        "ActionNames": sorted(set(actions)),
        "ResourceArns": [resource],
        "ContextEntries": [_entry(key, value) for key, value in facts.items()],
        "PolicyInputList": list(documents),
    }
    if boundary is not None:
        request["PermissionsBoundaryPolicyInputList"] = [boundary]
    if of is not None:
        request["PolicySourceArn"] = of
    operation = "simulate_custom_policy" if of is None else "simulate_principal_policy"
    return {
        result["EvalActionName"]: result["EvalDecision"]
        for page in iam.get_paginator(operation).paginate(**request)
        for result in page["EvaluationResults"]
    }


def _request(claim: MatrixClaim) -> tuple[str, ...]:
    """What one request to the simulator has in common."""
    return (
        claim.subject,
        claim.principal_arn,
        str(claim.beside_everything),
        claim.mfa,
        str(sorted(claim.given.items())),
        claim.resource,
    )


def _context(claim: MatrixClaim) -> dict[str, Fact]:
    facts: dict[str, Fact] = dict(claim.given)
    owner = naming.account_of(claim.resource) or naming.account_of(claim.principal_arn)
    facts.setdefault("aws:ResourceAccount", owner or "")
    if ":user/" in claim.principal_arn:
        facts["aws:username"] = claim.principal_arn.rsplit("/", 1)[-1]
    if claim.mfa != "absent":
        facts[_MFA_KEY] = claim.mfa == "present"
    return facts


def _entry(key: str, fact: Fact) -> dict[str, Any]:
    kinds = {bool: "boolean", int: "numeric", str: "string", list: "stringList"}
    values = fact if isinstance(fact, list) else [str(fact).lower() if isinstance(fact, bool) else str(fact)]
    return {"ContextKeyName": key, "ContextKeyType": kinds[type(fact)], "ContextKeyValues": values}
