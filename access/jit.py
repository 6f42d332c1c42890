"""The earlier name of `iam-hardening jit issue`, kept for one release.

Profiles that people have in ~/.aws/config run `python -m access.jit --credential-process`.
"""

import sys

from iam_hardening.cli import main

if __name__ == "__main__":
    sys.exit(main(["jit", "issue", *sys.argv[1:]]))
