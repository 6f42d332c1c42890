"""Who runs the command, and so most likely the up: whether their own credentials still work in the middle
of it.

Whether a session has MFA cannot be read: no call returns it. Two things are known. A session of a user
(temporary credentials under the user's own ARN) comes from GetSessionToken, whose credentials may call IAM
with MFA only, or from a sign-in to the console (CloudShell, `aws login`), with MFA or without. And a user
without a device has no MFA at all.

Source: STS API reference, "GetSessionToken".
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from iam_hardening.clients import operator


@dataclass(frozen=True, kw_only=True)
class Caller:
    """`is_temporary`: the credentials are those of a session."""

    arn: str
    is_temporary: bool = False

    @property
    def user(self) -> str | None:
        return self.arn.rsplit("/", 1)[-1] if ":user/" in self.arn else None

    @property
    def role(self) -> str | None:
        found = re.search(r":assumed-role/([^/]+)/", self.arn)
        return found[1] if found else None

    def is_meant(self, kind: str, name: str) -> str:
        """What to add to a sentence about an identity, if it is the caller's."""
        if kind == "user" and name == self.user:
            return f". You are {name}: run the up as someone else"
        if kind == "role" and name == self.role:
            return ". You are in a session of this role: run the up as someone else"
        return ""

    def under(self, policies: Collection[str], *, mfa_alone: bool, has_device: bool) -> str:
        """The sentence for a user who gets the denials of these policies in the middle of the up."""
        names = " and ".join(sorted(policies))
        begins = f"you are {self.user}: in the middle of the up {names} begins to hold for you"
        if not mfa_alone:
            return f"{begins}, and these credentials may be refused from then on. Run the up as someone else"
        if self.is_temporary and has_device:
            return (
                f"{begins}. If this session has no MFA (CloudShell or `aws login` without it), it may be "
                "refused from then on; with MFA it is not"
            )
        return (
            f"{begins}, and these credentials may be refused from then on. Run the up in a session with MFA, "
            "or as someone else"
        )


def identify(sts: Any) -> Caller:
    """Raises CannotError."""
    tokens: list[bool] = []
    # The only public place where a client shows the credentials that it uses.
    sts.meta.events.register(
        "before-send.sts.GetCallerIdentity",
        lambda request, **_: tokens.append("X-Amz-Security-Token" in request.headers),
    )
    answer = operator.call("Asking AWS who you are", sts.get_caller_identity)
    return Caller(arn=str(answer["Arn"]), is_temporary=any(tokens))
