"""The account itself: root user, people's devices, password policy, what regions do by default."""

import csv
import time
from collections.abc import Callable, Mapping
from typing import Any

from iam_hardening.aws.quotas import MANAGED_POLICIES_PER_ROLE, MANAGED_POLICIES_PER_USER, TRUST_POLICY_LENGTH
from iam_hardening.claims.findings import MISSING, NOTHING, Findings
from iam_hardening.clients.aws import reach_at_endpoint
from iam_hardening.clients.reads import answer_of
from iam_hardening.config import Instance, Settings
from iam_hardening.model import account_defaults
from iam_hardening.model import vault as vault_model

# Client of a service in a region.
Clients = Callable[[str, str], Any]

_ROOT = "<root_account>"
_HOPS = "http_put_response_hop_limit"
_REPORT_POLLS = 30
_SECONDS_BETWEEN_POLLS = 1.0
_PASSWORD_POLICY = {
    "minimum_password_length": "MinimumPasswordLength",
    "require_uppercase_characters": "RequireUppercaseCharacters",
    "require_lowercase_characters": "RequireLowercaseCharacters",
    "require_numbers": "RequireNumbers",
    "require_symbols": "RequireSymbols",
    "allow_users_to_change_password": "AllowUsersToChangePassword",
    "max_password_age": "MaxPasswordAge",
    "password_reuse_prevention": "PasswordReusePrevention",
}
# As S3 writes them.
_PUBLIC_ACCESS = tuple(switch.title().replace("_", "") for switch in account_defaults.PUBLIC_ACCESS_BLOCK)


def check_root_user(findings: Findings, account: Settings, iam: Any) -> None:
    summary = answer_of("iam:GetAccountSummary", iam.get_account_summary)
    found = summary["SummaryMap"] if summary else {}
    findings.compare(
        "root user",
        "access keys",
        0,
        found.get("AccountAccessKeysPresent"),
        "anyone who has one controls the account",
    )
    findings.compare(
        "root user",
        "MFA device",
        1,
        found.get("AccountMFAEnabled"),
        "a password alone is not enough for root",
    )
    wanted = account_defaults.root_features(account)
    if wanted:
        features = answer_of(
            "iam:ListOrganizationsFeatures",
            iam.list_organizations_features,
            missing=("OrganizationNotFoundException", "ServiceAccessNotEnabledException"),
        )
        findings.compare(
            "organisation",
            "central root access",
            wanted,
            features["EnabledFeatures"] if features else (),
            "member accounts have no root credentials",
        )


def check_quotas(findings: Findings, account: Settings, iam: Any) -> None:
    """Those that the stack file states; an account that has more is as good."""
    stated = {
        MANAGED_POLICIES_PER_ROLE: account.quotas.managed_policies_per_role,
        MANAGED_POLICIES_PER_USER: account.quotas.managed_policies_per_user,
        TRUST_POLICY_LENGTH: account.quotas.trust_policy_length,
    }
    wanted = {quota.summary: value for quota, value in stated.items() if value is not None}
    if not wanted:
        return
    summary = answer_of("iam:GetAccountSummary", iam.get_account_summary)
    found = summary["SummaryMap"] if summary else {}
    for name, value in wanted.items():
        own = int(found.get(name, 0))
        why = "an up that needs what the stack file states (quotas) stops in the middle"
        findings.compare("account", name, value, value if own >= value else own, why)


def credential_report(iam: Any) -> list[dict[str, str]]:
    """A row per user, root's among them. AWS makes one at most every four hours. Raises NotAllowed."""
    for _ in range(_REPORT_POLLS):
        state = answer_of("iam:GenerateCredentialReport", iam.generate_credential_report)
        if state and state["State"] == "COMPLETE":
            break
        time.sleep(_SECONDS_BETWEEN_POLLS)
    report = answer_of("iam:GetCredentialReport", iam.get_credential_report)
    return list(csv.DictReader(report["Content"].decode().splitlines())) if report else []


def check_credentials(findings: Findings, account: Settings, iam: Any) -> None:
    """AWS's report may be four hours old: who enrolled since then still shows without a device."""
    rows = {row["user"]: row for row in credential_report(iam)}
    for name in account.users:
        row = rows.get(name)
        if row is None:
            findings.compare(f"user {name}", "in the credential report", "yes", MISSING, "the stack makes it")
            continue
        if row["password_enabled"] == "true":
            findings.compare(
                f"user {name}",
                "MFA device",
                "true",
                row["mfa_active"],
                "until then a password is all it takes",
            )
        _keys(findings, account, name, row)
    user_of_key = vault_model.engine(account, account.vault).user_of_key if account.vault else None
    if user_of_key and (row := rows.get(user_of_key)):
        findings.compare(
            f"user {user_of_key}",
            "active access keys",
            1,
            len(_active_keys(row)),
            "Vault has one; the holder of another acts as Vault",
        )
    for name, row in rows.items():
        if name not in account.users and name != _ROOT and row["password_enabled"] == "true":
            findings.notes.append(f"user {name} is not this stack's and has a password")


