"""Starts the fake providers: a gRPC server for each package, in this process, for the engine to attach to."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent import futures
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from rehearsal.providers.aws_calls import AwsCredentials
from rehearsal.providers.aws_rows import aws_package
from rehearsal.providers.rows import Package
from rehearsal.providers.servicer import FakeProviderServicer
from rehearsal.providers.vault_rows import vault_package

# The engine runs up to 4 x the cores in parallel; a waiting create must not starve the others.
_WORKERS = 64

# The engine allows itself 400 MiB a message.
_LARGEST_MESSAGE_BYTES = 400 * 1024 * 1024

_SECONDS_TO_STOP = 2


@dataclass(frozen=True)
class FakeProviders:
    """Fake providers for the provider plugins `aws` and `vault`.

    aws_endpoint_url: the emulated AWS.
    aws_credentials:  stack name to the credentials of its account; stands for what the environment of
                      `pulumi up` would hold. A provider's own accessKey, secretKey and token win.
    vault_address, vault_token: the Vault server; what a stack's configuration says is not used, so that a
                      rehearsal never reaches a live Vault.
    """

    aws_endpoint_url: str
    aws_credentials: Mapping[str, AwsCredentials]
    vault_address: str
    vault_token: str

    def __repr__(self) -> str:
        return f"FakeProviders(aws at {self.aws_endpoint_url}, vault at {self.vault_address})"

    @contextmanager
    def serve(self, names: Iterable[str] = ("aws", "vault")) -> Iterator[str]:
        """Serve those packages until the block ends; yields the value for PULUMI_DEBUG_PROVIDERS,
        `aws:PORT,vault:PORT`."""
        with ExitStack() as servers:
            ports = [f"{name}:{servers.enter_context(serve(self.package(name)))}" for name in names]
            yield ",".join(ports)

    def package(self, name: str) -> Package:
        if name == "aws":
            return aws_package(self.aws_endpoint_url, self.aws_credentials)
        return vault_package(self.vault_address, self.vault_token)


@contextmanager
def serve(package: Package) -> Iterator[int]:
    """Serve one package until the block ends; yields the port."""
    server = grpc.server(
        futures.ThreadPoolExecutor(_WORKERS, thread_name_prefix=f"fake provider-{package.name}"),
        options=[("grpc.max_receive_message_length", _LARGEST_MESSAGE_BYTES), ("grpc.so_reuseport", 0)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(FakeProviderServicer(package), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(_SECONDS_TO_STOP).wait()
