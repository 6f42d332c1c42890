"""Whatever stands at whatever key: `load` answers with settings or with sentences, never with a traceback."""

import copy
import datetime
import math
from collections.abc import Iterator
from typing import Any

import pytest

from iam_hardening import config as settings
from tests.stack_files import PROJECT, handed_over

CENTRAL: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["111111111111"],
    "iam-hardening:accountKind": "central",
    "iam-hardening:tags": {"Owner": "security"},
    "iam-hardening:passwordPolicy": {
        "preset": "cis",
        "minimumPasswordLength": 16,
        "requireSymbols": True,
        "maxPasswordAge": 90,
    },
    "iam-hardening:groups": {
        "Administrators": {
            "managedPolicies": ["AdministratorAccess"],
            "mayAssume": ["arn:aws:iam::222222222222:role/test_role"],
            "enforceMfa": True,
            "policies": {
                "extra": [
                    {
                        "sid": "A",
                        "effect": "Deny",
                        "actions": ["s3:*"],
                        "resources": ["arn:aws:s3:::data/*"],
                        "conditions": {"StringEquals": {"aws:username": ["Alice", "Bob"]}},
                    }
                ]
            },
        }
    },
    "iam-hardening:users": {"Administrator": {"groups": ["Administrators"], "pgpKey": "keybase:someone"}},
}
WORKLOAD: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["222222222222"],
    "iam-hardening:accountKind": "workload",
    "iam-hardening:centralAccountId": "111111111111",
    "iam-hardening:crossAccountRoles": {
        "test_role": {
            "requireMfa": True,
            "principals": ["arn:aws:iam::111111111111:user/Alice"],
            "managedPolicies": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        }
    },
    "iam-hardening:vaultServer": {
        "name": "vault-server",
        "tableName": "vault-data",
        "apiAddress": "https://vault.example.com:8200",
        "tlsCertificateFile": "/opt/vault/tls/tls.crt",
        "tlsKeyFile": "/opt/vault/tls/tls.key",
    },
    "iam-hardening:instance": {
        "name": "HelloWorld",
        "roleName": "test_instance_role",
        "profileName": "test_profile",
        "instanceType": "t3.micro",
        "imageName": "ubuntu-*",
        "imageOwner": "099720109477",
        "subnetId": "subnet-0123456789abcdef0",
        "securityGroupIds": ["sg-0123456789abcdef0"],
        "sessionManager": True,
        "sessionPreferences": {
            "idleTimeout": "15m",
            "maxDuration": 3600,
            "runAs": "debugger",
            "logGroup": "/shells",
            "logRetentionDays": 90,
        },
    },
    "iam-hardening:vault": {
        "mount": "aws",
        "defaultLeaseTtl": "30m",
        "maxLeaseTtl": 3600,
        "principalName": "vault-secrets-engine",
        "keyGeneration": 2,
        "iamEndpoint": "http://127.0.0.1:4566",
        "stsEndpoint": "http://127.0.0.1:4566",
        "roles": {
            "test": {
                "credentialType": "iam_user",
                "managedPolicies": ["AmazonS3FullAccess"],
                "statements": [{"sid": "A", "actions": ["ec2:RebootInstances"], "resources": ["*"]}],
                "debugInstance": True,
            }
        },
    },
}
ODD_VALUES: list[Any] = [
    *(
        None,
        "",
        " ",
        "x",
        "[",
        "{",
        "{broken",
        '["a',
        "[1",
        "\n",
        "\0",
        "\ud800",
        "é",
        "*",
        ":",
        "a:b",
        "1.5",
    ),
    *("null", "true", "012345678901", "12345678901", "1.2345678901e+10", "9" * 5000, "x" * 5000),
    *(True, False, 0, -1, 1, 1.5, math.inf, math.nan, 10**30, 111111111111),
    *([], {}, [None], [[]], [{}], {"": ""}, {"[key]": {}}, {"a": None}, {"secure": "v1:abc"}, {"é.": []}),
    *({"x": {"x": {"x": {}}}}, ["a"] * 60, {f"k{n}": "v" for n in range(60)}, {1: 2}, {True: None}),
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for part, entry in entries:
        yield (*path, part)
        yield from paths(entry, (*path, part))


def changed(config: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    result = copy.deepcopy(config)
    holder = result
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return result


def problems_of(config: dict[str, Any]) -> list[settings.Problem]:
    try:
        settings.load(config, project=PROJECT, stack="fuzz")
    except settings.ConfigError as error:
        # What Pulumi sends to the engine has to be encodable, whatever was in the file.
        return error.problems if str(error).encode() else []
    return []


def key_ids(cases: list[tuple[dict[str, Any], tuple[Any, ...]]]) -> list[str]:
    return [".".join(map(str, path)) for _, path in cases]


def is_a_name_of_the_users_own(path: tuple[Any, ...]) -> bool:
    """Or an element of a list, or the provider's business: a neighbour there is no unknown key."""
    maps_of_names = ("tags", "groups", "users", "crossAccountRoles", "roles", "policies", "conditions")
    holder = str(path[-2]).split(":")[-1] if len(path) > 1 else ""
    return (
        not isinstance(path[-1], str)
        or path[0].startswith("aws:")
        or holder in (*maps_of_names, "StringEquals")
    )


CASES = [(config, path) for config in (CENTRAL, WORKLOAD) for path in paths(config)]
KNOWN_KEYS = [(config, path) for config, path in CASES if not is_a_name_of_the_users_own(path)]


def test_both_samples_are_right_as_they_stand() -> None:
    assert problems_of(handed_over(CENTRAL)) == []
    assert problems_of(handed_over(WORKLOAD)) == []


@pytest.mark.parametrize(("config", "path"), CASES, ids=key_ids(CASES))
def test_odd_values_make_sentences(config: dict[str, Any], path: tuple[Any, ...]) -> None:
    for value in ODD_VALUES:
        texts = [str(problem) for problem in problems_of(handed_over(changed(config, path, value)))]
        assert len(set(texts)) == len(texts)
        for text in texts:
            assert not any(word in text for word in ("None", "True", "False", "Input should"))
            assert text.isprintable()
            assert len(text) < 1000


@pytest.mark.parametrize("config", [CENTRAL, WORKLOAD], ids=["central", "workload"])
def test_odd_values_that_were_parsed_before_make_sentences_too(config: dict[str, Any]) -> None:
    """As a reader of the stack file without Pulumi passes them."""
    for key in config:
        for value in [*ODD_VALUES, datetime.date(2026, 1, 1), {datetime.date(2026, 1, 1): ()}]:
            assert all("None" not in str(problem) for problem in problems_of(changed(config, (key,), value)))


@pytest.mark.parametrize(("config", "path"), KNOWN_KEYS, ids=key_ids(KNOWN_KEYS))
def test_an_unknown_key_beside_every_key_is_reported(config: dict[str, Any], path: tuple[Any, ...]) -> None:
    neighbour = (*path[:-1], f"{path[-1]}x")
    (problem,) = problems_of(handed_over(changed(config, neighbour, "x")))
    assert problem.key.endswith(str(neighbour[-1]))
    assert problem.sentence == f'unknown key; did you mean "{str(path[-1]).split(":")[-1]}"?'
