"""Vault's audit device: every request and answer in a file, secrets hashed (docs/just-in-time.md).

One for the whole Vault, so one stack's file says it where several share a Vault. A Vault that cannot write
its audit log answers no request: the file's disk must not run full, and something has to rotate it.

Source: HashiCorp, "Audit devices", "File audit device".
"""

from dataclasses import dataclass

import pulumi
import pulumi_vault as vault

from iam_hardening import config
from iam_hardening.model import vault as model


@dataclass(frozen=True, kw_only=True)
class VaultAuditArgs:
    """`audit.file` is a path on Vault's own machine; `audit.device` the name under which Vault keeps it."""

    audit: config.VaultAudit


class VaultAudit(pulumi.ComponentResource):
    """The device."""

    def __init__(self, name: str, args: VaultAuditArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("iam-hardening:index:VaultAudit", name, None, opts)
        device = model.audit_device(args.audit)
        self.device = vault.Audit(
            name,
            type=device.type,
            path=device.path,
            description="Who asked for what, and when",
            options=dict(device.options),
            # Vault changes nothing of a device, and keeps one under a path only.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        self.register_outputs({})
