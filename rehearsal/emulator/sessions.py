"""What temporary credentials may call at all, independent of policies.

Gap: MiniStack treats a session of GetSessionToken or GetFederationToken like the user's own keys, and lets a
session act for a new user or role of the old one's name.

AWS ("Compare AWS STS credentials"): credentials of GetSessionToken cannot call IAM unless MFA information
was given when they were requested, and of STS only AssumeRole and GetCallerIdentity; credentials of
GetFederationToken cannot call IAM, and of STS only GetCallerIdentity. "IAM identifiers": a principal is its
unique id, so nothing of a deleted user or role comes back with another of the same name.
"""

from typing import Any

from rehearsal.emulator import mfa, request
from rehearsal.emulator.upstream import evaluator, iam, sts

_FROM_GET_SESSION_TOKEN = frozenset({"User", "Root"})
_STS_ALLOWED = {
    "User": frozenset({"sts:AssumeRole", "sts:GetCallerIdentity"}),
    "Root": frozenset({"sts:AssumeRole", "sts:GetCallerIdentity"}),
    "FederatedUser": frozenset({"sts:GetCallerIdentity"}),
}


def refusal(action: str) -> str | None:
    """Why AWS refuses the action to the temporary credentials in use, or None."""
    session = request.session()
    if session is None:
        return None
    kind = str(session.get("PrincipalType"))
    if action.startswith("iam:"):
        if kind == "FederatedUser":
            return "Federated users cannot call IAM."
        if kind in _FROM_GET_SESSION_TOKEN and not mfa.has_mfa(session):
            return "Credentials of GetSessionToken cannot call IAM unless they were requested with MFA."
    if action.startswith("sts:") and action not in _STS_ALLOWED.get(kind, {action}):
        return f"Cannot call {action.split(':', 1)[1]} with session credentials"
    return None


def _principal_is_gone(credential: Any) -> bool:
    if credential.principal_type == "User":
        user = iam._users.get_scoped(credential.account_id, None, credential.principal_name)
        return user is None or user["UserId"] != credential.principal_id
    if credential.principal_type == "AssumedRole":
        name = evaluator._role_name_from_assumed_arn(credential.principal_arn)
        role = iam._roles.get_scoped(credential.account_id, None, name)
        return role is None or role["RoleId"] != credential.principal_id.split(":", 1)[0]
    return False


def apply() -> None:
    resolve_credential = evaluator.resolve_credential

    def resolve_of_the_living(access_key_id: str, *rest: Any, **options: Any) -> Any:
        credential = resolve_credential(access_key_id, *rest, **options)
        if isinstance(credential, evaluator.ResolvedCredential) and _principal_is_gone(credential):
            return evaluator.CredentialResolutionError(
                "InvalidClientTokenId", "The security token included in the request is invalid."
            )
        return credential

    evaluator.resolve_credential = sts.resolve_credential = resolve_of_the_living
