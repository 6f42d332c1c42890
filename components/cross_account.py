"""A role that another account assumes (tutorial section 5).

The other account is the central one, for its people, or a third party's, for its service. Most roles are in
workload accounts, which have no users; the standard roles may be in the central account itself. Who of the
trusted account may assume the role is decided twice: by this role's trust (MFA and its age, the named
principals, the external ID), and by the trusted account's own policies. A trusted account's administrators
can always let themselves in; the trust cannot prevent that, MFA excepted.

No inline policies: one that someone adds by hand, also the one that ends the role's sessions
(`iam_hardening/commands/revoke_sessions.py`), is gone after the next `pulumi up --refresh`; an up without
refresh does not look. Source: Pulumi AWS, `iam.RolePoliciesExclusive`.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.permissions import attach_to_role, managed_policy_arn
from iam_hardening import config
from iam_hardening.aws.policies import documents
from iam_hardening.config import Account, added_policies, trust


@dataclass(frozen=True, kw_only=True)
class CrossAccountRoleArgs:
    """The role is for people of the central account, unless its section names a third party's."""

    account: Account
    role: config.CrossAccountRole


class CrossAccountRole(pulumi.ComponentResource):
    """The role, the principals that it trusts, and what it may do."""

    role_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: CrossAccountRoleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("iam-hardening:index:CrossAccountRole", name, None, opts)
        account, wanted = args.account, args.role
        boundary = wanted.permissions_boundary
        assumed_by = (
            f"a third party, account {wanted.trusted_account_id}"
            if wanted.is_for_third_party
            else "people of the central account"
        )
        role = aws.iam.Role(
            name,
            name=name,
            description=f"Assumed by {assumed_by}",
            assume_role_policy=documents.render(trust.of_cross_account_role(account, wanted)),
            max_session_duration=wanted.max_session_duration,
            permissions_boundary=managed_policy_arn(boundary, self) if boundary else None,
            # A role whose sessions were ended by hand could not be deleted otherwise.
            force_detach_policies=True,
            tags=dict(account.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        added = added_policies.to_cross_account_role(account, name, wanted)
        attach_to_role(name, self, role, wanted, account.tags, added=added)
        aws.iam.RolePoliciesExclusive(
            f"{name}-inline-policies",
            role_name=role.name,
            policy_names=[],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.role_arn = role.arn
        self.register_outputs({"role_arn": self.role_arn})
