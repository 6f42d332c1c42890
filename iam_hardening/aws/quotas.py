"""IAM's quotas for what this program makes; sizes in characters, white space not counted.

The defaults and the most that AWS raises them to. Copies of AWS's page from different years differ (10 or 20
policies on a role by default; 4,096 or 8,192 characters of a trust policy at most): these are the lowest
default and the highest maximum. Source: IAM User Guide, "IAM and AWS STS quotas".
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Raisable:
    """A quota that AWS raises on request. `summary`: its name in the answer of iam:GetAccountSummary."""

    default: int
    most: int
    summary: str


# On one identity.
MANAGED_POLICIES_PER_GROUP = 10
MANAGED_POLICIES_PER_ROLE = Raisable(default=10, most=25, summary="AttachedPoliciesPerRoleQuota")
MANAGED_POLICIES_PER_USER = Raisable(default=10, most=20, summary="AttachedPoliciesPerUserQuota")
TRUST_POLICY_LENGTH = Raisable(default=2048, most=8192, summary="AssumeRolePolicySizeQuota")
