"""What a stack file may not hold, and the sentence that says so.

Each case changes one thing in a file that is right, so that the sentences are also proved to be the only
ones: no mistake makes misleading ones follow. Most cases are in refused.yaml, as a stack file would hold
them; those whose values have to be computed are here.
"""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from iam_hardening import config as settings
from tests.stack_files import PROJECT, handed_over

REMOVED = object()

CENTRAL: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["111111111111"],
    "iam-hardening:accountKind": "central",
    "iam-hardening:groups": {
        "Administrators": {"managedPolicies": ["AdministratorAccess"]},
        "Readers": {"managedPolicies": ["ReadOnlyAccess"], "enforceMfa": False},
    },
    "iam-hardening:users": {
        "Administrator": {"groups": ["Administrators"]},
    },
}
WORKLOAD: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["222222222222"],
    "iam-hardening:accountKind": "workload",
    "iam-hardening:centralAccountId": "111111111111",
    "iam-hardening:crossAccountRoles": {"test_role": {"managedPolicies": ["ReadOnlyAccess"]}},
    "iam-hardening:instance": {},
    "iam-hardening:vault": {"roles": {"test": {"managedPolicies": ["AmazonS3FullAccess"]}}},
}

Changes = dict[tuple[str, ...], Any]


def problems(config: dict[str, Any], changes: Changes, **options: Any) -> list[str]:
    wrong = copy.deepcopy(config)
    for path, value in changes.items():
        holder: Any = wrong
        for part in path[:-1]:
            holder = holder.setdefault(part, {})
        if value is REMOVED:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
    try:
        settings.load(handed_over(wrong), project=PROJECT, stack="test", **options)
    except settings.ConfigError as error:
        return [str(problem).removeprefix("iam-hardening:") for problem in error.problems]
    return []


AWS_REGION = ("aws:region",)
ALLOWED = ("aws:allowedAccountIds",)
KIND = ("iam-hardening:accountKind",)
CENTRAL_ID = ("iam-hardening:centralAccountId",)
TAGS = ("iam-hardening:tags",)
GROUPS = ("iam-hardening:groups",)
USERS = ("iam-hardening:users",)
ROLES = ("iam-hardening:crossAccountRoles",)
INSTANCE = ("iam-hardening:instance",)
VAULT = ("iam-hardening:vault",)
DEPLOY = (*VAULT, "roles", "deploy")

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "refused.yaml").read_text())


def path_of(key: str) -> tuple[str, ...]:
    """`users.Bob` → `("iam-hardening:users", "Bob")`."""
    first, *rest = key.split(".")
    return (first if ":" in first else f"{PROJECT}:{first}", *rest)


@pytest.mark.parametrize("case", CASES, ids=[case["mistake"] for case in CASES])
def test_one_mistake_makes_exact_sentences_and_no_other(case: dict[str, Any]) -> None:
    base = {"central": CENTRAL, "workload": WORKLOAD}[case["in"]]
    changes: Changes = {path_of(key): value for key, value in case.get("write", {}).items()}
    changes |= {path_of(key): REMOVED for key in case.get("remove", [])}
    assert problems(base, changes) == case["messages"]


@pytest.mark.parametrize("config", [CENTRAL, WORKLOAD], ids=["central", "workload"])
def test_the_files_that_the_cases_change_are_right(config: dict[str, Any]) -> None:
    assert problems(config, {}) == []


def statements(count: int) -> list[dict[str, Any]]:
    """About 150 characters each."""
    return [
        {"sid": f"S{n}", "actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::{'b' * 60}/{n}/*"]}
        for n in range(count)
    ]


def arns(kind: str, account_id: str, count: int) -> list[str]:
    """About 90 characters each."""
    return [f"arn:aws:iam::{account_id}:{kind}/{'n' * 50}{n:02}" for n in range(count)]


