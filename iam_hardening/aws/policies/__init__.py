"""Who can do what: every policy document of the program, as plain AWS-cased dictionaries.

Pure functions, no Pulumi and no network, so that a test can assert the whole rendered JSON. Rules that hold
for all of them: a Sid on every statement; exact actions in what allows, the boundary of Vault's users
excepted, which allows nothing by itself; exact ARNs of the right partition; nobody trusted by a wildcard; and
a Deny wherever an Allow elsewhere could be too wide.

Who gets what:

- people, by their groups: `enforce_mfa` takes everything but enrolment away until they use MFA;
  `self_service` gives those who are no administrators their own password, devices and keys; `assume_roles`
  the roles that the stack file grants them. The break-glass user is an administrator whom
  `no_own_access_keys` keeps from keys.
- roles: `trust_account` says which account's people get in and with what, `trust_third_party` lets another
  company's service in, `trust_ec2` instances; `revoke_older_sessions` ends a role's live sessions, and
  `deny_secrets` keeps secrets from a third party that audits.
- just-in-time access: Vault's principal (`vault_principal`) makes users, none of whom can leave anything
  behind (`vault_issued_user_boundary`), or takes sessions of the roles that trust it (`trust_vault`); a
  Vault token reads the credentials of one role (`vault_read_credentials`). `debug_instance` is what a Vault
  role may get for one instance, which writes down the shells on it (`write_session_logs`).
- a production Vault's own role: `vault_storage` its table, `vault_seal_key` (a key policy) its seal.
- alarms: `alarm_topic` takes messages of the alarm rules alone, whom `alarm_key` lets encrypt them;
  `trail_bucket` takes the logs of one trail.
- the stack file's own statements (`configured`) come on top, for groups, roles and Vault's roles.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from iam_hardening.aws.naming import (
    ONBOARDING_NEW,
    ONBOARDING_TAG,
    VAULT_NODE_TAG,
    VAULT_USER_PATH,
    account_root_arn,
    iam_arn,
    session_document_arn,
)

Statement = dict[str, Any]
Document = dict[str, Any]

# Characters, white space not counted. Source: AWS, "IAM and AWS STS quotas".
MANAGED_POLICY_MAX_CHARACTERS = 6144
TRUST_POLICY_MAX_CHARACTERS = 2048
USER_INLINE_POLICIES_MAX_CHARACTERS = 2048

# Without `IfExists` a long-term access key, whose requests do not carry the key at all, would slip through.
WITHOUT_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


# What a key administrator does, using the key excepted. Source: AWS, "Key policies in AWS KMS".
_KEY_ADMINISTRATION = [
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
]


def document(*statements: Statement) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def render(doc: Document) -> str:
    """The document as JSON text, the way it is sent to AWS."""
    return json.dumps(doc)


def size(doc: Document) -> int:
    """The document's characters as AWS counts them against its quotas (white space left out)."""
    return len("".join(json.dumps(doc, separators=(",", ":")).split()))


# --- People (central account)
# ---------------------------------------------------------------------------------


def own_user_arns(partition: str, account_id: str) -> list[str]:
    """The caller's own user, under any path (AWS replaces the variable when it evaluates the policy)."""
    return [
        iam_arn(partition, account_id, "user/${aws:username}"),
        iam_arn(partition, account_id, "user/*/${aws:username}"),
    ]


def enforce_mfa(partition: str, account_id: str, *, strict_onboarding: bool = False) -> Document:
    """Without MFA a person may do nothing but enrol a device and change the password, and only their own.

    The first statement is the tutorial's. Alone it leaves a hole for members who also hold administrator
    rights: whoever has their stolen access key, without MFA, could enrol a device for *someone else* and so
    become them; the second statement closes it. The four exempt actions that are not in the second statement
    cannot be bound to a user: they have no resource, or `mfa/*`.

    What is left is a person who has no device yet: whoever has the password or key can enrol a device in
    their place. Strict onboarding closes that too, but for those whom an administrator has marked as new.
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
    """A person's own password, MFA devices and access keys, nobody else's, without asking an administrator.

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


