"""Who may assume a role, and what the program adds to a role (workload accounts; standard roles in the
central account, too).

`trust_account` says which account's people may assume it and with what, `trust_third_party` lets another
company's service in, `trust_ec2` instances. `revoke_older_sessions` ends a role's live sessions.
`deny_secrets` keeps secrets from a third party that audits. `debug_instance` gives one instance;
`write_session_logs` lets that instance record the shells on it. `configured` renders the stack file's own
statements.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from iam_hardening.aws.naming import account_root_arn, session_document_arn
from iam_hardening.aws.policies.documents import Document, Statement, document
from iam_hardening.aws.policies.people import WITH_MFA


def trust_account(
    partition: str,
    account_id: str,
    *,
    require_mfa: bool,
    mfa_max_age_seconds: int | None = None,
    principal_arns: Sequence[str] = (),
    session_name_is_user_name: bool = False,
) -> Document:
    """Trust another account: it decides which of its principals may assume the role; MFA and the named
    principals, we do.

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
    """For another company's role: what it audits, it reads without the secrets that are next to it.

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
    """Trust EC2 to hand the role to instances. EC2 is reported to send no source (Prowler, issues 2810 and
    4714): such a condition would cut them off."""
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


def _partition_region_account(arn: str) -> tuple[str, str, str]:
    _, partition, _, region, account_id, _ = arn.split(":", 5)
    return partition, region, account_id
