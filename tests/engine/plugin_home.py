"""A PULUMI_HOME with plugins that the engine launches as real ones: programs that print their port.

Behind the protocol they are the rehearsal's own fake providers, which get all that they know from their
environment, as the real plugins do.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from rehearsal import plugins

ROOT = Path(__file__).resolve().parents[2]
_SERVES = """\
    #!{python}
    import json, os, sys, time

    sys.path.insert(0, {root!r})
    from rehearsal.providers import aws_calls
    from rehearsal.providers.aws_calls import AwsCredentials
    from rehearsal.providers.server import FakeProviders, serve

    with open({launches!r}, "a") as file:
        file.write(json.dumps({{"arguments": sys.argv[1:], "environment": dict(os.environ)}}) + "\\n")

    # The real plugin asks S3 Control at the account's host name. NO_PROXY means its subdomains, too, to
    # Python, and only the address to Go.
    aws_calls.reach_at_endpoint = lambda client: None
    if {package!r} == "aws":
        os.environ.pop("NO_PROXY", None)

    class FromEnvironment(dict):
        def __contains__(self, stack):
            return True

        def __missing__(self, stack):
            names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
            return AwsCredentials(*map(os.environ.get, names))

    env = os.environ
    providers = FakeProviders(
        env["AWS_ENDPOINT_URL"], FromEnvironment(), env["VAULT_ADDR"], env["VAULT_TOKEN"]
    )
    with serve(providers.package({package!r})) as port:
        print(port, flush=True)
        while True:
            time.sleep(60)
"""
_FAILS = """\
    #!/bin/sh
    echo "{words}" >&2
    exit 3
"""


@dataclass(frozen=True)
class PluginHome:
    folder: Path

    def install(self, package: str, version: str | None = None) -> Path:
        """A plugin that serves; by default of the SDK's version."""
        launches = str(self.folder / f"{package}.jsonl")
        text = dedent(_SERVES).format(
            python=sys.executable, root=str(ROOT), launches=launches, package=package
        )
        return self._write(package, version, text)

    def install_failing(self, package: str, words: str) -> Path:
        """A plugin that ends at its start, with these words."""
        return self._write(package, None, dedent(_FAILS).format(words=words))

    def launches(self, package: str) -> list[dict[str, Any]]:
        """The arguments and the environment of each start of a plugin."""
        file = self.folder / f"{package}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def _write(self, package: str, version: str | None, text: str) -> Path:
        number = version or plugins.sdk_version(package)
        program = self.folder / "plugins" / f"resource-{package}-v{number}" / f"pulumi-resource-{package}"
        program.parent.mkdir(parents=True)
        program.write_text(text)
        program.chmod(0o755)
        return program