@pytest.mark.parametrize(
    ("config", "path", "most", "one_more", "sentence"),
    [
        (
            WORKLOAD,
            TAGS,
            {f"k{n}": "v" for n in range(46)},
            {f"k{n}": "v" for n in range(47)},
            "tags: make 51 tags with the program's own (ManagedBy, Project, Stack, Name); AWS takes 50",
        ),
        (
            CENTRAL,
            (*GROUPS, "Readers", "policies", "p"),
            statements(40),
            statements(41),
            "groups.Readers.policies.p: makes a policy of 6209 characters; AWS allows 6144. Split it in two",
        ),
        (
            CENTRAL,
            (*GROUPS, "Readers", "mayAssume"),
            arns("role", "222222222222", 69),
            arns("role", "222222222222", 70),
            "groups.Readers.mayAssume: makes a policy of 6148 characters; AWS allows 6144. Use a "
            "second group",
        ),
        (
            WORKLOAD,
            (*ROLES, "test_role", "principals"),
            arns("user", "111111111111", 92),
            arns("user", "111111111111", 93),
            "crossAccountRoles.test_role.principals: make a trust policy of 8259 characters; AWS raises this "
            "quota to 8192 at most. Name fewer, or let a group of the central account decide (mayAssume)",
        ),
        (
            WORKLOAD,
            DEPLOY,
            {"statements": statements(13)},
            {"statements": statements(14)},
            "vault.roles.deploy.statements: make a policy of 2132 characters; AWS allows 2048. Shorten "
            "it, or use "
            "managedPolicies",
        ),
        (
            WORKLOAD,
            DEPLOY,
            {"statements": statements(7), "debugInstance": True},
            {"statements": statements(8), "debugInstance": True},
            "vault.roles.deploy.statements: make a policy, together with debugInstance, of 2123 "
            "characters; AWS "
            "allows 2048. Shorten it, or use managedPolicies",
        ),
        (
            WORKLOAD,
            DEPLOY,
            {"managedPolicies": [f"P{n}" for n in range(20)]},
            {"managedPolicies": [f"P{n}" for n in range(21)]},
            "vault.roles.deploy.managedPolicies: 21 managed policies; AWS raises this quota to 20 at most. "
            "Use fewer, or one policy for several",
        ),
        (
            CENTRAL,
            (*GROUPS, "Administrators", "managedPolicies"),
            ["AdministratorAccess", *(f"P{n}" for n in range(8))],
            ["AdministratorAccess", *(f"P{n}" for n in range(9))],
            "groups.Administrators.managedPolicies: 11 managed policies (1 of them from policies and "
            "the program); "
            "AWS attaches 10 to a group at most, and does not raise this quota. Use a second group",
        ),
        (
            WORKLOAD,
            (*VAULT, "roles"),
            {f"r{r}": {"managedPolicies": [f"{'P' * 90}{r}{p}" for p in range(9)]} for r in range(4)},
            {f"r{r}": {"managedPolicies": [f"{'P' * 90}{r}{p}" for p in range(10)]} for r in range(4)},
            "vault.roles: name 40 managed policies and 0 assumed roles, which make a policy for Vault's "
            "principal of 6242 characters; AWS allows 6144. Use fewer, or a second stack",
        ),
    ],
    ids=[
        "tags",
        "a policy",
        "roles to assume",
        "principals",
        "a Vault role's policy",
        "a Vault role's policy with debugging",
        "policies of an issued user",
        "policies of a group",
        "policies that Vault attaches",
    ],
)
def test_awss_limits_are_kept_to_the_last_that_fits(
    config: dict[str, Any], path: tuple[str, ...], most: Any, one_more: Any, sentence: str
) -> None:
    assert problems(config, {path: most}) == []
    assert problems(config, {path: one_more}) == [sentence]


