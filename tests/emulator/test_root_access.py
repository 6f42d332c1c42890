"""Central root access: switched on and off by an authorized caller, in one account."""

import pytest

from tests.emulator.cloud import ALLOWED, EVERYTHING, Cloud, Gap, allow, document, names, verdict

pytestmark = pytest.mark.emulator


def enable_root_sessions(cloud: Cloud) -> str:
    return verdict(cloud.account().user("Ada", EVERYTHING).iam.enable_organizations_root_sessions)


GAPS = (Gap("root sessions can be enabled", enable_root_sessions, ALLOWED, "InvalidAction"),)


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_emulated_aws_answers_as_aws(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_the_behaviour_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


def test_each_feature_is_switched_by_itself_and_in_this_account_only(emulated: Cloud) -> None:
    ada, other = emulated.account().user("Ada", EVERYTHING), emulated.account()
    ada.iam.enable_organizations_root_credentials_management()
    enabled = ada.iam.enable_organizations_root_sessions()
    assert enabled["EnabledFeatures"] == ["RootCredentialsManagement", "RootSessions"]
    assert ada.iam.disable_organizations_root_sessions()["EnabledFeatures"] == ["RootCredentialsManagement"]
    listed = ada.iam.list_organizations_features()
    assert listed["EnabledFeatures"] == ["RootCredentialsManagement"]
    assert listed["OrganizationId"].startswith("o-")
    assert other.iam.list_organizations_features()["EnabledFeatures"] == []


def test_who_may_list_features_may_not_switch_them(emulated: Cloud) -> None:
    reader = emulated.account().user("Reader", document(allow("iam:ListOrganizationsFeatures")))
    assert verdict(reader.iam.list_organizations_features) == ALLOWED
    assert verdict(reader.iam.enable_organizations_root_sessions) == "AccessDenied"
    assert verdict(reader.iam.disable_organizations_root_sessions) == "AccessDenied"
