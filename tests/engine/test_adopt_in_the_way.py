"""`iam-hardening adopt` where an import would not do: nothing there, other paths, other kinds, another
account."""

import json
from collections.abc import Iterator

import pytest

from rehearsal.errors import RehearsalError
from rehearsal.project import Project
from rehearsal.providers.language import serve_language_host
from rehearsal.testbed import FAKE_PROVIDERS, running_testbed
from tests.engine.by_hand import ENFORCE_MFA, set_up_central, trust
from tests.engine.test_adopt import Person, holds
from tests.stack_files import ROOT

pytestmark = pytest.mark.engine


@pytest.fixture
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    with (
        serve_language_host() as language_host,
        running_testbed(
            Project.find(ROOT), tmp_path_factory.mktemp("testbed"), providers=FAKE_PROVIDERS
        ) as testbed,
    ):
        yield Person(testbed, language_host)


def test_an_empty_account_and_credentials_of_another_one(person: Person) -> None:
    central, dev = person.testbed.accounts["central"], person.testbed.accounts["dev"]
    status, said = person.adopt("central", by=dev.admin)
    assert status == 2
    assert "credentials of the account 222222222222; the stack central is the account 111111111111" in said
    assert not (person.directory / "import-central.json").exists()
    status, said = person.adopt("central")
    assert status == 0, said
    assert "Nothing to take over: import-central.json is empty" in said
    assert person.file("central") == {"resources": []}
    assert central.stack.up().anything


def test_what_would_be_replaced_is_left_out_and_said_and_an_up_stops_at_it_without_harm(
    person: Person,
) -> None:
    dev = person.testbed.accounts["dev"]
    iam = dev.admin.client("iam")
    iam.update_account_password_policy(MinimumPasswordLength=10)
    iam.create_role(
        RoleName="test_role",
        Path="/teams/",
        AssumeRolePolicyDocument=trust({"AWS": "arn:aws:iam::111111111111:root"}),
    )
    iam.put_role_policy(RoleName="test_role", PolicyName="own", PolicyDocument=json.dumps(ENFORCE_MFA))
    iam.create_user(UserName="VAULT-secrets-engine")
    person.testbed.vault().sys.enable_secrets_engine("kv", path="aws")
    before = holds(dev)
    status, said = person.adopt("dev")
    assert status == 1, said
    assert "Role test_role: path cannot change in place" in said
    assert "RolePoliciesExclusive test_role-inline-policies: it belongs to one of these" in said
    assert "Vault's mount aws: it is a secrets engine of the type kv" in said
    assert "user vault-secrets-engine: the account has VAULT-secrets-engine" in said
    ids = [entry.get("id") for entry in person.file("dev")["resources"] if "id" in entry]
    assert ids == ["iam-account-password-policy"]
    assert holds(dev) == before
    person.take_over("dev")
    with pytest.raises(RehearsalError, match="EntityAlreadyExists"):
        dev.stack.up()
    role = iam.get_role(RoleName="test_role")["Role"]
    assert role["Path"] == "/teams/"
    assert iam.list_role_policies(RoleName="test_role")["PolicyNames"] == ["own"]
    assert person.testbed.vault().sys.list_mounted_secrets_engines()["data"]["aws/"]["type"] == "kv"


def test_who_would_be_kept_out_by_the_denial_without_mfa_is_named(person: Person) -> None:
    central = person.testbed.accounts["central"]
    administrator = set_up_central(central)
    iam = central.admin.client("iam")
    arn = "arn:aws:iam::111111111111:policy/enforce-to-use-mfa"
    iam.detach_group_policy(GroupName="Administrators", PolicyArn=arn)
    iam.create_user(UserName="Colleague")
    iam.add_user_to_group(UserName="Colleague", GroupName="Administrators")
    status, said = person.adopt("central", by=administrator.bare)
    assert status == 1, said
    assert "you are Administrator: in the middle of the up enforce-to-use-mfa begins to hold for you" in said
    assert "user Colleague, without an MFA device, can only enrol one after the up" in said
    status, said = person.adopt("central", by=administrator.with_mfa())
    assert "If this session has no MFA" in said
    status, said = person.adopt("central")
    assert "you are" not in said
