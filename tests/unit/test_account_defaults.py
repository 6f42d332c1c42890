"""Account defaults and Access Analyzer: what is asked of AWS, in which region."""

from typing import Any

import pytest

from components.account_defaults import AccountDefaults, AccountDefaultsArgs
from components.detection import AccessAnalyzer, AccessAnalyzerArgs
from iam_hardening import config
from iam_hardening.model.account_defaults import defaults
from tests.accounts import central_account, section
from tests.recorder import Recorder

REGIONS = ["eu-central-1", "us-east-1"]
METADATA = "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults"
ENCRYPTION = "aws:ebs/encryptionByDefault:EncryptionByDefault"
PUBLIC_ACCESS = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
ANALYZER = "aws:accessanalyzer/analyzer:Analyzer"


def record_defaults(recorder: Recorder, **changed: bool) -> None:
    switches = {"imdsv2": True, "ebsEncryption": True, "s3PublicAccessBlock": True} | changed
    wanted = defaults(REGIONS, section(config.AccountDefaults, **switches))
    args = AccountDefaultsArgs(account=central_account(), defaults=wanted)
    recorder.run(lambda: AccountDefaults("defaults", args))


def resources(recorder: Recorder) -> dict[str, Any]:
    return {made.name: made.inputs for made in recorder.registrations.values() if made.custom}


def test_every_region_encrypts_volumes_and_requires_imdsv2_and_no_bucket_can_be_public(
    recorder: Recorder,
) -> None:
    record_defaults(recorder)
    metadata = {"httpTokens": "required", "httpPutResponseHopLimit": 1}
    assert resources(recorder) == {
        "defaults-imdsv2-eu-central-1": {**metadata, "region": "eu-central-1"},
        "defaults-imdsv2-us-east-1": {**metadata, "region": "us-east-1"},
        "defaults-ebs-encryption-eu-central-1": {"enabled": True, "region": "eu-central-1"},
        "defaults-ebs-encryption-us-east-1": {"enabled": True, "region": "us-east-1"},
        "defaults-s3-public-access": {
            "accountId": "111111111111",
            "blockPublicAcls": True,
            "blockPublicPolicy": True,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        },
    }


@pytest.mark.parametrize(
    ("switch", "kind"),
    [("imdsv2", METADATA), ("ebsEncryption", ENCRYPTION), ("s3PublicAccessBlock", PUBLIC_ACCESS)],
)
def test_each_is_switched_off_by_itself(recorder: Recorder, switch: str, kind: str) -> None:
    record_defaults(recorder, **{switch: False})
    kinds = {made.type for made in recorder.registrations.values() if made.custom}
    assert kinds == {METADATA, ENCRYPTION, PUBLIC_ACCESS} - {kind}


def test_every_region_has_one_analyzer_of_external_access(recorder: Recorder) -> None:
    wanted = defaults(REGIONS, section(config.AccountDefaults))
    args = AccessAnalyzerArgs(account=central_account(), defaults=wanted)
    recorder.run(lambda: AccessAnalyzer("analyzer", args))
    every = {"analyzerName": "external-access", "type": "ACCOUNT", "tags": {"Stack": "central"}}
    assert resources(recorder) == {
        "analyzer-eu-central-1": {**every, "region": "eu-central-1"},
        "analyzer-us-east-1": {**every, "region": "us-east-1"},
    }
