"""Policies that AWS would refuse: taken names, repeated sids, foreign partitions, too many, too large.

Sizes are measured on the very documents that the program will make (`iam_hardening/aws/policies`), with
placeholders of full length for what only AWS knows.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from iam_hardening.aws import naming
from iam_hardening.aws.policies import documents
from iam_hardening.aws.policies import people as people_policies
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.aws.policies import vault as vault_policies
from iam_hardening.config.errors import Problem
from iam_hardening.config.rules.account import is_administrators, other_partition, repeated
from iam_hardening.config.rules.conditions import check_conditions
from iam_hardening.config.schema import CrossAccountRole, Group, Instance, Permissions, Statement
from iam_hardening.config.stack_file import StackFile

# AWS's default quota of managed policies on one user, group or role.
_MANAGED_POLICIES_PER_IDENTITY = 10
_POLICY_NAME_MAX_CHARACTERS = 128
_PROGRAM = "the program itself"
# What PeopleGroup calls its own attachments, after the group's name.
_GROUP_ATTACHMENTS = ("enforce-mfa", "self-service", "assume-roles")

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
    reserved = [naming.ENFORCE_MFA_POLICY, naming.SELF_SERVICE_POLICY, naming.VAULT_BOUNDARY_POLICY]
    reserved.append(naming.BREAK_GLASS_POLICY)
    reserved += [naming.assume_policy_name(group) for group in file.config.groups]
    if file.config.vault:
        reserved.append(file.config.vault.principal_name)
    if file.config.vault_server:
        reserved.append(file.config.vault_server.name)
    if file.config.instance and file.config.instance.session_preferences:
        reserved.append(naming.SESSION_LOG_POLICY)
    taken = {name.lower(): _PROGRAM for name in reserved}
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
        taken |= {("groups", f"{name}-{suffix}"): _PROGRAM for suffix in _GROUP_ATTACHMENTS}
    if file.config.break_glass:
        attachments = (*_GROUP_ATTACHMENTS, naming.ADMINISTRATOR_ACCESS, naming.BREAK_GLASS_POLICY)
        taken |= {("groups", f"{naming.BREAK_GLASS_GROUP}-{suffix}"): _PROGRAM for suffix in attachments}
    for role in file.config.standard_roles:
        taken["crossAccountRoles", f"{role}-{naming.STANDARD_ROLES[role]}"] = _PROGRAM
    if file.config.instance and file.config.instance.session_manager:
        taken["instance", f"instance-{naming.SESSION_MANAGER_POLICY}"] = _PROGRAM
    if file.config.instance and file.config.instance.session_preferences:
        taken["instance", f"instance-{naming.SESSION_LOG_POLICY}"] = _PROGRAM
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
    yield from _too_many(key, len(holder.managed_policies), len(holder.policies) + _added_by_program(holder))


def _added_by_program(holder: Permissions) -> int:
    """How many policies a group, a role or an instance gets besides the configured ones."""
    if isinstance(holder, Instance):
        return int(holder.session_manager) + int(holder.session_preferences is not None)
    if isinstance(holder, CrossAccountRole):
        return int(holder.deny_secrets)
    if not isinstance(holder, Group):
        return 0
    enforcement = (1 if is_administrators(holder) else 2) if holder.enforce_mfa else 0
    return enforcement + bool(holder.may_assume)


def _trust_sizes(file: StackFile) -> Iterator[Problem]:
    for name, role in file.config.cross_account_roles.items():
        trust = role.trust(file.partition or "aws", file.config.central_account_id or "0" * 12)
        yield from _too_large(
            file.key("crossAccountRoles", name, "principals"),
            "make a trust policy",
            documents.size(trust),
            documents.TRUST_POLICY_MAX_CHARACTERS,
            "Name fewer, or let a group of the central account decide (mayAssume)",
        )


def _grant_sizes(file: StackFile) -> Iterator[Problem]:
    for name, group in file.config.groups.items():
        if not group.may_assume:
            continue
        if len(naming.assume_policy_name(name)) > _POLICY_NAME_MAX_CHARACTERS:
            yield Problem(
                file.key("groups", name),
                f"the name is too long for its policy {naming.assume_policy_name('…')}: "
                f"AWS allows {_POLICY_NAME_MAX_CHARACTERS} characters",
            )
        yield from _too_large(
            file.key("groups", name, "mayAssume"),
            "makes a policy",
            documents.size(people_policies.assume_roles(group.may_assume)),
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
        yield from _too_many(file.key(*place, "managedPolicies"), len(role.managed_policies), 0)
        debugging = roles_policies.debug_instance(_longest_instance_arn(file)) if role.debug_instance else []
        document = roles_policies.configured([*(s.document() for s in role.statements), *debugging])
        yield from _too_large(
            file.key(*place, "statements"),
            "make a policy" if not debugging else "make a policy, together with debugInstance,",
            documents.size(document),
            documents.USER_INLINE_POLICIES_MAX_CHARACTERS
            if role.credential_type == "iam_user"
            else documents.MANAGED_POLICY_MAX_CHARACTERS,
            "Shorten it, or use managedPolicies",
        )
        sids = [statement.sid for statement in role.statements]
        for sid in sids:
            if sid in [statement["Sid"] for statement in debugging]:
                yield Problem(
                    file.key(*place, "statements"), f'the sid "{sid}" is one of debugInstance; choose another'
                )
    issuing = [role for role in vault.roles.values() if role.credential_type == "iam_user"]
    attachable = sorted({policy for role in issuing for policy in role.managed_policies})
    partition = file.partition or "aws"
    assumed = {name: role for name, role in vault.roles.items() if role.credential_type == "assumed_role"}
    role_arns = {
        name: naming.role_arn(partition, "0" * 12, naming.vault_aws_role_name(vault.mount, name))
        for name in assumed
    }
    for name, role in assumed.items():
        trust = vault_policies.trust_vault(
            vault.principal_arn(partition, "0" * 12),
            external_id=role.external_id,
            session_tags=role.session_tags,
        )
        yield from _too_large(
            file.key("vault", "roles", name, "sessionTags"),
            "make a trust policy",
            documents.size(trust),
            documents.TRUST_POLICY_MAX_CHARACTERS,
            "Use fewer or shorter tags, or a shorter externalId",
        )
    principal = vault_policies.vault_principal(
        partition,
        "0" * 12,
        boundary_arn=naming.policy_arn(partition, "0" * 12, naming.VAULT_BOUNDARY_POLICY),
        attachable_policy_arns=[_longest_policy_arn(file, policy) for policy in attachable],
        assumable_role_arns=list(role_arns.values()),
        taggable_role_arns=[role_arns[name] for name, role in assumed.items() if role.session_tags],
        group_arns=[
            naming.group_arn(partition, "0" * 12, group)
            for group in sorted({group for role in issuing for group in role.groups})
        ],
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
    region = file.provider.region or "ap-southeast-1"
    return f"arn:{file.partition or 'aws'}:ec2:{region}:{'0' * 12}:instance/i-{'0' * 17}"


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
        for resource in statement.resources:
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


def _too_many(key: str, configured: int, made_here: int) -> Iterator[Problem]:
    total = configured + made_here
    if total > _MANAGED_POLICIES_PER_IDENTITY:
        added = f" ({made_here} of them from policies and the program)" if made_here else ""
        yield Problem(
            key,
            f"{total} managed policies{added}; "
            f"AWS attaches {_MANAGED_POLICIES_PER_IDENTITY} at most by default",
        )
