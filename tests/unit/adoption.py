"""Small accounts and previews for the tests of `iam-hardening adopt`: steps of the engine, and IAM as it
answers."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from iam_hardening.commands.adopt.caller import Caller
from iam_hardening.commands.adopt.findings import Adoption
from iam_hardening.commands.adopt.lockout import warnings_of
from iam_hardening.commands.adopt.lookups import UNKNOWN, Existing
from iam_hardening.commands.adopt.scratch import Step
from iam_hardening.commands.verify.identities import Live

ACCOUNT = "111111111111"
SOMEBODY = Caller(arn=f"arn:aws:iam::{ACCOUNT}:root")


def as_user(name: str, *, is_temporary: bool = False) -> Caller:
    return Caller(arn=f"arn:aws:iam::{ACCOUNT}:user/{name}", is_temporary=is_temporary)


def as_role(name: str) -> Caller:
    return Caller(arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session", is_temporary=True)


# --- What the engine would do


def step(type_: str, label: str, old: dict[str, Any] | None = None, /, **inputs: Any) -> Step:
    operation = "create" if old is None else "update" if inputs else "delete"
    return Step(
        operation=operation,
        urn=f"urn:pulumi:central::p::x${type_}::{label}",
        inputs=inputs,
        old_inputs=old or {},
        changed=tuple(inputs) if old is not None else (),
    )


def text(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def policy(name: str, *statements: dict[str, Any], old: str | None = None) -> Step:
    """Made by the up, or changed by it from `old`."""
    return step(
        "aws:iam/policy:Policy",
        f"policy/{name}",
        None if old is None else {"name": name, "policy": old},
        name=name,
        policy=text(*statements) if statements else UNKNOWN,
    )


def _attachment(kind: str, holder: str, name: str, arn: str, *, gone: bool = False) -> Step:
    type_ = f"aws:iam/{kind}PolicyAttachment:{kind.capitalize()}PolicyAttachment"
    inputs = {kind: holder, "policyArn": arn}
    return step(type_, name, inputs) if gone else step(type_, name, **inputs)


def attach(group: str, name: str, arn: str = "unknown") -> Step:
    return _attachment("group", group, name, arn)


def attach_to_role(role: str, name: str, arn: str = "unknown") -> Step:
    return _attachment("role", role, name, arn)


def detach(kind: str, holder: str, arn: str) -> Step:
    return _attachment(kind, holder, f"{holder}-{arn}", arn, gone=True)


def join(user: str, *groups: str, before: list[str] | None = None) -> Step:
    """`before`: the groups that the stack has in its state."""
    type_ = "aws:iam/userGroupMembership:UserGroupMembership"
    old = None if before is None else {"user": user, "groups": before}
    return step(type_, user, old, user=user, groups=list(groups))


def changed(kind: str, name: str, was: dict[str, Any], will: dict[str, Any]) -> Step:
    """A user, role or group that the up changes in place."""
    return step(f"aws:iam/{kind}:{kind.capitalize()}", name, {"name": name, **was}, name=name, **will)


def deleted(kind: str, name: str) -> Step:
    return step(f"aws:iam/{kind}:{kind.capitalize()}", name, {"name": name})


# --- The account


def arn_of(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:policy/{name}"


def of_aws(name: str) -> str:
    return f"arn:aws:iam::aws:policy/{name}"


def holding(*arns: str, **more: Any) -> dict[str, Any]:
    """IAM's record of a user, group or role with these managed policies."""
    attached = [{"PolicyArn": arn, "PolicyName": arn.rsplit("/", 1)[-1]} for arn in arns]
    return {"AttachedManagedPolicies": attached, **more}


