"""`python -m rehearsal.emulator --port PORT [--verbose]`."""

import argparse
import os
import socket
import sys


def _port_is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m rehearsal.emulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="on 127.0.0.1")
    parser.add_argument("--verbose", action="store_true", help="log every request")
    options = parser.parse_args()
    if _port_is_taken(options.port):
        print(f"Port {options.port} on 127.0.0.1 is taken: choose another with --port.", file=sys.stderr)
        return 2
    # MiniStack reads both when it is imported, so the imports follow.
    os.environ["LOG_LEVEL"] = "DEBUG" if options.verbose else "WARNING"
    os.environ["GATEWAY_PORT"] = str(options.port)
    try:
        from rehearsal.emulator import server
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 2
    server.run(options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