# --- Roles (workload accounts; standard roles in the central one, too)
# ----------------------------------------


def trust_account(
    partition: str,
    account_id: str,
    *,
    require_mfa: bool,
    mfa_max_age_seconds: int | None = None,
    principal_arns: Sequence[str] = (),
    session_name_is_user_name: bool = False,
) -> Document:
    """Trust another account: whom that account lets in, it decides; MFA and the named principals, we do.

    Principals are a condition and not the `Principal` element, because AWS refuses a trust policy that names
    a user who does not exist (yet), and silently breaks one whose user was deleted.
    """
    condition: dict[str, dict[str, Any]] = {}
    if require_mfa:
        condition |= WITH_MFA
    if mfa_max_age_seconds is not None:
        # Without `IfExists`: a session that carries no age was not made with MFA.
        condition["NumericLessThan"] = {"aws:MultiFactorAuthAge": str(mfa_max_age_seconds)}
    if principal_arns:
        condition["ArnEquals"] = {"aws:PrincipalArn": sorted(principal_arns)}
    if session_name_is_user_name:
        # Only users have the variable: a session of a role matches nothing and stays outside.
        condition["StringEquals"] = {"sts:RoleSessionName": "${aws:username}"}
    return _trust("AllowTheCentralAccount", account_root_arn(partition, account_id), condition)


def trust_third_party(
    partition: str, account_id: str, *, external_id: str, principal_arns: Sequence[str] = ()
) -> Document:
    """Trust a third party's account, when it acts for us: it must send the ID that was agreed for us alone.

    Without it another customer of the third party could have it act on our account (the confused deputy).
    """
    condition: dict[str, dict[str, Any]] = {"StringEquals": {"sts:ExternalId": external_id}}
    if principal_arns:
        condition["ArnEquals"] = {"aws:PrincipalArn": sorted(principal_arns)}
    return _trust("AllowTheThirdParty", account_root_arn(partition, account_id), condition)


def _trust(sid: str, principal_arn: str, condition: Mapping[str, Any]) -> Document:
    statement: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": principal_arn},
        "Action": "sts:AssumeRole",
    }
    if condition:
        statement["Condition"] = dict(condition)
    return document(statement)


# What AWS's SecurityAudit (and other reading policies) let a holder read that often holds secrets in plain
# text: environment variables, user data, parameters, definitions; and the stores of secrets themselves.
# Source: AWS Managed Policy Reference, "SecurityAudit".
_READING_SECRETS = [
    "appsync:ListApiKeys",
    "autoscaling:DescribeLaunchConfigurations",
    "batch:DescribeJobDefinitions",
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "codebuild:BatchGetProjects",
    "codepipeline:GetPipeline",
    "cognito-idp:DescribeUserPoolClient",
    "datapipeline:GetPipelineDefinition",
    "ec2:DescribeInstanceAttribute",
    "ec2:DescribeLaunchTemplateVersions",
    "ecs:DescribeTaskDefinition",
    "elasticbeanstalk:DescribeConfigurationSettings",
    "glue:GetConnection*",
    "glue:GetJobs",
    "lambda:GetFunction",
    "lambda:GetFunctionConfiguration",
    "lambda:ListFunctions",
    "sagemaker:DescribeNotebookInstanceLifecycleConfig",
    "sagemaker:DescribeTrainingJob",
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter*",
    "ssm:ListCommands",
    "states:DescribeStateMachine",
]


def deny_secrets(partition: str) -> Document:
    """For another company's role: what it audits, it reads without the secrets that stand beside it.

    A scanner misses what these calls also tell, such as which Lambda functions there are. It does not keep
    from secrets in names, tags or descriptions.
    """
    return document(
        {"Sid": "DenyReadingSecrets", "Effect": "Deny", "Action": _READING_SECRETS, "Resource": "*"},
        {
            "Sid": "DenyReadingApiKeys",
            "Effect": "Deny",
            "Action": "apigateway:GET",
            "Resource": [
                f"arn:{partition}:apigateway:*::/apikeys",
                f"arn:{partition}:apigateway:*::/apikeys/*",
            ],
        },
    )


