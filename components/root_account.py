"""Central management of member accounts' root users, from the organisation's management account.

Protects member accounts from root credentials: the management account can delete their root passwords, keys
and MFA devices, new member accounts get none, and the few tasks that only root can do run as sessions of 15
minutes (`sts:AssumeRoot`), each limited to one task. It deletes nothing automatically: `iam-hardening
root-keys` does that for access keys. The management account's own root user stays as it is: nothing limits
that one.

Trusted access for `iam.amazonaws.com` in AWS Organizations has to be enabled before. Removing it switches the
features off; what was deleted stays deleted.
Source: IAM User Guide, "Centrally manage root access for member accounts"; CIS AWS Foundations 7.0, 2.1.1.
"""

import pulumi
import pulumi_aws as aws

from iam_hardening.model.account_defaults import ROOT_FEATURES


class CentralRootAccess(pulumi.ComponentResource):
    """Both features: root credentials are managed centrally, and privileged tasks run as root sessions."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("iam-hardening:index:CentralRootAccess", name, None, opts)
        aws.iam.OrganizationsFeatures(
            name,
            enabled_features=list(ROOT_FEATURES),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
