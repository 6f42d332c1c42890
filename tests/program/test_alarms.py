"""Which alarms a stack file leads to, and where."""

from collections.abc import Callable

import pulumi
import pytest

from tests.recorder import Recorder
from tests.stack_files import config_of

RunProgram = Callable[..., Recorder]

RULE = "aws:cloudwatch/eventRule:EventRule"
TRAIL = "aws:cloudtrail/trail:Trail"
RULES = {
    "rootActivity": "root-activity",
    "signInWithoutMfa": "sign-in-without-mfa",
    "iamChanges": "iam-changes",
    "breakGlassUse": "break-glass-use",
    "vaultUsersTouched": "vault-users-touched",
    "keyChanges": "key-changes",
}
ABOUT_IAM = {"iam-changes", "vault-users-touched"}


def rules_of(run_program: RunProgram, stack: str, **alarms: object) -> set[str]:
    """With a break-glass user in central; dev has Vault."""
    config = config_of(stack) | {"iam-hardening:alarms": {"email": "security@example.com", **alarms}}
    if stack == "central":
        config["iam-hardening:breakGlass"] = {}
    return {made.inputs["name"] for made in run_program(config, stack=stack).all_of(RULE)}


@pytest.mark.parametrize("stack", ["central", "dev"])
@pytest.mark.parametrize("switch", RULES)
def test_each_alarm_is_switched_off_by_itself(run_program: RunProgram, stack: str, switch: str) -> None:
    elsewhere = {"vault-users-touched"} if stack == "central" else {"break-glass-use"}
    on = set(RULES.values()) - elsewhere
    assert rules_of(run_program, stack, **{switch: False}) == on - {RULES[switch]}


def test_without_an_address_there_is_no_alarm_and_no_trail(run_program: RunProgram) -> None:
    recorder = run_program(config_of("central"), stack="central")
    assert not recorder.all_of(RULE)
    assert not recorder.all_of(TRAIL)


def test_every_region_has_the_rules_but_those_about_iam(run_program: RunProgram) -> None:
    config = config_of("dev") | {
        "iam-hardening:regions": ["us-east-1", "eu-north-1"],
        "iam-hardening:alarms": {"email": "security@example.com"},
    }
    recorder = run_program(config, stack="dev")
    here, there = (
        {made.inputs["name"] for made in recorder.all_of(RULE) if made.inputs["region"] == region}
        for region in ("us-east-1", "eu-north-1")
    )
    assert here == set(RULES.values()) - {"break-glass-use"}
    assert there == here - ABOUT_IAM


def test_a_trail_that_is_there_already_is_used_and_none_is_made(run_program: RunProgram) -> None:
    trail = "arn:aws:cloudtrail:us-east-1:333333333333:trail/organization"
    config = config_of("dev") | {
        "iam-hardening:alarms": {"email": "security@example.com", "trail": trail},
    }
    recorder = run_program(config, stack="dev")
    assert recorder.all_of(RULE)
    assert not recorder.all_of(TRAIL)
    assert not recorder.all_of("aws:s3/bucket:Bucket")


def test_vault_and_whoever_runs_the_program_set_no_alarm_on_iam_off(run_program: RunProgram) -> None:
    deployer = (
        "arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Deploy_0123456789abcdef"
    )
    config = config_of("dev") | {
        "iam-hardening:alarms": {"email": "security@example.com", "expectedPrincipals": [deployer]},
    }
    recorder = run_program(config, stack="dev")
    pattern = recorder.one(RULE, "alarms-iam-changes-us-east-1").inputs["eventPattern"]
    assert f'"anything-but": ["{deployer}"]' in pattern
    assert '"anything-but": ["arn:aws:iam::222222222222:user/vault-secrets-engine"]' in pattern


def test_who_is_not_listed_deploys_nothing(run_program: RunProgram, recorder: Recorder) -> None:
    config = config_of("dev") | {
        "iam-hardening:alarms": {
            "email": "security@example.com",
            "logAdministrators": ["arn:aws:iam::222222222222:role/deployer"],
        }
    }
    with pytest.raises(pulumi.RunError, match=r"does not list the caller, .*bootstrap-administrator"):
        run_program(config, stack="dev")
    assert recorder.registrations == {}


def test_who_only_previews_is_warned(
    run_program: RunProgram, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preview changes nothing, and a reviewer may do no more than read."""
    warned: list[str] = []
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    config = config_of("dev") | {
        "iam-hardening:alarms": {
            "email": "security@example.com",
            "logAdministrators": ["arn:aws:iam::222222222222:role/deployer"],
        }
    }
    run_program(config, stack="dev")
    assert len(warned) == 1
    assert warned[0].startswith("alarms.logAdministrators: does not list the caller")
    assert recorder.registrations
