"""Many engines after one another in one process, as in a rehearsal and in the tests.

Each has another free port. Where an earlier engine had the same one, gRPC remembers for up to two
minutes that nothing answers there, and the program does not reach the new engine ("failed to connect to all
addresses").
"""

from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS

_LOCAL = ("grpc.use_local_subchannel_pool", 1)


def forget_ports() -> None:
    """Lets each connection to an engine try its port anew. Pulumi has no public way to say so."""
    if _LOCAL not in _GRPC_CHANNEL_OPTIONS:
        _GRPC_CHANNEL_OPTIONS.append(_LOCAL)
