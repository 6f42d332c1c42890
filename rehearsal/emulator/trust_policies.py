"""What a role's trust policy allows alone, without a policy of the caller's.

Gap: MiniStack wants an identity policy even where the trust policy of a role in the same account names the
caller.

AWS ("Policy evaluation logic", "Permissions boundaries for IAM entities", "Session policies"): within one
account a trust policy that names the user or role itself is enough; one that names the account is not. Where
it names the user or the session, an implicit denial in a boundary or session policy does not limit it; where
it names the *role* that the caller is a session of, both must allow the call as well.

The statement's conditions are judged with the rest of the trust policy, by those of its statements alone that
name the caller.
"""

from typing import Any

from rehearsal.emulator import request
from rehearsal.emulator.ec2_authorization import Check
from rehearsal.emulator.upstream import account_id, evaluator, iam, responses

DECIDED = frozenset({"sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"})
_DIRECTLY, _BY_ROLE = "directly", "by its role"


def _statements(document: Any) -> list[dict[str, Any]]:
    loaded = evaluator.json.loads(document or "{}") if isinstance(document, str) else document
    statements = loaded.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _allows(statement: dict[str, Any], action: str) -> bool:
    listed = statement.get("Action", [])
    patterns = listed if isinstance(listed, list) else [listed]
    return statement.get("Effect") == "Allow" and any(
        evaluator.fnmatch_iam(action, each) for each in patterns
    )


def _names(statement: dict[str, Any], caller: str, how: str) -> bool:
    principal = statement.get("Principal", {})
    names = evaluator._names_caller_directly if how == _DIRECTLY else evaluator._names_caller
    return bool(names(principal, caller))


def _within_limits(check: Check) -> bool:
    """Whether the caller's boundary and session policies allow it."""
    caller = evaluator.resolve_principal(request.current().access_key_id, account_id())
    if isinstance(caller, evaluator.AuthError):
        return False
    context = evaluator.EvalContext(
        principal_arn=caller.arn,
        principal_type=caller.type,
        principal_account=caller.account,
        action=check.action,
        resource_arn=check.resource,
        region=responses.get_region(),
        service_context={name.lower(): value for name, value in check.keys.items()},
        principal_keys=caller.keys,
    )
    layers = ([statement for statements in layer for statement in statements] for layer in caller.limits)
    return all(evaluator._first_match(context, statements, "Allow") for statements in layers)


def decides_alone(check: Check) -> bool:
    """Whether the trust policy of a role of the caller's own account is enough; it is still to be met."""
    if f":{account_id()}:role/" not in check.resource:
        return False
    role = iam._roles.get(check.resource.rsplit("/", 1)[-1]) or {}
    named = [s for s in _statements(role.get("AssumeRolePolicyDocument")) if _allows(s, check.action)]
    caller = request.caller_arn()
    for how in (_BY_ROLE, _DIRECTLY) if _within_limits(check) else (_DIRECTLY,):
        if any(_names(statement, caller, how) for statement in named):
            request.current().by_trust_alone[check.action] = how
            return True
    return False


def _remaining(document: Any, action: str, caller: str, how: str) -> dict[str, Any]:
    """The trust policy without the statements that allow the action to others."""
    kept = [s for s in _statements(document) if not _allows(s, action) or _names(s, caller, how)]
    return {"Version": "2012-10-17", "Statement": kept}


def apply() -> None:
    evaluate = evaluator.evaluate_trust_policy

    def evaluate_trust_policy(document: Any, caller: str, context: Any = None) -> bool:
        how = request.current().by_trust_alone.get(getattr(context, "action", ""))
        if how:
            document = _remaining(document, context.action, caller, how)
        return bool(evaluate(document, caller, context))

    evaluator.evaluate_trust_policy = evaluate_trust_policy
