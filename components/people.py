"""Groups for job functions, and the people in them (tutorial section 2), in the central account only.

Permissions are given to groups, never to a person. Everyone gets a console password that must be changed at
first sign-in, and MFA enforcement through a group. Access keys are never made here: people make their own,
after MFA.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.mfa import MfaEnforcement
from components.permissions import attach_to_group, customer_managed_policy
from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.config import Account, added_policies, is_administrators
from iam_hardening.model.identities import ROOT_PATH, log_in


@dataclass(frozen=True, kw_only=True)
class PeopleGroupArgs:
    """`mfa`: the account's enforcement; a group that does not enforce it leaves that to another of its
    members' groups. With the account's `protect` neither a group of administrators, nor its
    AdministratorAccess, nor its MFA enforcement can be deleted."""

    account: Account
    group: config.Group
    mfa: MfaEnforcement


class PeopleGroup(pulumi.ComponentResource):
    """A group at path `/`, what it may do here, and which roles of workload accounts it may assume."""

    group_name: pulumi.Output[str]

    def __init__(self, name: str, args: PeopleGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("iam-hardening:index:PeopleGroup", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        account, wanted = args.account, args.group
        protect = account.protect and is_administrators(wanted)
        kept = pulumi.ResourceOptions(parent=self, protect=protect or None)
        group = aws.iam.Group(name, name=name, path=ROOT_PATH, opts=kept)
        added = {each.attachment: each for each in added_policies.to_group(account, name, wanted)}
        enforcement: list[pulumi.Resource] = []
        attached: dict[str, pulumi.Output[str]] = {}
        if added.pop(added_policies.ENFORCE_MFA, None):
            enforcement.append(
                aws.iam.GroupPolicyAttachment(
                    f"{name}-{added_policies.ENFORCE_MFA}",
                    group=group.name,
                    policy_arn=args.mfa.enforce_policy_arn,
                    opts=kept,
                )
            )
        if added.pop(added_policies.SELF_SERVICE, None):
            attached[added_policies.SELF_SERVICE] = args.mfa.self_service_policy_arn
        grant = added.pop(added_policies.ASSUME_ROLES, None)
        attach_to_group(
            name,
            self,
            group,
            wanted,
            account.tags,
            added=list(added.values()),
            after=enforcement,
            protected=[f"{name}-{naming.ADMINISTRATOR_ACCESS}"] if protect else (),
        )
        if grant and grant.document:
            assume = customer_managed_policy(
                f"{name}-{added_policies.ASSUME_ROLES}",
                self,
                policy_name=grant.name,
                description=f"The roles in workload accounts that {name} may assume",
                policy=grant.document,
                tags=account.tags,
            )
            attached[added_policies.ASSUME_ROLES] = assume.arn
        for suffix, arn in attached.items():
            aws.iam.GroupPolicyAttachment(f"{name}-{suffix}", group=group.name, policy_arn=arn, opts=child)
        self.group_name = group.name
        self.register_outputs({"group_name": self.group_name})


@dataclass(frozen=True, kw_only=True)
class PersonArgs:
    """`groups`: those of the user's section, joined when they are whole, MFA enforcement and all, and left
    before they go. `strict_onboarding`: administrators mark the user as new, by hand."""

    account: Account
    user: config.User
    groups: Sequence[PeopleGroup]
    password_policy: config.PasswordPolicy
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
            path=args.user.path,
            # A person makes keys and enrols devices that the program does not know; without this, neither a
            # person who leaves nor the stack could ever be removed.
            force_destroy=True,
            tags=dict(args.account.tags),
            opts=pulumi.ResourceOptions(
                parent=self,
                # The mark is the administrators' own: an up must neither take it away nor bring it back.
                ignore_changes=[f"tags.{naming.ONBOARDING_TAG}"] if args.strict_onboarding else None,
            ),
        )
        aws.iam.UserGroupMembership(
            name,
            user=user.name,
            groups=[group.group_name for group in args.groups],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.groups)),
        )
        wanted = log_in(args.user, args.password_policy)
        login = aws.iam.UserLoginProfile(
            name,
            user=user.name,
            password_length=wanted.password_length,
            password_reset_required=wanted.must_be_reset,
            pgp_key=wanted.pgp_key,
            opts=pulumi.ResourceOptions(
                parent=self,
                additional_secret_outputs=["password"],
                # A user has room for one. It is replaced only on request (a new initial password).
                delete_before_replace=True,
                # They count at creation only. AWS clears the reset once the person has a password of their
                # own; replacing the login for that, or for a longer minimum, would throw the person out.
                ignore_changes=["passwordLength", "passwordResetRequired", "pgpKey"],
            ),
        )
        # With a PGP key the provider answers with the one, without with the other; asked for the one that it
        # lacks, every preview would show an unknown value.
        nothing: pulumi.Output[str | None] = pulumi.Output.from_input(None)
        self.password = nothing if wanted.pgp_key else pulumi.Output.secret(login.password)
        self.encrypted_password = login.encrypted_password if wanted.pgp_key else nothing
        self.register_outputs({"password": self.password, "encrypted_password": self.encrypted_password})
