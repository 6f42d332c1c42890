"""Every policy document, as it is sent to AWS.

What AWS makes of them is not proved here: the behaviour tests and the rehearsal make real calls.
"""

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from iam_hardening.aws import policies
from iam_hardening.aws.policies import alarms as alarms_policies
from iam_hardening.aws.policies import documents, vault_boundary
from iam_hardening.aws.policies import people as people_policies
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.aws.policies import vault as vault_policies
from iam_hardening.aws.policies import vault_server as vault_server_policies
from iam_hardening.aws.quotas import TRUST_POLICY_LENGTH

CENTRAL, DEV = "111111111111", "222222222222"
BOUNDARY = f"arn:aws:iam::{DEV}:policy/vault-issued-user-boundary"
INSTANCE = f"arn:aws-us-gov:ec2:us-gov-west-1:{DEV}:instance/i-0123456789abcdef0"
WITHOUT_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def test_without_mfa_everything_but_enrolling_ones_own_device_is_denied() -> None:
    assert json.loads(documents.render(people_policies.enforce_mfa("aws", CENTRAL))) == document(
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
            "NotResource": [
                "arn:aws:iam::111111111111:user/${aws:username}",
                "arn:aws:iam::111111111111:user/*/${aws:username}",
            ],
            "Condition": WITHOUT_MFA,
        },
    )


def test_strict_onboarding_denies_enrolment_without_mfa_to_whoever_is_not_marked_as_new() -> None:
    *others, strict = people_policies.enforce_mfa("aws", CENTRAL, strict_onboarding=True)["Statement"]
    assert others == people_policies.enforce_mfa("aws", CENTRAL)["Statement"]
    assert strict == {
        "Sid": "DenyEnrolmentOfWhoIsNotNewIfNoMFA",
        "Effect": "Deny",
        "Action": ["iam:ChangePassword", "iam:EnableMFADevice"],
        "Resource": "*",
        "Condition": {**WITHOUT_MFA, "StringNotEquals": {"aws:PrincipalTag/Onboarding": "new"}},
    }


def test_the_break_glass_user_is_denied_keys_of_its_own() -> None:
    assert people_policies.no_own_access_keys("aws-cn", CENTRAL) == document(
        {
            "Sid": "DenyOwnAccessKeys",
            "Effect": "Deny",
            "Action": "iam:CreateAccessKey",
            "Resource": [
                "arn:aws-cn:iam::111111111111:user/${aws:username}",
                "arn:aws-cn:iam::111111111111:user/*/${aws:username}",
            ],
        }
    )


def test_what_is_exempt_without_mfa_is_bound_to_ones_own_user_wherever_it_can_be() -> None:
    everything_but, others = people_policies.enforce_mfa("aws", CENTRAL)["Statement"]
    # These have no resource to bind them to, or `mfa/*` only.
    unbindable = {
        "iam:CreateVirtualMFADevice",
        "iam:ListVirtualMFADevices",
        "iam:GetAccountPasswordPolicy",
        "sts:GetSessionToken",
    }
    assert set(everything_but["NotAction"]) - set(others["Action"]) == unbindable


