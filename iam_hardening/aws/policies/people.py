"""What people get, by their groups (central account).

`enforce_mfa` takes everything but enrolment away until they use MFA; `self_service` gives people who are not
administrators their password, devices and keys; `assume_roles` gives the roles that the stack file grants.
`no_own_access_keys` keeps the break-glass user from access keys.
"""

from collections.abc import Sequence

from iam_hardening.aws.naming import ONBOARDING_NEW, ONBOARDING_TAG, iam_arn
from iam_hardening.aws.policies.documents import Document, document

# Without `IfExists` a long-term access key, whose requests do not carry the key at all, would slip through.
WITHOUT_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def own_user_arns(partition: str, account_id: str) -> list[str]:
    """The caller's own user, under any path (AWS replaces the variable when it evaluates the policy)."""
    return [
        iam_arn(partition, account_id, "user/${aws:username}"),
        iam_arn(partition, account_id, "user/*/${aws:username}"),
    ]


def enforce_mfa(partition: str, account_id: str, *, strict_onboarding: bool = False) -> Document:
    """Without MFA a person may do nothing but enrol a device and change the password, and only their own.

    The first statement is the tutorial's. Alone it leaves a hole for members who also hold administrator
    rights: anyone who has their stolen access key, without MFA, could enrol a device for *someone else* and
    so become them; the second statement closes it. The four exempt actions that are not in the second
    statement cannot be bound to a user: they have no resource, or `mfa/*`.

    What is left is a person who has no device yet: anyone with the password or key can enrol a device in
    their place. Strict onboarding closes that too, except for people that an administrator has marked as new.
    """
    statements = [
        {
            "Sid": "DenyAllExceptListedIfNoMFA",
            "Effect": "Deny",
            "NotAction": [
                "iam:CreateVirtualMFADevice",
                "iam:EnableMFADevice",
                "iam:GetUser",
                "iam:GetMFADevice",
                "iam:ListMFADevices",
                "iam:ListVirtualMFADevices",
                "iam:ResyncMFADevice",
                # A forced reset at first sign-in comes before any device can be enrolled: without these two
                # the new user is locked out.
                "iam:ChangePassword",
                "iam:GetAccountPasswordPolicy",
                "sts:GetSessionToken",
            ],
            "Resource": "*",
            "Condition": WITHOUT_MFA,
        },
        {
            "Sid": "DenyOthersUsersIfNoMFA",
            "Effect": "Deny",
            "Action": [
                "iam:EnableMFADevice",
                "iam:ResyncMFADevice",
                "iam:ListMFADevices",
                "iam:GetMFADevice",
                "iam:GetUser",
                "iam:ChangePassword",
            ],
            "NotResource": own_user_arns(partition, account_id),
            "Condition": WITHOUT_MFA,
        },
    ]
    if strict_onboarding:
        statements.append(
            {
                "Sid": "DenyEnrolmentOfWhoIsNotNewIfNoMFA",
                "Effect": "Deny",
                "Action": ["iam:ChangePassword", "iam:EnableMFADevice"],
                "Resource": "*",
                # A negated operator is true, and denies, also for a user who does not have the tag at all.
                "Condition": {
                    **WITHOUT_MFA,
                    "StringNotEquals": {f"aws:PrincipalTag/{ONBOARDING_TAG}": ONBOARDING_NEW},
                },
            }
        )
    return document(*statements)


def self_service(partition: str, account_id: str) -> Document:
    """A person's own password, MFA devices and access keys, no one else's, without asking an administrator.

    Device names are free (`mfa/*`, not `mfa/${aws:username}`), because the console lets people choose them;
    AWS itself refuses to delete a device that is still assigned to a user. Never a tag: tags on a user decide
    about access (`enforce_mfa`), so only administrators set them.
    """
    own_user = own_user_arns(partition, account_id)
    any_device = iam_arn(partition, account_id, "mfa/*")
    return document(
        {
            "Sid": "AllowReadingWhatEnrolmentShows",
            "Effect": "Allow",
            "Action": ["iam:GetAccountPasswordPolicy", "iam:ListVirtualMFADevices"],
            "Resource": "*",
        },
        {
            "Sid": "AllowOwnPasswordAndOwnMFA",
            "Effect": "Allow",
            "Action": [
                "iam:GetUser",
                "iam:ChangePassword",
                "iam:EnableMFADevice",
                "iam:ResyncMFADevice",
                "iam:ListMFADevices",
                "iam:GetMFADevice",
            ],
            "Resource": own_user,
        },
        {
            "Sid": "AllowCreatingADevice",
            "Effect": "Allow",
            "Action": "iam:CreateVirtualMFADevice",
            "Resource": any_device,
        },
        {
            "Sid": "AllowRemovingOwnDeviceWithMFA",
            "Effect": "Allow",
            "Action": "iam:DeactivateMFADevice",
            "Resource": own_user,
            "Condition": WITH_MFA,
        },
        {
            "Sid": "AllowDeletingAnUnassignedDeviceWithMFA",
            "Effect": "Allow",
            "Action": "iam:DeleteVirtualMFADevice",
            "Resource": any_device,
            "Condition": WITH_MFA,
        },
        {
            "Sid": "AllowOwnAccessKeysWithMFA",
            "Effect": "Allow",
            "Action": [
                "iam:CreateAccessKey",
                "iam:DeleteAccessKey",
                "iam:GetAccessKeyLastUsed",
                "iam:ListAccessKeys",
                "iam:UpdateAccessKey",
            ],
            "Resource": own_user,
            "Condition": WITH_MFA,
        },
    )


def no_own_access_keys(partition: str, account_id: str) -> Document:
    """The break-glass user signs in to the console only: a key could be used without the sealed device."""
    return document(
        {
            "Sid": "DenyOwnAccessKeys",
            "Effect": "Deny",
            "Action": "iam:CreateAccessKey",
            "Resource": own_user_arns(partition, account_id),
        }
    )


def assume_roles(role_arns: Sequence[str]) -> Document:
    """Exactly these roles, no pattern."""
    return document(
        {
            "Sid": "AllowAssumingTheseRoles",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": sorted(role_arns),
        }
    )
