"""Gives a group or a role its permissions: managed policies by name, and customer-managed ones made here.

Not a component: the resources belong to the group or role whose permissions they are.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from iam_hardening.aws.policies import documents
from iam_hardening.config import Permissions
from iam_hardening.config.added_policies import AddedPolicy

PolicyDocument = Mapping[str, Any]


def managed_policy_arn(name_or_arn: str, parent: pulumi.Resource) -> pulumi.Output[str]:
    """The ARN of a managed policy, looked up by its name as people know it (job-function paths and all)."""
    if name_or_arn.startswith("arn:"):
        return pulumi.Output.from_input(name_or_arn)
    found = aws.iam.get_policy_output(name=name_or_arn, opts=pulumi.InvokeOptions(parent=parent))
    return found.apply(lambda policy: policy.arn)


def customer_managed_policy(
    resource_name: str,
    parent: pulumi.Resource,
    *,
    policy_name: str,
    description: str,
    policy: pulumi.Input[str] | PolicyDocument,
    tags: Mapping[str, str],
    was_named: str | None = None,
) -> aws.iam.Policy:
    """`was_named`: the resource's name in states of earlier versions of this program."""
    return aws.iam.Policy(
        resource_name,
        name=policy_name,
        description=description,
        policy=documents.render(dict(policy)) if isinstance(policy, Mapping) else policy,
        tags=dict(tags),
        opts=pulumi.ResourceOptions(
            parent=parent,
            # AWS cannot change it: other words, ours or those of a policy that was there before the stack,
            # would replace the policy and briefly detach it.
            ignore_changes=["description"],
            aliases=[pulumi.Alias(name=was_named)] if was_named else None,
        ),
    )


def attachable(
    name: str,
    parent: pulumi.Resource,
    permissions: Permissions,
    added: Sequence[AddedPolicy],
    tags: Mapping[str, str],
) -> dict[str, pulumi.Output[str]]:
    """Makes the customer-managed policies, those that the program adds included; answers with all ARNs, each
    under a stable resource name.

    A policy's own resource is named after the policy alone: its name is unique in the account, independent
    of the holder of it, and the engine makes new resources before it deletes old ones. Named after its
    holder as well, the policy of a renamed role or group, or one that moves to another, would be made while
    the old one has the name.
    """
    managed = [*permissions.managed_policies, *(policy.name for policy in added if policy.is_aws)]
    arns = {f"{name}-{policy.rsplit('/', 1)[-1]}": managed_policy_arn(policy, parent) for policy in managed}
    made_here = {
        **permissions.documents(),
        **{policy.name: policy.document for policy in added if policy.document},
    }
    for policy_name, document in made_here.items():
        made = customer_managed_policy(
            f"policy/{policy_name}",
            parent,
            policy_name=policy_name,
            description=f"What {name} may do",
            policy=document,
            tags=tags,
            was_named=f"{name}-{policy_name}",
        )
        arns[f"{name}-{policy_name}"] = made.arn
    return arns


def attach_to_role(
    name: str,
    parent: pulumi.Resource,
    role: aws.iam.Role,
    permissions: Permissions,
    tags: Mapping[str, str],
    *,
    added: Sequence[AddedPolicy] = (),
) -> list[pulumi.Resource]:
    """Attaches all of it to the role; answers with the attachments, so that others can depend on them."""
    return [
        aws.iam.RolePolicyAttachment(
            resource_name, role=role.name, policy_arn=arn, opts=pulumi.ResourceOptions(parent=parent)
        )
        for resource_name, arn in attachable(name, parent, permissions, added, tags).items()
    ]


def attach_to_group(
    name: str,
    parent: pulumi.Resource,
    group: aws.iam.Group,
    permissions: Permissions,
    tags: Mapping[str, str],
    *,
    added: Sequence[AddedPolicy] = (),
    after: Sequence[pulumi.Resource] = (),
    protected: Collection[str] = (),
) -> list[pulumi.Resource]:
    """Attaches all of it to the group, `after` other resources; answers with the attachments.

    `protected` names those attachments that must not be deleted.
    """
    return [
        aws.iam.GroupPolicyAttachment(
            resource_name,
            group=group.name,
            policy_arn=arn,
            opts=pulumi.ResourceOptions(
                parent=parent, depends_on=list(after), protect=resource_name in protected or None
            ),
        )
        for resource_name, arn in attachable(name, parent, permissions, added, tags).items()
    ]
