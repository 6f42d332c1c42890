"""KMS: who may use a key, as its key policy and IAM decide together."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.cloud import (
    ALLOWED,
    EVERYTHING,
    REGION,
    Account,
    Cloud,
    Document,
    Gap,
    Principal,
    allow,
    deny,
    document,
    names,
    trust,
    verdict,
)

pytestmark = pytest.mark.emulator

REFUSED = "AccessDeniedException"
MALFORMED = "MalformedPolicyDocumentException"
PLAINTEXT = b"a root key of Vault's"


def says(principal: str, action: str | list[str] = "kms:*", **conditions: Any) -> Document:
    """A statement of a key policy."""
    return {**allow(action, **conditions), "Principal": {"AWS": principal}}


def key(account: Account, *statements: Document) -> str:
    """A key with this policy, or with KMS's own; its ARN."""
    options = {"Policy": json.dumps(document(*statements))} if statements else {}
    return str(account.client("kms").create_key(**options)["KeyMetadata"]["Arn"])


def encrypts(caller: Principal, named: str, **options: Any) -> str:
    return verdict(caller.client("kms").encrypt, KeyId=named, Plaintext=PLAINTEXT, **options)


def session(account: Account, name: str, *granted: Document) -> tuple[Principal, str]:
    """A role's session, and the role's ARN."""
    role = account.role(name, trust(account.root_arn), *granted)
    return account.user(f"for-{name}", EVERYTHING).assume(role), role


def root_without_the_policys_consent(cloud: Cloud) -> str:
    account = cloud.account()
    ada = account.user("Ada")
    only_ada = key(account, says(account.root_arn, "kms:PutKeyPolicy"), says(ada.arn))
    return encrypts(account, only_ada)


def a_key_by_its_alias(cloud: Cloud) -> str:
    account = cloud.account()
    arn = key(account)
    account.client("kms").create_alias(AliasName="alias/seal", TargetKeyId=arn)
    return encrypts(account.user("Ada", document(allow("kms:Encrypt", arn))), "alias/seal")


def an_alias_by_who_may_make_it(cloud: Cloud) -> str:
    account = cloud.account()
    arn, alias = key(account), f"arn:aws:kms:{REGION}:{account.id}:alias/seal"
    ada = account.user("Ada", document(allow("kms:CreateAlias", [arn, alias])))
    return verdict(ada.client("kms").create_alias, AliasName="alias/seal", TargetKeyId=arn)


def another_key_than_the_ciphertexts(cloud: Cloud) -> str:
    account = cloud.account()
    secret, own = key(account), key(account)
    blob = account.client("kms").encrypt(KeyId=secret, Plaintext=PLAINTEXT)["CiphertextBlob"]
    ada = account.user("Ada", document(allow("kms:Decrypt", own)))
    return verdict(ada.client("kms").decrypt, CiphertextBlob=blob, KeyId=own)


def a_key_that_is_not_there(cloud: Cloud) -> str:
    """Authorised on a name that a wildcard allows, decrypted with the key in the ciphertext."""
    account = cloud.account()
    secret = key(account)
    blob = account.client("kms").encrypt(KeyId=secret, Plaintext=PLAINTEXT)["CiphertextBlob"]
    missing = f"{secret[:-2]}zz"
    ada = account.user("Ada", document(allow("kms:Decrypt", missing)))
    return verdict(ada.client("kms").decrypt, CiphertextBlob=blob, KeyId=missing)


def an_encryption_context(cloud: Cloud) -> str:
    account = cloud.account()
    condition = {"kms:EncryptionContext:app": "vault"}
    ada = account.user("Ada", document(allow("kms:Encrypt", StringEquals=condition)))
    return encrypts(ada, key(account), EncryptionContext={"app": "vault"})


def a_policy_for_nobody(cloud: Cloud) -> str:
    account = cloud.account()
    policy = document(says(account.root_arn), says(f"arn:aws:iam::{account.id}:role/none"))
    return verdict(account.client("kms").create_key, Policy=json.dumps(policy))


def a_policy_that_locks_out(cloud: Cloud) -> str:
    account = cloud.account()
    policy = document(says(account.root_arn, "kms:DescribeKey"))
    return verdict(account.client("kms").put_key_policy, KeyId=key(account), Policy=json.dumps(policy))


