"""What an instance sees: the instance metadata service, one per instance.

Gap: MiniStack has one for all, which issues credentials of no role.

Served under `/_instance/ACCOUNT/INSTANCE/latest/…` (an instance itself would use 169.254.169.254; point
AWS_EC2_METADATA_SERVICE_ENDPOINT here). AWS ("Use the Instance Metadata Service to access instance
metadata"): `PUT latest/api/token` with a lifetime of 1 to 21,600 s gives a session token; where the instance
requires IMDSv2 a request without one is 401; PUT with X-Forwarded-For is 403; a disabled endpoint is 403.
The credentials are of the instance profile's role, if its trust policy lets `ec2.amazonaws.com` assume it:
EC2 sends no source conditions and no MFA information.

Knowing the address is enough to be the instance, as it is for a process on a real one.

`GET /_role/ACCOUNT/ROLE` gives the same credentials, of any role that EC2 may assume, the way a container
asks: AWS's SDKs take such an address from AWS_CONTAINER_CREDENTIALS_FULL_URI, while not all of them let the
metadata service's be changed (AWS SDKs and Tools Reference Guide, "Container credential provider").
"""

import json
import secrets
import time
from typing import Any

from rehearsal.emulator.ec2_instances import metadata_options
from rehearsal.emulator.upstream import Response, ec2, evaluator, iam, responses, sts

PREFIX = "/_instance/"
ROLE_PREFIX = "/_role/"
MAX_TOKEN_SECONDS = 21_600
CREDENTIAL_SECONDS = 6 * 3600
# A real service issues new credentials at least five minutes before the old ones end.
_RENEW_BEFORE_SECONDS = 300
_SERVICE = "ec2.amazonaws.com"

_tokens: dict[tuple[str, str], float] = {}
_credentials: dict[tuple[str, str, str], tuple[str, dict[str, Any]]] = {}


def _answer(status: int, body: str = "", content_type: str = "text/plain") -> Response:
    return status, {"Content-Type": content_type}, body.encode()


def _find(account: str, instance_id: str) -> tuple[str, dict[str, Any]] | None:
    for (owner, region, identifier), instance in ec2._instances.all_items():
        if (owner, identifier) == (account, instance_id):
            return region, instance
    return None


