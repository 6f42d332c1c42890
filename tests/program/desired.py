"""What is desired and what was registered, kind by kind, in one form that can be compared.

The two sides share no code with the program: registrations are read as the engine gets them, and the desired
state as its dataclasses have it. ARNs that the recorder makes up are of another account.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from iam_hardening.model.desired_state import DesiredState
from iam_hardening.model.identities import PolicyName
from tests.recorder import ACCOUNT_ID, Registration

_ROLES_EXCLUSIVE = "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive"
_INLINE = ("group", "user", "role")
_JWT_ROLE, _APPROLE = (
    "vault:jwt/authBackendRole:AuthBackendRole",
    "vault:appRole/authBackendRole:AuthBackendRole",
)


class Registered:
    """The registrations of one program, and which of their types were read."""

    def __init__(self, registrations: Iterable[Registration], account_id: str) -> None:
        self.registrations = list(registrations)
        self.account_id = account_id
        self.read: set[str] = set()

    def of(self, type_: str) -> list[Mapping[str, Any]]:
        """The inputs of each resource of a type; its logical name where AWS is given none."""
        self.read.add(type_)
        return [{"name": made.name, **made.inputs} for made in self.registrations if made.type == type_]

    def named(self, type_: str, key: str = "name") -> dict[str, Mapping[str, Any]]:
        return {str(inputs[key]): inputs for inputs in self.of(type_)}


class Desired(NamedTuple):
    state: DesiredState
    account_id: str

    def made(self, kind: str) -> dict[str, Any]:
        return {each.name: each for each in self.state.identities if each.kind == kind and each.is_made}


class Kind(NamedTuple):
    """One kind of thing that an account holds, as both sides tell it."""

    desired: Callable[[Desired], Any]
    registered: Callable[[Registered], Any]


def plain(value: Any, account_id: str) -> Any:
    """Lists that AWS and Vault read as sets are sorted; the account's ID is the recorder's."""
    return _sorted(json.loads(json.dumps(value).replace(account_id, ACCOUNT_ID)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(inner) for key, inner in value.items()}
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return sorted(value)
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def _iam(kind: str) -> str:
    return f"aws:iam/{kind}:{kind[0].upper()}{kind[1:]}"


def _document(text: Any, account_id: str) -> Any:
    return plain(json.loads(text), account_id) if text else None


def _policy(arn: str | None) -> PolicyName | None:
    return PolicyName.of_arn(arn) if arn else None


# --- Identities


def _names(desired: Desired) -> Any:
    return {(each.kind, each.name) for each in desired.state.identities if each.is_made}


def _names_registered(made: Registered) -> Any:
    return {(kind, name) for kind in _INLINE for name in made.named(_iam(kind))}


def _attachments(desired: Desired) -> Any:
    return {(each.kind, each.name): set(each.attached) for each in desired.state.identities if each.attached}


def _attachments_registered(made: Registered) -> Any:
    found = defaultdict(set)
    for kind in _INLINE:
        for inputs in made.of(_iam(f"{kind}PolicyAttachment")):
            found[kind, inputs[kind]].add(PolicyName.of_arn(inputs["policyArn"]))
    return dict(found)


def _paths(desired: Desired) -> Any:
    return {(each.kind, each.name): each.path for each in desired.state.identities if each.is_made}


def _paths_registered(made: Registered) -> Any:
    return {
        (kind, name): inputs.get("path", "/")
        for kind in _INLINE
        for name, inputs in made.named(_iam(kind)).items()
    }


def _boundaries(desired: Desired) -> Any:
    users_and_roles = desired.made("user") | desired.made("role")
    return {name: each.boundary for name, each in users_and_roles.items()}


def _boundaries_registered(made: Registered) -> Any:
    users_and_roles = made.named(_iam("user")) | made.named(_iam("role"))
    return {name: _policy(inputs.get("permissionsBoundary")) for name, inputs in users_and_roles.items()}


def _memberships(desired: Desired) -> Any:
    users = {name: each.groups for name, each in desired.made("user").items() if each.groups}
    groups = {name: each.members for name, each in desired.made("group").items()}
    return users, groups


def _memberships_registered(made: Registered) -> Any:
    users = {inputs["user"]: frozenset(inputs["groups"]) for inputs in made.of(_iam("userGroupMembership"))}
    groups = {
        name: frozenset(user for user, joined in users.items() if name in joined)
        for name in made.named(_iam("group"))
    }
    return users, groups


def _inline(desired: Desired) -> Any:
    """Policies, and the roles that are to have just those."""
    written = {(each.kind, each.name): each.inline for each in desired.state.identities if each.inline}
    return written, {name: set() for name, each in desired.made("role").items() if each.inline_is_exclusive}


def _inline_registered(made: Registered) -> Any:
    written = defaultdict(set)
    for kind in _INLINE:
        for inputs in made.of(_iam(f"{kind}Policy")):
            written[kind, inputs[kind]].add(inputs["name"])
    exclusive = {inputs["roleName"]: set(inputs["policyNames"]) for inputs in made.of(_ROLES_EXCLUSIVE)}
    return dict(written), exclusive


def _log_ins(desired: Desired) -> Any:
    return {
        name: (each.log_in.password_length, each.log_in.must_be_reset, each.log_in.pgp_key)
        for name, each in desired.made("user").items()
        if each.log_in
    }


def _log_ins_registered(made: Registered) -> Any:
    return {
        name: (inputs["passwordLength"], inputs["passwordResetRequired"], inputs.get("pgpKey"))
        for name, inputs in made.named(_iam("userLoginProfile"), "user").items()
    }


def _trusts(desired: Desired) -> Any:
    return {name: plain(each.trust, desired.account_id) for name, each in desired.made("role").items()}


def _trusts_registered(made: Registered) -> Any:
    return {
        name: _document(inputs["assumeRolePolicy"], made.account_id)
        for name, inputs in made.named(_iam("role")).items()
    }


# --- The account


_REGIONAL = {
    "metadata": "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults",
    "encryption": "aws:ebs/encryptionByDefault:EncryptionByDefault",
    "analyzer": "aws:accessanalyzer/analyzer:Analyzer",
}


def _defaults(desired: Desired) -> Any:
    defaults = desired.state.defaults
    regions = {
        "metadata": set(defaults.metadata_in),
        "encryption": set(defaults.encrypted_in),
        "analyzer": set(defaults.analyzers_in),
    }
    return regions, defaults.blocks_public_access


def _defaults_registered(made: Registered) -> Any:
    """Of those that say what they are to say; the others are not there."""
    says: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
        "metadata": lambda found: (found["httpTokens"], found["httpPutResponseHopLimit"]) == ("required", 1),
        "encryption": lambda found: found["enabled"] is True,
        "analyzer": lambda found: found["type"] == "ACCOUNT",
    }
    regions = {
        kind: {inputs["region"] for inputs in made.of(type_) if says[kind](inputs)}
        for kind, type_ in _REGIONAL.items()
    }
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    blocks = made.of("aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock")
    return regions, any(all(block[switch] is True for switch in switches) for block in blocks)


def _password_policy(desired: Desired) -> Any:
    """Zero is left out: AWS takes none."""
    unlimited = ("max_password_age", "password_reuse_prevention")
    return {
        key: value for key, value in desired.state.password_policy.items() if value or key not in unlimited
    }


def _password_policy_registered(made: Registered) -> Any:
    (inputs,) = made.of("aws:iam/accountPasswordPolicy:AccountPasswordPolicy")
    keys = {key: "".join(f"_{c.lower()}" if c.isupper() else c for c in key) for key in inputs}
    return {keys[key]: value for key, value in inputs.items() if key not in ("name", "hardExpiry")}


def _alarms(desired: Desired) -> Any:
    return {
        (name, region): (plain(alarm.pattern, desired.account_id), alarm.state, alarm.says)
        for name, alarm in desired.state.alarms.items()
        for region in alarm.regions
    }


def _alarms_registered(made: Registered) -> Any:
    return {
        (inputs["name"], inputs["region"]): (
            _document(inputs["eventPattern"], made.account_id),
            inputs["state"],
            inputs["description"],
        )
        for inputs in made.of("aws:cloudwatch/eventRule:EventRule")
    }


# --- Vault


_ENGINE, _ENGINE_ROLE = (
    "vault:aws/secretBackend:SecretBackend",
    "vault:aws/secretBackendRole:SecretBackendRole",
)


def _engine(desired: Desired) -> Any:
    engine = desired.state.engine
    return engine and {
        "path": engine.path,
        "description": engine.description.replace(desired.account_id, ACCOUNT_ID),
        "leases": (engine.default_lease_seconds, engine.max_lease_seconds),
        "reaches": (engine.region, engine.iam_endpoint, engine.sts_endpoint),
        "user of its key": engine.user_of_key,
        "names": engine.username_template,
        "in the clear": list(engine.in_the_clear),
    }


def _engine_registered(made: Registered) -> Any:
    keys = made.of(_iam("accessKey"))
    for inputs in made.of(_ENGINE):
        return {
            "path": inputs["path"],
            "description": inputs["description"].replace(made.account_id, ACCOUNT_ID),
            "leases": (inputs["defaultLeaseTtlSeconds"], inputs["maxLeaseTtlSeconds"]),
            "reaches": (inputs["region"], inputs.get("iamEndpoint"), inputs.get("stsEndpoint")),
            "user of its key": next(
                (key["user"] for key in keys if inputs.get("accessKey") == f"{key['name']}-id"), None
            ),
            "names": inputs["usernameTemplate"],
            "in the clear": inputs["auditNonHmacResponseKeys"],
        }
    return None


def _engine_roles(instance_arn: str) -> Callable[[Desired], Any]:
    def wanted(desired: Desired) -> Any:
        return {
            name: {
                "type": role.credential_type,
                "policies": set()
                if role.is_session
                else set(map(PolicyName.configured, role.managed_policies)),
                "document": None
                if role.is_session
                else plain(role.document(instance_arn), desired.account_id),
                "path": role.user_path,
                "boundary": PolicyName.own(role.boundary) if role.boundary else None,
                "groups": set(role.iam_groups),
                "tags": dict(role.iam_tags),
                "roles": {role.iam_role} if role.iam_role else set(),
                "seconds": {role.session_seconds},
                "external ID": role.external_id,
                "session tags": dict(role.session_tags),
            }
            for name, role in desired.state.engine_roles.items()
        }

    return wanted


def _engine_roles_registered(made: Registered) -> Any:
    return {
        name: {
            "type": role["credentialType"],
            "policies": set(map(PolicyName.of_arn, role.get("policyArns", []))),
            "document": _document(role.get("policyDocument"), made.account_id),
            "path": role.get("userPath"),
            "boundary": _policy(role.get("permissionsBoundaryArn")),
            "groups": set(role.get("iamGroups", [])),
            "tags": role.get("iamTags", {}),
            "roles": {arn.rsplit("/", 1)[-1] for arn in role.get("roleArns", [])},
            "seconds": {role.get("defaultStsTtl", 0), role.get("maxStsTtl", 0)},
            "external ID": role.get("externalId"),
            "session tags": role.get("sessionTags", {}),
        }
        for name, role in made.named(_ENGINE_ROLE).items()
    }


_DIRECTORY = "vault:ldap/authBackend:AuthBackend"
_METHODS = ("vault:index/authBackend:AuthBackend", "vault:jwt/authBackend:AuthBackend", _DIRECTORY)


def _auth_methods(desired: Desired) -> Any:
    return {
        name: (method.type, method.token_seconds, method.config.get("bound_issuer"))
        for name, method in desired.state.auth_methods.items()
    }


def _auth_methods_registered(made: Registered) -> Any:
    found = {}
    for kind_of, inputs in ((each, inputs) for each in _METHODS for inputs in made.of(each)):
        ttls = {_seconds(ttl) for ttl in inputs.get("tune", {}).values()}
        issuers = {inputs.get("boundIssuer"), inputs.get("oidcDiscoveryUrl")}
        assert len(ttls) <= 1
        assert len(issuers) == 1
        kind = "ldap" if kind_of == _DIRECTORY else inputs["type"]
        found[inputs["path"]] = (kind, next(iter(ttls), None), issuers.pop())
    return found


def _directories(desired: Desired) -> Any:
    """Only methods of kind ldap are configured wholly by the program's own fields."""
    methods = desired.state.auth_methods.items()
    return {
        name: (
            {key: value for key, value in method.config.items() if value},
            set(method.groups),
            method.policies,
        )
        for name, method in methods
        if method.type == "ldap"
    }


