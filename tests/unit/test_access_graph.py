"""Who reaches what, worked out from stack files: a line too many, or one too few, would mislead."""

from typing import Any

import pytest

from iam_hardening import config as settings
from iam_hardening.claims.access_graph import MFA, NO_MFA, SHORT_LIVED, AccessGraph, access_graph
from iam_hardening.commands.report.drawing import draw
from tests.stack_files import PROJECT, handed_over
from tests.unit.reports import graph_of_shipped

_CENTRAL, _WORK = "111111111111", "222222222222"
_ROLE = f"arn:aws:iam::{_WORK}:role/reader"


def _stacks(
    role: dict[str, Any], *, groups: dict[str, Any] | None = None, users: dict[str, Any] | None = None
) -> AccessGraph:
    central = {
        "aws:region": "eu-central-1",
        "aws:allowedAccountIds": [_CENTRAL],
        f"{PROJECT}:accountKind": "central",
        f"{PROJECT}:groups": groups
        or {
            "Administrators": {"managedPolicies": ["AdministratorAccess"]},
            "Readers": {"mayAssume": [_ROLE]},
            "Others": {"managedPolicies": ["SecurityAudit"]},
        },
        f"{PROJECT}:users": users
        or {
            "Ada": {"groups": ["Administrators"]},
            "Bea": {"groups": ["Readers"]},
            "Cleo": {"groups": ["Others"]},
        },
    }
    work = {
        "aws:region": "eu-central-1",
        "aws:allowedAccountIds": [_WORK],
        f"{PROJECT}:accountKind": "workload",
        f"{PROJECT}:centralAccountId": _CENTRAL,
        f"{PROJECT}:crossAccountRoles": {"reader": {"managedPolicies": ["AmazonS3ReadOnlyAccess"], **role}},
    }
    return access_graph(
        {
            name: settings.load(handed_over(config), project=PROJECT, stack=name)
            for name, config in (("work", work), ("central", central))
        }
    )


def _into_role(drawn: AccessGraph) -> dict[str, tuple[str, str]]:
    """Who has a line to the role, and on what terms."""
    edges = [edge for edge in drawn.edges if edge.target == "work/role/reader"]
    return {edge.source.split("/")[-1]: (edge.asks, edge.label) for edge in edges}


def test_a_role_is_reached_by_the_group_that_was_granted_it_and_by_administrators() -> None:
    assert _into_role(_stacks({})) == {"Administrators": (MFA, "MFA"), "Readers": (MFA, "MFA")}


def test_a_role_for_a_named_person_is_reached_by_that_persons_group_alone() -> None:
    named = {"principals": [f"arn:aws:iam::{_CENTRAL}:user/Bea"]}
    assert _into_role(_stacks(named)) == {"Readers": (MFA, "MFA")}


def test_who_of_a_group_is_let_in_is_said() -> None:
    two = {"Bea": {"groups": ["Readers"]}, "Dora": {"groups": ["Readers"]}}
    users = {"Ada": {"groups": ["Administrators"]}, **two}
    named = {"principals": [f"arn:aws:iam::{_CENTRAL}:user/Bea"]}
    assert _into_role(_stacks(named, users=users)) == {"Readers": (MFA, "MFA, only Bea")}


@pytest.mark.parametrize(
    ("role", "terms"),
    [
        ({"mfaMaxAge": "1h"}, (MFA, "MFA, 1h old at most")),
        ({"requireMfa": False}, (NO_MFA, "without MFA")),
    ],
)
def test_the_terms_of_a_role_are_on_its_line(role: dict[str, Any], terms: tuple[str, str]) -> None:
    assert _into_role(_stacks(role))["Readers"] == terms


def test_a_third_partys_role_is_reached_from_outside_and_by_nobody_else() -> None:
    role = {"trustedAccountId": "333333333333", "externalId": "an-id-that-was-agreed-on"}
    drawn = _stacks(role)
    assert _into_role(drawn) == {"333333333333": (NO_MFA, "external ID")}
    assert "an-id-that-was-agreed-on" not in repr(drawn)


