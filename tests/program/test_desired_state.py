"""What the program registers is what `verify` and `adopt` compare an account with: every stack variant."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from iam_hardening import config
from iam_hardening.aws import naming
from iam_hardening.aws.policies import documents
from iam_hardening.model import desired_state
from tests.program.variants import Variant, variants
from tests.recorder import ACCOUNT_ID, Recorder
from tests.stack_files import PROJECT

RunProgram = Callable[..., Recorder]
VARIANTS = variants()
INSTANCE_ARN = f"arn:aws:ec2:us-east-1:{ACCOUNT_ID}:instance/instance"


@pytest.fixture(params=VARIANTS, ids=str)
def variant(request: pytest.FixtureRequest) -> Variant:
    return VARIANTS[request.param]


@pytest.fixture
def account(variant: Variant) -> config.Settings:
    return config.load(dict(variant.config), project=PROJECT, stack=variant.stack)


@pytest.fixture
def registered(run_program: RunProgram, variant: Variant) -> Recorder:
    return run_program(variant.config, stack=variant.stack)


def _named(recorder: Recorder, kind: str) -> dict[str, Mapping[str, Any]]:
    """Name in AWS → inputs, of each group, user, role or policy."""
    type_ = f"aws:iam/{kind}:{kind.capitalize()}"
    return {made.inputs.get("name", made.name): made.inputs for made in recorder.all_of(type_)}


def _attached(recorder: Recorder) -> dict[tuple[str, str], set[desired_state.PolicyName]]:
    """(kind, name of who holds it) → policies."""
    found = defaultdict(set)
    for kind in ("group", "user", "role"):
        type_ = f"aws:iam/{kind}PolicyAttachment:{kind.capitalize()}PolicyAttachment"
        for made in recorder.all_of(type_):
            found[kind, made.inputs[kind]].add(desired_state.PolicyName.of_arn(made.inputs["policyArn"]))
    return dict(found)


@pytest.mark.parametrize("kind", ["group", "user", "role"])
def test_the_same_groups_users_and_roles(registered: Recorder, account: config.Settings, kind: str) -> None:
    assert {each.name for each in desired_state.identities(account) if each.kind == kind} == set(
        _named(registered, kind)
    )


def test_the_same_policies_are_attached(registered: Recorder, account: config.Settings) -> None:
    wanted = {(each.kind, each.name): set(each.attached) for each in desired_state.identities(account)}
    assert {who: attached for who, attached in wanted.items() if attached} == _attached(registered)


def test_the_same_customer_managed_policies(registered: Recorder, account: config.Settings) -> None:
    wanted = {
        name: _of_the_recorder(document, account)
        for name, document in desired_state.documents(account, INSTANCE_ARN).items()
    }
    made = {
        name: _of_the_recorder(json.loads(inputs["policy"]), account)
        for name, inputs in _named(registered, "policy").items()
    }
    assert wanted == made


def test_the_same_trust_boundary_and_duration(registered: Recorder, account: config.Settings) -> None:
    roles = _named(registered, "role")
    for wanted in desired_state.identities(account):
        if wanted.kind != "role":
            continue
        made = roles[wanted.name]
        assert wanted.trust is not None
        assert _of_the_recorder(wanted.trust, account) == _of_the_recorder(
            json.loads(made["assumeRolePolicy"]), account
        )
        boundary = made.get("permissionsBoundary")
        assert wanted.boundary == (desired_state.PolicyName.of_arn(boundary) if boundary else None)
        if wanted.max_session_seconds is not None:
            assert made["maxSessionDuration"] == wanted.max_session_seconds


def test_the_same_paths_and_members(registered: Recorder, account: config.Settings) -> None:
    users = _named(registered, "user")
    memberships = {
        made.inputs["user"]: set(made.inputs["groups"])
        for made in registered.all_of("aws:iam/userGroupMembership:UserGroupMembership")
    }
    for wanted in desired_state.identities(account):
        if wanted.kind == "user":
            assert users[wanted.name]["path"] == wanted.path
            assert frozenset(memberships.get(wanted.name, ())) == wanted.groups
        if wanted.kind == "group":
            members = (who for who, groups in memberships.items() if wanted.name in groups)
            assert wanted.members == frozenset(members)


# AWS's limit is 6,144 characters; what it adds, and what a stack file allows, needs room.
BOUNDARY_MAX_CHARACTERS = 5500


def test_the_boundary_of_what_vault_issues_leaves_room(account: config.Settings) -> None:
    boundary = desired_state.documents(account, INSTANCE_ARN).get(naming.VAULT_BOUNDARY_POLICY)
    assert boundary is not None or account.vault is None
    assert boundary is None or documents.size(boundary) < BOUNDARY_MAX_CHARACTERS


def _of_the_recorder(document: Mapping[str, Any], account: config.Settings) -> Any:
    """The recorder makes up ARNs of an account of its own; lists that AWS reads as sets are sorted."""
    return _sorted(json.loads(json.dumps(document).replace(account.account_id, ACCOUNT_ID)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(inner) for key, inner in value.items()}
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return sorted(value)
    return [_sorted(each) for each in value] if isinstance(value, list) else value
