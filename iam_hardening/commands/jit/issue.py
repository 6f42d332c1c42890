"""Just-in-time credentials for a person or a job, from the Vault role of a stack.

    iam-hardening jit issue --stack dev --role test             asks, waits until they work, says what to do
    and when it ends iam-hardening jit issue --stack dev --role test --export    prints shell lines for
    eval, secrets and all

It uses VAULT_ADDR and the caller's token (VAULT_TOKEN, or ~/.vault-token as `vault login` leaves
it). The credentials are kept (`credentials_from_vault.py`) for the profile that it prints: with that in
~/.aws/config `aws s3 ls --profile jit-dev-test` asks Vault, through `credential_process`. Source: AWS CLI
User Guide, "Sourcing credentials with an external process".
"""

import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from iam_hardening import config, exit_status
from iam_hardening.clients import operator
from iam_hardening.clients.vault import client, client_of
from iam_hardening.commands.jit.credentials import Issued, credentials
from iam_hardening.config.files import settings_of

DONE = exit_status.HOLDS
COULD_NOT = exit_status.COULD_NOT_RUN


def profile(stack: str, region: str, mount: str, role: str) -> str:
    """The profile as ~/.aws/config writes it."""
    project = Path(__file__).resolve().parents[3]
    command = shlex.join(
        [
            *(
                "env",
                f"PYTHONPATH={project}",
                sys.executable,
                "-m",
                "iam_hardening",
                *("jit", "issue", "--credential-process"),
            ),
            *("--mount", mount, "--role", role, "--region", region),
        ]
    )
    return f"[profile jit-{stack}-{role}]\nregion = {region}\ncredential_process = {command}\n"


def as_process_answer(issued: Issued) -> str:
    answer = {
        "Version": 1,
        "AccessKeyId": issued.credentials.access_key_id,
        "SecretAccessKey": issued.credentials.secret_access_key,
        "Expiration": f"{issued.ends:%Y-%m-%dT%H:%M:%SZ}",
    }
    if issued.credentials.session_token:
        answer["SessionToken"] = issued.credentials.session_token
    return json.dumps(answer)


def as_exports(issued: Issued) -> str:
    own = issued.credentials
    token = (
        f"export AWS_SESSION_TOKEN={shlex.quote(own.session_token)}"
        if own.session_token
        else "unset AWS_SESSION_TOKEN"
    )
    return (
        f"export AWS_ACCESS_KEY_ID={shlex.quote(own.access_key_id)}\n"
        f"export AWS_SECRET_ACCESS_KEY={shlex.quote(own.secret_access_key)}\n{token}"
    )


def in_plain_words(issued: Issued, *, stack: str, role: str, region: str, mount: str) -> str:
    left = max(0, round((issued.ends - datetime.now(UTC)).total_seconds() / 60))
    what = "a session" if issued.is_session else "an IAM user"
    why = (
        " It ends with your Vault token, which is shorter than the lease." if issued.token_ends_first else ""
    )
    early = (
        "A session cannot be ended early by Vault"
        if issued.is_session
        else "To end it early: vault token revoke -self (ends everything this log-in asked for)"
    )
    return (
        f"You are {issued.arn}\n"
        f"{what} from Vault's role {role}, and AWS takes it.\n"
        f"It ends at {issued.ends:%H:%M:%S} UTC, in {left} minutes.{why}\n\n"
        f"Use it:  aws s3 ls --profile jit-{stack}-{role}\n"
        "with this, once, in ~/.aws/config (it asks Vault again when the time is over):\n\n"
        f"{profile(stack, region, mount, role)}\n"
        f'Without a profile:  eval "$(iam-hardening jit issue --stack {stack} --role {role} --export)"'
        f"\n{early}."
    )


def run(
    *,
    role: str,
    stack: str | None = None,
    mount: str | None = None,
    region: str | None = None,
    export: bool = False,
    credential_process: bool = False,
    fresh: bool = False,
    stack_files: Path | None = None,
    make_client: operator.MakeClient = operator.client,
) -> int:
    try:
        if mount is None or region is None:
            account, mount = _place(stack or "", role, stack_files)
            region, vault = account.region, client_of(account)
        else:
            vault = client()
        issued = credentials(
            vault,
            mount=mount,
            role=role,
            make_client=make_client,
            region=region,
            fresh=fresh,
        )
    except (operator.CannotError, config.ConfigError) as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    if credential_process:
        print(as_process_answer(issued))
    elif export:
        print(as_exports(issued))
    else:
        print(in_plain_words(issued, stack=stack or "", role=role, region=region, mount=mount))
    return DONE


def _place(stack: str, role: str, stack_files: Path | None) -> tuple[config.Settings, str]:
    """Account and mount of a stack's Vault role."""
    stacks = settings_of(Path.cwd(), stack_files=stack_files, needed=[stack])
    with_vault = {name: own.vault for name, own in stacks.items() if own.vault}
    if stack not in with_vault:
        raise operator.CannotError(
            f"--stack {stack}: no stack with vault; known: {', '.join(with_vault) or 'none'}"
        )
    roles = with_vault[stack].roles
    if role not in roles:
        raise operator.CannotError(
            f"--role {role}: not under vault.roles of {stack}; known: {', '.join(roles) or 'none'}"
        )
    return stacks[stack], with_vault[stack].mount
