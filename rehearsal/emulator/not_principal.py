"""Denials with NotPrincipal in resource policies.

Gap: a statement with NotPrincipal matches no one in MiniStack, so such a denial never holds.

AWS ("AWS JSON policy elements: NotPrincipal"): it denies everyone who is not named. A user is spared where
the user *and* the account are named, a session where the session, its role and the account are. Who has a
permissions boundary is always denied. An Allow with NotPrincipal would allow everyone else, also without
credentials: here it allows no one (the stricter reading).
"""

from typing import Any

from rehearsal.emulator.condition_keys import role_arn_of_session
from rehearsal.emulator.upstream import evaluator, iam


def _has_a_boundary(arn: str, account: str) -> bool:
    role = role_arn_of_session(arn, account)
    store = iam._roles if ":role/" in role else iam._users
    record = store.get_scoped(account, None, role.rsplit("/", 1)[-1]) or {}
    return bool(record.get("PermissionsBoundary"))


def _spares(named: Any, context: Any) -> bool:
    listed = named.get("AWS", []) if isinstance(named, dict) else named
    names = set(listed if isinstance(listed, list) else [listed])
    arn, account = context.principal_arn, context.principal_account
    root = f"arn:aws:iam::{account}:root"
    if not names & {root, account} or _has_a_boundary(arn, account):
        return False
    return {arn, role_arn_of_session(arn, account)} - {root} <= names


def _as_principal(statement: Any, context: Any) -> Any:
    """The statement as one of everyone, where it denies this caller."""
    if (
        not isinstance(statement, dict)
        or "NotPrincipal" not in statement
        or statement.get("Effect") != "Deny"
        or _spares(statement["NotPrincipal"], context)
    ):
        return statement
    return {**statement, "Principal": "*"}


def apply() -> None:
    evaluate = evaluator.evaluate_resource_policy

    def evaluate_resource_policy(document: Any, context: Any, *rest: Any, **options: Any) -> Any:
        try:
            loaded = evaluator.json.loads(document) if isinstance(document, str) else document
        except ValueError:
            loaded = None
        if isinstance(loaded, dict):
            statements = loaded.get("Statement", [])
            listed = statements if isinstance(statements, list) else [statements]
            loaded = {**loaded, "Statement": [_as_principal(each, context) for each in listed]}
        return evaluate(loaded, context, *rest, **options)

    evaluator.evaluate_resource_policy = evaluate_resource_policy
