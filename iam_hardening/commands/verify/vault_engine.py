"""Vault's half of just-in-time access: the mount, its roles, the policies that may ask for them, the log.

Read with the caller's own token. What Vault cannot report: who was given a policy by another auth method, an
identity group or a token made by hand.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from iam_hardening.aws.naming import policy_arn, role_arn
from iam_hardening.aws.policies.compare import canonical, difference
from iam_hardening.claims.findings import MISSING, NOTHING, Findings
from iam_hardening.clients.reads import answer_of
from iam_hardening.clients.vault_reader import VaultReader
from iam_hardening.commands.verify.vault_policies import opened
from iam_hardening.config import Account
from iam_hardening.model.identities import PolicyName
from iam_hardening.model.vault import AuditDevice, Engine, EngineRole

_SAME = "as the stack file says"
# Paths that give credentials for a name.
_HANDS_OUT = ("creds", "sts", "static-creds")
# No token is refused for lack of it: every one has it unless it was made without.
_EVERYBODYS = "default"
# What is written once cannot be deleted; zero is as good as nothing.
_NO_LEASE = ("", "0s", 0)
# Vault's own, without a text.
_ROOT = "root"


def check_mount(findings: Findings, engine: Engine, reader: VaultReader) -> bool:
    """False if there is no such mount: then there is nothing else to look at. Raises NotAllowed."""
    what = f"mount {engine.path}"
    found = reader.read(f"sys/mounts/{engine.path}")
    findings.compare(what, "type", "aws", found["type"] if found else MISSING, "the stack makes it")
    if not found or found["type"] != "aws":
        return False
    config = found["config"]
    findings.compare(
        what,
        "default lease",
        _seconds(engine.default_lease_seconds),
        _seconds(config["default_lease_ttl"]),
        "credentials last as long as the stack file says, unless they are ended earlier",
    )
    findings.compare(
        what,
        "longest lease",
        _seconds(engine.max_lease_seconds),
        _seconds(config["max_lease_ttl"]),
        "after that no one can renew them",
    )
    findings.compare(
        what,
        "not hashed in the audit log",
        engine.in_the_clear,
        config.get("audit_non_hmac_response_keys") or (),
        "anything else that is there in the clear may be a secret",
    )
    return True


def check_configuration(findings: Findings, engine: Engine, reader: VaultReader, iam: Any) -> None:
    """Raises NotAllowed."""
    what = f"{engine.path}/config/root"
    found = reader.read(what)
    if found is None:
        findings.compare(what, "exists", "yes", MISSING, "without it Vault reaches no account")
        return
    endpoints = (("IAM endpoint", engine.iam_endpoint), ("STS endpoint", engine.sts_endpoint))
    findings.compare(what, "region", engine.region, found["region"], "where Vault calls AWS")
    for name, wanted in endpoints:
        key = name.lower().replace(" ", "_")
        findings.compare(
            what, name, wanted or NOTHING, found[key] or NOTHING, "a server there sees Vault's calls"
        )
    findings.compare(
        what,
        "names of users",
        engine.username_template,
        found["username_template"],
        "CloudTrail says by them who asked",
    )
    key_id = found["access_key"]
    used = key_id and answer_of(
        "iam:GetAccessKeyLastUsed",
        iam.get_access_key_last_used,
        # What AWS says of a key that is not there, or not this account's.
        missing=("NoSuchEntity", "AccessDenied.NotThisAccounts"),
        AccessKeyId=key_id,
    )
    findings.compare(
        what,
        "whose access key",
        engine.user_of_key or NOTHING,
        used["UserName"] if used else MISSING if key_id else NOTHING,
        "the principal that Vault acts as in the account",
    )
    findings.compare(
        what,
        "role that Vault acts as",
        NOTHING,
        found.get("role_arn") or NOTHING,
        "the principal that Vault acts as",
    )
    lease = reader.read(f"{engine.path}/config/lease")
    findings.compare(
        f"{engine.path}/config/lease",
        "lease other than the mount's",
        NOTHING,
        _map({key: value for key, value in (lease or {}).items() if value not in _NO_LEASE}),
        "it would count instead of the mount's default",
    )


def check_roles(
    findings: Findings,
    account: Account,
    engine: Engine,
    roles: Mapping[str, EngineRole],
    reader: VaultReader,
    instance_arn: str | None,
) -> None:
    """Raises NotAllowed."""
    for role in roles.values():
        _check_role(findings, account, f"{engine.path}/roles/{role.name}", role, reader, instance_arn)
    _no_others(
        findings,
        f"mount {engine.path}",
        "roles other than the stack's",
        (name for name in reader.names(f"{engine.path}/roles") if name not in roles),
        "each issues credentials that no one reviewed",
    )
    _no_others(
        findings,
        f"mount {engine.path}",
        "static roles",
        reader.names(f"{engine.path}/static-roles"),
        "each issues the keys of an IAM user that is there already",
    )


def _check_role(
    findings: Findings,
    account: Account,
    what: str,
    role: EngineRole,
    reader: VaultReader,
    instance_arn: str | None,
) -> None:
    found = reader.read(what)
    if found is None:
        findings.compare(what, "exists", "yes", MISSING, "the stack makes it")
        return
    partition, account_id = account.partition, account.account_id
    # Older engines list the types.
    kind = found["credential_type"]
    findings.compare(
        what,
        "credentials",
        role.credential_type,
        [kind] if isinstance(kind, str) else kind,
        "a user that Vault deletes, or a session that expires",
    )
    # Without the instance's ID, which is reported separately, the expected document is unknown.
    if not role.debugs_instance or instance_arn:
        findings.compare(
            what,
            "policy document",
            *_documents(None if role.is_session else role.document(instance_arn), found),
            "what the credentials may do",
        )
    findings.compare(
        what,
        "managed policies",
        () if role.is_session else {PolicyName.configured(policy) for policy in role.managed_policies},
        {PolicyName.of_arn(arn) for arn in found["policy_arns"] or ()},
        "what the credentials may do",
    )
    iam_roles = [role_arn(partition, account_id, role.iam_role)] if role.iam_role else ()
    boundary = policy_arn(partition, account_id, role.boundary) if role.boundary else NOTHING
    expected: tuple[tuple[str, str, object, object, str], ...] = (
        ("IAM groups", "iam_groups", role.iam_groups, (), "they hold what the groups hold"),
        ("IAM roles", "role_arns", iam_roles, (), "roles that it issues sessions of"),
        (
            "permissions boundary",
            "permissions_boundary_arn",
            boundary,
            NOTHING,
            "the most that an issued user can do",
        ),
        (
            "path of users",
            "user_path",
            role.user_path or NOTHING,
            NOTHING,
            "Vault's principal may touch no other",
        ),
        ("device whose code it takes", "mfa_serial_number", NOTHING, NOTHING, "the stack sets none"),
    )
    for question, key, wanted, nothing, reason in expected:
        findings.compare(what, question, wanted, found.get(key) or nothing, reason)
    session = _seconds(role.session_seconds)
    for question, key in (("session", "default_sts_ttl"), ("longest session", "max_sts_ttl")):
        findings.compare(what, question, session, _seconds(found[key]), "a session cannot be taken back")
    for question, key, mapped in (
        ("tags of users", "iam_tags", role.iam_tags),
        ("session tags", "session_tags", role.session_tags),
    ):
        findings.compare(
            what, question, _map(mapped), _map(found.get(key) or {}), "other policies can rest on them"
        )
    same = (found.get("external_id") or None) == role.external_id
    findings.compare(what, "external ID", _SAME, _SAME if same else "another", "the role's trust asks for it")


def _documents(wanted: Mapping[str, Any] | None, found: Mapping[str, Any]) -> tuple[str, str]:
    """Claimed and found, of a role's own policy document."""
    text = found["policy_document"]
    claimed = _SAME if wanted else NOTHING
    if not text:
        return claimed, NOTHING
    document = json.loads(text)
    if not wanted:
        return claimed, difference({"Statement": []}, document)
    same = canonical(wanted) == canonical(document)
    return claimed, _SAME if same else difference(wanted, document)


