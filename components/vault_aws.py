"""Just-in-time access: Vault's AWS secrets engine for one account (tutorial section 7).

Vault makes an IAM user when somebody asks, and deletes it when the lease ends. Its own principal in the
account may touch nothing but the users it issued, and can give them nothing that the boundary does not allow;
so the key that Vault holds cannot become an administrator. The key is handed over as a secret and is replaced
by a generation number; Vault's rotate-root is not used, because it would leave a dead key in the state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault

import naming
import policies
from components.permissions import customer_managed_policy, managed_policy_arn


@dataclass(frozen=True, kw_only=True)
class VaultRoleArgs:
    """One kind of short-lived access: managed policies by name or ARN, and IAM statements besides."""

    managed_policies: Sequence[str]
    statements: pulumi.Input[Sequence[policies.Statement]]
    has_statements: bool


@dataclass(frozen=True, kw_only=True)
class VaultAwsArgs:
    """Lease times in seconds. Endpoints None: AWS's own."""

    partition: str
    account_id: str
    region: str
    mount: str
    default_lease_ttl_seconds: int
    max_lease_ttl_seconds: int
    principal_name: str
    key_generation: int
    iam_endpoint: str | None
    sts_endpoint: str | None
    roles: Mapping[str, VaultRoleArgs]
    tags: Mapping[str, str]


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
            policy=policies.vault_issued_user_boundary(),
            tags=args.tags,
        )
        policy_arns = {
            policy: managed_policy_arn(policy, self)
            for policy in sorted({p for role in args.roles.values() for p in role.managed_policies})
        }
        principal = self._principal(name, args, boundary, list(policy_arns.values()))
        user, may_issue_users = principal
        key = aws.iam.AccessKey(f"{name}-access-key-{args.key_generation}", user=user.name, opts=child)
        backend = vault.aws.SecretBackend(
            name,
            path=args.mount,
            description=f"Just-in-time credentials for the AWS account {args.account_id}",
            access_key=key.id,
            secret_key=key.secret,
            region=args.region,
            iam_endpoint=args.iam_endpoint,
            sts_endpoint=args.sts_endpoint,
            default_lease_ttl_seconds=args.default_lease_ttl_seconds,
            max_lease_ttl_seconds=args.max_lease_ttl_seconds,
            opts=pulumi.ResourceOptions(
                parent=self,
                # Unmounting revokes every lease, which needs the principal's permissions to be there still.
                depends_on=[may_issue_users, boundary],
            ),
        )
        policy_names = {
            role_name: self._role(name, role_name, role, backend, boundary, policy_arns)
            for role_name, role in args.roles.items()
        }
        self.mount_path = backend.path.apply(lambda path: path or args.mount)
        self.principal_arn = user.arn
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
    ) -> tuple[aws.iam.User, pulumi.Resource]:
        """Vault's user, outside the path of those it issues, and the attachment that lets it issue them."""
        child = pulumi.ResourceOptions(parent=self)
        user = aws.iam.User(
            f"{name}-principal", name=args.principal_name, path="/", tags=dict(args.tags), opts=child
        )
        document = pulumi.Output.all(boundary.arn, *attachable_policy_arns).apply(
            lambda arns: policies.render(
                policies.vault_principal(
                    args.partition,
                    args.account_id,
                    boundary_arn=arns[0],
                    attachable_policy_arns=arns[1:],
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
        attachment = aws.iam.UserPolicyAttachment(
            f"{name}-principal", user=user.name, policy_arn=policy.arn, opts=child
        )
        return user, attachment

    def _role(
        self,
        name: str,
        role_name: str,
        role: VaultRoleArgs,
        backend: vault.aws.SecretBackend,
        boundary: aws.iam.Policy,
        policy_arns: Mapping[str, pulumi.Output[str]],
    ) -> pulumi.Output[str]:
        """A role of the engine, and the Vault policy that may read its credentials, whose name it returns."""
        child = pulumi.ResourceOptions(parent=self)
        document = pulumi.Output.from_input(role.statements).apply(
            lambda statements: policies.render(policies.configured(statements))
        )
        made = vault.aws.SecretBackendRole(
            f"{name}-{role_name}",
            name=role_name,
            backend=backend.path.apply(lambda path: path or ""),
            credential_type="iam_user",
            policy_arns=[policy_arns[policy] for policy in role.managed_policies] or None,
            policy_document=document if role.has_statements else None,
            user_path=naming.VAULT_USER_PATH,
            permissions_boundary_arn=boundary.arn,
            opts=child,
        )
        reader = vault.Policy(
            f"{name}-{role_name}",
            name=backend.path.apply(lambda path: naming.vault_policy_name(path or "", role_name)),
            policy=pulumi.Output.all(backend.path, made.name).apply(
                lambda path_and_role: policies.vault_read_credentials(*path_and_role)
            ),
            opts=child,
        )
        return reader.name
