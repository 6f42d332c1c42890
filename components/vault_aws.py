"""Just-in-time access: Vault's AWS secrets engine for one account (tutorial section 7).

Vault makes an IAM user when somebody asks, and deletes it when the lease ends; or it assumes an IAM role for
them, and the session ends by itself. Its own principal in the account may touch nothing but the users it
issued, and can give them nothing that the boundary does not allow; so the key that Vault holds cannot become
an administrator. The key is handed over as a secret and is replaced by a generation number; Vault's rotate-
root is not used, because it would leave a dead key in the state. A Vault whose nodes run on an IAM role of
the account needs no key at all: that role is its principal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault

from components.permissions import (
    PermissionsArgs,
    attach_to_role,
    customer_managed_policy,
    managed_policy_arn,
)
from iam_hardening.aws import naming
from iam_hardening.aws.policies import documents
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.aws.policies import vault as vault_policies


@dataclass(frozen=True, kw_only=True)
class VaultRoleArgs:
    """One kind of short-lived access: managed policies by name or ARN, and IAM statements besides.

    `session_seconds` makes it a session of an IAM role (`assumed_role`) of that length; None an IAM user that
    Vault issues and deletes (`iam_user`). `external_id` and `session_tags` are of sessions, `groups` (names
    of IAM groups) of issued users.
    """

    managed_policies: Sequence[str]
    statements: pulumi.Input[Sequence[documents.Statement]]
    has_statements: bool
    session_seconds: int | None = None
    external_id: str | None = None
    session_tags: Mapping[str, str] = field(default_factory=dict)
    groups: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class VaultAwsArgs:
    """Lease times in seconds. Endpoints None: AWS's own. `boundary`: of every user and session.

    `runs_on_role_arn` is the role that Vault's nodes run on, in this account; None: Vault gets a user and a
    key. Without a user, `principal_name` is its policy's name alone.
    """

    partition: str
    account_id: str
    region: str
    mount: str
    default_lease_ttl_seconds: int
    max_lease_ttl_seconds: int
    principal_name: str
    key_generation: int
    runs_on_role_arn: pulumi.Input[str] | None
    iam_endpoint: str | None
    sts_endpoint: str | None
    boundary: documents.Document
    roles: Mapping[str, VaultRoleArgs]
    tags: Mapping[str, str]


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
            tags=args.tags,
        )
        issuing = [role for role in args.roles.values() if role.session_seconds is None]
        policy_arns = {
            policy: managed_policy_arn(policy, self)
            for policy in sorted({p for role in issuing for p in role.managed_policies})
        }
        principal = self._principal(name, args, boundary, list(policy_arns.values()))
        key = (
            aws.iam.AccessKey(
                f"{name}-access-key-{args.key_generation}", user=principal.user.name, opts=child
            )
            if principal.user
            else None
        )
        backend = vault.aws.SecretBackend(
            name,
            path=args.mount,
            # Moved to another path, the mount would keep its leases, and its roles could not be deleted under
            # the old one: this up and the next would fail. Source: terraform-provider-vault,
            # `disable_remount`.
            disable_remount=True,
            description=f"Just-in-time credentials for the AWS account {args.account_id}",
            # Without a key Vault asks the machine that it runs on.
            access_key=key.id if key else None,
            secret_key=key.secret if key else None,
            region=args.region,
            iam_endpoint=args.iam_endpoint,
            sts_endpoint=args.sts_endpoint,
            username_template=naming.VAULT_USERNAME_TEMPLATE,
            default_lease_ttl_seconds=args.default_lease_ttl_seconds,
            max_lease_ttl_seconds=args.max_lease_ttl_seconds,
            audit_non_hmac_response_keys=list(naming.VAULT_AUDITED_IN_THE_CLEAR),
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
                self._issued_user(name, role_name, role, args, backend, boundary, policy_arns)
                if role.session_seconds is None
                else self._role_session(name, role_name, role, args, backend, boundary, principal.arn),
            )
            for role_name, role in args.roles.items()
        }
        self.mount_path = backend.path.apply(lambda path: path or args.mount)
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

        def aws_role_arn(role_name: str) -> str:
            aws_role_name = naming.vault_aws_role_name(args.mount, role_name)
            return naming.role_arn(args.partition, args.account_id, aws_role_name)

        sessions = {n: role for n, role in args.roles.items() if role.session_seconds is not None}
        document = pulumi.Output.all(boundary.arn, *attachable_policy_arns).apply(
            lambda arns: documents.render(
                vault_policies.vault_principal(
                    args.partition,
                    args.account_id,
                    boundary_arn=arns[0],
                    attachable_policy_arns=arns[1:],
                    issues_users=not args.roles or len(sessions) < len(args.roles),
                    assumable_role_arns=[aws_role_arn(n) for n in sessions],
                    taggable_role_arns=[aws_role_arn(n) for n, role in sessions.items() if role.session_tags],
                    group_arns=[
                        naming.group_arn(args.partition, args.account_id, group)
                        for group in sorted({g for role in args.roles.values() for g in role.groups})
                    ],
                )
            )
        )
        policy = customer_managed_policy(
            f"{name}-principal",
            self,
            policy_name=args.principal_name,
            description="What Vault needs to issue and remove users, and nothing outside their path",
            policy=document,
            tags=args.tags,
        )
        if args.runs_on_role_arn is not None:
            role_arn = pulumi.Output.from_input(args.runs_on_role_arn)
            role_attachment = aws.iam.RolePolicyAttachment(
                f"{name}-principal",
                role=role_arn.apply(lambda arn: arn.rsplit("/", 1)[-1]),
                policy_arn=policy.arn,
                opts=child,
            )
            return _Principal(arn=role_arn, attachment=role_attachment)
        user = aws.iam.User(
            f"{name}-principal",
            name=args.principal_name,
            path="/",
            tags=dict(args.tags),
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
        role_name: str,
        role: VaultRoleArgs,
        args: VaultAwsArgs,
        backend: vault.aws.SecretBackend,
        boundary: aws.iam.Policy,
        policy_arns: Mapping[str, pulumi.Output[str]],
    ) -> vault.aws.SecretBackendRole:
        """A role of the engine for which Vault makes an IAM user, and deletes it when the lease ends."""
        return vault.aws.SecretBackendRole(
            f"{name}-{role_name}",
            name=role_name,
            backend=backend.path.apply(lambda path: path or ""),
            credential_type="iam_user",
            policy_arns=[policy_arns[policy] for policy in role.managed_policies] or None,
            policy_document=_rendered(role) if role.has_statements else None,
            user_path=naming.VAULT_USER_PATH,
            permissions_boundary_arn=boundary.arn,
            iam_groups=list(role.groups) or None,
            iam_tags=naming.vault_role_tags(args.tags, role_name),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _role_session(
        self,
        name: str,
        role_name: str,
        role: VaultRoleArgs,
        args: VaultAwsArgs,
        backend: vault.aws.SecretBackend,
        boundary: aws.iam.Policy,
        principal_arn: pulumi.Output[str],
    ) -> vault.aws.SecretBackendRole:
        """A role of the engine for which Vault assumes an IAM role, made here: nothing to clean up later."""
        child = pulumi.ResourceOptions(parent=self)
        assumed = f"{name}-{role_name}-assumed"
        aws_role_name = naming.vault_aws_role_name(args.mount, role_name)
        session_seconds = role.session_seconds or 0
        aws_role = aws.iam.Role(
            assumed,
            name=aws_role_name,
            description=f"Assumed by Vault for whoever may read its role {role_name}",
            assume_role_policy=principal_arn.apply(
                lambda arn: documents.render(
                    vault_policies.trust_vault(
                        arn, external_id=role.external_id, session_tags=role.session_tags
                    )
                )
            ),
            max_session_duration=max(session_seconds, naming.SHORTEST_MAX_SESSION_SECONDS),
            permissions_boundary=boundary.arn,
            # A role whose sessions were ended by hand could not be deleted otherwise.
            force_detach_policies=True,
            tags=dict(args.tags),
            opts=child,
        )
        # What ends its sessions goes with an up that refreshes (iam_hardening/commands/jit/revoke.py).
        aws.iam.RolePoliciesExclusive(
            f"{assumed}-inline-policies", role_name=aws_role.name, policy_names=[], opts=child
        )
        permissions = PermissionsArgs(managed_policies=role.managed_policies)
        attach_to_role(assumed, self, aws_role, permissions, args.tags)
        if role.has_statements:
            policy = customer_managed_policy(
                assumed,
                self,
                policy_name=aws_role_name,
                description=f"What a session of Vault's role {role_name} may do",
                policy=_rendered(role),
                tags=args.tags,
            )
            aws.iam.RolePolicyAttachment(assumed, role=aws_role.name, policy_arn=policy.arn, opts=child)
        return vault.aws.SecretBackendRole(
            f"{name}-{role_name}",
            name=role_name,
            backend=backend.path.apply(lambda path: path or ""),
            credential_type="assumed_role",
            role_arns=[aws_role.arn],
            default_sts_ttl=session_seconds,
            max_sts_ttl=session_seconds,
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


def _rendered(role: VaultRoleArgs) -> pulumi.Output[str]:
    return pulumi.Output.from_input(role.statements).apply(
        lambda statements: documents.render(roles_policies.configured(statements))
    )
