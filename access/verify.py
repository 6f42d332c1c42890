"""`python -m access.verify`: now `iam-hardening verify`."""

import sys

from access import run

if __name__ == "__main__":
    sys.exit(run("verify"))
