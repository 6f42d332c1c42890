"""Quotas: more than a fixed one is a mistake; more than the default of one that AWS raises is a warning,
until the file states the account's own (`quotas`)."""

from collections.abc import Iterator
from typing import Literal

from iam_hardening.aws.quotas import (
    MANAGED_POLICIES_PER_GROUP,
    MANAGED_POLICIES_PER_ROLE,
    MANAGED_POLICIES_PER_USER,
    TRUST_POLICY_LENGTH,
    Raisable,
)
from iam_hardening.config.errors import Problem
from iam_hardening.config.stack_file import StackFile

Holder = Literal["group", "role", "user"]


def too_many_policies(
    file: StackFile, key: str, holder: Holder, configured: int, made_here: int
) -> Iterator[Problem]:
    """`made_here`: those that the program makes, the stack file's `policies` among them."""
    total = configured + made_here
    added = f" ({made_here} of them from policies and the program)" if made_here else ""
    says = f"{total} managed policies{added}"
    stated = file.config.quotas
    if holder == "role":
        own = stated.managed_policies_per_role
        yield from _above(file, key, total, says, MANAGED_POLICIES_PER_ROLE, "managedPoliciesPerRole", own)
    elif holder == "user":
        own = stated.managed_policies_per_user
        yield from _above(file, key, total, says, MANAGED_POLICIES_PER_USER, "managedPoliciesPerUser", own)
    elif total > MANAGED_POLICIES_PER_GROUP:
        yield Problem(
            key,
            f"{says}; AWS attaches {MANAGED_POLICIES_PER_GROUP} to a group at most, and does not raise this "
            "quota. Use a second group",
        )


def too_long_a_trust_policy(file: StackFile, key: str, characters: int, advice: str) -> Iterator[Problem]:
    says = f"make a trust policy of {characters} characters"
    own = file.config.quotas.trust_policy_length
    yield from _above(file, key, characters, says, TRUST_POLICY_LENGTH, "trustPolicyLength", own, advice)


def _above(
    file: StackFile,
    key: str,
    found: int,
    says: str,
    quota: Raisable,
    setting: str,
    stated: int | None,
    advice: str = "Use fewer, or one policy for several",
) -> Iterator[Problem]:
    where = file.key("quotas", setting)
    if found > quota.most:
        yield Problem(key, f"{says}; AWS raises this quota to {quota.most} at most. {advice}")
    elif stated is not None and found > stated:
        yield Problem(key, f"{says}; this account's quota is {stated} ({where}). {advice}")
    elif stated is None and found > quota.default:
        yield Problem(
            key,
            f"{says}; AWS's default is {quota.default}, and more is refused during the up unless AWS has "
            f"raised the account's quota ({quota.most} at most). If so, say it: {where}",
            is_warning=True,
        )