def tags_at_birth(cloud: Cloud) -> str:
    ada = cloud.account().user("Ada", document(allow("kms:CreateKey")))
    return verdict(ada.client("kms").create_key, Tags=[{"TagKey": "Team", "TagValue": "x"}])


def a_key_that_waits_for_deletion(cloud: Cloud) -> str:
    account = cloud.account()
    kms, arn = account.client("kms"), key(account)
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    return verdict(kms.enable_key, KeyId=arn)


def a_rotation_every_week(cloud: Cloud) -> str:
    account = cloud.account()
    call = account.client("kms").enable_key_rotation
    return verdict(call, KeyId=key(account), RotationPeriodInDays=7)


GAPS = [
    Gap("root needs the key policys consent", root_without_the_policys_consent, REFUSED, ALLOWED),
    Gap("an alias means its key", a_key_by_its_alias, ALLOWED, REFUSED),
    Gap("an alias and its key are enough to make it", an_alias_by_who_may_make_it, ALLOWED, REFUSED),
    Gap("a ciphertext wants its own key", another_key_than_the_ciphertexts, "IncorrectKeyException", ALLOWED),
    Gap("a key that is not there decrypts nothing", a_key_that_is_not_there, "NotFoundException", ALLOWED),
    Gap("conditions see the encryption context", an_encryption_context, ALLOWED, REFUSED),
    Gap("a key policy names only who exists", a_policy_for_nobody, MALFORMED, ALLOWED),
    Gap("a key policy cannot lock its writer out", a_policy_that_locks_out, MALFORMED, ALLOWED),
    Gap("tags at birth need a permission", tags_at_birth, REFUSED, ALLOWED),
    Gap(
        "a key that waits for deletion stays off",
        a_key_that_waits_for_deletion,
        "KMSInvalidStateException",
        ALLOWED,
    ),
    Gap("a key rotates every 90 days at most", a_rotation_every_week, "ValidationException", ALLOWED),
]


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_behaves_as_aws_documents(gap: Gap, emulated: Cloud) -> None:
    assert gap.probe(emulated) == gap.aws


@pytest.mark.parametrize("gap", GAPS, ids=names)
def test_is_still_missing_upstream(gap: Gap, shipped: Cloud) -> None:
    assert gap.probe(shipped) == gap.shipped


@pytest.fixture
def account(emulated: Cloud) -> Account:
    return emulated.account()


def test_an_iam_policy_alone_opens_no_key(account: Account) -> None:
    ada = account.user("Ada", document(allow("kms:*")))
    eve = account.user("Eve")
    of_eve = key(account, says(account.root_arn, "kms:PutKeyPolicy"), says(eve.arn, "kms:Encrypt"))
    assert encrypts(ada, of_eve) == REFUSED
    assert encrypts(eve, of_eve) == ALLOWED


def test_a_statement_for_the_account_leaves_the_decision_to_iam(account: Account) -> None:
    arn = key(account)
    assert encrypts(account.user("Ada", document(allow("kms:Encrypt", arn))), arn) == ALLOWED
    assert encrypts(account.user("Eve"), arn) == REFUSED
    assert encrypts(account.user("Bob", document(allow("kms:Encrypt", f"{arn[:-1]}?x"))), arn) == REFUSED


def test_a_role_that_the_key_policy_names_may_do_what_it_says_and_no_more(account: Account) -> None:
    acting, role = session(account, "vault")
    arn = key(account, says(account.root_arn, "kms:PutKeyPolicy"), says(role, ["kms:Encrypt", "kms:Decrypt"]))
    kms = acting.client("kms")
    blob = kms.encrypt(KeyId=arn, Plaintext=PLAINTEXT)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == PLAINTEXT
    assert verdict(kms.schedule_key_deletion, KeyId=arn) == REFUSED
    assert verdict(kms.describe_key, KeyId=arn) == REFUSED


def test_a_denial_in_either_policy_wins(account: Account) -> None:
    denied_by_iam, role = session(account, "first", document(deny("kms:Encrypt")))
    denied_by_key, other = session(account, "second", document(allow("kms:Encrypt")))
    arn = key(
        account,
        says(account.root_arn),
        says(role),
        {**says(other, "kms:Encrypt"), "Effect": "Deny"},
    )
    assert encrypts(denied_by_iam, arn) == REFUSED
    assert encrypts(denied_by_key, arn) == REFUSED


