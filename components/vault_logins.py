"""Ways to log in to Vault for those who ask for just-in-time credentials.

A lease dies with the token that asked for it, so the tokens of every log-in live as long as the stack file
checked that they must (`iam_hardening/config/rules/logins.py`). No secret passes through the program:
people's passwords (userpass), an identity provider's client secret (oidc), a directory's search account
(ldap) and an AppRole's secret ID are handed over by hand (docs/just-in-time.md, "Log-ins").

Subjects and claims of tokens are matched whole, never by a pattern.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_vault as vault

from iam_hardening import config
from iam_hardening.config.values import duration_text
from iam_hardening.model import vault as model

_Policies = pulumi.Output[list[str]]


@dataclass(frozen=True, kw_only=True)
class VaultLoginArgs:
    """`login` is one of the section's, whose name is the mount of its auth method and its role there.
    `policy_names`: of the engine's roles, by role."""

    vault: config.Vault
    login: config.VaultLogin
    policy_names: pulumi.Input[Mapping[str, str]]


class VaultLogin(pulumi.ComponentResource):
    """An auth method, and what makes its tokens hold the policies."""

    path: pulumi.Output[str]

    def __init__(self, name: str, args: VaultLoginArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("iam-hardening:index:VaultLogin", name, None, opts)
        wanted = model.auth_method(args.vault, name, args.login)

        def of_roles(names: Mapping[str, str]) -> list[str]:
            return [names[role] for role in args.login.roles]

        # By way of the engine, so that the policies are there first.
        policies = pulumi.Output.from_input(args.policy_names).apply(of_roles)
        self.path = {
            "userpass": self._userpass,
            "oidc": self._oidc,
            "approle": self._approle,
            "github": self._jwt,
            "jwt": self._jwt,
            "ldap": self._ldap,
        }[args.login.method](name, wanted, policies)
        self.register_outputs({"path": self.path})

    def _method(self, name: str, wanted: model.AuthMethod) -> vault.AuthBackend:
        """The mount. Its own TTLs hold where a user or role has none."""
        ttl = duration_text(wanted.token_seconds or 0)
        return vault.AuthBackend(
            name,
            type=wanted.type,
            path=wanted.path,
            disable_remount=True,
            description=wanted.description,
            tune=vault.AuthBackendTuneArgs(default_lease_ttl=ttl, max_lease_ttl=ttl),
            # Another method takes the place of this one under the same path.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )

    def _userpass(self, name: str, wanted: model.AuthMethod, policies: _Policies) -> pulumi.Output[str]:
        """What a person holds is on their entity: who sets the password cannot widen it by that."""
        child = pulumi.ResourceOptions(parent=self)
        method = self._method(name, wanted)
        for user, entity_name in wanted.entities.items():
            entity = vault.identity.Entity(f"{name}-{user}", name=entity_name, policies=policies, opts=child)
            vault.identity.EntityAlias(
                f"{name}-{user}",
                name=user,
                mount_accessor=method.accessor,
                canonical_id=entity.id,
                opts=child,
            )
        return method.path

    def _oidc(self, name: str, wanted: model.AuthMethod, policies: _Policies) -> pulumi.Output[str]:
        """The provider's address and client secret are set by hand."""
        method = self._method(name, wanted)
        self._jwt_role(name, wanted, policies, method.path)
        return method.path

    def _jwt_role(
        self, name: str, wanted: model.AuthMethod, policies: _Policies, path: pulumi.Output[str]
    ) -> None:
        role = {**wanted.role, "token_policies": policies}
        if claims := wanted.role.get("bound_claims"):
            role |= _as_the_provider_takes_them(claims)
        vault.jwt.AuthBackendRole(
            name, backend=path, role_name=name, **role, opts=pulumi.ResourceOptions(parent=self)
        )

    def _approle(self, name: str, wanted: model.AuthMethod, policies: _Policies) -> pulumi.Output[str]:
        method = self._method(name, wanted)
        vault.approle.AuthBackendRole(
            name,
            backend=method.path,
            role_name=name,
            **{**wanted.role, "token_policies": policies},
            opts=pulumi.ResourceOptions(parent=self),
        )
        return method.path

    def _jwt(self, name: str, wanted: model.AuthMethod, policies: _Policies) -> pulumi.Output[str]:
        """Jobs with a token of their platform, which signs it: GitHub Actions, GitLab, Kubernetes."""
        method = vault.jwt.AuthBackend(
            name,
            path=wanted.path,
            disable_remount=True,
            type=wanted.type,
            description=wanted.description,
            **wanted.config,
            opts=pulumi.ResourceOptions(parent=self),
        )
        path = method.path.apply(lambda path: path or name)
        self._jwt_role(name, wanted, policies, path)
        return path

    def _ldap(self, name: str, wanted: model.AuthMethod, policies: _Policies) -> pulumi.Output[str]:
        """Vault binds as the person who logs in. A directory that must be searched first needs an account for
        that, which is set by hand."""
        child = pulumi.ResourceOptions(parent=self)
        method = vault.ldap.AuthBackend(
            name,
            path=wanted.path,
            disable_remount=True,
            description=wanted.description,
            **wanted.config,
            opts=child,
        )
        path = method.path.apply(lambda path: path or name)
        for group in wanted.groups:
            vault.ldap.AuthBackendGroup(
                f"{name}-{group}", backend=path, groupname=group, policies=policies, opts=child
            )
        return path


def _as_the_provider_takes_them(claims: Mapping[str, str | list[str]]) -> dict[str, object]:
    """Several values are one text with commas, unless the provider is not to look for commas."""
    values = {name: [value] if isinstance(value, str) else value for name, value in claims.items()}
    has_comma = any("," in each for each_values in values.values() for each in each_values)
    joined = {name: ",".join(each) for name, each in values.items()}
    return {"bound_claims": joined, **({"disable_bound_claims_parsing": True} if has_comma else {})}