def test_a_group_that_many_policies_are_added_to_counts_those_too() -> None:
    """Two of the program's for people without administrator rights, one for the roles they may assume."""
    group = {
        "managedPolicies": [f"P{n}" for n in range(7)],
        "policies": {"own": statements(1)},
        "mayAssume": arns("role", "222222222222", 1),
    }
    (line,) = problems(CENTRAL, {(*GROUPS, "New"): group})
    assert line.startswith("groups.New.managedPolicies: 11 managed policies (4 of them")


@pytest.mark.parametrize(
    ("path", "entry", "longest"),
    [
        ((*USERS,), {"groups": ["Administrators"]}, 64),
        ((*GROUPS,), {}, 128),
        # Its policy is called assume-roles-NAME.
        ((*GROUPS,), {"mayAssume": arns("role", "222222222222", 1)}, 115),
    ],
)
def test_names_may_be_as_long_as_iam_takes_them(path: tuple[str, ...], entry: Any, longest: int) -> None:
    assert problems(CENTRAL, {(*path, "n" * longest): entry}) == []
    (line,) = problems(CENTRAL, {(*path, "n" * (longest + 1)): entry})
    assert "the name is" in line


def test_all_mistakes_of_a_file_are_reported_at_once() -> None:
    """In whichever section, and several in one entry."""
    changes: Changes = {
        AWS_REGION: "us-est-1",
        CENTRAL_ID: REMOVED,
        (*TAGS, "aws:owner"): 1,
        (*ROLES, "test/role"): {"managedPolices": []},
        (*ROLES, "other"): {"principals": ["arn:aws:iam::111111111111:user/*"], "requireMfa": "no"},
        (*INSTANCE, "instanceType"): "micro",
        (*INSTANCE, "roleName"): "test_role",
        (*VAULT, "maxLeaseTtl"): "10m",
        (*VAULT, "mount"): "/aws",
        (*VAULT, "roles", "test", "managedPolicies"): [1],
        DEPLOY: {},
    }
    keys = sorted(line.split(": ")[0] for line in problems(WORKLOAD, changes))
    assert keys == sorted(
        [
            "aws:region",
            "centralAccountId",
            'tags["aws:owner"]',
            'tags["aws:owner"]',
            'crossAccountRoles["test/role"]',
            'crossAccountRoles["test/role"].managedPolices',
            "crossAccountRoles.other.principals[0]",
            "crossAccountRoles.other.requireMfa",
            "instance.instanceType",
            "instance.roleName",
            "vault.defaultLeaseTtl",
            "vault.mount",
            "vault.roles.test.managedPolicies[0]",
            "vault.roles.deploy",
        ]
    )


@pytest.mark.parametrize("broken", [5, {"groups": []}, {"group": ["x"]}], ids=["type", "groups", "key"])
def test_an_entry_that_is_wrong_in_two_ways_hides_nothing_in_its_neighbours(broken: Any) -> None:
    lines = problems(CENTRAL, {(*USERS, "Bob Smith"): broken, (*USERS, "Eve"): {"groups": ["Nobody"]}})
    assert (
        'users.Eve.groups: "Nobody" is no group of this stack; known here: Administrators, Readers' in lines
    )
    assert any(line.startswith('users["Bob Smith"]: the name is "Bob Smith"') for line in lines)
    assert len(lines) == (4 if broken == {"group": ["x"]} else 3)


