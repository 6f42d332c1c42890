"""Lists a member account's root access keys and, after its account ID was typed, deletes them.

    iam-hardening root-keys --account dev

Works from the organisation's management account (or IAM's delegated administrator), with central root access
on (`organizationRootAccess`): `sts:AssumeRoot` gives a session of the member's root user that is limited by
one of AWS's task policies, one for reading and another for deleting. In the management account itself and in
in an account without an organisation only the root user can do it, and the command says how.

Source: IAM User Guide, "Perform a privileged task on an AWS Organizations member account"; STS API Reference,
"AssumeRoot" (regional endpoints only, 900 s at most, not as root user).
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iam_hardening import config, exit_status
from iam_hardening.aws.naming import iam_arn
from iam_hardening.clients import operator
from iam_hardening.clients.aws import Credentials
from iam_hardening.config.files import settings_of

DONE = exit_status.HOLDS
STOPPED = exit_status.FALSE
COULD_NOT = exit_status.COULD_NOT_RUN

_SESSION_SECONDS = 900
_LOOK, _DELETE = "IAMAuditRootUserCredentials", "IAMDeleteRootUserCredentials"
_NO_ORGANIZATION = "AWSOrganizationsNotInUseException"
_BY_HAND = (
    "Only its root user can delete its root access keys: sign in as the root user, open Security "
    "credentials, Access keys, and delete them there; docs/root-account.md, section 3."
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """The member account. `region` is where STS is asked."""

    account_id: str
    region: str
    partition: str


def run(
    *,
    account: str,
    stack_files: Path | None = None,
    make_client: operator.MakeClient = operator.client,
    ask: operator.Ask = input,
) -> int:
    try:
        target = _target(account, stack_files)
        sts = make_client("sts", target.region, None)
        _check_organization(target, sts, make_client("organizations", target.region, None))
        reader = make_client("iam", target.region, _root_session(sts, target, _LOOK))
        keys = _keys(reader)
        for key in keys:
            print(f"{key['AccessKeyId']}  {key['Status']:8}  made {key['CreateDate']:%Y-%m-%d}")
        if not keys:
            print(f"The root user of {target.account_id} has no access key.")
            return DONE
        print(
            f"These are the access keys of the root user of {target.account_id}. Once deleted they are gone, "
            "and everything\nthat uses them fails; "
            "docs/root-account.md, section 2, says how to find out what does."
        )
        if not operator.confirmed(target.account_id, "the account ID", ask):
            print("Stopped; nothing was deleted.")
            return STOPPED
        deleting = make_client("iam", target.region, _root_session(sts, target, _DELETE))
        for key in keys:
            name = key["AccessKeyId"]
            operator.call(f"Deleting {name}", deleting.delete_access_key, AccessKeyId=name)
            print(f"Deleted {name}.")
        if left := _keys(reader):
            raise operator.CannotError(
                f"Still there: {', '.join(key['AccessKeyId'] for key in left)}. Run again."
            )
    except (operator.CannotError, config.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    print(f"The root user of {target.account_id} has no access key any more.")
    return DONE


def _target(account: str, stack_files: Path | None) -> Target:
    stacks = settings_of(Path.cwd(), stack_files=stack_files, needed=[account])
    if account in stacks:
        own = stacks[account]
        return Target(account_id=own.account_id, region=own.region, partition=own.partition)
    if re.fullmatch(r"[0-9]{12}", account) and stacks:
        # Any of the organisation's accounts, stack or not; the region is only where STS is asked.
        other = next(iter(stacks.values()))
        return Target(account_id=account, region=other.region, partition=other.partition)
    raise operator.CannotError(
        f"--account {account}: neither a stack's name ({', '.join(stacks)}) nor a 12-digit account ID"
    )


def _check_organization(target: Target, sts: Any, organizations: Any) -> None:
    """Whether these credentials can reach the target's root user at all."""
    caller = operator.account_of_credentials(sts)
    try:
        answer = operator.call("Asking for the organisation", organizations.describe_organization)
    except operator.CannotError as problem:
        if _NO_ORGANIZATION not in str(problem):
            raise
        raise operator.CannotError(
            f"The account {caller}, whose credentials these are, is in no organisation. For an account by "
            f"itself: {_BY_HAND}"
        ) from None
    management = answer["Organization"]["MasterAccountId"]
    if target.account_id == management:
        raise operator.CannotError(f"{management} is the organisation's management account. {_BY_HAND}")
    if caller == target.account_id:
        raise operator.CannotError(
            f"These are credentials of {caller} itself; it takes the management account's ({management})."
        )


def _root_session(sts: Any, target: Target, task: str) -> Credentials:
    try:
        answer = operator.call(
            f"A root session in {target.account_id}",
            sts.assume_root,
            TargetPrincipal=target.account_id,
            TaskPolicyArn={"arn": iam_arn(target.partition, "aws", f"policy/root-task/{task}")},
            DurationSeconds=_SESSION_SECONDS,
        )
    except operator.CannotError as problem:
        raise operator.CannotError(
            f"{problem}\nIt takes central root access (organizationRootAccess: true in the management "
            "account's stack file) and credentials of that account, not its root user's, that allow "
            "sts:AssumeRoot."
        ) from None
    return Credentials.of(answer["Credentials"])


def _keys(iam: Any) -> list[dict[str, Any]]:
    """Without a user name the caller's own, which are the root user's."""
    return list(
        operator.call("Listing the root user's access keys", iam.list_access_keys)["AccessKeyMetadata"]
    )