def test_self_service_allows_ones_own_password_and_device_and_the_rest_with_mfa_only() -> None:
    own_user = [
        "arn:aws:iam::111111111111:user/${aws:username}",
        "arn:aws:iam::111111111111:user/*/${aws:username}",
    ]
    assert json.loads(documents.render(people_policies.self_service("aws", CENTRAL))) == document(
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
            "Resource": "arn:aws:iam::111111111111:mfa/*",
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
            "Resource": "arn:aws:iam::111111111111:mfa/*",
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


def test_self_service_never_gives_a_tag() -> None:
    for statement in people_policies.self_service("aws", CENTRAL)["Statement"]:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert not [action for action in actions if "Tag" in action or "*" in action]


def test_a_group_may_assume_exactly_the_roles_named() -> None:
    roles = [f"arn:aws:iam::{DEV}:role/b", f"arn:aws:iam::{DEV}:role/a"]
    assert people_policies.assume_roles(roles) == document(
        {
            "Sid": "AllowAssumingTheseRoles",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": [f"arn:aws:iam::{DEV}:role/a", f"arn:aws:iam::{DEV}:role/b"],
        }
    )


@pytest.mark.parametrize(
    ("require_mfa", "principals", "condition"),
    [
        (True, [], WITH_MFA),
        (
            True,
            [f"arn:aws:iam::{CENTRAL}:user/Zoe", f"arn:aws:iam::{CENTRAL}:user/Alice"],
            {
                **WITH_MFA,
                "ArnEquals": {
                    "aws:PrincipalArn": [
                        f"arn:aws:iam::{CENTRAL}:user/Alice",
                        f"arn:aws:iam::{CENTRAL}:user/Zoe",
                    ]
                },
            },
        ),
        (
            False,
            [f"arn:aws:iam::{CENTRAL}:user/Alice"],
            {"ArnEquals": {"aws:PrincipalArn": [f"arn:aws:iam::{CENTRAL}:user/Alice"]}},
        ),
        (False, [], None),
    ],
)
def test_a_role_trusts_one_account_under_conditions(
    require_mfa: bool, principals: list[str], condition: dict[str, Any] | None
) -> None:
    trust = roles_policies.trust_account(
        "aws-cn", CENTRAL, require_mfa=require_mfa, principal_arns=principals
    )
    statement = {
        "Sid": "AllowTheCentralAccount",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws-cn:iam::111111111111:root"},
        "Action": "sts:AssumeRole",
    }
    assert trust == document(statement | ({"Condition": condition} if condition else {}))


@pytest.mark.parametrize(
    ("options", "condition"),
    [
        ({"mfa_max_age_seconds": 3600}, {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}),
        (
            {"session_name_is_user_name": True},
            {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}},
        ),
    ],
    ids=["MFA not older than", "sessions named after users"],
)
def test_a_trust_narrows_to_fresh_mfa_and_to_sessions_that_say_who(
    options: dict[str, Any], condition: dict[str, Any]
) -> None:
    trust = roles_policies.trust_account("aws", CENTRAL, require_mfa=True, **options)
    assert trust["Statement"][0]["Condition"] == WITH_MFA | condition


@pytest.mark.parametrize("principals", [[], [f"arn:aws:iam::{CENTRAL}:role/service"]])
def test_a_third_party_is_trusted_with_the_agreed_id_only(principals: list[str]) -> None:
    condition: dict[str, Any] = {"StringEquals": {"sts:ExternalId": "agreed"}}
    if principals:
        condition["ArnEquals"] = {"aws:PrincipalArn": principals}
    trust = roles_policies.trust_third_party("aws", CENTRAL, external_id="agreed", principal_arns=principals)
    assert trust == document(
        {
            "Sid": "AllowTheThirdParty",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
            "Action": "sts:AssumeRole",
            "Condition": condition,
        }
    )


def test_revoking_denies_everything_to_sessions_issued_before_a_moment_and_to_no_other() -> None:
    assert roles_policies.revoke_older_sessions("2026-01-31T12:00:01Z") == document(
        {
            "Sid": "DenySessionsIssuedBefore",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-01-31T12:00:01Z"}},
        }
    )


def test_one_trust_does_not_change_the_next() -> None:
    roles_policies.trust_account(
        "aws", CENTRAL, require_mfa=True, principal_arns=[f"arn:aws:iam::{CENTRAL}:user/A"]
    )
    assert people_policies.WITH_MFA == WITH_MFA


@pytest.mark.parametrize(
    ("partition", "service"),
    [
        ("aws", "ec2.amazonaws.com"),
        ("aws-us-gov", "ec2.amazonaws.com"),
        ("aws-cn", "ec2.amazonaws.com.cn"),
    ],
)
def test_an_instance_role_trusts_ec2_without_source_conditions(partition: str, service: str) -> None:
    assert roles_policies.trust_ec2(partition) == document(
        {
            "Sid": "AllowEC2Instances",
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
        }
    )


def test_debugging_reaches_one_instance_and_ones_own_sessions() -> None:
    assert roles_policies.debug_instance(INSTANCE) == [
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
            "Resource": [
                INSTANCE,
                f"arn:aws-us-gov:ssm:us-gov-west-1:{DEV}:document/SSM-SessionManagerRunShell",
            ],
            "Condition": {"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}},
        },
        {
            "Sid": "SpeakInOwnSessions",
            "Effect": "Allow",
            "Action": "ssmmessages:OpenDataChannel",
            "Resource": f"arn:aws-us-gov:ssm:us-gov-west-1:{DEV}:session/${{aws:userid}}-*",
        },
        {
            "Sid": "EndOwnSessions",
            "Effect": "Allow",
            "Action": ["ssm:ResumeSession", "ssm:TerminateSession"],
            "Resource": f"arn:aws-us-gov:ssm:us-gov-west-1:{DEV}:session/*",
            "Condition": {"StringEquals": {"ssm:resourceTag/aws:ssmmessages:session-id": "${aws:userid}"}},
        },
    ]


