"""Just-in-time access: Vault's AWS secrets engine for one account (tutorial section 7).

Vault makes an IAM user on request, and deletes it when the lease ends; or it assumes an IAM role for
the caller, and the session expires. Its own principal in the account may touch nothing but the users it
issued, and can give them nothing that the boundary does not allow; so the key that Vault holds cannot become
an administrator. The key is handed over as a secret and is replaced by a generation number; Vault's rotate-
root is not used, because it would leave a dead key in the state. A Vault whose nodes run on an IAM role of
the account needs no key at all: that role is its principal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault

from components.permissions import attach_to_role, customer_managed_policy, managed_policy_arn
from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies import documents
from iam_hardening.aws.policies import vault as vault_policies
from iam_hardening.config import Account, trust, vault_principal
from iam_hardening.model import vault as model
from iam_hardening.model.identities import ROOT_PATH


@dataclass(frozen=True, kw_only=True)
class VaultAwsArgs:
    """`boundary`: of every user and session.

    `server_role_arn`: of the role that Vault's nodes run on, where this stack makes it, so that it is there
    first. `instance_arn`: of the stack's instance, which `debugInstance` is about.
    """

    account: Account
    vault: config.Vault
    boundary: documents.Document
    server_role_arn: pulumi.Output[str] | None = None
    instance_arn: pulumi.Output[str] | None = None


@dataclass(frozen=True, kw_only=True)
class _Principal:
    """Who Vault is in the account, and the attachment of what it may do. `user` None: an existing role."""

    arn: pulumi.Output[str]
    attachment: pulumi.Resource
    user: aws.iam.User | None = None


class VaultAws(pulumi.ComponentResource):
    """The engine's mount and roles, a Vault policy per role, and Vault's principal in the account."""

    mount_path: pulumi.Output[str]
    principal_arn: pulumi.Output[str]
    # Role → the Vault policy whose token may read that role's credentials.
    policy_names: pulumi.Output[dict[str, str]]

    def __init__(self, name: str, args: VaultAwsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("iam-hardening:index:VaultAws", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        boundary = customer_managed_policy(
            f"{name}-boundary",
            self,
            policy_name=naming.VAULT_BOUNDARY_POLICY,
            description="The most a user issued by Vault can do: nothing that would outlive its lease",
            policy=args.boundary,
            tags=args.account.tags,
        )
        wanted = model.engine(args.account, args.vault)
        policy_arns = {
            policy: managed_policy_arn(policy, self)
            for policy in vault_principal.attachable_policies(args.vault)
        }
        principal = self._principal(name, args, boundary, list(policy_arns.values()))
        key = (
            aws.iam.AccessKey(
                f"{name}-access-key-{args.vault.key_generation}", user=principal.user.name, opts=child
            )
            if principal.user
            else None
        )
        backend = vault.aws.SecretBackend(
            name,
            path=wanted.path,
            # Moved to another path, the mount would keep its leases, and its roles could not be deleted under
            # the old one: this up and the next would fail. Source: terraform-provider-vault,
            # `disable_remount`.
            disable_remount=True,
            description=wanted.description,
            # Without a key Vault asks the machine that it runs on.
            access_key=key.id if key else None,
            secret_key=key.secret if key else None,
            region=wanted.region,
            iam_endpoint=wanted.iam_endpoint,
            sts_endpoint=wanted.sts_endpoint,
            username_template=wanted.username_template,
            default_lease_ttl_seconds=wanted.default_lease_seconds,
            max_lease_ttl_seconds=wanted.max_lease_seconds,
            audit_non_hmac_response_keys=list(wanted.in_the_clear),
            opts=pulumi.ResourceOptions(
                parent=self,
                # Unmounting revokes every lease, which needs the principal's permissions to be there still.
                depends_on=[principal.attachment, boundary],
                # A mount below the old path, `aws/dev` after `aws`, is refused while the old one is there.
                delete_before_replace=True,
            ),
        )
        policy_names = {
            role_name: self._reader(
                name,
                role_name,
                backend,
                self._role_session(name, role, args, backend, boundary, principal.arn)
                if role.is_session
                else self._issued_user(name, role, args, backend, boundary, policy_arns),
            )
            for role_name, role in model.engine_roles(args.account, args.vault).items()
        }
        self.mount_path = backend.path.apply(lambda path: path or wanted.path)
        self.principal_arn = principal.arn
        self.policy_names = pulumi.Output.all(**policy_names)
        self.register_outputs(
            {
                "mount_path": self.mount_path,
                "principal_arn": self.principal_arn,
                "policy_names": self.policy_names,
            }
        )

    def _principal(
        self,
        name: str,
        args: VaultAwsArgs,
        boundary: aws.iam.Policy,
        attachable_policy_arns: Sequence[pulumi.Output[str]],
    ) -> "_Principal":
        """Vault's user, outside the path of those it issues, or the role it runs on; and what it may do."""
        child = pulumi.ResourceOptions(parent=self)

        document = pulumi.Output.all(boundary.arn, *attachable_policy_arns).apply(
            lambda arns: documents.render(
                vault_principal.document(
                    args.account, args.vault, boundary_arn=arns[0], attachable_policy_arns=arns[1:]
                )
            )
        )
        policy = customer_managed_policy(
            f"{name}-principal",
            self,
            policy_name=args.vault.principal_name,
            description="What Vault needs to issue and remove users, and nothing outside their path",
            policy=document,
            tags=args.account.tags,
        )
        if args.vault.runs_on_role:
            role_arn = args.server_role_arn or pulumi.Output.from_input(
                trust.vaults_principal_arn(args.account, args.vault)
            )
            role_attachment = aws.iam.RolePolicyAttachment(
                f"{name}-principal",
                role=role_arn.apply(lambda arn: arn.rsplit("/", 1)[-1]),
                policy_arn=policy.arn,
                opts=child,
            )
            return _Principal(arn=role_arn, attachment=role_attachment)
        user = aws.iam.User(
            f"{name}-principal",
            name=args.vault.principal_name,
            path=ROOT_PATH,
            tags=dict(args.account.tags),
            opts=pulumi.ResourceOptions(
                parent=self,
                # The provider would rename the user, and then look for it and its key under the old name: the
                # up fails, and a refresh takes the user for gone. Source: pulumi-aws #1610.
                replace_on_changes=["name"],
            ),
        )
        attachment = aws.iam.UserPolicyAttachment(
            f"{name}-principal", user=user.name, policy_arn=policy.arn, opts=child
        )
        return _Principal(arn=user.arn, attachment=attachment, user=user)

    def _issued_user(
        self,
        name: str,
        role: model.EngineRole,
        args: VaultAwsArgs,
        backend: vault.aws.SecretBackend,
        boundary: aws.iam.Policy,
        policy_arns: Mapping[str, pulumi.Output[str]],
    ) -> vault.aws.SecretBackendRole:
        """A role of the engine for which Vault makes an IAM user, and deletes it when the lease ends."""
        return vault.aws.SecretBackendRole(
            f"{name}-{role.name}",
            name=role.name,
            backend=backend.path.apply(lambda path: path or ""),
            credential_type=role.credential_type,
            policy_arns=[policy_arns[policy] for policy in role.managed_policies] or None,
            policy_document=_rendered(role, args.instance_arn),
            user_path=role.user_path,
            permissions_boundary_arn=boundary.arn,
            iam_groups=list(role.iam_groups) or None,
            iam_tags=role.iam_tags,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _role_session(
        self,
        name: str,
        role: model.EngineRole,
        args: VaultAwsArgs,
        backend: vault.aws.SecretBackend,
        boundary: aws.iam.Policy,
        principal_arn: pulumi.Output[str],
    ) -> vault.aws.SecretBackendRole:
        """A role of the engine for which Vault assumes an IAM role, made here: nothing to clean up later."""
        child = pulumi.ResourceOptions(parent=self)
        assumed, section, tags = f"{name}-{role.name}-assumed", args.vault.roles[role.name], args.account.tags
        aws_role = aws.iam.Role(
            assumed,
            name=role.iam_role,
            description=f"Assumed by Vault for whoever may read its role {role.name}",
            assume_role_policy=principal_arn.apply(
                lambda arn: documents.render(trust.of_vault_sessions(arn, section))
            ),
            max_session_duration=role.max_session_seconds,
            permissions_boundary=boundary.arn,
            # A role whose sessions were ended by hand could not be deleted otherwise.
            force_detach_policies=True,
            tags=dict(tags),
            opts=child,
        )
        # What ends its sessions goes with an up that refreshes (iam_hardening/commands/jit/revoke.py).
        aws.iam.RolePoliciesExclusive(
            f"{assumed}-inline-policies", role_name=aws_role.name, policy_names=[], opts=child
        )
        managed = config.Permissions.model_validate({"managedPolicies": section.managed_policies})
        attach_to_role(assumed, self, aws_role, managed, tags)
        document = _rendered(role, args.instance_arn)
        if document is not None:
            policy = customer_managed_policy(
                assumed,
                self,
                policy_name=role.iam_role or "",
                description=f"What a session of Vault's role {role.name} may do",
                policy=document,
                tags=tags,
            )
            aws.iam.RolePolicyAttachment(assumed, role=aws_role.name, policy_arn=policy.arn, opts=child)
        return vault.aws.SecretBackendRole(
            f"{name}-{role.name}",
            name=role.name,
            backend=backend.path.apply(lambda path: path or ""),
            credential_type=role.credential_type,
            role_arns=[aws_role.arn],
            default_sts_ttl=role.session_seconds,
            max_sts_ttl=role.session_seconds,
            external_id=role.external_id,
            session_tags=dict(role.session_tags) or None,
            opts=child,
        )

    def _reader(
        self,
        name: str,
        role_name: str,
        backend: vault.aws.SecretBackend,
        made: vault.aws.SecretBackendRole,
    ) -> pulumi.Output[str]:
        """The Vault policy that may read one role's credentials; returns its name."""
        reader = vault.Policy(
            f"{name}-{role_name}",
            name=backend.path.apply(lambda path: naming.vault_policy_name(path or "", role_name)),
            policy=pulumi.Output.all(backend.path, made.name).apply(
                lambda path_and_role: vault_policies.vault_read_credentials(*path_and_role)
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return reader.name


def _rendered(role: model.EngineRole, instance_arn: pulumi.Output[str] | None) -> pulumi.Output[str] | None:
    """What the role's holders may do besides its managed policies; None: nothing."""

    def render(arn: str | None) -> str:
        return documents.render(role.document(arn) or documents.document())

    if role.debugs_instance and instance_arn is not None:
        return instance_arn.apply(render)
    return pulumi.Output.from_input(render(None)) if role.statements else None
