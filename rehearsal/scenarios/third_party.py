"""A role for a third party's service: its account and the agreed external ID together, neither alone."""

from iam_hardening import config
from iam_hardening.claims.claim import ALLOWED, REFUSED, Claim
from iam_hardening.claims.grants import Grants
from iam_hardening.clients.aws import Credentials
from rehearsal.recorder import Recorder
from rehearsal.scenarios.assuming import assume, short
from rehearsal.scenarios.people import play_probes
from rehearsal.scenarios.person import WITH_MFA, WITHOUT_MFA
from rehearsal.testbed import Account, Testbed

_WHO = "third party"


def play(
    recorder: Recorder,
    testbed: Testbed,
    account: Account,
    role: config.CrossAccountRole,
    role_arn: str,
    grants: Grants,
) -> None:
    service = testbed.third_parties[role.trusted_account_id or ""]
    agreed = role.external_id or ""

    def claim(who: str, mfa: str, call: str, claimed: str, reason: str) -> Claim:
        return Claim(
            who=who,
            mfa=mfa,
            call=call,
            resource=short(role_arn),
            account=account.name,
            claimed=claimed,
            reason=reason,
        )

    deputy = "another customer of the third party could have it act here"
    recorder.judge(
        claim(_WHO, WITHOUT_MFA, "sts:AssumeRole (no ID)", REFUSED, deputy),
        assume(service, role_arn, "service"),
    )
    recorder.judge(
        claim(_WHO, WITHOUT_MFA, "sts:AssumeRole (other ID)", REFUSED, deputy),
        assume(service, role_arn, "service", ExternalId=f"{agreed[:-1]}{'0' if agreed[-1] != '0' else '1'}"),
    )
    recorder.judge(
        claim(
            "administrator of a third account",
            WITH_MFA,
            "sts:AssumeRole (its ID)",
            REFUSED,
            "the external ID is no secret, and no password: the account counts, too",
        ),
        assume(testbed.stranger, role_arn, "stranger", ExternalId=agreed),
    )
    # Named principals are the third party's own; nothing here can act as them.
    if role.principals:
        recorder.note(f"{short(role_arn)} in {account.name}: the third party's principals were not played.")
        return
    made = recorder.judge(
        claim(_WHO, WITHOUT_MFA, "sts:AssumeRole", ALLOWED, "its account, with the agreed external ID"),
        assume(service, role_arn, "service", ExternalId=agreed),
    )
    if made.value is not None:
        session = account.admin.with_credentials(Credentials.of(made.value["Credentials"]))
        play_probes(recorder, account, session, grants, who=f"{_WHO} as role", mfa=WITHOUT_MFA)
