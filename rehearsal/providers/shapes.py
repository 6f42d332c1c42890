"""Live values in the form a property has, and properties in the form an API field has."""

import json
from typing import Any

from rehearsal.providers.values import Properties


def document(value: Any, known: Properties, api: Any) -> Any:
    """A policy as text; boto3 answers IAM's documents taken apart."""
    return json.dumps(value) if isinstance(value, dict) else value


def iso_time(value: Any, known: Properties, api: Any) -> Any:
    """`2026-11-23T15:00:00Z`."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if hasattr(value, "strftime") else value


def is_own_virtual_mfa(device: dict[str, Any]) -> bool:
    """Virtual devices have an ARN, hardware devices a serial number; only virtual ones can be deleted."""
    return ":mfa/" in str(device["SerialNumber"])


def wire_case(value: Any) -> Any:
    """`httpTokens` as `HttpTokens`, at every depth."""
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: wire_case(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [wire_case(inner) for inner in value]
    return value


def property_case(value: Any, known: Properties | None = None, api: Any = None) -> Any:
    """`HttpTokens` as `httpTokens`, at every depth."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: property_case(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [property_case(inner) for inner in value]
    return value
