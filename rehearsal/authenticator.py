"""A person's authenticator app: the virtual MFA device whose codes only this person can see."""

import time
from dataclasses import dataclass, field

import pyotp

_STEP_SECONDS = 30


@dataclass(frozen=True)
class Authenticator:
    """`serial_number` is the device's ARN, `seed` the Base32 text behind the QR code."""

    serial_number: str
    seed: str = field(repr=False)

    def code(self, *, steps_ago: int = 0) -> str:
        return pyotp.TOTP(self.seed).at(int(time.time()) - steps_ago * _STEP_SECONDS)

    def two_consecutive_codes(self) -> tuple[str, str]:
        """What enrolment asks for: the code before the current one, and the current one."""
        return self.code(steps_ago=1), self.code()

    def wrong_code(self) -> str:
        """Six digits that none of the steps around now has."""
        near = {self.code(steps_ago=steps) for steps in range(-3, 4)}
        return next(code for n in range(10**6) if (code := f"{n:06d}") not in near)
