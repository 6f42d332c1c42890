"""`python -m access.jit`: now `iam-hardening jit issue`."""

import sys

from access import run

if __name__ == "__main__":
    sys.exit(run("jit", "issue"))
