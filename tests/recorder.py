"""Records what a Pulumi program registers, without an engine, a provider or a network.

Proves what the program *asks for*: types, names, parents, inputs, options, secretness, outputs. It does not
prove that a provider accepts it or that AWS behaves so; the engine tests and the rehearsal do. Stricter than
Pulumi's own mocks: a URN registered twice and a look-up that the test did not expect are errors.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pulumi
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import get_project, get_root_resource, get_stack
from pulumi.runtime.stack import Stack

STACK_TYPE = "pulumi:pulumi:Stack"
# The account of every ARN that the recorder makes up.
ACCOUNT_ID = "000000000000"

Invoke = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the engine would receive it. Property names are the engine's (camelCase)."""

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    inputs: Mapping[str, Any]
    secret_inputs: frozenset[str]
    dependencies: frozenset[str]
    ignore_changes: tuple[str, ...]
    additional_secret_outputs: frozenset[str]
    # The options besides the above, where they are set at all.
    options: Mapping[str, Any]


class Invoked(NamedTuple):
    """A look-up, and the provider that it was sent to (empty for the default one)."""

    token: str
    arguments: dict[str, Any]
    provider: str


class NotRecordedError(LookupError):
    """A test asked for a resource that the program did not register, or that stands there more than once."""


class Recorder(mocks.MockMonitor):
    """The engine's side of a program under test.

    `outputs` adds what only a provider knows, by type: `{"aws:iam/accessKey:AccessKey": {"secret": "…"}}`.
    `invokes` answers look-ups by token.
    """

    def __init__(
        self,
        *,
        outputs: Mapping[str, Mapping[str, Any]] | None = None,
        invokes: Mapping[str, Invoke] | None = None,
    ) -> None:
        super().__init__(_NoMocks())
        self.registrations: dict[str, Registration] = {}
        self.invoked: list[Invoked] = []
        self.registered_outputs: dict[str, dict[str, Any]] = {}
        self.secret_outputs: dict[str, frozenset[str]] = {}
        self._outputs = dict(outputs or {})
        self._invokes = dict(invokes or {})

    def run(self, build: Callable[[], object]) -> None:
        """Run a program to its end: returns when every registration, and what waits for it, has settled."""

        def program() -> None:
            build()
            stack = get_root_resource()
            assert isinstance(stack, Stack)
            stack.register_outputs(stack.outputs)

        pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]

    def all_of(self, type_: str) -> list[Registration]:
        return [made for made in self.registrations.values() if made.type == type_]

    def one(self, type_: str, name: str) -> Registration:
        found = [made for made in self.all_of(type_) if made.name == name]
        if len(found) != 1:
            names = sorted(made.name for made in self.all_of(type_))
            raise NotRecordedError(f"{len(found)} resources {type_} are named {name}; names: {names}")
        return found[0]

    def children_of(self, component: Registration) -> list[Registration]:
        return [made for made in self.registrations.values() if made.parent == component.urn]

    def inventory(self) -> list[tuple[str, str]]:
        """Type and name of every resource, sorted; the stack itself left out."""
        return sorted((made.type, made.name) for made in self.registrations.values())

    @property
    def stack_outputs(self) -> dict[str, Any]:
        return self.registered_outputs[_stack_urn()]

    @property
    def secret_stack_outputs(self) -> frozenset[str]:
        return self.secret_outputs[_stack_urn()]

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine makes it: the types of all parents, the stack's left out, and one's own name."""
        parent_types = "" if not parent or parent == _stack_urn() else f"{parent.split('::')[2]}$"
        return f"urn:pulumi:{get_stack()}::{get_project()}::{parent_types}{type_}::{name}"

    # What follows answers the program; the names are those of Pulumi's protocol.

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if urn in self.registrations:
            raise ValueError(f"duplicate resource URN: {urn}")
        inputs, secret_inputs = _plain(request.object)
        self.registrations[urn] = Registration(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=request.custom,
            inputs=inputs,
            secret_inputs=secret_inputs,
            dependencies=frozenset(request.dependencies),
            ignore_changes=tuple(request.ignoreChanges),
            additional_secret_outputs=frozenset(request.additionalSecretOutputs),
            options=_unusual_options(request),
        )
        state = _made_up(request.type, inputs.get("name", request.name)) if request.custom else {}
        state |= {**inputs, **self._outputs.get(request.type, {})}
        secret = secret_inputs | set(request.additionalSecretOutputs)
        answer = struct_pb2.Struct()
        answer.update(
            {name: rpc.wrap_rpc_secret(value) if name in secret else value for name, value in state.items()}
        )
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id=f"{request.name}-id" if request.custom else "", object=answer
        )

    def RegisterResourceOutputs(
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        self.registered_outputs[request.urn], self.secret_outputs[request.urn] = _plain(request.outputs)
        return empty_pb2.Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:
        arguments, _ = _plain(request.args)
        if request.tok not in self._invokes:
            raise LookupError(f"unexpected invoke of {request.tok} with {arguments}")
        self.invoked.append(Invoked(request.tok, arguments, request.provider))
        answer = struct_pb2.Struct()
        answer.update(self._invokes[request.tok](arguments))
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").CopyFrom(answer)
        return response

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> None:
        raise LookupError(f"unexpected read of {request.type} {request.name}")


def _stack_urn() -> str:
    project, stack = get_project(), get_stack()
    return f"urn:pulumi:{stack}::{project}::{STACK_TYPE}::{project}-{stack}"


class _NoMocks(mocks.Mocks):
    """MockMonitor wants mocks; the recorder answers without."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise NotImplementedError

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise NotImplementedError


def _plain(properties: struct_pb2.Struct) -> tuple[dict[str, Any], frozenset[str]]:
    """The values without their secret wrapping, and the names of those that are (or hold) a secret."""
    values = rpc.deserialize_properties(properties)
    secret = frozenset(name for name, value in values.items() if rpc.is_rpc_secret(value))
    return {name: rpc.unwrap_rpc_secret(value) for name, value in values.items()}, secret


def _made_up(type_: str, name: str) -> dict[str, Any]:
    """An ARN as AWS would give it, near enough: the type's module and kind, and the resource's name."""
    module, _, kind = type_.split(":")[1].partition("/")
    if module == "s3":
        return {"arn": f"arn:aws:s3:::{name}"}
    region = "" if module == "iam" else "us-east-1"
    return {"arn": f"arn:aws:{module}:{region}:{ACCOUNT_ID}:{kind}/{name}"}


def _unusual_options(request: resource_pb2.RegisterResourceRequest) -> dict[str, Any]:
    options = {
        "protect": request.protect,
        "provider": request.provider,
        "providers": dict(request.providers),
        "aliases": [str(alias) for alias in request.aliases] + list(request.aliasURNs),
        "import": request.importId,
        "delete_before_replace": request.deleteBeforeReplace,
        "retain_on_delete": request.retainOnDelete,
        "replace_on_changes": list(request.replaceOnChanges),
        "deleted_with": request.deletedWith,
    }
    return {name: value for name, value in options.items() if value}
