"""Rows of Vault, and the package `vault`.

As the real provider does, leases of the AWS engine are the mount's own TTLs (sys/mounts/PATH/tune), not the
engine's config/lease. Unlike it, a changed path replaces a mount instead of moving it, and settings of Vault
Enterprise and of versions from 1.19 on have no row: OpenBao has neither.
"""

from collections.abc import Mapping
from typing import Any

from iam_hardening.config.provider_settings import MEANT, REACH
from iam_hardening.config.values import duration_text
from rehearsal.providers.comparing import as_json
from rehearsal.providers.rows import (
    Argument,
    Call,
    FakeProviderError,
    GoneError,
    Literal,
    Made,
    Package,
    Read,
    Row,
    Taken,
)
from rehearsal.providers.values import Properties
from rehearsal.providers.vault_calls import VaultApi

# The version whose property names and defaults the rows follow.
_PULUMI_VAULT = "7.14.0"

# Taken and without effect: the fake provider always talks to the rehearsal's own Vault with its own token.
# How to reach the real Vault is taken and has no effect.
_SETTINGS = MEANT["vault"] | REACH["vault"]


_MOVED = "moved (sys/remount) unless disableRemount is set; here that is refused"


def _seconds(name: str) -> Made:
    """A TTL as Vault takes it; 0s is the server's own default."""
    return Made((name,), lambda properties, api, id: f"{properties.get(name) or 0}s")


_MOUNT_TTLS: dict[str, Argument] = {
    "default_lease_ttl": _seconds("defaultLeaseTtlSeconds"),
    "max_lease_ttl": _seconds("maxLeaseTtlSeconds"),
}


def _mount_config(properties: Properties, api: Any, id: str) -> Any:
    return {
        "default_lease_ttl": f"{properties.get('defaultLeaseTtlSeconds') or 0}s",
        "max_lease_ttl": f"{properties.get('maxLeaseTtlSeconds') or 0}s",
        "audit_non_hmac_response_keys": properties.get("auditNonHmacResponseKeys") or [],
    }


_MOUNT_CONFIG = Made(
    ("defaultLeaseTtlSeconds", "maxLeaseTtlSeconds", "auditNonHmacResponseKeys"), _mount_config
)
_IN_THE_CLEAR = Made(
    ("auditNonHmacResponseKeys",),
    lambda properties, api, id: properties.get("auditNonHmacResponseKeys") or [],
)
_TUNE = Call(
    "POST sys/mounts/{id}/tune",
    {"description": "description", "audit_non_hmac_response_keys": _IN_THE_CLEAR, **_MOUNT_TTLS},
    clears=True,
)
_MOUNT_PROPERTIES = {
    "description": "description",
    "defaultLeaseTtlSeconds": "config.default_lease_ttl",
    "maxLeaseTtlSeconds": "config.max_lease_ttl",
    "auditNonHmacResponseKeys": "config.audit_non_hmac_response_keys",
    "local": "local",
    "accessor": "accessor",
}


def _if_set(value: Any, known: Properties, api: Any) -> Any:
    return value or None


_WRITE_ROOT = Call(
    "POST {path}/config/root",
    {
        "access_key": "accessKey",
        "secret_key": "secretKey",
        "region": "region",
        "iam_endpoint": "iamEndpoint",
        "sts_endpoint": "stsEndpoint",
        "username_template": "usernameTemplate",
        "max_retries": "maxRetries",
    },
    clears=True,
)

