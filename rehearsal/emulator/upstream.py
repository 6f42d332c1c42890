"""The one place that imports MiniStack: the version it must have, the environment it reads, its modules as
`Any`.

MiniStack reads its settings from environment variables when it is imported, and takes AWS_ACCESS_KEY_ID from
the environment for its own root key. So the environment is emptied of all of those first: a person who
starts the emulator from a shell with AWS credentials in it must not hand them a back door.
"""

import importlib
import importlib.metadata
import logging
import os
from collections.abc import Callable
from typing import Any

VERSION = "1.5.33"

# Fewer services, less to attack: these are the ones the program, Vault or a persona talks to.
SERVICES = (
    "cloudtrail",
    "dynamodb",
    "ec2",
    "events",
    "iam",
    "kms",
    "logs",
    "monitoring",
    "organizations",
    "s3",
    "sns",
    "ssm",
    "sts",
    "tagging",
)

_SETTINGS_PREFIXES = ("AWS_", "MINISTACK_", "LOCALSTACK_", "S3_", "SERVICES", "AUTH", "PERSIST")

Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[Parameters], Response]


class UnsupportedMiniStackError(RuntimeError):
    """The installed MiniStack is not the one these modules were written for."""


def check_version() -> None:
    try:
        installed = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        installed = "none"
    if installed != VERSION:
        raise UnsupportedMiniStackError(
            f"The emulated AWS was written and tested against ministack {VERSION}, not {installed}. "
            f"Install that version, or run the emulator's tests and then change the number in upstream.py."
        )


def _set_environment() -> None:
    for name in list(os.environ):
        if name.startswith(_SETTINGS_PREFIXES):
            del os.environ[name]
    os.environ["AUTH"] = "true"
    os.environ["SERVICES"] = ",".join(SERVICES)
    os.environ.setdefault("LOG_LEVEL", "WARNING")


def _import(name: str) -> Any:
    return importlib.import_module(f"ministack.{name}")


check_version()
_set_environment()

app = _import("app")
evaluator = _import("core.iam_evaluator")
actions = _import("core.iam_actions")
responses = _import("core.responses")
iam = _import("services.iam")
sts = _import("services.sts")
ec2 = _import("services.ec2")
s3 = _import("services.s3")
ssm = _import("services.ssm")
kms = _import("services.kms")
dynamodb = _import("services.dynamodb")
cloudtrail = _import("services.cloudtrail")
organizations = _import("services.organizations")

iam_handlers: dict[str, Handler] = iam._IAM_HANDLERS
ec2_handlers: dict[str, Handler] = ec2._ACTION_MAP

logging.getLogger("ministack").setLevel(os.environ["LOG_LEVEL"])


def account_id() -> str:
    """The account the current request acts in: that of its access key."""
    return str(responses.get_account_id())


def parameter(parameters: Parameters, name: str) -> str:
    """One request parameter; empty when absent."""
    value = parameters.get(name) or ""
    return str(value[0] if isinstance(value, list) else value)


def members(parameters: Parameters, prefix: str) -> list[str]:
    """A list parameter of the query protocol: `prefix.member.1` and so on; EC2 leaves `.member` out."""
    separator = ".member." if f"{prefix}.member.1" in parameters else "."
    values: list[str] = []
    while f"{prefix}{separator}{len(values) + 1}" in parameters:
        values.append(parameter(parameters, f"{prefix}{separator}{len(values) + 1}"))
    return values


def iam_answer(action: str, result: str | None = None) -> Response:
    """A successful IAM answer; `result` is the inside of its `<…Result>` element, None for no element."""
    inner = "" if result is None else f"<{action}Result>{result}</{action}Result>"
    answer: Response = iam._xml(200, f"{action}Response", inner)
    return answer


def refuse(status: int, code: str, message: str, service: str = "iam") -> Response:
    """An error answer of IAM or STS."""
    answer: Response = iam._error(status, code, iam._xml_escape(message), ns=service)
    return answer


def succeeded(response: Response) -> bool:
    return response[0] < 300
