"""Mistakes that public projects made, each tried on the program's own policies and on the mistake.

The other ones that docs/compliance.md lists have their tests beside the code they are about.
"""

import json
from typing import Any

import pytest

from iam_hardening.aws.policies import documents, vault_boundary
from iam_hardening.aws.policies import people as people_policies
from iam_hardening.aws.policies import roles as roles_policies
from iam_hardening.aws.policies import vault as vault_policies
from tests.emulator.cloud import (
    ALLOWED,
    EVERYTHING,
    Account,
    Cloud,
    User,
    allow,
    deny,
    document,
    trust,
    verdict,
)

pytestmark = pytest.mark.emulator

REFUSED = "AccessDenied"
INVALID = "ValidationError"
FIRST_PASSWORD, OWN_PASSWORD = "First-password-1!", "Own-password-2!"
MFA_PRESENT = "aws:MultiFactorAuthPresent"


@pytest.fixture
def account(emulated: Cloud) -> Account:
    return emulated.account()


def without(left_out: str, doc: documents.Document) -> documents.Document:
    """The document with one action taken out of every list of exceptions."""
    changed: documents.Document = json.loads(json.dumps(doc))
    for statement in changed["Statement"]:
        statement["NotAction"] = [a for a in statement.get("NotAction", []) if a != left_out]
        if not statement["NotAction"]:
            del statement["NotAction"]
    assert changed != doc
    return changed


def person(account: Account, enforcement: documents.Document) -> User:
    """Someone who is no administrator, with both policies that the program gives to such groups."""
    ada = account.user("Ada")
    for name, doc in {"self": people_policies.self_service("aws", account.id), "mfa": enforcement}.items():
        account.iam.attach_user_policy(UserName="Ada", PolicyArn=account.policy(name, doc))
    return ada


def first_sign_in(account: Account, enforcement: documents.Document) -> str:
    """A person with the first password, who must change it before anything else."""
    ada = person(account, enforcement)
    account.iam.create_login_profile(UserName="Ada", Password=FIRST_PASSWORD, PasswordResetRequired=True)
    return verdict(ada.iam.change_password, OldPassword=FIRST_PASSWORD, NewPassword=OWN_PASSWORD)


def test_the_first_sign_in_is_no_deadlock(account: Account) -> None:
    assert first_sign_in(account, people_policies.enforce_mfa("aws", account.id)) == ALLOWED


def test_the_first_sign_in_is_a_deadlock_where_changing_the_password_asks_for_mfa(
    account: Account,
) -> None:
    enforcement = people_policies.enforce_mfa("aws", account.id)
    assert first_sign_in(account, without("iam:ChangePassword", enforcement)) == REFUSED


@pytest.mark.parametrize("device", ["phone", "Ada", "key-from-the-drawer"])
def test_a_device_may_have_any_name(account: Account, device: str) -> None:
    ada = person(account, people_policies.enforce_mfa("aws", account.id))
    assert verdict(ada.iam.create_virtual_mfa_device, VirtualMFADeviceName=device) == ALLOWED


def test_a_policy_on_devices_named_after_the_user_breaks_others(account: Account) -> None:
    own = f"arn:aws:iam::{account.id}:mfa/${{aws:username}}"
    ada = account.user("Ada", document(allow("iam:CreateVirtualMFADevice", own)))
    assert verdict(ada.iam.create_virtual_mfa_device, VirtualMFADeviceName="Ada") == ALLOWED
    assert verdict(ada.iam.create_virtual_mfa_device, VirtualMFADeviceName="phone") == REFUSED


@pytest.mark.parametrize(
    ("operator", "key_gets_through"), [("BoolIfExists", REFUSED), ("Bool", ALLOWED)], ids=["IfExists", "Bool"]
)
def test_an_access_key_slips_through_a_denial_without_if_exists(
    account: Account, operator: str, key_gets_through: str
) -> None:
    denial = document(deny("*", "*", **{operator: {MFA_PRESENT: "false"}}))
    ada = account.user("Ada", EVERYTHING, denial)
    assert verdict(ada.iam.list_users) == key_gets_through
    assert verdict(ada.session().iam.list_users) == REFUSED


