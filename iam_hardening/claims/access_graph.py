"""Who can access_graph what, across all stacks, worked out from the settings alone: the report draws it.

It says what the stack files ask for; whether that holds is what the claims show. Conditions that a stack
file's own statements carry are not drawn, and neither is what people could do with keys made by hand.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from iam_hardening.aws.naming import VAULT_USER_PATH, vault_policy_name
from iam_hardening.claims.assuming import granted, is_named, trusts
from iam_hardening.config import CrossAccountRole, Permissions, Settings, VaultLogin
from iam_hardening.config.values import duration_text
from iam_hardening.model.vault import engine_role, lease_seconds, methods_for

VAULT = "Vault"
OUTSIDE = "Outside"

# How far along the edge something is: who, by edge of what, as what.
WHO, THROUGH, AS = 0, 1, 2

# What an edge asks of the caller.
MFA, NO_MFA, SHORT_LIVED = "mfa", "no mfa", "short-lived"


@dataclass(frozen=True, kw_only=True)
class Node:
    """`account` is the name of a `Account`, `step` one of WHO, THROUGH, AS."""

    id: str
    account: str
    step: int
    title: str
    details: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Edge:
    """`source` and `target` are the ids of nodes, `label` says on what terms."""

    source: str
    target: str
    asks: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account, Vault, or the world outside of them."""

    name: str
    title: str


