"""Tutorial section 5: people of the central account assume roles, and everyone else stays outside."""

from iam_hardening import config
from iam_hardening.aws.naming import user_arn
from iam_hardening.claims.claim import ALLOWED, REFUSED, Claim
from iam_hardening.claims.grants import grants_of
from iam_hardening.clients.aws import Credentials, Session
from rehearsal.recorder import Recorder
from rehearsal.scenarios import role_limits, third_party
from rehearsal.scenarios.assuming import assume, short
from rehearsal.scenarios.people import Member, play_probes
from rehearsal.scenarios.person import WITH_MFA, WITHOUT_MFA
from rehearsal.testbed import Account, Testbed


def play(recorder: Recorder, testbed: Testbed, members: list[Member]) -> None:
    for account in testbed.accounts.values():
        arns = account.stack.outputs().get("role_arns", {})
        for name, role in account.settings.cross_account_roles.items():
            with recorder.scenario(f"Role {name} in {account.name}"):
                _play_role(recorder, testbed, account, role, arns[name], members)


def _play_role(
    recorder: Recorder,
    testbed: Testbed,
    account: Account,
    role: config.CrossAccountRole,
    role_arn: str,
    members: list[Member],
) -> None:
    grants = grants_of([role], boundary=role.permissions_boundary)
    if role.is_for_third_party:
        third_party.play(recorder, testbed, account, role, role_arn, grants)
    probed = False
    for member in members:
        session = _member_assumes(recorder, testbed, account, role, role_arn, member)
        if session is not None and not probed:
            probed = True
            play_probes(recorder, account, session, grants, who=f"{member.name} as role", mfa=WITH_MFA)
            role_limits.play(recorder, testbed, account, role, role_arn, member)
    _central_without_mfa(recorder, testbed, account, role, role_arn)
    _stranger(recorder, testbed, account, role_arn)


def _member_assumes(
    recorder: Recorder,
    testbed: Testbed,
    account: Account,
    role: config.CrossAccountRole,
    role_arn: str,
    member: Member,
) -> Session | None:
    """Tries the role without and with an MFA session; answers with a session of the role.

    A code in the AssumeRole call itself is not tried: AWS does not document whether a denial on the
    caller's side sees it.
    """
    central = testbed.central_of(account)
    if central is None:
        return None
    expected = expected_of(central.settings, role, role_arn, member)
    if expected is None:
        recorder.note(f"{member.name}: what may be assumed depends on policies the rehearsal does not know.")
        return None

    def claim(mfa: str, claimed: str, reason: str, call: str = "sts:AssumeRole") -> Claim:
        return Claim(
            who=member.name,
            mfa=mfa,
            call=call,
            resource=short(role_arn),
            account=account.name,
            claimed=claimed,
            reason=reason,
        )

    granted = (
        "a group of theirs was granted exactly this role"
        if expected == ALLOWED
        else "no group of theirs was granted this role"
    )
    if role.is_for_third_party:
        granted = "the role is for a third party, and for no one of the central account"
    recorder.judge(
        claim(WITHOUT_MFA, REFUSED, "a stolen key must not reach any role"),
        assume(member.key, role_arn, member.name),
    )
    made = recorder.judge(claim(WITH_MFA, expected, granted), assume(member.mfa, role_arn, member.name))
    if made.value is None:
        return None
    session = account.admin.with_credentials(Credentials.of(made.value["Credentials"]))
    recorder.found(
        claim(
            WITH_MFA,
            f"account {account.id}",
            "the session is in the role's account",
            "sts:GetCallerIdentity",
        ),
        f"account {session.account_id()}",
    )
    return session


def expected_of(
    central: config.Settings, role: config.CrossAccountRole, role_arn: str, member: Member
) -> str | None:
    """Whether the role lets a person with MFA in; None where the settings alone do not tell."""
    if role.is_for_third_party:
        return REFUSED
    granted_here = any(role_arn in central.groups[group].may_assume for group in member.user.groups)
    granted = ALLOWED if granted_here else member.grants.verdict("sts:AssumeRole", role_arn)
    arn = user_arn(central.partition, central.account_id, member.user.path, member.name)
    if granted == ALLOWED and role.principals and arn not in role.principals:
        return REFUSED
    return granted


def _central_without_mfa(
    recorder: Recorder, testbed: Testbed, account: Account, role: config.CrossAccountRole, role_arn: str
) -> None:
    """The role's own trust must ask for MFA: this administrator is in no group that denies anything."""
    central = testbed.central_of(account)
    if central is None:
        recorder.note(f"{account.name} trusts an account that has no stack here: its people were not played.")
        return
    others_only = role.principals or role.is_for_third_party or role.session_name_is_user_name
    claimed = REFUSED if role.asks_for_mfa or others_only else ALLOWED
    recorder.judge(
        Claim(
            who="deployer of central",
            mfa=WITHOUT_MFA,
            call="sts:AssumeRole",
            resource=short(role_arn),
            account=account.name,
            claimed=claimed,
            reason="the role's trust asks for MFA itself, independent of what the central account allows"
            if role.asks_for_mfa
            else "the stack file says so (requireMfa, principals, trustedAccountId)",
        ),
        assume(central.admin, role_arn, "deployer"),
    )


def _stranger(recorder: Recorder, testbed: Testbed, account: Account, role_arn: str) -> None:
    """An administrator of an account that no one trusts."""
    recorder.judge(
        Claim(
            who="administrator of a third account",
            mfa=WITH_MFA,
            call="sts:AssumeRole",
            resource=short(role_arn),
            account=account.name,
            claimed=REFUSED,
            reason="the role trusts another account and no other",
        ),
        assume(testbed.stranger, role_arn, "stranger"),
    )
