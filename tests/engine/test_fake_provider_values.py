"""The fake providers' parts without the engine: values on the wire, comparisons, rows, passwords."""

import string

import pytest

from rehearsal.providers import AwsCredentials, FakeProviders
from rehearsal.providers.aws_rows import aws_package
from rehearsal.providers.comparing import changed_inputs
from rehearsal.providers.login_password import SYMBOLS, random_password
from rehearsal.providers.rows import FakeProviderError
from rehearsal.providers.values import UNKNOWN, decode, encode, has_unknown
from rehearsal.providers.vault_rows import vault_package
from tests.engine.documents import allow, spaced

AWS = aws_package("http://127.0.0.1:1", {})
VAULT = vault_package("http://127.0.0.1:1", "token")


def test_values_survive_the_wire_with_their_secrets_and_whole_numbers() -> None:
    properties = {"name": "x", "count": 3, "half": 0.5, "on": False, "list": [{"a": 1}], "later": UNKNOWN}
    decoded, secret = decode(encode(properties, {"name", "list"}))
    assert decoded == properties
    assert secret == {"name", "list"}
    assert isinstance(decoded["count"], int)


def test_a_secret_inside_a_property_makes_it_secret() -> None:
    inner = encode({"token": "hush", "plain": "x"}, {"token"})
    outer = encode({"other": 1})
    outer.fields["tags"].struct_value.CopyFrom(inner)
    decoded, secret = decode(outer)
    assert decoded["tags"] == {"token": "hush", "plain": "x"}
    assert secret == {"tags"}


def test_an_unknown_value_is_found_at_any_depth() -> None:
    assert has_unknown({"a": [{"b": UNKNOWN}]})
    assert not has_unknown({"a": [{"b": "known"}]})


def test_every_input_that_cannot_change_in_place_forces_a_replacement() -> None:
    row = AWS.rows["aws:iam/policy:Policy"]
    assert row.inputs == {"name", "path", "description", "policy", "tags"}
    assert row.inputs - row.updatable == {"name", "path", "description"}
    login = AWS.rows["aws:iam/userLoginProfile:UserLoginProfile"]
    assert login.inputs == {"user", "passwordLength", "passwordResetRequired", "pgpKey"}
    assert login.updatable == set()


@pytest.mark.parametrize("package", [AWS, VAULT], ids=lambda package: package.name)
def test_what_a_row_fills_in_or_compares_is_one_of_its_inputs(package: object) -> None:
    for row in package.rows.values():  # type: ignore[attr-defined]
        named = {*row.defaults, *row.computed, *row.compared_as, *row.sent_with, *row.unlike}
        assert named <= row.inputs, row.type
        assert not set(row.refused) & row.inputs, row.type


def test_only_a_change_of_meaning_is_a_change() -> None:
    row = AWS.rows["aws:iam/policy:Policy"]
    document = allow("s3:GetObject")
    assert changed_inputs(row, {"policy": document, "tags": {}}, {"policy": spaced(document)}) == set()
    assert changed_inputs(row, {"policy": document}, {"policy": allow("s3:*")}) == {"policy"}
    assert changed_inputs(row, {"policy": document}, {"policy": allow("s3:*")}, ["policy"]) == set()
    role = VAULT.rows["vault:aws/secretBackendRole:SecretBackendRole"]
    assert changed_inputs(role, {"policyArns": ["a", "b"]}, {"policyArns": ["b", "a"]}) == set()
    assert changed_inputs(role, {"policyArns": ["a", "b"]}, {"policyArns": ["b"]}) == {"policyArns"}


@pytest.mark.parametrize("length", [4, 5, 20, 128])
def test_a_password_satisfies_every_account_password_policy(length: int) -> None:
    classes = (string.ascii_lowercase, string.ascii_uppercase, string.digits, SYMBOLS)
    passwords = {random_password(length) for _ in range(20)}
    assert len(passwords) == 20
    for password in passwords:
        assert len(password) == length
        assert all(set(password) & set(members) for members in classes)


def test_a_password_too_short_for_that_is_refused() -> None:
    with pytest.raises(FakeProviderError, match="passwordLength is 3"):
        random_password(3)


def test_no_credential_shows_in_a_repr() -> None:
    credentials = AwsCredentials("AKIAEXAMPLE", "the-secret", "the-token")
    fake_providers = FakeProviders(
        "http://127.0.0.1:1", {"dev": credentials}, "http://127.0.0.1:2", "vault-token"
    )
    shown = repr(credentials) + repr(fake_providers)
    assert "AKIAEXAMPLE" in shown
    assert "the-secret" not in shown
    assert "the-token" not in shown
    assert "vault-token" not in shown
