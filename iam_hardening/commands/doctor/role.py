"""The second half: the role in the workload account. Its refusals are explained by the stack files."""

from iam_hardening.aws.naming import role_arn
from iam_hardening.claims.assuming import assuming
from iam_hardening.clients.aws import Credentials
from iam_hardening.commands.doctor.walk import Denied, Step, Trouble, Walk, asking, needed
from iam_hardening.config import CrossAccountRole, Settings

# The shortest session that there is.
_SESSION_SECONDS = 900


def assume(walk: Walk) -> str:
    account, role, name = needed(walk.account), needed(walk.cross_account_role), needed(walk.role)
    if role.is_for_third_party:
        raise Trouble(
            f"{name} is a role for the third party's account {role.trusted_account_id}; no person here "
            "assumes it.",
            f"Choose another ROLE of Pulumi.{account.stack}.yaml.",
        )
    arn = role_arn(account.partition, account.account_id, name)
    sts = walk.client("sts", walk.central.region, walk.credentials)
    try:
        answer = asking(
            walk,
            f"Assuming {arn}",
            sts.assume_role,
            RoleArn=arn,
            RoleSessionName=walk.person,
            DurationSeconds=_SESSION_SECONDS,
        )
    except Denied:
        raise _why_refused(walk, account, role, arn) from None
    walk.in_role = Credentials.of(answer["Credentials"])
    named = f"; the session's name must be {walk.person}" if role.session_name_is_user_name else ""
    return f"{arn}{named}"


def _why_refused(walk: Walk, account: Settings, role: CrossAccountRole, arn: str) -> Trouble:
    """The first reason in the stack files; where they let the person in, what they do not show."""
    central, central_file = walk.central, f"Pulumi.{walk.central.stack}.yaml"
    own_file = f"Pulumi.{account.stack}.yaml"
    refused = f"AWS does not let {walk.person} assume {arn}"
    way = assuming(central, walk.person, account, needed(walk.role))
    if not way.account_is_trusted:
        return Trouble(
            f"{refused}: it trusts the account {account.trusted_account_id}, and {walk.person} is a user of "
            f"{central.account_id}.",
            f"Is centralAccountId right in {own_file}?",
        )
    if way.granted is False:
        return Trouble(
            f"{refused}: none of the groups {', '.join(walk.groups)} may.",
            f"Add it to mayAssume of a group in {central_file}, then pulumi up --stack {central.stack}.",
        )
    if not way.is_named:
        return Trouble(
            f"{refused}: principals of the role name others only.",
            f"Add the person's ARN to principals in {own_file}, then pulumi up --stack {account.stack}.",
        )
    if role.mfa_max_age is not None:
        return Trouble(
            f"{refused}: most likely the MFA code was entered more than {role.mfa_max_age // 60} minutes ago "
            "(mfaMaxAge).",
            f"Take a new session. {walk.session_commands()}",
        )
    return Trouble(
        f"{refused}, and the stack files do not say why. The role is not there yet, or something was changed "
        "by hand.",
        f"pulumi up of {central.stack} and {account.stack}, if that was not done; else iam-hardening verify "
        f"--stack {account.stack} and --stack {central.stack} show what was changed.",
    )


def right_account(walk: Walk) -> str:
    sts = walk.client("sts", walk.central.region, walk.in_role)
    caller = asking(walk, "Where the role is", sts.get_caller_identity)
    expected = needed(walk.account).account_id
    if caller["Account"] != expected:
        raise Trouble(
            f"The role is in the account {caller['Account']}, and not in {expected}.",
            "Is AWS_ENDPOINT_URL set? It should not be.",
        )
    return f"{expected}, as {caller['Arn']}"


STEPS = (Step("role", assume), Step("right account", right_account))
