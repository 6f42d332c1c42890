"""What is in an account and in Vault, as names: to see that a destroyed stack left nothing behind."""

from collections.abc import Iterator, Sequence

import hvac

from iam_hardening.clients.aws import Session


def of_account(admin: Session, regions: Sequence[str]) -> frozenset[str]:
    """Everything that the program, Vault or a persona can make; access keys go with their users."""
    names = frozenset(_iam(admin)) | frozenset(_instances(admin)) | frozenset(_public_access_block(admin))
    everywhere = {admin.region, *regions}
    return names.union(*(_regional(admin.in_region(region), region) for region in everywhere))


def of_vault(client: hvac.Client) -> frozenset[str]:
    mounts = client.sys.list_mounted_secrets_engines()["data"]
    policies = client.sys.list_policies()["data"]["policies"]
    return frozenset([*(f"mount {path}" for path in mounts), *(f"policy {name}" for name in policies)])


def _iam(admin: Session) -> Iterator[str]:
    iam = admin.client("iam")
    listings: tuple[tuple[str, str, str, dict[str, str]], ...] = (
        ("list_users", "Users", "UserName", {}),
        ("list_groups", "Groups", "GroupName", {}),
        ("list_roles", "Roles", "RoleName", {}),
        ("list_policies", "Policies", "PolicyName", {"Scope": "Local"}),
        ("list_instance_profiles", "InstanceProfiles", "InstanceProfileName", {}),
        ("list_virtual_mfa_devices", "VirtualMFADevices", "SerialNumber", {}),
    )
    for operation, key, name, arguments in listings:
        pages = iam.get_paginator(operation).paginate(**arguments)
        yield from (f"{key} {entry[name]}" for page in pages for entry in page[key])
    yield from iam.list_organizations_features()["EnabledFeatures"]
    try:
        iam.get_account_password_policy()
    except iam.exceptions.NoSuchEntityException:
        return
    yield "AccountPasswordPolicy"


def _instances(admin: Session) -> Iterator[str]:
    pages = admin.client("ec2").get_paginator("describe_instances").paginate()
    for page in pages:
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                if instance["State"]["Name"] not in ("terminated", "shutting-down"):
                    yield f"Instance {instance['InstanceId']}"


def _public_access_block(admin: Session) -> Iterator[str]:
    try:
        admin.client("s3control").get_public_access_block(AccountId=admin.account_id())
    except admin.client("s3control").exceptions.NoSuchPublicAccessBlockConfiguration:
        return
    yield "PublicAccessBlock"


def _regional(admin: Session, region: str) -> Iterator[str]:
    ec2 = admin.client("ec2")
    metadata = ec2.get_instance_metadata_defaults()["AccountLevel"]
    yield from (f"{region} InstanceMetadataDefaults {name}" for name in metadata)
    if ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]:
        yield f"{region} EbsEncryptionByDefault"
    tables = admin.client("dynamodb").get_paginator("list_tables").paginate().build_full_result()
    yield from (f"{region} Table {name}" for name in tables["TableNames"])
    kms = admin.client("kms")
    for key in kms.get_paginator("list_keys").paginate().build_full_result()["Keys"]:
        if kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] != "PendingDeletion":
            yield f"{region} Key {key['KeyId']}"
    aliases = kms.get_paginator("list_aliases").paginate().build_full_result()["Aliases"]
    yield from (f"{region} {alias['AliasName']}" for alias in aliases)
    documents = admin.client("ssm").list_documents()["DocumentIdentifiers"]
    yield from (f"{region} Document {document['Name']}" for document in documents)
    groups = admin.client("logs").get_paginator("describe_log_groups").paginate().build_full_result()
    yield from (f"{region} LogGroup {group['logGroupName']}" for group in groups["logGroups"])
    analyzers = admin.client("accessanalyzer").list_analyzers()["analyzers"]
    yield from (f"{region} Analyzer {analyzer['name']}" for analyzer in analyzers)