_SECRET_BACKEND = Row(
    type="vault:aws/secretBackend:SecretBackend",
    source="vault/resource_aws_secret_backend.go",
    unlike={"path": _MOVED},
    replaces=frozenset({"path", "local"}),
    id="{path}",
    from_id=lambda id: {"path": id},
    defaults={"path": "aws"},
    settings=frozenset({"disableRemount"}),
    moves={"path": "disableRemount"},
    computed=frozenset(
        {"defaultLeaseTtlSeconds", "maxLeaseTtlSeconds", "region", "usernameTemplate", "maxRetries", "local"}
    ),
    secrets=frozenset({"accessKey", "secretKey"}),
    create=(
        Call(
            "POST sys/mounts/{path}",
            {"type": Literal("aws"), "description": "description", "local": "local", "config": _MOUNT_CONFIG},
        ),
        _WRITE_ROOT,
    ),
    reads=(
        Read(Call("GET sys/mounts/{id}"), _MOUNT_PROPERTIES),
        Read(
            Call("GET {id}/config/root"),
            {
                "accessKey": "access_key",
                "region": Taken("region", lambda region, known, api: region or "us-east-1"),
                "iamEndpoint": Taken("iam_endpoint", _if_set),
                "stsEndpoint": Taken("sts_endpoint", _if_set),
                "usernameTemplate": "username_template",
                "maxRetries": "max_retries",
            },
            optional=True,
        ),
    ),
    update={
        "description, defaultLeaseTtlSeconds, maxLeaseTtlSeconds, auditNonHmacResponseKeys": (_TUNE,),
        "accessKey, secretKey, region, iamEndpoint, stsEndpoint, usernameTemplate, maxRetries": (
            _WRITE_ROOT,
        ),
    },
    delete=(Call("DELETE sys/mounts/{id}"),),
)

_ROLE_FIELDS = {
    "credential_type": "credentialType",
    "policy_arns": "policyArns",
    "policy_document": "policyDocument",
    "role_arns": "roleArns",
    "iam_groups": "iamGroups",
    "iam_tags": "iamTags",
    "default_sts_ttl": "defaultStsTtl",
    "max_sts_ttl": "maxStsTtl",
    "user_path": "userPath",
    "permissions_boundary_arn": "permissionsBoundaryArn",
    "external_id": "externalId",
    "session_tags": "sessionTags",
}
_WRITE_ROLE = Call("POST {backend}/roles/{name}", dict(_ROLE_FIELDS), clears=True)


def _role_of_id(id: str) -> Properties:
    backend, separator, name = id.rpartition("/roles/")
    if not separator:
        raise FakeProviderError(f"invalid id {id!r}; must be {{backend}}/roles/{{name}}")
    return {"backend": backend, "name": name}


def _one_of(value: Any, known: Properties, api: Any) -> Any:
    """Older engines list the credential types."""
    return value[0] if isinstance(value, list) and value else value


_ROLE_SHAPES = {"credential_type": _one_of, "default_sts_ttl": _if_set, "max_sts_ttl": _if_set}

_SECRET_BACKEND_ROLE = Row(
    type="vault:aws/secretBackendRole:SecretBackendRole",
    source="vault/resource_aws_secret_backend_role.go",
    replaces=frozenset({"backend", "name", "roleArns"}),
    id="{backend}/roles/{name}",
    from_id=_role_of_id,
    auto_name="name",
    compared_as={"policyDocument": as_json},
    create=(_WRITE_ROLE,),
    reads=(
        Read(
            Call("GET {id}"),
            {
                property: Taken(wire, _ROLE_SHAPES[wire]) if wire in _ROLE_SHAPES else wire
                for wire, property in _ROLE_FIELDS.items()
            },
        ),
    ),
    update={
        ",".join(property for property in _ROLE_FIELDS.values() if property != "roleArns"): (_WRITE_ROLE,)
    },
    delete=(Call("DELETE {id}"),),
)

_WRITE_POLICY = Call("PUT sys/policies/acl/{name}", {"policy": "policy"})
_POLICY = Row(
    type="vault:index/policy:Policy",
    source="vault/resource_policy.go",
    replaces=frozenset({"name"}),
    id="{name}",
    auto_name="name",
    create=(_WRITE_POLICY,),
    reads=(Read(Call("GET sys/policies/acl/{id}"), {"name": "name", "policy": "policy"}),),
    update={"policy": (_WRITE_POLICY,)},
    delete=(Call("DELETE sys/policies/acl/{id}"),),
)


def _tuned(properties: Properties, api: Any, id: str) -> Any:
    tune = properties.get("tune") or {}
    return {"default_lease_ttl": tune.get("defaultLeaseTtl", 0), "max_lease_ttl": tune.get("maxLeaseTtl", 0)}


def _tune(config: Any, known: Properties, api: Any) -> Any:
    """As the real provider writes it: `1h5m`, without what is zero."""
    if not known.get("tune"):
        return None
    return {
        "defaultLeaseTtl": duration_text(config["default_lease_ttl"]),
        "maxLeaseTtl": duration_text(config["max_lease_ttl"]),
    }


