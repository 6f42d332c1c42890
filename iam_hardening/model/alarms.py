"""Which alarms a stack file asks for: what the program makes, and what is then looked for in the account."""

from iam_hardening import config
from iam_hardening.aws import event_patterns, naming
from iam_hardening.aws.event_patterns import Alarm


def makes_trail(account: config.Settings) -> bool:
    """Whether the program makes the trail that the alarms see by."""
    return account.alarms is not None and account.alarms.trail is None


def alarms(account: config.Settings) -> dict[str, Alarm]:
    """Rule name → alarm: those that are switched on and can go off in this account; none without alarms."""
    wanted = account.alarms
    if wanted is None:
        return {}
    everywhere = account.regions
    where_iam_tells = [naming.IAM_EVENTS_REGION.get(account.partition, account.region)]
    vault = [account.vault.principal_arn(account.partition, account.account_id)] if account.vault else []
    made: dict[str, Alarm] = {}
    if wanted.root_activity:
        made["root-activity"] = Alarm(
            pattern=event_patterns.root_activity(),
            says="The root user is active",
            regions=everywhere,
            read_only_events=True,
        )
    if wanted.sign_in_without_mfa:
        made["sign-in-without-mfa"] = Alarm(
            pattern=event_patterns.sign_in_without_mfa(),
            says="Somebody signed in to the console without MFA",
            regions=everywhere,
        )
    if wanted.iam_changes:
        made["iam-changes"] = Alarm(
            pattern=event_patterns.iam_changes([*wanted.expected_principals, *vault]),
            says="IAM was changed by somebody who was not expected to",
            regions=where_iam_tells,
        )
    if wanted.break_glass_use and account.break_glass:
        made["break-glass-use"] = Alarm(
            pattern=event_patterns.break_glass_use(account.break_glass.user),
            says="The break-glass user is active",
            regions=everywhere,
            read_only_events=True,
        )
    if wanted.vault_users_touched and vault:
        made["vault-users-touched"] = Alarm(
            pattern=event_patterns.vault_users_touched(vault[0]),
            says="Somebody other than Vault changed a user of Vault's",
            regions=where_iam_tells,
        )
    if wanted.key_changes:
        made["key-changes"] = Alarm(
            pattern=event_patterns.key_changes(),
            says="A KMS key's policy was replaced, or a key disabled or scheduled for deletion",
            regions=everywhere,
        )
    return made


def recipients(account: config.Settings) -> dict[str, str]:
    """Region → who is mailed, for each region that has an alarm."""
    if account.alarms is None:
        return {}
    return dict.fromkeys(
        sorted({region for alarm in alarms(account).values() for region in alarm.regions}),
        account.alarms.email,
    )
