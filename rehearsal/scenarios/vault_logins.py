"""Log-ins to Vault, each used as people and machines do: a token, and the credentials that it asks for."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from hvac import exceptions

from iam_hardening import config
from iam_hardening.claims.claim import ALLOWED, REFUSED, Claim, attempt
from rehearsal.github_tokens import Issuer
from rehearsal.openid_provider import running_provider
from rehearsal.recorder import Recorder
from rehearsal.scenarios.just_in_time import session_of
from rehearsal.testbed import Account, Testbed

LogIn = Callable[[], dict[str, Any]]
# What is tried → the call, and words of Vault's refusal, so that nothing is refused for another reason.
Wrong = dict[str, tuple[LogIn, str]]
Claims = dict[str, Any]


def play(recorder: Recorder, testbed: Testbed) -> None:
    for account in testbed.accounts.values():
        vault = account.settings.vault
        for name, login in vault.logins.items() if vault else ():
            with recorder.scenario(f"Log-in {name} for {account.name}"):
                _play(recorder, testbed, account, name, login)


def _play(
    recorder: Recorder, testbed: Testbed, account: Account, name: str, login: config.VaultLogin
) -> None:
    ways = {"userpass": _userpass, "approle": _approle, "github": _github, "jwt": _jwt, "oidc": _oidc}
    if login.method not in ways:
        recorder.note(
            f"{name}: a log-in by {login.method} needs a directory; only its configuration was made."
        )
        return
    with ExitStack() as running:
        log_in, wrong = ways[login.method](testbed, name, login, running)
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
    holder = testbed.vault(auth["client_token"], from_address=_inside(login.cidrs))
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
    if login.cidrs:
        recorder.judge(
            _claim(account, name, "the token from another address", REFUSED, "it is bound to the cidrs"),
            testbed.vault(auth["client_token"], from_address=_outside(login.cidrs)).auth.token.lookup_self,
        )
    testbed.vault().auth.token.revoke(auth["client_token"])


def _userpass(testbed: Testbed, name: str, login: config.VaultLogin, _: ExitStack) -> tuple[LogIn, Wrong]:
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


def _approle(testbed: Testbed, name: str, login: config.VaultLogin, _: ExitStack) -> tuple[LogIn, Wrong]:
    operator = testbed.vault()
    role_id = operator.read(f"auth/{name}/role/{name}/role-id")["data"]["role_id"]

    def new_secret_id() -> str:
        return str(operator.write(f"auth/{name}/role/{name}/secret-id")["data"]["secret_id"])

    def with_secret_id(secret_id: str, from_address: str | None = _inside(login.cidrs)) -> dict[str, Any]:
        body = {"role_id": role_id, "secret_id": secret_id}
        return _post(testbed, f"auth/{name}/login", from_address=from_address, **body)

    once = partial(with_secret_id, new_secret_id())
    others: Wrong = {
        "the secret ID again": (once, "invalid role or secret ID"),
        "no secret ID": (lambda: _post(testbed, f"auth/{name}/login", role_id=role_id), "missing secret_id"),
    }
    if login.cidrs:
        others["from another address"] = (
            partial(with_secret_id, new_secret_id(), _outside(login.cidrs)),
            "unauthorized",
        )
    return once, others


def _inside(cidrs: list[str]) -> str | None:
    """An address of the first block; None where there is no block."""
    return str(ip_network(cidrs[0])[0]) if cidrs else None


def _outside(cidrs: list[str]) -> str:
    """The address before or behind a block that no other block has."""
    blocks = [ip_network(cidr) for cidr in cidrs]
    edges = [
        *(block[0] - 1 for block in blocks if int(block[0])),
        *(block[-1] + 1 for block in blocks if int(block[-1]) + 1 < 2**block.max_prefixlen),
    ]
    return next(str(each) for each in edges if not any(each in block for block in blocks))


def _github(testbed: Testbed, name: str, login: config.VaultLogin, _: ExitStack) -> tuple[LogIn, Wrong]:
    subject = login.subject or ""
    by_name = "/".join(part.split("@")[0] for part in subject.split(":")[1].split("/"))
    where = subject.split(":", 2)[2]
    log_in = _with_token(testbed, name, {"sub": subject, "aud": login.audience})
    others = {
        "another repository": (log_in({"sub": f"repo:somebody@1/else@2:{where}"}), "invalid subject"),
        "another branch": (
            log_in({"sub": f"{subject.rsplit(':', 1)[0]}:somewhere-else"}),
            "invalid subject",
        ),
        **_wrong_tokens(log_in),
    }
    if login.immutable_subject:
        others["the old form of the subject"] = (
            log_in({"sub": f"repo:{by_name}:{where}"}),
            "invalid subject",
        )
    return log_in({}), others


def _jwt(testbed: Testbed, name: str, login: config.VaultLogin, _: ExitStack) -> tuple[LogIn, Wrong]:
    whole: Claims = {"sub": "job", login.user_claim_name: "job", **_bound(login)}
    whole |= {"iss": login.issuer, "aud": login.audience}
    whole |= {"sub": login.subject} if login.subject else {}
    log_in = _with_token(testbed, name, whole)
    others = _wrong_tokens(log_in)
    if login.subject:
        others["another subject"] = (log_in({"sub": f"{login.subject}-2"}), "invalid subject")
    for what, changed in _with_other_claims(login):
        others[what] = (log_in(changed), "does not match any associated bound claim")
    return log_in({}), others


def _with_token(testbed: Testbed, name: str, whole: Claims) -> Callable[..., LogIn]:
    """Makes log-ins by a token with these claims, with some of them changed."""

    def with_claims(changed: Claims, issuer: Issuer = testbed.github) -> LogIn:
        token = issuer.token(_nested({**whole, **changed}))
        return lambda: _post(testbed, f"auth/{name}/login", role=name, jwt=token)

    return with_claims


def _wrong_tokens(log_in: Callable[..., LogIn]) -> Wrong:
    past = {"exp": 1_000_000_000, "iat": 999_999_000, "nbf": 999_999_000}
    return {
        "another audience": (log_in({"aud": "https://example.com"}), "invalid audience"),
        "another issuer": (log_in({"iss": "https://example.com"}), "invalid issuer"),
        "another key": (log_in({}, Issuer()), "no known key"),
        "an expired token": (log_in(past), "token is expired"),
    }


def _bound(login: config.VaultLogin) -> Claims:
    """What a token says of someone who may log in: the last value of each claim, as a provider gives
    groups."""
    return {
        claim: [values[-1], "everyone"] if claim == "groups" else values[-1]
        for claim, values in login.bound_claims.items()
    }


def _with_other_claims(login: config.VaultLogin) -> Iterator[tuple[str, Claims]]:
    """Each claim alone with another value, and, where a value has separators, with a part of it."""
    for claim, values in login.bound_claims.items():
        yield f"another {claim}", {claim: f"not-{'-'.join(values)}"}
        for part in values[-1].split(",") if "," in values[-1] else ():
            if part not in values:
                yield f"{claim}: {part}", {claim: part}


def _nested(claims: Mapping[str, Any]) -> Claims:
    """A claim named by a JSON pointer (RFC 6901) is inside another: `/realm_access/roles`."""
    whole: Claims = {}
    for name, value in claims.items():
        *outer, last = [part.replace("~1", "/").replace("~0", "~") for part in name.split("/")[1:]] or [name]
        inside = whole
        for part in outer:
            inside = inside.setdefault(part, {})
        inside[last] = value
    return whole


def _oidc(testbed: Testbed, name: str, login: config.VaultLogin, running: ExitStack) -> tuple[LogIn, Wrong]:
    """As `vault login -method=oidc` does it. The operator's step comes first, with a provider of the
    rehearsal's."""
    provider = running.enter_context(running_provider())
    testbed.vault().write(
        f"auth/{name}/config",
        oidc_discovery_url=provider.url,
        oidc_client_id=provider.client_id,
        oidc_client_secret=provider.client_secret,
    )
    person = {login.user_claim_name: "alice@example.com", **_bound(login)}

    def by_browser(changed: Mapping[str, Any], redirect_uri: str = login.redirect_uris[0]) -> dict[str, str]:
        """From Vault to the provider and back: what the browser brings to Vault."""
        provider.sign_in(_nested({**person, **changed}))
        nonce = secrets.token_urlsafe(12)
        asked = {"role": name, "redirect_uri": redirect_uri, "client_nonce": nonce}
        url = _post(testbed, f"auth/{name}/oidc/auth_url", **asked)["data"]["auth_url"]
        if not url:
            raise exceptions.InvalidRequest("Vault gives no address of the provider")
        location = requests.get(url, allow_redirects=False, timeout=10).headers["Location"]
        return {**dict(parse_qsl(urlsplit(location).query)), "client_nonce": nonce}

    def callback(brought: Mapping[str, str]) -> dict[str, Any]:
        answer: dict[str, Any] = testbed.vault("none").adapter.get(
            f"/v1/auth/{name}/oidc/callback", params=dict(brought)
        )
        return answer

    def log_in(changed: Mapping[str, Any], **options: str) -> LogIn:
        return lambda: callback(by_browser(changed, **options))

    def again() -> dict[str, Any]:
        brought = by_browser({})
        testbed.vault().auth.token.revoke(callback(brought)["auth"]["client_token"])
        return callback(brought)

    def of_another_browser() -> dict[str, Any]:
        return callback({**by_browser({}), "client_nonce": "another"})

    others: Wrong = {
        "another redirect URI": (
            log_in({}, redirect_uri="https://attacker.example/callback"),
            "gives no address",
        ),
        "the same code again": (again, "Expired or missing OAuth state"),
        "the code in another browser": (of_another_browser, "invalid client_nonce"),
    }
    for what, changed in _with_other_claims(login):
        others[what] = (log_in(changed), "does not match any associated bound claim")
    return log_in({}), others


def _post(testbed: Testbed, path: str, from_address: str | None = None, **body: Any) -> dict[str, Any]:
    # A wrong password, secret ID or token is a 400 of Vault.
    vault = testbed.vault("none", from_address=from_address)
    answer: dict[str, Any] = vault.adapter.post(f"/v1/{path}", json=body)
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