class Iam:
    """Answers what the judgement asks. `refused`: operations that the caller may not call; `keys`, `devices`:
    by user; `others`: operation → user → items; `of_aws`: AWS's managed policies by name."""

    def __init__(self, **answers: Any) -> None:
        self._refused = frozenset(answers.get("refused", ()))
        self._keys: dict[str, list[str]] = answers.get("keys", {})
        self._devices: frozenset[str] = frozenset(answers.get("devices", ()))
        self._others: dict[str, dict[str, list[dict[str, str]]]] = answers.get("others", {})
        self._of_aws: dict[str, dict[str, Any]] = answers.get("of_aws", {})
        self._key_uses: dict[str, dict[str, Any]] = answers.get("key_uses", {})
        self._role_uses: dict[str, dict[str, Any]] = answers.get("role_uses", {})
        self.asked: list[str] = []

    def _ask(self, operation: str) -> None:
        self.asked.append(operation)
        if operation in self._refused:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, operation)

    def get_account_summary(self) -> dict[str, Any]:
        self._ask("GetAccountSummary")
        return {"SummaryMap": {"AttachedPoliciesPerRoleQuota": 20, "AssumeRolePolicySizeQuota": 4096}}

    def get_role(self, *, RoleName: str) -> dict[str, Any]:
        self._ask("GetRole")
        return {"Role": {"RoleName": RoleName, "RoleLastUsed": self._role_uses.get(RoleName, {})}}

    def list_mfa_devices(self, *, UserName: str) -> dict[str, Any]:
        self._ask("ListMFADevices")
        return {"MFADevices": [{"SerialNumber": "phone"}] if UserName in self._devices else []}

    def list_access_keys(self, *, UserName: str) -> dict[str, Any]:
        self._ask("ListAccessKeys")
        keys = self._keys.get(UserName, [])
        return {"AccessKeyMetadata": [{"AccessKeyId": key, "Status": "Active"} for key in keys]}

    def get_access_key_last_used(self, *, AccessKeyId: str) -> dict[str, Any]:
        self._ask("GetAccessKeyLastUsed")
        never = {"ServiceName": "N/A", "Region": "N/A"}
        return {"AccessKeyLastUsed": self._key_uses.get(AccessKeyId, never)}

    def _items(self, operation: str, answer: str, user: str) -> dict[str, Any]:
        self._ask(operation)
        return {answer: self._others.get(operation, {}).get(user, [])}

    def list_ssh_public_keys(self, *, UserName: str) -> dict[str, Any]:
        return self._items("ListSSHPublicKeys", "SSHPublicKeys", UserName)

    def list_service_specific_credentials(self, *, UserName: str) -> dict[str, Any]:
        return self._items("ListServiceSpecificCredentials", "ServiceSpecificCredentials", UserName)

    def list_signing_certificates(self, *, UserName: str) -> dict[str, Any]:
        return self._items("ListSigningCertificates", "Certificates", UserName)

    def get_policy(self, *, PolicyArn: str) -> dict[str, Any]:
        self._ask("GetPolicy")
        return {"Policy": {"Arn": PolicyArn, "DefaultVersionId": "v3"}}

    def get_policy_version(self, *, PolicyArn: str, VersionId: str) -> dict[str, Any]:
        self._ask("GetPolicyVersion")
        assert VersionId == "v3"
        everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        return {"PolicyVersion": {"Document": self._of_aws.get(PolicyArn.rsplit("/", 1)[-1], everything)}}


USED = {"LastUsedDate": datetime(2026, 1, 31, tzinfo=UTC), "Region": "eu-west-1"}


def account(
    *,
    iam: Iam | None = None,
    policies: Mapping[str, str] | None = None,
    users: Mapping[str, dict[str, Any]] | None = None,
    groups: Mapping[str, dict[str, Any]] | None = None,
    roles: Mapping[str, dict[str, Any]] | None = None,
) -> Existing:
    """`policies`: name → text."""
    versions = {
        name: {
            "Arn": arn_of(name),
            "PolicyVersionList": [{"IsDefaultVersion": True, "Document": json.loads(content)}],
        }
        for name, content in (policies or {}).items()
    }
    live = Live(
        records={"user": dict(users or {}), "group": dict(groups or {}), "role": dict(roles or {})},
        policies=versions,
    )
    answers = iam or Iam()
    return Existing(clients=lambda service, region: answers, region="eu-west-1", _live=live)


def warned(existing: Existing, *steps: Step, caller: Caller = SOMEBODY, **more: Any) -> list[str]:
    """What «Before the up» says."""
    adoption = Adoption(steps={each.urn: each for each in steps}, **more)
    return warnings_of(adoption, existing, caller)[0]
