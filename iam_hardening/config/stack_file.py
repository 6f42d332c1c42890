"""A stack file between its two checks: what alone is well-formed, and where it is not.

The checks between values (`checks.py`, `policy_checks.py`) work on this. They ask `is_broken` first, so that
a value that was refused already is not also reported as missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from iam_hardening.aws import naming
from iam_hardening.config.account import Account
from iam_hardening.config.errors import Path, key_text
from iam_hardening.config.schema import ProjectConfig, ProviderConfig

_SOME_ACCOUNT = "0" * 12
_LONG_REGION = "ap-southeast-1"


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """`config` and `provider` hold the well-formed entries only; `written` maps full keys to values as they
    stand; `broken` holds the places of the project's own namespace that were refused already."""

    project: str
    written: Mapping[str, object]
    config: ProjectConfig
    provider: ProviderConfig
    broken: frozenset[Path]

    def key(self, *path: str | int) -> str:
        return key_text(self.project, path)

    def is_written(self, section: str) -> bool:
        return self.key(section) in self.written

    def names_in(self, section: str) -> list[str] | None:
        """Every name in a section, those of broken entries too; None where the section itself is broken."""
        entries = self.written.get(self.key(section), {})
        return list(entries) if isinstance(entries, Mapping) else None

    def is_broken(self, *path: str | int) -> bool:
        """Whether the value there, something in it, or something that holds it was refused."""
        return any(broken[: len(path)] == path or broken == path[: len(broken)] for broken in self.broken)

    @property
    def account_id(self) -> str | None:
        """The one account that this stack is for; None where the file does not say it properly."""
        ids = self.provider.allowed_account_ids or []
        return ids[0] if len(ids) == 1 else None

    @property
    def partition(self) -> str | None:
        return naming.partition_of(self.provider.region) if self.provider.region else None

    @property
    def measured_account(self) -> Account:
        """For documents whose size is measured: what the file does not say has its full length."""
        return Account(
            partition=self.partition or "aws",
            account_id=self.account_id or _SOME_ACCOUNT,
            region=self.provider.region or _LONG_REGION,
            is_central=self.config.account_kind == "central",
            central_account_id=self.config.central_account_id or _SOME_ACCOUNT,
            protect=self.config.protect,
            tags=self.config.tags,
        )
