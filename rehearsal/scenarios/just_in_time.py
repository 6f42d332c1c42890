"""Tutorial section 7: credentials that Vault issues on request, and that expire."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import requests

from iam_hardening import config
from iam_hardening.aws.naming import (
    SESSION_DOCUMENT,
    VAULT_BOUNDARY_POLICY,
    VAULT_ROLE_TAG,
    VAULT_USER_NAME_PREFIX,
    VAULT_USER_PATH,
    iam_arn,
    policy_arn,
    role_arn,
    vault_aws_role_name,
)
from iam_hardening.claims.claim import ALLOWED, KEY_INVALID, REFUSED, Claim, attempt
from iam_hardening.claims.grants import Grants, grants_of
from iam_hardening.clients.aws import Credentials, Session
from rehearsal.recorder import Recorder
from rehearsal.scenarios.people import play_probes
from rehearsal.testbed import Account, Testbed

_SHORT_LEASE_SECONDS = 2
_LONGEST_WAIT_SECONDS = 20
_POLL_SECONDS = 0.25
# Who asks; Vault puts the way of the log-in before it, for a token that was made by hand "token".
_ASKER = "rehearsal"
_DISPLAY_NAME = f"token-{_ASKER}"
# What the boundary denies to every issued user, as far as the probes reach.
_BOUNDARY = config.Statement.model_validate(
    {
        "sid": "Boundary",
        "effect": "Deny",
        "actions": ["iam:Create*", "sts:AssumeRole*"],
        "resources": ["*"],
    }
)


def play(recorder: Recorder, testbed: Testbed) -> None:
    for account in testbed.accounts.values():
        if account.settings.vault is None:
            continue
        for name, role in account.settings.vault.roles.items():
            with recorder.scenario(f"Vault role {name} for {account.name}"):
                _play_role(recorder, testbed, account, account.settings.vault, name, role)
        if any(role.credential_type == "iam_user" for role in account.settings.vault.roles.values()):
            with recorder.scenario(f"A lease in {account.name} expires"):
                _play_expiry(recorder, testbed, account, account.settings.vault)
        with recorder.scenario(f"Vault's own principal in {account.name}"):
            _play_principal(recorder, testbed, account, account.settings.vault)


def _play_role(
    recorder: Recorder,
    testbed: Testbed,
    account: Account,
    vault: config.Vault,
    name: str,
    role: config.VaultRole,
) -> None:
    outputs = account.stack.outputs()
    mount, policy = outputs["vault_mount"], outputs["vault_policies"][name]
    holder = testbed.vault(_token(testbed, policy))
    who = f"token with {policy}"

    def claim(call: str, resource: str, claimed: str, reason: str, *, by: str = who) -> Claim:
        return Claim(
            who=by,
            mfa="-",
            call=call,
            resource=resource,
            account=account.name,
            claimed=claimed,
            reason=reason,
        )

    issued = recorder.must(
        claim(
            "vault read",
            f"{mount}/creds/{name}",
            ALLOWED,
            "the policy of a role reads that role's credentials",
        ),
        lambda: holder.read(f"{mount}/creds/{name}"),
    )
    seconds = (
        vault.default_lease_ttl if role.credential_type == "iam_user" else role.ttl or vault.default_lease_ttl
    )
    recorder.found(
        claim("lease", "lease_duration", f"{seconds} s", "access expires"),
        # A session began a moment before the lease was made.
        f"{seconds if 0 <= seconds - issued['lease_duration'] <= 2 else issued['lease_duration']} s",
    )
    for path in _closed_paths(mount, [other for other in vault.roles if other != name]):
        recorder.judge(
            claim("vault read", path, REFUSED, "the token of one role reaches nothing else"),
            lambda path=path: holder.read(path),  # type: ignore[misc]
        )
    recorder.judge(
        claim(
            "vault read",
            f"{mount}/creds/{name}?role_session_name=…",
            REFUSED,
            "no one chooses another's name",
        ),
        lambda: holder.adapter.get(f"/v1/{mount}/creds/{name}", params={"role_session_name": "somebody"}),
    )
    session = session_of(account, issued["data"])
    instance_id = outputs.get("instance_id")
    targets = account.targets
    if instance_id:
        targets = replace(targets, instances=(*targets.instances, instance_id))
    holder_name = f"{'user' if role.credential_type == 'iam_user' else 'session'} from Vault's {name}"
    arn = session.client("sts").get_caller_identity()["Arn"]
    _named_after_who_asked(recorder, account, name, holder_name, arn)
    if role.credential_type == "iam_user":
        _as_issued(recorder, account, name, role, holder_name, arn)
    else:
        _as_trusted(recorder, testbed, account, mount, name, role, holder_name)
    play_probes(
        recorder,
        replace(account, targets=targets),
        session,
        _grants(account, role, instance_id),
        who=holder_name,
        mfa="-",
    )
    preferences = account.settings.instance and account.settings.instance.session_preferences
    if role.debug_instance and instance_id and preferences:
        _by_the_preferences(recorder, account, session, instance_id, preferences, holder_name)
    testbed.vault().sys.revoke_lease(issued["lease_id"])
    if role.credential_type == "iam_user":
        why = "revoking the lease ends the access at once"
        _gone(recorder, account, session, arn.rsplit("/", 1)[-1], claim_by=holder_name, why=why)
    else:
        _session_lives_on(recorder, account, session, holder_name)


def _by_the_preferences(
    recorder: Recorder,
    account: Account,
    session: Session,
    instance_id: str,
    preferences: config.SessionPreferences,
    holder_name: str,
) -> None:
    """How long a shell lasts is seen where the account lists shells; that it then ends is not played."""
    ssm, admin = session.client("ssm"), account.admin.client("ssm")

    def claim(call: str, claimed: str, reason: str) -> Claim:
        return Claim(
            who=holder_name,
            mfa="-",
            call=call,
            resource=SESSION_DOCUMENT,
            account=account.name,
            claimed=claimed,
            reason=reason,
        )

    other = "rehearsal-without-limits"
    content = json.dumps({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {}})
    admin.create_document(Name=other, Content=content, DocumentType="Session", DocumentFormat="JSON")
    try:
        for document in (other, "AWS-StartSSHSession"):
            recorder.judge(
                claim(f"ssm:StartSession ({document})", REFUSED, "no shell goes by other preferences"),
                lambda document=document: ssm.start_session(  # type: ignore[misc]
                    Target=instance_id, DocumentName=document
                ),
            )
    finally:
        admin.delete_document(Name=other)
    for call, made in _changing_preferences(ssm, session.client("logs"), preferences):
        recorder.judge(claim(call, REFUSED, "who has a shell decides neither its end nor its log"), made)
    opened = recorder.must(
        claim("ssm:StartSession", ALLOWED, "debugging is what the role is for"),
        lambda: ssm.start_session(Target=instance_id, DocumentName=SESSION_DOCUMENT),
    )
    (found,) = admin.describe_sessions(
        State="Active", Filters=[{"key": "SessionId", "value": opened["SessionId"]}]
    )["Sessions"]
    recorder.found(
        claim("ssm:DescribeSessions", f"{preferences.max_duration // 60} min", "a shell outlives the lease"),
        f"{found.get('MaxSessionDuration')} min",
    )
    ssm.terminate_session(SessionId=opened["SessionId"])


def _changing_preferences(
    ssm: Any, logs: Any, preferences: config.SessionPreferences
) -> Iterator[tuple[str, Callable[[], Any]]]:
    group, content = preferences.log_group, json.dumps(preferences.document())
    yield "ssm:DeleteDocument", lambda: ssm.delete_document(Name=SESSION_DOCUMENT)
    yield (
        "ssm:UpdateDocument",
        lambda: ssm.update_document(Name=SESSION_DOCUMENT, Content=content, DocumentVersion="$LATEST"),
    )
    yield "logs:FilterLogEvents", lambda: logs.filter_log_events(logGroupName=group)
    yield "logs:DeleteLogGroup", lambda: logs.delete_log_group(logGroupName=group)


def _named_after_who_asked(
    recorder: Recorder, account: Account, role_name: str, holder_name: str, arn: str
) -> None:
    expected = f"{VAULT_USER_NAME_PREFIX}{_DISPLAY_NAME[:22]}-{role_name[:14]}-"
    name = arn.rsplit("/", 1)[-1]
    recorder.found(
        Claim(
            who=holder_name,
            mfa="-",
            call="sts:GetCallerIdentity",
            resource="the name",
            account=account.name,
            claimed=f"{expected}…",
            reason="CloudTrail says who asked, and for what",
        ),
        f"{expected}…" if name.startswith(expected) and len(name) <= 64 else name,
    )


def _as_trusted(
    recorder: Recorder,
    testbed: Testbed,
    account: Account,
    mount: str,
    name: str,
    role: config.VaultRole,
    holder_name: str,
) -> None:
    """What the role behind a session asks of Vault, tried with credentials of Vault's own principal."""
    vault = account.settings.vault
    if vault is None:
        return
    own = account.settings
    arn = role_arn(own.partition, own.account_id, vault_aws_role_name(mount, name))
    tags = [{"Key": key, "Value": value} for key, value in role.session_tags.items()]
    whole: dict[str, Any] = {"Tags": tags} if tags else {}
    whole |= {"ExternalId": role.external_id} if role.external_id else {}
    tries = [("", whole, ALLOWED, "this is what Vault asks")]
    if role.external_id:
        without = {key: value for key, value in whole.items() if key != "ExternalId"}
        wrong = whole | {"ExternalId": "another"}
        reason = "without the agreed ID no one may assume it"
        tries += [(" (no ID)", without, REFUSED, reason), (" (wrong ID)", wrong, REFUSED, reason)]
    if tags:
        without = {key: value for key, value in whole.items() if key != "Tags"}
        more = whole | {"Tags": [*tags, {"Key": "Onboarding", "Value": "new"}]}
        other = whole | {"Tags": [{"Key": tag["Key"], "Value": "another"} for tag in tags]}
        reason = "policies may rest on the tags of these sessions"
        tries += [(" (no tags)", without, REFUSED, reason), (" (a tag more)", more, REFUSED, reason)]
        tries += [(" (other tags)", other, REFUSED, reason)]
    with _as_principal(testbed, account, vault) as principal:
        for what, arguments, claimed, reason in tries:
            recorder.judge(
                Claim(
                    who=vault.principal,
                    mfa="-",
                    call=f"sts:AssumeRole{what}",
                    resource=arn.rsplit("/", 1)[-1],
                    account=account.name,
                    claimed=claimed,
                    reason=reason,
                ),
                lambda arguments=arguments: principal.client("sts").assume_role(  # type: ignore[misc]
                    RoleArn=arn, RoleSessionName="rehearsal", **arguments
                ),
            )