def test_a_boundary_holds_where_the_key_policy_names_the_role(account: Account) -> None:
    boundary = account.policy("boundary", document(allow("s3:*")))
    role = account.role("bounded", trust(account.root_arn), PermissionsBoundary=boundary)
    acting = account.user("Ada", EVERYTHING).assume(role)
    assert encrypts(acting, key(account, says(account.root_arn), says(role))) == REFUSED


def test_a_condition_on_another_service_is_never_met_by_the_callers_own_call(account: Account) -> None:
    via = {"kms:ViaService": f"dynamodb.{REGION}.amazonaws.com"}
    ada = account.user("Ada", document(allow("kms:Encrypt")))
    arn = key(account, says(account.root_arn, "kms:PutKeyPolicy"), says(account.root_arn, StringEquals=via))
    assert encrypts(ada, arn) == REFUSED


def test_the_wrong_encryption_context_is_refused(account: Account) -> None:
    condition = {"kms:EncryptionContext:app": "vault"}
    ada = account.user("Ada", document(allow("kms:Encrypt", StringEquals=condition)))
    arn = key(account)
    assert encrypts(ada, arn, EncryptionContext={"app": "other"}) == REFUSED
    assert encrypts(ada, arn) == REFUSED


def test_an_alias_of_ones_own_on_a_key_of_others_is_refused(account: Account) -> None:
    arn = key(account)
    for resource in (f"arn:aws:kms:{REGION}:{account.id}:alias/*", arn):
        name = f"user{len(resource)}"
        ada = account.user(name, document(allow("kms:CreateAlias", resource)))
        assert verdict(ada.client("kms").create_alias, AliasName=f"alias/{name}", TargetKeyId=arn) == REFUSED


def test_moving_an_alias_needs_both_keys(account: Account) -> None:
    kms, first, second = account.client("kms"), key(account), key(account)
    kms.create_alias(AliasName="alias/seal", TargetKeyId=first)
    alias = f"arn:aws:kms:{REGION}:{account.id}:alias/seal"
    move = {"AliasName": "alias/seal", "TargetKeyId": second}
    some = account.user("Ada", document(allow("kms:UpdateAlias", [alias, second])))
    every = account.user("Eve", document(allow("kms:UpdateAlias", [alias, first, second])))
    assert verdict(some.client("kms").update_alias, **move) == REFUSED
    assert verdict(every.client("kms").update_alias, **move) == ALLOWED


def test_a_condition_on_the_alias_of_the_call_is_seen(account: Account) -> None:
    kms, arn = account.client("kms"), key(account)
    kms.create_alias(AliasName="alias/seal", TargetKeyId=arn)
    condition = {"kms:RequestAlias": "alias/seal"}
    ada = account.user("Ada", document(allow("kms:Encrypt", arn, StringEquals=condition)))
    assert encrypts(ada, "alias/seal") == ALLOWED
    assert encrypts(ada, arn) == REFUSED


def test_a_grant_is_kept_and_allows_nothing(account: Account) -> None:
    ada, arn = account.user("Ada"), key(account)
    account.client("kms").create_grant(KeyId=arn, GranteePrincipal=ada.arn, Operations=["Encrypt"])
    assert encrypts(ada, arn) == REFUSED


def test_an_unknown_alias_is_refused_or_not_found_never_used(account: Account) -> None:
    key(account)
    assert (
        encrypts(account.user("Ada", document(allow("kms:*", "arn:aws:kms:*:*:key/*"))), "alias/no")
        == REFUSED
    )
    assert encrypts(account.user("Eve", EVERYTHING), "alias/no") == "NotFoundException"


def test_a_key_that_waits_for_deletion_encrypts_nothing_until_it_is_saved(account: Account) -> None:
    kms, arn = account.client("kms"), key(account)
    kms.schedule_key_deletion(KeyId=arn)
    assert encrypts(account, arn) == "KMSInvalidStateException"
    kms.cancel_key_deletion(KeyId=arn)
    kms.enable_key(KeyId=arn)
    assert encrypts(account, arn) == ALLOWED


def test_the_refusal_names_the_key(account: Account) -> None:
    arn = key(account)
    with pytest.raises(ClientError) as refused:
        account.user("Ada").client("kms").describe_key(KeyId=arn)
    assert "kms:DescribeKey" in str(refused.value)
    assert arn in str(refused.value)
