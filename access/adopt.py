"""`python -m access.adopt`: now `iam-hardening adopt`."""

import sys

from access import run

if __name__ == "__main__":
    sys.exit(run("adopt"))
