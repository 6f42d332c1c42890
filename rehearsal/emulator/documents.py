"""Policy documents: what AWS refuses when one is written.

Gap: MiniStack checks little more than JSON: it takes any size, condition operators it will never match (so a
Deny may silently not hold), statements for principals in identity policies, and trust policies that name
users and roles which do not exist; and it lacks SetDefaultPolicyVersion.

AWS ("IAM JSON policy elements reference", "IAM and AWS STS quotas"): sizes count without white space: 6,144
for a managed policy, 2,048 for all inline policies of a user together, 5,120 of a group, 10,240 of a role,
2,048 for a trust policy unless AWS has raised it (`controls.py`). A trust policy
naming a user or role that does not exist is refused ("Invalid
principal in policy"), an account's root is not checked. A managed policy has at most five versions.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.emulator import controls
from rehearsal.emulator.upstream import (
    Handler,
    Parameters,
    Response,
    account_id,
    evaluator,
    iam,
    iam_answer,
    iam_handlers,
    parameter,
    refuse,
)

MANAGED_MAX = 6144
TRUST_MAX = 2048
KEY_POLICY_MAX = 32_768
INLINE_MAX = {"User": 2048, "Group": 5120, "Role": 10_240}

_VERSIONS = ("2012-10-17", "2008-10-17")
_ELEMENTS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource"}
    | {"Condition", "Principal", "NotPrincipal"}
)
_ACTION = re.compile(r"\*|[a-z0-9-]+:[A-Za-z0-9*?]+", re.IGNORECASE)
_RESOURCE = re.compile(r"\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.+", re.DOTALL)
_SID = re.compile(r"[A-Za-z0-9]*")
# A key policy may have spaces in them, as the one that KMS makes by default.
_KEY_POLICY_SID = re.compile(r"[A-Za-z0-9 ]*")
_SET_OPERATOR = re.compile(r"^(forallvalues:|foranyvalue:)?(.*?)(ifexists)?$")
_PRINCIPAL_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::(\d{12}):(root|user/.+|role/.+|assumed-role/.+)")
_SERVICE = re.compile(r"[a-z0-9.-]+\.(amazonaws\.com|amazonaws\.com\.cn|amazon\.com)")


class MalformedError(Exception):
    """Why AWS would refuse the document."""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def size(text: str) -> int:
    """Characters as AWS counts them: white space left out."""
    return len("".join(text.split()))


def _loaded(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        raise MalformedError("This policy contains invalid Json") from None
    if not isinstance(document, dict) or not document.get("Statement"):
        raise MalformedError("Syntax errors in policy.")
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS or set(document) - {
        "Version",
        "Id",
        "Statement",
    }:
        raise MalformedError("Syntax errors in policy.")
    return document


def _check_condition(condition: Any) -> None:
    if not isinstance(condition, dict):
        raise MalformedError("Syntax errors in policy.")
    for operator, block in condition.items():
        match = _SET_OPERATOR.match(operator.lower())
        name = match.group(2) if match else ""
        if (name not in evaluator._CONDITION_OPS and operator.lower() != "null") or not isinstance(
            block, dict
        ):
            raise MalformedError(f"Invalid Condition type : {operator}.")
        for values in block.values():
            if (not values and values is not False) or any(
                isinstance(v, dict | list) for v in _listed(values)
            ):
                raise MalformedError("Syntax errors in policy.")


def _check_actions(statement: Mapping[str, Any]) -> None:
    if ("Action" in statement) == ("NotAction" in statement):
        raise MalformedError("Policy statement must contain actions.")
    for action in _listed(statement.get("Action", statement.get("NotAction"))):
        if not isinstance(action, str) or not _ACTION.fullmatch(action):
            raise MalformedError(
                f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. ({action})"
            )


def _check_resources(statement: Mapping[str, Any]) -> None:
    if ("Resource" in statement) == ("NotResource" in statement):
        raise MalformedError("Policy statement must contain resources.")
    for resource in _listed(statement.get("Resource", statement.get("NotResource"))):
        if not isinstance(resource, str) or not _RESOURCE.fullmatch(resource):
            raise MalformedError(f'Resource {resource} must be in ARN format or "*".')


def _statements(document: Mapping[str, Any], sid: re.Pattern[str] = _SID) -> list[dict[str, Any]]:
    statements = _listed(document["Statement"])
    sids = [s.get("Sid") for s in statements if isinstance(s, dict) and s.get("Sid")]
    if len(sids) != len(set(sids)):
        raise MalformedError("Statement IDs (SID) in a single policy must be unique.")
    for statement in statements:
        if not isinstance(statement, dict) or set(statement) - _ELEMENTS:
            raise MalformedError("Syntax errors in policy.")
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise MalformedError("Syntax errors in policy.")
        if not sid.fullmatch(str(statement.get("Sid", ""))):
            raise MalformedError(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies [A-Za-z0-9]*."
            )
        _check_actions(statement)
        _check_condition(statement.get("Condition", {}))
    return statements


def check_identity_policy(text: str) -> None:
    """Raise MalformedError for what AWS refuses in a managed or inline policy."""
    for statement in _statements(_loaded(text)):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise MalformedError("Policy document should not specify a principal.")
        _check_resources(statement)


def _principal_exists(arn: str) -> bool:
    match = _PRINCIPAL_ARN.fullmatch(arn)
    if match is None or "*" in arn:
        return False
    service, account, resource = match.groups()
    kind, _, path = resource.partition("/")
    if kind == "root":
        return service == "iam"
    if service == "sts":
        return kind == "assumed-role"
    store = {"user": iam._users, "role": iam._roles}.get(kind)
    record = store.get_scoped(account, None, path.rsplit("/", 1)[-1]) if store is not None else None
    return record is not None and record["Arn"] == arn


def _check_principal(kind: str, principal: Any) -> None:
    checks: dict[str, Callable[[Any], bool]] = {
        "AWS": lambda p: p == "*" or bool(re.fullmatch(r"\d{12}", p)) or _principal_exists(p),
        "Service": lambda p: bool(_SERVICE.fullmatch(p)),
        "Federated": lambda p: bool(p),
    }
    known = checks.get(kind)
    if known is None or not isinstance(principal, str) or not known(principal):
        raise MalformedError(f'Invalid principal in policy: "{kind}":"{principal}"')


def _check_principals(statement: Mapping[str, Any]) -> None:
    principal = statement.get("Principal")
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal:
        raise MalformedError("Missing required field Principal")
    for kind, names in principal.items():
        for name in _listed(names):
            _check_principal(kind, name)


def check_trust_policy(text: str) -> None:
    """Raise MalformedError for what AWS refuses in a role's trust policy."""
    for statement in _statements(_loaded(text)):
        if "Resource" in statement or "NotResource" in statement:
            raise MalformedError("Has prohibited field Resource")
        if "NotPrincipal" in statement:
            raise MalformedError("AssumeRole policy must not contain NotPrincipal field.")
        if "NotAction" in statement or not all(
            a.lower().startswith("sts:") and "*" not in a for a in _listed(statement["Action"])
        ):
            raise MalformedError("AssumeRole policy may only specify STS AssumeRole actions.")
        _check_principals(statement)


