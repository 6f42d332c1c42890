"""Tutorial section 2: groups, the people in them, and their first password."""

import json
from collections.abc import Sequence
from typing import Any

import pulumi
import pytest

from components.mfa import MfaEnforcement, MfaEnforcementArgs
from components.people import PeopleGroup, PeopleGroupArgs, Person, PersonArgs
from iam_hardening import config
from iam_hardening.aws.policies import people as people_policies
from iam_hardening.aws.policies import roles as roles_policies
from tests.accounts import central_account, section, statement
from tests.recorder import ACCOUNT_ID, Recorder

TAGS = {"Stack": "central"}
ROLE = "arn:aws:iam::222222222222:role/test_role"
ATTACHMENT = "aws:iam/groupPolicyAttachment:GroupPolicyAttachment"
POLICY = "aws:iam/policy:Policy"
USER = "aws:iam/user:User"
LOGIN = "aws:iam/userLoginProfile:UserLoginProfile"
MEMBERSHIP = "aws:iam/userGroupMembership:UserGroupMembership"


def own_policy(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT_ID}:policy/{name}"


def record_group(
    recorder: Recorder,
    *,
    managed_policies: Sequence[str],
    policies: dict[str, Any] | None = None,
    enforce_mfa: bool = True,
    may_assume: Sequence[str] = (),
    protect: bool = False,
) -> dict[str, str]:
    """What was attached to the group `Team`: resource name → policy ARN."""

    def build() -> None:
        own = central_account(protect=protect)
        mfa = MfaEnforcement("mfa", MfaEnforcementArgs(account=own))
        group = section(
            config.Group,
            managedPolicies=list(managed_policies),
            policies=policies or {},
            enforceMfa=enforce_mfa,
            mayAssume=list(may_assume),
        )
        PeopleGroup("Team", PeopleGroupArgs(account=own, group=group, mfa=mfa))

    recorder.run(build)
    attachments = recorder.all_of(ATTACHMENT)
    assert {made.inputs["group"] for made in attachments} <= {"Team"}
    return {made.name: made.inputs["policyArn"] for made in attachments}


def test_a_group_stands_at_the_root_path_under_its_own_name(recorder: Recorder) -> None:
    record_group(recorder, managed_policies=[])
    assert recorder.one("aws:iam/group:Group", "Team").inputs == {"name": "Team", "path": "/"}


def test_administrators_get_their_policy_by_name_mfa_and_the_roles_they_may_assume(
    recorder: Recorder,
) -> None:
    attached = record_group(recorder, managed_policies=["AdministratorAccess"], may_assume=[ROLE])
    assert attached == {
        "Team-AdministratorAccess": "arn:aws:iam::aws:policy/AdministratorAccess",
        "Team-enforce-mfa": own_policy("enforce-to-use-mfa"),
        "Team-assume-roles": own_policy("assume-roles-Team"),
    }
    assert [invoked.arguments for invoked in recorder.invoked] == [{"name": "AdministratorAccess"}]


def test_a_group_without_administrator_rights_also_gets_what_enrolment_needs(recorder: Recorder) -> None:
    attached = record_group(recorder, managed_policies=["SecurityAudit"])
    assert attached == {
        "Team-SecurityAudit": "arn:aws:iam::aws:policy/SecurityAudit",
        "Team-enforce-mfa": own_policy("enforce-to-use-mfa"),
        "Team-self-service": own_policy("self-service-password-and-mfa"),
    }


def test_a_group_that_leaves_mfa_to_another_gets_none_of_it(recorder: Recorder) -> None:
    assert record_group(recorder, managed_policies=["SecurityAudit"], enforce_mfa=False) == {
        "Team-SecurityAudit": "arn:aws:iam::aws:policy/SecurityAudit"
    }


def test_a_group_may_assume_exactly_the_roles_it_was_granted(recorder: Recorder) -> None:
    record_group(recorder, managed_policies=[], may_assume=[ROLE])
    assert recorder.one(POLICY, "Team-assume-roles").inputs == {
        "name": "assume-roles-Team",
        "description": "The roles in workload accounts that Team may assume",
        "policy": json.dumps(people_policies.assume_roles([ROLE])),
        "tags": TAGS,
    }


def test_administrators_can_be_protected_with_what_makes_them_so_and_nothing_else(recorder: Recorder) -> None:
    record_group(
        recorder,
        managed_policies=["AdministratorAccess", "Billing"],
        may_assume=[ROLE],
        protect=True,
    )
    protected = {
        name for name in recorder.registrations if recorder.registrations[name].options.get("protect")
    }
    assert {urn.split("::")[-1] for urn in protected} == {
        "Team",
        "Team-AdministratorAccess",
        "Team-enforce-mfa",
    }
    assert not recorder.one("iam-hardening:index:PeopleGroup", "Team").options


def test_a_group_gets_its_permissions_after_its_mfa_enforcement(recorder: Recorder) -> None:
    """And so loses them before it: deletion goes the other way."""
    record_group(recorder, managed_policies=["AdministratorAccess"])
    enforcement = recorder.one(ATTACHMENT, "Team-enforce-mfa")
    assert enforcement.urn in recorder.one(ATTACHMENT, "Team-AdministratorAccess").dependencies


def test_a_managed_policy_given_as_an_arn_is_not_looked_up(recorder: Recorder) -> None:
    arn = "arn:aws:iam::aws:policy/job-function/Billing"
    attached = record_group(recorder, managed_policies=[arn], enforce_mfa=False)
    assert attached == {"Team-Billing": arn}
    assert recorder.invoked == []


