"""The real engine, an emulated AWS, a live Vault and the fake providers between them, once for all engine
tests.

Each test has its own stack and its own account, so no test sees what another left behind.
"""

import itertools
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import hvac
import pyotp
import pytest
from pulumi import automation as auto
from pulumi.automation import EngineEvent

from rehearsal import tools
from rehearsal.engine_ports import forget_ports
from rehearsal.github_tokens import Issuer
from rehearsal.providers import AwsCredentials, FakeProviders
from rehearsal.servers import emulated_aws, vault_server
from rehearsal.vault_proxy import Substitutes, vault_proxy

forget_ports()

PROJECT = "fake-provider-tests"

_accounts = itertools.count(100_000_000_001)


@dataclass(frozen=True)
class Result:
    """What one command of the engine did and said."""

    changes: dict[str, int]
    said: str
    events: list[EngineEvent]

    @property
    def clean(self) -> bool:
        return set(self.changes) <= {"same"}

    @property
    def created(self) -> set[str]:
        return self._done("create")

    @property
    def updated(self) -> set[str]:
        return self._done("update")

    @property
    def order(self) -> list[tuple[str, str]]:
        """Steps as they ended: operation and resource."""
        steps = [event.res_outputs_event.metadata for event in self.events if event.res_outputs_event]
        return [(str(getattr(step.op, "value", step.op)), step.urn.split("::")[-1]) for step in steps]

    def _done(self, operation: str) -> set[str]:
        return {name for op, name in self.order if op == operation}


# Without the secrets of the configuration in the summary: decrypting takes a second, for nothing.
_QUICK = {"show_secrets": False}


@dataclass
class TestStack:
    """One stack in its own account. `program` is what the next command runs."""

    __test__ = False

    name: str
    account_id: str
    stack: auto.Stack
    endpoint_url: str
    state_directory: Path
    program: Callable[[], None] = lambda: None

    def up(self, program: Callable[[], None] | None = None, **options: Any) -> Result:
        return self._run(self.stack.up, program, **_QUICK, **options)

    def preview(self, program: Callable[[], None] | None = None, **options: Any) -> Result:
        return self._run(self.stack.preview, program, **options)

    def refresh(self) -> Result:
        return self._run(self.stack.refresh, None, **_QUICK)

    def destroy(self) -> Result:
        return self._run(self.stack.destroy, None, **_QUICK)

    def fails(self, program: Callable[[], None] | None = None) -> str:
        """Everything that an up that has to fail said."""
        with pytest.raises(auto.CommandError) as failure:
            self.up(program)
        return str(failure.value)

    def outputs(self) -> dict[str, Any]:
        return {name: output.value for name, output in self.stack.outputs().items()}

    def stored(self) -> dict[str, Any]:
        """The state as it is stored; secrets are ciphertext. The Automation API's export decrypts them."""
        stored = self.state_directory / ".pulumi" / "stacks" / PROJECT / f"{self.name}.json"
        latest: dict[str, Any] = json.loads(stored.read_text())["checkpoint"]["latest"]
        return latest

    def resource(self, name: str) -> dict[str, Any]:
        """One resource of the stored state."""
        resources = self.stored()["resources"]
        found: dict[str, Any] = next(each for each in resources if each["urn"].endswith(f"::{name}"))
        return found

    def names(self) -> set[str]:
        resources = self.stored().get("resources") or []
        return {each["urn"].split("::")[-1] for each in resources if not each["type"].startswith("pulumi:")}

    def set_config(self, key: str, value: str) -> None:
        self.stack.set_config(key, auto.ConfigValue(value))

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """A hand in the account, beside Pulumi."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.account_id,
            aws_secret_access_key="any",
        )

    def _run(self, command: Callable[..., Any], program: Callable[[], None] | None, **options: Any) -> Result:
        if program is not None:
            self.program = program
        self.stack.workspace.program = self.program
        said: list[str] = []
        events: list[EngineEvent] = []
        outcome = command(on_output=said.append, on_event=events.append, **options)
        summary = getattr(outcome, "change_summary", None)
        if summary is None:
            summary = outcome.summary.resource_changes or {}
        changes = {str(getattr(kind, "value", kind)): count for kind, count in summary.items()}
        return Result(changes, "\n".join(said), events)


@pytest.fixture(scope="session")
def aws_endpoint_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulated_aws(tmp_path_factory.mktemp("aws")) as aws:
        yield aws.endpoint_url


@pytest.fixture(scope="session")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with vault_server(tmp_path_factory.mktemp("vault"), tools.vault_aws_plugin()) as server:
        yield server


@pytest.fixture(scope="session")
def vault_client(vault: Any) -> Any:
    return hvac.Client(vault.address, token=vault.token)


@pytest.fixture(scope="session")
def credentials() -> dict[str, AwsCredentials]:
    """Stack name to credentials; stacks are added as tests make them."""
    return {}


@pytest.fixture(scope="session")
def debug_providers(
    aws_endpoint_url: str,
    vault: Any,
    credentials: dict[str, AwsCredentials],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Vault's is behind what a rehearsal puts in front of its Vault."""
    substitutes = Substitutes(
        aws_endpoint_url=aws_endpoint_url,
        github_public_key=Issuer().public_key,
        audit_folder=tmp_path_factory.mktemp("audit"),
    )
    with (
        vault_proxy(vault.address, substitutes) as address,
        FakeProviders(aws_endpoint_url, credentials, address, vault.token).serve() as providers,
    ):
        yield providers


