"""The earlier names of the commands, `python -m access.NAME`, kept for one release: profiles in
~/.aws/config and incident runbooks call them.
"""

import sys

from iam_hardening.cli import main


def run(*command: str) -> int:
    """Says the new name on stderr, and runs the command."""
    print(f"python -m access.… is now: iam-hardening {' '.join(command)}", file=sys.stderr)
    return main([*command, *sys.argv[1:]])