@contextmanager
def _as_principal(testbed: Testbed, account: Account, vault: config.Vault) -> Iterator[Session]:
    """As a thief of Vault's own credentials: with a second key of its user, or on an instance of its role."""
    admin, principal = account.admin.client("iam"), vault.principal
    if vault.runs_on_role:
        url = f"{testbed.endpoint_url}/_role/{account.id}/{principal}"
        found = requests.get(url, timeout=_LONGEST_WAIT_SECONDS).json()
        yield account.admin.with_credentials(Credentials.of({**found, "SessionToken": found["Token"]}))
        return
    key = admin.create_access_key(UserName=principal)["AccessKey"]
    try:
        yield account.admin.with_credentials(Credentials.of(key))
    finally:
        admin.delete_access_key(UserName=principal, AccessKeyId=key["AccessKeyId"])


def _as_issued(
    recorder: Recorder, account: Account, name: str, role: config.VaultRole, holder_name: str, arn: str
) -> None:
    """The user that Vault made: its path, and what limits it."""
    iam, user_name = account.admin.client("iam"), arn.rsplit("/", 1)[-1]
    user = iam.get_user(UserName=user_name)["User"]
    tags = {tag["Key"]: tag["Value"] for tag in iam.list_user_tags(UserName=user_name)["Tags"]}
    groups = [group["GroupName"] for group in iam.list_groups_for_user(UserName=user_name)["Groups"]]
    own = account.settings
    boundary = policy_arn(own.partition, own.account_id, VAULT_BOUNDARY_POLICY)
    facts = (
        ("Path", VAULT_USER_PATH, user["Path"], "Vault's principal reaches this path only"),
        (
            "PermissionsBoundary",
            boundary,
            user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "none"),
            "no role can exceed the boundary",
        ),
        (
            f"tags ManagedBy, {VAULT_ROLE_TAG}",
            f"vault, {name}",
            f"{tags.get('ManagedBy')}, {tags.get(VAULT_ROLE_TAG)}",
            "the user's tags say where it comes from",
        ),
        (
            "groups",
            ", ".join(sorted(role.groups)) or "none",
            ", ".join(sorted(groups)) or "none",
            "only the groups that the stack file names",
        ),
    )
    for what, claimed, found, reason in facts:
        recorder.found(
            Claim(
                who=holder_name,
                mfa="-",
                call="iam:GetUser",
                resource=what,
                account=account.name,
                claimed=claimed,
                reason=reason,
            ),
            found,
        )


