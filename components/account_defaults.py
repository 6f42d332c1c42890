"""What the account does automatically with new resources, region by region.

New instances require IMDSv2 (hop limit 1) unless their launch says otherwise, new volumes and snapshot copies
are encrypted, no bucket can be made public. Protects from forgotten settings, in this program or
outside it. It changes nothing that is there: instances keep their metadata options and volumes stay as they
are; only the public access block counts at once, for every bucket. A caller that launches an instance can
still ask for IMDSv1. A region that is not listed keeps AWS's defaults.

Taking the line away sets AWS's defaults again, also where they had been set by other means before.

Source: AWS, "Configure instance metadata options for new instances" (account level), "Enable Amazon EBS
encryption by default", "Configuring block public access settings for your account"; CIS AWS Foundations 5.0:
2.1.4, 5.1.1 and 5.7.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from iam_hardening.config import Account
from iam_hardening.model.account_defaults import METADATA, PUBLIC_ACCESS_BLOCK, Defaults


@dataclass(frozen=True, kw_only=True)
class AccountDefaultsArgs:
    account: Account
    defaults: Defaults


class AccountDefaults(pulumi.ComponentResource):
    """The defaults that are switched on."""

    def __init__(
        self, name: str, args: AccountDefaultsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("iam-hardening:index:AccountDefaults", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        for region in args.defaults.metadata_in:
            aws.ec2.InstanceMetadataDefaults(f"{name}-imdsv2-{region}", **METADATA, region=region, opts=child)
        for region in args.defaults.encrypted_in:
            aws.ebs.EncryptionByDefault(
                f"{name}-ebs-encryption-{region}", enabled=True, region=region, opts=child
            )
        if args.defaults.blocks_public_access:
            aws.s3.AccountPublicAccessBlock(
                f"{name}-s3-public-access",
                account_id=args.account.account_id,
                **dict.fromkeys(PUBLIC_ACCESS_BLOCK, True),
                opts=child,
            )
        self.register_outputs({})
