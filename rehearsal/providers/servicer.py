"""The engine's side of a fake provider: Pulumi's ResourceProvider protocol over a package of rows.

One servicer serves every provider instance of its package. An instance is its connection, so its
configuration is kept by the peer's address; the stack in the instance's URN says whose credentials count.

Not served: components, methods, schemas, mappings. The engine asks a resource provider for none of them.
"""

import functools
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from rehearsal.providers.comparing import changed_inputs
from rehearsal.providers.lifecycle import (
    HalfDoneError,
    Lifecycle,
    Live,
    check_inputs,
    deletes_first,
    last_known,
)
from rehearsal.providers.rows import Api, FakeProviderError, GoneError, Package, Row
from rehearsal.providers.values import UNKNOWN, Properties, decode, encode, has_unknown, parse_setting, texts

log = logging.getLogger(__name__)

# Shorter strings are too likely to be part of an innocent word to be blotted out of a message.
_SHORTEST_SECRET = 5

# What the engine puts into a provider's configuration for itself.
_ENGINE_SETTINGS = frozenset({"version", "pluginDownloadURL"})


@dataclass(frozen=True)
class Instance:
    """One configured provider: its connection to the service and what its configuration adds to resources."""

    api: Api
    default_tags: dict[str, str]
    ignored_keys: frozenset[str]
    ignored_prefixes: tuple[str, ...]
    secrets: frozenset[str]

    def is_ignored(self, key: str) -> bool:
        """Whether `aws:ignoreTags` says that a tag is someone else's."""
        return key in self.ignored_keys or key.startswith(self.ignored_prefixes)


_Method = TypeVar("_Method", bound=Callable[..., Any])


