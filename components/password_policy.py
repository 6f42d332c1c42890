"""Password policy of an account's IAM users (tutorial section 4; CIS AWS Foundations "IAM password policy").

Protects console passwords from guessing and reuse. It does nothing for access keys, and not for the root
user.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True, kw_only=True)
class PasswordPolicyArgs:
    """Lengths in characters; `max_password_age` in days, 0 for no expiry; `password_reuse_prevention` in
    passwords remembered, 0 for none."""

    minimum_password_length: int
    require_uppercase_characters: bool
    require_lowercase_characters: bool
    require_numbers: bool
    require_symbols: bool
    allow_users_to_change_password: bool
    max_password_age: int
    password_reuse_prevention: int


class PasswordPolicy(pulumi.ComponentResource):
    """The account's one password policy."""

    def __init__(
        self, name: str, args: PasswordPolicyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("iam-hardening:index:PasswordPolicy", name, None, opts)
        aws.iam.AccountPasswordPolicy(
            name,
            minimum_password_length=args.minimum_password_length,
            require_uppercase_characters=args.require_uppercase_characters,
            require_lowercase_characters=args.require_lowercase_characters,
            require_numbers=args.require_numbers,
            require_symbols=args.require_symbols,
            allow_users_to_change_password=args.allow_users_to_change_password,
            # IAM refuses a zero: «no expiry» and «nothing remembered» are said by leaving the field out.
            max_password_age=args.max_password_age or None,
            password_reuse_prevention=args.password_reuse_prevention or None,
            # Without it, an expired password can be changed at sign-in; with it, only an administrator could
            # help.
            hard_expiry=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
