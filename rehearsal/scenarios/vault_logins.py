"""Log-ins to Vault, each used as people and machines do: a token, and the credentials that it asks for."""

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

from iam_hardening import config
from iam_hardening.claims.claim import ALLOWED, REFUSED, Claim, attempt
from rehearsal.recorder import Recorder
from rehearsal.scenarios.just_in_time import session_of
from rehearsal.testbed import Account, Testbed

LogIn = Callable[[], dict[str, Any]]
# What is tried → the call, and words of Vault's refusal, so that nothing is refused for another reason.
Wrong = dict[str, tuple[LogIn, str]]


def play(recorder: Recorder, testbed: Testbed) -> None:
    for account in testbed.workloads:
        vault = account.settings.vault
        for name, login in vault.logins.items() if vault else ():
            with recorder.scenario(f"Log-in {name} for {account.name}"):
                _play(recorder, testbed, account, name, login)


def _play(
    recorder: Recorder, testbed: Testbed, account: Account, name: str, login: config.VaultLogin
) -> None:
    ways = {"userpass": _userpass, "approle": _approle, "github": _github}
    if login.method not in ways:
        recorder.note(
            f"{name}: a log-in by {login.method} needs an identity provider; only its role was made."
        )
        return
    log_in, wrong = ways[login.method](testbed, name, login)
    made = recorder.must(_claim(account, name, "log in", ALLOWED, "this is the way in"), log_in)
    for what, (call, words) in wrong.items():
        tried = attempt(call)
        recorder.found(
            _claim(account, name, f"log in ({what})", REFUSED, "no one else can log in this way"),
            REFUSED if tried.found != ALLOWED and words in tried.detail else tried.found,
            tried.detail,
        )
    _play_holder(recorder, testbed, account, name, login, made["auth"])


def _play_holder(
    recorder: Recorder,
    testbed: Testbed,
    account: Account,
    name: str,
    login: config.VaultLogin,
    auth: dict[str, Any],
) -> None:
    outputs = account.stack.outputs()
    mount, own_policies = outputs["vault_mount"], outputs["vault_policies"]
    recorder.found(
        _claim(
            account,
            name,
            "token policies",
            ", ".join(sorted(["default", *(own_policies[role] for role in login.roles)])),
            "what its roles need and nothing else",
        ),
        ", ".join(sorted({*auth["token_policies"], *(auth.get("identity_policies") or [])})),
    )
    holder = testbed.vault(auth["client_token"])
    for role in own_policies:
        path = f"{mount}/creds/{role}"
        if role not in login.roles:
            reason = "a log-in reaches its own roles only"
            recorder.judge(
                _claim(account, name, f"vault read {path}", REFUSED, reason), partial(holder.read, path)
            )
            continue
        issued = recorder.must(
            _claim(account, name, f"vault read {path}", ALLOWED, "its role"), partial(holder.read, path)
        )
        recorder.judge(
            _claim(account, name, f"sts:GetCallerIdentity ({role})", ALLOWED, "the credentials work"),
            session_of(account, issued["data"]).client("sts").get_caller_identity,
        )
        left = holder.auth.token.lookup_self()["data"]["ttl"]
        recorder.found(
            _claim(account, name, f"token against lease ({role})", "longer", "a lease dies with its token"),
            "longer" if left > issued["lease_duration"] else f"{left} s for {issued['lease_duration']} s",
        )
    testbed.vault().auth.token.revoke(auth["client_token"])


def _userpass(testbed: Testbed, name: str, login: config.VaultLogin) -> tuple[LogIn, Wrong]:
    """The program makes no password: an operator sets it, here the rehearsal."""
    user, password = login.users[0], secrets.token_urlsafe(16)
    testbed.vault().write(f"auth/{name}/users/{user}", password=password)
    return (
        lambda: _post(testbed, f"auth/{name}/login/{user}", password=password),
        {
            "wrong password": (
                lambda: _post(testbed, f"auth/{name}/login/{user}", password="wrong"),
                "invalid username or password",
            )
        },
    )


def _approle(testbed: Testbed, name: str, login: config.VaultLogin) -> tuple[LogIn, Wrong]:
    operator = testbed.vault()
    role_id = operator.read(f"auth/{name}/role/{name}/role-id")["data"]["role_id"]
    secret_id = operator.write(f"auth/{name}/role/{name}/secret-id")["data"]["secret_id"]

    def log_in() -> dict[str, Any]:
        return _post(testbed, f"auth/{name}/login", role_id=role_id, secret_id=secret_id)

    return log_in, {
        "the secret ID again": (log_in, "invalid role or secret ID"),
        "no secret ID": (lambda: _post(testbed, f"auth/{name}/login", role_id=role_id), "missing secret_id"),
    }


def _github(testbed: Testbed, name: str, login: config.VaultLogin) -> tuple[LogIn, Wrong]:
    subject, audience = login.subject or "", login.audience or ""
    by_name = "/".join(part.split("@")[0] for part in subject.split(":")[1].split("/"))
    where = subject.split(":", 2)[2]

    def with_claims(issuer: Any = testbed.github, **claims: Any) -> LogIn:
        whole = {"sub": subject, "aud": audience, **claims}
        return lambda: _post(testbed, f"auth/{name}/login", role=name, jwt=issuer.token(**whole))

    others: Wrong = {
        "another repository": (with_claims(sub=f"repo:somebody@1/else@2:{where}"), "invalid subject"),
        "another branch": (with_claims(sub=f"{subject.rsplit(':', 1)[0]}:somewhere-else"), "invalid subject"),
        "another audience": (with_claims(aud="https://example.com"), "invalid audience"),
        "another issuer": (with_claims(iss="https://example.com"), "invalid issuer"),
        "another key": (with_claims(type(testbed.github)()), "no known key"),
        "an expired token": (
            with_claims(exp=1_000_000_000, iat=999_999_000, nbf=999_999_000),
            "token is expired",
        ),
    }
    if login.immutable_subject:
        others["the old form of the subject"] = (
            with_claims(sub=f"repo:{by_name}:{where}"),
            "invalid subject",
        )
    return with_claims(), others


def _post(testbed: Testbed, path: str, **body: Any) -> dict[str, Any]:
    # A wrong password, secret ID or token is a 400 of Vault.
    answer: dict[str, Any] = testbed.vault("none").adapter.post(f"/v1/{path}", json=body)
    return answer


def _claim(account: Account, name: str, call: str, claimed: str, reason: str) -> Claim:
    return Claim(
        who=f"log-in {name}",
        mfa="-",
        call=call,
        resource="-",
        account=account.name,
        claimed=claimed,
        reason=reason,
    )
