"""The rehearsal of examples/hardened, where everything is on that is off by default."""

from collections.abc import Callable

import pytest

from iam_hardening.commands.report import controls, recorded
from tests.rehearsal.conftest import Copy, Rehearsed

pytestmark = pytest.mark.engine

HARDENED = ("--stack-files", "examples/hardened", "--json", "report.json")


@pytest.fixture(scope="module")
def hardened_and_weak_onboarding(copy_of_project: Callable[[], Copy]) -> tuple[Rehearsed, Rehearsed]:
    """The example as it is, and another copy whose strict onboarding denies the wrong people, and whose
    alarm does not see all that root does at the sign-in service."""
    hardened, weak = copy_of_project(), copy_of_project()
    weak.replace(
        "iam_hardening/aws/policies/people.py",
        '"StringNotEquals": {f"aws:PrincipalTag',
        '"StringEquals": {f"aws:PrincipalTag',
    )
    weak.replace(
        "iam_hardening/aws/event_patterns.py", '[{"exists": False}, _SIGN_IN]', '[{"exists": False}]'
    )
    weak.replace(
        "iam_hardening/aws/event_patterns.py", '{"eventSource": [_SIGN_IN]}', '{"eventSource": ["other"]}'
    )
    running = hardened.start(*HARDENED), weak.start(*HARDENED)
    return hardened.ended(running[0]), weak.ended(running[1])


@pytest.fixture(scope="module")
def hardened(hardened_and_weak_onboarding: tuple[Rehearsed, Rehearsed]) -> Rehearsed:
    return hardened_and_weak_onboarding[0]


@pytest.fixture(scope="module")
def weak_onboarding(hardened_and_weak_onboarding: tuple[Rehearsed, Rehearsed]) -> Rehearsed:
    return hardened_and_weak_onboarding[1]


@pytest.fixture(scope="module")
def weak_roles(copy_of_project: Callable[[], Copy]) -> Rehearsed:
    """Roles that keep nothing of what their settings say, and a revocation that hits the wrong sessions."""
    weak = copy_of_project()
    weak.replace("iam_hardening/aws/policies/roles.py", "if mfa_max_age_seconds is not None:", "if False:")
    weak.replace("iam_hardening/aws/policies/roles.py", "    if session_name_is_user_name:", "    if False:")
    weak.replace(
        "iam_hardening/aws/policies/roles.py", '{"StringEquals": {"sts:ExternalId": external_id}}', "{}"
    )
    weak.replace(
        "iam_hardening/aws/policies/roles.py",
        '"DateLessThan": {"aws:TokenIssueTime"',
        '"DateGreaterThan": {"aws:TokenIssueTime"',
    )
    boundary = "permissions_boundary=managed_policy_arn(boundary, self) if boundary else None,"
    # A Vault node may do anything with any table, and whoever IAM lets uses the seal's key.
    weak.replace("iam_hardening/aws/policies/vault_server.py", '"Resource": table_arn', '"Resource": "*"')
    weak.replace("iam_hardening/aws/policies/vault_server.py", '"dynamodb:DescribeTable",', '"dynamodb:*",')
    weak.replace("iam_hardening/aws/policies/keys.py", '"kms:CancelKeyDeletion",', '"kms:*",')
    weak.replace("components/cross_account.py", boundary, "permissions_boundary=None,")
    weak.replace("components/cross_account.py", "max_session_duration=wanted.max_session_duration,", "")
    # Alarms that are silent, or always loud, and messages that get lost.
    weak.replace("iam_hardening/aws/event_patterns.py", ', "invokedBy": [{"exists": False}, _SIGN_IN]', "")
    weak.replace("iam_hardening/aws/event_patterns.py", '{"anything-but": "Yes"}', '{"anything-but": "No"}')
    weak.replace(
        "iam_hardening/aws/event_patterns.py", '{"prefix": VAULT_USER_NAME_PREFIX}', '{"prefix": "other-"}'
    )
    weak.replace("iam_hardening/aws/policies/alarms.py", '"Action": "sns:Publish"', '"Action": "sns:*"')
    weak.replace(
        "iam_hardening/aws/policies/alarms.py",
        '"Action": ["kms:Decrypt", "kms:GenerateDataKey*"]',
        '"Action": ["kms:Decrypt"]',
    )
    weak.replace("components/trail.py", "is_multi_region_trail=True", "is_multi_region_trail=False")
    weak.replace(
        "iam_hardening/aws/event_patterns.py",
        '_WITH_READ_ONLY_EVENTS = "',
        '_WITH_READ_ONLY_EVENTS = "ENABLED" or "',
    )
    return weak.ended(weak.start(*HARDENED))


def found(rehearsed: Rehearsed, who: str, call: str, account: str = "central") -> dict[str, str]:
    """MFA or no MFA → verdict, the last one where the call was tried more than once."""
    return {
        c["mfa"]: c["found"]
        for c in rehearsed.acted
        if (c["who"], c["call"], c["account"]) == (who, call, account)
    }


def test_every_control_that_names_claims_is_shown_where_everything_is_on(hardened: Rehearsed) -> None:
    claims = recorded.Rehearsed.model_validate(hardened.report).claims
    shown = [each for each in controls.shown(claims) if each.control.claims]
    assert [each.control.asks for each in shown if not each.holds] == []


def test_the_hardened_example_rehearses_green(hardened: Rehearsed) -> None:
    assert hardened.status == 0, hardened.printed
    assert hardened.report["holds"] is True


