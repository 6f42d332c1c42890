"""No secret in plaintext: not in the state, in what the engine prints, in its events or in an error."""

import base64
import json
import logging
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault
import pysequoia
import pytest

from tests.engine.documents import trust

pytestmark = pytest.mark.engine


def test_passwords_and_keys_are_in_no_state_log_or_event(
    stack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def program() -> None:
        user = aws.iam.User("user", name="u", force_destroy=True)
        profile = aws.iam.UserLoginProfile("login", user=user.name)
        key = aws.iam.AccessKey("key", user=user.name)
        vault.aws.SecretBackend(
            "mount", path=f"aws-{stack.name}", access_key=key.id, secret_key=key.secret, region="us-east-1"
        )
        pulumi.export("password", profile.password)
        pulumi.export("secret", key.secret)

    caplog.set_level(logging.DEBUG, logger="rehearsal")
    up = stack.up(program)
    outputs = stack.stack.outputs()
    assert outputs["password"].secret
    assert outputs["secret"].secret
    refresh, again = stack.refresh(), stack.up()
    assert refresh.clean
    assert again.clean
    everything = json.dumps(stack.stored()) + caplog.text
    for result in (up, refresh, again):
        everything += result.said + repr(result.events)
    for output in ("password", "secret"):
        assert outputs[output].value not in everything
    assert "ciphertext" in stack.resource("mount")["outputs"]["accessKey"]


def test_additional_secret_outputs_are_secret(stack: Any) -> None:
    def program(*names: str) -> Callable[[], None]:
        options = pulumi.ResourceOptions(additional_secret_outputs=list(names))
        return lambda: (aws.iam.Group("group", name="quiet-group", opts=options), None)[1]

    stack.up(program("arn"))
    assert "ciphertext" in stack.resource("group")["outputs"]["arn"]
    assert isinstance(stack.resource("group")["outputs"]["name"], str)


def test_a_secret_tag_is_secret_in_tags_all_too(stack: Any) -> None:
    def program() -> None:
        tags = {"token": pulumi.Output.secret("hush-hush-token")}
        aws.iam.Role("role", name="r", assume_role_policy=trust("111111111111"), tags=tags)

    up = stack.up(program)
    assert stack.refresh().clean
    assert "hush-hush-token" not in json.dumps(stack.stored()) + up.said + repr(up.events)


def test_an_error_about_a_secret_does_not_tell_it(stack: Any) -> None:
    def program() -> None:
        aws.iam.Role("role", name="r", assume_role_policy=pulumi.Output.secret("hush-hush-no-json"))
        aws.iam.Group("group", name=pulumi.Output.secret("hush hush/not a name"))

    said = stack.fails(program)
    assert "aws:iam/group:Group group" in said
    assert "hush" not in said


def test_a_password_is_encrypted_to_the_persons_key(stack: Any) -> None:
    person = pysequoia.Cert.generate("Ann <ann@example.com>")
    public_key = base64.b64encode(bytes(person)).decode()

    def program() -> None:
        user = aws.iam.User("user", name="Ann", force_destroy=True)
        profile = aws.iam.UserLoginProfile("login", user=user.name, password_length=24, pgp_key=public_key)
        pulumi.export("encrypted", profile.encrypted_password)
        pulumi.export("fingerprint", profile.key_fingerprint)
        pulumi.export("password", profile.password)

    stack.up(program)
    outputs = stack.outputs()
    message = base64.b64decode(outputs["encrypted"])
    private_key = person.secrets
    assert private_key is not None
    opened = pysequoia.decrypt(message, decryptor=private_key.decryptor()).bytes
    assert opened is not None
    assert len(opened.decode()) == 24
    assert outputs["fingerprint"] == person.fingerprint
    assert outputs.get("password") is None
    assert stack.up().clean
    assert stack.refresh().clean
    assert stack.outputs()["encrypted"] == outputs["encrypted"]


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("keybase:ann", "pgpKey names a Keybase user"),
        ("not base64!", "pgpKey is neither base64 of an OpenPGP public key nor keybase:USER"),
        (base64.b64encode(b"no key").decode(), "pgpKey is not an OpenPGP public key"),
    ],
)
def test_a_bad_pgp_key_is_refused_before_the_password_is_set(stack: Any, key: str, sentence: str) -> None:
    def program() -> None:
        user = aws.iam.User("user", name="Ann")
        aws.iam.UserLoginProfile("login", user=user.name, pgp_key=key)

    assert sentence in stack.fails(program)
    iam = stack.client("iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_login_profile(UserName="Ann")