def _reported(method: _Method) -> _Method:
    """Turns every failure into one gRPC status with words for the user: no traceback, no secret."""

    @functools.wraps(method)
    def run(self: "FakeProviderServicer", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except HalfDoneError as failure:
            self.abort_half_done(failure, request, context)
        except FakeProviderError as failure:
            self.abort(str(failure), request, context)
        except Exception as failure:
            # context.abort raises a bare Exception, which has to pass through to gRPC.
            if type(failure) is Exception:
                raise
            log.debug("%s failed", method.__name__, exc_info=True)
            self.abort(f"the fake provider failed: {type(failure).__name__}: {failure}", request, context)

    return run  # type: ignore[return-value]


class FakeProviderServicer(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one package of rows."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._instances: dict[str, Instance] = {}

    # -- the plugin

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, supports_autonaming_configuration=True
        )

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=self._package.version)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    # -- the provider's configuration

    @_reported
    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        settings, _ = decode(request.news)
        failures = [
            provider_pb2.CheckFailure(
                property=name,
                reason=f"the fake provider for {self._package.name} does not know the setting {name}",
            )
            for name in sorted(set(settings) - self._package.settings - _ENGINE_SETTINGS)
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    @_reported
    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        # Without an honest answer the engine goes on with the old configuration.
        old, new = decode(request.old_inputs)[0], decode(request.news)[0]
        names = (set(old) | set(new)) - _ENGINE_SETTINGS - set(request.ignoreChanges)
        return _diff_response({name for name in names if old.get(name) != new.get(name)}, set(), False)

    @_reported
    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        wire, secret = decode(request.args)
        settings = {
            name: parse_setting(value) for name, value in wire.items() if name not in _ENGINE_SETTINGS
        }
        tags = (settings.get("defaultTags") or {}).get("tags") or {}
        hidden = set().union(*(texts(wire[name]) for name in secret), texts(wire.get("secretKey")))
        api = self._package.connect(_stack_of(request.urn), settings)
        ignored = settings.get("ignoreTags") or {}
        self._instances[context.peer()] = Instance(
            api=api,
            default_tags=tags,
            ignored_keys=frozenset(ignored.get("keys") or ()),
            ignored_prefixes=tuple(ignored.get("keyPrefixes") or ()),
            secrets=frozenset(hidden),
        )
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    # -- functions

    @_reported
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        function = self._package.functions.get(request.tok)
        if function is None:
            raise FakeProviderError(f"the fake provider has no row for the function {request.tok}")
        arguments, _ = decode(request.args)
        unknown = sorted(set(arguments) - function.arguments)
        if unknown:
            raise FakeProviderError(
                f"the fake provider's row of {request.tok} has no argument {', '.join(unknown)}"
            )
        answer = function.run(self._instance(context).api, arguments)
        response = provider_pb2.InvokeResponse()
        # The field is named by a keyword of Python.
        getattr(response, "return").CopyFrom(encode(answer))
        return response

    # -- resources

    @_reported
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        row = self._row(request)
        inputs, secret = decode(request.news)
        if any(tags.property == "tags" for tags in row.tags):
            instance = self._instance(context)
            if inputs.get("tags") != UNKNOWN:
                given = {**instance.default_tags, **(inputs.get("tags") or {})}
                kept = {key: value for key, value in given.items() if not instance.is_ignored(key)}
                if kept or "tags" in inputs:
                    inputs["tags"] = kept
        old = decode(request.olds)[0]

        def make_name() -> str | None:
            if old.get(row.auto_name):
                return str(old[row.auto_name])
            if request.HasField("autonaming"):
                return request.autonaming.proposed_name or None
            return f"{request.name}-{request.randomSeed.hex()[:7]}"

        checked, wrong = check_inputs(row, inputs, make_name)
        failures = [
            provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in sorted(wrong.items())
        ]
        return provider_pb2.CheckResponse(inputs=encode(checked, secret), failures=failures)

    @_reported
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        row = self._row(request)
        # Against the state, as the real providers do: what AWS made of an input counts, not what was asked.
        old = last_known(row, decode(request.old_inputs)[0], decode(request.olds)[0])
        new = decode(request.news)[0]
        changed = changed_inputs(row, old, new, request.ignoreChanges)
        for name in changed & set(row.moves):
            if not new.get(row.moves[name]):
                raise FakeProviderError(
                    f"without {row.moves[name]} the real provider moves what is at {old.get(name)}, and then "
                    "fails to delete what hangs on it under its old name (no handler for route)"
                )
        replaces = changed & row.replaces
        kinds = {name: _kind(old, new, name, name in replaces) for name in changed}
        return _diff_response(changed, replaces, bool(replaces) and deletes_first(row, new), kinds)

    @_reported
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        row = self._row(request)
        inputs, secret = decode(request.properties)
        if request.preview or has_unknown(inputs):
            known = {name: value for name, value in inputs.items() if name in row.inputs}
            preview = dict.fromkeys(row.outputs - row.inputs, UNKNOWN) | known
            return provider_pb2.CreateResponse(properties=encode(preview, _secret_outputs(row, secret)))
        live = self._lifecycle(row, inputs, context).create(inputs)
        return provider_pb2.CreateResponse(id=live.id, properties=_state(row, live, secret))

    @_reported
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        row = self._row(request)
        state, secret_state = decode(request.properties)
        inputs, secret_inputs = decode(request.inputs)
        try:
            live = self._lifecycle(row, {**inputs, **state}, context).read(request.id, state, inputs)
        except GoneError:
            return provider_pb2.ReadResponse()
        secret = secret_state | secret_inputs
        return provider_pb2.ReadResponse(
            id=live.id,
            properties=_state(row, live, secret),
            inputs=encode(live.inputs, (row.secrets | secret) & row.inputs),
        )

    @_reported
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        row = self._row(request)
        state, secret_state = decode(request.olds)
        old, _ = decode(request.old_inputs)
        new, secret = decode(request.news)
        # Outputs that were secret stay so; an input is as secret as the program now says.
        secret = secret | (secret_state - row.inputs)
        if request.preview:
            known = {name: value for name, value in new.items() if name in row.inputs}
            kept = {name: value for name, value in state.items() if name not in row.inputs}
            if "tags" in known:
                kept["tagsAll"] = known["tags"]
            return provider_pb2.UpdateResponse(
                properties=encode({**kept, **known}, _secret_outputs(row, secret))
            )
        live = self._lifecycle(row, state, context).update(request.id, state, old, new)
        return provider_pb2.UpdateResponse(properties=_state(row, live, secret))

    @_reported
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        row = self._row(request)
        state, _ = decode(request.properties)
        try:
            self._lifecycle(row, state, context).delete(request.id, state)
        except GoneError:
            log.debug("%s %s was gone already", row.type, request.id)
        return empty_pb2.Empty()

    # -- failures

    def abort(self, reason: str, request: Any, context: grpc.ServicerContext) -> NoReturn:
        """End the request with `reason`, the resource it is about, and nothing secret."""
        context.abort(grpc.StatusCode.UNKNOWN, self._words(reason, request, context))

    def abort_half_done(
        self, failure: HalfDoneError, request: Any, context: grpc.ServicerContext
    ) -> NoReturn:
        """End the request so that the engine keeps what was made and goes on from there next time."""
        row = self._row(request)
        secret = row.secrets.union(*(decode(getattr(request, name))[1] for name in _struct_fields(request)))
        words = self._words(str(failure), request, context)
        detail = any_pb2.Any()
        detail.Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=failure.live.id,
                properties=_state(row, failure.live, secret),
                inputs=encode(failure.live.inputs, secret & row.inputs),
                reasons=[words],
            )
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=words, details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, words)

    def _words(self, reason: str, request: Any, context: grpc.ServicerContext) -> str:
        hidden: set[str] = set()
        for name in _struct_fields(request):
            properties, secret = decode(getattr(request, name))
            hidden |= set().union(*(texts(properties[name]) for name in secret if name in properties))
        instance = self._instances.get(context.peer())
        for text in sorted(hidden | (instance.secrets if instance else set()), key=len, reverse=True):
            if len(text) >= _SHORTEST_SECRET and text != UNKNOWN:
                reason = reason.replace(text, "[secret]")
        urn = getattr(request, "urn", "")
        subject = (
            f"{urn.split('::')[2].split('$')[-1]} {urn.split('::')[3]}: " if urn.count("::") >= 3 else ""
        )
        return f"{subject}{reason}"

    # -- look-ups

    def _instance(self, context: grpc.ServicerContext) -> Instance:
        return self._instances[context.peer()]

    def _lifecycle(self, row: Row, properties: Properties, context: grpc.ServicerContext) -> Lifecycle:
        instance = self._instance(context)
        api: Any = instance.api
        regional = api.in_region(properties.get("region")) if row.regional else api
        return Lifecycle(row, regional, instance.is_ignored)

    def _row(self, request: Any) -> Row:
        type = request.type or request.urn.split("::")[2].split("$")[-1]
        row = self._package.rows.get(type)
        if row is None:
            raise FakeProviderError(f"the fake provider has no row for the resource type {type}")
        return row