def _session_lives_on(recorder: Recorder, account: Account, session: Session, holder_name: str) -> None:
    """AWS knows no leases: a role's session lasts its time, also after Vault revokes its lease
    (docs/just-in-time.md)."""
    recorder.judge(
        Claim(
            who=holder_name,
            mfa="-",
            call="sts:GetCallerIdentity (after revoke)",
            resource="-",
            account=account.name,
            claimed=ALLOWED,
            reason="revoking a lease does not end a role's session: keep ttl short",
        ),
        session.client("sts").get_caller_identity,
    )


def _grants(account: Account, role: config.VaultRole, instance_id: str | None) -> Grants:
    statements = [_BOUNDARY, *role.statements]
    if role.debug_instance and instance_id:
        own = account.settings
        instance_arn = f"arn:{own.partition}:ec2:{own.region}:{own.account_id}:instance/{instance_id}"
        for action, resource in (("ec2:DescribeInstances", "*"), ("ec2:RebootInstances", instance_arn)):
            statements.append(
                config.Statement.model_validate(
                    {"sid": "Debug", "actions": [action], "resources": [resource]}
                )
            )
    return grants_of(managed_policies=role.managed_policies, statements=statements)


def _closed_paths(mount: str, other_roles: list[str]) -> list[str]:
    return [
        *(f"{mount}/creds/{role}" for role in other_roles),
        f"{mount}/config/root",
        f"{mount}/roles/{other_roles[0]}" if other_roles else f"{mount}/config/lease",
        "sys/mounts",
        "sys/policies/acl/default",
    ]