def _new_token(instance_id: str, headers: dict[str, str]) -> Response:
    if "x-forwarded-for" in headers:
        return _answer(403)
    seconds = headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
    if not seconds.isdigit() or not 1 <= int(seconds) <= MAX_TOKEN_SECONDS:
        return _answer(400)
    token = secrets.token_urlsafe(32)
    _tokens[instance_id, token] = time.monotonic() + int(seconds)
    status, answer_headers, body = _answer(200, token)
    return status, {**answer_headers, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds": seconds}, body


def _is_admitted(instance: dict[str, Any], headers: dict[str, str]) -> bool:
    token = headers.get("x-aws-ec2-metadata-token")
    if token is None:
        return metadata_options(instance)["HttpTokens"] == "optional"
    return _tokens.get((instance["InstanceId"], token), 0.0) > time.monotonic()


def ec2_may_assume(role: dict[str, Any], account: str, region: str) -> bool:
    """Whether the role's trust policy lets the EC2 service hand the role to an instance."""
    document = json.loads(role["AssumeRolePolicyDocument"])
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    named = [s for s in statements if evaluator._service_principal_matches(s.get("Principal"), _SERVICE)]
    context = evaluator.EvalContext(
        principal_arn=_SERVICE,
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role["Arn"],
        region=region,
    )
    parsed = evaluator.parse_policy_document({**document, "Statement": named})
    return bool(evaluator.evaluate(context, [parsed]).decision == "Allow")


def _role_of(account: str, instance: dict[str, Any]) -> dict[str, Any] | None:
    profile_arn = (instance.get("IamInstanceProfile") or {}).get("Arn", "")
    profile = iam._instance_profiles.get_scoped(account, None, profile_arn.rsplit("/", 1)[-1]) or {}
    name = next(iter(profile.get("Roles") or []), "")
    role: dict[str, Any] | None = iam._roles.get_scoped(account, None, name)
    return role


def _session(account: str, role: dict[str, Any], instance_id: str) -> tuple[str, dict[str, Any]]:
    cached = _credentials.get((account, instance_id, role["RoleId"]))
    if (
        cached
        and cached[1]["Expiration"] - time.time() > _RENEW_BEFORE_SECONDS
        and cached[0] in sts._sessions
    ):
        return cached
    access_key_id = iam._gen_session_access_key()
    session = {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{role['RoleName']}/{instance_id}",
        "UserId": f"{role['RoleId']}:{instance_id}",
        "SecretAccessKey": iam._gen_secret(),
        "SessionToken": iam._gen_session_token(),
        "Expiration": time.time() + CREDENTIAL_SECONDS,
        "AccountId": account,
        "PrincipalType": "AssumedRole",
    }
    sts.register_session(access_key_id, session)
    _credentials[account, instance_id, role["RoleId"]] = (access_key_id, session)
    return access_key_id, session


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _security_credentials(account: str, region: str, instance_id: str, role: dict[str, Any]) -> Response:
    if not ec2_may_assume(role, account, region):
        refused = {
            "Code": "AssumeRoleUnauthorizedAccess",
            "Message": f"EC2 cannot assume the role {role['RoleName']}: its trust policy does not allow it.",
            "LastUpdated": _moment(time.time()),
        }
        return _answer(200, json.dumps(refused))
    access_key_id, session = _session(account, role, instance_id)
    credentials = {
        "Code": "Success",
        "LastUpdated": _moment(session["IssuedAt"]),
        "Type": "AWS-HMAC",
        "AccessKeyId": access_key_id,
        "SecretAccessKey": session["SecretAccessKey"],
        "Token": session["SessionToken"],
        "Expiration": _moment(session["Expiration"]),
    }
    return _answer(200, json.dumps(credentials))


def _metadata(account: str, region: str, instance: dict[str, Any], path: str) -> Response:
    role = _role_of(account, instance)
    instance_id = instance["InstanceId"]
    if path in ("iam/security-credentials", "iam/info") and role is None:
        return _answer(404)
    if role is not None and path == "iam/security-credentials":
        return _answer(200, role["RoleName"])
    if role is not None and path == f"iam/security-credentials/{role['RoleName']}":
        return _security_credentials(account, region, instance_id, role)
    if role is not None and path == "iam/info":
        profile = instance["IamInstanceProfile"]
        info = {"Code": "Success", "InstanceProfileArn": profile["Arn"], "InstanceProfileId": profile["Id"]}
        return _answer(200, json.dumps(info))
    plain = {
        "ami-id": instance["ImageId"],
        "instance-id": instance_id,
        "instance-type": instance["InstanceType"],
        "local-ipv4": instance["PrivateIpAddress"],
        "placement/availability-zone": instance["Placement"]["AvailabilityZone"],
        "placement/region": region,
        "public-ipv4": instance["PublicIpAddress"],
    }
    return _answer(200, plain[path]) if plain.get(path) else _answer(404)


def handle(method: str, path: str, headers: dict[str, str]) -> Response:
    """Answer a request under PREFIX; header names in lower case."""
    account, _, rest = path.removeprefix(PREFIX).partition("/")
    instance_id, _, rest = rest.partition("/")
    found = _find(account, instance_id)
    if found is None or found[1]["State"]["Name"] != "running":
        return _answer(404)
    region, instance = found
    if metadata_options(instance)["HttpEndpoint"] != "enabled":
        return _answer(403)
    rest = rest.strip("/")
    if method == "PUT" and rest == "latest/api/token":
        return _new_token(instance_id, headers)
    if method != "GET" or not rest.startswith("latest/meta-data/"):
        return _answer(404)
    if not _is_admitted(instance, headers):
        return _answer(401)
    with responses.request_scope(account, region):
        return _metadata(account, region, instance, rest.removeprefix("latest/meta-data/"))


def handle_role(method: str, path: str) -> Response:
    """Answer a request under ROLE_PREFIX: credentials of a role, if instances may have it."""
    account, _, name = path.removeprefix(ROLE_PREFIX).partition("/")
    role = iam._roles.get_scoped(account, None, name)
    if method != "GET" or role is None:
        return _answer(404)
    region = "us-east-1"
    with responses.request_scope(account, region):
        if not ec2_may_assume(role, account, region):
            return _answer(403)
        return _security_credentials(account, region, "i-0123456789abcdef0", role)
