"""KMS keys: on what, with which condition keys and by which key policy a call is decided.

Gap: MiniStack wants a key policy's consent from everyone but root, authorises a call that names an alias on
the alias, calls on aliases on `*`, and a Decrypt that names another key than its ciphertext on the named one
while it uses the other; it knows none of KMS's condition keys, takes any text for a key policy, also one that
locks everyone out, and lets a key that waits for its deletion be enabled again. It lacks ReEncrypt, and
takes aliases that begin like those of AWS's own keys.

AWS ("Key policies in AWS KMS": no one, root included, may do anything with a key that its key policy does
not allow, and a statement for the account hands the decision to IAM policies; "Controlling access to
aliases": calls on an alias need permission on it by an IAM policy, and on the keys it meant and will mean;
"Condition keys for AWS KMS"; "PutKeyPolicy": the caller must be able to put a policy again, and principals
must exist; "ReEncrypt": `kms:ReEncryptFrom` on the one key and `kms:ReEncryptTo` on the other; "CreateAlias":
`alias/aws/` is reserved; "Decrypt": IncorrectKeyException; "Key states of AWS KMS keys").

Grants are stored and not asked, so they allow nothing here. No service of the emulated AWS uses a key on
behalf of a caller: `kms:ViaService` is never there, and a table or a bucket with its own key is open to
who may not use the key.
"""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

from rehearsal.emulator import documents, request
from rehearsal.emulator.ec2_authorization import Check
from rehearsal.emulator.upstream import Parameters, Response, account_id, evaluator, kms, responses, succeeded

_WITHOUT_A_KEY = frozenset({"CreateKey", "GenerateRandom", "ListAliases", "ListKeys"})
_KEY_ID_LENGTH = 36
# Only waiting out its deletion, or being saved from it, is left for such a key. Source: "Key states".
_WHILE_DELETION_WAITS = (
    "_disable_key",
    "_disable_key_rotation",
    "_enable_key",
    "_enable_key_rotation",
    "_schedule_key_deletion",
    "_tag_resource",
    "_untag_resource",
    "_update_key_description",
)
_RESERVED_ALIAS = "alias/aws/"
_ROTATION_DAYS = range(90, 2561)

Data = dict[str, Any]
KmsHandler = Callable[[Data], Response]


def _arn(kind_and_name: str) -> str:
    return f"arn:aws:kms:{responses.get_region()}:{account_id()}:{kind_and_name}"


def _in_ciphertext(data: Data) -> str:
    """The id of the key that made the ciphertext; empty where it names none."""
    try:
        blob = base64.b64decode(str(data.get("CiphertextBlob") or ""))
    except ValueError:
        return ""
    return blob[:_KEY_ID_LENGTH].decode("utf-8", "replace") if len(blob) > _KEY_ID_LENGTH else ""


def _key(named: str) -> Data | None:
    record: Data | None = kms._resolve_key(named)
    return record


def _key_arn(named: str) -> str:
    """The ARN of the key that an id, an ARN or an alias means; `*` where an alias means none."""
    record = _key(named)
    if record:
        return str(record["Arn"])
    if named.startswith("arn:"):
        return named
    return "*" if not named or named.startswith("alias/") else _arn(f"key/{named}")


def _keys_of(data: Data, record: Data | None) -> dict[str, Any]:
    """KMS's condition keys. `kms:ViaService` belongs to calls that another service makes."""
    found: dict[str, Any] = {"kms:CallerAccount": account_id()}
    context = data.get("EncryptionContext")
    if isinstance(context, dict) and context:
        found |= {f"kms:EncryptionContext:{name}": value for name, value in context.items()}
        found["kms:EncryptionContextKeys"] = list(context)
    named = str(data.get("KeyId") or "")
    if "alias/" in named:
        found["kms:RequestAlias"] = named[named.index("alias/") :]
    if record:
        found |= {
            "kms:KeyOrigin": record["Origin"],
            "kms:KeySpec": record["KeySpec"],
            "kms:KeyUsage": record["KeyUsage"],
            "kms:MultiRegion": str(bool(record["MultiRegion"])).lower(),
        }
        aliases = [arn.split(":", 5)[-1] for arn, key in kms._aliases.items() if key == record["KeyId"]]
        if aliases:
            found["kms:ResourceAliases"] = aliases
    return found


