"""Trust and resource policies: those of roles, keys, topics and buckets.

The claims come from the settings: each requirement of a policy is tested by omitting it.
They are put to IAM's policy simulator: what a policy says to one principal is a policy without `Principal`,
so the statements that name the principal are judged alone (`iam:SimulateCustomPolicy`). What the
principal's own account allows it is not looked at; the rehearsal's other scenarios make the real calls.

Source: IAM User Guide, "Policy evaluation logic", "AWS JSON policy elements: Principal".
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies.documents import document
from iam_hardening.claims.claim import ALLOWED, REFUSED
from iam_hardening.claims.matrix import EVERYTHING, Fact, simulate
from iam_hardening.config import Settings
from iam_hardening.model import alarms

# A client of a service in a region.
Clients = Callable[[str, str], Any]

_MFA, _MFA_AGE = "aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge"
_PRINCIPAL, _SOURCE = "aws:PrincipalArn", "aws:SourceArn"
_EXTERNAL_ID, _SESSION_NAME, _TAG_KEYS = "sts:ExternalId", "sts:RoleSessionName", "aws:TagKeys"
_ASSUME, _TAG = "sts:AssumeRole", "sts:TagSession"
_ACCESS_POINT = "s3:DataAccessPointArn"
_IS_SERVICE = "aws:PrincipalIsAWSService"
# What keeps the logs: action, and what it is about.
_KEEPING = (
    ("s3:BypassGovernanceRetention", "log"),
    ("s3:DeleteObject", "log"),
    ("s3:DeleteObjectTagging", "log"),
    ("s3:DeleteObjectVersion", "log"),
    ("s3:DeleteObjectVersionTagging", "log"),
    ("s3:PutObject", "log"),
    ("s3:PutObjectAcl", "log"),
    ("s3:PutObjectLegalHold", "log"),
    ("s3:PutObjectRetention", "log"),
    ("s3:PutObjectTagging", "log"),
    ("s3:PutObjectVersionAcl", "log"),
    ("s3:PutObjectVersionTagging", "log"),
    ("s3:ReplicateDelete", "log"),
    ("s3:ReplicateObject", "log"),
    ("s3:DeleteBucket", "bucket"),
    ("s3:PutBucketAcl", "bucket"),
    ("s3:PutBucketObjectLockConfiguration", "bucket"),
    ("s3:PutBucketOwnershipControls", "bucket"),
    ("s3:PutBucketPublicAccessBlock", "bucket"),
    ("s3:PutBucketVersioning", "bucket"),
    ("s3:PutEncryptionConfiguration", "bucket"),
    ("s3:PutLifecycleConfiguration", "bucket"),
    ("s3:PutReplicationConfiguration", "bucket"),
)
_STRANGER = "999999999999"
_SOMEBODY = "somebody"
_EVENTS, _CLOUDTRAIL, _OTHER_SERVICE = (
    "events.amazonaws.com",
    "cloudtrail.amazonaws.com",
    "lambda.amazonaws.com",
)
_ONLY_ROLES = "a role is assumed, and its trust policy allows nothing else"

# What an administrator of a key does; not among it: using the key, or granting its use.
_ADMINISTRATION = (
    "CancelKeyDeletion",
    "CreateAlias",
    "DeleteAlias",
    "DescribeKey",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeyRotations",
    "ListResourceTags",
    "PutKeyPolicy",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateKeyDescription",
)
_USE = ("Decrypt", "Encrypt")
_FURTHER_USE = ("CreateGrant", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "Sign")


@dataclass(frozen=True, kw_only=True)
class ResourceId:
    """What has the policy. `name` as its API takes it: a role, a key's alias, a topic's ARN, a bucket."""

    kind: Literal["role", "key", "topic", "bucket"]
    name: str
    region: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name.rsplit(':', 1)[-1].removeprefix('alias/')}"


@dataclass(frozen=True, kw_only=True)
class PolicyClaim:
    """One claim: whether `principal` (an ARN or a service) gets through with these facts about the request.

    `beside_everything`: as if all else let it in; what is refused then is denied.
    """

    resource_id: ResourceId
    who: str
    principal: str
    action: str
    claimed: str
    why: str
    control: str
    resource: str = "*"
    facts: Mapping[str, Fact] = field(default_factory=dict)
    without: str = ""
    beside_everything: bool = False

    @property
    def call(self) -> str:
        """`sts:AssumeRole by account 111111111111 (no aws:MultiFactorAuthPresent)`."""
        return f"{self.action} by {self.who}" + (f" ({self.without})" if self.without else "")


def policy_claims(account: Settings) -> list[PolicyClaim]:
    """Every claim that the settings make about the account's own policy_claims."""
    return [
        *(
            claim
            for name, role in account.cross_account_roles.items()
            for claim in _people(account, name, role)
        ),
        *_instances(account),
        *(_sessions(account, account.vault) if account.vault else ()),
        *(_seal(account, account.vault_server.name) if account.vault_server else ()),
        *(_alarms(account) if account.alarms else ()),
        *(_trail(account) if alarms.makes_trail(account) else ()),
    ]


