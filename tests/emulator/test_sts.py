"""Sessions: how long, under which name, for which principal, and from which token."""

import json
import time

import pytest

from tests.emulator.cloud import (
    ALLOWED,
    EVERYTHING,
    REGION,
    Cloud,
    Gap,
    allow,
    document,
    names,
    trust,
    verdict,
)

pytestmark = pytest.mark.emulator

DENIED, INVALID = "AccessDenied", "ValidationError"


def _assume(cloud: Cloud, **options: object) -> str:
    account = cloud.account()
    role = account.role("reader", trust(account.root_arn), MaxSessionDuration=7200)
    options = {"RoleSessionName": "session", **options}
    return verdict(account.user("Ada", EVERYTHING).sts.assume_role, RoleArn=role, **options)


def up_to_the_roles_maximum(cloud: Cloud) -> tuple[str, str]:
    return _assume(cloud, DurationSeconds=7200), _assume(cloud, DurationSeconds=7201)


def a_chained_session(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    first = account.role("first", trust(account.root_arn), EVERYTHING)
    second = account.role("second", trust(account.root_arn), MaxSessionDuration=7200)
    session = account.user("Ada", EVERYTHING).assume(first).sts
    chained = {"RoleArn": second, "RoleSessionName": "chained"}
    return (
        verdict(session.assume_role, **chained, DurationSeconds=3600),
        verdict(session.assume_role, **chained, DurationSeconds=3601),
    )


def a_users_session(cloud: Cloud) -> tuple[str, str, str]:
    sts = cloud.account().user("Ada").sts
    seconds = (129_600, 129_601, 900)
    return tuple(verdict(sts.get_session_token, DurationSeconds=s) for s in seconds)  # type: ignore[return-value]


def the_roles_own_limit(cloud: Cloud) -> tuple[str, str]:
    account = cloud.account()
    account.role("reader", trust(account.root_arn))
    update = account.iam.update_role
    return (
        verdict(update, RoleName="reader", MaxSessionDuration=43_200),
        verdict(update, RoleName="reader", MaxSessionDuration=43_201),
    )


def root_assumes_a_role(cloud: Cloud) -> str:
    account = cloud.account()
    role = account.role("reader", trust(account.root_arn))
    return verdict(account.sts.assume_role, RoleArn=role, RoleSessionName="root")


def a_foreign_root_assumes_an_instances_role(cloud: Cloud) -> str:
    role = cloud.account().role("machine", trust("ec2.amazonaws.com", service=True), EVERYTHING)
    return verdict(cloud.account().sts.assume_role, RoleArn=role, RoleSessionName="thief")


def a_session_name_with_a_space(cloud: Cloud) -> str:
    return _assume(cloud, RoleSessionName="two words")


def a_token_nobody_signed(cloud: Cloud) -> str:
    account = cloud.account()
    provider = "token.actions.example.com"
    account.iam.create_open_id_connect_provider(
        Url=f"https://{provider}", ClientIDList=["sts"], ThumbprintList=["0" * 40]
    )
    trusted = document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{account.id}:oidc-provider/{provider}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
        }
    )
    role = account.role("ci", trusted)
    # {"alg":"none"} . {"iss":"https://token.actions.example.com"} . no signature
    token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL3Rva2VuLmFjdGlvbnMuZXhhbXBsZS5jb20ifQ."
    return verdict(
        account.sts.assume_role_with_web_identity,
        RoleArn=role,
        RoleSessionName="forged",
        WebIdentityToken=token,
    )


