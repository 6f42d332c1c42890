"""Policies that AWS would refuse: taken names, repeated sids, foreign partitions, too many, too large.

Sizes are measured on the very documents that the program will make (`iam_hardening/aws/policies`), with
placeholders of full length for what only AWS knows.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from iam_hardening.aws import naming
from iam_hardening.aws.policies import documents
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.config import added_policies, trust, vault_principal
from iam_hardening.config.errors import Problem
from iam_hardening.config.rules.account import other_partition, repeated
from iam_hardening.config.rules.conditions import check_conditions
from iam_hardening.config.rules.quotas import Holder, too_long_a_trust_policy, too_many_policies
from iam_hardening.config.schema import CrossAccountRole, Group, Instance, Permissions, Statement
from iam_hardening.config.stack_file import StackFile

_POLICY_NAME_MAX_CHARACTERS = 128
_PROGRAM = "the program itself"

_Place = tuple[str, ...]


def check_policies(file: StackFile) -> list[Problem]:
    holders = dict(_holders(file))
    problems = [*_names(file, holders), *_resource_names(file, holders)]
    for place, holder in holders.items():
        problems += _permissions(file, place, holder)
    return [*problems, *_trust_sizes(file), *_grant_sizes(file), *_vault(file)]


def _holders(file: StackFile) -> Iterator[tuple[_Place, Permissions]]:
    for name, group in file.config.groups.items():
        yield ("groups", name), group
    for name, role in file.config.cross_account_roles.items():
        yield ("crossAccountRoles", name), role
    if file.config.instance:
        yield ("instance",), file.config.instance


def _names(file: StackFile, holders: dict[_Place, Permissions]) -> Iterator[Problem]:
    """IAM does not tell policy names apart by case, nor by who holds them."""
    taken = {name.lower(): _PROGRAM for name in added_policies.reserved_names(file.config)}
    taken[naming.ADMINISTRATOR_ACCESS.lower()] = "AWS's own policy of full access"
    for place, holder in holders.items():
        for name in holder.policies:
            key = file.key(*place, "policies", name)
            if other := taken.get(name.lower()):
                yield Problem(key, f"the name is taken by {other}; policy names are unique in an account")
            else:
                taken[name.lower()] = key


def _resource_names(file: StackFile, holders: dict[_Place, Permissions]) -> Iterator[Problem]:
    """Pulumi's names of the attachments, `HOLDER-POLICY`, must differ too: group `a` with policy `b-c`
    and group `a-b` with policy `c` would be one resource."""
    taken: dict[tuple[str, str], str] = {}
    for name in file.config.groups:
        taken |= {("groups", f"{name}-{suffix}"): _PROGRAM for suffix in added_policies.GROUP_ATTACHMENTS}
    if file.config.break_glass:
        attachments = (naming.ADMINISTRATOR_ACCESS, naming.BREAK_GLASS_POLICY)
        suffixes = (*added_policies.GROUP_ATTACHMENTS, *attachments)
        taken |= {("groups", f"{naming.BREAK_GLASS_GROUP}-{suffix}"): _PROGRAM for suffix in suffixes}
    for role in file.config.standard_roles:
        taken["crossAccountRoles", f"{role}-{naming.STANDARD_ROLES[role]}"] = _PROGRAM
    if file.config.instance:
        for added in added_policies.to_instance(file.measured_account, file.config.instance):
            taken["instance", f"instance-{added.attachment}"] = _PROGRAM
    for place, holder in holders.items():
        section, name = place[0], place[-1]
        managed = dict.fromkeys(holder.managed_policies)
        attached = [(file.key(*place, "managedPolicies"), policy) for policy in managed]
        attached += [(file.key(*place, "policies", policy), policy) for policy in holder.policies]
        for key, policy in attached:
            resource = (section, f"{name}-{policy.rsplit('/', 1)[-1]}")
            if other := taken.get(resource):
                where = "here already" if other == key else f"by {other}"
                yield Problem(
                    key,
                    f'"{policy}" would be the Pulumi resource {resource[1]}, a name that is used {where}',
                )
            else:
                taken[resource] = key


def _permissions(file: StackFile, place: _Place, holder: Permissions) -> Iterator[Problem]:
    for name, statements in holder.policies.items():
        key = file.key(*place, "policies", name)
        yield from _statements(file, (*place, "policies", name), statements)
        characters = documents.size(_document(statements))
        yield from _too_large(
            key, "makes a policy", characters, documents.MANAGED_POLICY_MAX_CHARACTERS, "Split it in two"
        )
    if isinstance(holder, CrossAccountRole) and holder.permissions_boundary:
        boundary = file.key(*place, "permissionsBoundary")
        yield from _managed_policies(file, boundary, [holder.permissions_boundary])
    key = file.key(*place, "managedPolicies")
    yield from _managed_policies(file, key, holder.managed_policies)
    made_here = len(holder.policies) + _added_by_program(file, place, holder)
    quota: Holder = "group" if isinstance(holder, Group) else "role"
    yield from too_many_policies(file, key, quota, len(holder.managed_policies), made_here)


def _added_by_program(file: StackFile, place: _Place, holder: Permissions) -> int:
    """How many policies a group, a role or an instance gets besides the configured ones."""
    account, name = file.measured_account, place[-1]
    if isinstance(holder, Instance):
        return len(added_policies.to_instance(account, holder))
    if isinstance(holder, CrossAccountRole):
        return len(added_policies.to_cross_account_role(account, name, holder))
    return len(added_policies.to_group(account, name, holder)) if isinstance(holder, Group) else 0


def _trust_sizes(file: StackFile) -> Iterator[Problem]:
    for name, role in file.config.cross_account_roles.items():
        yield from too_long_a_trust_policy(
            file,
            file.key("crossAccountRoles", name, "principals"),
            documents.size(trust.of_cross_account_role(file.measured_account, role)),
            "Name fewer, or let a group of the central account decide (mayAssume)",
        )


def _grant_sizes(file: StackFile) -> Iterator[Problem]:
    for name, group in file.config.groups.items():
        added = added_policies.to_group(file.measured_account, name, group)
        grant = next((each for each in added if each.attachment == added_policies.ASSUME_ROLES), None)
        if grant is None or grant.document is None:
            continue
        if len(grant.name) > _POLICY_NAME_MAX_CHARACTERS:
            yield Problem(
                file.key("groups", name),
                f"the name is too long for its policy {naming.assume_policy_name('…')}: "
                f"AWS allows {_POLICY_NAME_MAX_CHARACTERS} characters",
            )
        yield from _too_large(
            file.key("groups", name, "mayAssume"),
            "makes a policy",
            documents.size(grant.document),
            documents.MANAGED_POLICY_MAX_CHARACTERS,
            "Use a second group",
        )


def _vault(file: StackFile) -> Iterator[Problem]:
    vault = file.config.vault
    if vault is None:
        return
    for name, role in vault.roles.items():
        place = ("vault", "roles", name)
        yield from _statements(file, (*place, "statements"), role.statements)
        yield from _managed_policies(file, file.key(*place, "managedPolicies"), role.managed_policies)
        quota: Holder = "role" if role.is_session else "user"
        key = file.key(*place, "managedPolicies")
        yield from too_many_policies(file, key, quota, len(role.managed_policies), 0)
        debugging = roles_policies.debug_instance(_longest_instance_arn(file)) if role.debug_instance else []
        document = roles_policies.configured([*(s.document() for s in role.statements), *debugging])
        yield from _too_large(
            file.key(*place, "statements"),
            "make a policy" if not debugging else "make a policy, together with debugInstance,",
            documents.size(document),
            documents.USER_INLINE_POLICIES_MAX_CHARACTERS
            if not role.is_session
            else documents.MANAGED_POLICY_MAX_CHARACTERS,
            "Shorten it, or use managedPolicies",
        )
        sids = [statement.sid for statement in role.statements]
        for sid in sids:
            if sid in [statement["Sid"] for statement in debugging]:
                yield Problem(
                    file.key(*place, "statements"), f'the sid "{sid}" is one of debugInstance; choose another'
                )
    account = file.measured_account
    for name, role in vault.roles.items():
        if not role.is_session:
            continue
        trusted = trust.of_vault_sessions(trust.vaults_principal_arn(account, vault), role)
        yield from too_long_a_trust_policy(
            file,
            file.key("vault", "roles", name, "sessionTags"),
            documents.size(trusted),
            "Use fewer or shorter tags, or a shorter externalId",
        )
    attachable = vault_principal.attachable_policies(vault)
    assumed = vault_principal.assumable_role_arns(account, vault)
    principal = vault_principal.document(
        account,
        vault,
        boundary_arn=naming.policy_arn(account.partition, account.account_id, naming.VAULT_BOUNDARY_POLICY),
        attachable_policy_arns=[_longest_policy_arn(file, policy) for policy in attachable],
    )
    yield from _too_large(
        file.key("vault", "roles"),
        f"name {len(attachable)} managed policies and {len(assumed)} assumed roles, which make a policy "
        "for Vault's principal",
        documents.size(principal),
        documents.MANAGED_POLICY_MAX_CHARACTERS,
        "Use fewer, or a second stack",
    )


def _longest_instance_arn(file: StackFile) -> str:
    account = file.measured_account
    return f"arn:{account.partition}:ec2:{account.region}:{account.account_id}:instance/i-{'0' * 17}"


def _longest_policy_arn(file: StackFile, name_or_arn: str) -> str:
    if name_or_arn.startswith("arn:"):
        return name_or_arn
    return f"arn:{file.partition or 'aws'}:iam::aws:policy/service-role/{name_or_arn}"


def _statements(file: StackFile, place: _Place, statements: Sequence[Statement]) -> Iterator[Problem]:
    key = file.key(*place)
    for sid, count in Counter(statement.sid for statement in statements).items():
        if count > 1:
            yield Problem(key, f'the sid "{sid}" stands {count} times; each statement needs its own')
    for index, statement in enumerate(statements):
        yield from check_conditions(file, (*place, index), statement)
        for resource in (*statement.resources, *statement.not_resources):
            if resource.startswith("arn:"):
                yield from other_partition(file, key, resource)


def _managed_policies(file: StackFile, key: str, names_or_arns: Sequence[str]) -> Iterator[Problem]:
    yield from repeated(key, names_or_arns)
    for policy in dict.fromkeys(names_or_arns):
        if not policy.startswith("arn:"):
            continue
        yield from other_partition(file, key, policy)
        owner = naming.account_of(policy)
        if file.account_id and owner not in ("aws", file.account_id):
            yield Problem(
                key,
                f"{policy} belongs to another account; AWS attaches its own policies and this account's only",
            )


def _document(statements: Sequence[Statement]) -> documents.Document:
    return roles_policies.configured([statement.document() for statement in statements])


def _too_large(key: str, makes: str, characters: int, limit: int, advice: str) -> Iterator[Problem]:
    if characters > limit:
        yield Problem(key, f"{makes} of {characters} characters; AWS allows {limit}. {advice}")