def _role(account: Settings, name: str) -> ResourceId:
    return ResourceId(kind="role", name=name, region=account.region)


def _root(account: Settings, account_id: str) -> str:
    return naming.account_root_arn(account.partition, account_id)


def _through(
    claim: PolicyClaim, needed: Mapping[str, Fact], wrong: Mapping[str, Iterable[Fact]]
) -> Iterator[PolicyClaim]:
    """With all requirements the call is allowed; with one missing, or wrong, it is not."""
    yield replace(claim, facts=dict(needed))
    for key, values in wrong.items():
        others = {name: value for name, value in needed.items() if name != key}
        yield replace(claim, facts=others, claimed=REFUSED, without=f"no {key}")
        for value in values:
            yield replace(claim, facts={**others, key: value}, claimed=REFUSED, without=f"{key} {value}")


def _closed_to(
    claim: PolicyClaim, principals: Mapping[str, str], actions: Iterable[str], facts: Mapping[str, Fact]
) -> Iterator[PolicyClaim]:
    for who, principal in principals.items():
        for action in actions:
            yield replace(
                claim, who=who, principal=principal, action=action, claimed=REFUSED, facts=dict(facts)
            )


def _people(account: Settings, name: str, role: config.CrossAccountRole) -> Iterator[PolicyClaim]:
    trusted = role.trusted_account_id or account.trusted_account_id or ""
    somebody = naming.user_arn(account.partition, trusted, "/", _SOMEBODY)
    needed: dict[str, Fact] = {"aws:username": _SOMEBODY, _SESSION_NAME: _SOMEBODY, _PRINCIPAL: somebody}
    wrong: dict[str, list[Fact]] = {}
    if role.asks_for_mfa:
        needed[_MFA], wrong[_MFA] = True, [False]
    if role.mfa_max_age is not None and not role.is_for_third_party:
        needed[_MFA_AGE], wrong[_MFA_AGE] = role.mfa_max_age - 1, [role.mfa_max_age]
    if role.principals:
        needed[_PRINCIPAL] = role.principals[0]
        wrong[_PRINCIPAL] = [naming.user_arn(account.partition, trusted, "/", "not-named")]
    if role.session_name_is_user_name and not role.is_for_third_party:
        wrong[_SESSION_NAME] = ["somebody-else"]
    if role.external_id is not None:
        needed[_EXTERNAL_ID], wrong[_EXTERNAL_ID] = role.external_id, ["another"]
    claim = PolicyClaim(
        resource_id=_role(account, name),
        who=f"account {trusted}",
        principal=_root(account, trusted),
        action=_ASSUME,
        claimed=ALLOWED,
        why="who has all that the role's settings ask for may assume it, and no one with less",
        control="CIS 1.20",
    )
    yield from _through(claim, needed, wrong)
    for principal in role.principals[1:]:
        yield replace(claim, facts={**needed, _PRINCIPAL: principal})
    yield from _closed_to(claim, {claim.who: claim.principal}, (_TAG, "sts:SetSourceIdentity"), needed)
    others = {f"account {_STRANGER}": _root(account, _STRANGER), "EC2": _ec2(account)}
    if trusted != account.account_id:
        others["its own account"] = _root(account, account.account_id)
    yield from _closed_to(claim, others, (_ASSUME,), needed)