def test_a_policy_from_the_stack_file_becomes_a_customer_managed_one(recorder: Recorder) -> None:
    document = roles_policies.configured(
        [{"Sid": "A", "Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}]
    )
    written = {"files": [statement("A", "s3:*")]}
    attached = record_group(recorder, managed_policies=[], policies=written, enforce_mfa=False)
    assert attached == {"Team-files": own_policy("files")}
    assert recorder.one(POLICY, "policy/files").inputs == {
        "name": "files",
        "description": "What Team may do",
        "policy": json.dumps(document),
        "tags": TAGS,
    }


def record_person(
    recorder: Recorder, *, minimum: int = 14, strict_onboarding: bool = False, **changed: Any
) -> None:
    """`changed`: of the user's section. Alice is in two groups."""

    def build() -> None:
        own = central_account()
        mfa = MfaEnforcement("mfa", MfaEnforcementArgs(account=own))
        group = section(config.Group)
        args = PersonArgs(
            account=own,
            user=section(config.User, **{"groups": ["Team", "Readers"]} | changed),
            groups=[
                PeopleGroup(name, PeopleGroupArgs(account=own, group=group, mfa=mfa))
                for name in ("Team", "Readers")
            ],
            password_policy=section(config.PasswordPolicy, minimumPasswordLength=minimum),
            strict_onboarding=strict_onboarding,
        )
        person = Person("Alice", args)
        pulumi.export("password", person.password)
        pulumi.export("encrypted_password", person.encrypted_password)

    recorder.run(build)


def test_a_person_who_leaves_can_be_removed_with_their_own_keys_and_devices(recorder: Recorder) -> None:
    record_person(recorder)
    assert recorder.one(USER, "Alice").inputs == {
        "name": "Alice",
        "path": "/",
        "forceDestroy": True,
        "tags": TAGS,
    }


def test_a_person_may_stand_under_a_path(recorder: Recorder) -> None:
    record_person(recorder, path="/people/audit/")
    assert recorder.one(USER, "Alice").inputs["path"] == "/people/audit/"


@pytest.mark.parametrize(("strict", "ignored"), [(False, ()), (True, ("tags.Onboarding",))])
def test_the_mark_of_new_people_is_never_the_programs_own(
    recorder: Recorder, strict: bool, ignored: tuple[str, ...]
) -> None:
    record_person(recorder, strict_onboarding=strict)
    user = recorder.one(USER, "Alice")
    assert user.ignore_changes == ignored
    assert "Onboarding" not in user.inputs["tags"]


def test_a_person_is_in_exactly_the_configured_groups(recorder: Recorder) -> None:
    record_person(recorder)
    assert recorder.one(MEMBERSHIP, "Alice").inputs == {"user": "Alice", "groups": ["Team", "Readers"]}


def test_a_person_joins_a_group_when_it_is_whole(recorder: Recorder) -> None:
    """And so leaves it before anything of it goes, MFA enforcement above all."""

    def build() -> None:
        own = central_account()
        mfa = MfaEnforcement("mfa", MfaEnforcementArgs(account=own))
        group = section(config.Group, managedPolicies=["ReadOnlyAccess"])
        args = PersonArgs(
            account=own,
            user=section(config.User, groups=["Team"]),
            groups=[PeopleGroup("Team", PeopleGroupArgs(account=own, group=group, mfa=mfa))],
            password_policy=section(config.PasswordPolicy),
        )
        Person("Alice", args)

    recorder.run(build)
    attached = {made.urn for made in recorder.all_of(ATTACHMENT)}
    assert len(attached) == 3
    assert attached <= recorder.one(MEMBERSHIP, "Alice").dependencies


def test_the_first_password_must_be_changed_and_is_never_reset_by_a_later_up(recorder: Recorder) -> None:
    record_person(recorder)
    login = recorder.one(LOGIN, "Alice")
    assert login.inputs == {"user": "Alice", "passwordLength": 24, "passwordResetRequired": True}
    assert login.ignore_changes == ("passwordLength", "passwordResetRequired", "pgpKey")


def test_what_a_later_up_ignores_is_spelt_as_the_engine_spells_it(recorder: Recorder) -> None:
    """Another spelling would ignore nothing, without any error."""
    record_person(recorder, pgpKey="keybase:alice")
    login = recorder.one(LOGIN, "Alice")
    assert set(login.ignore_changes) <= set(login.inputs)


@pytest.mark.parametrize(("minimum", "drawn"), [(6, 24), (24, 24), (25, 25), (128, 128)])
def test_the_first_password_is_long_and_never_shorter_than_the_policy_wants(
    recorder: Recorder, minimum: int, drawn: int
) -> None:
    record_person(recorder, minimum=minimum)
    assert recorder.one(LOGIN, "Alice").inputs["passwordLength"] == drawn


def test_the_first_password_is_a_secret_everywhere(recorder: Recorder) -> None:
    record_person(recorder)
    assert recorder.one(LOGIN, "Alice").additional_secret_outputs == {"password"}
    assert recorder.stack_outputs == {"password": "pretend-password"}
    assert recorder.secret_stack_outputs == {"password"}
    component = recorder.one("iam-hardening:index:Person", "Alice")
    assert recorder.secret_outputs[component.urn] == {"password"}


def test_a_pgp_key_reaches_the_login_that_encrypts_the_password_to_it(recorder: Recorder) -> None:
    record_person(recorder, pgpKey="keybase:alice")
    assert recorder.one(LOGIN, "Alice").inputs == {
        "user": "Alice",
        "passwordLength": 24,
        "passwordResetRequired": True,
        "pgpKey": "keybase:alice",
    }