def test_the_agent_writes_down_shells_in_one_log_group_and_reads_none_of_it() -> None:
    group = f"arn:aws-us-gov:logs:us-gov-west-1:{DEV}:log-group:/shells"
    assert roles_policies.write_session_logs(group) == document(
        {
            "Sid": "WriteShellSessions",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": f"{group}:*",
        },
        {
            "Sid": "FindTheLogGroup",
            "Effect": "Allow",
            "Action": "logs:DescribeLogGroups",
            "Resource": "*",
        },
    )


def test_vaults_principal_touches_only_users_it_issued_and_only_within_the_boundary() -> None:
    issued = "arn:aws:iam::222222222222:user/vault/*"
    arns = ["arn:aws:iam::aws:policy/B", "arn:aws:iam::aws:policy/A"]
    made = vault_policies.vault_principal("aws", DEV, boundary_arn=BOUNDARY, attachable_policy_arns=arns)
    assert made == document(
        {
            "Sid": "CreateUsersWithTheBoundaryOnly",
            "Effect": "Allow",
            "Action": ["iam:CreateUser", "iam:PutUserPolicy"],
            "Resource": issued,
            "Condition": {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}},
        },
        {
            "Sid": "AttachTheConfiguredPoliciesOnly",
            "Effect": "Allow",
            "Action": "iam:AttachUserPolicy",
            "Resource": issued,
            "Condition": {
                "StringEquals": {"iam:PermissionsBoundary": BOUNDARY},
                "ArnEquals": {"iam:PolicyARN": sorted(arns)},
            },
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
                "iam:ListGroupsForUser",
                "iam:ListUserPolicies",
                "iam:TagUser",
            ],
            "Resource": issued,
        },
    )


def test_without_managed_policies_vaults_principal_may_attach_none() -> None:
    made = vault_policies.vault_principal("aws", DEV, boundary_arn=BOUNDARY, attachable_policy_arns=[])
    assert [statement["Sid"] for statement in made["Statement"]] == [
        "CreateUsersWithTheBoundaryOnly",
        "IssueListAndRemoveTheseUsers",
    ]


def test_vaults_principal_assumes_the_configured_roles_and_issues_no_users_where_none_are_asked_for() -> None:
    roles = [f"arn:aws:iam::{DEV}:role/vault-aws-b", f"arn:aws:iam::{DEV}:role/vault-aws-a"]
    made = vault_policies.vault_principal(
        "aws",
        DEV,
        boundary_arn=BOUNDARY,
        attachable_policy_arns=[],
        issues_users=False,
        assumable_role_arns=roles,
    )
    assert made == document(
        {
            "Sid": "AssumeTheConfiguredRolesOnly",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": sorted(roles),
        }
    )


def test_a_role_for_vault_trusts_its_principal_and_nobody_else() -> None:
    principal = f"arn:aws:iam::{DEV}:user/vault-secrets-engine"
    assert vault_policies.trust_vault(principal) == document(
        {
            "Sid": "AllowVault",
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": "sts:AssumeRole",
        }
    )


def test_vault_must_send_the_agreed_id_and_just_these_tags() -> None:
    made = vault_policies.trust_vault("arn:p", external_id="agreed", session_tags={"team": "a", "job": "b"})
    assert made == document(
        {
            "Sid": "AllowVault",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:p"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {
                    "sts:ExternalId": "agreed",
                    "aws:RequestTag/job": "b",
                    "aws:RequestTag/team": "a",
                },
                "ForAllValues:StringEquals": {"aws:TagKeys": ["job", "team"]},
            },
        },
        {
            "Sid": "AllowVaultToTagItsSessions",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:p"},
            "Action": "sts:TagSession",
            "Condition": {
                "StringEquals": {"aws:RequestTag/job": "b", "aws:RequestTag/team": "a"},
                "ForAllValues:StringEquals": {"aws:TagKeys": ["job", "team"]},
            },
        },
    )


