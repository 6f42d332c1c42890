"""What an account does with what is made in it, and what it asks of passwords: from the settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iam_hardening import config

# New instances answer no IMDSv1, and no container's request that a hop further came from.
METADATA: Mapping[str, Any] = {"http_tokens": "required", "http_put_response_hop_limit": 1}
# Every one of S3's four switches.
PUBLIC_ACCESS_BLOCK = (
    "block_public_acls",
    "ignore_public_acls",
    "block_public_policy",
    "restrict_public_buckets",
)
ROOT_FEATURES = ("RootCredentialsManagement", "RootSessions")
ANALYZER_TYPE = "ACCOUNT"


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """Regions where new instances get `METADATA`, new volumes are encrypted, and Access Analyzer looks; and
    whether the whole account's buckets have `PUBLIC_ACCESS_BLOCK`."""

    metadata_in: tuple[str, ...]
    encrypted_in: tuple[str, ...]
    analyzers_in: tuple[str, ...]
    blocks_public_access: bool

    @property
    def changes_services(self) -> bool:
        """Whether EC2, EBS or S3 do anything else than AWS's own defaults."""
        return bool(self.metadata_in or self.encrypted_in or self.blocks_public_access)


def defaults(regions: Sequence[str], section: config.AccountDefaults) -> Defaults:
    everywhere = tuple(regions)
    return Defaults(
        metadata_in=everywhere if section.imdsv2 else (),
        encrypted_in=everywhere if section.ebs_encryption else (),
        analyzers_in=everywhere if section.access_analyzer else (),
        blocks_public_access=section.s3_public_access_block,
    )


def root_features(settings: config.Settings) -> tuple[str, ...]:
    """Of the organization, where this is its management account."""
    return ROOT_FEATURES if settings.organization_root_access else ()