def _on_key(action: str, data: Data, named: str) -> Check:
    return Check(action, _key_arn(named), _keys_of(data, _key(named)))


def checks(action: str, tag_keys: dict[str, Any]) -> Iterator[Check]:
    """Every permission the KMS call needs, the call's own first."""
    data, name = request.current().data(), action.split(":", 1)[1]
    if name.endswith("Alias"):
        alias = _arn(str(data.get("AliasName") or ""))
        yield Check(action, alias, _keys_of({}, None))
        if name != "CreateAlias":
            yield _on_key(action, {}, alias)
        if name != "DeleteAlias":
            yield _on_key(action, {}, str(data.get("TargetKeyId") or ""))
        return
    if name in _WITHOUT_A_KEY:
        yield Check(action, "*", _keys_of(data, None) | tag_keys)
        if name == "CreateKey" and data.get("Tags"):
            yield Check("kms:TagResource", _arn("key/*"), tag_keys)
        return
    if name == "ReEncrypt":
        yield from _re_encrypts(data)
        return
    named = str(data.get("KeyId") or "") or _in_ciphertext(data)
    check = _on_key(action, data, named)
    yield Check(action, check.resource, check.keys | tag_keys)
    if name == "ReplicateKey":
        yield Check("kms:CreateKey", "*", {})


def _re_encrypts(data: Data) -> Iterator[Check]:
    """The two permissions of ReEncrypt, one on each key."""
    source = str(data.get("SourceKeyId") or "") or _in_ciphertext(data)
    target = str(data.get("DestinationKeyId") or "")
    same = {"kms:ReEncryptOnSameKey": str(_key_arn(source) == _key_arn(target)).lower()}
    for side, named, action in (
        ("Source", source, "kms:ReEncryptFrom"),
        ("Destination", target, "kms:ReEncryptTo"),
    ):
        said = {"EncryptionContext": data.get(f"{side}EncryptionContext"), "KeyId": named}
        check = _on_key(action, said, named)
        yield Check(action, check.resource, check.keys | same)


def _re_encrypt(data: Data) -> Response:
    """Decrypts with the source's key, encrypts with the other."""
    opened: Response = kms._decrypt(
        {
            "CiphertextBlob": data.get("CiphertextBlob"),
            "EncryptionContext": data.get("SourceEncryptionContext") or {},
            "KeyId": data.get("SourceKeyId") or "",
        }
    )
    if not succeeded(opened):
        return opened
    source = json.loads(opened[2])
    sealed: Response = kms._encrypt(
        {
            "KeyId": str(data.get("DestinationKeyId") or ""),
            "Plaintext": source["Plaintext"],
            "EncryptionContext": data.get("DestinationEncryptionContext") or {},
        }
    )
    if not succeeded(sealed):
        return sealed
    content = json.loads(sealed[2]) | {"SourceKeyId": source["KeyId"]}
    return sealed[0], sealed[1], json.dumps(content).encode()


def _unless_reserved(handler: KmsHandler) -> KmsHandler:
    def guarded(data: Data) -> Response:
        if str(data.get("AliasName") or "").startswith(_RESERVED_ALIAS):
            return _refuse("NotAuthorizedException", f"{_RESERVED_ALIAS} is for the keys that AWS manages.")
        return handler(data)

    return guarded


def _consents(policy: str, action: str, resource: str, keys: dict[str, Any]) -> str:
    """What a key policy says to the caller: `Allow`, `Deny` or `ImplicitDeny`."""
    context = evaluator.EvalContext(
        principal_arn=request.caller_arn(),
        principal_type="Root" if request.caller_is_root() else "User",
        principal_account=account_id(),
        action=action,
        resource_arn=resource,
        region=responses.get_region(),
        service_context={name.lower(): value for name, value in keys.items()},
        principal_keys={},
    )
    return str(evaluator.evaluate_resource_policy(policy, context).decision)


