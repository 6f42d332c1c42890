"""A `pulumi-language-python` for the engine to launch: Pulumi's own is on no package registry.

It runs the program in its own process, with the code by which the Automation API runs an inline program.
"""

import sys
from pathlib import Path
from textwrap import dedent

_SOURCE = """\
    #!{python}
    import os, runpy, signal, sys
    from concurrent import futures

    import grpc
    from google.protobuf import empty_pb2
    from pulumi.automation._server import LanguageServer
    from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

    class Host(LanguageServer):
        def __init__(self):
            super().__init__(lambda: runpy.run_path(os.getcwd(), run_name="__main__"))

        def Handshake(self, request, context):
            return language_pb2.LanguageHandshakeResponse()

        def GetRequiredPackages(self, request, context):
            return language_pb2.GetRequiredPackagesResponse()

        def Run(self, request, context):
            os.chdir(request.info.program_directory or request.pwd)
            request.args.append(sys.argv[-1])
            return super().Run(request, context)

    # The engine ends it like that.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    server = grpc.server(futures.ThreadPoolExecutor(4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()
"""


def install(folder: Path) -> None:
    """For a PATH with that folder."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "pulumi-language-python"
    program.write_text(dedent(_SOURCE).format(python=sys.executable))
    program.chmod(0o755)
