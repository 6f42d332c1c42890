"""A role that people of the central account assume (tutorial section 5).

Most are in workload accounts, which have no users; the standard roles may be in the central account itself.
Who of the central account gets in is decided twice: by this role's trust (MFA, and the named principals if
any), and by the central account's groups. A trusted account's administrators can always let themselves in;
the trust cannot prevent that, MFA excepted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

import policies
from components.permissions import PermissionsArgs, attach_to_role


@dataclass(frozen=True, kw_only=True)
class CrossAccountRoleArgs:
    """`principal_arns`: only these users and roles of the central account; empty for all that it lets in."""

    partition: str
    central_account_id: str
    require_mfa: bool
    principal_arns: Sequence[str]
    permissions: PermissionsArgs
    tags: Mapping[str, str]


class CrossAccountRole(pulumi.ComponentResource):
    """The role, whom it trusts, and what it may do."""

    role_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: CrossAccountRoleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("iam-hardening:index:CrossAccountRole", name, None, opts)
        trust = policies.trust_account(
            args.partition,
            args.central_account_id,
            require_mfa=args.require_mfa,
            principal_arns=args.principal_arns,
        )
        role = aws.iam.Role(
            name,
            name=name,
            description="Assumed by people of the central account",
            assume_role_policy=policies.render(trust),
            tags=dict(args.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        attach_to_role(name, self, role, args.permissions, args.tags)
        self.role_arn = role.arn
        self.register_outputs({"role_arn": self.role_arn})