def _directories_registered(made: Registered) -> Any:
    groups = made.of("vault:ldap/authBackendGroup:AuthBackendGroup")
    names = {"tokenTtl": "token_ttl", "tokenMaxTtl": "token_max_ttl"}
    found = {}
    for inputs in made.of(_DIRECTORY):
        own = [group for group in groups if group["backend"] == inputs["path"]]
        kept = {k: v for k, v in inputs.items() if k not in ("name", "path", "description", "disableRemount")}
        (policies,) = {tuple(group["policies"]) for group in own}
        config = {names.get(key, key): value for key, value in kept.items()}
        found[inputs["path"]] = (config, {group["groupname"] for group in own}, policies)
    return found


def _seconds(text: str) -> int:
    """`1h5m` as Vault reads it."""
    total, digits = 0, ""
    for character in text:
        if character.isdigit():
            digits += character
        else:
            total, digits = total + int(digits) * {"h": 3600, "m": 60, "s": 1}[character], ""
    return total


def _auth_roles(desired: Desired) -> Any:
    return {
        name: {key: value for key, value in method.role.items() if value}
        for name, method in desired.state.auth_methods.items()
        if method.role
    }


def _several(claims: dict[str, str], is_parsed: bool) -> dict[str, str | list[str]]:
    """As the provider hands claims to Vault: what has commas as a list."""
    return {
        claim: value.split(",") if is_parsed and "," in value else value for claim, value in claims.items()
    }


