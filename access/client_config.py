"""`python -m access.client_config`: now `iam-hardening client-config`."""

import sys

from access import run

if __name__ == "__main__":
    sys.exit(run("client-config"))
