"""What AWS, or common sense about access, would refuse although each value alone is well-formed.

Every check returns problems instead of raising, so that a file's mistakes are reported together. Those about
policies (names, sizes, numbers) are in `policy_checks.py`, about trust policies in `trust_checks.py`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from iam_hardening.aws import naming
from iam_hardening.config.errors import Problem, key_text, nearest, shown
from iam_hardening.config.rules.lockout import Denial, lockouts
from iam_hardening.config.schema import (
    Group,
    Instance,
    User,
    Vault,
    VaultRole,
    is_administrators,
)
from iam_hardening.config.stack_file import StackFile
from iam_hardening.config.values import duration_text

_ROLE_NAME_MAX_CHARACTERS = 64
# Of a role's session. Source: AWS STS API reference, AssumeRole.
_SHORTEST_SESSION_SECONDS = 15 * 60
_LONGEST_SESSION_SECONDS = 12 * 60 * 60
# Of a role that a role assumes. Source: IAM User Guide, "Role chaining".
_LONGEST_CHAINED_SESSION_SECONDS = 60 * 60
_SECTIONS_OF_KIND = {
    "central": ("groups", "users", "breakGlass", "onboarding"),
    "workload": ("centralAccountId", "crossAccountRoles"),
}
# AWS's quota, which counts the tags that the program adds: ManagedBy, Project, Stack and an instance's Name.
_TAGS_PER_RESOURCE = 50
# Source: AWS STS API reference, AssumeRole.
_TAGS_PER_SESSION = 50
_OWN_TAGS = ("ManagedBy", "Project", "Stack", "Name")
_OWN_TAGS_OF_ISSUED_USERS = (*_OWN_TAGS[:3], naming.VAULT_ROLE_TAG)


def check(file: StackFile) -> list[Problem]:
    """Every problem between the values of a file, its policies excepted."""
    problems = [*_account(file), *_kind(file), *_tags(file), *_regions(file), *_roles(file)]
    problems += _vault_server(file)
    if file.config.account_kind == "central":
        problems += [*_people(file), *_administrator(file), *_break_glass(file), *_onboarding(file)]
        problems += _grants(file)
    if file.config.account_kind:
        problems += [*_instance(file), *_vault(file), *_vault_roles(file)]
    return problems


def administrators(groups: Mapping[str, Group], users: Mapping[str, User]) -> set[str]:
    """The people in a group that holds AdministratorAccess and enforces MFA."""
    of_administrators = {
        name for name, group in groups.items() if is_administrators(group) and group.enforce_mfa
    }
    return {name for name, user in users.items() if of_administrators & set(user.groups)}


def _account(file: StackFile) -> Iterator[Problem]:
    if "aws:region" not in file.written:
        yield Problem(
            "aws:region", "is missing; set the region, for example: pulumi config set aws:region eu-central-1"
        )
    if "aws:allowedAccountIds" not in file.written:
        yield Problem(
            "aws:allowedAccountIds",
            "is missing; give a list with the one account this stack is for, so that credentials of another "
            'account are refused before a change: ["111111111111"]',
        )
    ids = file.provider.allowed_account_ids
    if ids is not None and len(ids) != 1:
        yield Problem(
            "aws:allowedAccountIds",
            f'holds {len(ids)} accounts; a stack is for exactly one: ["111111111111"]',
        )
    for account_id in set(ids or ()) & set(file.provider.forbidden_account_ids):
        yield Problem("aws:forbiddenAccountIds", f"holds {account_id}, the account that this stack is for")


def _kind(file: StackFile) -> Iterator[Problem]:
    if not file.is_written("accountKind"):
        yield Problem(
            file.key("accountKind"),
            "is missing; allowed: central (people) or workload (roles for people of the central account)",
        )
    own_kind = file.config.account_kind
    for kind, sections in _SECTIONS_OF_KIND.items():
        for section in sections:
            if own_kind not in (kind, None) and file.is_written(section):
                yield Problem(
                    file.key(section),
                    f"belongs to a {kind} account, and this stack's accountKind is {own_kind}",
                )


def _tags(file: StackFile) -> Iterator[Problem]:
    tags = file.config.tags
    all_own = {*_OWN_TAGS, *(_OWN_TAGS_OF_ISSUED_USERS if file.config.vault else ())}
    yield from _same_but_for_case(file, "tags", tags)
    for name in tags:
        own = next((own for own in all_own if own.lower() == name.lower() and own != name), None)
        if own:
            yield Problem(
                file.key("tags", name),
                f'is the program\'s tag "{own}" but for case, which IAM does not tell apart; write "{own}"',
            )
    defaults = file.provider.default_tags
    of_provider: list[str] = list(defaults.tags) if defaults else []
    taken = {name.lower(): name for name in (*all_own, *tags)}
    for name in of_provider:
        other = taken.setdefault(name.lower(), name)
        if other != name:
            yield Problem(
                key_text("aws", ("defaultTags", "tags", name)),
                f'is the tag "{other}" of the same resources but for case, which IAM does not tell apart; '
                f'write "{other}", or leave it out',
            )
    for own_tags in (_OWN_TAGS, _OWN_TAGS_OF_ISSUED_USERS) if file.config.vault else (_OWN_TAGS,):
        if (total := len({*tags, *own_tags, *of_provider})) > _TAGS_PER_RESOURCE:
            yield Problem(
                file.key("tags"),
                f"make {total} tags with the program's own ({', '.join(own_tags)}); "
                f"AWS takes {_TAGS_PER_RESOURCE}",
            )
            return


def _regions(file: StackFile) -> Iterator[Problem]:
    key = file.key("regions")
    yield from repeated(key, file.config.regions)
    for region in file.config.regions:
        partition = naming.partition_of(region)
        if file.partition and partition != file.partition:
            yield Problem(
                key,
                f"{region} is in the partition {partition}, and {file.provider.region} (aws:region) is in "
                f"{file.partition}; an account is in one partition",
            )


def _people(file: StackFile) -> Iterator[Problem]:
    yield from _same_but_for_case(file, "groups", file.config.groups)
    yield from _same_but_for_case(file, "users", file.config.users)
    known_groups = file.names_in("groups")
    for name, user in file.config.users.items():
        key = file.key("users", name, "groups")
        yield from repeated(key, user.groups)
        for group in user.groups:
            if known_groups is not None and group not in known_groups:
                yield Problem(key, f'"{group}" is no group of this stack; {nearest(group, known_groups)}')
        all_well_formed = all(
            group in file.config.groups and not file.is_broken("groups", group) for group in user.groups
        )
        if all_well_formed and not any(file.config.groups[group].enforce_mfa for group in user.groups):
            yield Problem(
                key, "none of these groups enforces MFA; every person needs one that does (enforceMfa: true)"
            )


def _administrator(file: StackFile) -> Iterator[Problem]:
    people = administrators(file.config.groups, file.config.users)
    # An entry with another mistake could be the administrator: then that mistake says enough.
    if file.is_broken("users") or file.is_broken("groups"):
        return
    if not people:
        yield Problem(
            file.key("users"),
            f"has no one in a group that holds {naming.ADMINISTRATOR_ACCESS} and enforces MFA: after an up "
            "no one could administer this account but its root user. Add a user to such a group",
        )
    kept_out = {person: list(_lockouts(file, person)) for person in sorted(people)}
    if all(kept_out.values()):
        for person, denials in kept_out.items():
            place, action = denials[0]
            yield Problem(
                file.key(*place),
                f"denies {action} to {person}, and no other administrator could get in and undo that but the "
                "root user. Take it out, or move it to a group that no administrator is in",
            )


def _lockouts(file: StackFile, person: str) -> Iterator[Denial]:
    user = file.config.users[person]
    groups = {name: group for name, group in file.config.groups.items() if name in user.groups}
    return lockouts(person, user.path, groups, file.partition or "aws", file.account_id or "*")


def _break_glass(file: StackFile) -> Iterator[Problem]:
    if file.config.break_glass is None:
        return
    user, group = file.config.break_glass.user, naming.BREAK_GLASS_GROUP
    if user.lower() in map(str.lower, file.config.users):
        yield Problem(
            file.key("breakGlass", "user"),
            f"{shown(user)} is also under users; the break-glass user is no one's daily user",
        )
    for name in file.config.groups:
        if name.lower() == group.lower():
            yield Problem(
                file.key("groups", name), f'the name is taken by the group "{group}" of breakGlass alone'
            )


def _onboarding(file: StackFile) -> Iterator[Problem]:
    if file.config.onboarding != "strict":
        return
    max_age = file.config.password_policy.values()["max_password_age"]
    if max_age and not file.is_broken("passwordPolicy"):
        yield Problem(
            file.key("onboarding"),
            f"strict does not go with passwords that expire (passwordPolicy: {max_age} days): whose password "
            "expired could not change it and would be locked out. Set maxPasswordAge: 0, or onboarding: open",
        )
    for name in file.config.tags:
        if name.lower() == naming.ONBOARDING_TAG.lower():
            yield Problem(
                file.key("tags", name),
                "is the mark of new people (onboarding: strict), which only administrators set, by hand; "
                "use another name",
            )


def _grants(file: StackFile) -> Iterator[Problem]:
    standard = file.config.standard_roles
    for name, group in file.config.groups.items():
        key = file.key("groups", name, "mayAssume")
        yield from repeated(key, group.may_assume)
        for arn in group.may_assume:
            yield from other_partition(file, key, arn)
            if naming.account_of(arn) == file.account_id and arn.split(":role/")[1] not in standard:
                yield Problem(
                    key,
                    f"{arn} is a role of this account itself; name roles of workload accounts, or of this "
                    f"stack's standardRoles ({', '.join(standard) or 'none'})",
                )


def _roles(file: StackFile) -> Iterator[Problem]:
    roles = file.config.cross_account_roles
    yield from _same_but_for_case(file, "crossAccountRoles", roles)
    yield from repeated(file.key("standardRoles"), file.config.standard_roles)
    for standard in file.config.standard_roles:
        if standard in map(str.lower, roles):
            yield Problem(
                file.key("standardRoles"),
                f'"{standard}" is also a role under crossAccountRoles; names are unique in an account',
            )
    taken = {name.lower(): "crossAccountRoles" for name in roles}
    taken |= dict.fromkeys(file.config.standard_roles, "standardRoles")
    instance, server = file.config.instance, file.config.vault_server
    own = [(file.key("instance", "roleName"), instance.role_name, "instance")] if instance else []
    own += [(file.key("vaultServer", "name"), server.name, "vaultServer")] if server else []
    for key, name, of_section in own:
        if section := taken.get(name.lower()):
            yield Problem(key, f'"{name}" is also a role under {section}; names are unique in an account')
        taken[name.lower()] = of_section


def _vault_roles(file: StackFile) -> Iterator[Problem]:
    """The IAM roles behind `assumed_role`: their names are made here, and must fit beside the others."""
    vault, instance, server = file.config.vault, file.config.instance, file.config.vault_server
    taken = {name.lower() for name in file.config.cross_account_roles}
    taken |= {instance.role_name.lower()} if instance else set()
    taken |= {server.name.lower()} if server else set()
    for name, role in vault.roles.items() if vault else ():
        if not role.is_session or vault is None:
            continue
        role_name = naming.vault_aws_role_name(vault.mount, name)
        key = file.key("vault", "roles", name)
        if len(role_name) > _ROLE_NAME_MAX_CHARACTERS:
            yield Problem(
                key,
                f'its IAM role would be "{role_name}", {len(role_name)} characters; AWS allows '
                f"{_ROLE_NAME_MAX_CHARACTERS}. Choose a shorter name",
            )
        if role_name.lower() in taken:
            yield Problem(
                key, f'its IAM role "{role_name}" is also a role of this stack; choose another name'
            )


def _instance(file: StackFile) -> Iterator[Problem]:
    instance = file.config.instance
    if instance is None:
        return
    yield from repeated(file.key("instance", "securityGroupIds"), instance.security_group_ids)
    needs_an_owner = file.partition is not None and file.partition not in naming.CANONICAL_OWNER_ID
    if needs_an_owner and not instance.image_owner and not file.is_broken("instance", "imageOwner"):
        yield Problem(
            file.key("instance", "imageOwner"),
            f"is missing; Canonical publishes no Ubuntu images in the partition {file.partition} "
            f"({file.provider.region}): give the account that owns your images, and imageName",
        )
    yield from _session_preferences(file, instance)


def _session_preferences(file: StackFile, instance: Instance) -> Iterator[Problem]:
    place = ("instance", "sessionPreferences")
    wanted = instance.session_preferences
    if wanted is None:
        return
    if not instance.session_manager and not file.is_broken("instance", "sessionManager"):
        yield Problem(
            file.key(*place),
            "has no effect: no shell of Session Manager reaches the instance; set sessionManager: true, or "
            "leave it out",
        )
    if wanted.idle_timeout > wanted.max_duration and not file.is_broken(*place):
        yield Problem(
            file.key(*place, "idleTimeout"),
            f"{duration_text(wanted.idle_timeout)} is longer than a shell lasts at all, "
            f"{duration_text(wanted.max_duration)} (maxDuration)",
        )


def _vault(file: StackFile) -> Iterator[Problem]:
    vault = file.config.vault
    if vault is None:
        return
    ttls = ("defaultLeaseTtl", "maxLeaseTtl")
    if vault.default_lease_ttl > vault.max_lease_ttl and not any(
        file.is_broken("vault", ttl) for ttl in ttls
    ):
        yield Problem(
            file.key("vault", "defaultLeaseTtl"),
            f"{duration_text(vault.default_lease_ttl)} is longer than the mount's maximum of "
            f"{duration_text(vault.max_lease_ttl)} (maxLeaseTtl)",
        )
    yield from _runs_on_role(file, vault)
    if not vault.runs_on_role and vault.principal_name.lower() in map(str.lower, file.config.users):
        yield Problem(
            file.key("vault", "principalName"),
            f"{shown(vault.principal_name)} is also under users; Vault's user is no person's",
        )
    for name, role in vault.roles.items():
        path = ("vault", "roles", name)
        grants_something = role.managed_policies or role.statements or role.debug_instance or role.groups
        if not grants_something and not file.is_broken(*path):
            yield Problem(
                file.key(*path), "grants nothing; give managedPolicies, statements or debugInstance: true"
            )
        yield from _vault_ttl(file, name, role, vault)
        yield from _vault_kind(file, name, role)
        if role.debug_instance and not file.is_written("instance"):
            yield Problem(
                file.key(*path, "debugInstance"), "is true, and this stack has no instance to debug"
            )


def _runs_on_role(file: StackFile, vault: Vault) -> Iterator[Problem]:
    """A Vault that is a role has no key, and its role is no one else's: what holds it issues credentials."""
    if vault.runs_on_role is None:
        return
    if "key_generation" in vault.model_fields_set:
        yield Problem(
            file.key("vault", "keyGeneration"),
            f'has no effect: a Vault that runs on a role ("{vault.runs_on_role}", runsOnRole) has no key; '
            "leave one of the two out",
        )
    assumed = {
        naming.vault_aws_role_name(vault.mount, name) for name, role in vault.roles.items() if role.is_session
    }
    others = {*file.config.cross_account_roles, *file.config.standard_roles, *assumed}
    others |= {file.config.instance.role_name} if file.config.instance else set()
    if vault.runs_on_role.lower() in map(str.lower, others):
        yield Problem(
            file.key("vault", "runsOnRole"),
            f'"{vault.runs_on_role}" is a role of this stack for others; name the role of the instances that '
            "Vault alone runs on",
        )