def test_the_programs_own_denial_holds_for_keys_and_for_sessions_without_mfa(account: Account) -> None:
    ada = account.user("Ada", EVERYTHING, people_policies.enforce_mfa("aws", account.id))
    assert verdict(ada.iam.list_roles) == REFUSED
    assert verdict(ada.session().iam.list_roles) == REFUSED
    serial, codes = ada.enrol()
    assert verdict(ada.session(serial, codes).client("s3").list_buckets) == ALLOWED


def test_a_set_operator_in_an_allow_holds_for_whoever_sends_nothing(account: Account) -> None:
    """Why config/rules/conditions.py refuses ForAllValues in an Allow, and takes it with Null."""
    only_known_tags: dict[str, Any] = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    tags = [{"Key": "team", "Value": "red"}]

    def makes(user: User, name: str, **options: Any) -> str:
        return verdict(user.iam.create_user, UserName=name, **options)

    weak = account.user("Weak", document(allow("iam:CreateUser", **only_known_tags)))
    assert makes(weak, "untagged") == ALLOWED
    both: dict[str, Any] = {**only_known_tags, "Null": {"aws:TagKeys": "false"}}
    strong = account.user("Strong", document(allow(["iam:CreateUser", "iam:TagUser"], **both)))
    assert makes(strong, "refused") == REFUSED
    assert makes(strong, "tagged", Tags=tags) == ALLOWED


def test_a_chained_role_lasts_an_hour_whatever_it_says(account: Account) -> None:
    ada = account.user("Ada", document(allow("sts:AssumeRole")))
    first = account.role("first", trust(account.root_arn), document(allow("sts:AssumeRole")))
    second = account.role("second", trust(account.root_arn), MaxSessionDuration=43_200)
    options = {"RoleArn": second, "RoleSessionName": "chained"}
    assert verdict(ada.sts.assume_role, **options, DurationSeconds=43_200) == ALLOWED
    chained = ada.assume(first).sts
    assert verdict(chained.assume_role, **options, DurationSeconds=3601) == INVALID
    assert verdict(chained.assume_role, **options, DurationSeconds=3600) == ALLOWED


def test_a_trust_does_not_break_when_a_named_person_is_deleted_or_not_there_yet(account: Account) -> None:
    """People are named in a condition: AWS refuses a `Principal` that does not exist."""
    ada_arn = f"arn:aws:iam::{account.id}:user/Ada"
    trusted = roles_policies.trust_account("aws", account.id, require_mfa=False, principal_arns=[ada_arn])
    role = account.role("role", trusted)
    bob = account.user("Bob", EVERYTHING)
    ada = account.user("Ada", EVERYTHING)
    asks = {"RoleArn": role, "RoleSessionName": "session"}
    assert verdict(ada.sts.assume_role, **asks) == ALLOWED
    assert verdict(bob.sts.assume_role, **asks) == REFUSED


def vault(account: Account, **changed: Any) -> User:
    """Vault's principal with the program's own policy; `changed` replaces its statements by their Sid."""
    boundary = account.policy("boundary", vault_boundary.vault_issued_user_boundary())
    own = vault_policies.vault_principal("aws", account.id, boundary_arn=boundary, attachable_policy_arns=())
    for statement in own["Statement"]:
        statement |= changed.get(statement["Sid"], {})
    return account.user("vault-secrets-engine", own)


def issue(account: Account, principal: User) -> User:
    """What Vault does for a lease: a user with everything that its boundary leaves, and a key."""
    boundary = f"arn:aws:iam::{account.id}:policy/boundary"
    iam = principal.iam
    made = iam.create_user(UserName="issued", Path="/vault/", PermissionsBoundary=boundary)["User"]
    iam.put_user_policy(UserName="issued", PolicyName="p", PolicyDocument=json.dumps(EVERYTHING))
    key = iam.create_access_key(UserName="issued")["AccessKey"]
    credentials = type(principal.credentials)(key["AccessKeyId"], key["SecretAccessKey"])
    return User(principal.url, credentials, "issued", made["Arn"])


