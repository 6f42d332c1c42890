"""`python -m access.doctor`: now `iam-hardening doctor`."""

import sys

from access import run

if __name__ == "__main__":
    sys.exit(run("doctor"))