def _ec2(account: Settings) -> str:
    return "ec2.amazonaws.com.cn" if account.partition == "aws-cn" else "ec2.amazonaws.com"


def _instances(account: Settings) -> Iterator[PolicyClaim]:
    names = [account.instance.role_name] if account.instance else []
    names += [account.vault_server.name] if account.vault_server else []
    for name in names:
        claim = PolicyClaim(
            resource_id=_role(account, name),
            who="EC2",
            principal=_ec2(account),
            action=_ASSUME,
            claimed=ALLOWED,
            why="the role is for instances, even if others may assume roles; EC2 sends no source",
            control="pitfall: EC2 sends no aws:SourceArn",
        )
        yield claim
        yield from _closed_to(claim, {"EC2": claim.principal}, (_TAG, "sts:SetSourceIdentity"), {})
        others = {"Lambda": _OTHER_SERVICE, "its own account": _root(account, account.account_id)}
        others[f"account {_STRANGER}"] = _root(account, _STRANGER)
        yield from _closed_to(claim, others, (_ASSUME,), {_MFA: True})


def _sessions(account: Settings, vault: config.Vault) -> Iterator[PolicyClaim]:
    principal = vault.principal_arn(account.partition, account.account_id)
    for name, role in vault.roles.items():
        if not role.is_session:
            continue
        claim = PolicyClaim(
            resource_id=_role(account, naming.vault_aws_role_name(vault.mount, name)),
            who=vault.principal,
            principal=principal,
            action=_ASSUME,
            claimed=ALLOWED,
            why="Vault opens these sessions, with what was agreed and nothing else",
            control="CIS 1.20",
        )
        tags: dict[str, Fact] = {f"aws:RequestTag/{key}": value for key, value in role.session_tags.items()}
        wrong: dict[str, list[Fact]] = {key: ["another"] for key in tags}
        if tags:
            tags[_TAG_KEYS] = sorted(role.session_tags)
            tag = replace(claim, action=_TAG, why="policies may rest on the tags of these sessions")
            yield from _through(tag, tags, wrong)
            more = [*sorted(role.session_tags), "more"]
            yield replace(tag, facts={**tags, _TAG_KEYS: more}, claimed=REFUSED)
            yield replace(claim, facts={**_agreed(role), **tags, _TAG_KEYS: more}, claimed=REFUSED)
        else:
            yield from _closed_to(claim, {claim.who: principal}, (_TAG,), _agreed(role))
        needed = {**_agreed(role), **tags}
        wrong |= {key: ["another"] for key in _agreed(role)}
        yield from _through(claim, needed, wrong)
        yield from _closed_to(claim, {claim.who: principal}, ("sts:SetSourceIdentity",), needed)
        others = {
            "its own account": _root(account, account.account_id),
            f"account {_STRANGER}": _root(account, _STRANGER),
            "another user": naming.user_arn(account.partition, account.account_id, "/", _SOMEBODY),
        }
        yield from _closed_to(claim, others, (_ASSUME, _TAG), needed)


def _agreed(role: config.VaultRole) -> dict[str, Fact]:
    return {_EXTERNAL_ID: role.external_id} if role.external_id is not None else {}


def _key(account: Settings, alias: str, region: str) -> ResourceId:
    return ResourceId(kind="key", name=f"alias/{alias}", region=region)


def _each(
    claim: PolicyClaim, actions: Iterable[str], *, claimed: str, service: str = "kms"
) -> Iterator[PolicyClaim]:
    for action in actions:
        yield replace(claim, action=f"{service}:{action}", claimed=claimed)