@dataclass(frozen=True, kw_only=True)
class AccessGraph:
    accounts: tuple[Account, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def access_graph(stacks: Mapping[str, Settings]) -> AccessGraph:
    """Of all stacks together, central accounts first."""
    ordered = sorted(stacks.values(), key=lambda own: not own.is_central)
    nodes = [*_distinct(node for own in ordered for node in _nodes(own))]
    edges = [edge for own in ordered for edge in _edges(own, stacks)]
    accounts = [
        *(Account(name=own.stack, title=_title(own)) for own in ordered if own.is_central),
        Account(name=VAULT, title="Vault"),
        Account(name=OUTSIDE, title="Other accounts"),
        *(Account(name=own.stack, title=_title(own)) for own in ordered if not own.is_central),
    ]
    inhabited = {node.account for node in nodes}
    return AccessGraph(
        accounts=tuple(each for each in accounts if each.name in {*inhabited, *stacks}),
        nodes=tuple(nodes),
        edges=tuple(edges),
    )


def _title(own: Settings) -> str:
    people = "people" if own.users else "no people"
    return f"{own.stack}: {'central' if own.is_central else 'workload'} account {own.account_id}, {people}"


def _distinct(nodes: Iterator[Node]) -> Iterator[Node]:
    seen: set[str] = set()
    for node in nodes:
        if node.id not in seen:
            seen.add(node.id)
            yield node


def _nodes(own: Settings) -> Iterator[Node]:
    stack = own.stack
    for name in own.users:
        yield Node(
            id=f"{stack}/user/{name}",
            account=stack,
            step=WHO,
            title=name,
            details=("a person, with a password",),
        )
    for name, group in own.groups.items():
        yield Node(
            id=f"{stack}/group/{name}",
            account=stack,
            step=THROUGH,
            title=f"group {name}",
            details=(_held(group), *(() if group.enforce_mfa else ("MFA is not enforced",))),
        )
    for name, role in own.cross_account_roles.items():
        if role.trusted_account_id:
            yield Node(
                id=f"{OUTSIDE}/{role.trusted_account_id}",
                account=OUTSIDE,
                step=WHO,
                title=f"account {role.trusted_account_id}",
                details=("a third party",),
            )
        limit = (f"at most {_name(role.permissions_boundary)}",) if role.permissions_boundary else ()
        yield Node(
            id=f"{stack}/role/{name}",
            account=stack,
            step=AS,
            title=f"role {name}",
            details=(_held(role), *limit, f"sessions of {duration_text(role.max_session_duration)}"),
        )
    if own.instance:
        held = _held(own.instance)
        managed = ("Session Manager",) if own.instance.session_manager else ()
        yield from (
            Node(
                id=f"{stack}/instance",
                account=stack,
                step=WHO,
                title=f"EC2 {own.instance.name}",
                details=("no keys on it",),
            ),
            Node(
                id=f"{stack}/profile",
                account=stack,
                step=THROUGH,
                title=f"profile {own.instance.profile_name}",
                details=("instance profile",),
            ),
            Node(
                id=f"{stack}/role/{own.instance.role_name}",
                account=stack,
                step=AS,
                title=f"role {own.instance.role_name}",
                details=(held, *managed),
            ),
        )
    if own.vault_server:
        server = own.vault_server.name
        yield Node(
            id=f"{stack}/server",
            account=stack,
            step=WHO,
            title="Vault's own servers",
            details=("no keys on them",),
        )
        yield Node(
            id=f"{stack}/role/{server}",
            account=stack,
            step=AS,
            title=f"role {server}",
            details=("Vault's table and its seal key",),
        )
    yield from _places_of_vault(own)


def _who(login: VaultLogin) -> list[str | None]:
    """Who may log in, as far as the stack file says."""
    claims = [f"{claim}: {' or '.join(values)}" for claim, values in login.bound_claims.items()]
    groups = [f"group {group}" for group in login.groups]
    return [
        ", ".join(login.users),
        login.subject,
        *claims,
        *groups,
        *(f"from {cidr}" for cidr in login.cidrs),
    ]


def _places_of_vault(own: Settings) -> Iterator[Node]:
    if not own.vault:
        return
    for name, login in own.vault.logins.items():
        yield Node(
            id=f"{VAULT}/login/{name}",
            account=VAULT,
            step=WHO,
            title=f"log-in {name}",
            details=(login.method, *filter(None, _who(login))),
        )
    for name, role in own.vault.roles.items():
        policy = vault_policy_name(own.vault.mount, name)
        held = ", ".join(
            [
                *(f"group {group}" for group in role.groups),
                *map(_name, role.managed_policies),
                *(action for s in role.statements if s.effect == "Allow" for action in s.actions),
                *(f"not what {s.sid} denies" for s in role.statements if s.effect == "Deny"),
                *(["debugging the instance"] if role.debug_instance else []),
            ]
        )
        iam_role = engine_role(own, own.vault, name, role).iam_role
        made = f"role {iam_role}" if iam_role else f"a user below {VAULT_USER_PATH}"
        if not methods_for(own.vault, name):
            yield Node(
                id=f"{VAULT}/token/{policy}",
                account=VAULT,
                step=WHO,
                title=f"token with {policy}",
                details=("no AWS key",),
            )
        yield from (
            Node(
                id=f"{VAULT}/{own.stack}/{name}",
                account=VAULT,
                step=THROUGH,
                title=f"{own.vault.mount}/creds/{name}",
                details=(f"for {own.stack}",),
            ),
            Node(
                id=f"{own.stack}/vault/{name}",
                account=own.stack,
                step=AS,
                title=made,
                details=(held, "never more than the boundary"),
            ),
        )


def _held(permissions: Permissions) -> str:
    held = [*map(_name, permissions.managed_policies), *permissions.policies]
    return ", ".join(held) or "no policy"


def _name(policy: str) -> str:
    return policy.rsplit("/", 1)[-1]


def _edges(own: Settings, stacks: Mapping[str, Settings]) -> Iterator[Edge]:
    stack = own.stack
    for name, user in own.users.items():
        # One denial is enough, even if other groups allow it.
        enforced = any(own.groups[group].enforce_mfa for group in user.groups)
        for group in user.groups:
            yield Edge(
                source=f"{stack}/user/{name}",
                target=f"{stack}/group/{group}",
                asks=MFA if enforced else NO_MFA,
                label="with MFA" if enforced else "without MFA",
            )
    for name, role in own.cross_account_roles.items():
        yield from _edges_into(own, name, role, stacks)
    if own.instance:
        yield Edge(
            source=f"{stack}/instance", target=f"{stack}/profile", asks=SHORT_LIVED, label="IMDSv2 only"
        )
        yield Edge(
            source=f"{stack}/profile",
            target=f"{stack}/role/{own.instance.role_name}",
            asks=SHORT_LIVED,
            label="hours, renewed",
        )
    if own.vault_server:
        target = f"{stack}/role/{own.vault_server.name}"
        yield Edge(source=f"{stack}/server", target=target, asks=SHORT_LIVED, label="instance profile")
    if own.vault:
        for name, role_of_vault in own.vault.roles.items():
            source = f"{VAULT}/{own.stack}/{name}"
            policy = vault_policy_name(own.vault.mount, name)
            lease = duration_text(lease_seconds(own.vault, role_of_vault))
            logins = methods_for(own.vault, name)
            holders = [f"login/{login}" for login in logins] or [f"token/{policy}"]
            for holder in holders:
                yield Edge(source=f"{VAULT}/{holder}", target=source, asks=NO_MFA, label="Vault policy")
            yield Edge(
                source=source, target=f"{stack}/vault/{name}", asks=SHORT_LIVED, label=f"ends in {lease}"
            )


def _edges_into(
    own: Settings, name: str, role: CrossAccountRole, stacks: Mapping[str, Settings]
) -> Iterator[Edge]:
    target = f"{own.stack}/role/{name}"
    if role.trusted_account_id:
        source = f"{OUTSIDE}/{role.trusted_account_id}"
        yield Edge(source=source, target=target, asks=NO_MFA, label="external ID")
        return
    age = f", {duration_text(role.mfa_max_age)} old at most" if role.mfa_max_age else ""
    terms = f"MFA{age}" if role.asks_for_mfa else "without MFA"
    asks = MFA if role.asks_for_mfa else NO_MFA
    for central in (each for each in stacks.values() if trusts(own, role, each)):
        let_in = {person for person in central.users if is_named(role, central, person)}
        for group_name, group in central.groups.items():
            members = {person for person, user in central.users.items() if group_name in user.groups}
            if not granted([group], own, name) or not members & let_in:
                continue
            only = f", only {' and '.join(sorted(members & let_in))}" if members - let_in else ""
            yield Edge(
                source=f"{central.stack}/group/{group_name}", target=target, asks=asks, label=f"{terms}{only}"
            )
