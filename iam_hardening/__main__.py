"""`python -m iam_hardening`: the command line where nothing but requirements.txt is installed."""

import sys

from iam_hardening.cli import main

if __name__ == "__main__":
    sys.exit(main())
