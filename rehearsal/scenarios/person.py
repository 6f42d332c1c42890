"""A person of the central account in a scenario: what their claims say, and what they need to enrol."""

import secrets
from dataclasses import dataclass
from typing import Any

from iam_hardening.claims.claim import Claim
from iam_hardening.clients.aws import Session
from rehearsal.authenticator import Authenticator
from rehearsal.recorder import Recorder
from rehearsal.testbed import Account

WITHOUT_MFA = "no MFA"
WITH_MFA = "MFA"


@dataclass(frozen=True)
class Person:
    recorder: Recorder
    central: Account
    name: str
    session: Session
    mfa: str = WITHOUT_MFA

    @property
    def iam(self) -> Any:
        return self.session.client("iam")

    @property
    def user(self) -> str:
        """As a claim names the user: without partition and account."""
        return f"user{self.central.settings.users[self.name].path}{self.name}"

    @property
    def sts(self) -> Any:
        return self.session.client("sts")

    def claim(self, call: str, resource: str, claimed: str, reason: str) -> Claim:
        return Claim(
            who=self.name,
            mfa=self.mfa,
            call=call,
            resource=resource,
            account=self.central.name,
            claimed=claimed,
            reason=reason,
        )


def codes(device: Authenticator) -> dict[str, str]:
    """What EnableMFADevice and ResyncMFADevice ask for."""
    first, second = device.two_consecutive_codes()
    return {"AuthenticationCode1": first, "AuthenticationCode2": second}


def new_password() -> str:
    """One that every password policy takes."""
    return f"aA1!{secrets.token_urlsafe(24)}"
