"""S3: an object's tags, several versions deleted at once, and buckets of other accounts.

Gap: MiniStack writes an object's tags without asking for anything, and authorises the first of several
deletions as one of a key, also where it names a version. It asks the policy of another account's bucket as if
the caller were the root user of the caller's account: a statement that names a role or a user, to allow or to
deny, is passed over.

AWS ("PutObject": tags need `s3:PutObjectTagging`; "DeleteObjects": each key needs `s3:DeleteObject`, each
version `s3:DeleteObjectVersion`; "Actions, resources, and condition keys for Amazon S3":
`s3:RequestObjectTag/KEY`; "Cross-account policy evaluation logic": the caller's policies and the bucket's
must both allow the call).

Grants by ACL on another account's bucket allow nothing here.
"""

from typing import Any
from urllib.parse import parse_qsl

from rehearsal.emulator import request
from rehearsal.emulator.upstream import Parameters, account_id, actions, s3


def keys_of_tags(action: str) -> dict[str, Any]:
    """The condition keys of the tags that the request writes an object with; none where it has no tags."""
    current = request.current()
    headers = s3._merge_hoisted_amz_headers(current.headers, current.parameters)
    tags = parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True)
    if action != "s3:PutObject" or not tags:
        return {}
    keys: dict[str, Any] = {f"s3:RequestObjectTag/{name}": value for name, value in tags}
    return keys | {"s3:RequestObjectTagKeys": [name for name, _ in tags]}


def _bucket_policy(resource_arn: str) -> tuple[str, str] | None:
    """The policy of a bucket of another account, and that account; None for the caller's own buckets."""
    bucket = resource_arn.removeprefix("arn:aws:s3:::").split("/", 1)[0]
    owner = s3._bucket_owner_account(bucket) if resource_arn.startswith("arn:aws:s3:::") else None
    # Whose bucket a name is that is already taken does not matter to who may make buckets.
    if owner in (None, account_id()) or request.current().action == "s3:CreateBucket":
        return None
    policy = str(s3._bucket_policies.get_scoped(owner, None, bucket) or "")
    restricted = s3._public_access_blocked(owner, bucket, "RestrictPublicBuckets")
    return ("" if policy and restricted and s3._policy_is_public(policy) else policy), str(owner)


def apply() -> None:
    extract_action = actions.extract_iam_action
    policy_of = s3.bucket_policy_for_arn
    foreign_bucket_allows = s3._foreign_bucket_allows

    def bucket_policy_for_arn(resource_arn: str) -> tuple[str, str] | None:
        found: tuple[str, str] | None = _bucket_policy(resource_arn) or policy_of(resource_arn)
        return found

    def allows_a_foreigner(owner: str, bucket: str, key: str, method: str, *rest: Any) -> bool:
        # For everyone but root and anonymous callers the decision was made before, with the bucket's policy.
        caller = rest[1]
        if caller and not request.caller_is_root():
            return True
        return bool(foreign_bucket_allows(owner, bucket, key, method, *rest))

    def extract_iam_action(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, parameters: Parameters
    ) -> str | None:
        action: str | None = extract_action(service, method, path, headers, body, parameters)
        if service == "s3" and method == "POST" and action == "s3:DeleteObject":
            targets = actions._s3_batch_delete_targets(path.strip("/"), body)
            return "s3:DeleteObjectVersion" if targets and targets[0][1] else action
        return action

    actions.extract_iam_action = extract_iam_action
    s3.bucket_policy_for_arn = bucket_policy_for_arn
    s3._foreign_bucket_allows = allows_a_foreigner
