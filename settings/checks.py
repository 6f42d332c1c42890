"""The checks that need more than one value of a stack file: what AWS, or common sense about access, would refuse.

Each returns problems instead of raising, so that a file's mistakes are told together.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import naming
import policies
from settings.fields import duration_text
from settings.report import Problem, nearest, shown
from settings.sections import Permissions, ProjectConfig, ProviderConfig, Statement

# AWS's default quota of managed policies on one user, group or role.
_MANAGED_POLICIES_PER_IDENTITY = 10
_SECTIONS_OF_KIND = {
    "central": ("groups", "users"),
    "workload": ("centralAccountId", "crossAccountRoles", "instance", "vault"),
}
# IAM does not tell names apart by case.
_RESERVED_POLICY_NAMES = (naming.ENFORCE_MFA_POLICY, naming.SELF_SERVICE_POLICY, naming.VAULT_BOUNDARY_POLICY)


def check(
    config: ProjectConfig, provider: ProviderConfig, written: Mapping[str, Any], namespace: str
) -> list[Problem]:
    """Every problem between the values of a file.

    `config` and `provider` hold the entries that are well-formed by themselves; `written` is the file as it
    stands, so that an entry with a mistake of its own is not also reported as missing.
    """
    problems = [*_account(provider, written), *_kind(config, written, namespace)]
    if config.account_kind == "central":
        problems += [*_people(config, written, namespace), *_grants(config, provider, namespace)]
    if config.account_kind == "workload":
        problems += [*_roles(config, provider, written, namespace), *_instance(config, provider, namespace)]
        problems += _vault(config, namespace)
    return [*problems, *_policies(config, provider, namespace)]


def own_account_id(provider: ProviderConfig) -> str | None:
    ids = provider.allowed_account_ids or []
    return ids[0] if len(ids) == 1 else None


def is_administrators(group: Permissions) -> bool:
    return any(
        policy == naming.ADMINISTRATOR_ACCESS or policy.endswith(f":policy/{naming.ADMINISTRATOR_ACCESS}")
        for policy in group.managed_policies
    )


def _account(provider: ProviderConfig, written: Mapping[str, Any]) -> Iterator[Problem]:
    if "aws:region" not in written:
        yield Problem(
            "aws:region", "is missing; set the region, for example: pulumi config set aws:region eu-central-1"
        )
    if "aws:allowedAccountIds" not in written:
        yield Problem(
            "aws:allowedAccountIds",
            "is missing; give a list with the one account this stack is for, so that credentials of another "
            'account are refused before a change: ["111111111111"]',
        )
    elif provider.allowed_account_ids is not None and len(provider.allowed_account_ids) != 1:
        yield Problem(
            "aws:allowedAccountIds",
            f"holds {len(provider.allowed_account_ids)} accounts; a stack is for exactly one",
        )


def _kind(config: ProjectConfig, written: Mapping[str, Any], namespace: str) -> Iterator[Problem]:
    if f"{namespace}:accountKind" not in written:
        yield Problem(
            f"{namespace}:accountKind",
            "is missing; allowed: central (people) or workload (roles, instance, Vault)",
        )
    for kind, sections in _SECTIONS_OF_KIND.items():
        for section in sections:
            if config.account_kind not in (kind, None) and f"{namespace}:{section}" in written:
                yield Problem(
                    f"{namespace}:{section}",
                    f"belongs to a {kind} account, and this stack's accountKind is {config.account_kind}",
                )


def _people(config: ProjectConfig, written: Mapping[str, Any], namespace: str) -> Iterator[Problem]:
    yield from _same_but_for_case(f"{namespace}:groups", config.groups)
    yield from _same_but_for_case(f"{namespace}:users", config.users)
    written_groups = list(written.get(f"{namespace}:groups") or {})
    for name, user in config.users.items():
        key = f"{namespace}:users.{name}.groups"
        for group in user.groups:
            if group not in written_groups:
                yield Problem(key, f'"{group}" is no group of this stack; {nearest(group, written_groups)}')
        members_of = [config.groups[group] for group in user.groups if group in config.groups]
        all_known = len(members_of) == len(user.groups)
        if all_known and not any(group.enforce_mfa for group in members_of):
            yield Problem(
                key, "none of these groups enforces MFA; every person needs one that does (enforceMfa)"
            )
    if not _has_administrator(config) and not _hides_an_administrator(config, written, namespace):
        yield Problem(
            f"{namespace}:users",
            f"has nobody in a group that holds {naming.ADMINISTRATOR_ACCESS} and enforces MFA: after an up nobody "
            "could administer this account but its root user. Add a user to such a group",
        )


def _has_administrator(config: ProjectConfig) -> bool:
    return any(
        group in config.groups
        and is_administrators(config.groups[group])
        and config.groups[group].enforce_mfa
        for user in config.users.values()
        for group in user.groups
    )


def _hides_an_administrator(config: ProjectConfig, written: Mapping[str, Any], namespace: str) -> bool:
    """Whether an entry with a mistake of its own could be the administrator: then that mistake says enough."""
    users, groups = (written.get(f"{namespace}:{section}") for section in ("users", "groups"))
    if not isinstance(users, dict) or not isinstance(groups, dict):
        return users is not None or groups is not None
    return len(users) != len(config.users) or len(groups) != len(config.groups)


def _grants(config: ProjectConfig, provider: ProviderConfig, namespace: str) -> Iterator[Problem]:
    own = own_account_id(provider)
    for name, group in config.groups.items():
        for arn in group.may_assume:
            key = f"{namespace}:groups.{name}.mayAssume"
            _, partition, _, _, account_id, _ = arn.split(":", 5)
            yield from _other_partition(key, arn, partition, provider)
            if account_id == own:
                yield Problem(key, f"{arn} is a role of this account itself; name roles of workload accounts")


def _roles(
    config: ProjectConfig, provider: ProviderConfig, written: Mapping[str, Any], namespace: str
) -> Iterator[Problem]:
    own = own_account_id(provider)
    if f"{namespace}:crossAccountRoles" in written and f"{namespace}:centralAccountId" not in written:
        yield Problem(
            f"{namespace}:centralAccountId",
            "is missing; crossAccountRoles trust the central account, give its 12-digit ID in quotes",
        )
    if own and config.central_account_id == own:
        yield Problem(
            f"{namespace}:centralAccountId",
            f'"{own}" is this stack\'s own account (aws:allowedAccountIds): a role would trust its own account',
        )
    yield from _same_but_for_case(f"{namespace}:crossAccountRoles", config.cross_account_roles)
    if config.instance and config.instance.role_name.lower() in map(str.lower, config.cross_account_roles):
        yield Problem(
            f"{namespace}:instance.roleName",
            f'"{config.instance.role_name}" is also a role under crossAccountRoles; names are unique in an account',
        )
    for name, role in config.cross_account_roles.items():
        key = f"{namespace}:crossAccountRoles.{name}.principals"
        for arn in role.principals:
            _, partition, _, _, account_id, _ = arn.split(":", 5)
            yield from _other_partition(key, arn, partition, provider)
            if config.central_account_id and account_id != config.central_account_id:
                yield Problem(
                    key,
                    f"{arn} is not in the central account {config.central_account_id}, which this role trusts",
                )


def _other_partition(key: str, arn: str, partition: str, provider: ProviderConfig) -> Iterator[Problem]:
    if provider.region and partition != (own := naming.partition_of(provider.region)):
        yield Problem(
            key,
            f"{arn} is in the partition {partition}, and {provider.region} is in {own}: "
            "roles cannot be assumed across partitions",
        )


def _instance(config: ProjectConfig, provider: ProviderConfig, namespace: str) -> Iterator[Problem]:
    if config.instance and provider.region and not config.instance.image_owner:
        partition = naming.partition_of(provider.region)
        if partition not in naming.CANONICAL_OWNER_ID:
            yield Problem(
                f"{namespace}:instance.imageOwner",
                f"is missing; Canonical publishes no Ubuntu images in the partition {partition} "
                f"({provider.region}): give the account that owns your images, and imageName",
            )


def _vault(config: ProjectConfig, namespace: str) -> Iterator[Problem]:
    vault = config.vault
    if vault is None:
        return
    if vault.default_lease_ttl > vault.max_lease_ttl:
        yield Problem(
            f"{namespace}:vault.defaultLeaseTtl",
            f"{duration_text(vault.default_lease_ttl)} is longer than the mount's maximum of "
            f"{duration_text(vault.max_lease_ttl)} (maxLeaseTtl)",
        )
    for name, role in vault.roles.items():
        key = f"{namespace}:vault.roles.{name}"
        if not (role.managed_policies or role.statements or role.debug_instance):
            yield Problem(key, "grants nothing; give managedPolicies, statements or debugInstance")
        if role.debug_instance and config.instance is None:
            yield Problem(f"{key}.debugInstance", "is true, and this stack has no instance to debug")
        yield from _repeated_sids(f"{key}.statements", role.statements)
        characters = policies.size(policies.configured([s.document() for s in role.statements]))
        # What debugInstance adds is not known before the instance is: its longest form stays under 900.
        characters += 900 if role.debug_instance else 0
        if characters > policies.USER_INLINE_POLICIES_MAX_CHARACTERS:
            yield Problem(
                f"{key}.statements",
                f"make a policy of {characters} characters; AWS allows "
                f"{policies.USER_INLINE_POLICIES_MAX_CHARACTERS} on a user. Shorten it, or use managedPolicies",
            )
        yield from _too_many(f"{key}.managedPolicies", len(role.managed_policies), ())


def _policies(config: ProjectConfig, provider: ProviderConfig, namespace: str) -> Iterator[Problem]:
    """Names are unique in the account, statements in their policy, and every document fits AWS's limit."""
    holders: dict[str, Permissions] = {
        **{f"{namespace}:groups.{name}": group for name, group in config.groups.items()},
        **{
            f"{namespace}:crossAccountRoles.{name}": role for name, role in config.cross_account_roles.items()
        },
        **({f"{namespace}:instance": config.instance} if config.instance else {}),
    }
    first_key: dict[str, str] = {name.lower(): "the program itself" for name in _RESERVED_POLICY_NAMES}
    if config.vault:
        first_key[config.vault.principal_name.lower()] = (
            "the program itself (the policy of Vault's principal)"
        )
    for name in config.groups:
        first_key[naming.assume_policy_name(name).lower()] = f"the program itself (what {name} may assume)"
    for key, holder in holders.items():
        for name, statements in holder.policies.items():
            where = f"{key}.policies.{name}"
            if other := first_key.setdefault(name.lower(), where):
                if other != where:
                    yield Problem(
                        where, f"the name is taken by {other}; policy names are unique in an account"
                    )
            yield from _repeated_sids(where, statements)
            characters = policies.size(policies.configured([s.document() for s in statements]))
            if characters > policies.MANAGED_POLICY_MAX_CHARACTERS:
                yield Problem(
                    where,
                    f"makes a policy of {characters} characters; AWS allows "
                    f"{policies.MANAGED_POLICY_MAX_CHARACTERS}. Split it in two",
                )
        made_here = [*holder.policies, *_added_policies(holder)]
        yield from _too_many(f"{key}.managedPolicies", len(holder.managed_policies), made_here)
    yield from _trust_sizes(config, provider, namespace)


