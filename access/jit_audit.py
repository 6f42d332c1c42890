"""`python -m access.jit_audit`: now `iam-hardening jit audit`."""

import sys

from access import run

if __name__ == "__main__":
    # `--json` had no value, and printed.
    sys.argv[1:] = [word for each in sys.argv[1:] for word in ((each, "-") if each == "--json" else (each,))]
    sys.exit(run("jit", "audit"))
