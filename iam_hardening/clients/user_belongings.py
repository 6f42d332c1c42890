"""What an IAM user can have besides a password: how it is listed, and what takes it away.

Source: IAM API reference, "DeleteUser".
"""

from dataclasses import dataclass
from typing import Any

from iam_hardening.clients.reads import answer_of


@dataclass(frozen=True)
class Belonging:
    """The call that lists it, where the answer has it, what names and ends it."""

    words: str
    list_call: str
    items: str
    parameter: str
    delete_call: str

    def named(self, item: Any) -> dict[str, str]:
        return {self.parameter: item[self.parameter] if isinstance(item, dict) else item}


SSH_KEY = Belonging(
    "SSH key", "list_ssh_public_keys", "SSHPublicKeys", "SSHPublicKeyId", "delete_ssh_public_key"
)
SERVICE_CREDENTIAL = Belonging(
    "service credential",
    "list_service_specific_credentials",
    "ServiceSpecificCredentials",
    "ServiceSpecificCredentialId",
    "delete_service_specific_credential",
)
SIGNING_CERTIFICATE = Belonging(
    "signing certificate",
    "list_signing_certificates",
    "Certificates",
    "CertificateId",
    "delete_signing_certificate",
)
# In the order in which they go when the user is deleted.
BELONGINGS = (
    Belonging("access key", "list_access_keys", "AccessKeyMetadata", "AccessKeyId", "delete_access_key"),
    Belonging("MFA device", "list_mfa_devices", "MFADevices", "SerialNumber", "deactivate_mfa_device"),
    SSH_KEY,
    SERVICE_CREDENTIAL,
    SIGNING_CERTIFICATE,
    Belonging("inline policy", "list_user_policies", "PolicyNames", "PolicyName", "delete_user_policy"),
    Belonging(
        "managed policy", "list_attached_user_policies", "AttachedPolicies", "PolicyArn", "detach_user_policy"
    ),
    Belonging("group", "list_groups_for_user", "Groups", "GroupName", "remove_user_from_group"),
)


def last_use(iam: Any, access_key_id: str) -> str | None:
    """`last used 2026-01-31 for s3 in eu-west-1`; None of a key that never was. Raises NotAllowed."""
    call = iam.get_access_key_last_used
    answer = answer_of("iam:GetAccessKeyLastUsed", call, AccessKeyId=access_key_id)
    used = answer["AccessKeyLastUsed"] if answer else {}
    return (
        f"last used {used['LastUsedDate']:%Y-%m-%d} for {used['ServiceName']} in {used['Region']}"
        if "LastUsedDate" in used
        else None
    )