def _seal(account: Settings, name: str) -> Iterator[PolicyClaim]:
    claim = PolicyClaim(
        resource_id=_key(account, name, account.region),
        who=f"role {name}",
        principal=naming.role_arn(account.partition, account.account_id, name),
        action="kms:Decrypt",
        claimed=ALLOWED,
        why="Vault seals and unseals with the key, and does nothing else with it",
        control="CIS 1.17",
    )
    yield from _each(claim, (*_USE, "DescribeKey"), claimed=ALLOWED)
    beyond = [action for action in _ADMINISTRATION if action != "DescribeKey"]
    yield from _each(claim, (*_FURTHER_USE, *beyond), claimed=REFUSED)
    yield from _administrators(
        account, claim, "IAM decides who administers the key; no one but Vault uses it"
    )
    for who, principal in {
        f"account {_STRANGER}": _root(account, _STRANGER),
        "Lambda": _OTHER_SERVICE,
    }.items():
        stranger = replace(claim, who=who, principal=principal, why="the key is this account's own")
        yield from _each(stranger, (*_USE, "DescribeKey", "PutKeyPolicy"), claimed=REFUSED)


def _administrators(account: Settings, key: PolicyClaim, why: str) -> Iterator[PolicyClaim]:
    own = replace(key, who="its own account", principal=_root(account, account.account_id), why=why)
    yield from _each(own, _ADMINISTRATION, claimed=ALLOWED)
    yield from _each(own, (*_USE, *_FURTHER_USE), claimed=REFUSED)


def _alarms(account: Settings) -> Iterator[PolicyClaim]:
    for region, rules in _rules(account).items():
        key = PolicyClaim(
            resource_id=_key(account, naming.ALARMS, region),
            who="EventBridge",
            principal=_EVENTS,
            action="kms:Decrypt",
            claimed=ALLOWED,
            why="an alarm that cannot be encrypted is lost without a word",
            control="pitfall: an encrypted topic needs a key that admits EventBridge",
        )
        uses = ("Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext")
        beyond = ("Encrypt", "CreateGrant", "PutKeyPolicy", "ScheduleKeyDeletion")
        yield from _each(key, uses, claimed=ALLOWED)
        yield from _each(key, beyond, claimed=REFUSED)
        yield from _administrators(
            account, key, "IAM decides who administers the key; EventBridge alone uses it"
        )
        strangers = {f"account {_STRANGER}": _root(account, _STRANGER), "Lambda": _OTHER_SERVICE}
        for who, principal in strangers.items():
            stranger = replace(key, who=who, principal=principal, why="the key is for these alarms alone")
            yield from _each(stranger, (*uses, *beyond), claimed=REFUSED)
        yield from _topic(account, region, rules, strangers)


def _rules(account: Settings) -> dict[str, list[str]]:
    """Region → the alarm rules that are there."""
    rules: dict[str, list[str]] = {}
    for name, alarm in alarms.alarms(account).items():
        for region in alarm.regions:
            rules.setdefault(region, []).append(name)
    return rules


def _topic(
    account: Settings, region: str, rules: list[str], strangers: Mapping[str, str]
) -> Iterator[PolicyClaim]:
    partition, own_id = account.partition, account.account_id
    topic = naming.topic_arn(partition, region, own_id, naming.ALARMS)
    claim = PolicyClaim(
        resource_id=ResourceId(kind="topic", name=topic, region=region),
        who="EventBridge",
        principal=_EVENTS,
        action="sns:Publish",
        resource=topic,
        claimed=ALLOWED,
        why="the alarm rules publish, and no one else sends false alarms",
        control="CIS 4.16",
    )
    for name in rules:
        rule = naming.event_rule_arn(partition, region, own_id, name)
        others = [f"{rule}-other", naming.event_rule_arn(partition, region, _STRANGER, name)]
        yield from _through(claim, {_SOURCE: rule}, {_SOURCE: others})
    sent: dict[str, Fact] = {_SOURCE: naming.event_rule_arn(partition, region, own_id, rules[0])}
    yield from _closed_to(claim, {claim.who: _EVENTS}, ("sns:Subscribe", "sns:DeleteTopic"), sent)
    yield from _closed_to(claim, strangers, ("sns:Publish",), sent)
    yield replace(claim, resource=f"{topic}-beside", facts=sent, claimed=REFUSED)


def _trail(account: Settings) -> Iterator[PolicyClaim]:
    """A service has no aws:PrincipalArn and says that it is one; everyone else is someone of the
    account."""
    somebody = naming.user_arn(account.partition, account.account_id, "/", _SOMEBODY)
    for claim in _trail_claims(account):
        if claim.principal.endswith(".amazonaws.com"):
            yield replace(claim, facts={**claim.facts, _IS_SERVICE: True})
        else:
            yield replace(claim, facts={_PRINCIPAL: somebody, _IS_SERVICE: False, **claim.facts})


