"""What several stack files must agree on, each alone being right: reported before any server starts."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from iam_hardening.aws.naming import vault_policy_name
from iam_hardening.config import Settings, Vault
from rehearsal.errors import RehearsalError


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
    for (one, first), (other, second) in combinations(configured.items(), 2):
        if first.account_id == second.account_id:
            raise RehearsalError(
                f"Pulumi.{one}.yaml and Pulumi.{other}.yaml are both for the account {first.account_id}.",
                "One stack per account: give each its own ID in aws:allowedAccountIds.",
            )
        if first.vault and second.vault and first.vault.runs_on_role and second.vault.runs_on_role:
            raise RehearsalError(
                f"Pulumi.{one}.yaml and Pulumi.{other}.yaml each have a Vault that runs on a role of "
                "their own account (vault.runsOnRole); the rehearsal has one Vault, which runs on one role.",
                "Rehearse them one after the other, in separate folders: "
                "iam-hardening rehearse --stack-files FOLDER.",
            )
        if first.vault and second.vault:
            for clash in _clashes(first.vault, second.vault):
                raise RehearsalError(
                    f"Pulumi.{one}.yaml and Pulumi.{other}.yaml {clash}.",
                    "Give each account its own mount, such as aws-dev and aws-prod, even if each has "
                    "its own Vault: the rehearsal has one.",
                )


def _clashes(first: Vault, second: Vault) -> Iterator[str]:
    if f"{first.mount}/".startswith(f"{second.mount}/") or f"{second.mount}/".startswith(f"{first.mount}/"):
        yield (
            f"mount Vault's AWS engine at {first.mount} and {second.mount}: a mount can neither be there "
            "twice nor be below another"
        )
    names = [{vault_policy_name(vault.mount, role) for role in vault.roles} for vault in (first, second)]
    if same := sorted(names[0] & names[1]):
        yield (
            f"both make the Vault policy {same[0]}: the one deployed last would decide what its holders reach"
        )
