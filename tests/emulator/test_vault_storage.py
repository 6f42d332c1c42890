"""HashiCorp's own DynamoDB storage and KMS seal, with exactly what the program gives a production Vault.

`tools/vault-storage` does what a node does with both. It needs each action of the role's policy and of the
key's, and no other. Vault as a whole was not run so: OpenBao has neither, and a Vault is not built here.
"""

import copy
import os
import subprocess

import pytest

from iam_hardening.aws.policies import documents
from iam_hardening.aws.policies import vault_server as vault_server_policies
from rehearsal import tools
from tests.emulator.cloud import EVERYTHING, REGION, Account, Cloud, Principal, trust

pytestmark = pytest.mark.emulator

SECONDS = 60
TABLE = "vault-server"
ROLE = "vault-server"


@pytest.fixture
def account(emulated: Cloud) -> Account:
    account = emulated.account()
    account.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "Path", "KeyType": "HASH"},
            {"AttributeName": "Key", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("Path", "Key")],
    )
    return account


def storage_of(account: Account) -> documents.Document:
    return vault_server_policies.vault_storage(f"arn:aws:dynamodb:{REGION}:{account.id}:table/{TABLE}")


def without(doc: documents.Document, action: str) -> documents.Document:
    """The document without one action of its last statement, which is the one about Vault."""
    less = copy.deepcopy(doc)
    less["Statement"][-1]["Action"].remove(action)
    return less


def role_session(account: Account, storage: documents.Document) -> Principal:
    role = account.role(ROLE, trust(account.root_arn), storage)
    return account.user("launcher", EVERYTHING).assume(role)


def key_policy(account: Account) -> documents.Document:
    return vault_server_policies.vault_seal_key("aws", account.id, f"arn:aws:iam::{account.id}:role/{ROLE}")


def runs(account: Account, caller: Principal, seal: documents.Document) -> tuple[int, list[str]]:
    """Exit status, and what the steps said."""
    made = account.client("kms").create_key(Policy=documents.render(seal))["KeyMetadata"]
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": caller.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": caller.credentials.secret,
        "AWS_SESSION_TOKEN": caller.credentials.token or "",
    }
    command = [tools.vault_storage(), TABLE, REGION, made["Arn"], account.url]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=environment)
    return ended.returncode, ended.stdout.splitlines()


def test_storage_and_seal_work_with_what_the_role_has(account: Account) -> None:
    status, said = runs(account, role_session(account, storage_of(account)), key_policy(account))
    assert [line for line in said if not line.endswith(": ok")] == []
    assert [line.removesuffix(": ok") for line in said][-1] == "unseal"
    assert status == 0


STORAGE_ACTIONS = vault_server_policies.vault_storage("arn")["Statement"][-1]["Action"]
SEAL_ACTIONS = vault_server_policies.vault_seal_key("aws", "1", "arn")["Statement"][-1]["Action"]


@pytest.mark.parametrize("action", STORAGE_ACTIONS)
def test_the_storage_needs_every_action_that_the_role_has(account: Account, action: str) -> None:
    caller = role_session(account, without(storage_of(account), action))
    status, said = runs(account, caller, key_policy(account))
    assert status == 1
    assert f"is not authorized to perform: {action}" in said[-1]


@pytest.mark.parametrize("action", SEAL_ACTIONS)
def test_the_seal_needs_every_action_that_the_keys_policy_gives(account: Account, action: str) -> None:
    caller = role_session(account, storage_of(account))
    status, said = runs(account, caller, without(key_policy(account), action))
    assert status == 1
    assert f"is not authorized to perform: {action}" in said[-1]


def test_an_administrator_of_the_account_seals_nothing_with_the_key(account: Account) -> None:
    role_session(account, storage_of(account))
    status, said = runs(account, account.user("Ada", EVERYTHING), key_policy(account))
    assert status == 1
    assert said[-1].startswith("seal: ")
    assert "is not authorized to perform: kms:Encrypt" in said[-1]
