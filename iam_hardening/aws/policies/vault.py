"""Just-in-time access: what Vault's principal may do in AWS, and who may read credentials in Vault.

Vault's principal (`vault_principal`) makes users, or takes sessions of the roles that trust it
(`trust_vault`). A Vault token reads the credentials of one role (`vault_read_credentials`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from iam_hardening.aws.naming import VAULT_USER_PATH, iam_arn
from iam_hardening.aws.policies.documents import Document, Statement, document


def trust_vault(
    principal_arn: str, *, external_id: str | None = None, session_tags: Mapping[str, str] | None = None
) -> Document:
    """Trust Vault's own principal in this account, and no one else.

    With an external ID or session tags Vault has to send just those: a session without them, or with a tag
    more, is refused. `ForAllValues` alone would let in a call without any tag; the tags are therefore asked
    for one by one as well.
    """
    tags: dict[str, dict[str, Any]] = {}
    if session_tags:
        tags["StringEquals"] = {f"aws:RequestTag/{key}": session_tags[key] for key in sorted(session_tags)}
        tags["ForAllValues:StringEquals"] = {"aws:TagKeys": sorted(session_tags)}
    condition = dict(tags)
    if external_id is not None:
        condition["StringEquals"] = {"sts:ExternalId": external_id, **tags.get("StringEquals", {})}
    statement: Statement = {
        "Sid": "AllowVault",
        "Effect": "Allow",
        "Principal": {"AWS": principal_arn},
        "Action": "sts:AssumeRole",
    }
    assume = {**statement, "Condition": condition} if condition else statement
    if not session_tags:
        return document(assume)
    # A separate statement: AWS knows sts:ExternalId for sts:AssumeRole only.
    tag = {**statement, "Sid": "AllowVaultToTagItsSessions", "Action": "sts:TagSession", "Condition": tags}
    return document(assume, tag)


def vault_principal(
    partition: str,
    account_id: str,
    *,
    boundary_arn: str,
    attachable_policy_arns: Sequence[str],
    issues_users: bool = True,
    assumable_role_arns: Sequence[str] = (),
    taggable_role_arns: Sequence[str] = (),
    group_arns: Sequence[str] = (),
) -> Document:
    """What Vault's AWS secrets engine needs: users that it issues itself, and roles that it was given.

    Creating a user and changing its policies needs the boundary, so that Vault (or who stole its key) can
    never issue more than the boundary allows. `iam:PermissionsBoundary` does not exist on the other actions:
    there the path is the limit. Vault tags after creation, so a condition on request tags would break
    CreateUser. AWS checks group membership on the group's ARN alone, not on the user's.
    """
    issued_users = iam_arn(partition, account_id, f"user{VAULT_USER_PATH}*")
    bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary_arn}}
    statements: list[Statement] = []
    if assumable_role_arns:
        statements.append(
            {
                "Sid": "AssumeTheConfiguredRolesOnly",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": sorted(assumable_role_arns),
            }
        )
    if taggable_role_arns:
        statements.append(
            {
                "Sid": "TagTheirSessions",
                "Effect": "Allow",
                "Action": "sts:TagSession",
                "Resource": sorted(taggable_role_arns),
            }
        )
    if not issues_users:
        return document(*statements)
    statements += [
        {
            "Sid": "CreateUsersWithTheBoundaryOnly",
            "Effect": "Allow",
            "Action": ["iam:CreateUser", "iam:PutUserPolicy"],
            "Resource": issued_users,
            "Condition": bounded,
        },
        {
            "Sid": "IssueListAndRemoveTheseUsers",
            "Effect": "Allow",
            "Action": [
                "iam:CreateAccessKey",
                "iam:DeleteAccessKey",
                "iam:DeleteUser",
                "iam:DeleteUserPolicy",
                "iam:DetachUserPolicy",
                "iam:GetUser",
                "iam:ListAccessKeys",
                "iam:ListAttachedUserPolicies",
                # Without it Vault's clean-up of a half-made user never ends.
                "iam:ListGroupsForUser",
                "iam:ListUserPolicies",
                "iam:TagUser",
            ],
            "Resource": issued_users,
        },
    ]
    if attachable_policy_arns:
        statements.insert(
            -1,
            {
                "Sid": "AttachTheConfiguredPoliciesOnly",
                "Effect": "Allow",
                "Action": "iam:AttachUserPolicy",
                "Resource": issued_users,
                "Condition": {
                    "StringEquals": bounded["StringEquals"],
                    "ArnEquals": {"iam:PolicyARN": sorted(attachable_policy_arns)},
                },
            },
        )
    if group_arns:
        statements.append(
            {
                "Sid": "UseTheConfiguredGroupsOnly",
                "Effect": "Allow",
                "Action": ["iam:AddUserToGroup", "iam:RemoveUserFromGroup"],
                "Resource": sorted(group_arns),
            }
        )
    return document(*statements)


def vault_read_credentials(mount: str, role_name: str) -> str:
    """The Vault policy (HCL) whose token may ask for just this role's credentials.

    `role_session_name` would let the caller choose the name under which CloudTrail writes down a session.
    """
    return (
        f'path "{mount}/creds/{role_name}" {{\n'
        '  capabilities      = ["read"]\n'
        '  denied_parameters = { "role_session_name" = [] }\n'
        "}\n"
    )
