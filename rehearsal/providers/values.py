"""Property values between the engine's wire form (a protobuf struct) and plain Python.

The engine wraps a secret in an object with a signature key; here a property is secret as a whole or not at
all: a secret anywhere inside makes it secret, which can hide too much and never too little.
A value not yet known in a preview is the string UNKNOWN, as on the wire.

Source of the signatures: pulumi/pulumi, sdk/go/common/resource/plugin/rpc.go.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import struct_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

# The key under which a check remembers which inputs it filled in, as the real providers' bridge does.
DEFAULTED = "__defaults"

Properties = dict[str, Any]


def decode(struct: struct_pb2.Struct) -> tuple[Properties, set[str]]:
    """The properties of a request, and the names of those that hold a secret."""
    properties: Properties = {}
    secret: set[str] = set()
    for name, wire in struct.fields.items():
        value, is_secret = _decode(wire)
        if value is not None:
            properties[name] = value
        if is_secret:
            secret.add(name)
    return properties, secret


def encode(properties: Mapping[str, Any], secret: Iterable[str] = ()) -> struct_pb2.Struct:
    """A struct for the engine; a property whose value is None is left out."""
    struct = struct_pb2.Struct()
    hidden = set(secret)
    for name, value in properties.items():
        if value is None:
            continue
        wire = _encode(value)
        if name in hidden:
            wrapper = struct_pb2.Struct()
            wrapper.fields[_SIGNATURE].string_value = _SECRET
            wrapper.fields["value"].CopyFrom(wire)
            wire = struct_pb2.Value(struct_value=wrapper)
        struct.fields[name].CopyFrom(wire)
    return struct


def has_unknown(value: Any) -> bool:
    """Whether a value, or anything inside it, is not known yet."""
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return bool(value == UNKNOWN)


def texts(value: Any) -> set[str]:
    """Every string in a value, for taking secrets out of messages."""
    if isinstance(value, dict):
        return set().union(*map(texts, value.values()))
    if isinstance(value, list):
        return set().union(*map(texts, value))
    return {value} if isinstance(value, str) else set()


def parse_setting(value: Any) -> Any:
    """A provider setting: the engine sends anything that is not a string as JSON text."""
    if isinstance(value, str) and (value[:1] in "[{" or value in ("true", "false")) and value:
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def _decode(wire: struct_pb2.Value) -> tuple[Any, bool]:
    kind = wire.WhichOneof("kind")
    if kind == "struct_value":
        return _decode_struct(wire.struct_value)
    if kind == "list_value":
        pairs = [_decode(element) for element in wire.list_value.values]
        return [value for value, _ in pairs], any(is_secret for _, is_secret in pairs)
    if kind == "number_value":
        number = wire.number_value
        return (int(number) if math.isfinite(number) and number.is_integer() else number), False
    if kind == "string_value":
        return wire.string_value, False
    return (wire.bool_value if kind == "bool_value" else None), False


def _decode_struct(struct: struct_pb2.Struct) -> tuple[Any, bool]:
    fields = struct.fields
    signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else None
    if signature is None:
        pairs = {name: _decode(element) for name, element in fields.items()}
        values = {name: value for name, (value, _) in pairs.items() if value is not None}
        return values, any(is_secret for _, is_secret in pairs.values())
    if signature == _SECRET:
        return _decode(fields["value"])[0], True
    if signature == _OUTPUT:
        value, inner_secret = _decode(fields["value"]) if "value" in fields else (UNKNOWN, False)
        return value, inner_secret or fields["secret"].bool_value
    raise ValueError("the fake providers have no rows that take assets or resource references")


def _encode(value: Any) -> struct_pb2.Value:
    wire = struct_pb2.Value()
    if isinstance(value, bool):
        wire.bool_value = value
    elif isinstance(value, (int, float)):
        wire.number_value = value
    elif isinstance(value, dict):
        wire.struct_value.CopyFrom(encode(value))
    elif isinstance(value, (list, tuple)):
        wire.list_value.values.extend(_encode(element) for element in value)
    elif value is None:
        wire.null_value = struct_pb2.NULL_VALUE
    else:
        wire.string_value = str(value)
    return wire
