"""What an account holds that is not the stack's: who else has access, and with what. Facts, no verdicts.

Read-only: one picture of IAM (`iam:GetAccountAuthorizationDetails`), and what that leaves out, user by user.
What may not be read is reported as well. It does not weigh denials and service control policies: an identity
is called an administrator for what its own policies allow.

Source: IAM API reference; the actions that lead to administrator rights are those of "IAM privilege
escalation" as pathfinding.cloud and Rhino Security Labs list them, as far as IAM alone takes part.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from iam_hardening.aws import naming
from iam_hardening.aws.naming import ADMINISTRATOR_ACCESS, VAULT_ROLE_TAG, VAULT_USER_PATH
from iam_hardening.clients.reads import NotAllowed, answer_of
from iam_hardening.clients.user_belongings import (
    SERVICE_CREDENTIAL,
    SIGNING_CERTIFICATE,
    SSH_KEY,
    Belonging,
    last_use,
)
from iam_hardening.config import Settings, trust
from iam_hardening.model import vault as vault_model
from iam_hardening.model.identities import Kind as IdentityKind
from iam_hardening.model.identities import identities

Kind = Literal[
    "trust",
    "administrator",
    "access key",
    "SSH key",
    "service credential",
    "certificate",
    "identity provider",
    "user of Vault",
]

# Of AWS's own policies, those that let their holder become an administrator.
_AWS_ADMINISTRATORS = frozenset({ADMINISTRATOR_ACCESS, "IAMFullAccess"})
# Each of them, on any user, role, group or policy, is enough to get every right there is.
_ESCALATING = (
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
)
_SERVICE_LINKED = "/aws-service-role/"
_IDENTITY_CENTER = "/aws-reserved/sso.amazonaws.com/"
_INLINE = {"user": "UserPolicyList", "group": "GroupPolicyList", "role": "RolePolicyList"}
_GONE = ("NoSuchEntity",)
_ANY_IDENTITY = re.compile(r"\*|arn:[^:]*:iam::[^:]*:(?:\*|(?:user|role|group|policy)/?\*)")


# Besides access keys, each with the action that lists it.
OTHER_CREDENTIALS: tuple[tuple[Kind, str, Belonging], ...] = (
    ("SSH key", "iam:ListSSHPublicKeys", SSH_KEY),
    ("service credential", "iam:ListServiceSpecificCredentials", SERVICE_CREDENTIAL),
    ("certificate", "iam:ListSigningCertificates", SIGNING_CERTIFICATE),
)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """`what` is the thing, such as `role deployer`; `says` what is to be known of it."""

    kind: Kind
    what: str
    says: str

    def __str__(self) -> str:
        return f"{self.what} {self.says}"

    def as_dict(self) -> dict[str, str]:
        return {"kind": self.kind, "what": self.what, "says": self.says}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`unread`: what the caller may not look at, as the IAM action that it takes."""

    found: tuple[Fact, ...]
    unread: tuple[str, ...]


def estate_of(accounts: Iterable[Settings]) -> frozenset[str]:
    """The accounts that the stack files know: their own, and those that their roles trust."""
    known: set[str] = set()
    for account in accounts:
        known |= {account.account_id, account.trusted_account_id or account.account_id}
        trusted = (trust.trusted_account_id(account, role) for role in account.cross_account_roles.values())
        known |= {each for each in trusted if each}
    return frozenset(known)


def collect(
    account: Settings,
    iam: Any,
    records: Mapping[IdentityKind, Mapping[str, dict[str, Any]]],
    documents: Mapping[str, Mapping[str, Any]],
    estate: Collection[str],
) -> Facts:
    """`records`: kind → name → AWS's record of it; `documents`: the account's own policies by ARN; `estate`:
    the accounts whose people may be trusted."""
    ours = {(identity.kind, identity.name) for identity in identities(account) if identity.is_made}
    others = [
        (kind, name, record)
        for kind, named in records.items()
        for name, record in named.items()
        if (kind, name) not in ours
    ]
    users = records["user"]
    found = [
        *_trusts(others, estate),
        *_administrators(others, documents),
        *_of_vault(account, users),
    ]
    unread: list[str] = []
    for part in (_providers(iam), _credentials(account, iam, users)):
        try:
            found += part
        except NotAllowed as refused:
            unread.append(str(refused))
    return Facts(found=tuple(found), unread=tuple(unread))


