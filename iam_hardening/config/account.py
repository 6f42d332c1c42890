"""Which account a stack is for, and what holds for everything in it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Account:
    """`tags` are on everything that can have them; `protect` keeps from deletion what the program protects.

    `central_account_id`: the account that people are in; None for the central account itself.
    """

    partition: str
    account_id: str
    region: str
    is_central: bool
    central_account_id: str | None
    protect: bool
    tags: Mapping[str, str]

    @property
    def trusted_account_id(self) -> str | None:
        """Whose people the roles here are for: the central account, which may be this one."""
        return self.account_id if self.is_central else self.central_account_id
