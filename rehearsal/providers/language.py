"""A fake provider for Pulumi's language host of Python, which is on no package registry.

`pulumi import` asks the language host which packages a program needs, and runs no program. This one answers
that it needs none: the engine then takes each package as the import file and the state name it.
"""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

_SECONDS_TO_STOP = 2


class _LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo()

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()


@contextmanager
def serve_language_host() -> Iterator[str]:
    """Serve until the block ends; yields the value for PULUMI_DEBUG_LANGUAGES, `python:PORT`."""
    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(_LanguageHost(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"python:{port}"
    finally:
        server.stop(_SECONDS_TO_STOP).wait()