# --- Roles


def _trusts(others: Iterable[tuple[str, str, dict[str, Any]]], estate: Collection[str]) -> Iterator[Fact]:
    of_identity_center = 0
    for kind, name, record in others:
        if kind != "role" or record["Path"].startswith(_SERVICE_LINKED):
            continue
        if record["Path"].startswith(_IDENTITY_CENTER):
            of_identity_center += 1
            continue
        strangers = sorted(set(_strangers(record["AssumeRolePolicyDocument"], estate)))
        if strangers:
            yield Fact(kind="trust", what=f"role {name}", says=f"trusts {' and '.join(strangers)}")
    if of_identity_center:
        yield Fact(
            kind="trust",
            what=f"{of_identity_center} roles of IAM Identity Center",
            says="give access to the users and groups that its permission sets are assigned to",
        )


def _strangers(trust: Mapping[str, Any], estate: Collection[str]) -> Iterator[str]:
    for statement in _statements(trust):
        if statement.get("Effect") != "Allow":
            continue
        if "NotPrincipal" in statement:
            yield "everyone but some"
        principal = statement.get("Principal", {})
        if principal == "*":
            yield from _anybody(statement)
            continue
        for named in _list(principal.get("AWS", [])):
            if named == "*":
                yield from _anybody(statement)
            elif (account := _account_in(named)) is None:
                yield f"a user or role that was deleted ({named})"
            elif account not in estate:
                yield f"account {account}, which no stack file knows"
        for provider in _list(principal.get("Federated", [])):
            yield f"the identity provider {provider.rsplit('/', 1)[-1] if '/' in provider else provider}"


def _anybody(statement: Mapping[str, Any]) -> Iterator[str]:
    yield "anyone" + (" who meets its conditions" if statement.get("Condition") else "")


def _account_in(principal: str) -> str | None:
    found = re.fullmatch(r"([0-9]{12})|arn:[^:]+:(?:iam|sts)::([0-9]{12}):.+", principal)
    return (found[1] or found[2]) if found else None


# --- Administrators


def _administrators(
    others: Iterable[tuple[str, str, dict[str, Any]]], documents: Mapping[str, Mapping[str, Any]]
) -> Iterator[Fact]:
    for kind, name, record in others:
        if kind == "role" and record["Path"].startswith((_SERVICE_LINKED, _IDENTITY_CENTER)):
            continue
        by = sorted(set(_administering(kind, record, documents)))
        if not by:
            continue
        boundary = record.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
        within = f", within the boundary {boundary.rsplit('/', 1)[-1]}" if boundary else ""
        yield Fact(
            kind="administrator",
            what=f"{kind} {name}",
            says=f"is not this stack's and holds {' and '.join(by)}{within}",
        )


