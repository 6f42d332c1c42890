"""The earlier place of `iam_hardening/commands/jit/issue.py`, kept for one release.

Profiles that people have in ~/.aws/config run `python -m access.jit --credential-process`.
"""

import sys

from iam_hardening.commands.jit.issue import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
