"""What happens later: a second up, changes made by hand, and the end."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from iam_hardening.aws.naming import ENFORCE_MFA_POLICY, account_root_arn
from iam_hardening.claims.claim import REFUSED, Claim
from rehearsal import inventory
from rehearsal.errors import RehearsalError
from rehearsal.recorder import Recorder
from rehearsal.testbed import Account, Testbed

UNCHANGED = "nothing changed"
SHOWN = "shown"
UNDONE = "undone"


@dataclass(frozen=True, kw_only=True)
class HandMadeChange:
    """Something an administrator could do in the console; `is_undone` looks at the live account."""

    what: str
    make: Callable[[], object]
    is_undone: Callable[[], bool]


def play_second_up(recorder: Recorder, testbed: Testbed) -> None:
    with recorder.scenario("A second up"):
        for account in testbed.accounts.values():
            before = _logins(account)
            _up_changes_nothing(recorder, account)
            for user, created in _logins(account).items():
                recorder.found(
                    _claim(
                        "iam:GetLoginProfile",
                        f"user/{user}",
                        account,
                        UNCHANGED,
                        "no one's password is reset",
                    ),
                    UNCHANGED if created == before[user] else "password reset",
                )


def play_changes_by_hand(recorder: Recorder, testbed: Testbed) -> None:
    with recorder.scenario("Changes made by hand"):
        for account in testbed.accounts.values():
            changes = _hand_made_changes(testbed, account)
            for change in changes:
                change.make()
            refreshed = account.stack.refresh()
            shown = sum(n for operation, n in refreshed.counts.items() if operation in ("update", "delete"))
            recorder.found(
                _claim(
                    "pulumi refresh",
                    ", ".join(change.what for change in changes),
                    account,
                    f"{len(changes)} {SHOWN}",
                    "a change in the console is found",
                ),
                f"{shown} {SHOWN}",
                str(refreshed),
            )
            account.stack.up()
            for change in changes:
                recorder.found(
                    _claim("pulumi up", change.what, account, UNDONE, "the stack file says what holds"),
                    UNDONE if change.is_undone() else "still there",
                )


def play_destroy(
    recorder: Recorder, testbed: Testbed, before: dict[str, frozenset[str]], vault_before: frozenset[str]
) -> None:
    with recorder.scenario("Destroy"):
        for account in reversed(list(testbed.accounts.values())):
            if account.settings.protect:
                _by_mistake(recorder, account)
                _lift_protection(recorder, account)
            account.stack.destroy()
        for account in testbed.accounts.values():
            after = inventory.of_account(account.admin, account.settings.regions)
            _nothing_left(recorder, account.name, before[account.name], after)
        _nothing_left(recorder, "vault", vault_before, inventory.of_vault(testbed.vault()))


def _up_changes_nothing(recorder: Recorder, account: Account) -> None:
    changes = account.stack.up()
    recorder.found(
        _claim("pulumi up", "(again)", account, UNCHANGED, "an up that is due to nothing does nothing"),
        str(changes) if changes.anything else UNCHANGED,
        str(changes),
    )


def _by_mistake(recorder: Recorder, account: Account) -> None:
    """An unprepared destroy must fail before anything is lost."""
    before = inventory.of_account(account.admin, account.settings.regions)
    try:
        account.stack.destroy()
        found = "destroyed"
    except RehearsalError as refusal:
        found = REFUSED if "protected" in str(refusal) else "failed for another reason"
    lost = sorted(before - inventory.of_account(account.admin, account.settings.regions))
    recorder.found(
        _claim(
            "pulumi destroy",
            "(protected)",
            account,
            REFUSED,
            "what lets administrators in, and the password policy, are not lost by mistake",
        ),
        f"lost {lost}" if lost else found,
    )


def _lift_protection(recorder: Recorder, account: Account) -> None:
    """On purpose, as docs/destroy.md says."""
    account.stack.set_config(f"{account.stack.project.name}:protect", "false")
    changes = account.stack.up()
    # AWS's own protection of the table goes with Pulumi's; nothing else may change.
    claimed = "1 update" if account.settings.vault_server else UNCHANGED
    recorder.found(
        _claim("pulumi up", "protect: false", account, claimed, "lifting the protection changes no access"),
        changes.done if changes.anything else UNCHANGED,
        str(changes),
    )


def _nothing_left(recorder: Recorder, where: str, before: frozenset[str], after: frozenset[str]) -> None:
    left, missing = sorted(after - before), sorted(before - after)
    recorder.found(
        Claim(
            who="deployer",
            mfa="-",
            call="pulumi destroy",
            resource="everything of ours, nothing else",
            account=where,
            claimed="nothing left",
            reason="also keys and MFA devices that people made",
        ),
        "nothing left" if not (left or missing) else f"left {left}, missing {missing}",
    )


def _claim(call: str, resource: str, account: Account, claimed: str, reason: str) -> Claim:
    return Claim(
        who="deployer",
        mfa="-",
        call=call,
        resource=resource,
        account=account.name,
        claimed=claimed,
        reason=reason,
    )


def _logins(account: Account) -> dict[str, object]:
    """When each person's console password was last set by anyone but the person."""
    iam = account.admin.client("iam")
    return {
        user: iam.get_login_profile(UserName=user)["LoginProfile"]["CreateDate"]
        for user in account.settings.users
    }