def _play_expiry(recorder: Recorder, testbed: Testbed, account: Account, vault: config.Vault) -> None:
    """With a two-second lease, by tuning the mount: `iam_user` roles have no TTL."""
    root = testbed.vault()
    mount = account.stack.outputs()["vault_mount"]
    name = next(name for name, role in vault.roles.items() if role.credential_type == "iam_user")
    root.sys.tune_mount_configuration(path=mount, default_lease_ttl=f"{_SHORT_LEASE_SECONDS}s")
    try:
        issued = root.read(f"{mount}/creds/{name}")
    finally:
        root.sys.tune_mount_configuration(path=mount, default_lease_ttl=f"{vault.default_lease_ttl}s")
    session = session_of(account, issued["data"])
    arn = attempt(session.client("sts").get_caller_identity)
    who = f"user from Vault's {name}"
    recorder.found(
        Claim(
            who=who,
            mfa="-",
            call="lease",
            resource="lease_duration",
            account=account.name,
            claimed=f"{_SHORT_LEASE_SECONDS} s",
            reason="so that the end can be waited for",
        ),
        f"{issued['lease_duration']} s",
    )
    if arn.value is None:
        recorder.note(f"{who}: the short lease had ended before the key was first used.")
        return
    user_name = arn.value["Arn"].rsplit("/", 1)[-1]
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    # Vault deletes the key first, and the user some calls later.
    while time.monotonic() < deadline and (
        attempt(session.client("sts").get_caller_identity).found == ALLOWED
        or attempt(lambda: account.admin.client("iam").get_user(UserName=user_name)).found == ALLOWED
    ):
        time.sleep(_POLL_SECONDS)
    _gone(
        recorder,
        account,
        session,
        user_name,
        claim_by=who,
        why="no one has to remember to take the access away",
    )


