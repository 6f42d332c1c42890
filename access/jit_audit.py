"""`python -m access.jit_audit`: now `iam-hardening jit audit`."""

import sys

from access import run

if __name__ == "__main__":
    sys.exit(run("jit", "audit"))