def test_vaults_principal_uses_the_configured_groups_and_tags_the_sessions_of_the_roles_that_ask_for_it() -> (
    None
):
    made = vault_policies.vault_principal(
        "aws",
        DEV,
        boundary_arn=BOUNDARY,
        attachable_policy_arns=[],
        assumable_role_arns=["arn:b", "arn:a"],
        taggable_role_arns=["arn:b"],
        group_arns=[f"arn:aws:iam::{DEV}:group/b", f"arn:aws:iam::{DEV}:group/a"],
    )
    of_sid = {statement["Sid"]: statement for statement in made["Statement"]}
    assert of_sid["TagTheirSessions"] == {
        "Sid": "TagTheirSessions",
        "Effect": "Allow",
        "Action": "sts:TagSession",
        "Resource": ["arn:b"],
    }
    assert of_sid["UseTheConfiguredGroupsOnly"] == {
        "Sid": "UseTheConfiguredGroupsOnly",
        "Effect": "Allow",
        "Action": ["iam:AddUserToGroup", "iam:RemoveUserFromGroup"],
        "Resource": [f"arn:aws:iam::{DEV}:group/a", f"arn:aws:iam::{DEV}:group/b"],
    }


PROTECTED = vault_boundary.ProtectedByBoundary(
    log_buckets=["arn:aws:s3:::logs"],
    alarms=["arn:aws:sns:*:222222222222:alarms", "arn:aws:events:*:222222222222:rule/root-activity"],
    key_aliases=["arn:aws:kms:*:222222222222:alias/alarms"],
    tables=["arn:aws:dynamodb:us-east-1:222222222222:table/vault-server"],
    log_groups=["arn:aws:logs:us-east-1:222222222222:log-group:/shells"],
    session_documents=["arn:aws:ssm:us-east-1:222222222222:document/SSM-SessionManagerRunShell"],
    nodes=True,
)


def of_boundary(
    protected: vault_boundary.ProtectedByBoundary | None = None, also_allowed: Sequence[str] = ()
) -> dict[str, documents.Statement]:
    made = vault_boundary.vault_issued_user_boundary(protected, also_allowed)
    return {statement["Sid"]: statement for statement in made["Statement"]}


def test_the_boundary_allows_all_but_identity_services_and_of_those_reading() -> None:
    statements = of_boundary()
    allowed = [statement for statement in statements.values() if statement["Effect"] == "Allow"]
    assert allowed == [
        {
            "Sid": "AllowWhatTheRolesPoliciesAllow",
            "Effect": "Allow",
            "NotAction": [f"{service}:*" for service in vault_boundary.IDENTITY_SERVICES],
            "Resource": "*",
        },
        {
            "Sid": "AllowReadingIdentities",
            "Effect": "Allow",
            "Action": [
                "iam:GenerateCredentialReport",
                "iam:GenerateServiceLastAccessedDetails",
                "iam:Get*",
                "iam:List*",
                "iam:Simulate*",
                "sts:DecodeAuthorizationMessage",
                "sts:GetAccessKeyInfo",
                "sts:GetCallerIdentity",
            ],
            "Resource": "*",
        },
    ]
    assert {
        "iam",
        "sts",
        "signin",
        "sso",
        "sso-directory",
        "identitystore",
        "organizations",
        "account",
    } <= set(vault_boundary.IDENTITY_SERVICES)


def test_the_boundary_always_denies_what_outlives_a_lease_and_changing_the_accounts_controls() -> None:
    statements = of_boundary()
    denied = [sid for sid, statement in statements.items() if statement["Effect"] == "Deny"]
    assert denied == ["DenyWhatWouldOutliveTheLease", "DenyChangingTheAccountsControls"]
    assert all(statements[sid]["Resource"] == "*" and "Condition" not in statements[sid] for sid in denied)


