"""Operators' commands reach an account by the `aws:` settings of its stack file, as `pulumi up` does."""

import json
from pathlib import Path
from typing import Any

import pytest

from iam_hardening import config
from iam_hardening.clients import operator, reach
from iam_hardening.clients.operator import CannotError
from tests.emulator.cloud import EVERYTHING, Account, Cloud, User, allow, document, trust
from tests.stack_files import PROJECT, config_of

pytestmark = pytest.mark.emulator

VARIABLES = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", reach.SANDBOX)


@pytest.fixture
def account(emulated: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Account:
    """An account with the user Ada; the shell has no credentials, and its files are empty."""
    account = emulated.account()
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.url)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
        (tmp_path / name).write_text("")
    return account


def settings(**aws: Any) -> config.Settings:
    given = {f"aws:{key}": value for key, value in aws.items()}
    return config.load({**config_of("dev"), **given}, project=PROJECT, stack="dev")


def arn(stack: config.Settings) -> str:
    return str(reach.clients_of(stack)("sts", stack.region, None).get_caller_identity()["Arn"])


def key_of(user: User) -> dict[str, str]:
    return {"accessKey": user.credentials.access_key_id, "secretKey": user.credentials.secret}


def role(account: Account, name: str, principal: str, **conditions: Any) -> str:
    iam = account.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust(principal, **conditions)))
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    return str(made["Role"]["Arn"])


def test_without_settings_it_is_the_shells_credentials(account: Account) -> None:
    assert reach.clients_of(settings()) is operator.client


def test_a_key_in_the_stack_file_counts(account: Account) -> None:
    ada = account.user("Ada", EVERYTHING)
    assert arn(settings(**key_of(ada))) == f"arn:aws:iam::{account.id}:user/Ada"


def test_a_profile_counts_more_than_keys_in_the_shell(
    account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ada, bob = account.user("Ada", EVERYTHING), account.user("Bob", EVERYTHING)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", bob.credentials.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", bob.credentials.secret)
    files = tmp_path / "credentials"
    files.write_text(
        f"[acme-dev]\naws_access_key_id = {ada.credentials.access_key_id}\n"
        f"aws_secret_access_key = {ada.credentials.secret}\n"
    )
    assert arn(settings()).endswith(":user/Bob")
    assert arn(settings(profile="acme-dev", sharedCredentialsFiles=[str(files)])).endswith(":user/Ada")


def test_a_profile_that_is_not_there_is_a_sentence(account: Account) -> None:
    with pytest.raises(CannotError, match=r"Pulumi\.dev\.yaml, aws:profile: cannot be used here"):
        arn(settings(profile="nowhere"))


def test_a_chain_of_roles_ends_in_the_last_one(account: Account, emulated: Cloud) -> None:
    ada = account.user("Ada", EVERYTHING)
    first = role(account, "hub", f"arn:aws:iam::{account.id}:user/Ada")
    target = emulated.account()
    external = {"StringEquals": {"sts:ExternalId": "agreed"}}
    second = role(target, "deploy", first, **external)
    chain = [
        {"roleArn": first, "sessionName": "pulumi"},
        {"roleArn": second, "sessionName": "pulumi", "externalId": "agreed", "duration": "15m"},
    ]
    found = arn(settings(assumeRoles=chain, **key_of(ada)))
    assert found == f"arn:aws:sts::{target.id}:assumed-role/deploy/pulumi"
    del chain[1]["externalId"]
    with pytest.raises(CannotError, match=r"aws:assumeRoles\[1\].* failed: .*AccessDenied"):
        arn(settings(assumeRoles=chain, **key_of(ada)))