_AUTH_BACKEND = Row(
    type="vault:index/authBackend:AuthBackend",
    source="vault/resource_auth_backend.go",
    unlike={"path": _MOVED},
    replaces=frozenset({"path", "type", "local"}),
    id="{path}",
    from_id=lambda id: {"path": id},
    computed=frozenset({"local"}),
    settings=frozenset({"disableRemount"}),
    moves={"path": "disableRemount"},
    create=(
        Call(
            "POST sys/auth/{path}",
            {
                "type": "type",
                "description": "description",
                "local": "local",
                "config": Made(("tune",), _tuned),
            },
        ),
    ),
    reads=(
        Read(
            Call("GET sys/auth/{id}"),
            {
                "type": "type",
                "description": "description",
                "local": "local",
                "accessor": "accessor",
                "tune": Taken("config", _tune),
            },
        ),
    ),
    update={
        "description, tune": (
            Call(
                "POST sys/auth/{id}/tune",
                {
                    "description": "description",
                    "default_lease_ttl": Made(
                        ("tune",), lambda p, api, id: _tuned(p, api, id)["default_lease_ttl"]
                    ),
                    "max_lease_ttl": Made(("tune",), lambda p, api, id: _tuned(p, api, id)["max_lease_ttl"]),
                },
                clears=True,
            ),
        )
    },
    delete=(Call("DELETE sys/auth/{id}"),),
)

_KEY_SOURCES = {
    "oidc_discovery_url": "oidcDiscoveryUrl",
    "oidc_discovery_ca_pem": "oidcDiscoveryCaPem",
    "jwks_url": "jwksUrl",
    "jwks_ca_pem": "jwksCaPem",
}
_WRITE_JWT = Call("POST auth/{path}/config", {**_KEY_SOURCES, "bound_issuer": "boundIssuer"})
_JWT_BACKEND = Row(
    type="vault:jwt/authBackend:AuthBackend",
    source="vault/resource_jwt_auth_backend.go",
    unlike={"path": _MOVED},
    replaces=frozenset({"path", "type"}),
    id="{path}",
    from_id=lambda id: {"path": id},
    settings=frozenset({"disableRemount"}),
    moves={"path": "disableRemount"},
    defaults={"path": "jwt", "type": "jwt"},
    create=(Call("POST sys/auth/{path}", {"type": "type", "description": "description"}), _WRITE_JWT),
    reads=(
        Read(
            Call("GET sys/auth/{id}"), {"type": "type", "description": "description", "accessor": "accessor"}
        ),
        Read(
            Call("GET auth/{id}/config"),
            {
                "boundIssuer": "bound_issuer",
                **{name: Taken(wire, _if_set) for wire, name in _KEY_SOURCES.items()},
            },
            optional=True,
        ),
    ),
    update={
        "description": (Call("POST sys/auth/{id}/tune", {"description": "description"}, clears=True),),
        f"boundIssuer, {', '.join(_KEY_SOURCES.values())}": (_WRITE_JWT,),
    },
    delete=(Call("DELETE sys/auth/{id}"),),
)


def _auth_role(
    type: str,
    source: str,
    fields: dict[str, str],
    fixed: frozenset[str] = frozenset(),
    made: Mapping[str, Made] | None = None,
    taken: Mapping[str, Taken] | None = None,
    settings: frozenset[str] = frozenset(),
) -> Row:
    """`made` are fields of Vault, and `taken` properties, that are not shaped alike."""

    def of_id(id: str) -> Properties:
        path, separator, name = id.removeprefix("auth/").rpartition("/role/")
        if not separator:
            raise FakeProviderError(f"invalid id {id!r}; must be auth/{{backend}}/role/{{name}}")
        return {"backend": path, "roleName": name}

    write = Call("POST auth/{backend}/role/{roleName}", {**fields, **(made or {})}, clears=True)
    own = [property for property in (*fields.values(), *(taken or ())) if property not in fixed]
    return Row(
        type=type,
        source=source,
        replaces=frozenset({"backend", "roleName"}) | fixed,
        id="auth/{backend}/role/{roleName}",
        from_id=of_id,
        computed=frozenset(fields.values()),
        settings=settings,
        create=(write,),
        reads=(
            Read(
                Call("GET {id}"), {**{property: wire for wire, property in fields.items()}, **(taken or {})}
            ),
        ),
        update={",".join(own): (write,)},
        delete=(Call("DELETE {id}"),),
    )