def check_policies(
    findings: Findings, engine: Engine, roles: Mapping[str, EngineRole], reader: VaultReader
) -> None:
    """Exactly the text of the stack's own; of the others, which reach the mount. Raises NotAllowed."""
    own = {role.policy: role.policy_text for role in roles.values()}
    for policy, wanted in own.items():
        found = reader.read(f"sys/policies/acl/{policy}")
        text = found["policy"].strip() if found else MISSING
        findings.compare(
            f"Vault policy {policy}",
            "text",
            _SAME,
            _SAME if text == wanted.strip() else _other_text(text, engine.path),
            "who holds it may ask for just this role's credentials",
        )
    widened: list[str] = []
    for policy in reader.names("sys/policies/acl"):
        if policy in own or policy == _ROOT:
            continue
        text = (reader.read(f"sys/policies/acl/{policy}") or {}).get("policy", "")
        reached = opened(text, engine.path)
        by_name = [path for path in reached if path.startswith(f"{engine.path}/")]
        hands_out = {path for part in _HANDS_OUT for path in opened(text, f"{engine.path}/{part}")}
        if reached and (policy == _EVERYBODYS or hands_out.intersection(by_name)):
            widened.append(f"{policy} ({', '.join(reached)})")
        elif reached:
            findings.notes.append(
                f"Vault policy {policy} is not this stack's and reaches {', '.join(reached)}"
            )
    _no_others(
        findings,
        f"mount {engine.path}",
        "Vault policies for its credentials other than the stack's",
        widened,
        "its holder gets credentials that the stack file gives no one",
    )


def _other_text(text: str, mount: str) -> str:
    if text == MISSING:
        return MISSING
    return f"another, for {', '.join(opened(text, mount)) or 'nothing of the mount'}"


def check_audit(findings: Findings, device: AuditDevice, reader: VaultReader) -> None:
    """Raises NotAllowed."""
    found = (reader.read("sys/audit") or {}).get(f"{device.path}/")
    findings.compare(
        f"audit device {device.path}",
        "type and options",
        f"{device.type}, {_map(device.options)}",
        f"{found['type']}, {_map(found['options'])}" if found else MISSING,
        "who asked for what, and when; with log_raw it would have secrets",
    )


def _no_others(findings: Findings, what: str, question: str, others: Iterable[str], reason: str) -> None:
    findings.compare(what, question, NOTHING, list(others), reason)


def _seconds(value: object) -> str:
    return f"{value} s"


def _map(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={values[key]}" for key in sorted(values)) or NOTHING
