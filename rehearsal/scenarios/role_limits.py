"""What a role's settings keep out although the person may assume it: too long, MFA too old, another name."""

from iam_hardening import config
from iam_hardening.claims.claim import ALLOWED, REFUSED, Claim
from rehearsal.recorder import Recorder
from rehearsal.scenarios.assuming import assume, short
from rehearsal.scenarios.people import Member
from rehearsal.scenarios.person import WITH_MFA
from rehearsal.testbed import Account, Testbed

_TOO_LONG = "ValidationError"
_NO_BOUNDARY = "no boundary"


def play(
    recorder: Recorder,
    testbed: Testbed,
    account: Account,
    role: config.CrossAccountRole,
    role_arn: str,
    member: Member,
) -> None:
    """`member` is a person who has assumed the role a moment ago."""

    def claim(call: str, claimed: str, reason: str) -> Claim:
        return Claim(
            who=member.name,
            mfa=WITH_MFA,
            call=call,
            resource=short(role_arn),
            account=account.name,
            claimed=claimed,
            reason=reason,
        )

    longest = role.max_session_duration
    recorder.judge(
        claim(f"sts:AssumeRole ({longest} s)", ALLOWED, "maxSessionDuration of the stack file"),
        assume(member.mfa, role_arn, member.name, DurationSeconds=longest),
    )
    recorder.judge(
        claim(f"sts:AssumeRole ({longest + 1} s)", _TOO_LONG, "no session outlives maxSessionDuration"),
        assume(member.mfa, role_arn, member.name, DurationSeconds=longest + 1),
    )
    if role.session_name_is_user_name:
        recorder.judge(
            claim("sts:AssumeRole (other name)", REFUSED, "CloudTrail says who it was by the session's name"),
            assume(member.mfa, role_arn, "somebody-else"),
        )
    if role.mfa_max_age is not None:
        testbed.make_mfa_older(role.mfa_max_age)
        try:
            recorder.judge(
                claim("sts:AssumeRole (old MFA)", REFUSED, "the code was entered longer ago than mfaMaxAge"),
                assume(member.mfa, role_arn, member.name),
            )
        finally:
            testbed.make_mfa_older(0)
