"""MFA enforcement for people (tutorial section 3; CIS AWS Foundations "MFA is enabled for all IAM users").

Protects against a stolen password or access key: without MFA its holder can do nothing but enrol a device,
and only for the user whose key it is. It cannot protect a user who has not enrolled yet: the first holder
of that user's password or key can enrol a device; strict onboarding leaves that to users that an
administrator has marked as new (docs/people.md). Programs that never enter a code need roles, not
these groups.
"""

from dataclasses import dataclass

import pulumi

from components.permissions import customer_managed_policy
from iam_hardening.aws import naming
from iam_hardening.config import Account, added_policies


@dataclass(frozen=True, kw_only=True)
class MfaEnforcementArgs:
    account: Account
    strict_onboarding: bool = False


class MfaEnforcement(pulumi.ComponentResource):
    """The two policies that groups of people get: the denial, and what people need to lift it themselves."""

    enforce_policy_arn: pulumi.Output[str]
    self_service_policy_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: MfaEnforcementArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("iam-hardening:index:MfaEnforcement", name, None, opts)
        policies = added_policies.for_people(args.account, strict_onboarding=args.strict_onboarding)
        enforce = customer_managed_policy(
            f"{name}-enforce",
            self,
            policy_name=naming.ENFORCE_MFA_POLICY,
            description="Denies people everything but enrolling their own MFA device until they use MFA",
            policy=policies[naming.ENFORCE_MFA_POLICY],
            tags=args.account.tags,
        )
        self_service = customer_managed_policy(
            f"{name}-self-service",
            self,
            policy_name=naming.SELF_SERVICE_POLICY,
            # Own access keys came later. AWS cannot change a description: another would replace the policy.
            description="Lets people manage their own password and their own MFA devices, nobody else's",
            policy=policies[naming.SELF_SERVICE_POLICY],
            tags=args.account.tags,
        )
        self.enforce_policy_arn = enforce.arn
        self.self_service_policy_arn = self_service.arn
        self.register_outputs(
            {
                "enforce_policy_arn": self.enforce_policy_arn,
                "self_service_policy_arn": self.self_service_policy_arn,
            }
        )
