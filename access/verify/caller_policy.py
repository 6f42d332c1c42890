"""What whoever runs `make verify` must be allowed to do, and no more: reading only."""

from policies import Document, document
from settings import Settings

# Most of them have no resource to bind them to. Source: AWS Service Authorization Reference.
_IAM = (
    "iam:GenerateCredentialReport",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetAccountPasswordPolicy",
    "iam:GetAccountSummary",
    "iam:GetCredentialReport",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:SimulateCustomPolicy",
    "iam:SimulatePrincipalPolicy",
)


def caller_policy(account: Settings) -> Document:
    """The policy for one stack: what its file does not ask for is not looked at."""
    defaults = account.account_defaults
    wanted = {
        "access-analyzer:ListAnalyzers": defaults.access_analyzer,
        "ec2:GetEbsEncryptionByDefault": defaults.ebs_encryption,
        "ec2:GetInstanceMetadataDefaults": defaults.imdsv2,
        "iam:GetRole": bool(account.cross_account_roles),
        "iam:ListOrganizationsFeatures": account.organization_root_access,
        "s3:GetAccountPublicAccessBlock": defaults.s3_public_access_block,
    }
    actions = sorted([*_IAM, *(action for action, needed in wanted.items() if needed)])
    return document({"Sid": "VerifyReadOnly", "Effect": "Allow", "Action": actions, "Resource": "*"})
