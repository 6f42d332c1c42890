"""Everything that the program asks the engine for, for each stack variant, as one JSON file.

    python -m tests.program.registrations OUT.json

Two such files differ in nothing after a change that is to change nothing: `diff before.json after.json`.
Holds what the recorder holds (`tests/recorder.py`): registrations with inputs and options, outputs, look-ups.
"""

import asyncio
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import settings as runtime_settings
from pulumi.runtime.mocks import set_mocks

from tests.conftest import recorder_of_the_program
from tests.program.variants import Variant, variants
from tests.recorder import Recorder
from tests.stack_files import PROJECT, ROOT, handed_over


def record(variant: Variant) -> Recorder:
    """Runs the program alone: a new event loop, and nothing of an earlier run's configuration."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    runtime_settings.ROOT.set(None)
    recorder = recorder_of_the_program()
    set_mocks(recorder.mocks, project=PROJECT, stack=variant.stack, preview=False, monitor=recorder)
    pulumi.runtime.set_all_config(handed_over(variant.config), [])
    recorder.run(lambda: runpy.run_path(str(ROOT)))
    loop.close()
    return recorder


def recorded(recorder: Recorder) -> dict[str, Any]:
    return {
        "registrations": {urn: vars(made) for urn, made in recorder.registrations.items()},
        "outputs": recorder.registered_outputs,
        "secret outputs": recorder.secret_outputs,
        "invokes": sorted(json.dumps(each, sort_keys=True) for each in recorder.invoked),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON: {value!r}")


def main(out: str) -> None:
    everything = {name: recorded(record(variant)) for name, variant in variants().items()}
    Path(out).write_text(json.dumps(everything, indent=1, sort_keys=True, default=_plain) + "\n")
    counts = {name: len(found["registrations"]) for name, found in everything.items()}
    print(f"{sum(counts.values())} registrations in {out}: {counts}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.program.registrations OUT.json")
    main(sys.argv[1])