def _auth_roles_registered(made: Registered) -> Any:
    found = {}
    for inputs in (inputs for type_ in (_JWT_ROLE, _APPROLE) for inputs in made.of(type_)):
        assert inputs["backend"] == inputs["roleName"]
        found[inputs["roleName"]] = {
            "".join(f"_{c.lower()}" if c.isupper() else c for c in key): value
            for key, value in inputs.items()
            if key not in ("name", "backend", "roleName", "disableBoundClaimsParsing") and value
        }
        if claims := inputs.get("boundClaims"):
            is_parsed = not inputs.get("disableBoundClaimsParsing")
            found[inputs["roleName"]]["bound_claims"] = _several(claims, is_parsed)
    return found


def _entities(desired: Desired) -> Any:
    return {
        (user, entity): list(method.policies)
        for method in desired.state.auth_methods.values()
        for user, entity in method.entities.items()
    }


def _entities_registered(made: Registered) -> Any:
    policies = {inputs["name"]: inputs["policies"] for inputs in made.of("vault:identity/entity:Entity")}
    aliases = made.of("vault:identity/entityAlias:EntityAlias")
    # An entity's ID is what the recorder makes of its logical name, which is the entity's.
    return {
        (alias["name"], entity): policies.get(entity)
        for alias in aliases
        for entity in [alias["canonicalId"].removesuffix("-id")]
    }


