"""What several stack files must agree on, each alone being right: reported before any server starts."""

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from pathlib import PurePosixPath
from posixpath import normpath

from iam_hardening.aws.naming import vault_entity_name, vault_policy_name
from iam_hardening.config import Settings, Vault
from rehearsal.errors import RehearsalError

_RECORDS_ALL = "one records the whole Vault"
_ONE_AUDIT = "Leave vault.audit out of all but one"
_APART = "rehearse them in separate folders (iam-hardening rehearse --stack-files FOLDER)"


def check(configured: Mapping[str, Settings]) -> None:
    """Raises RehearsalError where stacks would get in each other's way, or are beyond this rehearsal."""
    for name, own in configured.items():
        if own.partition != "aws":
            raise RehearsalError(
                f"Pulumi.{name}.yaml is for {own.region}, in the partition {own.partition}; the emulated AWS "
                "knows the commercial partition only.",
                "Rehearse a copy of your stack files with another aws:region and arn:aws: in every ARN: "
                "iam-hardening rehearse --stack-files FOLDER.",
            )
    wrong = [line for pair in combinations(configured.items(), 2) for line in _between(*pair)]
    if wrong:
        raise RehearsalError("\n".join(wrong), "Mend the stack files; nothing was started.")


def _between(first: tuple[str, Settings], second: tuple[str, Settings]) -> Iterator[str]:
    (one, own), (other, others) = first, second
    files = f"Pulumi.{one}.yaml and Pulumi.{other}.yaml"
    if own.account_id == others.account_id:
        yield (
            f"{files} are both for the account {own.account_id}. One stack per account: give each its own ID "
            "in aws:allowedAccountIds."
        )
    if own.vault is None or others.vault is None:
        return
    if own.vault.runs_on_role and others.vault.runs_on_role:
        yield (
            f"{files} each have a Vault that runs on a role of their own account (vault.runsOnRole); the "
            f"rehearsal has one Vault, which runs on one role: {_APART}."
        )
    if _reach(own) != _reach(others):
        clashes = [clash for clash, _ in _clashes(own.vault, others.vault)]
        if clashes:
            yield (
                f"{files} name two Vaults (vault:address, vault:namespace), and the rehearsal has "
                "one, in which they "
                f"{'; they '.join(clashes)}. {_APART.capitalize()}."
            )
        return
    for clash, advice in _clashes(own.vault, others.vault):
        yield (
            f"{files} {clash}. {advice}. The rehearsal has one Vault: {_APART}, if each account has its own."
        )


def _reach(settings: Settings) -> tuple[object, object]:
    return settings.reach.get("vault:address"), settings.reach.get("vault:namespace")


def _clashes(first: Vault, second: Vault) -> Iterator[tuple[str, str]]:
    """What two accounts would both make in one Vault, and what to do."""
    if _within(first.mount, second.mount):
        yield (
            f"mount Vault's AWS engine at {first.mount} and {second.mount}: a mount can neither be there "
            "twice nor be below another",
            "Give each account its own mount, such as aws-dev and aws-prod",
        )
    for policy in _both(_policies(first), _policies(second)):
        yield (
            f"both make the Vault policy {policy}: the one deployed last would decide what its holders reach",
            "Give each account its own mount, such as aws-dev and aws-prod",
        )
    for name in _both(first.logins, second.logins):
        yield (
            f"both make the auth method {name} (vault.logins): Vault has one at a path, and the "
            "second `pulumi "
            "up` would stop there",
            f"Give each account's its own name, such as {name}-dev and {name}-prod",
        )
    for entity in _both(_entities(first), _entities(second)):
        yield (
            f"both make Vault's entity {entity}: the one deployed last would decide what that person holds",
            "Give the log-ins or the users other names",
        )
    if first.audit and second.audit:
        one, other = first.audit, second.audit
        if _within(one.device, other.device):
            both = one.device if one.device == other.device else f"{one.device} and {other.device}"
            yield f"both make the audit device {both}, and {_RECORDS_ALL}", _ONE_AUDIT
        elif PurePosixPath(normpath(one.file)) == PurePosixPath(normpath(other.file)):
            yield f"both log to {one.file}, and {_RECORDS_ALL}", _ONE_AUDIT


def _within(one: str, other: str) -> bool:
    """Whether two paths of Vault are the same, or one is below the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _both(one: Collection[str], other: Collection[str]) -> list[str]:
    return sorted(set(one) & set(other))


def _policies(vault: Vault) -> list[str]:
    return [vault_policy_name(vault.mount, role) for role in vault.roles]


def _entities(vault: Vault) -> list[str]:
    return [vault_entity_name(name, user) for name, login in vault.logins.items() for user in login.users]
