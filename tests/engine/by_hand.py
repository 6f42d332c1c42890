"""The tutorial's two accounts and its Vault, as someone set them up without this project."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from iam_hardening.clients.aws import Credentials, Session
from rehearsal.authenticator import Authenticator
from rehearsal.testbed import Account, Testbed, enrol

# Section 3 of the tutorial; the list of actions is AWS's own example that it follows.
ENFORCE_MFA = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "DenyAllExceptListedIfNoMFA",
            "Effect": "Deny",
            "NotAction": [
                "iam:CreateVirtualMFADevice",
                "iam:EnableMFADevice",
                "iam:GetUser",
                "iam:ListMFADevices",
                "iam:ListVirtualMFADevices",
                "iam:ResyncMFADevice",
                "sts:GetSessionToken",
            ],
            "Resource": "*",
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        }
    ],
}


@dataclass(frozen=True, kw_only=True)
class Administrator:
    """What the person has who has administered the account so far."""

    password: str
    device: Authenticator
    bare: Session

    def with_mfa(self) -> Session:
        sts = self.bare.client("sts")
        answer = sts.get_session_token(SerialNumber=self.device.serial_number, TokenCode=self.device.code())
        return self.bare.with_credentials(Credentials.of(answer["Credentials"]))


def set_up_central(account: Account) -> Administrator:
    iam = account.admin.client("iam")
    iam.create_group(GroupName="Administrators")
    iam.attach_group_policy(
        GroupName="Administrators", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    iam.create_user(UserName="Administrator")
    iam.add_user_to_group(UserName="Administrator", GroupName="Administrators")
    password = f"aA1!{secrets.token_urlsafe(24)}"
    iam.create_login_profile(UserName="Administrator", Password=password, PasswordResetRequired=False)
    policy = iam.create_policy(
        PolicyName="enforce-to-use-mfa",
        Description="Policy to allow MFA management",
        PolicyDocument=json.dumps(ENFORCE_MFA),
    )["Policy"]
    iam.attach_group_policy(GroupName="Administrators", PolicyArn=policy["Arn"])
    _password_policy(iam)
    device = enrol(account.admin, "Administrator")
    key = iam.create_access_key(UserName="Administrator")["AccessKey"]
    return Administrator(
        password=password, device=device, bare=account.admin.with_credentials(Credentials.of(key))
    )


def set_up_dev(account: Account, central_id: str, testbed: Testbed) -> None:
    iam = account.admin.client("iam")
    _password_policy(iam)
    iam.create_role(
        RoleName="test_role",
        AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{central_id}:root"}),
    )
    listing = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    iam.put_role_policy(
        RoleName="test_role",
        PolicyName="test_policy",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [listing]}),
    )
    instance = account.settings.instance
    assert instance is not None
    iam.create_role(
        RoleName=instance.role_name, AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"})
    )
    iam.create_instance_profile(InstanceProfileName=instance.profile_name)
    iam.add_role_to_instance_profile(InstanceProfileName=instance.profile_name, RoleName=instance.role_name)
    vault = testbed.vault()
    vault.sys.enable_secrets_engine("aws", path="aws")
    vault.write_data(
        "aws/roles/test",
        data={
            "credential_type": "iam_user",
            "policy_arns": ["arn:aws:iam::aws:policy/AmazonS3FullAccess"],
        },
    )


def trust(principal: dict[str, str]) -> str:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _password_policy(iam: Any) -> None:
    iam.update_account_password_policy(
        MinimumPasswordLength=10,
        RequireUppercaseCharacters=True,
        RequireLowercaseCharacters=True,
        RequireNumbers=True,
        RequireSymbols=True,
        AllowUsersToChangePassword=True,
        MaxPasswordAge=90,
        PasswordReusePrevention=3,
    )
