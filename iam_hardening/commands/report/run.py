"""`iam-hardening report`: a rehearsal as report.html, to look at, and as report.md, for a pull request.

Exit status as a rehearsal's: 0 all claims hold, 1 a claim is false, 2 there is nothing to report on.
"""

import sys
from pathlib import Path

from iam_hardening import exit_status
from iam_hardening.commands.report import write
from iam_hardening.commands.report.recorded import UnreadableError, read

HOLDS = exit_status.HOLDS
FALSE = exit_status.FALSE
COULD_NOT = exit_status.COULD_NOT_RUN


def run(*, recorded_in: Path, to: Path = Path("report")) -> int:
    try:
        recorded = read(recorded_in)
        to.mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("report.html", write.html(recorded)),
            ("report.md", write.pull_request(recorded)),
        ):
            (to / name).write_text(text, encoding="utf-8")
            print(f"Written: {to / name}")
    except UnreadableError as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    except OSError as error:
        print(f"{to}: {error.strerror or error}; name another folder with --to.", file=sys.stderr)
        return COULD_NOT
    return HOLDS if recorded.holds else FALSE