def revoke_older_sessions(moment: str) -> Document:
    """Ends every session of a role that was issued before a moment (ISO 8601, UTC), as the console does.

    Source: IAM User Guide, "Revoke IAM role temporary security credentials".
    """
    return document(
        {
            "Sid": "DenySessionsIssuedBefore",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": moment}},
        }
    )


def trust_ec2(partition: str) -> Document:
    """Trust EC2 to hand the role to instances. EC2 sends no source: such a condition would cut them off."""
    service = "ec2.amazonaws.com.cn" if partition == "aws-cn" else "ec2.amazonaws.com"
    return document(
        {
            "Sid": "AllowEC2Instances",
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
        }
    )


def configured(statements: Sequence[Mapping[str, Any]]) -> Document:
    """A policy that a stack file spells out; its statements were checked when the file was loaded."""
    return document(*(dict(statement) for statement in statements))


# --- Just-in-time access (workload accounts)
# ------------------------------------------------------------------


def debug_instance(instance_arn: str) -> list[Statement]:
    """See one EC2 instance's console, restart it, open a Session Manager shell on it; no other instance.

    DescribeInstances has no resource to bind it to. A shell also needs the SSM agent's permissions on the
    instance's own role. A shell may be ended only by who opened it: Session Manager tags each with the
    opener's `aws:userid`, of users and of role sessions alike, while `aws:username` is of users only.
    The data channel is allowed as AWS's sample has it; this was not tried on AWS.

    The condition has Systems Manager check the permission on the document, too, so that no other document (a
    tunnel, a shell without logs) opens a session here; EC2's calls do not have the key. Source: Systems
    Manager User Guide, "Allow a user to end only sessions they started", method 2, "Sample IAM policies for
    Session Manager" and "Enforce a session document permission check".
    """
    partition, region, account_id = _partition_region_account(instance_arn)
    return [
        {
            "Sid": "FindInstances",
            "Effect": "Allow",
            "Action": ["ec2:DescribeInstances", "ec2:DescribeInstanceStatus"],
            "Resource": "*",
        },
        {
            "Sid": "DebugThisInstance",
            "Effect": "Allow",
            "Action": [
                "ec2:GetConsoleOutput",
                "ec2:GetConsoleScreenshot",
                "ec2:RebootInstances",
                "ssm:StartSession",
            ],
            "Resource": [instance_arn, session_document_arn(partition, region, account_id)],
            "Condition": {"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}},
        },
        {
            "Sid": "SpeakInOwnSessions",
            "Effect": "Allow",
            "Action": "ssmmessages:OpenDataChannel",
            "Resource": f"arn:{partition}:ssm:{region}:{account_id}:session/${{aws:userid}}-*",
        },
        {
            "Sid": "EndOwnSessions",
            "Effect": "Allow",
            "Action": ["ssm:ResumeSession", "ssm:TerminateSession"],
            "Resource": f"arn:{partition}:ssm:{region}:{account_id}:session/*",
            "Condition": {"StringEquals": {"ssm:resourceTag/aws:ssmmessages:session-id": "${aws:userid}"}},
        },
    ]


def write_session_logs(log_group_arn: str) -> Document:
    """The SSM agent writes down shells as they go on; it reads none of it back and deletes nothing.

    DescribeLogGroups is how the agent finds the group, and has no single group to bind it to. `:*` is the
    group's own ARN for all but the calls about tags, and covers its streams. Source: Systems Manager User
    Guide, "Creating an IAM role with permissions for Session Manager and Amazon S3 and CloudWatch Logs";
    CloudWatch Logs API reference, "LogGroup", arn.
    """
    return document(
        {
            "Sid": "WriteShellSessions",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": f"{log_group_arn}:*",
        },
        {
            "Sid": "FindTheLogGroup",
            "Effect": "Allow",
            "Action": "logs:DescribeLogGroups",
            "Resource": "*",
        },
    )


def trust_vault(
    principal_arn: str, *, external_id: str | None = None, session_tags: Mapping[str, str] | None = None
) -> Document:
    """Trust Vault's own principal in this account, and nobody else.

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
    # A statement of its own: AWS knows sts:ExternalId for sts:AssumeRole only.
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


# Services in which somebody becomes, makes or trusts an identity: the boundary allows nothing of them but
# reading. An action that AWS adds to them tomorrow is refused until it is named. Source: AWS Service
# Authorization Reference.
IDENTITY_SERVICES = (
    "account",
    "account-access",
    "account-access-runtime",
    "eks-auth",
    "iam",
    "identity-sync",
    "identitystore",
    "identitystore-auth",
    "organizations",
    "rolesanywhere",
    "signin",
    "sso",
    "sso-directory",
    "sso-oauth",
    "sts",
)
_IDENTITY_READS = (
    "iam:GenerateCredentialReport",
    "iam:GenerateServiceLastAccessedDetails",
    "iam:Get*",
    "iam:List*",
    "iam:Simulate*",
    "sts:DecodeAuthorizationMessage",
    "sts:GetAccessKeyInfo",
    "sts:GetCallerIdentity",
)
# Every action of these two services but those reads, as patterns that also cover names AWS has not given yet.
_EXPLICITLY_DENIED_IAM = (
    *(f"iam:{letter}*" for letter in "ABCDEFHIJKMNOPQRTUVWXYZ"),
    *(f"iam:S{letter}*" for letter in "abcdefghjklmnopqrstuvwxyz"),
    "iam:*Token*",
)
_EXPLICITLY_DENIED_STS = ("sts:A*", "sts:Get*Token", "sts:GetS*", "sts:S*", "sts:T*")
# Actions of other services that hand out what outlives a lease: a token or credentials good for longer, or
# for another identity. What was judged, and why: iam_hardening/aws/credential_actions.yaml.
CREDENTIALS_OF_OTHER_SERVICES = (
    "acm-pca:IssueCertificate",
    "cloud9:CreateEnvironmentToken",
    "cloudshell:*Credentials",
    "codeartifact:GetAuthorizationToken",
    "datazone:Get*Credentials",
    "ecr-public:GetAuthorizationToken",
    "ecr:GetAuthorizationToken",
    "elasticmapreduce:GetClusterSessionCredentials",
    "emr-containers:GetManagedEndpointSessionCredentials",
    "iot:CreateCertificate*",
    "iot:CreateKeysAndCertificate",
    "iot:RegisterC*",
    "lakeformation:GetTemporary*",
    "lightsail:CreateBucketAccessKey",
    "s3:*AccessGrant*",
    "s3:GetDataAccess",
    "ssm:CreateActivation",
    "transfer:ImportSshPublicKey",
)


@dataclass(frozen=True, kw_only=True)
class ProtectedByBoundary:
    """What of this account the users and sessions of Vault must not touch, beside what every account has.

    ARNs, also of the keys' aliases. `session_documents`: preferences of Session Manager. `nodes`: Vault's
    nodes run in this account.
    """

    log_buckets: Sequence[str] = ()
    alarms: Sequence[str] = ()
    key_aliases: Sequence[str] = ()
    tables: Sequence[str] = ()
    log_groups: Sequence[str] = ()
    session_documents: Sequence[str] = ()
    nodes: bool = False


def vault_issued_user_boundary(
    protected: ProtectedByBoundary | None = None, also_allowed: Sequence[str] = ()
) -> Document:
    """The most a user or a role session from Vault can do: what its role allows, minus what would outlive it,
    and minus what protects the account.

    Vault deletes the user and its key when the lease ends. What the user could have made meanwhile and what
    lives on (another user or key, a password, a widened policy or trust, a session of a role or of a member
    account's root, a token for AWS or for others) is out of its reach, whatever the role's policies say. It
    also keeps Vault able to delete the user: a login profile would make that fail.

    Identity services are left out of what is allowed, so that a new action of theirs is refused. The denials
    repeat it: an implicit refusal does not limit a resource's policy that names the user or session, an
    explicit one does (IAM User Guide, "Permissions boundaries for IAM entities"). `also_allowed` are actions;
    the explicit denials leave out the patterns that match them.

    It does not stop a role that may change code which runs as another identity (a Lambda function, a build, a
    task): give Vault's roles no such rights on what holds more than they do.
    """
    protected = protected or ProtectedByBoundary()
    allowed = [*_IDENTITY_READS, *sorted(a for a in also_allowed if _service(a) in IDENTITY_SERVICES)]
    statements: list[Statement] = [
        {
            "Sid": "AllowWhatTheRolesPoliciesAllow",
            "Effect": "Allow",
            "NotAction": [f"{service}:*" for service in IDENTITY_SERVICES],
            "Resource": "*",
        },
        {"Sid": "AllowReadingIdentities", "Effect": "Allow", "Action": allowed, "Resource": "*"},
        _denied(
            "DenyWhatWouldOutliveTheLease",
            _without(
                [
                    *_EXPLICITLY_DENIED_IAM,
                    *_EXPLICITLY_DENIED_STS,
                    *(f"{service}:*" for service in IDENTITY_SERVICES if service not in ("iam", "sts")),
                    *CREDENTIALS_OF_OTHER_SERVICES,
                ],
                also_allowed,
            ),
        ),
        _denied(
            "DenyChangingTheAccountsControls",
            [
                *_writes("access-analyzer", "Apply", "Create", "Delete", "Tag", "Untag", "Update"),
                *_writes("cloudtrail", "Add", "Create", "Delete", "Deregister", "Disable", "Enable"),
                *_writes("cloudtrail", "Put", "Re", "St", "Update"),
                "ec2:DisableEbsEncryptionByDefault",
                "ec2:Modify*Default*",
                "ec2:*EbsDefaultKmsKeyId",
                "ec2:*BlockPublicAccess*",
                "s3:PutAccountPublicAccessBlock",
                "ssm:ResetServiceSetting",
                "ssm:UpdateServiceSetting",
            ],
        ),
    ]
    if protected.alarms:
        # Unsubscribe has no resource, and it is all that it takes to silence an alarm.
        statements.append(_denied("DenyEndingSubscriptions", ["sns:Unsubscribe"]))
    resources = [
        *(arn for bucket in protected.log_buckets for arn in (bucket, f"{bucket}/*")),
        *protected.alarms,
        *(arn for table in protected.tables for arn in (table, f"{table}/*")),
        *(arn for group in protected.log_groups for arn in (group, f"{group}:*")),
    ]
    if resources:
        services = ["dynamodb", "events", *(["logs"] if protected.log_groups else []), "s3", "sns"]
        statements.append(
            _denied("DenyLogsAlarmsAndVaultsStorage", [f"{service}:*" for service in services], resources)
        )
    if protected.log_groups:
        # One policy of the account copies the events of all its log groups elsewhere.
        statements.append(_denied("DenyCopyingAllLogs", ["logs:PutAccountPolicy"]))
    if protected.session_documents:
        statements.append(
            _denied(
                "DenyChangingShells",
                ["ssm:CreateDocument", "ssm:DeleteDocument", "ssm:ModifyDocument*", "ssm:UpdateDocument*"],
                protected.session_documents,
            )
        )
    if protected.key_aliases:
        statements += [
            {
                **_denied("DenyTheirKeys", ["kms:*"]),
                "Condition": {
                    "ForAnyValue:StringEquals": {
                        "kms:ResourceAliases": [arn.rsplit(":", 1)[-1] for arn in protected.key_aliases]
                    }
                },
            },
            _denied("DenyMovingTheirAliases", ["kms:*Alias"], protected.key_aliases),
        ]
    if protected.nodes:
        statements += [
            # AWS does not ask which machines an association or a maintenance window reaches.
            _denied(
                "DenyCommandsByAssociation",
                [
                    "ssm:CreateAssociation*",
                    "ssm:Register*Window",
                    "ssm:UpdateAssociation*",
                    "ssm:UpdateMaintenance*",
                ],
            ),
            {
                **_denied(
                    "DenyVaultsNodes",
                    ["autoscaling:*", "ebs:*", "ec2-instance-connect:*", "ec2:*", "ssm:*"],
                ),
                "Condition": {"Null": {f"aws:ResourceTag/{VAULT_NODE_TAG}": "false"}},
            },
            {
                **_denied("DenyVaultsNodesToSystemsManager", ["ssm:*"]),
                "Condition": {"Null": {f"ssm:resourceTag/{VAULT_NODE_TAG}": "false"}},
            },
            {
                **_denied("DenyMarkingOrUnmarkingNodes", ["autoscaling:*Tags", "ec2:*Tags", "ssm:*Tags*"]),
                "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": [VAULT_NODE_TAG]}},
            },
        ]
    return document(*statements)


def _denied(sid: str, actions: Sequence[str], resources: Sequence[str] = ("*",)) -> Statement:
    only = list(resources)
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Action": list(actions),
        "Resource": only[0] if len(only) == 1 else only,
    }


def _writes(service: str, *verbs: str) -> list[str]:
    return [f"{service}:{verb}*" for verb in verbs]


def _without(patterns: Sequence[str], actions: Sequence[str]) -> list[str]:
    """The patterns that match none of the actions."""
    return [pattern for pattern in patterns if not any(fnmatchcase(a, pattern) for a in actions)]


def _service(action: str) -> str:
    return action.split(":", 1)[0]


def vault_read_credentials(mount: str, role_name: str) -> str:
    """The Vault policy (HCL) whose token may ask for just this role's credentials.

    `role_session_name` would let whoever asks choose the name under which CloudTrail writes down a session.
    """
    return (
        f'path "{mount}/creds/{role_name}" {{\n'
        '  capabilities      = ["read"]\n'
        '  denied_parameters = { "role_session_name" = [] }\n'
        "}\n"
    )


# --- A production Vault (any account)
# -------------------------------------------------------------------------


def vault_storage(table_arn: str) -> Document:
    """What Vault's DynamoDB storage does with its one table: entries, and the lock of the active node.

    Entries are written in batches and the lock by UpdateItem. HashiCorp's sample policy has more that its
    storage never calls; and CreateTable, with which a Vault whose table's name is mistyped would start empty
    instead of not at all. Source: the calls in Vault's physical/dynamodb, v1.18.0 and v1.21.0.
    """
    return document(
        {
            "Sid": "KeepVaultsEntriesAndLock",
            "Effect": "Allow",
            "Action": [
                "dynamodb:BatchWriteItem",
                "dynamodb:DeleteItem",
                "dynamodb:DescribeTable",
                "dynamodb:GetItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
            ],
            "Resource": table_arn,
        }
    )


def vault_seal_key(partition: str, account_id: str, role_arn: str) -> Document:
    """The key policy of Vault's seal: Vault's role uses the key, IAM decides who administers it.

    No administrator decrypts with it, whatever their IAM policies say, before they have changed this policy,
    which CloudTrail shows. `*` is this key: a key policy belongs to one. Source: HashiCorp, "AWS KMS seal".
    """
    return document(
        {
            "Sid": "LetIamDecideWhoAdministersTheKey",
            "Effect": "Allow",
            "Principal": {"AWS": account_root_arn(partition, account_id)},
            "Action": _KEY_ADMINISTRATION,
            "Resource": "*",
        },
        {
            "Sid": "LetVaultSealAndUnseal",
            "Effect": "Allow",
            "Principal": {"AWS": role_arn},
            "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"],
            "Resource": "*",
        },
    )


def _partition_region_account(arn: str) -> tuple[str, str, str]:
    _, partition, _, region, account_id, _ = arn.split(":", 5)
    return partition, region, account_id


# --- Alarms
# ---------


def alarm_key(partition: str, account_id: str) -> Document:
    """The key of a topic of alarms: IAM decides who administers it, EventBridge alone uses it.

    EventBridge cannot use SNS's own key, and an alarm that cannot be encrypted is lost without a word. So is
    one whose key asks for aws:SourceAccount or aws:SourceArn, which AWS does not support here; the topic's
    policy names the rules.

    Source: SNS Developer Guide, "Managing Amazon SNS encryption keys and costs".
    """
    return document(
        {
            "Sid": "LetIamDecideWhoAdministersTheKey",
            "Effect": "Allow",
            "Principal": {"AWS": account_root_arn(partition, account_id)},
            "Action": _KEY_ADMINISTRATION,
            "Resource": "*",
        },
        {
            "Sid": "AllowEventBridgeToEncryptAlarms",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
        },
    )


def alarm_topic(topic_arn: str, rule_arns: Sequence[str]) -> Document:
    """Nobody outside the account publishes, and of AWS's services only these rules of EventBridge."""
    return document(
        {
            "Sid": "AllowTheAlarmRulesToPublish",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": sorted(rule_arns)}},
        }
    )


# Of an object: deleting, overwriting, and what makes either possible later.
_CHANGING_LOGS = [
    "s3:BypassGovernanceRetention",
    "s3:DeleteObject",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectVersionTagging",
    "s3:PutObject",
    "s3:PutObjectAcl",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
    "s3:ReplicateDelete",
    "s3:ReplicateObject",
]
# Of the bucket. Never among them: reading, writing and deleting its policy, by which root unlocks it.
_CHANGING_THE_BUCKET = [
    "s3:DeleteBucket",
    "s3:PutBucketAcl",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutReplicationConfiguration",
]


def trail_bucket(
    account_id: str, *, bucket_arn: str, trail_arn: str, administrators: Sequence[str] = ()
) -> Document:
    """CloudTrail writes this one trail's logs, everybody speaks TLS to the bucket itself, and with
    `administrators` (ARNs of users and roles) nobody else deletes or overwrites logs, or changes what keeps
    them.

    A service that acts for itself has no aws:PrincipalArn, which a negated operator takes for another one:
    without the second condition CloudTrail's own deliveries would be denied. Whoever may write the bucket's
    policy, root among them, can lift the denial, and CloudTrail shows that; a key's or a topic's policy has
    none, as one that binds root there could be undone by AWS Support alone.

    Source: CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail"; IAM User Guide, "AWS global
    condition context keys", aws:PrincipalIsAWSService.
    """
    by_others = {
        "ArnNotEquals": {"aws:PrincipalArn": sorted(administrators)},
        "Bool": {"aws:PrincipalIsAWSService": "false"},
    }
    kept = [
        {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": actions,
            "Resource": resource,
            "Condition": by_others,
        }
        for sid, actions, resource in (
            ("DenyChangingLogs", _CHANGING_LOGS, f"{bucket_arn}/*"),
            ("DenyChangingWhatKeepsThem", _CHANGING_THE_BUCKET, bucket_arn),
        )
        if administrators
    ]
    cloudtrail = {"Service": "cloudtrail.amazonaws.com"}
    from_this_trail = {"aws:SourceArn": trail_arn}
    return document(
        {
            "Sid": "AllowCloudTrailToCheckTheBucket",
            "Effect": "Allow",
            "Principal": cloudtrail,
            "Action": "s3:GetBucketAcl",
            "Resource": bucket_arn,
            "Condition": {"StringEquals": from_this_trail},
        },
        {
            "Sid": "AllowCloudTrailToWriteLogs",
            "Effect": "Allow",
            "Principal": cloudtrail,
            "Action": "s3:PutObject",
            "Resource": f"{bucket_arn}/AWSLogs/{account_id}/*",
            "Condition": {"StringEquals": {**from_this_trail, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
        {
            "Sid": "DenyPlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket_arn, f"{bucket_arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        # Who asks by an access point is judged by the access point's ARN, which a denial of this bucket in
        # the caller's own policies does not name. Nobody needs one here.
        {
            "Sid": "DenyAccessPoints",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket_arn, f"{bucket_arn}/*"],
            "Condition": {"Null": {"s3:DataAccessPointArn": "false"}},
        },
        *kept,
    )