def _trust_sizes(config: ProjectConfig, provider: ProviderConfig, namespace: str) -> Iterator[Problem]:
    partition = naming.partition_of(provider.region or "")
    for name, role in config.cross_account_roles.items():
        characters = policies.size(
            policies.trust_account(
                partition,
                config.central_account_id or "0" * 12,
                require_mfa=role.require_mfa,
                principal_arns=role.principals,
            )
        )
        if characters > policies.TRUST_POLICY_MAX_CHARACTERS:
            yield Problem(
                f"{namespace}:crossAccountRoles.{name}.principals",
                f"make a trust policy of {characters} characters; AWS allows "
                f"{policies.TRUST_POLICY_MAX_CHARACTERS}. Name fewer principals, or let a group in the central "
                "account decide (mayAssume)",
            )
    for name, group in config.groups.items():
        characters = policies.size(policies.assume_roles(group.may_assume)) if group.may_assume else 0
        if characters > policies.MANAGED_POLICY_MAX_CHARACTERS:
            yield Problem(
                f"{namespace}:groups.{name}.mayAssume",
                f"makes a policy of {characters} characters; AWS allows {policies.MANAGED_POLICY_MAX_CHARACTERS}. "
                "Use a second group",
            )


def _added_policies(holder: Permissions) -> Sequence[str]:
    """The policies that the program attaches to a group besides the configured ones."""
    enforce = [naming.ENFORCE_MFA_POLICY] if getattr(holder, "enforce_mfa", False) else []
    own = [naming.SELF_SERVICE_POLICY] if enforce and not is_administrators(holder) else []
    return [*enforce, *own, *(["assume-roles"] if getattr(holder, "may_assume", None) else [])]


def _too_many(key: str, configured: int, made_here: Sequence[str]) -> Iterator[Problem]:
    total = configured + len(made_here)
    if total > _MANAGED_POLICIES_PER_IDENTITY:
        with_ours = f" ({len(made_here)} of them added by policies and the program)" if made_here else ""
        yield Problem(
            key,
            f"{total} managed policies{with_ours}; AWS attaches {_MANAGED_POLICIES_PER_IDENTITY} at most by default",
        )


def _repeated_sids(key: str, statements: Sequence[Statement]) -> Iterator[Problem]:
    for sid, count in Counter(statement.sid for statement in statements).items():
        if count > 1:
            yield Problem(key, f'the sid "{sid}" stands {count} times; each statement needs its own')


def _same_but_for_case(key: str, names: Iterable[str]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name in names:
        if other := seen.get(name.lower()):
            yield Problem(
                f"{key}.{name}", f"is {shown(other)} but for case, and AWS does not tell them apart"
            )
        seen[name.lower()] = name
