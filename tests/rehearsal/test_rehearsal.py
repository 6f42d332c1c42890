"""The rehearsal itself: green on the shipped stacks, red on the right claims when something is weakened.

The rehearsals of this module run side by side, two at a time: that they do not collide is part of what is
tested. What they prove is what the emulated AWS and the fake providers can show; see docs/emulator.md and
docs/fake-providers.md.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from iam_hardening.commands.report import controls, matrix, write
from iam_hardening.commands.report import recorded as recorded_rehearsal
from tests.rehearsal.conftest import Copy, Rehearsed

pytestmark = pytest.mark.engine

# A third account, whose name sorts before central's: it is deployed first.
_ALPHA = """\
config:
  aws:region: eu-central-1
  aws:allowedAccountIds: ["333333333333"]
  iam-hardening:accountKind: workload
  iam-hardening:centralAccountId: "111111111111"
  iam-hardening:crossAccountRoles:
    reader:
      managedPolicies: [AmazonS3ReadOnlyAccess]
      principals: ["arn:aws:iam::111111111111:user/Auditor"]
"""


@pytest.fixture(scope="module")
def shipped_and_weak_mfa(copy_of_project: Callable[[], Copy]) -> tuple[Rehearsed, Rehearsed]:
    """The project as it is, and another copy whose MFA policy lacks the second statement."""
    shipped, weak = copy_of_project(), copy_of_project()
    # It now denies nothing: there is no resource that is not any resource.
    weak.replace(
        "iam_hardening/aws/policies/people.py",
        '"NotResource": own_user_arns(partition, account_id)',
        '"NotResource": "*"',
    )
    running = shipped.start_with_report(), weak.start_with_report()
    return shipped.ended(running[0]), weak.ended(running[1])


@pytest.fixture(scope="module")
def shipped(shipped_and_weak_mfa: tuple[Rehearsed, Rehearsed]) -> Rehearsed:
    return shipped_and_weak_mfa[0]


@pytest.fixture(scope="module")
def weak_mfa(shipped_and_weak_mfa: tuple[Rehearsed, Rehearsed]) -> Rehearsed:
    return shipped_and_weak_mfa[1]


@pytest.fixture(scope="module")
def third_account_and_weak_trust(copy_of_project: Callable[[], Copy]) -> tuple[Rehearsed, Rehearsed]:
    """A third account deployed before central; beside it a role and a Vault principal that may too much."""
    third, weak = copy_of_project(), copy_of_project()
    (third.folder / "Pulumi.alpha.yaml").write_text(_ALPHA)
    third.replace(
        "Pulumi.central.yaml",
        "managedPolicies: [SecurityAudit]",
        'managedPolicies: [SecurityAudit]\n      mayAssume: ["arn:aws:iam::333333333333:role/reader"]',
    )
    weak.replace(
        "iam_hardening/aws/policies/roles.py", "    if require_mfa:\n        condition |= WITH_MFA\n", ""
    )
    bounded = '            "Resource": issued_users,\n            "Condition": bounded,'
    weak.replace("iam_hardening/aws/policies/vault.py", bounded, '            "Resource": issued_users,')
    running = third.start_with_report(), weak.start_with_report()
    return third.ended(running[0]), weak.ended(running[1])


@pytest.fixture(scope="module")
def third_account(third_account_and_weak_trust: tuple[Rehearsed, Rehearsed]) -> Rehearsed:
    return third_account_and_weak_trust[0]


@pytest.fixture(scope="module")
def weak_trust(third_account_and_weak_trust: tuple[Rehearsed, Rehearsed]) -> Rehearsed:
    return third_account_and_weak_trust[1]


def test_the_shipped_stacks_rehearse_green(shipped: Rehearsed) -> None:
    assert shipped.status == 0, shipped.printed
    assert shipped.report["holds"] is True
    assert not shipped.false_claims
    assert not shipped.false_in_the_matrix
    assert len(shipped.simulated) >= 200
    assert f"All {len(shipped.claims)} claims hold" in shipped.printed


def test_every_scenario_of_the_tutorial_is_played(shipped: Rehearsed) -> None:
    scenarios = {claim["scenario"] for claim in shipped.claims}
    assert scenarios == {
        "Root user's access keys",
        "Account defaults",
        "First day of Administrator",
        "First day of Auditor",
        "Role test_role in dev",
        "Instance HelloWorld in dev",
        "Vault role test for dev",
        "Vault role debug-instance for dev",
        "Vault role verify-data for dev",
        "A lease in dev expires",
        "Vault's own principal in dev",
        "The boundary in dev",
        "Who may do what in central",
        "Who may do what in dev",
        "A second up",
        "Sessions of test_role in dev are ended",
        "Changes made by hand",
        "Secrets stay secret",
        "Destroy",
    }


@pytest.mark.parametrize(
    "who",
    [
        "Administrator",
        "Auditor",
        "instance",
        "vault-secrets-engine",
        "user from Vault's test",
        "token with aws-test",
    ],
)
def test_every_persona_is_allowed_something_and_refused_something(shipped: Rehearsed, who: str) -> None:
    assert {"allowed", "refused"} <= {c["found"] for c in shipped.claims if c["who"] == who}


def test_the_result_says_which_providers_were_used_and_what_that_leaves_unproved(shipped: Rehearsed) -> None:
    assert shipped.report["providers"] == "fake"
    assert any("fake" in sentence for sentence in shipped.report["unproved"])
    assert "Providers: fake providers" in shipped.printed


def test_an_untouched_account_differs_from_the_deployed_ones_in_every_probe(shipped: Rehearsed) -> None:
    compared = shipped.report["comparison"]
    assert len(compared) == 8
    for probe in compared:
        found = dict(probe["found"])
        untouched = found.pop("untouched account")
        assert found, probe["what"]
        assert untouched not in found.values(), probe["what"]


def test_the_report_has_every_claim_and_every_control_is_shown_or_says_why_not(shipped: Rehearsed) -> None:
    recorded = recorded_rehearsal.Rehearsed.model_validate(shipped.report)
    html = write.html(recorded)
    assert f"All {len(shipped.claims)} claims hold" in html
    in_tables = sum(len(cell) for t in matrix.tables(recorded.claims) for row in t.rows for cell in row.cells)
    assert in_tables + len(matrix.other_findings(recorded.claims)) == len(shipped.claims)
    shown = {each.control.asks: each for each in controls.shown(recorded.claims)}
    assert all(each.holds or each.control.otherwise for each in shown.values())
    assert {asks for asks, each in shown.items() if each.control.claims and not each.by} == {
        "central root access in the organisation",
        "root is not used",
        "a role for AWS Support",
        "a trail of all regions, with validated log files",
        "alarms on sign-in without MFA, root use, IAM changes, disabled KMS keys",
        "a third party's other customer has it act on this account",
    }


def test_a_rehearsal_leaves_the_tree_as_it_was(
    copy_of_project: Callable[[], Copy], shipped: Rehearsed
) -> None:
    untouched = copy_of_project()
    for name in ("Pulumi.yaml", "Pulumi.central.yaml", "Pulumi.dev.yaml"):
        assert (untouched.folder / name).read_text() == (Path(__file__).parents[2] / name).read_text()


def test_without_the_second_mfa_statement_a_stolen_administrators_key_is_seen_to_reach_others(
    weak_mfa: Rehearsed,
) -> None:
    assert weak_mfa.status == 1, weak_mfa.printed
    who_and_call = {(who, call) for who, call, _ in weak_mfa.false_claims}
    assert {
        ("Administrator", "iam:EnableMFADevice"),
        ("Administrator", "iam:ListMFADevices"),
        ("Administrator", "iam:GetMFADevice"),
        ("Administrator", "iam:GetUser"),
        ("Administrator", "iam:ResyncMFADevice"),
        # The statement also kept SecurityAudit's reading rights behind MFA.
        ("Auditor", "iam:ListMFADevices"),
        ("Auditor", "iam:GetMFADevice"),
        ("Auditor", "iam:GetUser"),
        # The device that the thief enrolled for someone else is still there.
        ("deployer", "pulumi destroy"),
    } == who_and_call
    others = {
        "EnableMFADevice",
        "ListMFADevices",
        "GetMFADevice",
        "GetUser",
        "ResyncMFADevice",
        "ChangePassword",
    }
    assert weak_mfa.false_in_the_matrix == {
        *(("Administrator", f"iam:{action}") for action in others),
        *(("policy enforce-to-use-mfa", f"iam:{action}") for action in others),
        *(("Auditor", f"iam:{action}") for action in ("ListMFADevices", "GetMFADevice", "GetUser")),
    }
    assert "claims are false" in weak_mfa.printed


def test_a_trust_without_mfa_is_found_by_the_administrator_who_has_none(weak_trust: Rehearsed) -> None:
    assert weak_trust.status == 1, weak_trust.printed
    assert ("deployer of central", "sts:AssumeRole", "dev") in weak_trust.false_claims


def test_a_vault_principal_that_needs_no_boundary_is_found(weak_trust: Rehearsed) -> None:
    assert ("vault-secrets-engine", "iam:CreateUser (no boundary)", "dev") in weak_trust.false_claims


def test_nothing_else_is_found_false_where_trust_and_boundary_are_weakened(weak_trust: Rehearsed) -> None:
    assert {(who, call) for who, call, _ in weak_trust.false_claims} == {
        ("deployer of central", "sts:AssumeRole"),
        ("vault-secrets-engine", "iam:CreateUser (no boundary)"),
        # The user without boundary is there by then.
        ("vault-secrets-engine", "iam:CreateUser"),
        # An up that brings back a trust without MFA undoes nothing.
        ("deployer", "pulumi up"),
    }
    assert weak_trust.false_in_the_matrix == {
        ("role test_role", "sts:AssumeRole"),
        ("vault-secrets-engine", "iam:CreateUser"),
        ("vault-secrets-engine", "iam:PutUserPolicy"),
    }


def test_a_third_account_is_one_new_stack_file_and_may_be_deployed_before_central(
    third_account: Rehearsed,
) -> None:
    assert third_account.status == 0, third_account.printed
    phases = [name for name in third_account.report["phases"] if name.startswith("pulumi up")]
    assert [phase.split()[3] for phase in phases] == ["alpha", "central", "dev"]


def test_a_role_for_named_people_lets_in_them_and_no_administrator(third_account: Rehearsed) -> None:
    found = {
        (c["who"], c["mfa"]): c["found"]
        for c in third_account.claims
        if c["call"] == "sts:AssumeRole" and c["account"] == "alpha"
    }
    assert found[("Auditor", "MFA")] == "allowed"
    assert found[("Auditor", "no MFA")] == "refused"
    assert found[("Administrator", "MFA")] == "refused"


def test_mistakes_in_two_stack_files_are_reported_together_and_nothing_is_started(
    copy_of_project: Callable[[], Copy],
) -> None:
    copy = copy_of_project()
    copy.replace("Pulumi.dev.yaml", "maxLeaseTtl: 1h", "maxLeaseTtl: 10m")
    copy.replace("Pulumi.dev.yaml", "iam-hardening:instance:", "iam-hardening:instanse:")
    copy.replace("Pulumi.central.yaml", "groups: [Auditors]", "groups: [Auditor]")
    result = copy.ended(copy.start())
    assert result.status == 2
    assert 'iam-hardening:instanse: unknown key; did you mean "instance"?' in result.printed
    assert "iam-hardening:vault.defaultLeaseTtl" in result.printed
    assert 'did you mean "Auditors"?' in result.printed
    assert "Starting" not in result.printed
    assert "Traceback" not in result.printed


def test_two_stack_files_for_one_account_are_refused(copy_of_project: Callable[[], Copy]) -> None:
    copy = copy_of_project()
    (copy.folder / "Pulumi.alpha.yaml").write_text(_ALPHA.replace("333333333333", "222222222222"))
    result = copy.ended(copy.start())
    assert result.status == 2
    assert "Pulumi.alpha.yaml and Pulumi.dev.yaml are both for the account 222222222222" in result.printed


def test_values_encrypted_for_the_users_own_stack_are_refused_by_key(
    copy_of_project: Callable[[], Copy],
) -> None:
    copy = copy_of_project()
    with (copy.folder / "Pulumi.dev.yaml").open("a") as file:
        file.write("  iam-hardening:tags:\n    Team:\n      secure: v1:abc\nencryptionsalt: v1:xyz\n")
    result = copy.ended(copy.start())
    assert result.status == 2
    assert "iam-hardening:tags" in result.printed
    assert "Traceback" not in result.printed


def test_installed_providers_that_are_not_installed_are_reported_as_such(
    copy_of_project: Callable[[], Copy],
) -> None:
    copy = copy_of_project()
    result = copy.ended(copy.start("--providers", "installed"))
    assert result.status == 2
    assert "plugin" in result.printed
    assert "Traceback" not in result.printed


def test_a_rehearsal_that_gets_a_signal_ends_everything_it_started(
    copy_of_project: Callable[[], Copy],
) -> None:
    copy = copy_of_project()
    process = copy.start()
    assert process.stdout is not None
    while "pulumi up --stack" not in (line := process.stdout.readline()):
        assert line, "the rehearsal ended before it deployed anything"
    process.terminate()
    result = copy.ended(process)
    assert result.status == 2
    left = subprocess.run(["pgrep", "-f", str(copy.folder)], capture_output=True, text=True, check=False)
    assert left.stdout == ""