def test_an_issued_user_cannot_keep_vault_from_deleting_it(account: Account) -> None:
    issued = issue(account, vault(account))
    assert verdict(issued.iam.list_users) == ALLOWED
    assert verdict(issued.iam.create_login_profile, UserName="issued", Password=OWN_PASSWORD) == REFUSED
    assert verdict(issued.iam.create_access_key, UserName="issued") == REFUSED
    assert verdict(issued.iam.create_virtual_mfa_device, VirtualMFADeviceName="issued") == REFUSED
    assert verdict(issued.iam.upload_ssh_public_key, UserName="issued", SSHPublicKeyBody="key") == REFUSED
    assert verdict(issued.iam.create_user, UserName="left-behind") == REFUSED


def test_without_the_boundary_an_issued_user_would_stay(account: Account) -> None:
    """What the boundary is for: with its own password, the user is not deleted at the lease's end."""
    principal = vault(account)
    issued = issue(account, principal)
    account.iam.delete_user_permissions_boundary(UserName="issued")
    assert verdict(issued.iam.create_login_profile, UserName="issued", Password=OWN_PASSWORD) == ALLOWED
    iam = principal.iam
    iam.delete_user_policy(UserName="issued", PolicyName="p")
    iam.delete_access_key(UserName="issued", AccessKeyId=issued.credentials.access_key_id)
    assert verdict(iam.delete_user, UserName="issued") == "DeleteConflict"


def test_a_role_that_trusts_the_issued_user_by_name_is_kept_away_by_the_explicit_denial_alone(
    account: Account,
) -> None:
    """A boundary that merely does not allow it would let the user in: the trust policy names the user."""
    issued = issue(account, vault(account))
    role = account.role("by-name", vault_policies.trust_vault(issued.arn))
    asks = {"RoleArn": role, "RoleSessionName": "session"}
    assert verdict(issued.sts.assume_role, **asks) == REFUSED
    implicit = [s for s in vault_boundary.vault_issued_user_boundary()["Statement"] if s["Effect"] == "Allow"]
    boundary = f"arn:aws:iam::{account.id}:policy/boundary"
    account.iam.create_policy_version(
        PolicyArn=boundary, PolicyDocument=json.dumps(document(*implicit)), SetAsDefault=True
    )
    assert verdict(issued.sts.assume_role, **asks) == ALLOWED


def test_vaults_clean_up_may_ask_for_groups_and_for_the_user(account: Account) -> None:
    """Both are missing in HashiCorp's sample policy; without them a rollback never ends."""
    principal = vault(account)
    issue(account, principal)
    assert verdict(principal.iam.list_groups_for_user, UserName="issued") == ALLOWED
    assert verdict(principal.iam.get_user, UserName="issued") == ALLOWED
    assert verdict(principal.iam.tag_user, UserName="issued", Tags=[{"Key": "a", "Value": "b"}]) == ALLOWED
    assert verdict(principal.iam.list_groups_for_user, UserName="vault-secrets-engine") == REFUSED


def test_a_condition_on_request_tags_would_keep_vault_from_issuing(account: Account) -> None:
    """Vault tags a user after it has made it, so CreateUser carries no tags."""
    asks = {"Condition": {"StringEquals": {"aws:RequestTag/issued-by": "vault"}}}
    principal = vault(account, CreateUsersWithTheBoundaryOnly=asks)
    boundary = f"arn:aws:iam::{account.id}:policy/boundary"
    options = {"UserName": "issued", "Path": "/vault/", "PermissionsBoundary": boundary}
    assert verdict(principal.iam.create_user, **options) == REFUSED


def test_vault_cannot_rotate_its_own_key(account: Account) -> None:
    """`rotate-root` would leave a dead key in the state: the principal may not make a key for itself."""
    principal = vault(account)
    assert verdict(principal.iam.create_access_key, UserName="vault-secrets-engine") == REFUSED
    assert verdict(principal.iam.create_access_key) == REFUSED
