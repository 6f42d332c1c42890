"""Ways to log in to Vault for those who ask for just-in-time credentials.

A lease dies with the token that asked for it, so the tokens of every log-in live as long as the stack file
checked that they must (`iam_hardening/config/rules/logins.py`). No secret passes through the program:
people's passwords (userpass), an identity provider's client secret (oidc) and an AppRole's secret ID are
handed over by hand (docs/just-in-time.md, "Log-ins").

GitHub's tokens are matched by their whole subject, never by a pattern.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pulumi
import pulumi_vault as vault

from iam_hardening.aws import naming


@dataclass(frozen=True, kw_only=True)
class VaultLoginArgs:
    """One log-in, whose name is the mount of its auth method and its role there. `token_ttl` is
    `token_seconds` as Vault writes it (`1h5m`). Which of the others it has depends on the method."""

    method: Literal["userpass", "oidc", "approle", "github"]
    policy_names: pulumi.Input[Sequence[str]]
    token_seconds: int
    token_ttl: str
    users: Sequence[str] = ()
    subject: str | None = None
    audience: str | None = None
    redirect_uris: Sequence[str] = ()
    bound_claims: Mapping[str, str] = field(default_factory=dict)
    user_claim: str | None = None


class VaultLogin(pulumi.ComponentResource):
    """An auth method, and what makes its tokens hold the policies."""

    path: pulumi.Output[str]

    def __init__(self, name: str, args: VaultLoginArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("iam-hardening:index:VaultLogin", name, None, opts)
        self.path = {
            "userpass": self._userpass,
            "oidc": self._oidc,
            "approle": self._approle,
            "github": self._github,
        }[args.method](name, args)
        self.register_outputs({"path": self.path})

    def _method(self, name: str, args: VaultLoginArgs) -> vault.AuthBackend:
        """The mount. Its own TTLs hold where a user or role has none."""
        return vault.AuthBackend(
            name,
            type=args.method,
            path=name,
            disable_remount=True,
            description="Log-in for just-in-time credentials",
            tune=vault.AuthBackendTuneArgs(default_lease_ttl=args.token_ttl, max_lease_ttl=args.token_ttl),
            # Another method takes the place of this one under the same path.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )

    def _userpass(self, name: str, args: VaultLoginArgs) -> pulumi.Output[str]:
        """What a person holds is on their entity: who sets the password cannot widen it by that."""
        child = pulumi.ResourceOptions(parent=self)
        method = self._method(name, args)
        for user in args.users:
            entity = vault.identity.Entity(
                f"{name}-{user}",
                name=naming.vault_entity_name(name, user),
                policies=args.policy_names,
                opts=child,
            )
            vault.identity.EntityAlias(
                f"{name}-{user}",
                name=user,
                mount_accessor=method.accessor,
                canonical_id=entity.id,
                opts=child,
            )
        return method.path

    def _oidc(self, name: str, args: VaultLoginArgs) -> pulumi.Output[str]:
        method = self._method(name, args)
        vault.jwt.AuthBackendRole(
            name,
            backend=method.path,
            role_name=name,
            role_type="oidc",
            user_claim=args.user_claim or "sub",
            allowed_redirect_uris=list(args.redirect_uris),
            bound_claims=dict(args.bound_claims),
            bound_claims_type="string",
            token_policies=args.policy_names,
            token_ttl=args.token_seconds,
            token_max_ttl=args.token_seconds,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return method.path

    def _approle(self, name: str, args: VaultLoginArgs) -> pulumi.Output[str]:
        method = self._method(name, args)
        vault.approle.AuthBackendRole(
            name,
            backend=method.path,
            role_name=name,
            secret_id_ttl=naming.VAULT_SECRET_ID_SECONDS,
            secret_id_num_uses=1,
            token_policies=args.policy_names,
            token_ttl=args.token_seconds,
            token_max_ttl=args.token_seconds,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return method.path

    def _github(self, name: str, args: VaultLoginArgs) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        method = vault.jwt.AuthBackend(
            name,
            path=name,
            disable_remount=True,
            type="jwt",
            description="Log-in of GitHub Actions for just-in-time credentials",
            oidc_discovery_url=naming.GITHUB_ISSUER,
            bound_issuer=naming.GITHUB_ISSUER,
            opts=child,
        )
        vault.jwt.AuthBackendRole(
            name,
            backend=method.path.apply(lambda path: path or name),
            role_name=name,
            role_type="jwt",
            # Whoever set the job off: Vault names issued users after it.
            user_claim="actor",
            bound_audiences=[args.audience or ""],
            bound_subject=args.subject,
            token_policies=args.policy_names,
            token_ttl=args.token_seconds,
            token_max_ttl=args.token_seconds,
            opts=child,
        )
        return method.path.apply(lambda path: path or name)