GAPS = (
    Gap(
        "a session ends at the roles maximum", up_to_the_roles_maximum, (ALLOWED, INVALID), (ALLOWED, ALLOWED)
    ),
    Gap("role chaining is capped at an hour", a_chained_session, (ALLOWED, INVALID), (ALLOWED, ALLOWED)),
    Gap("a users session ends at 36 hours", a_users_session, (ALLOWED, INVALID, ALLOWED), (ALLOWED,) * 3),
    Gap("a role lasts twelve hours at most", the_roles_own_limit, (ALLOWED, INVALID), (ALLOWED, ALLOWED)),
    Gap("root assumes no role", root_assumes_a_role, DENIED, ALLOWED),
    Gap("a foreign root gets no instances role", a_foreign_root_assumes_an_instances_role, DENIED, ALLOWED),
    Gap("a session name has no spaces", a_session_name_with_a_space, INVALID, ALLOWED),
    Gap("a token no one signed is refused", a_token_nobody_signed, DENIED, ALLOWED),
)


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_emulated_aws_answers_as_aws(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_behaviour_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


def test_another_account_assumes_only_what_both_sides_allow(emulated: Cloud) -> None:
    home, away, third = (emulated.account() for _ in range(3))
    role = away.role("test_role", trust(home.root_arn), document(allow("s3:ListAllMyBuckets")))
    granted = document(allow("sts:AssumeRole", role))
    assume = {"RoleArn": role, "RoleSessionName": "session"}
    ada = home.user("Ada", granted)
    assert ada.assume(role).sts.get_caller_identity()["Account"] == away.id
    assert verdict(ada.assume(role).client("s3").list_buckets) == ALLOWED
    assert verdict(ada.assume(role).iam.list_users) == DENIED
    assert verdict(home.user("Bob").sts.assume_role, **assume) == DENIED
    assert verdict(third.user("Eve", EVERYTHING).sts.assume_role, **assume) == DENIED


def test_an_external_id_must_be_given(emulated: Cloud) -> None:
    account = emulated.account()
    role = account.role("partner", trust(account.root_arn, StringEquals={"sts:ExternalId": "agreed"}))
    assume = account.user("Ada", EVERYTHING).sts.assume_role
    call = {"RoleArn": role, "RoleSessionName": "session"}
    assert verdict(assume, **call, ExternalId="agreed") == ALLOWED
    assert verdict(assume, **call, ExternalId="guess") == DENIED
    assert verdict(assume, **call) == DENIED


def test_only_given_principals_of_the_trusted_account(emulated: Cloud) -> None:
    home, away = emulated.account(), emulated.account()
    ada, bob = home.user("Ada", EVERYTHING), home.user("Bob", EVERYTHING)
    role = away.role("test_role", trust(home.root_arn, ArnEquals={"aws:PrincipalArn": ada.arn}))
    assert verdict(ada.sts.assume_role, RoleArn=role, RoleSessionName="ada") == ALLOWED
    assert verdict(bob.sts.assume_role, RoleArn=role, RoleSessionName="bob") == DENIED


def test_sessions_issued_before_a_moment_can_be_revoked(emulated: Cloud) -> None:
    account = emulated.account()
    role = account.role("reader", trust(account.root_arn), EVERYTHING)
    session = account.user("Ada", EVERYTHING).assume(role)
    assert verdict(session.client("s3").list_buckets) == ALLOWED
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
    older = document(
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": moment}},
        }
    )
    account.iam.put_role_policy(RoleName="reader", PolicyName="revoke", PolicyDocument=json.dumps(older))
    assert verdict(session.client("s3").list_buckets) == DENIED


def test_sessions_die_with_their_principal_and_do_not_come_back_with_its_name(emulated: Cloud) -> None:
    account = emulated.account()
    ada = account.user("Ada", EVERYTHING)
    session = ada.assume(account.role("reader", trust(account.root_arn), document(allow("s3:*"))))
    own = ada.session()
    for living in (session, own):
        assert verdict(living.client("s3").list_buckets) == ALLOWED
    account.iam.delete_role_policy(RoleName="reader", PolicyName="policy0")
    account.iam.delete_role(RoleName="reader")
    account.role("reader", trust(account.root_arn), EVERYTHING)
    account.iam.delete_access_key(UserName="Ada", AccessKeyId=ada.credentials.access_key_id)
    account.iam.delete_user_policy(UserName="Ada", PolicyName="policy0")
    account.iam.delete_user(UserName="Ada")
    account.user("Ada", EVERYTHING)
    for dead in (session, own):
        assert verdict(dead.client("s3").list_buckets) == "InvalidAccessKeyId"


def test_a_users_session_calls_no_sts_but_two(emulated: Cloud) -> None:
    account = emulated.account()
    role = account.role("reader", trust(account.root_arn))
    session = account.user("Ada", EVERYTHING).session().sts
    assert verdict(session.get_caller_identity) == ALLOWED
    assert verdict(session.assume_role, RoleArn=role, RoleSessionName="session") == ALLOWED
    assert verdict(session.get_session_token) == DENIED
    assert verdict(session.get_federation_token, Name="Eve") == DENIED


def test_a_session_policy_narrows_the_session(emulated: Cloud) -> None:
    account = emulated.account()
    role = account.role("reader", trust(account.root_arn), EVERYTHING)
    narrow = json.dumps(document(allow("s3:*")))
    session = account.user("Ada", EVERYTHING).assume(role, Policy=narrow)
    assert verdict(session.client("s3").list_buckets) == ALLOWED
    assert verdict(session.client("ec2", REGION).describe_instances) == "UnauthorizedOperation"


def test_a_session_can_be_bound_to_its_users_name(emulated: Cloud) -> None:
    home, away = emulated.account(), emulated.account()
    named = trust(home.root_arn, StringEquals={"sts:RoleSessionName": "${aws:username}"})
    role = away.role("test_role", named)
    ada = home.user("Ada", EVERYTHING)
    assert verdict(ada.sts.assume_role, RoleArn=role, RoleSessionName="Ada") == ALLOWED
    assert verdict(ada.session().sts.assume_role, RoleArn=role, RoleSessionName="Ada") == ALLOWED
    assert verdict(ada.sts.assume_role, RoleArn=role, RoleSessionName="Bob") == DENIED
    # A role has no user name: its sessions stay outside, whatever they call themselves.
    deployer = ada.assume(home.role("deployer", trust(home.root_arn), EVERYTHING))
    assert verdict(deployer.sts.assume_role, RoleArn=role, RoleSessionName="Ada") == DENIED
