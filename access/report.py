"""`python -m access.report`: now `iam-hardening report`."""

import sys

from access import run

if __name__ == "__main__":
    sys.exit(run("report"))
