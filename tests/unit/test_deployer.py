"""Who may run `pulumi up` where the trail's bucket lets only listed principals change it."""

import dataclasses

import pytest

from iam_hardening import config as settings
from iam_hardening.config import deployer
from tests.stack_files import PROJECT, config_of

ROLE = "arn:aws:iam::222222222222:role/ci/deployer"
USER = "arn:aws:iam::222222222222:user/people/Alice"


@pytest.mark.parametrize(
    "caller",
    [
        USER,
        # STS leaves a role's path out.
        "arn:aws:sts::222222222222:assumed-role/deployer/run-1",
        "arn:aws:sts::222222222222:assumed-role/deployer/alice@example.com",
    ],
)
def test_a_listed_user_and_a_session_of_a_listed_role_may(caller: str) -> None:
    assert deployer.is_listed(caller, [ROLE, USER])


@pytest.mark.parametrize(
    "caller",
    [
        "arn:aws:iam::222222222222:root",
        "arn:aws:iam::222222222222:user/Alice",
        "arn:aws:iam::222222222222:user/deployer",
        "arn:aws:sts::222222222222:assumed-role/deployer2/run-1",
        "arn:aws:sts::333333333333:assumed-role/deployer/run-1",
        "arn:aws-cn:sts::222222222222:assumed-role/deployer/run-1",
        "arn:aws:sts::222222222222:assumed-role/Alice/run-1",
        "arn:aws:sts::222222222222:federated-user/deployer",
        "arn:aws:sts::222222222222:assumed-role/ci/deployer",
    ],
)
def test_nobody_else_may(caller: str) -> None:
    assert not deployer.is_listed(caller, [ROLE, USER])


def test_where_nobody_is_listed_everybody_may_and_the_problem_names_caller_and_list() -> None:
    config = {**config_of("dev"), "iam-hardening:alarms": {"email": "a@example.com"}}
    account = settings.load(config, project=PROJECT, stack="dev")
    root = "arn:aws:iam::222222222222:root"
    assert account.alarms is not None
    assert deployer.problem(account, root) is None
    listing = account.alarms.model_copy(update={"log_administrators": [ROLE]})
    problem = deployer.problem(dataclasses.replace(account, alarms=listing), root)
    assert problem is not None
    assert problem.startswith(f"alarms.logAdministrators: does not list the caller, {root}; listed: {ROLE}.")
