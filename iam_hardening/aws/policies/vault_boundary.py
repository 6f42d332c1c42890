"""`vault_issued_user_boundary`, the boundary of every user that Vault issues: such a user leaves nothing
behind that outlives its lease, and does not reach what protects the account.

The boundary allows nothing alone. It allows everything but identity services, of which it allows some
reads, so that an action that AWS adds tomorrow is refused. It denies the same explicitly, because an implicit
denial does not limit a resource policy that names the user.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from iam_hardening.aws.naming import VAULT_NODE_TAG
from iam_hardening.aws.policies.documents import Document, Statement, document

# Services in which someone becomes, makes or trusts an identity: the boundary allows nothing of them but
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

# Actions of other services that issue what outlives a lease: a token or credentials good for longer, or
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
    """What of this account the users and sessions of Vault must not touch, in addition to what every
    account has.

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
    account's root, a token for AWS or for others) is out of its reach, with any policy of the role. It
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
