"""Vault's audit log: who got which credentials, joined to the IAM user, and no secret in it."""

from datetime import timedelta
from pathlib import Path, PurePosixPath

from iam_hardening import config
from iam_hardening.claims.claim import Claim
from iam_hardening.clients.aws import Credentials
from iam_hardening.commands.jit import audit as jit_audit
from rehearsal.recorder import Recorder
from rehearsal.testbed import Account, Testbed

_NOWHERE = "nowhere"


def play(recorder: Recorder, testbed: Testbed) -> None:
    for account in testbed.accounts.values():
        vault = account.settings.vault
        if vault and vault.audit:
            with recorder.scenario(f"Vault's audit log in {account.name}"):
                _play(recorder, testbed, account, vault, vault.audit)


def _play(
    recorder: Recorder, testbed: Testbed, account: Account, vault: config.Vault, audit: config.VaultAudit
) -> None:
    log = testbed.directory / "vault" / PurePosixPath(audit.file).name
    for role in vault.roles:
        _one_hand_out(recorder, testbed, account, vault, role, log)


def _one_hand_out(
    recorder: Recorder, testbed: Testbed, account: Account, vault: config.Vault, role: str, log: Path
) -> None:
    """A person asks, an operator ends it early, and the log has both."""
    policy = account.stack.outputs()["vault_policies"][role]
    name = f"rehearsal-{role}"
    made = testbed.vault().auth.token.create(policies=[policy], display_name=name, ttl="2h")
    answer = testbed.vault(made["auth"]["client_token"]).read(f"{vault.mount}/creds/{role}")
    assert answer
    data = answer["data"]
    key = data["access_key"]
    credentials = Credentials(
        access_key_id=key,
        secret_access_key=data["secret_key"],
        session_token=data.get("security_token") or None,
    )
    caller = account.root.with_credentials(credentials).client("sts").get_caller_identity()["Arn"]
    own = account.admin
    hand_outs = [each for each in _hand_outs(log, vault) if each.access_key_id == key]
    known = jit_audit.with_users(hand_outs, own.client("iam"), own.client("cloudtrail"))
    reported = next(known, None)

    def claim(call: str, claimed: str, reason: str) -> Claim:
        return Claim(
            who="auditor of Vault",
            mfa="-",
            call=call,
            resource=f"{vault.mount}/creds/{role}",
            account=account.name,
            claimed=claimed,
            reason=reason,
        )

    reason = "the user of the account is known"
    recorder.found(claim("audit: who", f"token-{name}", reason), reported.who if reported else "nobody")
    is_user = ":user/" in caller
    recorder.found(
        claim("audit: which identity", caller.rsplit("/", 1)[-1] if is_user else caller, reason),
        reported.identity if reported else "none",
    )
    secrets = [data[field] for field in ("secret_key", "security_token") if data.get(field)]
    seen = sum(secret in log.read_text() for secret in secrets)
    recorder.found(
        claim("audit: secrets", _NOWHERE, "a reader of the log has no access by it"),
        f"{seen} in the log" if seen else _NOWHERE,
    )
    testbed.vault().sys.revoke_prefix(f"{vault.mount}/creds/{role}")
    ended = {each.lease: each.ended_early_by for each in _hand_outs(log, vault)}
    recorder.found(
        claim("audit: ended early by", "root", "an early end has an author"),
        ended.get(answer["lease_id"]) or "nobody",
    )


def _hand_outs(log: Path, vault: config.Vault) -> list[jit_audit.Given]:
    longest = timedelta(seconds=vault.max_lease_ttl)
    return jit_audit.given(log.read_text().splitlines(), vault.mount, longest)