def test_an_endpoint_of_the_file_is_the_services_alone(account: Account) -> None:
    ada = account.user("Ada", EVERYTHING)
    stack = settings(endpoints=[{"iam": "http://127.0.0.1:9"}], **key_of(ada))
    make = reach.clients_of(stack)
    assert make("iam", stack.region, None).meta.endpoint_url == "http://127.0.0.1:9"
    assert make("sts", stack.region, None).meta.endpoint_url == account.url


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"accessKey": "AKIA", "secretKey": {"secure": "AAAB"}}, "aws:secretKey: is encrypted"),
        ({"accessKey": "AKIA"}, "aws:secretKey: is missing"),
        ({"assumeRoles": [{"sessionName": "x"}]}, r"aws:assumeRoles\[0\]: has no roleArn"),
        (
            {"assumeRoles": [{"roleArn": "arn:aws:iam::111111111111:role/x", "duration": "2 hours"}]},
            r"aws:assumeRoles\[0\]\.duration: is \"2 hours\"; allowed: a duration",
        ),
        ({"sharedConfigFiles": ["a", "b"]}, "aws:sharedConfigFiles: names 2 files"),
        (
            {
                "assumeRoleWithWebIdentity": {
                    "roleArn": "arn:aws:iam::111111111111:role/x",
                    "webIdentityTokenFile": "/nowhere",
                }
            },
            "webIdentityTokenFile: is /nowhere: No such file",
        ),
    ],
)
def test_what_cannot_be_followed_is_a_sentence(account: Account, given: dict[str, Any], said: str) -> None:
    with pytest.raises(CannotError, match=said) as refused:
        arn(settings(**given))
    assert "AAAB" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"endpoints": "garbage"}, "endpoints"),
        ({"endpoints": ["x"]}, "endpoints"),
        ({"endpoints": [{"sts": "not a url"}]}, "endpoints"),
        ({"assumeRoles": "arn:aws:iam::111111111111:role/x"}, "assumeRoles"),
        ({"assumeRoles": ["arn:aws:iam::111111111111:role/x"]}, "assumeRoles"),
        ({"assumeRoles": '[{"roleArn":'}, "assumeRoles"),
        ({"assumeRoleWithWebIdentity": "x"}, "assumeRoleWithWebIdentity"),
        ({"assumeRoles": [{"roleArn": "arn:aws:iam::111111111111:role/x", "tags": ["a"]}]}, "assumeRoles"),
        ({"maxRetries": "many"}, "maxRetries"),
        ({"maxRetries": "-1"}, "maxRetries"),
        ({"retryMode": "weird"}, "retryMode"),
        ({"token": "alone"}, "accessKey"),
        ({"secretKey": "alone"}, "accessKey"),
        ({"assumeRoles": [{"roleArn": "x", "externalId": {"secure": "AAAB"}}]}, "externalId"),
        ({"httpsProxy": {"secure": "AAAB"}}, "httpsProxy"),
        ({"sharedCredentialsFiles": [{"secure": "AAAB"}]}, "sharedCredentialsFiles"),
    ],
)
def test_whatever_is_written_there_is_a_sentence_and_no_traceback(
    account: Account, given: dict[str, Any], key: str
) -> None:
    with pytest.raises(CannotError, match=key) as refused:
        arn(settings(**given))
    assert "AAAB" not in str(refused.value)
    assert "Pulumi.dev.yaml" in str(refused.value)


def test_a_file_of_profiles_that_is_none_is_a_sentence(account: Account, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"\x00\xff[")
    with pytest.raises(CannotError, match=r"Pulumi\.dev\.yaml"):
        arn(settings(profile="x", sharedConfigFiles=[str(tmp_path / "bad")]))


def test_a_sandboxs_shell_goes_to_the_sandbox(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(reach.SANDBOX, "1")
    assert reach.clients_of(settings(profile="acme-dev")) is operator.client


def test_a_policy_that_is_used_is_one_that_allows(account: Account) -> None:
    """The opposite of the tests above: the user of the stack file may do no more than AWS lets it."""
    ada = account.user("Ada", document(allow("iam:ListUsers")))
    make = reach.clients_of(settings(**key_of(ada)))
    assert make("iam", "us-east-1", None).list_users()["Users"]
    with pytest.raises(CannotError, match="not authorized"):
        operator.call("Listing roles", make("iam", "us-east-1", None).list_roles)