def _refuse(code: str, message: str) -> Response:
    answer: Response = responses.error_response_json(code, message, 400)
    return answer


def _with_checked_policy(handler: KmsHandler, *, needs_one: bool) -> KmsHandler:
    def checked(data: Data) -> Response:
        policy = data.get("Policy")
        if policy is None and not needs_one:
            return handler(data)
        try:
            documents.check_key_policy(str(policy or ""))
        except documents.MalformedError as problem:
            return _refuse("MalformedPolicyDocumentException", str(problem))
        safe = data.get("BypassPolicyLockoutSafetyCheck") is True
        if not safe and _consents(str(policy), "kms:PutKeyPolicy", "*", {}) != "Allow":
            return _refuse(
                "MalformedPolicyDocumentException",
                "The new key policy will not allow you to update the key policy in the future.",
            )
        return handler(data)

    return checked


def _unless_deletion_waits(handler: KmsHandler) -> KmsHandler:
    def guarded(data: Data) -> Response:
        record = _key(str(data.get("KeyId") or ""))
        if record and record["KeyState"] == "PendingDeletion":
            return _refuse("KMSInvalidStateException", f"{record['Arn']} is pending deletion.")
        return handler(data)

    return guarded


def _with_the_key_of_the_ciphertext(handler: KmsHandler) -> KmsHandler:
    def decrypt(data: Data) -> Response:
        made_by = _key(_in_ciphertext(data))
        named = str(data.get("KeyId") or "")
        if named and made_by:
            record = _key(named)
            if record is None:
                return _refuse("NotFoundException", f"Key {named} not found")
            if record["KeyId"] != made_by["KeyId"]:
                return _refuse(
                    "IncorrectKeyException",
                    "The key ID in the request does not identify a CMK that can perform this operation.",
                )
        return handler(data)

    return decrypt


def _with_a_possible_period(handler: KmsHandler) -> KmsHandler:
    def enable(data: Data) -> Response:
        if data.get("RotationPeriodInDays", _ROTATION_DAYS[0]) not in _ROTATION_DAYS:
            return _refuse("ValidationException", "RotationPeriodInDays must be between 90 and 2560")
        return handler(data)

    return enable


def apply() -> None:
    enforce_one = evaluator.enforce
    policy_of = kms.key_policy_for_arn
    handle = kms.handle_request

    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        denied = enforce_one(
            access_key_id,
            iam_action,
            service,
            region,
            resource_arn=resource_arn,
            service_context=service_context,
        )
        if denied is not None or service != "kms" or not request.caller_is_root():
            return denied
        record = _key(resource_arn) if ":key/" in resource_arn else None
        if record is None:
            return None
        said = _consents(record["Policy"], iam_action, resource_arn, service_context or {})
        if said == "Allow":
            return None
        return evaluator.EvalResult(
            said,
            principal_arn=request.caller_arn(),
            resource_policy_arn=resource_arn if said == "Deny" else "",
        )

    def key_policy_for_arn(resource_arn: str) -> tuple[str, str] | None:
        found: tuple[str, str] | None = None if ":alias/" in resource_arn else policy_of(resource_arn)
        return found

    evaluator.enforce = enforce
    kms.key_policy_for_arn = key_policy_for_arn

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: Parameters
    ) -> Response:
        if headers.get("x-amz-target", "").endswith(".ReEncrypt"):
            return _re_encrypt(request.content_of(body))
        answer: Response = await handle(method, path, headers, body, query)
        return answer

    kms.handle_request = handle_request
    for name in ("_create_alias", "_delete_alias", "_update_alias"):
        setattr(kms, name, _unless_reserved(getattr(kms, name)))
    kms._create_key = _with_checked_policy(kms._create_key, needs_one=False)
    kms._put_key_policy = _with_checked_policy(kms._put_key_policy, needs_one=True)
    kms._decrypt = _with_the_key_of_the_ciphertext(kms._decrypt)
    kms._enable_key_rotation = _with_a_possible_period(kms._enable_key_rotation)
    for name in _WHILE_DELETION_WAITS:
        setattr(kms, name, _unless_deletion_waits(getattr(kms, name)))
