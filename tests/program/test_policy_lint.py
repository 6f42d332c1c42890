"""parliament, which knows AWS's actions, resources and condition keys, over every document of every stack.

`make check` runs this file. What it reports and is right as it is stands in ACCEPTED, with the reason.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import parliament
import pytest
import yaml

from tests.recorder import ACCOUNT_ID, Recorder
from tests.stack_files import ROOT

FILES = sorted([*ROOT.glob("Pulumi.*.yaml"), *ROOT.glob("examples/*/Pulumi.*.yaml")])


class Accepted(NamedTuple):
    type: str
    issue: str
    why: str
    # Of one resource; None: of all of the type.
    name: str | None = None

    def covers(self, type_: str, name: str, issue: str) -> bool:
        return (self.type, self.issue) == (type_, issue) and self.name in (None, name)


_POLICY, _BOUNDARY = "aws:iam/policy:Policy", "vault-aws-boundary"


ACCEPTED = [
    Accepted(
        "aws:kms/key:Key",
        "RESOURCE_STAR",
        "in a key's policy * is the key itself, and AWS takes nothing else",
    ),
    Accepted(
        "aws:iam/policy:Policy",
        "MISMATCHED_TYPE_BUT_USABLE",
        "iam:PermissionsBoundary has to be one ARN to the letter; ArnEquals would take patterns",
    ),
    Accepted(
        "vault:aws/secretBackendRole:SecretBackendRole",
        "RESOURCE_MISMATCH",
        "ssmmessages:OpenDataChannel on one's own sessions, as AWS's sample policy has it",
        "vault-aws-debug-instance",
    ),
    Accepted(
        "vault:aws/secretBackendRole:SecretBackendRole",
        "UNKNOWN_CONDITION_FOR_ACTION",
        "parliament lacks ssm:SessionDocumentAccessCheck, which AWS has; IfExists lets EC2's calls pass",
        "vault-aws-debug-instance",
    ),
    Accepted(_POLICY, "UNKNOWN_ACTION", "denied before AWS gives an action such a name", _BOUNDARY),
    Accepted(_POLICY, "RESOURCE_STAR", "a boundary alone grants nothing", _BOUNDARY),
    Accepted(_POLICY, "UNKNOWN_PREFIX", "parliament lacks services that AWS has", _BOUNDARY),
    Accepted(
        _POLICY,
        "UNKNOWN_CONDITION_FOR_ACTION",
        "one denial for every action of a service; those without the key are not meant",
        _BOUNDARY,
    ),
]


def lint(document: str) -> list[tuple[str, str]]:
    """What parliament finds: its name for the issue, and the details."""
    policy = parliament.analyze_policy_string(document)
    return [(finding.issue, str(finding.detail)) for finding in policy.findings]


def documents(value: Any) -> Iterator[str]:
    """Every policy document inside a resource's inputs, whatever the property is called."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from documents(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from documents(inner)
    elif isinstance(value, str) and '"Statement"' in value:
        yield value


def with_the_role_as_resource(trust: str) -> str:
    """A trust policy is about its role, and may not say so; parliament knows only documents that do."""
    document = json.loads(trust)
    for statement in document["Statement"]:
        assert "Resource" not in statement
        statement["Resource"] = f"arn:aws:iam::{ACCOUNT_ID}:role/the-role-itself"
    return json.dumps(document)


def linted(recorder: Recorder) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Type and name of each resource with a document, and what parliament finds in it."""
    for made in recorder.registrations.values():
        for name, value in made.inputs.items():
            for document in documents(value):
                is_trust = name == "assumeRolePolicy"
                yield (
                    made.type,
                    made.name,
                    lint(with_the_role_as_resource(document) if is_trust else document),
                )


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_parliament_finds_nothing_in_what_the_program_renders(
    run_program: Callable[..., Recorder], file: Path
) -> None:
    config = yaml.safe_load(file.read_text())["config"]
    results = list(linted(run_program(config, stack=file.name.split(".")[1])))
    assert len(results) >= 2
    assert not [
        f"{type_} {name}: {issue}: {detail}"
        for type_, name, findings in results
        for issue, detail in findings
        if not any(accepted.covers(type_, name, issue) for accepted in ACCEPTED)
    ]


def test_what_is_accepted_is_still_reported_somewhere(run_program: Callable[..., Recorder]) -> None:
    config = yaml.safe_load((ROOT / "examples/hardened/Pulumi.dev.yaml").read_text())["config"]
    reported = {
        (type_, name, issue)
        for type_, name, findings in linted(run_program(config, stack="dev"))
        for issue, _ in findings
    }
    for accepted in ACCEPTED:
        assert any(accepted.covers(*found) for found in reported), accepted


def statement(**changed: Any) -> str:
    sound = {
        "Sid": "ReadTheDataBucket",
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::data/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [{**sound, **changed}]})


@pytest.mark.parametrize(
    ("wrong", "issue"),
    [
        ({"Action": "s3:GetObjct"}, "UNKNOWN_ACTION"),
        ({"Action": "s4:GetObject"}, "UNKNOWN_PREFIX"),
        ({"Resource": "arn:aws:s3:::data"}, "RESOURCE_MISMATCH"),
        ({"Resource": "*"}, "RESOURCE_STAR"),
        ({"Condition": {"StringEqual": {"aws:username": "a"}}}, "UNKNOWN_OPERATOR"),
        ({"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "yes"}}}, "MISMATCHED_TYPE_OPERATION_TO_NULL"),
        ({"Condition": {"StringEquals": {"ec2:InstanceType": "t3.micro"}}}, "UNKNOWN_CONDITION_FOR_ACTION"),
        (
            {"Effect": "Deny", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}},
            "BAD_PATTERN_FOR_MFA",
        ),
    ],
)
def test_the_lint_finds_what_is_wrong(wrong: dict[str, Any], issue: str) -> None:
    assert not lint(statement())
    assert issue in {found for found, _ in lint(statement(**wrong))}
