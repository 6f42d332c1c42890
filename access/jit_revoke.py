"""`python -m access.jit_revoke`: now `iam-hardening jit revoke`."""

import sys

from access import run

if __name__ == "__main__":
    sys.exit(run("jit", "revoke"))