def _vault_ttl(file: StackFile, name: str, role: VaultRole, vault: Vault) -> Iterator[Problem]:
    """The mount's limits and AWS's, for sessions; issued users have no session length."""
    key = file.key("vault", "roles", name, "ttl")
    if not role.is_session:
        if role.ttl is not None:
            yield Problem(
                key,
                f"{duration_text(role.ttl)} has no effect on an iam_user role, whose lease is the mount's "
                "(defaultLeaseTtl); use credentialType: assumed_role, or leave it out",
            )
        return
    ttl = role.ttl or vault.default_lease_ttl
    if not _SHORTEST_SESSION_SECONDS <= ttl <= _LONGEST_SESSION_SECONDS:
        yield Problem(
            key,
            f"{duration_text(ttl)} is no session that AWS gives; allowed: "
            f"{duration_text(_SHORTEST_SESSION_SECONDS)} to {duration_text(_LONGEST_SESSION_SECONDS)}",
        )
    elif vault.runs_on_role and ttl > _LONGEST_CHAINED_SESSION_SECONDS:
        yield Problem(
            key,
            f"{duration_text(ttl)} is longer than {duration_text(_LONGEST_CHAINED_SESSION_SECONDS)}, all "
            f'that AWS gives where a role assumes a role, and Vault runs on the role "{vault.runs_on_role}" '
            "(runsOnRole)",
        )
    elif ttl > vault.max_lease_ttl:
        yield Problem(
            key,
            f"{duration_text(ttl)} is longer than the mount's maximum of "
            f"{duration_text(vault.max_lease_ttl)} (maxLeaseTtl)",
        )


