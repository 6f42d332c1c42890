"""Tutorial section 3: the two policies that groups of people get."""

import json

import pytest

from components.mfa import MfaEnforcement, MfaEnforcementArgs
from iam_hardening.aws.policies import people as people_policies
from tests.accounts import central_account
from tests.recorder import Recorder

POLICY = "aws:iam/policy:Policy"


def test_both_policies_are_customer_managed_with_exact_names_and_documents(recorder: Recorder) -> None:
    args = MfaEnforcementArgs(account=central_account(partition="aws-cn"))
    recorder.run(lambda: MfaEnforcement("mfa", args))
    assert recorder.inventory() == [
        (POLICY, "mfa-enforce"),
        (POLICY, "mfa-self-service"),
        ("iam-hardening:index:MfaEnforcement", "mfa"),
    ]
    assert recorder.one(POLICY, "mfa-enforce").inputs == {
        "name": "enforce-to-use-mfa",
        "description": "Denies people everything but enrolling their own MFA device until they use MFA",
        "policy": json.dumps(people_policies.enforce_mfa("aws-cn", "111111111111")),
        "tags": {"Stack": "central"},
    }
    assert recorder.one(POLICY, "mfa-self-service").inputs == {
        "name": "self-service-password-and-mfa",
        "description": "Lets people manage their own password and their own MFA devices, nobody else's",
        "policy": json.dumps(people_policies.self_service("aws-cn", "111111111111")),
        "tags": {"Stack": "central"},
    }


@pytest.mark.parametrize("strict", [False, True])
def test_strict_onboarding_is_in_the_enforcement_where_it_is_asked_for(
    recorder: Recorder, strict: bool
) -> None:
    args = MfaEnforcementArgs(account=central_account(), strict_onboarding=strict)
    recorder.run(lambda: MfaEnforcement("mfa", args))
    enforced = json.loads(recorder.one(POLICY, "mfa-enforce").inputs["policy"])
    assert enforced == people_policies.enforce_mfa("aws", "111111111111", strict_onboarding=strict)
    assert len(enforced["Statement"]) == 2 + strict
