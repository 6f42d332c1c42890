"""A recorder that is the test's engine from the beginning."""

from collections.abc import Callable

import pytest

from tests.recorder import Recorder


@pytest.fixture
def recorder(recorder: Recorder, record_into: Callable[..., Recorder]) -> Recorder:
    return record_into(recorder)
