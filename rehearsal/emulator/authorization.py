"""The decision on one call: everything AWS asks in addition to the policy on the call's own action.

Gap: MiniStack never asks for `iam:PassRole`, authorises a call on one resource only, names no resource when
it refuses, knows no refusal that stands above policies, and asks for nothing in addition when a call gives
tags.

AWS ("Grant a user permissions to pass a role to an AWS service"): giving a role to an instance profile, an
instance, a trail or EventBridge needs `iam:PassRole` on the role's ARN, with `iam:PassedToService`. "Set an
account password policy": `AllowUsersToChangePassword` lets users change their own password without a policy.
"""

from typing import Any

from rehearsal.emulator import (
    access_analyzer,
    action_table,
    dynamodb_tables,
    ec2_authorization,
    iam_resources,
    kms_keys,
    mfa,
    passwords,
    recorded_calls,
    request,
    s3_authorization,
    sessions,
    source_identity,
    trust_policies,
)
from rehearsal.emulator.ec2_authorization import Check
from rehearsal.emulator.upstream import Parameters, actions, evaluator, iam, parameter

_UNCERTAIN = "The emulated AWS cannot tell which permission this call needs, and refuses it:"
_INSTANCE_SERVICE = "ec2.amazonaws.com"
_GIVES_A_PROFILE_TO_AN_INSTANCE = frozenset(
    {"ec2:RunInstances", "ec2:AssociateIamInstanceProfile", "ec2:ReplaceIamInstanceProfileAssociation"}
)


def _passed_role(action: str, parameters: Parameters) -> dict[str, Any] | None:
    if action == "iam:AddRoleToInstanceProfile":
        role_name = parameter(parameters, "RoleName")
    elif action in _GIVES_A_PROFILE_TO_AN_INSTANCE:
        name = parameter(parameters, "IamInstanceProfile.Name")
        arn = parameter(parameters, "IamInstanceProfile.Arn")
        profile = iam._instance_profiles.get(name or arn.rsplit("/", 1)[-1]) or {}
        role_name = next(iter(profile.get("Roles") or []), "")
    else:
        return None
    role: dict[str, Any] | None = iam._roles.get(role_name)
    return role


def _passed_to_services(action: str) -> list[Check]:
    """The permission to pass each role that the call gives to a service itself."""
    data = request.current().data()
    targets = data.get("Targets") if isinstance(data.get("Targets"), list) else []
    named = {
        "cloudtrail:CreateTrail": [data.get("CloudWatchLogsRoleArn")],
        "cloudtrail:UpdateTrail": [data.get("CloudWatchLogsRoleArn")],
        "events:PutRule": [data.get("RoleArn")],
        "events:PutTargets": [target.get("RoleArn") for target in targets or []],
    }
    service = {"iam:PassedToService": f"{action.split(':', 1)[0]}.amazonaws.com"}
    return [Check("iam:PassRole", str(arn), service) for arn in named.get(action, []) if arn]


def _all_checks(action: str, service: str, resource: str, keys: dict[str, Any], region: str) -> list[Check]:
    parameters = request.current().parameters
    if service == "s3":
        keys = keys | s3_authorization.keys_of_tags(action)
    if service == "ec2":
        needed = ec2_authorization.checks(action, resource, parameters, region)
    elif service == "kms":
        needed = list(kms_keys.checks(action, keys))
    elif service == "dynamodb":
        needed = list(dynamodb_tables.checks(action, resource, keys))
    else:
        needed = [
            Check(name, each, keys)
            for name in action_table.actions_of(action)
            for each in (resource, *request.current().further_resources)
        ]
        if service == "iam":
            target = iam_resources.renamed_to(action.split(":", 1)[1], parameters)
            needed += [Check(action, target, keys)] if target else []
        if service == "sts" and source_identity.given():
            needed.append(Check("sts:SetSourceIdentity", resource, keys))
        if keys.get("aws:TagKeys") or keys.get("s3:RequestObjectTagKeys"):
            needed += [Check(name, resource, keys) for name in action_table.tagging(action)]
    if action == "access-analyzer:CreateAnalyzer":
        needed += access_analyzer.service_linked_role()
    needed += _passed_to_services(action)
    role = _passed_role(action, parameters)
    if role is not None:
        needed.append(Check("iam:PassRole", role["Arn"], {"iam:PassedToService": _INSTANCE_SERVICE}))
    return [
        Check(check.action, action_table.resource_of(check.action, check.resource), check.keys)
        for check in needed
    ]


def _allowed_without_identity_policy(denied: Any, check: Check) -> bool:
    if isinstance(denied, evaluator.AuthError) or denied.decision != "ImplicitDeny":
        return False
    if check.action in trust_policies.DECIDED:
        return trust_policies.decides_alone(check)
    return passwords.users_may_change_their_own(check.action, check.resource)


def apply() -> None:
    enforce_one = evaluator.enforce
    extract_action = actions.extract_iam_action
    denied_response = actions.access_denied_response

    def extract_iam_action(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, parameters: Parameters
    ) -> str | None:
        request.current().parameters = parameters
        request.current().body = body
        request.current().headers = headers
        action: str | None = extract_action(service, method, path, headers, body, parameters)
        request.current().action = action or ""
        return action

    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        keys = service_context or {}
        for check in _all_checks(iam_action, service, resource_arn, keys, region):
            recorded_calls.add(access_key_id, check.action)
            denied = enforce_one(
                access_key_id,
                check.action,
                service,
                region,
                resource_arn=check.resource,
                service_context=check.keys,
            )
            if denied is not None and not _allowed_without_identity_policy(denied, check):
                current = request.current()
                current.denied_action, current.denied_resource = check.action, check.resource
                return denied
            problem = action_table.refusal(check.action, check.resource)
            # A KMS key that is not there has no ARN; the call finds nothing.
            finds_nothing = service == "kms" and check.resource == "*"
            if problem and not finds_nothing and not request.caller_is_root():
                return evaluator.AuthError("AccessDenied", f"{_UNCERTAIN} {problem}")
        if request.current().unknown_key and not request.caller_is_root():
            problem = f"its {request.current().unknown_key} is not known here, and a policy asks for it."
            return evaluator.AuthError("AccessDenied", f"{_UNCERTAIN} {problem}")
        # Only now: who cannot prove who they are learns nothing about devices and sessions.
        refusal = sessions.refusal(iam_action) or mfa.self_management_refusal(
            iam_action, request.current().parameters
        )
        return evaluator.AuthError("AccessDenied", refusal) if refusal else None

    def access_denied_response(
        service: str, action: str, principal_arn: str, request_id: str, **answer: Any
    ) -> tuple[int, dict[str, str], bytes]:
        current = request.current()
        if not answer.get("error_code") and not answer.get("resource_policy_arn"):
            answer["message"] = actions.identity_denial_message(
                current.denied_action or action,
                principal_arn,
                current.denied_resource or answer.get("resource_arn", "*"),
                bool(answer.get("explicit_deny")),
            )
        response: tuple[int, dict[str, str], bytes] = denied_response(
            service, action, principal_arn, request_id, **answer
        )
        return response

    actions.extract_iam_action = extract_iam_action
    evaluator.enforce = enforce
    actions.access_denied_response = access_denied_response
