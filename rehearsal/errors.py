"""Why the rehearsal could not run, for the user to read."""


class RehearsalError(Exception):
    """The rehearsal cannot go on: the reason, and what to do about it. No claim was judged false by this."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}\n{advice}")
        self.reason = reason
        self.advice = advice