_TOKEN_FIELDS = {
    "token_policies": "tokenPolicies",
    "token_ttl": "tokenTtl",
    "token_max_ttl": "tokenMaxTtl",
}


def _claims_for_vault(properties: Properties, api: VaultApi, id: str) -> Any:
    """The provider makes a list of what has commas, unless it is not to (`disableBoundClaimsParsing`)."""
    given = properties.get("boundClaims")
    if not given or properties.get("disableBoundClaimsParsing"):
        return given
    return {
        claim: [each.strip() for each in text.split(",")] if "," in text else text
        for claim, text in given.items()
    }


def _claims_of_vault(claims: Any, known: Properties, api: VaultApi) -> Any:
    if not claims:
        return None
    return {claim: ",".join(found) if isinstance(found, list) else found for claim, found in claims.items()}


_JWT_ROLE = _auth_role(
    "vault:jwt/authBackendRole:AuthBackendRole",
    "vault/resource_jwt_auth_backend_role.go",
    {
        "role_type": "roleType",
        "user_claim": "userClaim",
        "user_claim_json_pointer": "userClaimJsonPointer",
        "bound_audiences": "boundAudiences",
        "bound_subject": "boundSubject",
        "bound_claims_type": "boundClaimsType",
        "allowed_redirect_uris": "allowedRedirectUris",
        "oidc_scopes": "oidcScopes",
        **_TOKEN_FIELDS,
    },
    fixed=frozenset({"roleType"}),
    made={"bound_claims": Made(("boundClaims",), _claims_for_vault)},
    taken={"boundClaims": Taken("bound_claims", _claims_of_vault)},
    settings=frozenset({"disableBoundClaimsParsing"}),
)
_APPROLE_ROLE = _auth_role(
    "vault:appRole/authBackendRole:AuthBackendRole",
    "vault/resource_approle_auth_backend_role.go",
    {
        "secret_id_ttl": "secretIdTtl",
        "secret_id_num_uses": "secretIdNumUses",
        "secret_id_bound_cidrs": "secretIdBoundCidrs",
        "token_bound_cidrs": "tokenBoundCidrs",
        **_TOKEN_FIELDS,
    },
)

_LDAP_FIELDS = {
    "url": "url",
    "starttls": "starttls",
    "userdn": "userdn",
    "userattr": "userattr",
    "upndomain": "upndomain",
    "groupdn": "groupdn",
    "groupattr": "groupattr",
    "groupfilter": "groupfilter",
    "certificate": "certificate",
    "token_ttl": "tokenTtl",
    "token_max_ttl": "tokenMaxTtl",
}
_WRITE_LDAP = Call("POST auth/{path}/config", dict(_LDAP_FIELDS), clears=True)
_LDAP_BACKEND = Row(
    type="vault:ldap/authBackend:AuthBackend",
    source="vault/resource_ldap_auth_backend.go",
    unlike={"path": _MOVED},
    replaces=frozenset({"path"}),
    id="{path}",
    from_id=lambda id: {"path": id},
    settings=frozenset({"disableRemount"}),
    moves={"path": "disableRemount"},
    defaults={"path": "ldap"},
    computed=frozenset(_LDAP_FIELDS.values()),
    create=(
        Call("POST sys/auth/{path}", {"type": Literal("ldap"), "description": "description"}),
        _WRITE_LDAP,
    ),
    reads=(
        Read(Call("GET sys/auth/{id}"), {"description": "description", "accessor": "accessor"}),
        Read(Call("GET auth/{id}/config"), {property: wire for wire, property in _LDAP_FIELDS.items()}),
    ),
    update={
        "description": (Call("POST sys/auth/{id}/tune", {"description": "description"}, clears=True),),
        ", ".join(_LDAP_FIELDS.values()): (_WRITE_LDAP,),
    },
    delete=(Call("DELETE sys/auth/{id}"),),
)


