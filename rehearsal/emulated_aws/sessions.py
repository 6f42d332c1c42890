"""What temporary credentials may call at all, whatever policies say.

Gap: MiniStack treats a session of GetSessionToken or GetFederationToken like the user's own keys.

AWS ("Compare AWS STS credentials"): credentials of GetSessionToken cannot call IAM unless MFA information
was given when they were requested, and of STS only AssumeRole and GetCallerIdentity; credentials of
GetFederationToken cannot call IAM, and of STS only GetCallerIdentity.
"""

from rehearsal.emulated_aws import mfa, request

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
