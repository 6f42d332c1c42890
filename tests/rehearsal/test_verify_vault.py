"""Vault's half of `iam-hardening verify`: all is well, and then one thing is not, for every kind of claim."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import hvac
import pytest

from iam_hardening.aws.naming import VAULT_BOUNDARY_POLICY, policy_arn
from iam_hardening.claims.findings import Findings
from iam_hardening.clients import vault as vault_access
from iam_hardening.commands.verify.caller_policy import caller_vault_policy, vault_paths
from iam_hardening.commands.verify.run import COULD_NOT, FALSE, HOLDS, run, verify_vault
from rehearsal.testbed import Account, Testbed
from tests.options import options
from tests.rehearsal.verifying import (
    RESOURCE_POLICIES,
    SIMULATED,
    broken,
    found,
    outcomes,
    reported,
)

pytestmark = pytest.mark.engine

Undo = Callable[[], object]


@pytest.fixture
def dev(testbed: Testbed) -> Account:
    return testbed.accounts["dev"]


def looked_at(testbed: Testbed, make_vault: Callable[[], hvac.Client] | None = None) -> Findings:
    """The part of a verification that asks Vault."""
    account = testbed.accounts["dev"]
    findings, stack = Findings("dev"), account.settings
    assert stack.vault
    verify_vault(
        findings,
        stack,
        stack.vault,
        make_vault or testbed.vault,
        account.admin.client("iam"),
        account.stack.outputs()["instance_id"]
        and f"arn:aws:ec2:us-east-1:{account.id}:instance/{account.stack.outputs()['instance_id']}",
    )
    return findings


def false(testbed: Testbed) -> list[tuple[str, str, str]]:
    return [reported(each) for each in looked_at(testbed).false]


def test_what_was_deployed_is_as_its_stack_file_says(testbed: Testbed) -> None:
    findings = looked_at(testbed)
    assert findings.false == []
    assert findings.unchecked == []
    sections = {each.scenario for each in findings.outcomes}
    assert sections == {
        "Vault's mount",
        "Vault's configuration",
        "Vault's roles",
        "Vault's policies",
        "Vault's log-in people",
        "Vault's log-in nightly-report",
        "Vault's log-in github",
        "Vault's log-in identity-provider",
        "Vault's log-in gitlab",
        "Vault's log-in directory",
        "Vault's audit log",
    }


def role_changed(path: str, **changes: Any) -> Callable[[hvac.Client], Undo]:
    """A role of an engine or a log-in, written anew with changes; Vault takes back what it returned."""

    def change(vault: hvac.Client) -> Undo:
        answer = vault.read(path)
        assert answer
        # Only what is set: engines refuse some fields, even empty ones, that a kind of role does not have.
        before = {key: value for key, value in answer["data"].items() if value}
        vault.write_data(path, data={**before, **changes})
        return lambda: vault.write_data(
            path, data={**before, **{key: answer["data"][key] for key in changes}}
        )

    return change


def added(path: str, **data: Any) -> Callable[[hvac.Client], Undo]:
    def add(vault: hvac.Client) -> Undo:
        vault.write_data(path, data=data)
        return lambda: vault.delete(path)

    return add


def policy_written(name: str, text: str) -> Callable[[hvac.Client], Undo]:
    def write(vault: hvac.Client) -> Undo:
        before = vault.read(f"sys/policies/acl/{name}")
        vault.write_data(f"sys/policies/acl/{name}", data={"policy": text})
        if before is None:
            return lambda: vault.delete(f"sys/policies/acl/{name}")
        return lambda: vault.write_data(f"sys/policies/acl/{name}", data={"policy": before["data"]["policy"]})

    return write


def default_widened(vault: hvac.Client) -> Undo:
    answer = vault.read("sys/policies/acl/default")
    assert answer
    wider = answer["data"]["policy"] + 'path "+/creds/test" { capabilities = ["read"] }\n'
    return policy_written("default", wider)(vault)


def leases_lengthened(vault: hvac.Client) -> Undo:
    def tune(default: int, longest: int) -> None:
        data = {"default_lease_ttl": f"{default}s", "max_lease_ttl": f"{longest}s"}
        vault.write_data("sys/mounts/aws/tune", data=data)

    tune(43_200, 86_400)
    return lambda: tune(1800, 3600)


def leases_of_the_engine(vault: hvac.Client) -> Undo:
    vault.write_data("aws/config/lease", data={"lease": "12h", "lease_max": "24h"})
    return lambda: vault.write_data("aws/config/lease", data={"lease": "0s", "lease_max": "0s"})


def audited_in_the_clear(vault: hvac.Client) -> Undo:
    def tune(*names: str) -> None:
        vault.write_data("sys/mounts/aws/tune", data={"audit_non_hmac_response_keys": list(names)})

    tune("access_key", "arn", "secret_key")
    return lambda: tune("access_key", "arn")


def audit_device(vault: hvac.Client) -> dict[str, Any]:
    answer = vault.read("sys/audit")
    assert answer
    device: dict[str, Any] = answer["data"]["file/"]
    return {key: device[key] for key in ("type", "description", "options")}


def audit_switched_off(vault: hvac.Client) -> Undo:
    device = audit_device(vault)
    vault.delete("sys/audit/file")
    return lambda: vault.write_data("sys/audit/file", data=device)


def entity_widened(vault: hvac.Client) -> Undo:
    path = "identity/entity/name/people-alice"
    vault.write_data(path, data={"policies": ["aws-test", "aws-debug-instance", "aws-report"]})
    return lambda: vault.write_data(path, data={"policies": ["aws-test", "aws-debug-instance"]})


EVERYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Sid": "ListBuckets", "Effect": "Allow", "Action": "s3:*", "Resource": "*"},
    }
)
NIGHTLY = "auth/nightly-report/role/nightly-report"
GITHUB = "auth/github/role/github"
PROVIDER = "auth/identity-provider/role/identity-provider"
BESIDE = "Vault policies for its credentials other than the stack's"

# What someone did in Vault, and every claim that must then be false: what, asked, found.
BREAKAGES: Mapping[str, tuple[Callable[[hvac.Client], Undo], list[tuple[str, str, str]]]] = {
    "a role added": (
        added("aws/roles/backdoor", credential_type="iam_user", policy_document=EVERYTHING),
        [("mount aws", "roles other than the stack's", "backdoor")],
    ),
    "a role's policy document widened": (
        role_changed("aws/roles/report", policy_document=EVERYTHING),
        [("aws/roles/report", "policy document", "without ReadReports; another ListBuckets")],
    ),
    "a role for all instances": (
        role_changed("aws/roles/debug-instance", policy_document=EVERYTHING),
        [
            (
                "aws/roles/debug-instance",
                "policy document",
                "without FindInstances; without DebugThisInstance; "
                "without SpeakInOwnSessions; without EndOwnSessions; also ListBuckets",
            )
        ],
    ),
    "a role's managed policies widened": (
        role_changed("aws/roles/test", policy_arns=["arn:aws:iam::aws:policy/AdministratorAccess"]),
        [("aws/roles/test", "managed policies", "AdministratorAccess")],
    ),
    "a role's groups widened": (
        role_changed("aws/roles/report", iam_groups=["analysts", "Administrators"]),
        [("aws/roles/report", "IAM groups", "Administrators, analysts")],
    ),
    "a boundary taken off": (
        role_changed("aws/roles/test", permissions_boundary_arn=""),
        [("aws/roles/test", "permissions boundary", "nothing")],
    ),
    "a role's users outside Vault's path": (
        role_changed("aws/roles/test", user_path="/people/"),
        [("aws/roles/test", "path of users", "/people/")],
    ),
    "sessions of another role": (
        role_changed("aws/roles/verify-data", role_arns=["arn:aws:iam::222222222222:role/test_role"]),
        [("aws/roles/verify-data", "IAM roles", "arn:aws:iam::222222222222:role/test_role")],
    ),
    "longer sessions": (
        role_changed("aws/roles/verify-data", max_sts_ttl=3600),
        [("aws/roles/verify-data", "longest session", "3600 s")],
    ),
    "other session tags": (
        role_changed("aws/roles/verify-data", session_tags={"team": "payroll"}),
        [("aws/roles/verify-data", "session tags", "team=payroll")],
    ),
    "another external ID": (
        role_changed("aws/roles/verify-data", external_id="somebody-elses"),
        [("aws/roles/verify-data", "external ID", "another")],
    ),
    "longer leases": (
        leases_lengthened,
        [("mount aws", "default lease", "43200 s"), ("mount aws", "longest lease", "86400 s")],
    ),
    "a lease of the engine's own": (
        leases_of_the_engine,
        [("aws/config/lease", "lease other than the mount's", "lease=12h0m0s, lease_max=24h0m0s")],
    ),
    "secrets in the audit log": (
        audited_in_the_clear,
        [("mount aws", "not hashed in the audit log", "access_key, arn, secret_key")],
    ),
    "a Vault policy widened": (
        policy_written("aws-test", 'path "aws/creds/*" { capabilities = ["read"] }'),
        [("Vault policy aws-test", "text", "another, for aws/creds/*")],
    ),
    "a session's name left to who asks": (
        policy_written("aws-test", 'path "aws/creds/test" { capabilities = ["read"] }'),
        [("Vault policy aws-test", "text", "another, for aws/creds/test")],
    ),
    "one more Vault policy for the same credentials": (
        policy_written("helpers", 'path "aws/sts/test" { capabilities = ["update"] }'),
        [("mount aws", BESIDE, "helpers (aws/sts/test)")],
    ),
    "everyone's policy widened": (
        default_widened,
        [("mount aws", BESIDE, "default (+/creds/test)")],
    ),
    "a log-in's policies widened": (
        role_changed(NIGHTLY, token_policies=["aws-report", "aws-test"]),
        [(NIGHTLY, "policies", "aws-report, aws-test")],
    ),
    "a log-in without a secret ID": (
        role_changed(NIGHTLY, bind_secret_id=False, token_bound_cidrs=["10.20.0.0/16"]),
        [(NIGHTLY, "asks for a secret ID", "nothing")],
    ),
    "tokens renewed without end": (
        role_changed(NIGHTLY, token_period=3900),
        [(NIGHTLY, "renewed without end (s)", "3900")],
    ),
    "a person's policies widened": (
        entity_widened,
        [("entity people-alice", "policies", "aws-debug-instance, aws-report, aws-test")],
    ),
    "one more person": (
        added("auth/people/users/mallory", password="not-a-secret-of-anybody"),
        [("auth/people", "users other than the stack's", "mallory")],
    ),
    "policies on a person's password": (
        added("auth/people/users/alice", password="not-a-secret-of-anybody", token_policies=["aws-report"]),
        [("auth/people/users/alice", "policies", "aws-report")],
    ),
    "another workflow": (
        role_changed(GITHUB, bound_subject="repo:acme@123456/other@456789:ref:refs/heads/main"),
        [(GITHUB, "bound subject", "repo:acme@123456/other@456789:ref:refs/heads/main")],
    ),
    "claims compared by pattern": (
        role_changed(PROVIDER, bound_claims_type="glob", bound_claims={"groups": "*"}),
        [(PROVIDER, "bound claims", "groups=*"), (PROVIDER, "claims are compared", "glob")],
    ),
    "one more role of a log-in": (
        added(
            "auth/github/role/other",
            role_type="jwt",
            user_claim="actor",
            bound_audiences=["https://vault.example.com"],
            bound_subject="repo:acme@123456/other@456789:ref:refs/heads/main",
        ),
        [("auth/github", "roles other than the stack's", "other")],
    ),
    "the audit log switched off": (
        audit_switched_off,
        [("audit device file", "type and options", "not there")],
    ),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_what_somebody_changed_in_vault_is_a_false_claim(testbed: Testbed, breakage: str) -> None:
    break_it, expected = BREAKAGES[breakage]
    with broken(testbed.vault(), break_it):
        assert false(testbed) == expected
    assert false(testbed) == []


def boundary_without_its_denial(account: Account) -> Undo:
    iam = account.admin.client("iam")
    arn = policy_arn("aws", account.id, VAULT_BOUNDARY_POLICY)
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    kept = [each for each in document["Statement"] if each["Sid"] != "DenyWhatWouldOutliveTheLease"]
    made = iam.create_policy_version(
        PolicyArn=arn,
        PolicyDocument=json.dumps({**document, "Statement": kept}),
        SetAsDefault=True,
    )["PolicyVersion"]["VersionId"]

    def undo() -> None:
        iam.set_default_policy_version(PolicyArn=arn, VersionId=version)
        iam.delete_policy_version(PolicyArn=arn, VersionId=made)

    return undo


def vault_made_administrator(account: Account) -> Undo:
    iam = account.admin.client("iam")
    everything = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_user_policy(UserName="vault-secrets-engine", PolicyArn=everything)
    return lambda: iam.detach_user_policy(UserName="vault-secrets-engine", PolicyArn=everything)


def anybody_may_take_vaults_role(account: Account) -> Undo:
    iam = account.admin.client("iam")
    trusted = iam.get_role(RoleName="vault-aws-verify-data")["Role"]["AssumeRolePolicyDocument"]
    wider = json.loads(json.dumps(trusted).replace("user/vault-secrets-engine", "root"))
    iam.update_assume_role_policy(RoleName="vault-aws-verify-data", PolicyDocument=json.dumps(wider))
    return lambda: iam.update_assume_role_policy(
        RoleName="vault-aws-verify-data", PolicyDocument=json.dumps(trusted)
    )


IN_AWS: Mapping[str, tuple[Callable[[Account], Undo], list[tuple[str, str, str]]]] = {
    "a boundary without its denial": (
        boundary_without_its_denial,
        [("policy vault-issued-user-boundary", "document", "without DenyWhatWouldOutliveTheLease")],
    ),
    "Vault an administrator": (
        vault_made_administrator,
        [
            (
                "user vault-secrets-engine",
                "attached policies",
                "AdministratorAccess, vault-secrets-engine (own)",
            )
        ],
    ),
    "the whole account trusted with Vault's role": (
        anybody_may_take_vaults_role,
        [
            (
                "role vault-aws-verify-data",
                "trust policy",
                "another AllowVault; another AllowVaultToTagItsSessions",
            )
        ],
    ),
}


@pytest.mark.parametrize("breakage", IN_AWS)
def test_what_somebody_changed_of_vaults_in_aws_is_a_false_claim(
    testbed: Testbed, dev: Account, breakage: str
) -> None:
    break_it, expected = IN_AWS[breakage]
    with broken(dev, break_it):
        false = [
            each for each in found(testbed, dev).false if each.scenario not in (SIMULATED, RESOURCE_POLICIES)
        ]
    assert [reported(each) for each in false] == expected
    assert found(testbed, dev).false == []


def test_a_policy_of_administrators_is_named_and_not_judged(testbed: Testbed) -> None:
    everything = policy_written("admins", 'path "*" { capabilities = ["read", "update", "sudo"] }')
    with broken(testbed.vault(), everything):
        findings = looked_at(testbed)
    assert findings.false == []
    assert findings.notes == ["Vault policy admins is not this stack's and reaches *"]


@contextmanager
def token_of(testbed: Testbed, text: str) -> Iterator[str]:
    """A token with one policy, without even what every token may do."""
    vault = testbed.vault()
    vault.write_data("sys/policies/acl/verifier", data={"policy": text})
    made = vault.auth.token.create(policies=["verifier"], no_default_policy=True, ttl="1h")
    try:
        yield made["auth"]["client_token"]
    finally:
        vault.auth.token.revoke(made["auth"]["client_token"])
        vault.delete("sys/policies/acl/verifier")


def test_the_printed_policy_is_all_that_the_callers_token_needs(testbed: Testbed, dev: Account) -> None:
    with token_of(testbed, caller_vault_policy(dev.settings)) as token:
        findings = found(testbed, dev, vault_token=token)
    assert findings.unchecked == []
    assert outcomes(findings) == outcomes(found(testbed, dev))


def test_every_path_of_the_printed_policy_is_missed_where_it_lacks(testbed: Testbed, dev: Account) -> None:
    assert dev.settings.vault
    paths = dict(vault_paths(dev.settings.vault))
    # Whoever has no password is no user, and then there is nothing to read about one.
    with broken(testbed.vault(), added("auth/people/users/alice", password="not-a-secret-of-anybody")):
        for left_out in paths:
            blocks = [
                f'path "{path}" {{ capabilities = {json.dumps(capabilities)} }}'
                for path, capabilities in paths.items()
                if path != left_out
            ]
            with token_of(testbed, "\n".join(blocks)) as token:
                findings = looked_at(testbed, partial(testbed.vault, token))
            its_lines = (
                "Asking Vault whose token this is failed"
                if left_out == "auth/token/lookup-self"
                else f" {left_out.removesuffix('*')}"
            )
            assert findings.unchecked, left_out
            assert [line for line in findings.unchecked if its_lines not in line] == []
            assert findings.false == []


def test_a_token_that_is_no_longer_good_is_reported_as_that(testbed: Testbed) -> None:
    (line,) = looked_at(testbed, lambda: testbed.vault("s.gone")).unchecked
    assert line.startswith("Vault: ")
    assert "the Vault token is not valid or has expired" in line


def test_a_vault_that_does_not_answer_is_unchecked(testbed: Testbed) -> None:
    nobody = hvac.Client(url="http://127.0.0.1:9", token="s.any")
    findings = looked_at(testbed, lambda: nobody)
    assert findings.outcomes == []
    (line,) = findings.unchecked
    assert "does not answer" in line


def test_without_an_address_vault_is_unchecked_and_nothing_of_it_is_green(testbed: Testbed) -> None:
    findings = looked_at(testbed, lambda: vault_access.client({}))
    assert findings.outcomes == []
    assert findings.unchecked == [
        "Vault: VAULT_ADDR is not set: export VAULT_ADDR=https://… , your Vault's address."
    ]


def test_the_command_ends_with_2_without_vault_with_0_with_it_and_with_1_where_it_differs(
    testbed: Testbed, dev: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(testbed.directory / "project")
    keys = dev.admin.credentials
    monkeypatch.setenv("AWS_ENDPOINT_URL", testbed.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret_access_key)
    monkeypatch.delenv("VAULT_ADDR", raising=False)
    assert run(**options(["--stack", "dev"])) == COULD_NOT
    printed = capsys.readouterr().out
    assert "VAULT_ADDR is not set" in printed
    assert "1 parts were not looked at" in printed

    # The stack file says neither where the emulated AWS is nor where the rehearsal's audit log is.
    monkeypatch.setenv("VAULT_ADDR", testbed.vault_address)
    monkeypatch.setenv("VAULT_TOKEN", testbed.vault_token)
    assert run(**options(["--stack", "dev"])) == HOLDS
    assert "127.0.0.1" not in capsys.readouterr().out
    with broken(testbed.vault(), default_widened):
        assert run(**options(["--stack", "dev"])) == FALSE