def test_the_boundary_denies_what_protects_the_account() -> None:
    statements = of_boundary(PROTECTED)
    kept = list(statements)[4:]
    assert [statements[sid] for sid in kept] == [
        {
            "Sid": "DenyEndingSubscriptions",
            "Effect": "Deny",
            "Action": ["sns:Unsubscribe"],
            "Resource": "*",
        },
        {
            "Sid": "DenyLogsAlarmsAndVaultsStorage",
            "Effect": "Deny",
            "Action": ["dynamodb:*", "events:*", "logs:*", "s3:*", "sns:*"],
            "Resource": [
                "arn:aws:s3:::logs",
                "arn:aws:s3:::logs/*",
                "arn:aws:sns:*:222222222222:alarms",
                "arn:aws:events:*:222222222222:rule/root-activity",
                "arn:aws:dynamodb:us-east-1:222222222222:table/vault-server",
                "arn:aws:dynamodb:us-east-1:222222222222:table/vault-server/*",
                "arn:aws:logs:us-east-1:222222222222:log-group:/shells",
                "arn:aws:logs:us-east-1:222222222222:log-group:/shells:*",
            ],
        },
        {
            "Sid": "DenyCopyingAllLogs",
            "Effect": "Deny",
            "Action": ["logs:PutAccountPolicy"],
            "Resource": "*",
        },
        {
            "Sid": "DenyChangingShells",
            "Effect": "Deny",
            "Action": [
                "ssm:CreateDocument",
                "ssm:DeleteDocument",
                "ssm:ModifyDocument*",
                "ssm:UpdateDocument*",
            ],
            "Resource": "arn:aws:ssm:us-east-1:222222222222:document/SSM-SessionManagerRunShell",
        },
        {
            "Sid": "DenyTheirKeys",
            "Effect": "Deny",
            "Action": ["kms:*"],
            "Resource": "*",
            "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/alarms"]}},
        },
        {
            "Sid": "DenyMovingTheirAliases",
            "Effect": "Deny",
            "Action": ["kms:*Alias"],
            "Resource": "arn:aws:kms:*:222222222222:alias/alarms",
        },
        {
            "Sid": "DenyCommandsByAssociation",
            "Effect": "Deny",
            "Action": [
                "ssm:CreateAssociation*",
                "ssm:Register*Window",
                "ssm:UpdateAssociation*",
                "ssm:UpdateMaintenance*",
            ],
            "Resource": "*",
        },
        {
            "Sid": "DenyVaultsNodes",
            "Effect": "Deny",
            "Action": ["autoscaling:*", "ebs:*", "ec2-instance-connect:*", "ec2:*", "ssm:*"],
            "Resource": "*",
            "Condition": {"Null": {"aws:ResourceTag/VaultNode": "false"}},
        },
        {
            "Sid": "DenyVaultsNodesToSystemsManager",
            "Effect": "Deny",
            "Action": ["ssm:*"],
            "Resource": "*",
            "Condition": {"Null": {"ssm:resourceTag/VaultNode": "false"}},
        },
        {
            "Sid": "DenyMarkingOrUnmarkingNodes",
            "Effect": "Deny",
            "Action": ["autoscaling:*Tags", "ec2:*Tags", "ssm:*Tags*"],
            "Resource": "*",
            "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": ["VaultNode"]}},
        },
    ]


def test_an_action_that_the_stack_file_allows_is_allowed_and_not_denied_by_its_pattern() -> None:
    before, after = of_boundary(), of_boundary(also_allowed=["organizations:ListAccounts"])
    assert after["AllowReadingIdentities"]["Action"] == [
        *before["AllowReadingIdentities"]["Action"],
        "organizations:ListAccounts",
    ]
    gone = set(before["DenyWhatWouldOutliveTheLease"]["Action"]) - set(
        after["DenyWhatWouldOutliveTheLease"]["Action"]
    )
    assert gone == {"organizations:*"}


def test_what_another_service_hands_out_is_allowed_by_leaving_out_its_denial() -> None:
    before, after = of_boundary(), of_boundary(also_allowed=["ecr:GetAuthorizationToken"])
    assert before["AllowReadingIdentities"] == after["AllowReadingIdentities"]
    gone = set(before["DenyWhatWouldOutliveTheLease"]["Action"]) - set(
        after["DenyWhatWouldOutliveTheLease"]["Action"]
    )
    assert gone == {"ecr:GetAuthorizationToken"}


def test_a_vault_policy_reads_one_roles_credentials() -> None:
    assert vault_policies.vault_read_credentials("aws/dev", "test") == (
        'path "aws/dev/creds/test" {\n'
        '  capabilities      = ["read"]\n'
        '  denied_parameters = { "role_session_name" = [] }\n'
        "}\n"
    )


def test_a_size_is_counted_as_aws_counts_it() -> None:
    """White space does not count, not even inside a text."""
    assert documents.size({"Version": "2012-10-17", "Statement": []}) == len(
        '{"Version":"2012-10-17","Statement":[]}'
    )
    assert documents.size({"Sid": "a b"}) == documents.size({"Sid": "ab"})


