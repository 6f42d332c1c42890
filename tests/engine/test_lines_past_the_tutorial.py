"""Lines of a stack file past the tutorial: taken out, each takes what it made with it and nothing else.

The real program, engine and emulated AWS, with the fake providers for providers (docs/fake-providers.md).
Previews: what the engine would do. That a deletion then succeeds, `test_changes.py` and each rehearsal's
destroy show.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.automation import EngineEvent

from rehearsal.project import Project
from rehearsal.testbed import FAKE_PROVIDERS, Testbed, running_testbed
from tests.engine.test_changes import REMOVED, Changes, Steps, changed, steps
from tests.stack_files import ROOT

pytestmark = pytest.mark.engine

REGIONS = ["us-east-1", "eu-central-1"]
CENTRAL: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["111111111111"],
    "iam-hardening:accountKind": "central",
    "iam-hardening:protect": False,
    "iam-hardening:regions": REGIONS,
    "iam-hardening:organizationRootAccess": True,
    "iam-hardening:accountDefaults": {"imdsv2": True, "s3PublicAccessBlock": True},
    "iam-hardening:onboarding": "strict",
    "iam-hardening:breakGlass": {"user": "break-glass"},
    "iam-hardening:standardRoles": ["support", "security-audit"],
    "iam-hardening:alarms": {"email": "security@example.com"},
    "iam-hardening:groups": {"Administrators": {"managedPolicies": ["AdministratorAccess"]}},
    "iam-hardening:users": {"Administrator": {"groups": ["Administrators"]}},
}


def key(name: str, *path: str) -> tuple[str, ...]:
    return (f"iam-hardening:{name}", *path)


def deleted(*resources: tuple[str, str]) -> Steps:
    return {("delete", kind, name) for kind, name in resources}


def of_alarm(rule: str, *regions: str) -> Steps:
    return deleted(
        *((kind, f"alarms-{rule}-{region}") for region in regions for kind in ("EventRule", "EventTarget"))
    )


def topics(*regions: str) -> Steps:
    kinds = ("Key", "Alias", "Topic", "TopicPolicy", "TopicSubscription")
    return deleted(*((kind, f"alarms-{region}") for region in regions for kind in kinds))


TOPIC_POLICIES = {("update", "TopicPolicy", f"alarms-{region}") for region in REGIONS}
TRAIL = deleted(
    *((kind, "trail") for kind in ("Bucket", "BucketPolicy", "BucketPublicAccessBlock", "BucketVersioning")),
    # The component and its trail have the same type's last word and name.
    ("Trail", "trail"),
)
ALL_RULES = (
    of_alarm("root-activity", *REGIONS)
    | of_alarm("sign-in-without-mfa", *REGIONS)
    | of_alarm("break-glass-use", *REGIONS)
    | of_alarm("key-changes", *REGIONS)
    | of_alarm("iam-changes", "us-east-1")
)
BREAK_GLASS = deleted(
    ("Person", "break-glass"),
    ("User", "break-glass"),
    ("UserLoginProfile", "break-glass"),
    ("UserGroupMembership", "break-glass"),
    ("PeopleGroup", "BreakGlass"),
    ("Group", "BreakGlass"),
    ("Policy", "policy/break-glass-no-access-keys"),
    ("GroupPolicyAttachment", "BreakGlass-AdministratorAccess"),
    ("GroupPolicyAttachment", "BreakGlass-break-glass-no-access-keys"),
    ("GroupPolicyAttachment", "BreakGlass-enforce-mfa"),
)

# What is taken out → the change, and everything that the engine would do.
LINES: dict[str, tuple[Changes, Steps]] = {
    "nothing": ({}, set()),
    "central root access": (
        {key("organizationRootAccess"): REMOVED},
        deleted(("CentralRootAccess", "root-access"), ("OrganizationsFeatures", "root-access")),
    ),
    "a standard role": (
        {key("standardRoles"): ["security-audit"]},
        deleted(
            ("CrossAccountRole", "support"),
            ("Role", "support"),
            ("RolePolicyAttachment", "support-AWSSupportAccess"),
            ("RolePoliciesExclusive", "support-inline-policies"),
        ),
    ),
    "the break-glass user, and the alarm on it": (
        {key("breakGlass"): REMOVED},
        BREAK_GLASS | of_alarm("break-glass-use", *REGIONS) | TOPIC_POLICIES,
    ),
    "strict onboarding": ({key("onboarding"): REMOVED}, {("update", "Policy", "mfa-enforce")}),
    "IMDSv2 for new instances": (
        {key("accountDefaults", "imdsv2"): REMOVED},
        deleted(*(("InstanceMetadataDefaults", f"account-defaults-imdsv2-{region}") for region in REGIONS)),
    ),
    "the public access block": (
        {key("accountDefaults", "s3PublicAccessBlock"): REMOVED},
        deleted(("AccountPublicAccessBlock", "account-defaults-s3-public-access")),
    ),
    "encryption by default": (
        {key("accountDefaults", "ebsEncryption"): False},
        deleted(*(("EncryptionByDefault", f"account-defaults-ebs-encryption-{r}") for r in REGIONS)),
    ),
    "the analyzers": (
        {key("accountDefaults", "accessAnalyzer"): False},
        deleted(
            ("AccessAnalyzer", "access-analyzer"),
            *(("Analyzer", f"access-analyzer-{region}") for region in REGIONS),
        ),
    ),
    "an alarm": (
        {key("alarms", "signInWithoutMfa"): False},
        of_alarm("sign-in-without-mfa", *REGIONS) | TOPIC_POLICIES,
    ),
    "all alarms, with their trail": (
        {key("alarms"): REMOVED},
        ALL_RULES | topics(*REGIONS) | TRAIL | deleted(("Alarms", "alarms")),
    ),
    "the trail, for one that is there already": (
        {key("alarms", "trail"): "arn:aws:cloudtrail:us-east-1:333333333333:trail/organization"},
        TRAIL,
    ),
    "a region": (
        {key("regions"): ["us-east-1"]},
        topics("eu-central-1")
        | {step for step in ALL_RULES if step[2].endswith("eu-central-1")}
        | deleted(
            ("Analyzer", "access-analyzer-eu-central-1"),
            ("EncryptionByDefault", "account-defaults-ebs-encryption-eu-central-1"),
            ("InstanceMetadataDefaults", "account-defaults-imdsv2-eu-central-1"),
        ),
    ),
}


class Live:
    def __init__(self, testbed: Testbed) -> None:
        self.testbed = testbed
        self.engine = testbed.accounts["central"].stack.engine

    def write(self, changes: Changes) -> None:
        file = self.testbed.directory / "project" / "Pulumi.central.yaml"
        kept = yaml.safe_load(file.read_text())
        config = changed(copy.deepcopy(CENTRAL), changes)
        file.write_text(yaml.safe_dump(kept | {"config": config}, sort_keys=False))

    def preview(self, changes: Changes) -> Steps:
        self.write(changes)
        events: list[EngineEvent] = []
        self.engine.preview(on_event=events.append)
        return steps(events)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    stack_files = tmp_path_factory.mktemp("stack-files")
    (stack_files / "Pulumi.central.yaml").write_text(yaml.safe_dump({"config": CENTRAL}, sort_keys=False))
    directory: Path = tmp_path_factory.mktemp("testbed")
    with running_testbed(Project.find(ROOT, stack_files), directory, providers=FAKE_PROVIDERS) as testbed:
        live = Live(testbed)
        live.engine.up(show_secrets=False)
        yield live


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_is_taken_out_takes_what_it_made_and_nothing_else(live: Live, line: str) -> None:
    changes, expected = LINES[line]
    assert live.preview(changes) == expected
