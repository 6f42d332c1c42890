"""People under the real engine: what administrators do by hand to a user stays as they left it.

The provider is the fake provider: that the real one ignores the same tag was not tried here.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from components.people import Person, PersonArgs
from iam_hardening import config
from tests.accounts import central_account, section

pytestmark = pytest.mark.engine

MARK = {"Key": "Onboarding", "Value": "new"}


def person(
    *, tags: Mapping[str, str] | None = None, strict_onboarding: bool = True, path: str = "/"
) -> Callable[[], None]:
    def program() -> None:
        args = PersonArgs(
            account=central_account(tags=tags or {"Stack": "test"}),
            user=section(config.User, groups=["Team"], path=path),
            groups=[],
            password_policy=section(config.PasswordPolicy),
            strict_onboarding=strict_onboarding,
        )
        Person("Alice", args)

    return program


def tags(stack: Any) -> dict[str, str]:
    listed = stack.client("iam").list_user_tags(UserName="Alice")["Tags"]
    return {tag["Key"]: tag["Value"] for tag in listed}


def test_an_up_never_marks_a_person_as_new(stack: Any) -> None:
    stack.up(person())
    assert tags(stack) == {"Stack": "test"}


@pytest.mark.parametrize("refresh_first", [False, True])
def test_an_up_leaves_the_mark_until_an_administrator_takes_it_away(stack: Any, refresh_first: bool) -> None:
    stack.up(person())
    stack.client("iam").tag_user(UserName="Alice", Tags=[MARK])
    if refresh_first:
        stack.refresh()
    assert stack.up().clean
    # Another tag changes the user, and still the mark is not the program's business.
    stack.up(person(tags={"Stack": "test", "Team": "red"}))
    assert tags(stack) == {"Stack": "test", "Team": "red", "Onboarding": "new"}


@pytest.mark.parametrize("refresh_first", [False, True])
def test_an_up_never_marks_again_who_is_through(stack: Any, refresh_first: bool) -> None:
    iam = stack.client("iam")
    stack.up(person())
    iam.tag_user(UserName="Alice", Tags=[MARK])
    # The mark is in the state now: from there it could come back.
    stack.refresh()
    stack.up()
    iam.untag_user(UserName="Alice", TagKeys=["Onboarding"])
    if refresh_first:
        stack.refresh()
    stack.up(person(tags={"Stack": "test", "Team": "red"}))
    assert tags(stack) == {"Stack": "test", "Team": "red"}


def test_open_onboarding_takes_a_left_over_mark_away(stack: Any) -> None:
    stack.up(person())
    stack.client("iam").tag_user(UserName="Alice", Tags=[MARK])
    stack.refresh()
    stack.up(person(strict_onboarding=False))
    assert tags(stack) == {"Stack": "test"}


def test_a_user_moves_to_another_path_in_place_and_keeps_keys_and_password(stack: Any) -> None:
    stack.up(person())
    iam = stack.client("iam")
    before = iam.get_user(UserName="Alice")["User"]
    key = iam.create_access_key(UserName="Alice")["AccessKey"]["AccessKeyId"]
    password_set = iam.get_login_profile(UserName="Alice")["LoginProfile"]["CreateDate"]
    moved = stack.up(person(path="/people/audit/"))
    assert moved.changes == {"same": 4, "update": 1}
    after = iam.get_user(UserName="Alice")["User"]
    assert after["UserId"] == before["UserId"]
    assert after["Arn"] == f"arn:aws:iam::{stack.account_id}:user/people/audit/Alice"
    assert [k["AccessKeyId"] for k in iam.list_access_keys(UserName="Alice")["AccessKeyMetadata"]] == [key]
    assert iam.get_login_profile(UserName="Alice")["LoginProfile"]["CreateDate"] == password_set
    assert stack.up().clean
