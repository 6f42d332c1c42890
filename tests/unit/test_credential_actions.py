"""What could hand out a credential is denied by the boundary of issued users, or accepted with a reason."""

import importlib.util
from collections import Counter
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any

import botocore.session
import pytest
import yaml

from iam_hardening.aws.policies import documents, vault_boundary
from tests.stack_files import ROOT

DATA: dict[str, Any] = yaml.safe_load((ROOT / "iam_hardening/aws/credential_actions.yaml").read_text())
# In the pinned botocore, and no longer in the newest.
GONE = {
    "finspace-data.GetExternalDataViewAccessDetails",
    "finspace-data.GetProgrammaticAccessCredentials",
    "finspace-data.ResetUserPassword",
}
ACCEPTED = [action for group in DATA["accepted"] for action in group["actions"]]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "credential_actions", ROOT / "tools" / "credential_actions.py"
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_action(name: str) -> str:
    client, _, operation = name.partition(".")
    return f"{DATA['prefixes'].get(client, client)}:{operation}" if operation else name


def is_denied(document: documents.Document, action: str) -> bool:
    """On any resource, whatever the request's conditions are."""

    def matches(patterns: str | list[str]) -> bool:
        return any(
            fnmatchcase(action.lower(), p.lower())
            for p in ([patterns] if isinstance(patterns, str) else patterns)
        )

    allowed = False
    for statement in document["Statement"]:
        covered = (
            matches(statement["Action"]) if "Action" in statement else not matches(statement["NotAction"])
        )
        if (
            covered
            and statement["Effect"] == "Deny"
            and statement["Resource"] == "*"
            and "Condition" not in statement
        ):
            return True
        allowed = allowed or (covered and statement["Effect"] == "Allow")
    return not allowed


def test_every_action_is_judged_once() -> None:
    assert DATA["unjudged"] == []
    assert [name for name, times in Counter([*DATA["denied"], *ACCEPTED]).items() if times > 1] == []
    assert all(len(group["reason"]) > 20 for group in DATA["accepted"])


@pytest.mark.parametrize("name", DATA["denied"])
def test_what_is_to_be_denied_is(name: str) -> None:
    assert is_denied(vault_boundary.vault_issued_user_boundary(), as_action(name))


def test_what_is_accepted_is_not_denied_silently() -> None:
    """Else the list would say that something works which does not."""
    boundary = vault_boundary.vault_issued_user_boundary()
    assert [name for name in ACCEPTED if is_denied(boundary, as_action(name))] == []


def test_what_an_operator_opts_in_to_is_allowed_and_nothing_else() -> None:
    opened = vault_boundary.vault_issued_user_boundary(also_allowed=["ecr:GetAuthorizationToken"])
    changed = [name for name in DATA["denied"] if not is_denied(opened, as_action(name))]
    assert changed == ["ecr:GetAuthorizationToken"]


def test_an_action_that_aws_adds_tomorrow_to_an_identity_service_is_denied() -> None:
    boundary = vault_boundary.vault_issued_user_boundary()
    for service in vault_boundary.IDENTITY_SERVICES:
        assert is_denied(boundary, f"{service}:TradeForSomethingNew")
    for action in ("iam:GetNewToken", "iam:SetAnything", "sts:TagAnything", "sts:GetScopedCredentials"):
        assert is_denied(boundary, action)


def test_reading_identities_and_all_other_work_is_not_denied() -> None:
    boundary = vault_boundary.vault_issued_user_boundary()
    for action in (
        "iam:GetRole",
        "iam:ListUsers",
        "sts:GetCallerIdentity",
        "s3:PutObject",
        "ec2:RunInstances",
    ):
        assert not is_denied(boundary, action)


def test_the_pinned_botocore_has_nothing_that_was_not_judged(tool: ModuleType) -> None:
    session = botocore.session.Session()
    operations = [
        f"{client}.{operation}"
        for client in session.get_available_services()
        for operation in session.get_service_model(client).operation_names
    ]
    # Newer lists may have given an operation an action, or an operation that they dropped.
    actions = [name for name in tool.judged(DATA) if ":" in name]
    found = tool.of_interest(DATA, actions, operations)
    unknown = {name for name in found if name not in tool.judged(DATA)}
    assert unknown == GONE


@pytest.mark.parametrize(
    "name",
    [
        "lambda:UpdateFunctionCode",
        "ssm:SendCommand",
        "ec2-instance-connect:SendSSHPublicKey",
        "ec2-instance-connect:OpenTunnel",
        "ecr:GetAuthorizationToken",
        "iam.AcquireRole",
        "signin.CreateBearerToken",
        "codeartifact:GetAuthorizationToken",
    ],
)
def test_the_well_known_ones_are_in_the_list(name: str, tool: ModuleType) -> None:
    assert name in tool.judged(DATA)


def test_a_new_action_is_found(tool: ModuleType) -> None:
    data = {"patterns": ["Token"], "prefixes": {"sso-oidc": "sso-oauth"}}
    actions = ["iam:SendNewToken", "s3:GetObject", "sso-oauth:CreateToken"]
    operations = ["iam.SendNewToken", "sts.SendNewToken", "sso-oidc.CreateToken"]
    assert tool.of_interest(data, actions, operations) == [
        "iam:SendNewToken",
        "sso-oauth:CreateToken",
        "sts.SendNewToken",
    ]
