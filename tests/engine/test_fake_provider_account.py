"""The fake provider's rows of account defaults and Access Analyzer under the real engine, in two regions."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pulumi_aws as aws
import pytest

from iam_hardening.clients.aws import reach_at_endpoint

pytestmark = pytest.mark.engine

HERE, THERE = "us-east-1", "eu-central-1"


def _defaults(
    *,
    tokens: str = "required",
    encrypted: bool = True,
    policy: bool = True,
    tags: Mapping[str, str] = MappingProxyType({"Team": "security"}),
) -> Callable[[], None]:
    def program() -> None:
        aws.ec2.InstanceMetadataDefaults("metadata", http_tokens=tokens, region=THERE)
        aws.ebs.EncryptionByDefault("encryption", enabled=encrypted, region=THERE)
        aws.s3.AccountPublicAccessBlock("public-access", block_public_policy=policy)
        # Without a region: the provider's.
        aws.accessanalyzer.Analyzer("analyzer", analyzer_name="external", tags=dict(tags))

    return program


def _found(stack: Any) -> dict[str, Any]:
    control = stack.client("s3control")
    reach_at_endpoint(control)
    try:
        answer = control.get_public_access_block(AccountId=stack.account_id)
        blocked = answer["PublicAccessBlockConfiguration"]["BlockPublicPolicy"]
    except control.exceptions.NoSuchPublicAccessBlockConfiguration:
        blocked = None
    analyzers = stack.client("accessanalyzer").list_analyzers()["analyzers"]
    ec2 = stack.client("ec2", THERE)
    return {
        "tokens": ec2.get_instance_metadata_defaults()["AccountLevel"].get("HttpTokens"),
        "encrypted": ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"],
        "policy": blocked,
        "tags": [analyzer["tags"] for analyzer in analyzers],
    }


def test_account_defaults_are_made_in_their_region_stay_and_go(stack: Any) -> None:
    stack.up(_defaults())
    assert stack.up().clean
    assert stack.refresh().clean
    wanted = {"tokens": "required", "encrypted": True, "policy": True, "tags": [{"Team": "security"}]}
    assert _found(stack) == wanted
    here = stack.client("ec2", HERE)
    assert here.get_instance_metadata_defaults()["AccountLevel"] == {}
    assert here.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert stack.resource("analyzer")["outputs"]["region"] == HERE
    assert stack.resource("metadata")["outputs"]["region"] == THERE
    stack.destroy()
    assert _found(stack) == {"tokens": None, "encrypted": False, "policy": None, "tags": []}


def test_account_defaults_change_in_place_and_a_change_by_hand_is_undone(stack: Any) -> None:
    stack.up(_defaults())
    weaker = _defaults(tokens="optional", encrypted=False, policy=False, tags={"Recorder": "test"})
    assert stack.up(weaker).updated == {"metadata", "encryption", "public-access", "analyzer"}
    found = {"tokens": "optional", "encrypted": False, "policy": False, "tags": [{"Recorder": "test"}]}
    assert _found(stack) == found
    stack.client("ec2", THERE).modify_instance_metadata_defaults(HttpTokens="required")
    stack.client("accessanalyzer").delete_analyzer(analyzerName="external")
    stack.refresh()
    assert stack.up().changes == {"create": 1, "update": 1, "same": 3}
    assert _found(stack) == found


def test_another_region_is_another_resource(stack: Any) -> None:
    def encrypted_in(region: str) -> Callable[[], None]:
        def program() -> None:
            aws.ebs.EncryptionByDefault("encryption", region=region)

        return program

    stack.up(encrypted_in(THERE))
    stack.up(encrypted_in(HERE))
    on = {r: stack.client("ec2", r).get_ebs_encryption_by_default() for r in (HERE, THERE)}
    assert [on[r]["EbsEncryptionByDefault"] for r in (HERE, THERE)] == [True, False]
