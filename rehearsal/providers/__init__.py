"""Fake providers for the Pulumi provider plugins `aws` and `vault`, for the rehearsal only.

The engine's real plugins cannot be had from package registries. These serve the resource types that the rows
know to the real engine, by calling an emulated AWS and a Vault server. A type, function or property without a
row is an error that names it.
"""

from rehearsal.providers.aws_calls import AwsCredentials
from rehearsal.providers.server import FakeProviders

__all__ = ["AwsCredentials", "FakeProviders"]
