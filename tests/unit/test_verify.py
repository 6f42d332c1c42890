"""Parts of `iam-hardening verify` that no sandbox shows: how a Vault policy reads, and answers that only
AWS gives."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from iam_hardening import config
from iam_hardening.aws.naming import VAULT_USERNAME_TEMPLATE
from iam_hardening.aws.policies.compare import canonical, without_aws_paths
from iam_hardening.claims.findings import MISSING, Findings
from iam_hardening.commands.verify import account as account_checks
from iam_hardening.commands.verify import alarms, identities, vault_engine
from iam_hardening.commands.verify.caller_policy import caller_policy, caller_vault_policy
from iam_hardening.commands.verify.vault_policies import opened, reaches
from iam_hardening.model import vault as vault_model
from iam_hardening.model.identities import Identity, PolicyName
from tests.stack_files import PROJECT, ROOT


@pytest.mark.parametrize(
    "pattern",
    [
        "aws/creds/test",
        "aws/creds/*",
        "aws/*",
        "aw*",
        "*",
        "+/creds/test",
        "aws/+/test",
        "{{x}}/creds/a",
        "aws/c*",
    ],
)
def test_a_path_that_hands_out_credentials_is_seen(pattern: str) -> None:
    assert reaches(pattern, "aws/creds")


@pytest.mark.parametrize(
    "pattern", ["aws", "aws/creds", "aws/roles/test", "aws2/creds/test", "aws/roles/*", "+", "kv/*", "sys/*"]
)
def test_a_path_that_hands_out_none_is_not(pattern: str) -> None:
    assert not reaches(pattern, "aws/creds")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('path "aws/creds/test" { capabilities = ["read"] }', ["aws/creds/test"]),
        ('path "aws/creds/test" {\n  capabilities = [\n    "read",\n  ]\n}', ["aws/creds/test"]),
        ('# path "aws/creds/test" { capabilities = ["read"] }', []),
        ('path "aws/*" { capabilities = ["deny"] }', []),
        (
            'path "aws/*" { capabilities = ["deny"] }\npath "aws/creds/a" { capabilities = ["read"] }',
            ["aws/creds/a"],
        ),
        # Written as of old: what is not understood is reported rather than passed over.
        ('path "aws/creds/test" { policy = "write" }', ["aws/creds/test"]),
        ('{"path": {"aws/creds/test": {"capabilities": ["read"]}}}', ["aws/creds/test"]),
        ('{"path": [{"aws/creds/test": [{"capabilities": ["deny"]}]}]}', []),
        ("", []),
    ],
)
def test_a_policy_opens_what_it_does_not_plainly_deny(text: str, expected: list[str]) -> None:
    assert opened(text, "aws/creds") == expected


class Reported:
    """What Vault would answer."""

    def __init__(
        self, answers: Mapping[str, Mapping[str, Any]], names: Mapping[str, list[str]] | None = None
    ) -> None:
        self._answers, self._names = answers, names or {}

    def read(self, path: str) -> Mapping[str, Any] | None:
        return self._answers.get(path)

    def names(self, path: str) -> Sequence[str]:
        return self._names.get(path, [])


class Keys:
    """IAM, of whose keys `owners` tells."""

    def __init__(self, owners: Mapping[str, str]) -> None:
        self._owners = owners

    def get_access_key_last_used(self, *, AccessKeyId: str) -> dict[str, str]:
        if AccessKeyId not in self._owners:
            raise ClientError({"Error": {"Code": "NoSuchEntity"}}, "GetAccessKeyLastUsed")
        return {"UserName": self._owners[AccessKeyId]}


@pytest.fixture
def dev() -> config.Settings:
    """The example that has everything on."""
    file = ROOT / "examples" / "hardened" / "Pulumi.dev.yaml"
    return config.load(yaml.safe_load(file.read_text())["config"], project=PROJECT, stack="dev")


def false(findings: Findings) -> list[tuple[str, str]]:
    return [(each.claim.call, each.found) for each in findings.false]


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        ({"AKIA": "vault-secrets-engine"}, []),
        ({"AKIA": "Administrator"}, [("whose access key", "Administrator")]),
        ({}, [("whose access key", MISSING)]),
    ],
)
def test_vault_acts_as_its_own_principal(
    dev: config.Settings, owners: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert dev.vault
    findings = Findings("dev")
    root = {
        "access_key": "AKIA",
        "region": "us-east-1",
        "iam_endpoint": "",
        "sts_endpoint": "",
        "username_template": VAULT_USERNAME_TEMPLATE,
        "role_arn": "",
    }
    reader: Any = Reported({"aws/config/root": root})
    vault_engine.check_configuration(findings, vault_model.engine(dev, dev.vault), reader, Keys(owners))
    assert false(findings) == expected


def test_a_static_role_is_one_too_many(dev: config.Settings) -> None:
    assert dev.vault
    findings = Findings("dev")
    reader: Any = Reported({}, {"aws/static-roles": ["administrators-key"]})
    roles = vault_model.engine_roles(dev, dev.vault)
    vault_engine.check_roles(findings, dev, vault_model.engine(dev, dev.vault), roles, reader, None)
    assert ("static roles", "administrators-key") in false(findings)


class Topic:
    """SNS, with one subscription; AWS writes PendingConfirmation for its ARN until someone confirms."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def get_paginator(self, operation: str) -> "Topic":
        assert operation == "list_subscriptions_by_topic"
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return [{"Subscriptions": [{"Endpoint": "security@example.com", "SubscriptionArn": self._arn}]}]


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:sns:us-east-1:222222222222:topic:1", []),
        ("PendingConfirmation", [("confirmed subscribers", "nothing")]),
    ],
)
def test_who_has_not_confirmed_gets_no_message(
    dev: config.Settings, arn: str, expected: list[tuple[str, str]]
) -> None:
    assert dev.alarms
    findings = Findings("dev")
    alarms.check_topic(findings, dev, dev.alarms.email, "us-east-1", Topic(arn))
    assert false(findings) == expected


