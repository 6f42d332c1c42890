"""A role's live sessions are ended, as `iam-hardening revoke-sessions` does, and stay ended until that is
lifted."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from iam_hardening import config
from iam_hardening.aws.naming import revocation_policy_name
from iam_hardening.claims.claim import ALLOWED, REFUSED, Claim
from iam_hardening.claims.grants import grants_of
from iam_hardening.clients.aws import Credentials, Session
from iam_hardening.clients.revocations import lift, revoke
from rehearsal.probes import Probe, probes
from rehearsal.recorder import Recorder
from rehearsal.scenarios.assuming import assume, short
from rehearsal.scenarios.cross_account import expected_of
from rehearsal.scenarios.people import Member
from rehearsal.scenarios.person import WITH_MFA
from rehearsal.testbed import Account, Testbed

# They can be repeated and change nothing.
_HARMLESS = {"s3:ListAllMyBuckets", "iam:ListUsers", "ec2:DescribeInstances"}
_IN_PLACE, _GONE = "in place", "gone"


def play(recorder: Recorder, testbed: Testbed, members: list[Member]) -> None:
    """With the first role that a person may assume and do something harmless with."""
    found = next(_candidates(testbed, members), None)
    if found is None:
        recorder.note("No person may assume a role and list something with it: no sessions were ended.")
        return
    account, name, member, probe = found
    with recorder.scenario(f"Sessions of {name} in {account.name} are ended"):
        _play(recorder, account, name, member, probe)


def _candidates(testbed: Testbed, members: list[Member]) -> Iterator[tuple[Account, str, Member, Probe]]:
    if testbed.central is None:
        return
    for account in testbed.workloads:
        arns = account.stack.outputs().get("role_arns", {})
        for name, role in account.settings.cross_account_roles.items():
            probe = _harmless_probe(account, role)
            for member in members:
                expected = expected_of(testbed.central.settings, role, arns[name], member)
                if probe and expected == ALLOWED:
                    yield account, name, member, probe


def _harmless_probe(account: Account, role: config.CrossAccountRole) -> Probe | None:
    grants = grants_of([role], boundary=role.permissions_boundary)
    for probe in probes(account.targets):
        if probe.action not in _HARMLESS:
            continue
        if grants.verdict(probe.action, probe.resource, owner=account.id) == ALLOWED:
            return probe
    return None


def _play(recorder: Recorder, account: Account, name: str, member: Member, probe: Probe) -> None:
    role_arn, policy = account.stack.outputs()["role_arns"][name], revocation_policy_name(name)

    def claim(
        who: str, mfa: str, call: str, claimed: str, reason: str, resource: str = short(role_arn)
    ) -> Claim:
        return Claim(
            who=who,
            mfa=mfa,
            call=call,
            resource=resource,
            account=account.name,
            claimed=claimed,
            reason=reason,
        )

    def session(label: str) -> Session:
        answer = recorder.must(
            claim(
                member.name, WITH_MFA, f"sts:AssumeRole ({label})", ALLOWED, "a group was granted the role"
            ),
            assume(member.mfa, role_arn, member.name),
        )
        return account.admin.with_credentials(Credentials.of(answer["Credentials"]))

    def tries(caller: Session, label: str, claimed: str, reason: str) -> None:
        recorder.judge(
            claim(f"{member.name} as role", WITH_MFA, f"{probe.action} ({label})", claimed, reason),
            lambda: probe.call(caller),
        )

    def policy_is(claimed: str, after: str, reason: str) -> None:
        attached = account.admin.client("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        found = _IN_PLACE if policy in {each["PolicyName"] for each in attached} else _GONE
        recorder.found(claim("deployer", "-", after, claimed, reason, policy), found)

    old = session("first")
    tries(old, "first", ALLOWED, "granted by the stack file")
    revoked = revoke(account.admin.client("iam"), name)
    tries(old, "first, ended", REFUSED, "a session that was lost must not be good for its hour")
    time.sleep(max(0.0, (revoked.moment - datetime.now(UTC)).total_seconds()))
    new = session("second")
    tries(new, "second", ALLOWED, "ended are older sessions, not the role")
    account.stack.up()
    policy_is(_IN_PLACE, "pulumi up", "an up for another reason must not bring old sessions back")
    tries(old, "first, after up", REFUSED, "an up for another reason must not bring old sessions back")
    account.stack.up(refresh=True)
    policy_is(_IN_PLACE, "pulumi up --refresh", "nor must one that looks for changes by hand")
    tries(old, "first, after refresh", REFUSED, "nor must one that looks for changes by hand")
    tries(new, "second, after refresh", ALLOWED, "granted by the stack file")
    lift(account.admin.client("iam"), name)
    policy_is(_GONE, "--lift", "nothing is left of it")