def _stack_of(urn: str) -> str:
    """`dev` of `urn:pulumi:dev::project::type::name`."""
    return urn.split("::")[0].removeprefix("urn:pulumi:")


def _struct_fields(request: Any) -> Iterable[str]:
    return [
        field.name
        for field in request.DESCRIPTOR.fields
        if field.message_type is not None and field.message_type.full_name == "google.protobuf.Struct"
    ]


def _secret_outputs(row: Row, secret: Iterable[str]) -> set[str]:
    """Secret properties of a state: what the program or the row calls so, and what follows from it."""
    hidden = set(secret) | row.secrets
    return hidden | {"tagsAll"} if "tags" in hidden else hidden


def _state(row: Row, live: Live, secret: Iterable[str]) -> Any:
    return encode(live.outputs, _secret_outputs(row, secret))


def _kind(old: Properties, new: Properties, name: str, replace: bool) -> Any:
    kinds = provider_pb2.PropertyDiff
    if old.get(name) is None:
        return kinds.ADD_REPLACE if replace else kinds.ADD
    if new.get(name) is None:
        return kinds.DELETE_REPLACE if replace else kinds.DELETE
    return kinds.UPDATE_REPLACE if replace else kinds.UPDATE


def _diff_response(
    changed: set[str], replaces: set[str], delete_first: bool, kinds: dict[str, Any] | None = None
) -> Any:
    response = provider_pb2.DiffResponse
    return response(
        changes=response.DIFF_SOME if changed else response.DIFF_NONE,
        diffs=sorted(changed),
        replaces=sorted(replaces),
        deleteBeforeReplace=delete_first,
        hasDetailedDiff=kinds is not None,
        detailedDiff={
            name: provider_pb2.PropertyDiff(kind=kind, inputDiff=True) for name, kind in (kinds or {}).items()
        },
    )
