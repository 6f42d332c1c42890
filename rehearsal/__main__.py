"""`python -m rehearsal`: the older name of `iam-hardening rehearse`, `mutate` and `sandbox`."""

import sys

from iam_hardening.cli import main

_NAMES = {
    "rehearse": ["rehearse"],
    "mutants": ["mutate"],
    "sandbox": ["sandbox"],
    "sandbox-down": ["sandbox", "--down"],
}

if __name__ == "__main__":
    first, *rest = sys.argv[1:] or ["rehearse"]
    sys.exit(main([*_NAMES[first], *rest] if first in _NAMES else ["rehearse", first, *rest]))