def _active_keys(row: Mapping[str, str]) -> list[str]:
    """When each was made."""
    return [
        row[f"access_key_{number}_last_rotated"]
        for number in (1, 2)
        if row[f"access_key_{number}_active"] == "true"
    ]


def _keys(findings: Findings, account: Settings, name: str, row: Mapping[str, str]) -> None:
    """A person may have one, and it is good for little without MFA; the break-glass user may not."""
    keys = _active_keys(row)
    if account.break_glass and name == account.break_glass.user:
        findings.compare(
            f"user {name}", "active access keys", 0, len(keys), "the way in for emergencies is the console"
        )
    elif keys:
        since = " and ".join(day.split("T")[0] for day in sorted(keys))
        findings.notes.append(f"user {name} has {len(keys)} active access keys, of {since}")


def check_password_policy(findings: Findings, account: Settings, iam: Any) -> None:
    answer = answer_of(
        "iam:GetAccountPasswordPolicy", iam.get_account_password_policy, missing=("NoSuchEntity",)
    )
    if answer is None:
        findings.compare("password policy", "exists", "yes", MISSING, "without it AWS asks for 8 characters")
        return
    found = answer["PasswordPolicy"]
    for name, wanted in account.password_policy.values().items():
        # IAM leaves out what is not asked for: no expiry, nothing remembered.
        findings.compare(
            "password policy", name, wanted, found.get(_PASSWORD_POLICY[name], 0), "the stack file says so"
        )


def check_defaults(findings: Findings, account: Settings, clients: Clients) -> None:
    wanted = account_defaults.defaults(account.regions, account.account_defaults)
    for region in account.regions:
        if region in wanted.encrypted_in:
            ec2 = clients("ec2", region)
            found = answer_of("ec2:GetEbsEncryptionByDefault", ec2.get_ebs_encryption_by_default)
            findings.compare(
                f"new volumes in {region}",
                "encrypted",
                True,
                (found or {}).get("EbsEncryptionByDefault"),
                "no one has to remember to ask",
            )
        if region in wanted.metadata_in:
            _imdsv2(findings, region, clients("ec2", region))
        if region in wanted.analyzers_in:
            _analyzer(findings, region, clients("accessanalyzer", region))
    if wanted.blocks_public_access:
        s3control = clients("s3control", account.region)
        reach_at_endpoint(s3control)
        found = answer_of(
            "s3:GetAccountPublicAccessBlock",
            s3control.get_public_access_block,
            missing=("NoSuchPublicAccessBlockConfiguration",),
            AccountId=account.account_id,
        )
        block: Mapping[str, bool] = (found or {}).get("PublicAccessBlockConfiguration", {})
        findings.compare(
            "buckets", "public access blocked", _PUBLIC_ACCESS, [n for n in _PUBLIC_ACCESS if block.get(n)],
            "no bucket can be made public",
        )  # fmt: skip


def _imdsv2(findings: Findings, region: str, ec2: Any) -> None:
    found = answer_of("ec2:GetInstanceMetadataDefaults", ec2.get_instance_metadata_defaults)
    level = (found or {}).get("AccountLevel", {})
    findings.compare(
        f"new instances in {region}",
        "metadata",
        _metadata(account_defaults.METADATA["http_tokens"], account_defaults.METADATA[_HOPS]),
        _metadata(level.get("HttpTokens", NOTHING), level.get("HttpPutResponseHopLimit", "any")),
        "IMDSv1 answers forged requests",
    )


def _metadata(tokens: object, hops: object) -> str:
    return f"tokens {tokens}, {hops} hop"


def _analyzer(findings: Findings, region: str, analyzer: Any) -> None:
    found = answer_of("access-analyzer:ListAnalyzers", analyzer.list_analyzers)
    kind = account_defaults.ANALYZER_TYPE
    states = [each["status"] for each in (found or {}).get("analyzers", []) if each["type"] == kind]
    findings.compare(
        f"Access Analyzer in {region}", "state", "ACTIVE", states, "what strangers could reach is found"
    )


def check_instance(findings: Findings, account: Settings, wanted: Instance, ec2: Any) -> str | None:
    """The ARN of the stack's instance; None where there is not exactly one. Raises NotAllowed."""

    def pages() -> list[dict[str, Any]]:
        by_name = [{"Name": "tag:Name", "Values": [wanted.name]}]
        return list(ec2.get_paginator("describe_instances").paginate(Filters=by_name))

    found = [
        instance["InstanceId"]
        for page in answer_of("ec2:DescribeInstances", pages) or []
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
        if instance["State"]["Name"] not in ("shutting-down", "terminated")
        and instance.get("IamInstanceProfile", {}).get("Arn", "").rsplit("/", 1)[-1] == wanted.profile_name
    ]
    findings.compare(
        f"instance {wanted.name}",
        "how many with the profile",
        1,
        len(found),
        "Vault's roles are for that one",
    )
    if len(found) != 1:
        return None
    return f"arn:{account.partition}:ec2:{account.region}:{account.account_id}:instance/{found[0]}"