@pytest.fixture(scope="session")
def engine_environment(debug_providers: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("engine")
    (directory / "state").mkdir()
    return {
        "PATH": f"{tools.pulumi().parent}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(directory / "home"),
        "PULUMI_BACKEND_URL": f"file://{directory / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase for tests",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_DEBUG_PROVIDERS": debug_providers,
    }


@pytest.fixture
def new_stack(
    engine_environment: dict[str, str],
    credentials: dict[str, AwsCredentials],
    aws_endpoint_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., TestStack]:
    """Makes stacks: new_stack(config) with `aws:...` keys."""
    # The Automation API looks for the pulumi command on the PATH of this process.
    monkeypatch.setenv("PATH", engine_environment["PATH"])

    def make(config: dict[str, str] | None = None, *, with_credentials: bool = True) -> TestStack:
        name = f"t{uuid.uuid4().hex[:8]}"
        directory = tmp_path / name
        directory.mkdir()
        account_id = str(next(_accounts))
        if with_credentials:
            credentials[name] = AwsCredentials(account_id, "any")
        stack = auto.create_or_select_stack(
            stack_name=name,
            project_name=PROJECT,
            program=lambda: None,
            opts=auto.LocalWorkspaceOptions(
                work_dir=str(directory),
                env_vars=engine_environment,
                project_settings=auto.ProjectSettings(name=PROJECT, runtime="python"),
            ),
        )
        stack.set_all_config(
            {
                key: auto.ConfigValue(value)
                for key, value in {"aws:region": "us-east-1", **(config or {})}.items()
            }
        )
        state_directory = Path(engine_environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
        return TestStack(name, account_id, stack, aws_endpoint_url, state_directory)

    return make


@pytest.fixture
def stack(new_stack: Callable[..., TestStack]) -> TestStack:
    return new_stack()


@pytest.fixture
def enable_mfa() -> Callable[[Any, str], str]:
    """Enrols a virtual MFA device for a user, and answers its serial number."""

    def enable(iam: Any, user: str) -> str:
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName=user)["VirtualMFADevice"]
        serial: str = device["SerialNumber"]
        codes = pyotp.TOTP(device["Base32StringSeed"].decode())
        now = int(time.time())
        iam.enable_mfa_device(
            UserName=user,
            SerialNumber=serial,
            AuthenticationCode1=codes.at(now),
            AuthenticationCode2=codes.at(now + codes.interval),
        )
        return serial

    return enable