def _administering(
    kind: str, record: dict[str, Any], documents: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for policy in record.get("AttachedManagedPolicies", []):
        arn, name = policy["PolicyArn"], policy["PolicyName"]
        if naming.account_of(arn) == "aws":
            if name in _AWS_ADMINISTRATORS:
                yield name
        elif administers(documents.get(arn, {})):
            yield f"{name} (administrator's rights)"
    for inline in record.get(_INLINE[kind], []):
        if administers(inline["PolicyDocument"]):
            yield f"the inline policy {inline['PolicyName']} (administrator's rights)"


def administers(document: Mapping[str, Any]) -> bool:
    """Whether what the document allows is enough to get every right: everything, or one of IAM's ways to
    it."""
    return any(
        statement.get("Effect") == "Allow"
        and _is_wide(statement)
        and any(_allows(statement, action) for action in _ESCALATING)
        for statement in _statements(document)
    )


def _allows(statement: Mapping[str, Any], action: str) -> bool:
    def matches(patterns: Any) -> bool:
        return any(fnmatchcase(action.lower(), str(pattern).lower()) for pattern in _list(patterns))

    if "NotAction" in statement:
        return not matches(statement["NotAction"])
    return matches(statement.get("Action", []))


def _is_wide(statement: Mapping[str, Any]) -> bool:
    """Whether the statement is about any user, role, group or policy, or about everything but some."""
    if "NotResource" in statement:
        return True
    resources = [str(resource) for resource in _list(statement.get("Resource", []))]
    return any(_ANY_IDENTITY.fullmatch(resource) for resource in resources)


# --- Keys and other credentials


def _credentials(account: Settings, iam: Any, users: Mapping[str, dict[str, Any]]) -> Iterator[Fact]:
    """Of every user; the access keys that Vault has and issues excepted. Raises NotAllowed."""
    vault = account.vault
    has_vaults_key = vault_model.engine(account, vault).user_of_key if vault else None
    for name, record in users.items():
        what = f"user {name}"
        # A user whose lease ends meanwhile is gone: no answer.
        if name != has_vaults_key and not is_issued_by_vault(account, record):
            keys = answer_of("iam:ListAccessKeys", iam.list_access_keys, missing=_GONE, UserName=name) or {}
            for key in keys.get("AccessKeyMetadata", []):
                yield Fact(kind="access key", what=what, says=_of_key(iam, key))
        for kind, action, credential in OTHER_CREDENTIALS:
            call = getattr(iam, credential.list_call)
            found = answer_of(action, call, missing=_GONE, UserName=name) or {}
            for item in found.get(credential.items, []):
                since = item.get("UploadDate") or item.get("CreateDate")
                service = f" of {item['ServiceName']}" if "ServiceName" in item else ""
                yield Fact(
                    kind=kind,
                    what=what,
                    says=f"has the {kind} {item[credential.parameter]}{service}, "
                    f"{item['Status'].lower()}, of {since:%Y-%m-%d}",
                )


def _of_key(iam: Any, key: Mapping[str, Any]) -> str:
    last = last_use(iam, key["AccessKeyId"]) or "never used"
    made = f"{key['Status'].lower()}, of {key['CreateDate']:%Y-%m-%d}"
    return f"has the access key {key['AccessKeyId']}, {made}, {last}"


def _providers(iam: Any) -> Iterator[Fact]:
    """Raises NotAllowed."""
    calls: tuple[tuple[str, Callable[[], Any], str, str], ...] = (
        (
            "iam:ListOpenIDConnectProviders",
            iam.list_open_id_connect_providers,
            "OpenIDConnectProviderList",
            "OIDC",
        ),
        ("iam:ListSAMLProviders", iam.list_saml_providers, "SAMLProviderList", "SAML"),
    )
    for action, call, answer, protocol in calls:
        for provider in (answer_of(action, call) or {}).get(answer, []):
            name = provider["Arn"].split("/", 1)[-1]
            yield Fact(
                kind="identity provider",
                what=f"{protocol} provider {name}",
                says=(
                    "is not this stack's: the identities that it vouches for can assume the roles "
                    "that trust it"
                ),
            )


# --- Vault


def is_issued_by_vault(account: Settings, user: Mapping[str, Any]) -> bool:
    """Whether a user looks in every respect as the stack's Vault makes them. Anyone who may create users
    can create one that does; `iam-hardening jit sweep` shows which of them has no lease."""
    tags = {tag["Key"]: tag["Value"] for tag in user.get("Tags", [])}
    boundary = user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
    roles = vault_model.engine_roles(account, account.vault) if account.vault else {}
    role = roles.get(tags.get(VAULT_ROLE_TAG, ""))
    if role is None or role.boundary is None:
        return False
    return (
        bool(user["Path"] == role.user_path)
        and boundary == naming.policy_arn(account.partition, account.account_id, role.boundary)
        and user["UserName"].startswith(naming.VAULT_USER_NAME_PREFIX)
    )


def _of_vault(account: Settings, users: Mapping[str, dict[str, Any]]) -> Iterator[Fact]:
    for name, record in users.items():
        if not record["Path"].startswith(VAULT_USER_PATH) or is_issued_by_vault(account, record):
            continue
        why = (
            "lacks what Vault gives its users (name, boundary, tag of a role)"
            if account.vault
            else "this stack has no Vault"
        )
        yield Fact(kind="user of Vault", what=f"user {name}", says=f"is under {VAULT_USER_PATH}, and {why}")


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = document.get("Statement", [])
    return list(found) if isinstance(found, list) else [found]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
