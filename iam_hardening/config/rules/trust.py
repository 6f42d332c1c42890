"""The principals that the roles of a workload account trust: the central account's people, or a third party
that is one."""

from collections.abc import Iterator

from iam_hardening.aws.naming import account_of
from iam_hardening.config.errors import Problem
from iam_hardening.config.rules.account import other_partition, repeated
from iam_hardening.config.schema import CrossAccountRole
from iam_hardening.config.stack_file import StackFile


def check_trust(file: StackFile) -> list[Problem]:
    if file.config.account_kind != "workload":
        return []
    return [*_central_account(file), *_principals(file), *_conditions(file)]


def _central_account(file: StackFile) -> Iterator[Problem]:
    key = file.key("centralAccountId")
    roles = file.config.cross_account_roles.values()
    for_third_parties_only = bool(roles) and all(role.is_for_third_party for role in roles)
    trusting = [section for section in ("crossAccountRoles", "standardRoles") if file.is_written(section)]
    if for_third_parties_only:
        trusting.remove("crossAccountRoles")
    if trusting and not file.is_written("centralAccountId"):
        yield Problem(
            key,
            f"is missing; {' and '.join(trusting)} trust the central account, give its 12-digit ID in quotes",
        )
    if file.account_id and file.config.central_account_id == file.account_id:
        yield Problem(
            key,
            f'"{file.account_id}" is this stack\'s own account (aws:allowedAccountIds): a role would '
            "trust its own account",
        )


def _principals(file: StackFile) -> Iterator[Problem]:
    central = file.config.central_account_id
    for name, role in file.config.cross_account_roles.items():
        key = file.key("crossAccountRoles", name, "principals")
        yield from repeated(key, role.principals)
        trusted = role.trusted_account_id or central
        if file.is_broken("crossAccountRoles", name, "trustedAccountId"):
            trusted = None
        whose = "the third party's" if role.is_for_third_party else "the central"
        for arn in role.principals:
            yield from other_partition(file, key, arn)
            if trusted and account_of(arn) != trusted:
                yield Problem(key, f"{arn} is not in {whose} account {trusted}, which this role trusts")
            if role.session_name_is_user_name and ":role/" in arn:
                yield Problem(
                    key,
                    f"{arn} is a role, which has no user name: sessionNameIsUserName keeps it out",
                )


# What asks something of people, and would keep a third party's service out or mean nothing to it.
_FOR_PEOPLE_ONLY = {
    "require_mfa": "requireMfa",
    "mfa_max_age": "mfaMaxAge",
    "session_name_is_user_name": "sessionNameIsUserName",
}


def _conditions(file: StackFile) -> Iterator[Problem]:
    for name, role in file.config.cross_account_roles.items():
        if role.is_for_third_party:
            yield from _third_party(file, name, role)
        elif not file.is_broken("crossAccountRoles", name, "trustedAccountId"):
            yield from _people(file, name, role)


def _people(file: StackFile, name: str, role: CrossAccountRole) -> Iterator[Problem]:
    path = ("crossAccountRoles", name)
    if role.external_id:
        yield Problem(
            file.key(*path, "externalId"),
            "is for a third party's account, and this role trusts the central one; give trustedAccountId, "
            "or remove it",
        )
    if role.mfa_max_age and not role.require_mfa:
        yield Problem(
            file.key(*path, "mfaMaxAge"), "limits the age of an MFA that requireMfa: false does not ask for"
        )


def _third_party(file: StackFile, name: str, role: CrossAccountRole) -> Iterator[Problem]:
    path = ("crossAccountRoles", name)
    if not role.external_id and not file.is_broken(*path, "externalId"):
        yield Problem(
            file.key(*path, "externalId"),
            "is missing; a third party must send the ID that it made for you alone: without it, another "
            "customer of theirs could have them act on this account",
        )
    own_accounts = {file.account_id: "this stack's own", file.config.central_account_id: "the central"}
    if whose := own_accounts.get(role.trusted_account_id):
        yield Problem(
            file.key(*path, "trustedAccountId"),
            f'"{role.trusted_account_id}" is {whose} account and no third party\'s; remove it and externalId',
        )
    for field, key in _FOR_PEOPLE_ONLY.items():
        if field in role.model_fields_set:
            yield Problem(
                file.key(*path, key),
                "is for people, and a third party's service has neither MFA nor a user here; remove it",
            )