def _vault_server(file: StackFile) -> Iterator[Problem]:
    """Its profile's and its policy's name; the role's is among the other roles'."""
    server, instance = file.config.vault_server, file.config.instance
    if server is None:
        return
    key = file.key("vaultServer", "name")
    if instance and instance.profile_name.lower() == server.name.lower():
        yield Problem(key, f'"{server.name}" is also instance.profileName; names are unique in an account')
    taken = {naming.ENFORCE_MFA_POLICY, naming.SELF_SERVICE_POLICY, naming.VAULT_BOUNDARY_POLICY}
    taken |= {naming.BREAK_GLASS_POLICY} | {naming.assume_policy_name(name) for name in file.config.groups}
    taken |= {file.config.vault.principal_name} if file.config.vault else set()
    taken |= {naming.SESSION_LOG_POLICY} if instance and instance.session_preferences else set()
    if server.name.lower() in map(str.lower, taken):
        yield Problem(
            key,
            f'"{server.name}" is also a policy that the program makes; policy names are unique in an account',
        )


def _vault_kind(file: StackFile, name: str, role: VaultRole) -> Iterator[Problem]:
    """What only one of the two kinds has."""
    path = ("vault", "roles", name)
    if not role.is_session:
        for key, written in (("externalId", role.external_id), ("sessionTags", role.session_tags)):
            if written:
                yield Problem(
                    file.key(*path, key),
                    "has no effect on an iam_user role, which assumes nothing; use credentialType: "
                    "assumed_role, or leave it out",
                )
        yield from repeated(file.key(*path, "groups"), role.groups)
    elif role.groups:
        yield Problem(
            file.key(*path, "groups"),
            "has no effect on an assumed_role role: IAM groups hold users only; use managedPolicies, or "
            "credentialType: iam_user",
        )
    if len(role.session_tags) > _TAGS_PER_SESSION:
        yield Problem(
            file.key(*path, "sessionTags"),
            f"holds {len(role.session_tags)} tags; AWS takes {_TAGS_PER_SESSION} for a session",
        )


def other_partition(file: StackFile, key: str, arn: str) -> Iterator[Problem]:
    """An ARN of another partition than the one that the stack's region is in."""
    partition = arn.split(":")[1]
    if file.partition and partition != file.partition:
        yield Problem(
            key,
            f"{arn} is in the partition {partition}, and {file.provider.region} is in {file.partition}; "
            "nothing reaches across partitions",
        )


def repeated(key: str, entries: Sequence[str]) -> Iterator[Problem]:
    """Entries that a list has more than once."""
    for entry, count in Counter(entries).items():
        if count > 1:
            yield Problem(key, f"{shown(entry)} stands {count} times; once is enough")


def _same_but_for_case(file: StackFile, section: str, names: Iterable[str]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name in names:
        if other := seen.get(name.lower()):
            yield Problem(
                file.key(section, name), f"is {shown(other)} but for case, and IAM does not tell them apart"
            )
        seen[name.lower()] = name
