"""`make report`: a rehearsal as report.html, to look at, and as report.md, for a pull request.

Exit status as a rehearsal's: 0 all claims hold, 1 a claim is false, 2 there is nothing to report on.
"""

import argparse
import sys
from pathlib import Path

from iam_hardening.commands.report import write
from iam_hardening.commands.report.recorded import UnreadableError, read

HOLDS, FALSE, COULD_NOT = 0, 1, 2


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m iam_hardening.commands.report",
        description="Writes a rehearsal as report.html and report.md.",
    )
    parser.add_argument(
        "--from", dest="recorded", metavar="FILE", type=Path, required=True, help="what rehearse --json wrote"
    )
    parser.add_argument(
        "--to", metavar="FOLDER", type=Path, default=Path("report"), help="where to; default: report"
    )
    options = parser.parse_args(arguments)
    try:
        recorded = read(options.recorded)
        options.to.mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("report.html", write.html(recorded)),
            ("report.md", write.pull_request(recorded)),
        ):
            (options.to / name).write_text(text, encoding="utf-8")
            print(f"Written: {options.to / name}")
    except UnreadableError as problem:
        print(problem, file=sys.stderr)
        return COULD_NOT
    except OSError as error:
        print(f"{options.to}: {error.strerror or error}; name another folder with --to.", file=sys.stderr)
        return COULD_NOT
    return HOLDS if recorded.holds else FALSE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
