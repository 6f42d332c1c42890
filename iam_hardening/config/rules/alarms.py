"""Alarms that would never go off, or go off for no one."""

from collections.abc import Iterator

from iam_hardening.aws import naming
from iam_hardening.config.errors import Problem
from iam_hardening.config.rules.account import other_partition, repeated
from iam_hardening.config.schema import Alarms
from iam_hardening.config.stack_file import StackFile

_SWITCHES = {
    "root_activity": "rootActivity",
    "sign_in_without_mfa": "signInWithoutMfa",
    "iam_changes": "iamChanges",
    "break_glass_use": "breakGlassUse",
    "vault_users_touched": "vaultUsersTouched",
    "key_changes": "keyChanges",
}
_ABOUT_IAM = ("iam_changes", "vault_users_touched")
_ABOUT_SIGN_INS = ("root_activity", "sign_in_without_mfa")


def check_alarms(file: StackFile) -> Iterator[Problem]:
    alarms = file.config.alarms
    if alarms is None:
        return
    yield from _regions(file, alarms)
    yield from _sign_in_region(file, alarms)
    if not any(getattr(alarms, field) for field in _SWITCHES):
        yield Problem(file.key("alarms"), "switches every alarm off; remove the section, or leave one on")
    yield from _principals(file, "expectedPrincipals", alarms.expected_principals)
    yield from _principals(file, "logAdministrators", alarms.log_administrators)
    if alarms.trail:
        yield from other_partition(file, file.key("alarms", "trail"), alarms.trail)
    if alarms.trail and alarms.log_administrators:
        yield Problem(
            file.key("alarms", "logAdministrators"),
            "has no effect with alarms.trail: the bucket of that trail is not this stack's; leave one of the "
            "two out",
        )


def _principals(file: StackFile, name: str, arns: list[str]) -> Iterator[Problem]:
    key = file.key("alarms", name)
    yield from repeated(key, arns)
    for arn in arns:
        yield from other_partition(file, key, arn)
        if file.account_id and naming.account_of(arn) != file.account_id:
            yield Problem(
                key,
                f"{arn} is in another account; a caller from there acts as a role of this one "
                f"({file.account_id}): give that role",
            )


def _regions(file: StackFile, alarms: Alarms) -> Iterator[Problem]:
    """IAM reports its changes in one region of the partition only."""
    on = [_SWITCHES[field] for field in _ABOUT_IAM if getattr(alarms, field)]
    if not on or file.partition is None or file.provider.region is None or file.is_broken("regions"):
        return
    regions = file.config.regions or [file.provider.region]
    needed = naming.IAM_EVENTS_REGION.get(file.partition)
    if needed is None:
        yield Problem(
            file.key("alarms"),
            f"would need the region in which IAM reports its changes, which AWS does not publish for the "
            f"partition {file.partition}; switch off {' and '.join(on)}",
        )
    elif needed not in regions:
        yield Problem(
            file.key("alarms"),
            f"{' and '.join(on)} would never go off: IAM reports its changes in {needed} only; "
            f"add it to regions, or switch {_it(on)} off",
        )


def _sign_in_region(file: StackFile, alarms: Alarms) -> Iterator[Problem]:
    """Where root's sign-ins are reported, and most others; what these alarms look for begins with one."""
    if file.partition is None or file.provider.region is None or file.is_broken("regions"):
        return
    needed = naming.SIGN_IN_EVENTS_REGIONS.get(file.partition, ())
    on = [_SWITCHES[field] for field in _ABOUT_SIGN_INS if getattr(alarms, field)]
    if alarms.break_glass_use and file.config.break_glass:
        on.append(_SWITCHES["break_glass_use"])
    if on and needed and needed[0] not in (file.config.regions or [file.provider.region]):
        yield Problem(
            file.key("alarms"),
            f"{' and '.join(on)} would miss what matters most: AWS reports the root user's sign-ins, and "
            f"most others, in {needed[0]}; add it to regions, or switch {_it(on)} off",
        )


def _it(alarms: list[str]) -> str:
    return "them" if len(alarms) > 1 else "it"