@pytest.mark.parametrize(
    ("config", "changes", "only"),
    [
        # The group is there, although its own mistake takes it out of the reckoning.
        (
            CENTRAL,
            {(*GROUPS, "Administrators"): {"managedPolicies": "x"}},
            ["groups.Administrators.managedPolicies"],
        ),
        (CENTRAL, {(*GROUPS, "Administrators", "enforceMfa"): "no"}, ["groups.Administrators.enforceMfa"]),
        (CENTRAL, {(*USERS, "Administrator", "groups"): [1]}, ["users.Administrator.groups[0]"]),
        (CENTRAL, {USERS: ["Administrator"]}, ["users"]),
        (CENTRAL, {GROUPS: None}, ["groups"]),
        # Which partition, and whose account, is not known: nothing else can be said about it.
        (CENTRAL, {AWS_REGION: "cn-nord-1"}, ["aws:region"]),
        (WORKLOAD, {CENTRAL_ID: "222"}, ["centralAccountId"]),
        (WORKLOAD, {ALLOWED: ["222"]}, ["aws:allowedAccountIds[0]"]),
        # The default would be longer than the maximum, but it was not asked for.
        (
            WORKLOAD,
            {(*VAULT, "defaultLeaseTtl"): "x", (*VAULT, "maxLeaseTtl"): "10m"},
            ["vault.defaultLeaseTtl"],
        ),
        (
            WORKLOAD,
            {DEPLOY: {"statements": [{}]}},
            [f"vault.roles.deploy.statements[0].{key}" for key in ("sid", "actions", "resources")],
        ),
        (WORKLOAD, {INSTANCE: "x", DEPLOY: {"debugInstance": True}}, ["instance"]),
        (WORKLOAD, {KIND: "x", USERS: {}}, ["accountKind"]),
    ],
)
def test_a_mistake_is_not_followed_by_misleading_ones(
    config: dict[str, Any], changes: Changes, only: list[str]
) -> None:
    assert [line.split(": ")[0] for line in problems(config, changes)] == only


def test_a_refusal_begins_with_the_file_and_says_that_nothing_was_changed() -> None:
    with pytest.raises(settings.ConfigError) as refused:
        settings.load({"aws:region": "x"}, project=PROJECT, stack="dev")
    assert refused.value.file == "Pulumi.dev.yaml"
    assert str(refused.value).splitlines()[0] == "Pulumi.dev.yaml has 3 mistakes; nothing was changed:"
    assert [problem.key for problem in refused.value.problems] == [
        "aws:region",
        "aws:allowedAccountIds",
        "iam-hardening:accountKind",
    ]


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("iam-hardening:users", (*USERS, "Administrator", "pgpKey")),
        ("iam-hardening:groups", (*GROUPS, "Readers", "managedPolicies")),
        ("aws:region", AWS_REGION),
    ],
)
def test_the_value_of_a_secret_is_never_shown(key: str, path: tuple[str, ...]) -> None:
    lines = problems(CENTRAL, {path: "hush hush"}, secret_keys=[key])
    assert lines == [
        f"{key.removeprefix('iam-hardening:')}: is a secret (secure:), and nothing in this file is one: "
        "it would stand readable in policies and outputs. Set it again with --plaintext"
    ]


