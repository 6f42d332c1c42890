"""The policy simulator.

Gap: MiniStack's ignores context entries, variables, boundaries, groups, all resources but the first, and
paths in the principal's ARN.

AWS ("SimulatePrincipalPolicy", "SimulateCustomPolicy"): the principal's policies, those of its groups and
its boundary, or the policies and boundary given; each action on each resource; a context key that is not
given is absent, also the ones a real request always has, and is named in MissingContextValues.

Simulated with a resource policy: not supported, and refused.
"""

from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from rehearsal.emulator.upstream import (
    Parameters,
    Response,
    account_id,
    evaluator,
    iam,
    iam_answer,
    iam_handlers,
    members,
    parameter,
    refuse,
)

_DECISION = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}


class _Context(evaluator.EvalContext):  # type: ignore[misc]
    """A simulated request: it has the keys it was given, and remembers the ones it was asked for in vain."""

    keys: dict[str, Any]
    missing: set[str]


@dataclass
class _Principal:
    arn: str
    account: str
    policies: list[list[Any]] = field(default_factory=list)
    boundary: list[list[list[Any]]] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)


def _context_entries(parameters: Parameters) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    number = 1
    while name := parameter(parameters, f"ContextEntries.member.{number}.ContextKeyName"):
        values = members(parameters, f"ContextEntries.member.{number}.ContextKeyValues")
        kind = parameter(parameters, f"ContextEntries.member.{number}.ContextKeyType")
        keys[name.lower()] = values if kind.endswith("List") else next(iter(values), None)
        number += 1
    return keys


def _tag_keys(record: dict[str, Any]) -> dict[str, Any]:
    return {f"aws:principaltag/{tag['Key'].lower()}": tag["Value"] for tag in record.get("Tags") or []}


def _group_policies(name: str, account: str) -> list[list[Any]]:
    inline = (iam._group_inline_policies.get(name) or {}).values()
    managed = [
        evaluator._resolve_managed_policy_document(arn, account)
        for arn in (iam._groups.get(name) or {}).get("AttachedPolicies", [])
    ]
    return [evaluator.parse_policy_document(document) for document in [*inline, *managed] if document]


def _principal(arn: str) -> _Principal | None:
    account, resource = arn.split(":", 5)[4:6]
    kind, _, path = resource.partition("/")
    name = path.rsplit("/", 1)[-1]
    store = {"user": iam._users, "role": iam._roles, "group": iam._groups}.get(kind)
    record = store.get(name) if store is not None else None
    if record is None or record["Arn"] != arn or account != account_id():
        return None
    principal = _Principal(arn, account, keys={"aws:principalarn": arn, "aws:principalaccount": account})
    if kind == "group":
        principal.policies = _group_policies(name, account)
        return principal
    principal.keys |= _tag_keys(record)
    principal.boundary = evaluator._permissions_boundary(store, name, account)
    if kind == "user":
        principal.policies = evaluator._gather_user_policies(name, account)
        principal.keys |= {"aws:username": name, "aws:userid": record["UserId"], "aws:principaltype": "User"}
    else:
        principal.policies = evaluator._gather_role_policies(name, account)
        principal.keys["aws:principaltype"] = "AssumedRole"
    return principal


def _matched(statement: Any) -> str:
    return (
        f"<member><SourcePolicyId>{escape(statement.matched_sid)}</SourcePolicyId></member>"
        if statement.matched_sid
        else ""
    )


def _result(principal: _Principal, action: str, resource: str, keys: dict[str, Any]) -> str:
    context = _Context(
        principal_arn=principal.arn,
        principal_type="User",
        principal_account=principal.account,
        action=action,
        resource_arn=resource,
        region="",
    )
    context.keys, context.missing = principal.keys | keys, set()
    verdict = evaluator.evaluate(context, principal.policies, *principal.boundary)
    missing = "".join(f"<member>{escape(key)}</member>" for key in sorted(context.missing))
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
        f"<EvalDecision>{_DECISION[verdict.decision]}</EvalDecision>"
        f"<MatchedStatements>{_matched(verdict)}</MatchedStatements>"
        f"<MissingContextValues>{missing}</MissingContextValues></member>"
    )


def _simulate(action: str, parameters: Parameters, principal: _Principal) -> Response:
    if parameter(parameters, "ResourcePolicy"):
        return refuse(400, "InvalidInput", "The emulated AWS does not simulate resource policies.")
    if not members(parameters, "ActionNames"):
        return refuse(400, "ValidationError", "ActionNames must not be empty.")
    principal.policies += [
        evaluator.parse_policy_document(text) for text in members(parameters, "PolicyInputList")
    ]
    given = members(parameters, "PermissionsBoundaryPolicyInputList")
    if given:
        principal.boundary = [[evaluator.parse_policy_document(text) for text in given]]
    keys = _context_entries(parameters)
    results = "".join(
        _result(principal, name, resource, keys)
        for name in members(parameters, "ActionNames")
        for resource in members(parameters, "ResourceArns") or ["*"]
    )
    return iam_answer(
        action, f"<EvaluationResults>{results}</EvaluationResults><IsTruncated>false</IsTruncated>"
    )


def _simulate_principal(parameters: Parameters) -> Response:
    arn = parameter(parameters, "PolicySourceArn")
    principal = _principal(arn) if arn.count(":") >= 5 else None
    if principal is None:
        return refuse(404, "NoSuchEntity", f"Principal {arn} cannot be found.")
    caller = parameter(parameters, "CallerArn")
    if caller:
        principal.keys["aws:principalarn"] = caller
    return _simulate("SimulatePrincipalPolicy", parameters, principal)


def _simulate_custom(parameters: Parameters) -> Response:
    principal = _Principal(f"arn:aws:iam::{account_id()}:root", account_id())
    return _simulate("SimulateCustomPolicy", parameters, principal)


def apply() -> None:
    resolve = evaluator._resolve_condition_key

    def resolve_condition_key(key: str, context: Any) -> Any:
        if not isinstance(context, _Context):
            return resolve(key, context)
        name = key.lower()
        if name in ("aws:currenttime", "aws:epochtime") and name not in context.keys:
            return resolve(key, context)
        value = context.keys.get(name)
        if value is None:
            context.missing.add(key)
        return value

    evaluator._resolve_condition_key = resolve_condition_key
    iam_handlers["SimulatePrincipalPolicy"] = _simulate_principal
    iam_handlers["SimulateCustomPolicy"] = _simulate_custom