def _trail_claims(account: Settings) -> Iterator[PolicyClaim]:
    bucket = naming.trail_bucket(account.account_id, account.region)
    arn = naming.bucket_arn(account.partition, bucket)
    trail = naming.trail_arn(account.partition, account.region, account.account_id, naming.TRAIL)
    logs = f"{arn}/AWSLogs/{account.account_id}/x"
    claim = PolicyClaim(
        resource_id=ResourceId(kind="bucket", name=bucket, region=account.region),
        who="CloudTrail",
        principal=_CLOUDTRAIL,
        action="s3:GetBucketAcl",
        resource=arn,
        claimed=ALLOWED,
        why="this trail's logs are written there, and nothing else",
        control="CIS 3.1",
    )
    source: dict[str, Fact] = {_SOURCE: trail}
    another = {_SOURCE: [f"{trail}-other"]}
    yield from _through(claim, source, another)
    acl = "s3:x-amz-acl"
    written = {**source, acl: "bucket-owner-full-control"}
    yield from _through(
        replace(claim, action="s3:PutObject", resource=logs), written, {**another, acl: ["public-read"]}
    )
    closed = replace(claim, claimed=REFUSED, facts=written)
    yield replace(closed, action="s3:PutObject", resource=f"{arn}/AWSLogs/{_STRANGER}/x")
    yield replace(closed, action="s3:PutObject", resource=f"{arn}/x")
    yield replace(closed, action="s3:GetBucketAcl", resource=f"{arn}-beside")
    for action, resource in (("s3:GetObject", logs), ("s3:DeleteObject", logs), ("s3:PutBucketPolicy", arn)):
        yield replace(closed, action=action, resource=resource)
    strangers = {f"account {_STRANGER}": _root(account, _STRANGER), "Lambda": _OTHER_SERVICE}
    put = replace(closed, resource=logs)
    yield from _closed_to(put, strangers, ("s3:PutObject", "s3:GetObject"), written)
    yield from _closed_to(replace(closed, resource=arn), strangers, ("s3:GetBucketAcl",), written)
    owner = replace(
        claim,
        who="its own account",
        principal=_root(account, account.account_id),
        beside_everything=True,
        why="everyone speaks TLS",
        control="S3.5",
    )
    for resource, action in ((arn, "s3:ListBucket"), (logs, "s3:GetObject")):
        spoken = replace(owner, action=action, resource=resource)
        yield replace(spoken, facts={"aws:SecureTransport": True})
        yield replace(spoken, facts={"aws:SecureTransport": False}, claimed=REFUSED)
        by_access_point: dict[str, Fact] = {_ACCESS_POINT: f"{account.region}/x"}
        yield replace(
            spoken,
            facts=by_access_point,
            claimed=REFUSED,
            why="a denial of the bucket cannot be avoided",
        )
    elsewhere = replace(owner, action="s3:GetObject", resource=f"{arn}-beside/x")
    yield replace(
        elsewhere, facts={"aws:SecureTransport": False}, why="other buckets have their own policies"
    )
    yield replace(
        elsewhere,
        facts={_ACCESS_POINT: f"{account.region}/x"},
        why="access points of other buckets are their own matter",
    )
    if account.alarms and account.alarms.log_administrators:
        yield from _kept_logs(account, owner, arn, logs, account.alarms.log_administrators)