def test_a_pgp_key_is_not_shown_for_it_could_be_a_private_one() -> None:
    private = "lQVYBFabc0BCAD012345"
    for value in (private, f"{private}!", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n" + private):
        (line,) = problems(CENTRAL, {(*USERS, "Administrator", "pgpKey"): value})
        assert private not in line


def denial(**changed: Any) -> dict[str, Any]:
    return {"sid": "A", "effect": "Deny", "actions": ["iam:*"], "resources": ["*"]} | changed


def all_but(**written: Any) -> dict[str, Any]:
    return {"sid": "A", "effect": "Deny"} | written


@pytest.mark.parametrize(
    "statement",
    [
        denial(effect="Allow"),
        denial(actions=["iam:CreateUser", "sts:*", "s3:*"]),
        denial(resources=["arn:aws:iam::111111111111:user/Somebody"]),
        denial(actions=["iam:EnableMFADevice"], conditions={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        denial(
            actions=["iam:DetachGroupPolicy"],
            conditions={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        ),
        denial(conditions={"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
        denial(conditions={"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "us-east-1"]}}),
        all_but(notActions=["iam:*", "sts:*"], resources=["*"]),
        all_but(actions=["iam:*"], notResources=["arn:aws:iam::111111111111:*"]),
        all_but(
            actions=["iam:*"],
            notResources=[
                "arn:aws:iam::*:user/${aws:username}",
                "arn:aws:iam::*:mfa/*",
                "arn:aws:iam::*:group/*",
            ],
        ),
        # What the variable stands for is not in the file.
        all_but(actions=["iam:*"], notResources=["arn:aws:iam::*:${aws:PrincipalTag/own}"]),
        all_but(
            notActions=["s3:*"],
            resources=["*"],
            conditions={"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "us-east-1"]}},
        ),
        denial(conditions={"StringNotLike": {"aws:RequestedRegion": "us-*"}}),
        denial(conditions={"StringEquals": {"aws:username": "Somebody"}}),
        denial(
            conditions={
                "StringNotEquals": {"aws:RequestedRegion": "eu-central-1"},
                "Bool": {"aws:ViaAWSService": "true"},
            }
        ),
    ],
)
def test_a_denial_that_lets_the_only_administrator_in_is_accepted(statement: dict[str, Any]) -> None:
    assert problems(CENTRAL, {(*GROUPS, "Administrators", "policies"): {"careful": [statement]}}) == []


def test_a_denial_is_accepted_where_another_administrator_can_undo_it() -> None:
    changes: Changes = {
        (*GROUPS, "Readers", "policies"): {"careful": [denial()]},
        (*USERS, "Administrator", "groups"): ["Administrators", "Readers"],
        (*USERS, "Second"): {"groups": ["Administrators"]},
    }
    assert problems(CENTRAL, changes) == []


@pytest.mark.parametrize(
    ("resource", "key"),
    [
        ("arn:aws:s3:::shared-reports/Monthly Figures/*", "aws:ResourceTag/Cost Center"),
        ("arn:aws:cloudwatch:us-east-1:111111111111:alarm:High CPU", "aws:RequestTag/Kostenstelle für Büro"),
        ("arn:aws:s3:::home/${aws:PrincipalTag/team, 'company-wide'}/*", "kms:EncryptionContext:aws:s3:arn"),
        ("arn:aws:s3:::data/ä", "token.actions.githubusercontent.com:sub"),
        ("*", "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E:aud"),
    ],
)
def test_resources_and_condition_keys_are_as_wide_as_in_iam(resource: str, key: str) -> None:
    statement = {
        "sid": "A",
        "actions": ["s3:GetObject"],
        "resources": [resource],
        "conditions": {"StringEquals": {key: "x"}},
    }
    assert problems(CENTRAL, {path_of("groups.Readers.policies"): {"p": [statement]}}) == []


@pytest.mark.parametrize(
    ("resource", "key"),
    [
        ("arn:aws:s3:::data ", "aws:ResourceTag/x "),
        (" arn:aws:s3:::data", " aws:ResourceTag/x"),
        ("arn:aws:s3:::", "aws:"),
        ("arn:aws:s3:::a\nb", "aws:ResourceTag/a\tb"),
        ("arn:aws:s3:::日本", "aws:ResourceTag/日本"),
    ],
)
def test_what_iam_refuses_in_a_resource_or_a_condition_key_is_refused(resource: str, key: str) -> None:
    right = {"sid": "A", "actions": ["s3:GetObject"], "resources": ["*"]}
    for wrong, says in (
        ({**right, "resources": [resource]}, "allowed: an ARN"),
        ({**right, "conditions": {"StringEquals": {key: "x"}}}, "allowed: a condition key"),
    ):
        (problem,) = problems(CENTRAL, {path_of("groups.Readers.policies"): {"p": [wrong]}})
        assert says in problem


def test_default_tags_with_names_of_their_own_are_accepted() -> None:
    changes = {"aws:defaultTags": {"tags": {"Team": "x", "ManagedBy": "pulumi", "Cost Center": "42"}}}
    assert problems({**WORKLOAD, **changes}, {}) == []
