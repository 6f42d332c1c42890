"""Password policy of an account's IAM users (tutorial section 4; CIS AWS Foundations "IAM password policy").

Protects console passwords from guessing and reuse. It does nothing for access keys, and not for the root
user.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from iam_hardening import config


@dataclass(frozen=True, kw_only=True)
class PasswordPolicyArgs:
    policy: config.PasswordPolicy


class PasswordPolicy(pulumi.ComponentResource):
    """The account's one password policy."""

    def __init__(
        self, name: str, args: PasswordPolicyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("iam-hardening:index:PasswordPolicy", name, None, opts)
        wanted = args.policy.values()
        # IAM refuses a zero: «no expiry» and «nothing remembered» are said by leaving the field out.
        unlimited = {key: wanted[key] or None for key in ("max_password_age", "password_reuse_prevention")}
        aws.iam.AccountPasswordPolicy(
            name,
            **{**wanted, **unlimited},
            # Without it, an expired password can be changed at sign-in; with it, only an administrator could
            # help.
            hard_expiry=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
