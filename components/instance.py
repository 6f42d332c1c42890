"""An EC2 instance with an instance profile instead of access keys (tutorial section 6).

The profile gives the instance credentials that expire. IMDSv2 with a hop limit of 1 keeps them
from a server-side request forgery and from containers; anyone who can run code on the instance has them all
the same. There is no SSH: no key pair, no open port. With `session_manager` a shell goes through Systems
Manager, where IAM decides who gets one and CloudTrail says who did.
"""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.permissions import attach_to_role
from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies import documents
from iam_hardening.config import Account, added_policies, trust


@dataclass(frozen=True, kw_only=True)
class InstanceArgs:
    """The section's `subnet_id` None: one of the account's default subnets; `image_name` may hold `*`: the
    newest match is taken."""

    account: Account
    instance: config.Instance


class Instance(pulumi.ComponentResource):
    """The role, the profile that holds it, and the instance."""

    role_arn: pulumi.Output[str]
    profile_arn: pulumi.Output[str]
    instance_id: pulumi.Output[str]
    instance_arn: pulumi.Output[str]

    def __init__(self, name: str, args: InstanceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("iam-hardening:index:Instance", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        account, wanted = args.account, args.instance
        role = aws.iam.Role(
            f"{name}-role",
            name=wanted.role_name,
            description=f"What runs on the instance {wanted.name} may do",
            assume_role_policy=documents.render(trust.of_instances(account)),
            tags=dict(account.tags),
            opts=child,
        )
        added = added_policies.to_instance(account, wanted)
        attachments = attach_to_role(name, self, role, wanted, account.tags, added=added)
        profile = aws.iam.InstanceProfile(
            f"{name}-profile", name=wanted.profile_name, role=role.name, tags=dict(account.tags), opts=child
        )
        image = aws.ec2.get_ami_output(
            most_recent=True,
            owners=[wanted.image_owner or naming.CANONICAL_OWNER_ID[account.partition]],
            filters=[
                {"name": "name", "values": [wanted.image_name]},
                {"name": "virtualization-type", "values": ["hvm"]},
                {"name": "root-device-type", "values": ["ebs"]},
            ],
            opts=pulumi.InvokeOptions(parent=self),
        )
        tags = {**account.tags, "Name": wanted.name}
        instance = aws.ec2.Instance(
            name,
            ami=image.apply(lambda found: found.id),
            instance_type=wanted.instance_type,
            iam_instance_profile=profile.name,
            # Without a subnet the AWS provider drops the choice of no public address, and a default subnet
            # gives one. Source: terraform-provider-aws, internal/service/ec2/ec2_instance.go,
            # buildInstanceOpts.
            subnet_id=wanted.subnet_id or _a_default_subnet(self),
            vpc_security_group_ids=list(wanted.security_group_ids) or None,
            associate_public_ip_address=False,
            metadata_options=aws.ec2.InstanceMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            root_block_device=aws.ec2.InstanceRootBlockDeviceArgs(
                encrypted=True, volume_type="gp3", delete_on_termination=True
            ),
            tags=tags,
            volume_tags=tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=attachments,
                # A newer image would replace a running instance at the next up, and so would another default
                # subnet. Replace it on purpose: pulumi up --target-replace URN.
                ignore_changes=["ami"] if wanted.subnet_id else ["ami", "subnetId"],
            ),
        )
        self.role_arn = role.arn
        self.profile_arn = profile.arn
        self.instance_id = instance.id
        self.instance_arn = instance.arn
        self.register_outputs(
            {
                "role_arn": self.role_arn,
                "profile_arn": self.profile_arn,
                "instance_id": self.instance_id,
                "instance_arn": self.instance_arn,
            }
        )


def _a_default_subnet(parent: pulumi.Resource) -> pulumi.Output[str]:
    """The ID of a default subnet of the provider's region, at every call the same one of those there are.

    In which zone, only AWS knows; not every zone has every instance type.
    """
    found = aws.ec2.get_subnets_output(
        filters=[{"name": "default-for-az", "values": ["true"]}], opts=pulumi.InvokeOptions(parent=parent)
    )

    def first(subnets: aws.ec2.GetSubnetsResult) -> str:
        if not subnets.ids:
            raise pulumi.RunError(
                f"iam-hardening:instance.subnetId: missing, and the account has no default subnet in "
                f"{subnets.id}; write the ID of the subnet that the instance is to be in, such as "
                "subnet-0123456789abcdef0"
            )
        return min(subnets.ids)

    return found.apply(first)
