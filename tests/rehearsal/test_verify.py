"""`iam-hardening verify` against deployed stacks: all is well, and then one thing is not, for every kind of
claim."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from iam_hardening.aws.naming import (
    ALARMS,
    ENFORCE_MFA_POLICY,
    SESSION_DOCUMENT,
    SESSION_LOG_GROUP,
    TRAIL,
    policy_arn,
)
from iam_hardening.claims import resource_policies
from iam_hardening.clients.aws import Credentials, Session
from iam_hardening.clients.operator import CannotError
from iam_hardening.commands.verify.caller_policy import caller_policy
from rehearsal.testbed import Account, Testbed, enrol
from tests.rehearsal.verifying import RESOURCE_POLICIES, SIMULATED, broken, found, outcomes, reported

pytestmark = pytest.mark.engine

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def central(testbed: Testbed) -> Account:
    return testbed.accounts["central"]


@pytest.fixture
def dev(testbed: Testbed) -> Account:
    return testbed.accounts["dev"]


def false(testbed: Testbed, account: Account) -> list[tuple[str, str, str]]:
    """What, asked, found; what the simulator found beside it is compared separately."""
    return [
        reported(each)
        for each in found(testbed, account).false
        if each.scenario not in (SIMULATED, RESOURCE_POLICIES)
    ]


def simulated_false(testbed: Testbed, account: Account) -> set[tuple[str, str]]:
    return {reported(each)[:2] for each in found(testbed, account).false if each.scenario == SIMULATED}


@pytest.mark.parametrize("name", ["central", "dev"])
def test_what_was_deployed_is_as_its_stack_file_says(testbed: Testbed, name: str) -> None:
    findings = found(testbed, testbed.accounts[name])
    assert findings.false == []
    assert findings.unchecked == []
    assert len(findings.outcomes) > 20


def attach(account: Account) -> Callable[[], object]:
    iam = account.admin.client("iam")
    iam.attach_group_policy(GroupName="Auditors", PolicyArn=READ_ONLY)
    return lambda: iam.detach_group_policy(GroupName="Auditors", PolicyArn=READ_ONLY)


def inline(account: Account) -> Callable[[], object]:
    iam = account.admin.client("iam")
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam.put_user_policy(UserName="Auditor", PolicyName="own", PolicyDocument=json.dumps(everything))
    return lambda: iam.delete_user_policy(UserName="Auditor", PolicyName="own")


def promote(account: Account) -> Callable[[], object]:
    iam = account.admin.client("iam")
    iam.add_user_to_group(GroupName="Administrators", UserName="Auditor")
    return lambda: iam.remove_user_from_group(GroupName="Administrators", UserName="Auditor")


def drop_a_denial(account: Account) -> Callable[[], object]:
    iam = account.admin.client("iam")
    arn = policy_arn("aws", account.id, ENFORCE_MFA_POLICY)
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    version = policy["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    weaker = {
        **document,
        "Statement": [s for s in document["Statement"] if s["Sid"] != "DenyOthersUsersIfNoMFA"],
    }
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(weaker), SetAsDefault=True)[
        "PolicyVersion"
    ]["VersionId"]

    def undo() -> None:
        iam.set_default_policy_version(PolicyArn=arn, VersionId=version)
        iam.delete_policy_version(PolicyArn=arn, VersionId=made)

    return undo


def widen_trust(account: Account) -> Callable[[], object]:
    iam = account.admin.client("iam")
    trusted = iam.get_role(RoleName="test_role")["Role"]["AssumeRolePolicyDocument"]
    (statement,) = trusted["Statement"]
    wider = {**trusted, "Statement": [{k: v for k, v in statement.items() if k != "Condition"}]}
    iam.update_assume_role_policy(RoleName="test_role", PolicyDocument=json.dumps(wider))
    return lambda: iam.update_assume_role_policy(RoleName="test_role", PolicyDocument=json.dumps(trusted))


def take_the_boundary_off(account: Account) -> Callable[[], object]:
    iam = account.admin.client("iam")
    boundary = iam.get_role(RoleName="bounded_role")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    iam.delete_role_permissions_boundary(RoleName="bounded_role")
    return lambda: iam.put_role_permissions_boundary(RoleName="bounded_role", PermissionsBoundary=boundary)


def lengthen_sessions(account: Account) -> Callable[[], object]:
    iam = account.admin.client("iam")
    iam.update_role(RoleName="test_role", MaxSessionDuration=43_200)
    return lambda: iam.update_role(RoleName="test_role", MaxSessionDuration=7200)


def weaken_passwords(account: Account) -> Callable[[], object]:
    iam = account.admin.client("iam")
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    kept = {name: value for name, value in policy.items() if name != "ExpirePasswords"}
    iam.update_account_password_policy(**{**kept, "MinimumPasswordLength": 6})
    return lambda: iam.update_account_password_policy(**kept)


def make_a_root_key(account: Account) -> Callable[[], object]:
    iam = account.root.client("iam")
    key = iam.create_access_key()["AccessKey"]["AccessKeyId"]
    return lambda: iam.delete_access_key(AccessKeyId=key)


def lose_a_device(account: Account) -> Callable[[], object]:
    iam = account.admin.client("iam")
    (device,) = iam.list_mfa_devices(UserName="Auditor")["MFADevices"]
    serial = device["SerialNumber"]
    iam.deactivate_mfa_device(UserName="Auditor", SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    return lambda: enrol(account.admin, "Auditor")


def switch_encryption_off(account: Account) -> Callable[[], object]:
    ec2 = account.admin.in_region("eu-central-1").client("ec2")
    ec2.disable_ebs_encryption_by_default()
    return lambda: ec2.enable_ebs_encryption_by_default()


def switch_root_sessions_off(account: Account) -> Callable[[], object]:
    iam = account.admin.client("iam")
    iam.disable_organizations_root_sessions()
    return lambda: iam.enable_organizations_root_sessions()


def silence_an_alarm(account: Account) -> Callable[[], object]:
    events = account.admin.in_region("eu-central-1").client("events")
    events.disable_rule(Name="root-activity")
    rule = events.describe_rule(Name="root-activity")
    state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    return lambda: events.put_rule(
        Name="root-activity",
        EventPattern=rule["EventPattern"],
        State=state,
        Description=rule["Description"],
    )


def blunt_an_alarm(account: Account) -> Callable[[], object]:
    events = account.admin.client("events")
    rule = events.describe_rule(Name="iam-changes")
    kept = {key: rule[key] for key in ("Name", "State", "Description")}
    events.put_rule(**kept, EventPattern=json.dumps({"source": ["aws.iam"], "detail": {"eventName": ["X"]}}))
    return lambda: events.put_rule(**kept, EventPattern=rule["EventPattern"])


def send_an_alarm_elsewhere(account: Account) -> Callable[[], object]:
    events = account.admin.client("events")
    (target,) = events.list_targets_by_rule(Rule="iam-changes")["Targets"]
    events.put_targets(
        Rule="iam-changes", Targets=[{**target, "Arn": "arn:aws:sns:us-east-1:222222222222:nobody"}]
    )
    return lambda: events.put_targets(Rule="iam-changes", Targets=[target])


def stop_the_trail(account: Account) -> Callable[[], object]:
    cloudtrail = account.admin.client("cloudtrail")
    cloudtrail.stop_logging(Name=TRAIL)
    return lambda: cloudtrail.start_logging(Name=TRAIL)


def subscribe_somebody(account: Account) -> Callable[[], object]:
    sns = account.admin.client("sns")
    topic = f"arn:aws:sns:us-east-1:{account.id}:{ALARMS}"
    made = sns.subscribe(
        TopicArn=topic, Protocol="email", Endpoint="else@example.com", ReturnSubscriptionArn=True
    )
    return lambda: sns.unsubscribe(SubscriptionArn=made["SubscriptionArn"])


def second_key_of_vault(account: Account) -> Callable[[], object]:
    iam = account.admin.client("iam")
    key = iam.create_access_key(UserName="vault-secrets-engine")["AccessKey"]["AccessKeyId"]
    return lambda: iam.delete_access_key(UserName="vault-secrets-engine", AccessKeyId=key)


def key_for_emergencies(account: Account) -> Callable[[], object]:
    iam = account.admin.client("iam")
    key = iam.create_access_key(UserName="break-glass")["AccessKey"]["AccessKeyId"]
    return lambda: iam.delete_access_key(UserName="break-glass", AccessKeyId=key)


def lengthen_shells(account: Account) -> Callable[[], object]:
    """As the console does: a new version, and it counts."""
    ssm = account.admin.client("ssm")
    kept = ssm.get_document(Name=SESSION_DOCUMENT)
    written = json.loads(kept["Content"])
    inputs = {name: value for name, value in written["inputs"].items() if name != "maxSessionDuration"}

    def put(content: str) -> None:
        made = ssm.update_document(Name=SESSION_DOCUMENT, Content=content, DocumentVersion="$LATEST")
        version = made["DocumentDescription"]["DocumentVersion"]
        ssm.update_document_default_version(Name=SESSION_DOCUMENT, DocumentVersion=version)

    put(json.dumps({**written, "inputs": {**inputs, "cloudWatchLogGroupName": ""}}))
    return lambda: put(kept["Content"])


def keep_shells_for_a_day(account: Account) -> Callable[[], object]:
    logs = account.admin.client("logs")
    logs.put_retention_policy(logGroupName=SESSION_LOG_GROUP, retentionInDays=1)
    return lambda: logs.put_retention_policy(logGroupName=SESSION_LOG_GROUP, retentionInDays=365)


# What someone did, in which account, and every claim that must then be false: what, asked, found.
BREAKAGES: Mapping[str, tuple[Callable[[Account], Callable[[], object]], str, list[tuple[str, str, str]]]] = {
    "a policy attached by hand": (
        attach,
        "central",
        [
            (
                "group Auditors",
                "attached policies",
                "ReadOnlyAccess, SecurityAudit, assume-roles-Auditors (own), enforce-to-use-mfa (own), "
                "self-service-password-and-mfa (own)",
            )
        ],
    ),
    "an inline policy": (inline, "central", [("user Auditor", "inline policies", "own")]),
    "a new administrator": (
        promote,
        "central",
        [
            ("group Administrators", "members", "Administrator, Auditor"),
            ("user Auditor", "groups", "Administrators, Auditors"),
        ],
    ),
    "a removed denial": (
        drop_a_denial,
        "central",
        [("policy enforce-to-use-mfa", "document", "without DenyOthersUsersIfNoMFA")],
    ),
    "a widened trust": (
        widen_trust,
        "dev",
        [("role test_role", "trust policy", "another AllowTheCentralAccount")],
    ),
    "a boundary taken off": (
        take_the_boundary_off,
        "dev",
        [("role bounded_role", "permissions boundary", "nothing")],
    ),
    "longer sessions": (lengthen_sessions, "dev", [("role test_role", "longest session", "43200 s")]),
    "a weaker password policy": (
        weaken_passwords,
        "dev",
        [("password policy", "minimum_password_length", "6")],
    ),
    "a root access key": (make_a_root_key, "central", [("root user", "access keys", "1")]),
    "a lost device": (lose_a_device, "central", [("user Auditor", "MFA device", "false")]),
    "encryption switched off in one region": (
        switch_encryption_off,
        "dev",
        [("new volumes in eu-central-1", "encrypted", "False")],
    ),
    "root sessions switched off": (
        switch_root_sessions_off,
        "central",
        [("organisation", "central root access", "RootCredentialsManagement")],
    ),
    "an alarm switched off in one region": (
        silence_an_alarm,
        "dev",
        [("alarm root-activity in eu-central-1", "state", "DISABLED")],
    ),
    "an alarm that nothing sets off": (
        blunt_an_alarm,
        "dev",
        [("alarm iam-changes in us-east-1", "pattern", "another")],
    ),
    "an alarm that goes elsewhere": (
        send_an_alarm_elsewhere,
        "dev",
        [("alarm iam-changes in us-east-1", "sends to", "arn:aws:sns:us-east-1:222222222222:nobody")],
    ),
    "someone else who reads alarms along": (
        subscribe_somebody,
        "dev",
        [
            (
                f"topic {ALARMS} in us-east-1",
                "confirmed subscribers",
                "else@example.com, security@example.com",
            )
        ],
    ),
    "a trail that writes nothing": (stop_the_trail, "dev", [(f"trail {TRAIL}", "writes", "False")]),
    "shells without an end and without a log": (
        lengthen_shells,
        "dev",
        [
            (f"document {SESSION_DOCUMENT}", "cloudWatchLogGroupName", "nothing"),
            (f"document {SESSION_DOCUMENT}", "maxSessionDuration", "nothing"),
        ],
    ),
    "shells' logs that are gone tomorrow": (
        keep_shells_for_a_day,
        "dev",
        [(f"log group {SESSION_LOG_GROUP}", "days kept", "1")],
    ),
    "a second key of Vault's": (
        second_key_of_vault,
        "dev",
        [("user vault-secrets-engine", "active access keys", "2")],
    ),
    "a key of the break-glass user": (
        key_for_emergencies,
        "central",
        [("user break-glass", "active access keys", "1")],
    ),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_what_somebody_changed_by_hand_is_a_false_claim(testbed: Testbed, breakage: str) -> None:
    break_it, stack, expected = BREAKAGES[breakage]
    account = testbed.accounts[stack]
    with broken(account, break_it):
        assert false(testbed, account) == expected
    assert found(testbed, account).false == []


def test_a_removed_denial_shows_in_what_people_may_do_as_well(testbed: Testbed, central: Account) -> None:
    with broken(central, drop_a_denial):
        reached = simulated_false(testbed, central)
    stolen = "iam:GetMFADevice on arn:aws:iam::111111111111:user/somebody-else, MFA absent"
    assert ("user Administrator", stolen) in reached


def test_a_policy_attached_by_hand_that_widens_nothing_claimed_is_found_by_its_name_only(
    testbed: Testbed, central: Account
) -> None:
    with broken(central, attach):
        assert simulated_false(testbed, central) == set()
        assert false(testbed, central)


def test_an_inline_policy_that_allows_everything_shows_in_what_the_person_may_do(
    testbed: Testbed, central: Account
) -> None:
    with broken(central, inline):
        reached = simulated_false(testbed, central)
    assert (
        "user people/audit/Auditor",
        "iam:TagUser on arn:aws:iam::111111111111:user/people/audit/Auditor, MFA present",
    ) in reached


def admit_everybody(resource_id: resource_policies.ResourceId) -> Callable[[Account], Callable[[], object]]:
    """To a key, a topic or a bucket: whatever its statements allow, they allow anyone."""

    def break_it(account: Account) -> Callable[[], object]:
        here = account.admin.in_region(resource_id.region)

        def put(policy: dict[str, Any]) -> None:
            text = json.dumps(policy)
            if resource_id.kind == "key":
                key = here.client("kms").describe_key(KeyId=resource_id.name)["KeyMetadata"]["KeyId"]
                here.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=text)
            elif resource_id.kind == "topic":
                here.client("sns").set_topic_attributes(
                    TopicArn=resource_id.name, AttributeName="Policy", AttributeValue=text
                )
            else:
                here.client("s3").put_bucket_policy(Bucket=resource_id.name, Policy=text)

        policy = resource_policies.read(
            lambda service, region: account.admin.in_region(region).client(service), resource_id
        )
        put({**policy, "Statement": [{**each, "Principal": "*"} for each in policy["Statement"]]})
        return lambda: put(policy)

    return break_it


STRANGER = "account 999999999999"


@pytest.mark.parametrize(
    ("break_it", "claim", "let_in"),
    [
        (widen_trust, "role test_role", "sts:AssumeRole by account 111111111111 (no aws:MultiFactorAuthAge)"),
        (
            admit_everybody(
                resource_policies.ResourceId(kind="key", name="alias/vault-server", region="us-east-1")
            ),
            "key vault-server",
            f"kms:Decrypt by {STRANGER}",
        ),
        (
            admit_everybody(
                resource_policies.ResourceId(
                    kind="topic",
                    name=f"arn:aws:sns:eu-central-1:222222222222:{ALARMS}",
                    region="eu-central-1",
                )
            ),
            f"topic {ALARMS}",
            f"sns:Publish by {STRANGER}",
        ),
        (
            admit_everybody(
                resource_policies.ResourceId(
                    kind="bucket", name=f"{TRAIL}-222222222222-us-east-1", region="us-east-1"
                )
            ),
            f"bucket {TRAIL}-222222222222-us-east-1",
            f"s3:GetBucketAcl by {STRANGER}",
        ),
    ],
    ids=["role", "key", "topic", "bucket"],
)
def test_a_door_that_was_opened_by_hand_lets_somebody_in(
    testbed: Testbed,
    dev: Account,
    break_it: Callable[[Account], Callable[[], object]],
    claim: str,
    let_in: str,
) -> None:
    with broken(dev, break_it):
        wrong = {reported(each) for each in found(testbed, dev).false if each.scenario == RESOURCE_POLICIES}
    assert (claim, let_in, "allowed") in wrong
    assert {where for where, _, _ in wrong} == {claim}
    assert not [each for each in found(testbed, dev).false if each.scenario == RESOURCE_POLICIES]


def test_a_stranger_who_administers_the_account_is_named_and_not_judged(
    testbed: Testbed, central: Account
) -> None:
    strangers = list(map(str, found(testbed, central).strangers))
    assert "user bootstrap-administrator is not this stack's and holds AdministratorAccess" in strangers


def plant(account: Account) -> Callable[[], object]:
    """One of each kind, as an intruder might leave it."""
    iam = account.admin.client("iam")
    everything = json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:Put*", "Resource": "*"}}
    )
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123412341234:root"},
        "Action": "sts:AssumeRole",
    }
    iam.create_role(
        RoleName="planted-role",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    iam.create_user(UserName="planted-user")
    iam.put_user_policy(UserName="planted-user", PolicyName="own", PolicyDocument=everything)
    key = iam.create_access_key(UserName="planted-user")["AccessKey"]["AccessKeyId"]
    ssh = iam.upload_ssh_public_key(UserName="planted-user", SSHPublicKeyBody="ssh-ed25519 AAAA")
    service = iam.create_service_specific_credential(
        UserName="planted-user", ServiceName="codecommit.amazonaws.com"
    )
    oidc = iam.create_open_id_connect_provider(
        Url="https://planted.example.com", ClientIDList=["a"], ThumbprintList=["0" * 40]
    )["OpenIDConnectProviderArn"]
    saml = iam.create_saml_provider(Name="planted", SAMLMetadataDocument="x" * 1000)["SAMLProviderArn"]
    iam.create_user(UserName="vault-planted", Path="/vault/")

    def undo() -> None:
        iam.delete_role(RoleName="planted-role")
        iam.delete_user_policy(UserName="planted-user", PolicyName="own")
        iam.delete_access_key(UserName="planted-user", AccessKeyId=key)
        iam.delete_ssh_public_key(
            UserName="planted-user", SSHPublicKeyId=ssh["SSHPublicKey"]["SSHPublicKeyId"]
        )
        iam.delete_service_specific_credential(
            UserName="planted-user",
            ServiceSpecificCredentialId=service["ServiceSpecificCredential"]["ServiceSpecificCredentialId"],
        )
        iam.delete_user(UserName="planted-user")
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=oidc)
        iam.delete_saml_provider(SAMLProviderArn=saml)
        iam.delete_user(UserName="vault-planted")

    return undo


@pytest.mark.parametrize("name", ["central", "dev"])
def test_what_was_planted_is_reported(testbed: Testbed, name: str) -> None:
    account = testbed.accounts[name]
    before = set(map(str, found(testbed, account).strangers))
    with broken(account, plant):
        findings = found(testbed, account)
    new = [fact for fact in findings.strangers if str(fact) not in before]
    assert {(fact.kind, fact.what) for fact in new} == {
        ("trust", "role planted-role"),
        ("administrator", "user planted-user"),
        ("access key", "user planted-user"),
        ("SSH key", "user planted-user"),
        ("service credential", "user planted-user"),
        ("identity provider", "OIDC provider planted.example.com"),
        ("identity provider", "SAML provider planted"),
        ("user of Vault", "user vault-planted"),
    }
    says = {fact.kind: fact.says for fact in new}
    assert says["trust"] == "trusts account 123412341234, which no stack file knows"
    assert says["administrator"] == (
        "is not this stack's and holds the inline policy own (administrator's rights)"
    )
    assert says["access key"].endswith("never used")
    assert findings.false == []
    assert set(map(str, found(testbed, account).strangers)) == before


@contextmanager
def caller_with(account: Account, policy: dict[str, Any]) -> Iterator[Session]:
    """A session of a role with one policy: users have some rights from the password policy as well."""
    iam = account.admin.client("iam")
    trusted = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account.id}:root"},
        "Action": "sts:AssumeRole",
    }
    role = iam.create_role(
        RoleName="verifier",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trusted}),
    )["Role"]
    iam.put_role_policy(RoleName="verifier", PolicyName="verify", PolicyDocument=json.dumps(policy))
    answer = account.admin.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="verify")
    try:
        yield account.admin.with_credentials(Credentials.of(answer["Credentials"]))
    finally:
        iam.delete_role_policy(RoleName="verifier", PolicyName="verify")
        iam.delete_role(RoleName="verifier")


@pytest.mark.parametrize("name", ["central", "dev"])
def test_the_printed_policy_is_all_that_the_caller_needs_and_every_action_of_it(
    testbed: Testbed, name: str
) -> None:
    account = testbed.accounts[name]
    needed = caller_policy(account.settings)
    with caller_with(account, needed) as caller:
        findings = found(testbed, account, caller)
        assert findings.unchecked == []
        assert outcomes(findings) == outcomes(found(testbed, account))
    (statement,) = needed["Statement"]
    for action in statement["Action"]:
        fewer = {**statement, "Action": [each for each in statement["Action"] if each != action]}
        with caller_with(account, {**needed, "Statement": [fewer]}) as caller:
            assert {line.split("it takes ")[1] for line in found(testbed, account, caller).unchecked} == {
                action
            }


def test_credentials_of_another_account_are_refused_before_anything_is_looked_at(
    testbed: Testbed, central: Account, dev: Account
) -> None:
    with pytest.raises(
        CannotError, match=r"credentials of the account 222222222222.*is the account 111111111111"
    ):
        found(testbed, central, dev.admin)