def _ldap_group_of_id(id: str) -> Properties:
    path, _, name = id.removeprefix("auth/").partition("/groups/")
    return {"backend": path, "groupname": name}


_WRITE_LDAP_GROUP = Call("POST auth/{backend}/groups/{groupname}", {"policies": "policies"})
_LDAP_GROUP = Row(
    type="vault:ldap/authBackendGroup:AuthBackendGroup",
    source="vault/resource_ldap_auth_backend_group.go",
    replaces=frozenset({"backend", "groupname"}),
    id="auth/{backend}/groups/{groupname}",
    from_id=_ldap_group_of_id,
    create=(_WRITE_LDAP_GROUP,),
    reads=(Read(Call("GET {id}"), {"policies": "policies"}),),
    update={"policies": (_WRITE_LDAP_GROUP,)},
    delete=(Call("DELETE {id}"),),
)

_WRITE_ENTITY = {"name": "name", "policies": "policies"}
_ENTITY = Row(
    type="vault:identity/entity:Entity",
    auto_name="name",
    source="vault/resource_identity_entity.go",
    replaces=frozenset(),
    id="{id}",
    from_id=lambda id: {},
    create=(Call("POST identity/entity", _WRITE_ENTITY),),
    reads=(Read(Call("GET identity/entity/id/{id}"), {"name": "name", "policies": "policies"}),),
    update={"name, policies": (Call("POST identity/entity/id/{id}", _WRITE_ENTITY),)},
    delete=(Call("DELETE identity/entity/id/{id}"),),
)
_ALIAS_FIELDS = {"name": "name", "mount_accessor": "mountAccessor", "canonical_id": "canonicalId"}
_ENTITY_ALIAS = Row(
    type="vault:identity/entityAlias:EntityAlias",
    auto_name="name",
    source="vault/resource_identity_entity_alias.go",
    replaces=frozenset(),
    id="{id}",
    from_id=lambda id: {},
    create=(Call("POST identity/entity-alias", _ALIAS_FIELDS),),
    reads=(
        Read(
            Call("GET identity/entity-alias/id/{id}"),
            {property: wire for wire, property in _ALIAS_FIELDS.items()},
        ),
    ),
    update={"name, mountAccessor, canonicalId": (Call("POST identity/entity-alias/id/{id}", _ALIAS_FIELDS),)},
    delete=(Call("DELETE identity/entity-alias/id/{id}"),),
)


_AUDIT = Row(
    type="vault:index/audit:Audit",
    source="vault/resource_audit.go",
    replaces=frozenset({"path", "type", "description", "options"}),
    id="{path}",
    from_id=lambda id: {"path": id},
    create=(
        Call(
            "POST sys/audit/{path}",
            {"type": "type", "description": "description", "options": "options"},
        ),
    ),
    reads=(
        Read(
            Call("GET sys/audit"),
            {
                "path": Taken("", lambda answer, known, api: known["path"]),
                "type": Taken("", lambda answer, known, api: _device(answer, known)["type"]),
                "description": Taken("", lambda answer, known, api: _device(answer, known)["description"]),
                "options": Taken("", lambda answer, known, api: _device(answer, known)["options"]),
            },
        ),
    ),
    delete=(Call("DELETE sys/audit/{id}"),),
)


def _device(answer: Any, known: Properties) -> Any:
    found = answer.get(f"{known['path']}/")
    if found is None:
        raise GoneError(f"Vault has no audit device {known['path']}")
    return found


def vault_package(address: str, token: str) -> Package:
    """The fake provider for pulumi-vault, on the Vault at `address`."""
    api = VaultApi(address, token)
    rows = (
        *(_SECRET_BACKEND, _SECRET_BACKEND_ROLE, _POLICY, _AUTH_BACKEND, _AUDIT),
        *(_JWT_BACKEND, _JWT_ROLE, _APPROLE_ROLE, _LDAP_BACKEND, _LDAP_GROUP, _ENTITY, _ENTITY_ALIAS),
    )
    return Package(
        name="vault",
        version=_PULUMI_VAULT,
        rows={row.type: row for row in rows},
        functions={},
        settings=_SETTINGS,
        connect=lambda stack, settings: api,
    )
