"""Tutorial section 4: the account's password policy."""

import pytest

from components.password_policy import PasswordPolicy, PasswordPolicyArgs
from iam_hardening import config
from tests.accounts import section
from tests.recorder import Recorder

EVERY_CHARACTER_CLASS = {
    "requireUppercaseCharacters": True,
    "requireLowercaseCharacters": True,
    "requireNumbers": True,
    "requireSymbols": True,
    "allowUsersToChangePassword": True,
    "hardExpiry": False,
}


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        (
            {"preset": "tutorial"},
            {"minimumPasswordLength": 10, "maxPasswordAge": 90, "passwordReusePrevention": 3},
        ),
        # IAM takes no zero for «no expiry»: the field has to be absent.
        ({"preset": "cis"}, {"minimumPasswordLength": 14, "passwordReusePrevention": 24}),
        ({}, {"minimumPasswordLength": 14, "passwordReusePrevention": 24}),
        (
            {
                "preset": "cis",
                "minimumPasswordLength": 20,
                "maxPasswordAge": 365,
                "passwordReusePrevention": 0,
            },
            {"minimumPasswordLength": 20, "maxPasswordAge": 365},
        ),
        (
            {"preset": "tutorial", "requireSymbols": False, "allowUsersToChangePassword": False},
            {
                "minimumPasswordLength": 10,
                "maxPasswordAge": 90,
                "passwordReusePrevention": 3,
                "requireSymbols": False,
                "allowUsersToChangePassword": False,
            },
        ),
    ],
    ids=["tutorial", "cis", "default", "cis-with-own-values", "tutorial-with-own-values"],
)
def test_a_preset_and_what_differs_from_it_reach_aws_exactly(
    recorder: Recorder, configured: dict[str, object], expected: dict[str, object]
) -> None:
    args = PasswordPolicyArgs(policy=section(config.PasswordPolicy, **configured))
    recorder.run(lambda: PasswordPolicy("password-policy", args))
    made = recorder.one("aws:iam/accountPasswordPolicy:AccountPasswordPolicy", "password-policy")
    assert made.inputs == EVERY_CHARACTER_CLASS | expected
