"""Who gets which denial by an up, what it takes away, which quotas are passed: from small estates."""

import random
from collections.abc import Sequence

import pytest

from iam_hardening.commands.adopt.after_the_up import AfterTheUp, Iam, after
from iam_hardening.commands.adopt.findings import Adoption
from iam_hardening.commands.adopt.lookups import Existing
from iam_hardening.commands.adopt.scratch import Step
from tests.unit import adoption
from tests.unit.adoption import (
    USED,
    account,
    arn_of,
    as_role,
    as_user,
    attach,
    attach_to_role,
    changed,
    deleted,
    detach,
    holding,
    join,
    of_aws,
    policy,
    step,
    text,
    warned,
)

ENFORCE = "enforce-to-use-mfa"
WITHOUT_MFA = {
    "Effect": "Deny",
    "NotAction": ["iam:EnableMFADevice"],
    "Resource": "*",
    "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
}
REGIONS = {
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}},
}
QUEUES = {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}
READS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
WRITES = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}


def up(existing: Existing, *steps: Step) -> AfterTheUp:
    return AfterTheUp(Adoption(steps={each.urn: each for each in steps}), existing)


# --- Denials


def test_denials_are_distinguished_by_what_they_are_about() -> None:
    existing = account(users={"alice": {}})
    found = up(
        existing,
        policy(ENFORCE, WITHOUT_MFA),
        policy("guard", READS, REGIONS),
        policy("reads", READS),
        *(attach("new", f"new-{name}") for name in (ENFORCE, "guard", "reads")),
        join("alice", "new"),
    )
    assert {name: each.about_mfa for name, each in found.judged.whole.items()} == {
        ENFORCE: True,
        "guard": False,
    }


def test_an_attachment_whose_policy_is_not_made_yet_is_known_by_its_name() -> None:
    steps = [
        policy("guard", REGIONS),
        step("aws:iam/policy:Policy", "Developers-assume-roles", name="assume-roles-Developers", policy="{}"),
        attach("Developers", "Developers-enforce-mfa"),
        attach("Developers", "Developers-guard"),
        attach("Developers", "Developers-assume-roles"),
        attach("Developers", "Developers-ReadOnlyAccess", of_aws("ReadOnlyAccess")),
    ]
    now = after(Iam(), steps)
    assert now.policies_of["group", "Developers"] == {
        ENFORCE,
        "guard",
        "ReadOnlyAccess",
        "assume-roles-Developers",
    }


def _brute_force(
    members: dict[str, set[str]],
    holders: dict[str, set[str]],
    joins: dict[str, set[str]],
    leaves: dict[str, set[str]],
    attached: dict[str, set[str]],
) -> dict[str, set[str]]:
    """Every pair of person and denial alone, from the five lists alone."""
    found: dict[str, set[str]] = {}
    for user in members:
        for denial in (ENFORCE, "guard"):
            was = any(denial in holders.get(group, set()) for group in members[user])
            groups = (members[user] - leaves.get(user, set())) | joins.get(user, set())
            will = any(denial in holders.get(group, set()) | attached.get(group, set()) for group in groups)
            if will and not was:
                found.setdefault(user, set()).add(denial)
    return found


