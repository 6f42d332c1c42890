"""Whether a person of the central account may assume a role, as far as the stack files say: step by step.

The report draws it, `client-config` prints profiles by it, `doctor` explains a refusal by the first step that
fails. What trust policies really allow is claimed elsewhere (`resource_policies.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from iam_hardening.aws.naming import role_arn, user_arn
from iam_hardening.claims.claim import ALLOWED
from iam_hardening.claims.grants import grants_of
from iam_hardening.config import CrossAccountRole, Group, Settings, trust


@dataclass(frozen=True, kw_only=True)
class Assuming:
    """One person's way into one role. `granted` None: the files do not say, a managed policy does."""

    account_is_trusted: bool
    granted: bool | None
    is_named: bool

    @property
    def works(self) -> bool:
        return self.account_is_trusted and self.granted is True and self.is_named


def assuming(central: Settings, person: str, account: Settings, name: str) -> Assuming:
    role, user = account.cross_account_roles[name], central.users[person]
    return Assuming(
        account_is_trusted=trusts(account, role, central),
        granted=granted([central.groups[group] for group in user.groups], account, name),
        is_named=is_named(role, central, person),
    )


def trusts(account: Settings, role: CrossAccountRole, central: Settings) -> bool:
    """Whether the role is for the people of this account; a third party's is for no one's people here."""
    return not role.is_for_third_party and trust.trusted_account_id(account, role) == central.account_id


def granted(groups: list[Group], account: Settings, name: str) -> bool | None:
    """Whether these groups, as one person's, may assume the role: by `mayAssume`, or by their policies."""
    arn = role_arn(account.partition, account.account_id, name)
    if any(arn in group.may_assume for group in groups):
        return True
    verdict = grants_of(groups).verdict("sts:AssumeRole", arn)
    return None if verdict is None else verdict == ALLOWED


def is_named(role: CrossAccountRole, central: Settings, person: str) -> bool:
    """Whether the role is for everyone of the account, or names this person."""
    arn = user_arn(central.partition, central.account_id, central.users[person].path, person)
    return not role.principals or arn in role.principals


def assumable(
    stacks: Mapping[str, Settings], central: Settings, person: str
) -> Iterator[tuple[str, Settings, str]]:
    """Stack, account and role, for each role that the person may assume for certain."""
    for stack, account in stacks.items():
        for name in account.cross_account_roles:
            if assuming(central, person, account, name).works:
                yield stack, account, name