def test_central_accounts_come_first() -> None:
    assert [each.name for each in _stacks({}).accounts] == ["central", "work"]


def test_what_vault_issues_ends_by_itself() -> None:
    drawn = graph_of_shipped()
    issued = [edge for edge in drawn.edges if "/vault/" in edge.target]
    assert issued
    assert all(edge.asks == SHORT_LIVED and edge.label.startswith("ends in ") for edge in issued)


def test_a_vault_role_is_reached_by_its_log_ins_and_where_there_is_none_by_a_token() -> None:
    roles = {name: {"managedPolicies": ["AmazonS3ReadOnlyAccess"]} for name in ("read", "report")}
    config = {
        "aws:region": "eu-central-1",
        "aws:allowedAccountIds": [_WORK],
        f"{PROJECT}:accountKind": "workload",
        f"{PROJECT}:centralAccountId": _CENTRAL,
        f"{PROJECT}:vault": {
            "roles": roles,
            "logins": {"nightly": {"method": "approle", "roles": ["report"]}},
        },
    }
    drawn = access_graph({"work": settings.load(handed_over(config), project=PROJECT, stack="work")})
    into = {edge.target: edge.source for edge in drawn.edges if edge.target.startswith("Vault/")}
    assert into == {"Vault/work/read": "Vault/token/aws-read", "Vault/work/report": "Vault/login/nightly"}


def test_in_the_drawing_no_box_covers_another_and_every_line_begins_and_ends_at_one() -> None:
    drawn = graph_of_shipped()
    drawing = draw(drawn)
    assert len(drawing.boxes) == len(drawn.nodes)
    assert len(drawing.arrows) == len(drawn.edges)
    for number, one in enumerate(drawing.boxes):
        assert one.x + one.width <= drawing.width
        assert one.y + one.height <= drawing.height
        for other in drawing.boxes[number + 1 :]:
            beside = one.x + one.width <= other.x or other.x + other.width <= one.x
            below = one.y + one.height <= other.y or other.y + other.height <= one.y
            assert beside or below
    ends = {(box.x - 8, box.middle) for box in drawing.boxes}
    for edge in drawing.arrows:
        x, y = edge.path.split()[-2:]
        assert (float(x), float(y)) in ends


def test_in_the_drawing_no_label_covers_another() -> None:
    roles = {"mfaMaxAge": "1h"}
    drawing = draw(_stacks(roles))
    assert [edge.pill.text for edge in drawing.arrows if edge.pill] == ["MFA, 1h old at most"] * 2
    first, second = (edge.pill for edge in drawing.arrows if edge.pill)
    assert abs(first.y - second.y) >= 20 or abs(first.x - second.x) >= (first.width + second.width) / 2


def test_what_a_vault_role_denies_is_not_drawn_as_what_it_holds() -> None:
    statements = [
        {"sid": "Read", "actions": ["s3:GetObject"], "resources": ["*"]},
        {"sid": "NotThese", "effect": "Deny", "actions": ["s3:DeleteObject"], "resources": ["*"]},
        {"sid": "NoOthers", "effect": "Deny", "notActions": ["s3:*"], "resources": ["*"]},
    ]
    work = {
        "aws:region": "eu-central-1",
        "aws:allowedAccountIds": [_WORK],
        f"{PROJECT}:accountKind": "workload",
        f"{PROJECT}:vault": {"roles": {"deploy": {"statements": statements}}},
    }
    drawn = access_graph({"work": settings.load(handed_over(work), project=PROJECT, stack="work")})
    (node,) = [node for node in drawn.nodes if node.id == "work/vault/deploy"]
    assert node.details[0] == "s3:GetObject, not what NotThese denies, not what NoOthers denies"
