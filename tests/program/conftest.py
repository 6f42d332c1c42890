"""Runs the real program on a configuration, with the recorder for an engine."""

import runpy
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pulumi
import pytest

from tests.recorder import Recorder
from tests.stack_files import ROOT, handed_over


@pytest.fixture
def run_program(recorder: Recorder, record_into: Callable[..., Recorder]) -> Callable[..., Recorder]:
    """`run_program(config, stack="dev")` runs `__main__.py` and answers with what it registered."""

    def run(config: Mapping[str, Any], *, stack: str, secret_keys: Collection[str] = ()) -> Recorder:
        record_into(recorder, stack=stack)
        pulumi.runtime.set_all_config(handed_over(config), list(secret_keys))
        recorder.run(lambda: runpy.run_path(str(ROOT)))
        return recorder

    return run