def _kept_logs(
    account: Settings, owner: PolicyClaim, arn: str, logs: str, administrators: Iterable[str]
) -> Iterator[PolicyClaim]:
    """Those who are allowed everything else change logs and bucket only where they are listed."""
    unlisted = replace(
        owner, claimed=REFUSED, why="logs are kept from everyone who is not listed", control="CIS 3.2"
    )
    root = naming.account_root_arn(account.partition, account.account_id)
    others = {
        "somebody": naming.user_arn(account.partition, account.account_id, "/", _SOMEBODY),
        "a role": naming.role_arn(account.partition, account.account_id, _SOMEBODY),
        "root": root,
    }
    for action, resource in _KEEPING:
        where = logs if resource == "log" else arn
        for who, principal in others.items():
            yield replace(unlisted, who=who, action=action, resource=where, facts={_PRINCIPAL: principal})
        for principal in administrators:
            yield replace(
                owner,
                who=principal.rsplit(":", 1)[-1],
                action=action,
                resource=where,
                facts={_PRINCIPAL: principal},
                why="who deploys the stack can change what keeps the logs",
                control="CIS 3.2",
            )
    yield replace(
        owner,
        who="somebody",
        action="s3:PutBucketVersioning",
        resource=f"{arn}-beside",
        why="other buckets have their own policies",
    )
    yield replace(
        owner,
        who="CloudTrail",
        principal=_CLOUDTRAIL,
        action="s3:PutBucketVersioning",
        resource=arn,
        why="the denial is not about AWS's services, which have no aws:PrincipalArn",
    )
    unlocking = replace(owner, who="root", facts={_PRINCIPAL: root}, why="root can always unlock the bucket")
    for action in ("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"):
        yield replace(unlocking, action=action, resource=arn)
    yield replace(
        owner,
        action="s3:DeleteObject",
        resource=f"{arn}-beside/x",
        why="other buckets have their own policies",
    )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the simulator says of one claim. `decision` is its own word."""

    claim: PolicyClaim
    found: str
    decision: str

    @property
    def holds(self) -> bool:
        return self.found == self.claim.claimed


def evaluate(
    clients: Clients,
    wanted: Iterable[PolicyClaim],
    instead: Mapping[ResourceId, Mapping[str, Any]] | None = None,
) -> Iterator[Verdict]:
    """Reads each resource's policy, or takes the one given `instead`, and asks the simulator. Errors are the
    clients' own."""

    @cache
    def policy_of(resource_id: ResourceId) -> Mapping[str, Any]:
        return (instead or {}).get(resource_id) or read(clients, resource_id)

    for claim in wanted:
        said = spoken_to(policy_of(claim.resource_id), claim.principal)
        documents = [document(*said)] if said else []
        documents += [EVERYTHING] if claim.beside_everything else []
        decision = "implicitDeny"
        if documents:
            decision = simulate(
                clients("iam", claim.resource_id.region),
                actions=[claim.action],
                resource=claim.resource,
                facts=claim.facts,
                of=None,
                documents=[json.dumps(each) for each in documents],
            )[claim.action]
        yield Verdict(claim=claim, found=ALLOWED if decision == "allowed" else REFUSED, decision=decision)


def spoken_to(policy: Mapping[str, Any], principal: str) -> list[dict[str, Any]]:
    """The statements that name just this principal, or everyone, without naming it."""
    return [
        # A trust policy has no resource: it is the role's.
        {"Resource": "*", **{key: value for key, value in statement.items() if key != "Principal"}}
        for statement in policy["Statement"]
        if _names(statement["Principal"], principal)
    ]


def _names(element: Any, principal: str) -> bool:
    if element == "*":
        return True
    kind = "AWS" if principal.startswith("arn:") else "Service"
    named = element.get(kind, [])
    named = [named] if isinstance(named, str) else named
    return principal in named or (kind == "AWS" and "*" in named)


def read(clients: Clients, resource_id: ResourceId) -> dict[str, Any]:
    """The policy as the account has it."""
    if resource_id.kind == "role":
        role = clients("iam", resource_id.region).get_role(RoleName=resource_id.name)["Role"]
        return dict(role["AssumeRolePolicyDocument"])
    if resource_id.kind == "key":
        kms = clients("kms", resource_id.region)
        key = kms.describe_key(KeyId=resource_id.name)["KeyMetadata"]["KeyId"]
        text = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    elif resource_id.kind == "topic":
        text = clients("sns", resource_id.region).get_topic_attributes(TopicArn=resource_id.name)[
            "Attributes"
        ]["Policy"]
    else:
        text = clients("s3", resource_id.region).get_bucket_policy(Bucket=resource_id.name)["Policy"]
    return dict(json.loads(text))
