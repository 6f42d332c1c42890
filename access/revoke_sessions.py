"""`python -m access.revoke_sessions`: now `iam-hardening revoke-sessions`."""

import sys

from access import run

if __name__ == "__main__":
    sys.exit(run("revoke-sessions"))
