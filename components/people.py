"""Groups for job functions, and the people in them (tutorial section 2), in the central account only.

Permissions are given to groups, never to a person. Everybody gets a console password that must be changed at
first sign-in, and MFA enforcement through a group. Access keys are never made here: people make their own,
after MFA.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.mfa import MfaEnforcement
from components.permissions import PermissionsArgs, attach_to_group, customer_managed_policy
from iam_hardening.aws import naming
from iam_hardening.aws.policies import people as people_policies

# Longer than any preset's minimum; the provider draws it at random from all character classes.
_INITIAL_PASSWORD_LENGTH = 24


@dataclass(frozen=True, kw_only=True)
class PeopleGroupArgs:
    """`mfa` is None for a group whose members get MFA enforcement from another of their groups.
    `is_administrators`: the group's permissions include managing its members' own passwords and devices.
    `protect`: neither the group, nor its AdministratorAccess, nor its MFA enforcement can be deleted."""

    permissions: PermissionsArgs
    mfa: MfaEnforcement | None
    is_administrators: bool
    may_assume_role_arns: Sequence[str]
    protect: bool
    tags: Mapping[str, str]


class PeopleGroup(pulumi.ComponentResource):
    """A group at path `/`, what it may do here, and which roles of workload accounts it may assume."""

    group_name: pulumi.Output[str]

    def __init__(self, name: str, args: PeopleGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("iam-hardening:index:PeopleGroup", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions(parent=self, protect=args.protect or None)
        group = aws.iam.Group(name, name=name, path="/", opts=kept)
        enforcement: list[pulumi.Resource] = []
        attached: dict[str, pulumi.Output[str]] = {}
        if args.mfa is not None:
            enforcement.append(
                aws.iam.GroupPolicyAttachment(
                    f"{name}-enforce-mfa",
                    group=group.name,
                    policy_arn=args.mfa.enforce_policy_arn,
                    opts=kept,
                )
            )
            if not args.is_administrators:
                attached["self-service"] = args.mfa.self_service_policy_arn
        attach_to_group(
            name,
            self,
            group,
            args.permissions,
            args.tags,
            after=enforcement,
            protected=[f"{name}-{naming.ADMINISTRATOR_ACCESS}"] if args.protect else (),
        )
        if args.may_assume_role_arns:
            assume = customer_managed_policy(
                f"{name}-assume-roles",
                self,
                policy_name=naming.assume_policy_name(name),
                description=f"The roles in workload accounts that {name} may assume",
                policy=people_policies.assume_roles(args.may_assume_role_arns),
                tags=args.tags,
            )
            attached["assume-roles"] = assume.arn
        for suffix, arn in attached.items():
            aws.iam.GroupPolicyAttachment(f"{name}-{suffix}", group=group.name, policy_arn=arn, opts=child)
        self.group_name = group.name
        self.register_outputs({"group_name": self.group_name})


@dataclass(frozen=True, kw_only=True)
class PersonArgs:
    """`minimum_password_length` in characters; `pgp_key` a base64 public key or `keybase:NAME`. `groups`:
    those of `group_names`, joined when they are whole, MFA enforcement and all, and left before they go.
    `path` begins and ends with `/`. `strict_onboarding`: administrators mark the user as new, by hand."""

    group_names: Sequence[pulumi.Input[str]]
    groups: Sequence[pulumi.Resource]
    minimum_password_length: int
    pgp_key: str | None
    tags: Mapping[str, str]
    path: str = "/"
    strict_onboarding: bool = False


class Person(pulumi.ComponentResource):
    """A user, the groups it is in, and a console login whose password must be changed at first sign-in."""

    # A secret, or None when a PGP key was given.
    password: pulumi.Output[str | None]
    # Base64, only its owner can read it; None when no PGP key was given.
    encrypted_password: pulumi.Output[str | None]

    def __init__(self, name: str, args: PersonArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("iam-hardening:index:Person", name, None, opts)
        user = aws.iam.User(
            name,
            name=name,
            path=args.path,
            # A person makes keys and enrols devices that the program does not know; without this, neither a
            # person who leaves nor the stack could ever be removed.
            force_destroy=True,
            tags=dict(args.tags),
            opts=pulumi.ResourceOptions(
                parent=self,
                # The mark is the administrators' own: an up must neither take it away nor bring it back.
                ignore_changes=[f"tags.{naming.ONBOARDING_TAG}"] if args.strict_onboarding else None,
            ),
        )
        aws.iam.UserGroupMembership(
            name,
            user=user.name,
            groups=list(args.group_names),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.groups)),
        )
        login = aws.iam.UserLoginProfile(
            name,
            user=user.name,
            password_length=max(args.minimum_password_length, _INITIAL_PASSWORD_LENGTH),
            password_reset_required=True,
            pgp_key=args.pgp_key,
            opts=pulumi.ResourceOptions(
                parent=self,
                additional_secret_outputs=["password"],
                # A user has room for one. Only somebody who asks for it replaces it (a new initial password).
                delete_before_replace=True,
                # They count at creation only. AWS clears the reset once the person has a password of their
                # own; replacing the login for that, or for a longer minimum, would throw the person out.
                ignore_changes=["passwordLength", "passwordResetRequired", "pgpKey"],
            ),
        )
        # With a PGP key the provider answers with the one, without with the other; asked for the one that it
        # lacks, every preview would show an unknown value.
        nothing: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.password = nothing if args.pgp_key else pulumi.Output.secret(login.password)
        self.encrypted_password = login.encrypted_password if args.pgp_key else nothing
        self.register_outputs({"password": self.password, "encrypted_password": self.encrypted_password})
