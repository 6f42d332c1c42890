"""A role that another account assumes (tutorial section 5).

The other account is the central one, for its people, or a third party's, for its service. Most roles are in
workload accounts, which have no users; the standard roles may be in the central account itself. Who of the
trusted account gets in is decided twice: by this role's trust (MFA and its age, the named principals, the
external ID), and by the trusted account's own policies. A trusted account's administrators can always let
themselves in; the trust cannot prevent that, MFA excepted.

No inline policies: one that somebody adds by hand, also the one that ends the role's sessions
(`iam_hardening/commands/revoke_sessions.py`), is gone after the next `pulumi up --refresh`; an up without
refresh does not look. Source: Pulumi AWS, `iam.RolePoliciesExclusive`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.permissions import PermissionsArgs, attach_to_role, managed_policy_arn
from iam_hardening.aws.policies import documents


@dataclass(frozen=True, kw_only=True)
class CrossAccountRoleArgs:
    """`assumed_by` says in the role's description who it is for; `permissions_boundary` is a managed policy's
    name or ARN."""

    trust: documents.Document
    assumed_by: str
    max_session_seconds: int
    permissions_boundary: str | None
    permissions: PermissionsArgs
    tags: Mapping[str, str]


class CrossAccountRole(pulumi.ComponentResource):
    """The role, whom it trusts, and what it may do."""

    role_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: CrossAccountRoleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("iam-hardening:index:CrossAccountRole", name, None, opts)
        boundary = args.permissions_boundary
        role = aws.iam.Role(
            name,
            name=name,
            description=f"Assumed by {args.assumed_by}",
            assume_role_policy=documents.render(args.trust),
            max_session_duration=args.max_session_seconds,
            permissions_boundary=managed_policy_arn(boundary, self) if boundary else None,
            # A role whose sessions were ended by hand could not be deleted otherwise.
            force_detach_policies=True,
            tags=dict(args.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        attach_to_role(name, self, role, args.permissions, args.tags)
        aws.iam.RolePoliciesExclusive(
            f"{name}-inline-policies",
            role_name=role.name,
            policy_names=[],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.role_arn = role.arn
        self.register_outputs({"role_arn": self.role_arn})
