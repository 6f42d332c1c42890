"""Stack files that are unusual and right: the program takes them, each resource under its own name."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.program.test_every_stack_file import takes_tags
from tests.recorder import Recorder
from tests.unit.test_settings_refused import CENTRAL, WORKLOAD

RunProgram = Callable[..., Recorder]

KEY = "keybase:alice"
# Name of the stack, its file, and how many users, groups and roles it makes (Vault's principal is a user).
UNUSUAL: dict[str, tuple[str, dict[str, Any], tuple[int, int, int]]] = {
    "a group without users": (
        "central",
        CENTRAL | {"iam-hardening:groups": CENTRAL["iam-hardening:groups"] | {"Nobody": {}}},
        (1, 3, 0),
    ),
    "the only person has a PGP key": (
        "central",
        CENTRAL | {"iam-hardening:users": {"Alice": {"groups": ["Administrators"], "pgpKey": KEY}}},
        (1, 2, 0),
    ),
    "names of every allowed character": (
        "central.people-1_x",
        CENTRAL
        | {
            "iam-hardening:groups": {"Admins+=,.@_-1": {"managedPolicies": ["AdministratorAccess"]}},
            "iam-hardening:users": {"a.b+c=d,e_f@g.h-1": {"groups": ["Admins+=,.@_-1"]}},
        },
        (1, 1, 0),
    ),
    "a user, a group and a policy of one name": (
        "central",
        CENTRAL
        | {
            "iam-hardening:groups": {
                "same": {
                    "managedPolicies": ["AdministratorAccess"],
                    "policies": {"same": [{"sid": "A", "actions": ["s3:*"], "resources": ["*"]}]},
                }
            },
            "iam-hardening:users": {"same": {"groups": ["same"]}},
        },
        (1, 1, 0),
    ),
    "no instance": ("dev", {k: v for k, v in WORKLOAD.items() if "instance" not in k}, (1, 0, 1)),
    "no Vault": ("dev", {k: v for k, v in WORKLOAD.items() if "vault" not in k}, (0, 0, 2)),
    "Vault without roles": ("dev", WORKLOAD | {"iam-hardening:vault": {}}, (1, 0, 2)),
    "an account of which only the password policy is wanted": (
        "dev",
        {k: v for k, v in WORKLOAD.items() if k.startswith("aws:") or "Kind" in k},
        (0, 0, 0),
    ),
    "a Vault server with names as long as AWS takes them": (
        "tools",
        WORKLOAD
        | {
            "iam-hardening:vaultServer": {
                "name": "v" * 64,
                "tableName": "t.-_" * 63 + "end",
                "apiAddress": "https://127.0.0.1",
            }
        },
        (1, 0, 3),
    ),
    "China": ("cn", WORKLOAD | {"aws:region": "cn-north-1"}, (1, 0, 2)),
    "GovCloud": ("gov", WORKLOAD | {"aws:region": "us-gov-west-1"}, (1, 0, 2)),
}


@pytest.mark.parametrize("case", UNUSUAL)
def test_an_unusual_stack_file_is_taken(run_program: RunProgram, case: str) -> None:
    stack, config, (users, groups, roles) = UNUSUAL[case]
    recorder = run_program(copy.deepcopy(config), stack=stack)
    counted = [len(recorder.all_of(f"aws:iam/{kind}")) for kind in ("user:User", "group:Group", "role:Role")]
    assert counted == [users, groups, roles]
    assert all(made.inputs["tags"] for made in recorder.registrations.values() if _tagged(made))


def _tagged(made: Any) -> bool:
    return made.custom and takes_tags(made)


@pytest.mark.parametrize(("case", "partition"), [("China", "aws-cn"), ("GovCloud", "aws-us-gov")])
def test_no_arn_of_the_commercial_partition_is_written_elsewhere(
    run_program: RunProgram, case: str, partition: str
) -> None:
    stack, config, _ = UNUSUAL[case]
    recorder = run_program(copy.deepcopy(config), stack=stack)
    trust = recorder.one("aws:iam/role:Role", "test_role").inputs["assumeRolePolicy"]
    assert f"arn:{partition}:iam::111111111111:root" in trust
    assert '"arn:aws:iam' not in trust