LISTED = [f"arn:aws:iam::{DEV}:user/Alice", f"arn:aws:iam::{DEV}:role/deployer"]
BY_OTHERS = {
    "ArnNotEquals": {"aws:PrincipalArn": sorted(LISTED)},
    "Bool": {"aws:PrincipalIsAWSService": "false"},
}


def of_bucket(**changed: Any) -> dict[str, documents.Statement]:
    made = alarms_policies.trail_bucket(DEV, bucket_arn="arn:aws:s3:::logs", trail_arn="arn:trail", **changed)
    return {statement["Sid"]: statement for statement in made["Statement"]}


def test_only_listed_principals_change_the_trails_logs_and_what_keeps_them() -> None:
    statements = of_bucket(administrators=LISTED)
    logs, bucket = statements["DenyChangingLogs"], statements["DenyChangingWhatKeepsThem"]
    for statement, resource in ((logs, "arn:aws:s3:::logs/*"), (bucket, "arn:aws:s3:::logs")):
        assert statement["Effect"] == "Deny"
        assert statement["Principal"] == "*"
        assert statement["Resource"] == resource
        assert statement["Condition"] == BY_OTHERS
    assert {"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"} <= set(logs["Action"])
    assert {"s3:PutBucketVersioning", "s3:PutLifecycleConfiguration", "s3:DeleteBucket"} <= set(
        bucket["Action"]
    )


def test_the_bucket_of_a_file_that_lists_nobody_stays_as_it_was() -> None:
    assert set(of_bucket(administrators=LISTED)) - set(of_bucket()) == {
        "DenyChangingLogs",
        "DenyChangingWhatKeepsThem",
    }


def test_root_can_always_replace_the_buckets_policy() -> None:
    for statement in of_bucket(administrators=LISTED).values():
        if statement["Condition"] == BY_OTHERS:
            assert not [a for a in statement["Action"] if "*" in a or a.endswith("BucketPolicy")]


@pytest.mark.parametrize("document", ["alarm_key", "vault_seal_key", "alarm_topic"])
def test_the_policies_of_keys_and_topics_deny_nothing(document: str) -> None:
    """A denial there binds root as well, and AWS Support alone could undo it."""
    made = EVERY_DOCUMENT[document]("aws")
    assert {statement["Effect"] for statement in made["Statement"]} == {"Allow"}


EVERY_DOCUMENT: dict[str, Callable[[str], documents.Document]] = {
    "enforce_mfa": lambda partition: people_policies.enforce_mfa(partition, CENTRAL),
    "self_service": lambda partition: people_policies.self_service(partition, CENTRAL),
    "assume_roles": lambda partition: people_policies.assume_roles(
        [f"arn:{partition}:iam::{DEV}:role/test_role"]
    ),
    "trust_account": lambda partition: roles_policies.trust_account(partition, CENTRAL, require_mfa=True),
    "trust_third_party": lambda partition: roles_policies.trust_third_party(
        partition, CENTRAL, external_id="agreed"
    ),
    "deny_secrets": roles_policies.deny_secrets,
    "revoke_older_sessions": lambda _: roles_policies.revoke_older_sessions("2026-01-31T12:00:01Z"),
    "trust_ec2": roles_policies.trust_ec2,
    "debug_instance": lambda partition: roles_policies.configured(
        roles_policies.debug_instance(f"arn:{partition}:ec2:us-gov-west-1:{DEV}:instance/i-0123456789abcdef0")
    ),
    "vault_principal": lambda partition: vault_policies.vault_principal(
        partition,
        DEV,
        boundary_arn=f"arn:{partition}:iam::{DEV}:policy/vault-issued-user-boundary",
        attachable_policy_arns=[f"arn:{partition}:iam::aws:policy/AmazonS3FullAccess"],
    ),
    "vault_issued_user_boundary": lambda partition: vault_boundary.vault_issued_user_boundary(
        vault_boundary.ProtectedByBoundary(log_buckets=[f"arn:{partition}:s3:::logs"], nodes=True)
    ),
    "no_own_access_keys": lambda partition: people_policies.no_own_access_keys(partition, CENTRAL),
    "trust_vault": lambda partition: vault_policies.trust_vault(
        f"arn:{partition}:iam::{DEV}:user/vault-secrets-engine", external_id="agreed", session_tags={"a": "b"}
    ),
    "write_session_logs": lambda partition: roles_policies.write_session_logs(
        f"arn:{partition}:logs:us-gov-west-1:{DEV}:log-group:/shells"
    ),
    "vault_storage": lambda partition: vault_server_policies.vault_storage(
        f"arn:{partition}:dynamodb:us-gov-west-1:{DEV}:table/vault-server"
    ),
    "vault_seal_key": lambda partition: vault_server_policies.vault_seal_key(
        partition, DEV, f"arn:{partition}:iam::{DEV}:role/vault-server"
    ),
    "alarm_key": lambda partition: alarms_policies.alarm_key(partition, DEV),
    "alarm_topic": lambda partition: alarms_policies.alarm_topic(
        f"arn:{partition}:sns:us-gov-west-1:{DEV}:alarms",
        [f"arn:{partition}:events:us-gov-west-1:{DEV}:rule/root-activity"],
    ),
    "trail_bucket": lambda partition: alarms_policies.trail_bucket(
        DEV,
        bucket_arn=f"arn:{partition}:s3:::logs",
        trail_arn=f"arn:{partition}:cloudtrail:us-gov-west-1:{DEV}:trail/t",
        administrators=[f"arn:{partition}:iam::{DEV}:role/deployer"],
    ),
}
every_document = pytest.mark.parametrize("name", EVERY_DOCUMENT)


