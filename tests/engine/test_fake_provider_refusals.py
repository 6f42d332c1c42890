"""What has no row is an error that names it, and a wrong account stops before any change."""

from collections.abc import Callable
from typing import Any

import pulumi_aws as aws
import pulumi_vault as vault
import pytest

from tests.engine.documents import trust

pytestmark = pytest.mark.engine


def _and_a_group(make: Callable[[], object]) -> Callable[[], None]:
    def program() -> None:
        make()
        aws.iam.Group("group", name="made")

    return program


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: aws.sqs.Queue("queue"),
            "the fake provider has no row for the resource type aws:sqs/queue:Queue",
        ),
        (
            lambda: vault.Namespace("space", path="x"),
            "the fake provider has no row for the resource type vault:index/namespace:Namespace",
        ),
        (
            lambda: aws.iam.get_account_alias(),
            "the fake provider has no row for the function aws:iam/getAccountAlias:getAccountAlias",
        ),
        (
            lambda: aws.iam.get_policy(name="AdministratorAccess", tags={"a": "b"}),
            "the fake provider's row of aws:iam/getPolicy:getPolicy has no argument tags",
        ),
        (
            lambda: aws.iam.Policy("policy", name_prefix="p", policy="{}"),
            "the fake provider's row of aws:iam/policy:Policy has no property namePrefix",
        ),
        (
            lambda: aws.iam.AccessKey("key", user="u", pgp_key="keybase:ann"),
            "the fake provider does not encrypt access keys to a PGP key",
        ),
        (
            lambda: aws.iam.Role("role", assume_role_policy=trust("1" * 12), managed_policy_arns=["arn:x"]),
            "managedPolicyArns is deprecated and has no row in the fake provider",
        ),
    ],
)
def test_what_has_no_row_is_named(stack: Any, make: Callable[[], object], sentence: str) -> None:
    said = stack.fails(_and_a_group(make))
    assert sentence in said
    assert "rehearsal/fake_provider" not in said


def test_a_stack_without_credentials_is_refused_with_that_reason(new_stack: Callable[..., Any]) -> None:
    stack = new_stack(with_credentials=False)
    said = stack.fails(_and_a_group(lambda: None))
    assert f"the rehearsal has no AWS credentials for the stack {stack.name}" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("setting", ["allowedAccountIds", "forbiddenAccountIds"])
def test_a_wrong_account_is_refused_before_any_change(new_stack: Callable[..., Any], setting: str) -> None:
    stack = new_stack()
    wrong, right = ('["222222222222"]', f'["{stack.account_id}"]')
    if setting == "forbiddenAccountIds":
        wrong, right = right, wrong
    stack.set_config(f"aws:{setting}", wrong)
    said = stack.fails(_and_a_group(lambda: None))
    assert f"AWS account ID not allowed: {stack.account_id}" in said
    assert stack.client("iam").list_groups()["Groups"] == []
    stack.set_config(f"aws:{setting}", right)
    assert stack.up().created >= {"group"}
    stack.set_config(f"aws:{setting}", wrong)
    assert "AWS account ID not allowed" in stack.fails()


def test_a_services_refusal_names_the_resource_in_the_services_words(stack: Any) -> None:
    stack.client("iam").create_group(GroupName="made")
    said = stack.fails(_and_a_group(lambda: None))
    assert "aws:iam/group:Group group: An error occurred (EntityAlreadyExists)" in said
    assert "Traceback" not in said
    assert [group["GroupName"] for group in stack.client("iam").list_groups()["Groups"]] == ["made"]


def test_a_setting_that_the_provider_lacks_is_named(new_stack: Callable[..., Any]) -> None:
    stack = new_stack({"aws:profil": "live"})
    said = stack.fails(lambda: aws.iam.Group("group", name="g"))
    assert "the fake provider for aws does not know the setting profil" in said


def test_how_to_reach_the_real_account_is_taken_and_has_no_effect(new_stack: Callable[..., Any]) -> None:
    stack = new_stack({"aws:profile": "live", "aws:assumeRoles": '[{"roleArn": "arn:aws:iam::1:role/x"}]'})
    stack.up(lambda: aws.iam.Group("group", name="g"))
    assert stack.client("iam").get_group(GroupName="g")["Group"]["GroupName"] == "g"