def check_key_policy(text: str) -> None:
    """Raise MalformedError for what KMS refuses in a key policy."""
    if len(text) > KEY_POLICY_MAX:
        raise MalformedError(f"A key policy may have {KEY_POLICY_MAX} characters.")
    for statement in _statements(_loaded(text), _KEY_POLICY_SID):
        _check_resources(statement)
        _check_principals(statement)


def _checking(
    handler: Handler, field: str, check: Callable[[str], None], limit: Callable[[Parameters], int]
) -> Handler:
    def checked(parameters: Parameters) -> Response:
        text = parameter(parameters, field)
        try:
            check(text)
        except MalformedError as problem:
            return refuse(400, "MalformedPolicyDocument", str(problem))
        room = limit(parameters)
        if size(text) > room:
            return refuse(
                409, "LimitExceeded", f"Cannot exceed quota for this policy: {room} characters left"
            )
        return handler(parameters)

    return checked


def _inline_policies(kind: str, name: str) -> dict[str, str]:
    if kind == "Role":
        found = (iam._roles.get(name) or {}).get("InlinePolicies")
    else:
        store = iam._user_inline_policies if kind == "User" else iam._group_inline_policies
        found = store.get(name)
    return dict(found or {})


def _room_inline(kind: str) -> Callable[[Parameters], int]:
    def room(parameters: Parameters) -> int:
        replaced = parameter(parameters, "PolicyName")
        others = _inline_policies(kind, parameter(parameters, f"{kind}Name"))
        return INLINE_MAX[kind] - sum(size(text) for name, text in others.items() if name != replaced)

    return room


def _set_default_version(parameters: Parameters) -> Response:
    arn, version = parameter(parameters, "PolicyArn"), parameter(parameters, "VersionId")
    policy = iam._policies.get(arn)
    if policy is None or version not in policy["Versions"]:
        return refuse(
            404, "NoSuchEntity", f"Policy {arn} version {version} does not exist or is not attachable."
        )
    policy["DefaultVersionId"] = version
    for identifier, record in policy["Versions"].items():
        record["IsDefaultVersion"] = identifier == version
    return iam_answer("SetDefaultPolicyVersion")


def apply() -> None:
    for action in ("CreatePolicy", "CreatePolicyVersion"):
        iam_handlers[action] = _checking(
            iam_handlers[action], "PolicyDocument", check_identity_policy, lambda _: MANAGED_MAX
        )
    for kind in INLINE_MAX:
        action = f"Put{kind}Policy"
        iam_handlers[action] = _checking(
            iam_handlers[action], "PolicyDocument", check_identity_policy, _room_inline(kind)
        )
    for action, field in (
        ("CreateRole", "AssumeRolePolicyDocument"),
        ("UpdateAssumeRolePolicy", "PolicyDocument"),
    ):
        iam_handlers[action] = _checking(
            iam_handlers[action],
            field,
            check_trust_policy,
            lambda _: controls.quota(account_id(), "TrustPolicyLength", TRUST_MAX),
        )
    iam_handlers["SetDefaultPolicyVersion"] = _set_default_version
