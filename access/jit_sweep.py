"""`python -m access.jit_sweep`: now `iam-hardening jit sweep`."""

import sys

from access import run

if __name__ == "__main__":
    sys.exit(run("jit", "sweep"))
