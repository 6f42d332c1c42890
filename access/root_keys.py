"""`python -m access.root_keys`: now `iam-hardening root-keys`."""

import sys

from access import run

if __name__ == "__main__":
    sys.exit(run("root-keys"))
