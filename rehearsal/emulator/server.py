"""The emulated AWS as a server: MiniStack with every gap closed, on 127.0.0.1.

MiniStack's own start-up hooks (init scripts, saved state, Docker clean-up) are left out: nothing of this
survives the process or touches anything outside it.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from hypercorn.asyncio import serve
from hypercorn.config import Config

from rehearsal.emulator import (
    access_analyzer,
    account_defaults,
    alarms,
    authorization,
    condition_keys,
    controls,
    credential_report,
    documents,
    dynamodb_tables,
    ec2_attributes,
    ec2_instances,
    ec2_subnets,
    entities,
    event_rules,
    fail_closed,
    iam_resources,
    instance_metadata,
    kms_keys,
    last_use,
    log_groups,
    managed_policies,
    mfa,
    not_principal,
    pagination,
    parameter_store,
    passwords,
    policy_variables,
    quotas,
    request,
    root_access,
    root_user,
    s3_authorization,
    s3_control_host,
    session_manager,
    sessions,
    simulator,
    source_identity,
    sts_rules,
    topics,
    trails,
    trust_policies,
    user_credentials,
)
from rehearsal.emulator.upstream import app as ministack
from rehearsal.emulator.upstream import evaluator

HOST = "127.0.0.1"
_GRACEFUL_SECONDS = 1.0
# AWS keeps an idle connection for longer than hypercorn's 5 s. An SDK that finds its connection closed while
# it sends repeats the call, and a call that makes something is then made twice.
_KEEP_ALIVE_SECONDS = 120.0

# In this order: later ones wrap what earlier ones put in place.
_GAPS = (
    policy_variables,
    condition_keys,
    iam_resources,
    mfa,
    passwords,
    root_user,
    root_access,
    sessions,
    documents,
    user_credentials,
    entities,
    quotas,
    last_use,
    credential_report,
    managed_policies,
    simulator,
    sts_rules,
    trust_policies,
    source_identity,
    not_principal,
    ec2_instances,
    ec2_attributes,
    ec2_subnets,
    trails,
    account_defaults,
    session_manager,
    log_groups,
    access_analyzer,
    alarms,
    topics,
    parameter_store,
    kms_keys,
    event_rules,
    dynamodb_tables,
    s3_authorization,
    pagination,
    s3_control_host,
    fail_closed,
    authorization,
)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def close_gaps() -> None:
    """Put every module's functions in place of MiniStack's; once per process."""
    pin_caller = evaluator.pin_request_caller

    def pin_request_caller(headers: dict[str, str], query: dict[str, Any] | None = None) -> None:
        request.begin(request.Request(access_key_id=ministack.extract_access_key_id(headers, query)))
        pin_caller(headers, query)

    evaluator.pin_request_caller = pin_request_caller
    for gap in _GAPS:
        gap.apply()


async def _answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application: instance metadata, or MiniStack; no WebSockets, no other host names."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    if scope["type"] != "http":
        return
    scope = s3_control_host.in_origin_form(scope)
    scope = {**scope, "headers": s3_control_host.without_account(scope["path"], list(scope["headers"]))}
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    if not fail_closed.host_is_served(headers.get("host", "")):
        message = b"The emulated AWS answers on 127.0.0.1 and localhost only; address buckets by path."
        await _answer(send, 403, {"Content-Type": "text/plain"}, message)
    elif scope["path"].startswith(instance_metadata.PREFIX):
        await _answer(send, *instance_metadata.handle(scope["method"], scope["path"], headers))
    elif scope["path"].startswith(instance_metadata.ROLE_PREFIX):
        await _answer(send, *instance_metadata.handle_role(scope["method"], scope["path"]))
    elif scope["path"].startswith(controls.PREFIX):
        query = parse_qs(scope["query_string"].decode("latin-1"))
        await _answer(send, *controls.handle(scope["method"], scope["path"], query))
    else:
        await ministack.app(scope, receive, send)


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"{HOST}:{port}"]
    config.graceful_timeout = _GRACEFUL_SECONDS
    config.keep_alive_timeout = _KEEP_ALIVE_SECONDS
    config.loglevel = "WARNING"
    await serve(application, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]


def run(port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    close_gaps()
    asyncio.run(_serve(port))
