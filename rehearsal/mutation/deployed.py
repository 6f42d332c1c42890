"""The policies that the stacks made, as the accounts and Vault have them, and how to replace each of them.

Nothing is listed by hand: everything that the accounts have now and did not have before the stacks counts.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import hvac

from iam_hardening.claims import resource_policies
from iam_hardening.claims.resource_policies import Clients, ResourceId
from rehearsal.mutation.mutate import Mutation, mutations, of_vault_policy
from rehearsal.testbed import Account

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Target:
    """One policy. `name` is what people see; `resource_id` is there where it is a resource's
    (`iam_hardening/claims/resource_policies.py`), `vault_role` where Vault has it, `arn` where it is a
    managed policy. `apply` puts a mutation in its place, `restore` takes it back."""

    name: str
    mutations: list[Mutation]
    apply: Callable[[Mutation], None]
    restore: Callable[[], None]
    resource_id: ResourceId | None = None
    vault_role: str | None = None
    arn: str | None = None


def names_of_policies(account: Account) -> set[str]:
    """The ARNs of the account's own managed policies: what is there before the stack is not ours."""
    return {policy["Arn"] for policy in _details(account, "LocalManagedPolicy", "Policies")}


def targets(account: Account, clients: Clients, before: set[str]) -> Iterator[Target]:
    """Every policy of one account that the stack made: identities', boundaries', resource policies."""
    iam = account.admin.client("iam")
    for policy in _details(account, "LocalManagedPolicy", "Policies"):
        if policy["Arn"] not in before:
            yield _managed(iam, policy)
    for resource_id in dict.fromkeys(
        claim.resource_id for claim in resource_policies.policy_claims(account.settings)
    ):
        yield _policy_claim(clients, resource_id)
    for role in _details(account, "Role", "RoleDetailList"):
        for inline in role.get("RolePolicyList", []):
            yield _inline(iam, role["RoleName"], inline)
        if "PermissionsBoundary" in role:
            yield _boundary(iam, role["RoleName"], role["PermissionsBoundary"]["PermissionsBoundaryArn"])


def _details(account: Account, kind: str, key: str) -> list[dict[str, Any]]:
    pages = account.admin.client("iam").get_paginator("get_account_authorization_details")
    return [each for page in pages.paginate(Filter=[kind]) for each in page[key]]


def _managed(iam: Any, policy: dict[str, Any]) -> Target:
    arn, original = policy["Arn"], policy["DefaultVersionId"]
    version = next(v for v in policy["PolicyVersionList"] if v["VersionId"] == original)
    made: list[str] = []

    def apply(mutation: Mutation) -> None:
        answer = iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=json.dumps(mutation.document), SetAsDefault=True
        )
        made.append(answer["PolicyVersion"]["VersionId"])

    def restore() -> None:
        iam.set_default_policy_version(PolicyArn=arn, VersionId=original)
        while made:
            iam.delete_policy_version(PolicyArn=arn, VersionId=made.pop())

    return Target(
        name=f"policy {policy['PolicyName']}",
        mutations=list(mutations(version["Document"])),
        apply=apply,
        restore=restore,
        arn=arn,
    )


def _inline(iam: Any, role: str, policy: dict[str, Any]) -> Target:
    def put(document: Document) -> None:
        iam.put_role_policy(
            RoleName=role, PolicyName=policy["PolicyName"], PolicyDocument=json.dumps(document)
        )

    return Target(
        name=f"role {role}'s policy {policy['PolicyName']}",
        mutations=list(mutations(policy["PolicyDocument"])),
        apply=lambda mutation: put(mutation.document),
        restore=lambda: put(policy["PolicyDocument"]),
    )


def _boundary(iam: Any, role: str, arn: str) -> Target:
    return Target(
        name=f"role {role}'s boundary",
        mutations=[Mutation(what="removed", document={})],
        apply=lambda _: iam.delete_role_permissions_boundary(RoleName=role),
        restore=lambda: iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=arn),
    )


def _policy_claim(clients: Clients, resource_id: ResourceId) -> Target:
    """Judged as a document, not put in place: a key whose policy lacks PutKeyPolicy could not be mended."""
    return Target(
        name=f"policy of {resource_id} ({resource_id.region})",
        mutations=list(mutations(resource_policies.read(clients, resource_id))),
        apply=lambda _: None,
        restore=lambda: None,
        resource_id=resource_id,
    )


def targets_in_vault(account: Account, vault: hvac.Client) -> Iterator[Target]:
    """The Vault policy of each role, and what Vault gives to the principal that it issues for the role."""
    outputs = account.stack.outputs()
    configured = account.settings.vault
    for role, policy in outputs.get("vault_policies", {}).items():
        rules = str(vault.sys.read_policy(policy)["data"]["rules"])
        yield Target(
            name=f"Vault policy {policy}",
            mutations=[
                Mutation(what=what, document={"rules": text}) for what, text in of_vault_policy(rules)
            ],
            apply=lambda mutation, policy=policy: _put_policy(vault, policy, mutation.document["rules"]),  # type: ignore[misc]
            restore=lambda policy=policy, rules=rules: _put_policy(vault, policy, rules),  # type: ignore[misc]
            vault_role=role,
        )
        if configured and configured.roles[role].credential_type == "iam_user":
            yield from _vault_role(vault, f"{outputs['vault_mount']}/roles/{role}", role)


def _put_policy(vault: hvac.Client, policy: str, rules: str) -> None:
    vault.sys.create_or_update_policy(policy, rules)


def _vault_role(vault: hvac.Client, path: str, role: str) -> Iterator[Target]:
    original = dict(vault.read(path)["data"])

    def put(changed: dict[str, Any]) -> None:
        vault.write_data(path, data=original | changed)

    wrong = [Mutation(what="boundary removed", document={"permissions_boundary_arn": ""})]
    if original["policy_document"]:
        wrong += [
            Mutation(what=each.what, document={"policy_document": json.dumps(each.document)})
            for each in mutations(json.loads(original["policy_document"]))
        ]
    yield Target(
        name=f"Vault role {role}",
        mutations=wrong,
        apply=lambda mutation: put(mutation.document),
        restore=lambda: put({}),
        vault_role=role,
    )