@pytest.mark.parametrize("who", ["Administrator", "Auditor", "break-glass"])
def test_who_is_not_marked_as_new_enrols_nothing_and_marks_nobody(hardened: Rehearsed, who: str) -> None:
    for call in ("iam:EnableMFADevice (not marked)", "iam:ChangePassword (not marked)", "iam:TagUser (mark)"):
        assert found(hardened, who, call) == {"no MFA": "refused"}
    assert found(hardened, who, "iam:EnableMFADevice") == {"no MFA": "allowed"}


@pytest.mark.parametrize("who", ["Administrator", "Auditor", "break-glass"])
def test_who_is_through_changes_the_password_with_mfa_only(hardened: Rehearsed, who: str) -> None:
    assert found(hardened, who, "iam:ChangePassword (through)") == {"no MFA": "refused", "MFA": "allowed"}


def test_a_user_under_a_path_enrols_and_manages_keys_as_anyone(hardened: Rehearsed) -> None:
    own = {
        (c["call"], c["mfa"]): c["found"]
        for c in hardened.acted
        if c["who"] == "Auditor" and c["resource"] == "user/people/audit/Auditor"
    }
    assert own["iam:EnableMFADevice", "no MFA"] == "allowed"
    assert own["iam:CreateAccessKey", "MFA"] == "allowed"
    assert own["iam:CreateAccessKey", "no MFA"] == "refused"
    assert own["iam:TagUser", "MFA"] == "refused"


def test_the_break_glass_user_administers_with_mfa_and_makes_no_key(hardened: Rehearsed) -> None:
    assert found(hardened, "break-glass", "iam:CreateUser") == {"no MFA": "refused", "MFA": "allowed"}
    own_keys = {
        c["found"]
        for c in hardened.claims
        if (c["who"], c["call"], c["resource"]) == ("break-glass", "iam:CreateAccessKey", "user/break-glass")
    }
    assert own_keys == {"refused"}


@pytest.mark.parametrize(("role", "account"), [("support", "central"), ("security-audit", "dev")])
def test_a_standard_role_lets_in_with_mfa_whom_the_groups_grant_it(
    hardened: Rehearsed, role: str, account: str
) -> None:
    verdicts = {
        c["mfa"]: c["found"]
        for c in hardened.claims
        if (c["scenario"], c["who"], c["call"]) == (f"Role {role} in {account}", "Auditor", "sts:AssumeRole")
    }
    assert verdicts == {"no MFA": "refused", "MFA": "allowed"}


@pytest.mark.parametrize(("role", "account"), [("security-audit", "central"), ("support", "dev")])
def test_a_standard_role_that_no_group_was_granted_lets_the_auditor_not_in(
    hardened: Rehearsed, role: str, account: str
) -> None:
    verdicts = {
        c["found"]
        for c in hardened.claims
        if (c["scenario"], c["who"], c["call"]) == (f"Role {role} in {account}", "Auditor", "sts:AssumeRole")
    }
    assert verdicts == {"refused"}


def test_an_onboarding_that_denies_the_wrong_people_is_found(weak_onboarding: Rehearsed) -> None:
    assert weak_onboarding.status == 1, weak_onboarding.printed
    for who in ("Administrator", "Auditor"):
        assert (who, "iam:EnableMFADevice (not marked)", "central") in weak_onboarding.false_claims


def test_what_a_role_keeps_out_is_tried_and_would_be_seen_to_get_in(weak_roles: Rehearsed) -> None:
    assert weak_roles.status == 1, weak_roles.printed
    assert {
        ("Administrator", "sts:AssumeRole (old MFA)"),
        ("Administrator", "sts:AssumeRole (other name)"),
        ("Administrator", "sts:AssumeRole (7200 s)"),
        ("Administrator as role", "s3:PutObject"),
        ("Administrator as role", "s3:ListAllMyBuckets (first, ended)"),
        ("third party", "sts:AssumeRole (no ID)"),
        ("third party", "sts:AssumeRole (other ID)"),
        ("instance of Vault", "dynamodb:DeleteTable"),
        ("instance of Vault", "dynamodb:GetItem"),
        ("instance of Vault", "dynamodb:Scan"),
        ("deployer", "kms:Decrypt"),
    } <= {(who, call) for who, call, _ in weak_roles.false_claims}


@pytest.mark.parametrize(
    "what",
    [
        "AWS acts in root's name, us-east-1",
        "root reads only, us-east-1",
        "a user signs in without MFA, eu-central-1",
        "a user signs in with MFA, eu-central-1",
        "a user gives one of Vault's a password, us-east-1",
        "break-glass reads only, eu-central-1",
    ],
)
def test_an_alarm_that_is_silent_or_always_loud_is_found(
    hardened: Rehearsed, weak_roles: Rehearsed, what: str
) -> None:
    def holds(rehearsed: Rehearsed) -> set[bool]:
        return {c["holds"] for c in rehearsed.claims if c["resource"] == what}

    assert holds(hardened) == {True}
    assert False in holds(weak_roles)


@pytest.mark.parametrize(
    "what",
    ["root clicks in the console, us-east-1", "root uses aws login, recorded as a service event, us-east-1"],
)
def test_an_alarm_on_root_that_leaves_the_sign_in_service_out_is_found(
    hardened: Rehearsed, weak_onboarding: Rehearsed, what: str
) -> None:
    assert {c["holds"] for c in hardened.claims if c["resource"] == what} == {True}
    assert {c["holds"] for c in weak_onboarding.claims if c["resource"] == what} == {False}


def test_a_message_that_would_be_lost_and_a_trail_that_is_blind_are_found(weak_roles: Rehearsed) -> None:
    assert {
        ("deployer", "sns:Publish", "dev"),
        ("EventBridge", "kms:GetKeyPolicy", "dev"),
        ("deployer", "cloudtrail:GetTrail", "central"),
    } <= weak_roles.false_claims