def test_each_module_names_its_documents_and_these_tests_know_them_all() -> None:
    """`configured` is the stack file's own; `document` only puts statements together."""
    modules = [
        importlib.import_module(f"{policies.__name__}.{each.name}")
        for each in pkgutil.iter_modules(policies.__path__)
        if each.name != "compare"
    ]
    made = {
        name: module
        for module in modules
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__annotations__.get("return") == documents.Document
        and function.__module__ == module.__name__
        and name not in {"document", "_trust", "_denied"}
    }
    assert len(made) > 15
    assert made.keys() - {"configured"} <= set(EVERY_DOCUMENT)
    assert [name for name, module in made.items() if f"`{name}`" not in (module.__doc__ or "")] == []


@every_document
@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_every_arn_is_in_the_partition_asked_for(name: str, partition: str) -> None:
    text = documents.render(EVERY_DOCUMENT[name](partition))
    assert set(re.findall(r"arn:([^:]*):", text)) <= {partition}


@every_document
def test_every_statement_has_a_sid_of_its_own_that_iam_accepts(name: str) -> None:
    sids = [statement["Sid"] for statement in EVERY_DOCUMENT[name]("aws")["Statement"]]
    assert len(set(sids)) == len(sids)
    assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids)


@every_document
def test_nobody_unnamed_is_trusted(name: str) -> None:
    for statement in EVERY_DOCUMENT[name]("aws")["Statement"]:
        assert "NotPrincipal" not in statement
        if statement["Effect"] == "Allow":
            assert "*" not in json.dumps(statement.get("Principal", ""))


@every_document
def test_an_allow_names_its_actions(name: str) -> None:
    """The boundary's one Allow is the exception: alone it allows nothing. GenerateDataKey* is AWS's own
    spelling for EventBridge, which does not say which of the two actions it calls."""
    for statement in EVERY_DOCUMENT[name]("aws")["Statement"]:
        if statement["Effect"] == "Allow" and name != "vault_issued_user_boundary":
            assert "NotAction" not in statement
            assert "*" not in json.dumps(statement["Action"]).replace("kms:GenerateDataKey*", "")


@every_document
def test_every_document_fits_aws_with_room_to_spare(name: str) -> None:
    limit = {
        "trust_vault": TRUST_POLICY_LENGTH.default,
        "trust_account": TRUST_POLICY_LENGTH.default,
        "trust_third_party": TRUST_POLICY_LENGTH.default,
        "trust_ec2": TRUST_POLICY_LENGTH.default,
        "debug_instance": documents.USER_INLINE_POLICIES_MAX_CHARACTERS,
    }.get(name, documents.MANAGED_POLICY_MAX_CHARACTERS)
    # How large the boundary may be in an account that has everything: tests/program/test_desired_state.py.
    room = 0.9 if name == "vault_issued_user_boundary" else 0.5
    assert documents.size(EVERY_DOCUMENT[name]("aws-us-gov")) < limit * room
