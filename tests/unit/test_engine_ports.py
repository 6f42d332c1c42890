"""A port that nothing answered at is tried anew once a server is there."""

import socket
from concurrent import futures
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS

from rehearsal.engine_ports import forget_ports


class Echo(grpc.GenericRpcHandler):
    def service(self, handler_call_details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: request,
            empty_pb2.Empty.FromString,
            empty_pb2.Empty.SerializeToString,
        )


def answers(channel: Any) -> bool:
    call = channel.unary_unary(
        "/test/Echo",
        request_serializer=empty_pb2.Empty.SerializeToString,
        response_deserializer=empty_pb2.Empty.FromString,
    )
    try:
        call(empty_pb2.Empty(), timeout=10)
    except grpc.RpcError:
        return False
    return True


@pytest.mark.parametrize("forgets", [False, True])
def test_an_engine_on_the_port_of_an_earlier_one_is_reached(forgets: bool) -> None:
    forget_ports()
    own = list(_GRPC_CHANNEL_OPTIONS)
    options = own if forgets else [each for each in own if "subchannel" not in each[0]]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    # Kept, as Pulumi keeps the one to the earlier engine. The pause before the next try grows each time.
    earlier = grpc.insecure_channel(address, options=options)
    assert not any(answers(earlier) for _ in range(3))
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[Echo()])
    server.add_insecure_port(address)
    server.start()
    try:
        assert answers(grpc.insecure_channel(address, options=options)) is forgets
    finally:
        server.stop(None).wait()