def _hand_made_changes(testbed: Testbed, account: Account) -> list[HandMadeChange]:
    changes = [_weaker_passwords(account)]
    own = account.settings
    changes += [_no_root_sessions(account)] if own.organization_root_access else []
    enforcing = [name for name, group in own.groups.items() if group.enforce_mfa]
    changes += [_mfa_switched_off(account, enforcing[0])] if enforcing else []
    with_mfa = [name for name, role in own.cross_account_roles.items() if role.asks_for_mfa]
    changes += [_trust_without_mfa(account, with_mfa[0])] if with_mfa else []
    if own.vault and own.vault.roles:
        changes.append(_wider_vault_policy(testbed, account, next(iter(own.vault.roles))))
    changes += [_unprotected_table(account), _open_key(account)] if own.vault_server else []
    return changes


def _unprotected_table(account: Account) -> HandMadeChange:
    dynamodb = account.admin.client("dynamodb")
    table = account.stack.outputs()["vault_server_table_arn"]

    def is_protected() -> bool:
        return bool(dynamodb.describe_table(TableName=table)["Table"]["DeletionProtectionEnabled"])

    return HandMadeChange(
        what="Vault's table without deletion protection",
        make=lambda: dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False),
        is_undone=lambda: is_protected() == account.settings.protect,
    )


def _open_key(account: Account) -> HandMadeChange:
    kms, key = account.admin.client("kms"), account.stack.outputs()["vault_server_key_arn"]
    own = account.settings
    everybody = {
        "Sid": "Everybody",
        "Effect": "Allow",
        "Principal": {"AWS": account_root_arn(own.partition, own.account_id)},
        "Action": "kms:*",
        "Resource": "*",
    }
    wide = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    return HandMadeChange(
        what="Vault's seal key open to IAM",
        make=lambda: kms.put_key_policy(KeyId=key, PolicyName="default", Policy=wide),
        is_undone=lambda: "kms:*" not in kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"],
    )


def _weaker_passwords(account: Account) -> HandMadeChange:
    iam = account.admin.client("iam")
    wanted = account.settings.password_policy.values()["minimum_password_length"]
    return HandMadeChange(
        what="a weaker password policy",
        make=lambda: iam.update_account_password_policy(MinimumPasswordLength=6),
        is_undone=lambda: (
            iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == wanted
        ),
    )


def _no_root_sessions(account: Account) -> HandMadeChange:
    iam = account.admin.client("iam")
    return HandMadeChange(
        what="root sessions switched off",
        make=iam.disable_organizations_root_sessions,
        is_undone=lambda: "RootSessions" in iam.list_organizations_features()["EnabledFeatures"],
    )


def _mfa_switched_off(account: Account, group: str) -> HandMadeChange:
    iam = account.admin.client("iam")

    def attached() -> dict[str, str]:
        answer = iam.list_attached_group_policies(GroupName=group)["AttachedPolicies"]
        return {policy["PolicyName"]: policy["PolicyArn"] for policy in answer}

    return HandMadeChange(
        what=f"MFA enforcement taken off {group}",
        make=lambda: iam.detach_group_policy(GroupName=group, PolicyArn=attached()[ENFORCE_MFA_POLICY]),
        is_undone=lambda: ENFORCE_MFA_POLICY in attached(),
    )


def _trust_without_mfa(account: Account, role: str) -> HandMadeChange:
    iam, own = account.admin.client("iam"), account.settings
    central = account_root_arn(own.partition, own.trusted_account_id or "")
    allow = {"Effect": "Allow", "Principal": {"AWS": central}, "Action": "sts:AssumeRole"}
    open_trust = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    return HandMadeChange(
        what=f"a trust of {role} without MFA",
        make=lambda: iam.update_assume_role_policy(RoleName=role, PolicyDocument=open_trust),
        is_undone=lambda: (
            "Condition" in iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
        ),
    )


def _wider_vault_policy(testbed: Testbed, account: Account, role: str) -> HandMadeChange:
    client = testbed.vault()
    name = account.stack.outputs()["vault_policies"][role]

    def rules() -> str:
        return str(client.sys.read_policy(name=name)["data"]["rules"])

    return HandMadeChange(
        what=f"a wider Vault policy {name}",
        make=lambda: client.sys.create_or_update_policy(
            name=name, policy='path "*" { capabilities = ["read"] }'
        ),
        is_undone=lambda: 'path "*"' not in rules(),
    )