def _gone(
    recorder: Recorder, account: Account, session: Session, user_name: str, *, claim_by: str, why: str
) -> None:
    recorder.judge(
        Claim(
            who=claim_by,
            mfa="-",
            call="sts:GetCallerIdentity (after the end)",
            resource="-",
            account=account.name,
            claimed=KEY_INVALID,
            reason=why,
        ),
        session.client("sts").get_caller_identity,
    )
    recorder.judge(
        Claim(
            who="deployer",
            mfa="-",
            call="iam:GetUser (after the end)",
            resource=f"the user from {claim_by.rsplit(' ', 1)[-1]}",
            account=account.name,
            claimed="NoSuchEntity",
            reason=why,
        ),
        lambda: account.admin.client("iam").get_user(UserName=user_name),
    )


def _play_principal(recorder: Recorder, testbed: Testbed, account: Account, vault: config.Vault) -> None:
    with _as_principal(testbed, account, vault) as session:
        _play_as_principal(recorder, account, vault.principal, session)


def _play_as_principal(recorder: Recorder, account: Account, principal: str, session: Session) -> None:
    """What a thief of Vault's key can do with it."""
    iam = session.client("iam")
    own = account.settings
    boundary = policy_arn(own.partition, own.account_id, VAULT_BOUNDARY_POLICY)
    administrator_access = iam_arn(own.partition, "aws", "policy/AdministratorAccess")
    user = "vault-rehearsal"

    def judge(call: str, resource: str, claimed: str, reason: str, made: Any) -> None:
        recorder.judge(
            Claim(
                who=principal,
                mfa="-",
                call=call,
                resource=resource,
                account=account.name,
                claimed=claimed,
                reason=reason,
            ),
            made,
        )

    only = "Vault's key reaches nothing but the users Vault issued"
    judge("s3:ListAllMyBuckets", "*", REFUSED, only, session.client("s3").list_buckets)
    judge("iam:ListUsers", "*", REFUSED, only, iam.list_users)
    judge(
        "iam:CreateUser",
        "user/rehearsal-intruder",
        REFUSED,
        only,
        lambda: iam.create_user(UserName="rehearsal-intruder", PermissionsBoundary=boundary),
    )
    judge(
        "iam:CreateAccessKey",
        f"user/{account.targets.bystander}",
        REFUSED,
        only,
        lambda: iam.create_access_key(UserName=account.targets.bystander),
    )
    bounded = "a user without the boundary could do anything"
    judge(
        "iam:CreateUser (no boundary)",
        f"user{VAULT_USER_PATH}{user}",
        REFUSED,
        bounded,
        lambda: iam.create_user(UserName=user, Path=VAULT_USER_PATH),
    )
    judge(
        "iam:CreateUser",
        f"user{VAULT_USER_PATH}{user}",
        ALLOWED,
        "this is what Vault is for",
        lambda: iam.create_user(UserName=user, Path=VAULT_USER_PATH, PermissionsBoundary=boundary),
    )
    judge(
        "iam:DeleteUserPermissionsBoundary",
        f"user{VAULT_USER_PATH}{user}",
        REFUSED,
        bounded,
        lambda: iam.delete_user_permissions_boundary(UserName=user),
    )
    judge(
        "iam:AttachUserPolicy",
        "AdministratorAccess",
        REFUSED,
        "only the policies of the configured roles are attached",
        lambda: iam.attach_user_policy(UserName=user, PolicyArn=administrator_access),
    )
    judge(
        "iam:DeleteUser",
        f"user{VAULT_USER_PATH}{user}",
        ALLOWED,
        "Vault removes what it issued",
        lambda: iam.delete_user(UserName=user),
    )


def _token(testbed: Testbed, policy: str) -> str:
    """A token that holds just this role's policy, for longer than its leases: a lease dies with its token."""
    made: dict[str, Any] = testbed.vault().auth.token.create(policies=[policy], ttl="2h", display_name=_ASKER)
    return str(made["auth"]["client_token"])


def session_of(account: Account, issued: dict[str, Any]) -> Session:
    credentials = Credentials(
        access_key_id=issued["access_key"],
        secret_access_key=issued["secret_key"],
        session_token=issued.get("security_token") or None,
    )
    return account.admin.with_credentials(credentials)