def test_aws_own_policies_are_reported_by_name_whatever_their_path() -> None:
    def attaching(arn: str) -> dict[str, Any]:
        return {"Statement": [{"Sid": "A", "Condition": {"ArnEquals": {"iam:PolicyARN": [arn]}}}]}

    with_path = attaching("arn:aws:iam::aws:policy/job-function/Billing")
    assert canonical(without_aws_paths(with_path)) == canonical(
        without_aws_paths(attaching("arn:aws:iam::aws:policy/Billing"))
    )
    own = attaching("arn:aws:iam::222222222222:policy/job-function/Billing")
    assert without_aws_paths(own) == own


def test_the_printed_policies_only_read(dev: config.Settings) -> None:
    (statement,) = caller_policy(dev)["Statement"]
    verbs = {action.split(":")[1] for action in statement["Action"]}
    assert all(verb.startswith(("Describe", "Generate", "Get", "List", "Simulate")) for verb in verbs)
    text = caller_vault_policy(dev)
    assert not any(f'"{word}"' in text for word in ("create", "update", "delete", "patch"))
    assert text.count("sudo") == 1
    assert 'path "sys/audit"' in text


def _role_with(*policies: str) -> identities.Live:
    attached = [
        {"PolicyArn": f"arn:aws:iam::222222222222:policy/{name}", "PolicyName": name} for name in policies
    ]
    return identities.Live(
        records={"user": {}, "group": {}, "role": {"nodes": {"AttachedManagedPolicies": attached}}},
        policies={},
    )


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (_role_with("vault-secrets-engine", "of-the-platform"), []),
        (_role_with("of-the-platform"), [("policies of the stack", "nothing")]),
        (identities.Live(records={"user": {}, "group": {}, "role": {}}, policies={}), [("exists", MISSING)]),
    ],
)
def test_of_a_role_that_was_there_before_only_the_stacks_own_policies_are_looked_at(
    live: identities.Live, expected: list[tuple[str, str]]
) -> None:
    findings = Findings("dev")
    policy = PolicyName.own("vault-secrets-engine")
    wanted = Identity(kind="role", name="nodes", attached=frozenset({policy}), is_made=False)
    identities.check_identity(findings, None, live, wanted)
    assert false(findings) == expected


class _Summary:
    """IAM as it answers iam:GetAccountSummary."""

    def __init__(self, **found: int) -> None:
        self.found = found

    def get_account_summary(self) -> dict[str, Any]:
        return {"SummaryMap": self.found}


@pytest.mark.parametrize(
    ("stated", "found", "holds"),
    [
        ({}, {}, []),
        ({"managedPoliciesPerRole": 15}, {"AttachedPoliciesPerRoleQuota": 15}, [True]),
        ({"managedPoliciesPerRole": 15}, {"AttachedPoliciesPerRoleQuota": 20}, [True]),
        ({"managedPoliciesPerRole": 15}, {"AttachedPoliciesPerRoleQuota": 10}, [False]),
        ({"managedPoliciesPerUser": 15}, {"AttachedPoliciesPerRoleQuota": 20}, [False]),
        ({"trustPolicyLength": 4096}, {"AssumeRolePolicySizeQuota": 2048}, [False]),
    ],
)
def test_quotas_that_the_file_states_are_the_accounts(
    stated: dict[str, int], found: dict[str, int], holds: list[bool]
) -> None:
    written = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    own = config.load({**written, "iam-hardening:quotas": stated}, project=PROJECT, stack="dev")
    findings = Findings("dev")
    account_checks.check_quotas(findings, own, _Summary(**found))
    assert [outcome.holds for outcome in findings.outcomes] == holds
