"""A world without processes, sockets or a clock of its own, for tests."""

from __future__ import annotations

from typing import Any

from perfgate.experiment.world import World
from perfgate.loadgen.fake import FakeDriver
from perfgate.observe.fake import FakeMachineAccounts, FakeProcessAccounts, FakeSampler
from perfgate.serving.fake import FakeLauncher


def fake_world(**other: Any) -> World:  # noqa: ANN401 - any field of World
    """Make a world of fakes, with the given parts replaced."""
    parts: dict[str, Any] = {
        "launcher": lambda number: FakeLauncher(number, {}),
        "driver": lambda *_: FakeDriver((2.0,)),
        "observer": lambda _: FakeProcessAccounts(lambda: 0.0),
        "clock": lambda: 0.0,
        "machine": FakeMachineAccounts(),
        "sampler": FakeSampler,
        "threads": lambda _: {},
    }
    return World(**parts | other)