@pytest.mark.parametrize("seed", range(200))
def test_nobody_gets_a_denial_without_being_named(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - estates to try, the same in every run
    groups, users = ["a", "b", "c"], ["u", "v", "w", "x"]

    def some(of: Sequence[str]) -> set[str]:
        return {each for each in of if chance.random() < 0.4}

    members = {user: some(groups) for user in users if chance.random() < 0.8}
    holders = {group: some([ENFORCE, "guard", "reads"]) for group in groups}
    joins = {user: some(groups) for user in users if chance.random() < 0.6}
    # The stack made these memberships, and no longer asks for them.
    leaves = {user: some(groups) for user in joins if chance.random() < 0.5}
    attached = {group: some([ENFORCE, "guard", "reads"]) for group in groups}
    existing = account(
        users={user: {"GroupList": sorted(own)} for user, own in members.items()},
        groups={group: holding(*map(arn_of, sorted(own))) for group, own in holders.items()},
    )
    steps = [policy(ENFORCE, WITHOUT_MFA), policy("guard", REGIONS), policy("reads", READS)]
    steps += [
        join(user, *sorted(own), before=sorted(leaves[user]) if user in leaves else None)
        for user, own in joins.items()
    ]
    steps += [
        attach(group, f"{group}-{'enforce-mfa' if name == ENFORCE else name}")
        for group, own in attached.items()
        for name in own
    ]
    found = up(existing, *steps).denied
    assert {name: {denial.policy for denial in own} for (_, name), own in found.items()} == _brute_force(
        members, holders, joins, leaves, attached
    )


def test_a_policy_that_changes_tells_its_holders_of_the_new_denial() -> None:
    existing = account(
        policies={"guard": text(READS, QUEUES)},
        users={"alice": {"GroupList": ["Developers"]}, "bob": {}},
        groups={"Developers": holding(arn_of("guard"))},
        roles={"ci": holding(arn_of("guard"))},
        iam=adoption.Iam(keys={"alice": ["AKIA1"]}, role_uses={"ci": USED}),
    )
    said = warned(existing, policy("guard", READS, QUEUES, REGIONS, old=text(READS, QUEUES)))
    assert "user alice gets the denials of guard (which changes)" in said
    assert "role ci (last used 2026-01-31 in eu-west-1) gets the denials of guard (which changes)" in said
    uses = "the access key AKIA1 (never used so far) is subject to the denials of guard"
    assert any(uses in each for each in said)
    assert "bob" not in str(said)
    assert warned(existing, policy("guard", READS, QUEUES, old=text(READS, QUEUES))) == []
    assert warned(existing, policy("guard", QUEUES, READS, WRITES, old=text(READS, QUEUES))) == []


def test_a_denying_policy_of_awss_is_read() -> None:
    iam = adoption.Iam(
        of_aws={
            "AWSDenyAll": {"Statement": [{"Effect": "Deny", "Action": ["*"], "Resource": "*"}]},
            "ReadOnlyAccess": {"Statement": [READS]},
        }
    )
    existing = account(
        users={"alice": {"GroupList": ["Leavers"]}}, groups={"Leavers": {}}, roles={"ci": {}}, iam=iam
    )
    said = warned(
        existing,
        attach("Leavers", "Leavers-AWSDenyAll", of_aws("AWSDenyAll")),
        attach("Leavers", "Leavers-ReadOnlyAccess", of_aws("ReadOnlyAccess")),
        attach_to_role("ci", "ci-AWSDenyAll", of_aws("AWSDenyAll")),
    )
    assert "user alice gets the denials of AWSDenyAll" in said
    assert "role ci (AWS reports no use in 400 days) gets the denials of AWSDenyAll" in said
    assert "ReadOnlyAccess" not in str(said)


def test_who_joins_a_group_that_is_there_gets_the_denials_that_somebody_put_on_it() -> None:
    inline = {"PolicyName": "own", "PolicyDocument": {"Statement": [QUEUES]}}
    existing = account(
        policies={"by-hand": text(REGIONS)},
        users={"alice": {}},
        groups={"Guarded": holding(arn_of("by-hand"), GroupPolicyList=[inline])},
    )
    said = warned(existing, join("alice", "Guarded"))
    assert said == [
        "user alice joins Guarded and gets the denials of by-hand and own (inline, group Guarded)"
    ]


def test_a_text_that_is_known_only_during_the_up_is_said_to_be_not_judged() -> None:
    existing = account(
        policies={"changes": text(READS)},
        users={"alice": {"GroupList": ["Developers"]}},
        groups={"Developers": holding(arn_of("changes"))},
    )
    said = warned(
        existing,
        policy("later"),
        attach("Developers", "Developers-later"),
        policy("unheld"),
        policy("changes", old=text(READS)),
    )
    why = "not judged, because its text is known only during the up"
    assert said == [
        f"policy later, which holds for user alice: {why}",
        f"policy changes, which holds for user alice: {why}",
    ]


# --- What stops with a denial


def test_credentials_that_carry_no_mfa_are_named_with_their_last_use() -> None:
    iam = adoption.Iam(
        devices=["alice"],
        keys={"alice": ["AKIA1"]},
        key_uses={"AKIA1": {"ServiceName": "s3", **USED}},
        others={
            "ListSSHPublicKeys": {"alice": [{"SSHPublicKeyId": "APKA1", "Status": "Active"}]},
            "ListServiceSpecificCredentials": {
                "alice": [
                    {
                        "ServiceSpecificCredentialId": "ACCA1",
                        "Status": "Active",
                        "ServiceName": "bedrock.amazonaws.com",
                    },
                    {"ServiceSpecificCredentialId": "ACCA2", "Status": "Inactive", "ServiceName": "x"},
                ]
            },
            "ListSigningCertificates": {"alice": [{"CertificateId": "ASCA1", "Status": "Active"}]},
        },
    )
    existing = account(users={"alice": {}, "bob": {}}, iam=iam)
    said = warned(
        existing,
        policy(ENFORCE, WITHOUT_MFA),
        attach("People", "People-enforce-mfa"),
        join("alice", "People"),
    )
    named = [
        line.split(" is refused")[0].split(" uses the ")[-1]
        for line in said
        if "everything that uses" in line
    ]
    assert named == [
        "access key AKIA1 (last used 2026-01-31 for s3 in eu-west-1) without MFA",
        "SSH key APKA1, which carries no MFA,",
        "service credential ACCA1 for bedrock.amazonaws.com, which carries no MFA,",
        "signing certificate ASCA1, which carries no MFA,",
    ]
    assert "without an MFA device" not in str(said)


def _joining(user: str) -> list[Step]:
    return [policy(ENFORCE, WITHOUT_MFA), attach("People", "People-enforce-mfa"), join(user, "People")]


def test_a_caller_with_a_key_is_warned_and_one_in_a_session_only_if_it_has_no_mfa() -> None:
    with_device = account(users={"alice": {}}, iam=adoption.Iam(devices=["alice"]))
    without = account(users={"alice": {}})
    session = as_user("alice", is_temporary=True)
    assert (
        "Run the up in a session with MFA"
        in warned(with_device, *_joining("alice"), caller=as_user("alice"))[0]
    )
    assert "If this session has no MFA" in warned(with_device, *_joining("alice"), caller=session)[0]
    # A session of someone who has no device has none.
    assert "Run the up in a session with MFA" in warned(without, *_joining("alice"), caller=session)[0]
    assert not any(
        "you are" in line for line in warned(with_device, *_joining("alice"), caller=as_user("bob"))
    )
    guarded = [policy("guard", REGIONS), attach("People", "People-guard"), join("alice", "People")]
    assert warned(with_device, *guarded, caller=session)[0].endswith("Run the up as someone else")


def test_a_session_of_a_role_that_loses_inline_policies_or_gets_a_denial_is_the_callers() -> None:
    existing = account(roles={"deployer": {}})
    exclusive = step(
        "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive",
        "deployer",
        {"roleName": "deployer", "policyNames": ["own", "kept"]},
        roleName="deployer",
        policyNames=["kept"],
    )
    (said,) = warned(existing, exclusive, caller=as_role("deployer"))
    assert said.startswith("role deployer: its inline policies own go")
    assert said.endswith("You are in a session of this role: run the up as someone else")
    (said,) = warned(existing, exclusive, caller=as_role("other"))
    assert "You are" not in said
    denying = [policy("guard", REGIONS), attach_to_role("deployer", "deployer-guard")]
    (said,) = warned(existing, *denying, caller=as_role("deployer"))
    assert said.endswith("You are in a session of this role: run the up as someone else")


# --- What is taken away


def test_memberships_and_attachments_that_the_stack_no_longer_asks_for_are_taken_away() -> None:
    existing = account(
        policies={"deploy": text(WRITES), "guard": text(REGIONS)},
        users={
            "alice": {"GroupList": ["A", "B"]},
            "bob": {"GroupList": ["A"]},
            "carol": {"GroupList": ["C"]},
        },
        groups={
            "A": holding(arn_of("deploy"), of_aws("ReadOnlyAccess")),
            "B": holding(of_aws("ReadOnlyAccess")),
            "C": holding(arn_of("guard")),
        },
        roles={"ci": holding(arn_of("deploy"))},
        iam=adoption.Iam(role_uses={"ci": USED}),
    )
    ends = ": what needs that is refused from then on"
    # B gives alice ReadOnlyAccess all the same.
    assert warned(existing, join("alice", "B", before=["A", "B"])) == [
        f"user alice leaves A and loses deploy{ends}"
    ]
    # Deleted with the person's entry in the file.
    membership = step(
        "aws:iam/userGroupMembership:UserGroupMembership", "bob", {"user": "bob", "groups": ["A"]}
    )
    assert warned(existing, membership, caller=as_user("bob")) == [
        f"user bob leaves A and loses ReadOnlyAccess, deploy{ends}. You are bob: run the up as someone else"
    ]
    assert warned(existing, detach("role", "ci", arn_of("deploy"))) == [
        f"role ci (last used 2026-01-31 in eu-west-1) loses deploy{ends}"
    ]
    assert warned(existing, detach("group", "A", arn_of("deploy"))) == [
        f"user alice loses deploy{ends}",
        f"user bob loses deploy{ends}",
    ]
    # Losing a policy that only denies stops nothing.
    assert warned(existing, join("carol", before=["C"])) == []


def test_an_attachment_that_is_replaced_takes_the_old_policy_and_gives_the_new_one() -> None:
    existing = account(
        policies={"old": text(WRITES), "new": text(QUEUES)},
        users={"alice": {"GroupList": ["A"]}},
        groups={"A": holding(arn_of("old"))},
    )
    replaced = step(
        "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
        "A-own",
        {"group": "A", "policyArn": arn_of("old")},
        group="A",
        policyArn=arn_of("new"),
    )
    said = warned(existing, replacements=[replaced])
    assert said == [
        "user alice gets the denials of new",
        "user alice loses old: what needs that is refused from then on",
    ]


def test_an_exclusive_attachment_takes_what_it_does_not_list() -> None:
    existing = account(policies={"own": text(WRITES)}, roles={"ci": holding(arn_of("own"), of_aws("A"))})
    exclusive = step(
        "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
        "ci",
        roleName="ci",
        policyArns=[of_aws("A")],
    )
    (said,) = warned(existing, exclusive)
    assert said.startswith("role ci (AWS reports no use in 400 days) loses own")


def test_who_is_deleted_is_named_with_what_is_in_use() -> None:
    existing = account(
        policies={"own": text(WRITES)},
        users={"alice": {"GroupList": ["A"]}, "bob": {"GroupList": ["A"]}},
        groups={"A": holding(arn_of("own"))},
        roles={"ci": {}},
        iam=adoption.Iam(keys={"bob": ["AKIA1"]}, key_uses={"AKIA1": {"ServiceName": "s3", **USED}}),
    )
    said = warned(existing, deleted("user", "bob"), deleted("role", "ci"), deleted("group", "A"))
    assert said == [
        "user bob is deleted, with password and devices; active access keys: AKIA1 (last used 2026-01-31 "
        "for s3 in eu-west-1)",
        "role ci (AWS reports no use in 400 days) is deleted: its users are refused then",
        "group A is deleted; members: alice, bob",
        "user alice leaves A and loses own: what needs that is refused from then on",
    ]


def test_a_policy_that_allows_less_is_said_to_its_holders_and_to_those_whose_boundary_it_is() -> None:
    bound = {"PermissionsBoundary": {"PermissionsBoundaryArn": arn_of("own")}}
    existing = account(
        policies={"own": text(READS, WRITES)},
        users={"alice": {"GroupList": ["A"]}, "bob": {}},
        groups={"A": holding(arn_of("own"))},
        roles={"ci": holding(arn_of("own")), "limited": bound},
    )
    less = policy("own", READS, old=text(READS, WRITES))
    (said,) = warned(existing, less, caller=as_role("ci"))
    assert said.startswith(
        "policy own, held by user alice, role ci and the boundary of role limited, no longer"
    )
    assert "no longer allows s3:PutObject as it did" in said
    assert said.endswith("You are in a session of this role: run the up as someone else")
    assert warned(existing, policy("own", WRITES, READS, old=text(READS, WRITES))) == []
    assert warned(account(policies={"own": text(READS, WRITES)}), less) == []


# --- What changes in place


def trust(principal: object, **condition: object) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return text(statement | ({"Condition": condition} if condition else {}))


def test_principals_that_a_role_no_longer_trusts_are_reported() -> None:
    def trusts(old: str, new: str, by: str = "other") -> list[str]:
        existing = account(roles={"r": {}}, iam=adoption.Iam(role_uses={"r": USED}))
        change = changed("role", "r", {"assumeRolePolicy": old}, {"assumeRolePolicy": new})
        return warned(existing, change, caller=as_role(by))

    root, other = {"AWS": "arn:aws:iam::1:root"}, {"AWS": ["arn:aws:iam::1:root", "arn:aws:iam::9:root"]}
    (said,) = trusts(trust(other), trust(root))
    assert said.startswith("role r (last used 2026-01-31 in eu-west-1) no longer trusts arn:aws:iam::9:root")
    (said,) = trusts(trust(root), trust(root, Bool={"aws:MultiFactorAuthPresent": "true"}))
    assert "on other conditions (aws:MultiFactorAuthPresent)" in said
    (said,) = trusts(trust(other), trust(root), "r")
    assert said.endswith("You are in a session of this role")
    assert trusts(trust(root), trust(other)) == []


def test_a_boundary_that_is_set_changed_or_removed_is_reported() -> None:
    existing = account(users={"alice": {}}, roles={"ci": {}})
    one, two = {"permissionsBoundary": arn_of("one")}, {"permissionsBoundary": arn_of("two")}
    (said,) = warned(existing, changed("user", "alice", {}, one), caller=as_user("alice"))
    assert said.startswith(
        "user alice gets the permissions boundary one: what that does not allow is refused"
    )
    assert said.endswith("You are alice: run the up as someone else")
    (said,) = warned(existing, changed("role", "ci", one, two))
    assert said.startswith("role ci gets the permissions boundary two instead of one:")
    (said,) = warned(existing, changed("role", "ci", one, {}))
    assert said.startswith("role ci loses the permissions boundary one")
    assert warned(existing, changed("role", "ci", one, one)) == []


@pytest.mark.parametrize(
    ("was", "will", "is_said"),
    [(43200, 3600, True), (7200, None, True), (3600, 43200, False), (None, 3600, False)],
)
def test_a_role_whose_sessions_get_shorter_is_reported(
    was: int | None, will: int | None, is_said: bool
) -> None:
    existing = account(roles={"r": {}})
    inputs = [{"maxSessionDuration": each} if each else {} for each in (was, will)]
    said = warned(existing, changed("role", "r", inputs[0], {"path": "/"} | inputs[1]))
    assert bool(said) is is_said
    if said:
        assert f"its sessions last at most 3600 s instead of {was} s" in said[0]


def test_a_path_that_changes_is_reported_with_what_names_the_old_arn() -> None:
    moved = "arn:aws:iam::111111111111:user/people/alice"
    existing = account(
        policies={
            "names": text({**READS, "Resource": moved}),
            "others": text({**READS, "Resource": f"{moved}2"}),
        },
        users={"alice": {}},
        roles={"r": {"AssumeRolePolicyDocument": {"Statement": [{"Principal": {"AWS": moved}}]}}},
    )
    (said,) = warned(existing, changed("user", "alice", {"path": "/people/"}, {"path": "/"}))
    assert said.startswith("user alice moves from /people/ to /, and so has another ARN")
    assert said.endswith("the old ARN is in: policy names, the trust policy of role r")


def test_tags_that_go_or_change_are_reported_and_new_ones_are_not() -> None:
    existing = account(users={"alice": {}})
    was, will = (
        {"tags": {"team": "red", "recorder": "a", "same": "x"}},
        {"tags": {"recorder": "b", "same": "x", "new": "y"}},
    )
    (said,) = warned(existing, changed("user", "alice", was, will))
    assert said.startswith(
        "user alice loses the tags team=red, recorder=a (now b): conditions that ask for them"
    )
    assert warned(existing, changed("user", "alice", {"tags": {}}, will)) == []


# --- Quotas


def test_fixed_quotas_and_those_that_can_be_raised_are_reported_as_such() -> None:
    def holds(count: int) -> dict[str, object]:
        return holding(*(arn_of(f"p{n}") for n in range(count)))

    existing = account(
        users={
            "alice": {"GroupList": [f"g{n}" for n in range(10)]},
            "bob": {"GroupList": ["g1"]},
            "u": holds(10),
        },
        groups={"g": holds(10)},
        roles={"r": holds(20)},
        policies={"new": text(READS)},
    )
    said = warned(
        existing,
        join("alice", "new"),
        join("bob", "g2"),
        attach("g", "g-new", arn_of("new")),
        attach_to_role("r", "r-new", arn_of("new")),
    )
    assert [line.split(";")[0] for line in said] == [
        "user alice would be in 11 groups",
        "group g would hold 11 managed policies",
        "role r would hold 21 managed policies",
    ]
    assert "cannot be raised" in said[1]
    assert "AWS allows 20 here, a quota that can be raised" in said[2]
    assert warned(existing) == []


@pytest.mark.parametrize(("accounts", "is_too_long"), [(40, False), (120, True)])
def test_a_trust_policy_is_held_against_the_quota_of_the_account(accounts: int, is_too_long: bool) -> None:
    trusted = text(*({"Principal": {"AWS": f"{number:012}"}} for number in range(accounts)))
    made = changed("role", "r", {"maxSessionDuration": 3600}, {"assumeRolePolicy": trusted})
    said = [line for line in warned(account(roles={"r": {}}), made) if "would have" in line]
    assert bool(said) == is_too_long
    assert all("; AWS allows 4096 here, a quota that can be raised" in line for line in said)


# --- What may not be read


@pytest.mark.parametrize(
    ("operation", "line"),
    [
        ("ListMFADevices", "not judged: who has no MFA device; it takes iam:ListMFADevices"),
        ("ListAccessKeys", "not judged: access keys of people who get a denial; it takes iam:ListAccessKeys"),
        (
            "ListSSHPublicKeys",
            "not judged: SSH keys of people who get a denial; it takes iam:ListSSHPublicKeys",
        ),
        ("GetAccountSummary", "not judged: quotas; it takes iam:GetAccountSummary"),
    ],
)
def test_one_missing_permission_leaves_out_one_part(operation: str, line: str) -> None:
    steps = [*_joining("alice"), changed("role", "r", {"maxSessionDuration": 7200}, {"path": "/"})]

    def said(*refused: str) -> list[str]:
        iam = adoption.Iam(keys={"alice": ["AKIA1"]}, refused=refused)
        return warned(account(users={"alice": {}}, roles={"r": {}}, iam=iam), *steps)

    # Two parts need the account's details only, and stay.
    assert said(operation)[-1] == line
    assert "user alice joins People and gets the denials of enforce-to-use-mfa" in said(operation)
    assert any(each.startswith("role r") for each in said(operation))
    assert not any("not judged" in each for each in said())


def test_a_last_use_or_text_that_may_not_be_read_leaves_the_rest_of_its_sentence() -> None:
    iam = adoption.Iam(
        keys={"alice": ["AKIA1"]}, refused=["GetAccessKeyLastUsed", "GetRole", "GetPolicyVersion"]
    )
    existing = account(users={"alice": {}}, roles={"r": {}}, iam=iam)
    said = warned(
        existing,
        *_joining("alice"),
        attach("People", "People-AWSDenyAll", of_aws("AWSDenyAll")),
        changed("role", "r", {"maxSessionDuration": 7200}, {"path": "/"}),
    )
    assert any(
        "AKIA1 (its last use was not read: it takes iam:GetAccessKeyLastUsed)" in line for line in said
    )
    assert any(line.startswith("role r (its last use was not read: it takes iam:GetRole)") for line in said)
    assert (
        "policy AWSDenyAll, which holds for user alice: not judged, because it takes iam:GetPolicyVersion to "
        "read it" in said
    )
