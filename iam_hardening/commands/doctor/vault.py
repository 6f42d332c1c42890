"""The way through Vault: the server, the token, its policy and, when asked for, credentials that work."""

import os
from datetime import UTC, datetime
from typing import Any

import hvac

from iam_hardening.aws.naming import vault_policy_name
from iam_hardening.clients.vault import asking as call_vault
from iam_hardening.clients.vault import client
from iam_hardening.clients.vault_environment import of_stack
from iam_hardening.commands.doctor.walk import Step, Trouble, Walk, asking, needed
from iam_hardening.commands.jit.credentials import ask, credentials
from iam_hardening.model.vault import methods_for

_REVOKE = "sys/leases/revoke"
_FOR_PEOPLE = {"userpass", "oidc", "ldap"}


def find_vault(walk: Walk) -> str:
    environment = of_stack(walk.account) if walk.account else os.environ
    walk.vault = client(environment)
    # The state is the whole Vault's, no namespace's.
    vault = client({name: value for name, value in environment.items() if name != "VAULT_NAMESPACE"})
    status = call_vault(vault, "Looking at Vault", "sys/seal-status", vault.sys.read_seal_status)
    if not status["initialized"]:
        raise Trouble(
            f"The Vault at {vault.url} is not initialised.",
            "Is VAULT_ADDR right? If so: vault operator init (docs/vault-server.md).",
        )
    if status["sealed"]:
        raise Trouble(
            f"The Vault at {vault.url} is sealed: it issues no credentials, and no lease ends.",
            "Its operator: vault operator unseal; with auto-unseal look at its log.",
        )
    return f"{vault.url}, unsealed"


def token(walk: Walk) -> str:
    found = _look_up(needed(walk.vault))
    seconds, lease = int(found["ttl"]), walk.lease_seconds
    name = found.get("display_name") or "token"
    # 0: a token without end.
    if not seconds:
        return f"{name}, without end; a root token is for setting Vault up, not for this"
    if seconds < lease:
        raise Trouble(
            f"The Vault token ends in {seconds // 60} minutes, and a lease of {walk.vault_role} runs "
            f"{lease // 60}: it would end with the token.",
            f"Log in again: {_log_in(walk)}. Where a new token is as short, its tokenTtl is (vault.logins).",
        )
    return f"{name}, for {seconds // 60} minutes; a lease runs {lease // 60}"


def may_read(walk: Walk) -> str:
    vault, path = needed(walk.vault), f"{walk.engine.mount}/creds/{walk.vault_role}"
    if not {"read", "root"} & _capabilities(vault, path):
        found = _look_up(vault)
        held = [*found["policies"], *(found.get("identity_policies") or [])]
        policy = vault_policy_name(walk.engine.mount, needed(walk.vault_role))
        raise Trouble(
            f"The Vault token may not read {path}; its policies are {', '.join(held)}.",
            f"Log in where the policy {policy} comes with it: {_log_in(walk)}. Whoever runs Vault "
            "decides who has it (vault.logins in the stack file).",
        )
    return f"{path} may be read"


def work(walk: Walk) -> str:
    """Asks, waits until AWS takes them, and gives them back. What a token may not revoke is left for
    `iam-hardening jit issue`, as if that had asked."""
    vault, account = needed(walk.vault), needed(walk.account)
    revocable = bool({"update", "root"} & _capabilities(vault, _REVOKE))
    issued = (ask if revocable else credentials)(
        vault,
        mount=walk.engine.mount,
        role=needed(walk.vault_role),
        make_client=walk.client,
        region=account.region,
    )
    try:
        sts = walk.client("sts", account.region, issued.credentials)
        caller = asking(walk, "Whose Vault's credentials are", sts.get_caller_identity)
        if caller["Account"] != account.account_id:
            raise Trouble(
                f"Vault's mount {walk.engine.mount} is of the account {caller['Account']}; the stack "
                f"{account.stack} is {account.account_id}.",
                "Is VAULT_ADDR that account's Vault? Two stacks on one Vault need two mounts (vault.mount).",
            )
    finally:
        if revocable:
            call_vault(
                vault,
                f"Revoking the lease {issued.lease_id} (by hand: vault lease revoke)",
                _REVOKE,
                # sync: answers when the user is gone, not when it is to go.
                lambda: vault.write_data(_REVOKE, data={"lease_id": issued.lease_id, "sync": True}),
            )
    left = round((issued.ends - datetime.now(UTC)).total_seconds() / 60)
    if issued.is_session:
        after = f"a session, which ends in {left} minutes"
    elif revocable:
        after = "revoked again"
    else:
        after = (
            "this token may not revoke them: iam-hardening jit issue uses them, and they end in "
            f"{left} minutes"
        )
    return f"AWS takes {caller['Arn']}; {after}"


def _look_up(vault: hvac.Client) -> dict[str, Any]:
    path = "auth/token/lookup-self"
    answer = call_vault(vault, "Looking at the Vault token", path, vault.auth.token.lookup_self)
    return dict(answer["data"])


def _capabilities(vault: hvac.Client, path: str) -> set[str]:
    """What the token may do there, whichever policies it is by."""
    asked = "sys/capabilities-self"
    answer = call_vault(
        vault,
        "Asking what the Vault token may do",
        asked,
        lambda: vault.write_data(asked, data={"paths": [path]}),
    )
    return set(answer["data"][path])


def _log_in(walk: Walk) -> str:
    """By way of the stack file's log-ins for people that lead to this role; else whichever there is."""
    ways = [
        f"vault login -method={login.method} -path={name}"
        + (f" role={name}" if login.method == "oidc" else "")
        for name, login in methods_for(walk.engine, needed(walk.vault_role)).items()
        if login.method in _FOR_PEOPLE
    ]
    return " or ".join(ways) or "vault login"


STEPS = (Step("Vault", find_vault), Step("Vault token", token), Step("Vault policy", may_read))
TRY = Step("Vault's credentials", work)
