from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from perfgate.cli.interrupts import SIGNALS, Interrupts


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = [signal.getsignal(number) for number in SIGNALS]
    interrupts = Interrupts()
    interrupts.install()
    yield interrupts
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts_and_is_remembered(interrupts: Interrupts, number: signal.Signals) -> None:
    assert not interrupts.happened
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert interrupts.happened


def test_while_held_a_signal_waits(interrupts: Interrupts) -> None:
    done = False
    with interrupts.held():
        signal.raise_signal(signal.SIGTERM)
        done = True
    assert done
    assert interrupts.happened
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
