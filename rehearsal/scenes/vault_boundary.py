"""What the boundary of issued users keeps from one whose role allows everything."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import policies
from access.claims import ALLOWED, REFUSED, Claim
from access.sessions import Credentials, Session
from naming import ADMINISTRATOR_ACCESS, VAULT_BOUNDARY_POLICY, VAULT_USER_PATH, iam_arn, policy_arn, role_arn
from rehearsal.stage import Stage
from rehearsal.world import Account, World

_USER = "vault-rehearsal-everything"
# Lets in whoever the account lets, so that nothing but the boundary is in the way.
_ROLE = "rehearsal-next"
_WHO = "issued user, all allowed"
_WHY = "nothing that would outlive the lease, or reach further"

Call = Callable[[], Any]


def play(stage: Stage, world: World) -> None:
    for account in world.workloads:
        if account.settings.vault:
            with stage.scene(f"The boundary in {account.name}"), _issued_with_everything(account) as session:
                for call, made in _outliving(account, session):
                    stage.judge(_claim(account, call, REFUSED, _WHY), made)
                for call, made in _of_the_role(session):
                    stage.judge(_claim(account, call, ALLOWED, "the role's work is not hindered"), made)


@contextmanager
def _issued_with_everything(account: Account) -> Iterator[Session]:
    """As Vault makes its users, but with a policy that its principal may not attach."""
    iam, own = account.admin.client("iam"), account.settings
    iam.create_user(
        UserName=_USER,
        Path=VAULT_USER_PATH,
        PermissionsBoundary=policy_arn(own.partition, own.account_id, VAULT_BOUNDARY_POLICY),
    )
    administrator = iam_arn(own.partition, "aws", f"policy/{ADMINISTRATOR_ACCESS}")
    iam.attach_user_policy(UserName=_USER, PolicyArn=administrator)
    key = iam.create_access_key(UserName=_USER)["AccessKey"]
    trust = policies.trust_account(own.partition, own.account_id, require_mfa=False)
    iam.create_role(RoleName=_ROLE, AssumeRolePolicyDocument=policies.render(trust))
    try:
        yield account.admin.with_credentials(Credentials.of(key))
    finally:
        iam.delete_access_key(UserName=_USER, AccessKeyId=key["AccessKeyId"])
        iam.detach_user_policy(UserName=_USER, PolicyArn=administrator)
        iam.delete_user(UserName=_USER)
        iam.delete_role(RoleName=_ROLE)


def _outliving(account: Account, session: Session) -> Iterator[tuple[str, Call]]:
    iam, sts, own = session.client("iam"), session.client("sts"), account.settings
    boundary = policy_arn(own.partition, own.account_id, VAULT_BOUNDARY_POLICY)
    role = role_arn(own.partition, own.account_id, _ROLE)
    document = '{"Version": "2012-10-17", "Statement": []}'
    yield "iam:CreateUser", lambda: iam.create_user(UserName="rehearsal-heir")
    yield "iam:CreateRole", lambda: iam.create_role(RoleName="heir", AssumeRolePolicyDocument=document)
    yield (
        "iam:CreateLoginProfile",
        lambda: iam.create_login_profile(UserName=_USER, Password="aA1!rehearsal-heir"),
    )
    yield "iam:CreateAccessKey", lambda: iam.create_access_key(UserName=_USER)
    yield (
        "iam:CreateVirtualMFADevice",
        lambda: iam.create_virtual_mfa_device(VirtualMFADeviceName="rehearsal-heir"),
    )
    yield (
        "iam:UploadSSHPublicKey",
        lambda: iam.upload_ssh_public_key(UserName=_USER, SSHPublicKeyBody="ssh-rsa AAAA"),
    )
    yield (
        "iam:CreateServiceSpecificCredential",
        lambda: iam.create_service_specific_credential(
            UserName=_USER, ServiceName="codecommit.amazonaws.com"
        ),
    )
    yield (
        "iam:PutUserPolicy",
        lambda: iam.put_user_policy(UserName=_USER, PolicyName="heir", PolicyDocument=document),
    )
    yield "iam:AttachUserPolicy", lambda: iam.attach_user_policy(UserName=_USER, PolicyArn=boundary)
    yield (
        "iam:CreatePolicyVersion",
        lambda: iam.create_policy_version(PolicyArn=boundary, PolicyDocument=document, SetAsDefault=True),
    )
    yield (
        "iam:DeleteUserPermissionsBoundary",
        lambda: iam.delete_user_permissions_boundary(UserName=_USER),
    )
    yield (
        "iam:UpdateAssumeRolePolicy",
        lambda: iam.update_assume_role_policy(RoleName=_ROLE, PolicyDocument=document),
    )
    yield "iam:TagUser", lambda: iam.tag_user(UserName=_USER, Tags=[{"Key": "a", "Value": "b"}])
    yield "sts:AssumeRole", lambda: sts.assume_role(RoleArn=role, RoleSessionName="rehearsal")
    task = iam_arn(own.partition, "aws", "policy/root-task/IAMDeleteRootUserCredentials")
    yield (
        "sts:AssumeRoot",
        lambda: sts.assume_root(TargetPrincipal=own.account_id, TaskPolicyArn={"arn": task}),
    )
    yield (
        "sts:GetWebIdentityToken",
        lambda: sts.get_web_identity_token(Audience=["https://example.com"], SigningAlgorithm="RS256"),
    )


def _of_the_role(session: Session) -> Iterator[tuple[str, Call]]:
    yield "s3:ListAllMyBuckets", session.client("s3").list_buckets
    yield "iam:ListUsers", session.client("iam").list_users


def _claim(account: Account, call: str, claimed: str, reason: str) -> Claim:
    return Claim(
        who=_WHO,
        mfa="-",
        call=call,
        resource="-",
        account=account.name,
        claimed=claimed,
        reason=reason,
    )