def _audit(desired: Desired) -> Any:
    device = desired.state.audit_device
    return device and (device.path, device.type, dict(device.options))


def _audit_registered(made: Registered) -> Any:
    devices = made.of("vault:index/audit:Audit")
    return next(((each["path"], each["type"], each["options"]) for each in devices), None)


def kinds(instance_arn: str) -> dict[str, Kind]:
    """Every kind. `instance_arn`: as the recorder makes it up."""
    return {
        "names": Kind(_names, _names_registered),
        "attached policies": Kind(_attachments, _attachments_registered),
        "paths": Kind(_paths, _paths_registered),
        "boundaries": Kind(_boundaries, _boundaries_registered),
        "memberships": Kind(_memberships, _memberships_registered),
        "inline policies": Kind(_inline, _inline_registered),
        "log-ins": Kind(_log_ins, _log_ins_registered),
        "access keys": Kind(
            lambda desired: {n for n, user in desired.made("user").items() if user.has_access_key},
            lambda made: {inputs["user"] for inputs in made.of(_iam("accessKey"))},
        ),
        "trusts": Kind(_trusts, _trusts_registered),
        # Nothing said of a role is AWS's own hour.
        "longest sessions": Kind(
            lambda desired: {n: role.max_session_seconds or 3600 for n, role in desired.made("role").items()},
            lambda made: {
                n: inputs.get("maxSessionDuration", 3600) for n, inputs in made.named(_iam("role")).items()
            },
        ),
        "instance profiles": Kind(
            lambda desired: {
                role.instance_profile: n for n, role in desired.made("role").items() if role.instance_profile
            },
            lambda made: {n: inputs["role"] for n, inputs in made.named(_iam("instanceProfile")).items()},
        ),
        "customer-managed policies": Kind(
            lambda desired: {n: plain(d, desired.account_id) for n, d in desired.state.policies.items()},
            lambda made: {
                n: _document(inputs["policy"], made.account_id)
                for n, inputs in made.named(_iam("policy")).items()
            },
        ),
        "password policy": Kind(_password_policy, _password_policy_registered),
        "account defaults": Kind(_defaults, _defaults_registered),
        "root access": Kind(
            lambda desired: set(desired.state.root_features),
            lambda made: {
                feature
                for inputs in made.of("aws:iam/organizationsFeatures:OrganizationsFeatures")
                for feature in inputs["enabledFeatures"]
            },
        ),
        "alarms": Kind(_alarms, _alarms_registered),
        "recipients of alarms": Kind(
            lambda desired: dict(desired.state.alarm_recipients),
            lambda made: {
                inputs["region"]: inputs["endpoint"]
                for inputs in made.of("aws:sns/topicSubscription:TopicSubscription")
                if inputs["protocol"] == "email"
            },
        ),
        "trail": Kind(
            lambda desired: desired.state.makes_trail,
            lambda made: bool(made.of("aws:cloudtrail/trail:Trail")),
        ),
        "shell preferences": Kind(
            lambda desired: desired.state.shell_preferences,
            lambda made: next(
                (json.loads(inputs["content"]) for inputs in made.of("aws:ssm/document:Document")), None
            ),
        ),
        "logs of shells": Kind(
            lambda desired: dict(desired.state.shell_logs),
            lambda made: {
                inputs["name"]: inputs["retentionInDays"]
                for inputs in made.of("aws:cloudwatch/logGroup:LogGroup")
            },
        ),
        "Vault's engine": Kind(_engine, _engine_registered),
        "Vault's roles": Kind(_engine_roles(instance_arn), _engine_roles_registered),
        "Vault's policies": Kind(
            lambda desired: {role.policy: role.policy_text for role in desired.state.engine_roles.values()},
            lambda made: {
                n: inputs["policy"] for n, inputs in made.named("vault:index/policy:Policy").items()
            },
        ),
        "auth methods": Kind(_auth_methods, _auth_methods_registered),
        "directories": Kind(_directories, _directories_registered),
        "roles of auth methods": Kind(_auth_roles, _auth_roles_registered),
        "entities": Kind(_entities, _entities_registered),
        "audit device": Kind(_audit, _audit_registered),
    }
