"""Workers on other machines, by a fake: it sends nothing, and answers with what another series has recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from perfgate.errors import InvalidRunError
from perfgate.loadgen import records
from perfgate.loadgen.arrivals import schedule
from perfgate.loadgen.clock_offset import ClockOffset
from perfgate.loadgen.endpoint import ServerAddress
from perfgate.loadgen.interface import ClosedLoop, OpenLoop
from perfgate.loadgen.worker_interface import Answer, LostWorkerError, WorkerChannel
from perfgate.loadgen.workers import ASK_EVERY_S, Workers, WorkersDriver, open_driver
from perfgate.scenario.schema import Load
from perfgate.trials import Call, Requests

CALLS = [Call(bytes([number]), kind=number) for number in range(3)]
AWAY = ServerAddress("10.0.0.1:8500")


@dataclass(eq=False)
class FakeChannel:
    recorded: Requests
    name: str
    offset_s: float
    ip: str = "10.0.0.9"
    pid: int = 0
    connected: bool = True
    late_ms: float = 0.0
    dies: bool = False
    drops: int = 0
    """Records that it loses, as no worker should."""
    ended: bool = False
    sent: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)
    instants_s: Any = None

    def tell(self, order: dict[str, Any], data: bytes = b"") -> None:
        self.told.append(order)
        if order["op"] == "prepare" and order["closed"] is None:
            self.instants_s = np.frombuffer(data[len(data) - 8 * order["instants"] :], np.float64)

    def answer(self, timeout_s: float) -> Answer:  # noqa: ARG002 - it answers at once
        if self.told[-1]["op"] == "prepare":
            return {"connected": self.connected}, b""
        if self.dies:
            raise LostWorkerError(f"{self.name} died: its node died", "run again")
        instants_s = self.recorded.scheduled_s if self.instants_s is None else self.instants_s
        places = np.searchsorted(self.recorded.scheduled_s, instants_s)
        places = places[: 3 if self.ended else places.size - self.drops]
        mine = Requests(*(getattr(self.recorded, column)[places] for column in COLUMNS))
        header, data = records.packed(mine)
        return {**header, "pauses": 1, "cpu_ms": 5.0, "late_ms": self.late_ms}, data

    def clock_offset(self) -> ClockOffset:
        return ClockOffset(self.offset_s, 0.0004)

    def end_sending(self) -> None:
        self.ended = True

    def ask_sent(self) -> None:
        self.sent += 40


COLUMNS = ("scheduled_s", "response_ms", "service_ms", "send_lag_ms", "status")


@dataclass
class FakeTransport:
    recorded: Requests
    remote: bool = True
    host: str = "10.0.0.1"
    lead_s: float = 0.0
    starts: int = 0
    stops: int = 0
    silences: int = 0
    """How often nobody answers in time, at first."""
    waited_s: list[float] = field(default_factory=list)
    channels: tuple[FakeChannel, ...] = ()

    def start(self, number: int) -> Sequence[FakeChannel]:
        self.starts += 1
        if not self.channels:
            self.channels = tuple(
                FakeChannel(self.recorded, f"load worker {each + 1} on node", 1000.0 * each) for each in range(number)
            )
        return self.channels

    def answered(self, channels: Sequence[WorkerChannel], timeout_s: float) -> Sequence[WorkerChannel]:
        self.waited_s.append(timeout_s)
        if len(self.waited_s) <= self.silences:
            return ()
        return channels[-1:]  # the last one is the first to answer

    def stop(self) -> None:
        self.stops += 1


def recorded(number: int, seed: int = 3) -> Requests:
    """Record a series of one worker, with random times and some failures."""
    rng = np.random.default_rng(seed)
    response_ms, service_ms, send_lag_ms = rng.lognormal(0, 1, (3, number))
    status = rng.choice([0, 0, 0, 14], number).astype(np.int8)
    return Requests(np.sort(rng.uniform(0, 10, number)), response_ms, service_ms, send_lag_ms, status)


def driver_of(workers: int, requests: Requests) -> tuple[FakeTransport, Workers, WorkersDriver]:
    transport = FakeTransport(requests)
    made = Workers(workers, transport)
    transport.channels = tuple(made.start()) if workers else ()  # type: ignore[arg-type]
    driver = open_driver(AWAY, made)
    assert isinstance(driver, WorkersDriver)
    return transport, made, driver


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
@pytest.mark.parametrize("number", [1, 2, 5, 1000])
def test_the_same_records_give_the_very_percentiles_of_one_worker(workers: int, number: int) -> None:
    one = recorded(number)
    _, _, driver = driver_of(workers, one)
    with driver:
        found = driver.record(CALLS, OpenLoop(one.scheduled_s))

    for column in COLUMNS:
        assert np.array_equal(getattr(found, column), getattr(one, column))
    quantiles = [0.5, 0.9, 0.99, 0.999]
    assert np.array_equal(np.quantile(found.response_ms, quantiles), np.quantile(one.response_ms, quantiles))


@pytest.mark.parametrize(
    "load",
    [
        Load(arrivals="poisson", rate_rps=100),
        Load(arrivals="gamma", rate_rps=100, cv=3),
        Load(arrivals="steps", steps_rps=(10, 200)),
        Load(arrivals="trace", trace="instants.txt"),
    ],
)
def test_the_workers_together_send_exactly_the_schedule_of_the_seed(load: Load) -> None:
    trace_s = tuple(np.sort(np.random.default_rng(5).uniform(0, 2, 150)).tolist())
    instants_s = schedule(load, 2.0, np.random.default_rng((7, 0)), trace_s)
    times = np.ones(instants_s.size)
    transport, _, driver = driver_of(2, Requests(instants_s, times, times, times, np.zeros(times.size, np.int8)))
    with driver:
        found = driver.record(CALLS, OpenLoop(instants_s))

    again_s = schedule(load, 2.0, np.random.default_rng((7, 0)), trace_s)
    sent_s = np.sort(np.concatenate([channel.instants_s for channel in transport.channels]))
    assert np.array_equal(sent_s, again_s)
    assert np.array_equal(found.scheduled_s, again_s)


def test_all_begin_at_one_instant_of_their_own_clocks_and_are_described() -> None:
    one = recorded(10)
    transport, workers, driver = driver_of(2, one)
    transport.channels[1].late_ms = 30.0
    with driver:
        driver.record(CALLS, OpenLoop(one.scheduled_s))
        driver.record(CALLS, OpenLoop(one.scheduled_s))
    first, second = ([order["at_s"] for order in each.told if order["op"] == "go"] for each in transport.channels)

    assert [there - here for here, there in zip(first, second, strict=True)] == pytest.approx([1000.0, 1000.0])
    assert [(each.name, each.series, each.late_series, each.clock_offset_ms) for each in workers.facts] == [
        ("load worker 1 on node", 2, 0, 0.0),
        ("load worker 2 on node", 2, 2, 1e6),
    ]
    assert driver.pauses == 4
    assert transport.starts == 1


def test_time_without_load_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    times_s = np.array([0.0, 0.1, 0.2])
    ones = np.ones(3)
    one = Requests(times_s, np.array([50.0, 400.0, 100.0]), ones, ones, np.zeros(3, np.int8))
    _, _, driver = driver_of(2, one)
    clock = iter([10.0, 10.5, 12.0])  # it begins, sets the first instant, and ends
    monkeypatch.setattr("perfgate.loadgen.workers.time.perf_counter", lambda: next(clock))
    with driver:
        driver.record(CALLS, OpenLoop(times_s))
        monkeypatch.undo()

    assert driver.idle_s == pytest.approx(2.0 - 0.5)


def test_a_lost_worker_ends_the_load_and_every_request_is_accounted_for() -> None:
    one = recorded(100)
    transport, workers, driver = driver_of(4, one)
    transport.channels[2].dies = True
    with driver, pytest.raises(InvalidRunError) as caught:
        driver.record(CALLS, OpenLoop(one.scheduled_s))
    good = sum(int(np.count_nonzero(one.status[number::4][:kept] == 0)) for number, kept in enumerate((3, 3, 0, 25)))

    assert caught.value.problem == (
        "load worker 3 on node died: its node died; 25 requests were lost with it; of the 100 of the series, "
        f"{good} were answered, {31 - good} failed, and 44 were not sent"
    )
    assert [channel.ended for channel in transport.channels] == [True, True, False, False]
    assert transport.stops == 1
    assert not workers.channels


def test_a_worker_that_sends_for_a_time_is_asked_how_many_requests_it_has_sent() -> None:
    transport, _, driver = driver_of(2, recorded(100))
    transport.channels[1].dies, transport.silences = True, 3
    with driver, pytest.raises(InvalidRunError, match="at least 120 requests were lost with it; of those of the other"):
        driver.record(CALLS, ClosedLoop(4, duration_s=10.0))

    assert transport.waited_s == [ASK_EVERY_S] * 4


@pytest.mark.parametrize("order", ["open", "prepare", "clock"])
def test_a_worker_that_is_lost_between_two_series_has_lost_no_requests(
    order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = recorded(10)
    transport, _, driver = driver_of(2, one)

    def tell(_: dict[str, Any], __: bytes = b"") -> None:
        raise LostWorkerError("load worker 2 on node died: its node died", "run again")

    if order == "clock":
        monkeypatch.setattr(transport.channels[1], "clock_offset", lambda: tell({}))
    else:
        driver._held = {} if order == "open" else dict.fromkeys(transport.channels, ())
        monkeypatch.setattr(transport.channels[1], "tell", tell)
    with driver, pytest.raises(InvalidRunError) as caught:
        driver.record(CALLS, OpenLoop(one.scheduled_s))
    assert caught.value.problem == (
        "load worker 2 on node died: its node died; it was between two series, and no requests were lost with it"
    )
    assert transport.stops == 1


def test_a_worker_that_dies_before_it_is_told_to_begin_is_accounted_for(monkeypatch: pytest.MonkeyPatch) -> None:
    one = recorded(10)
    transport, _, driver = driver_of(2, one)
    channel, told = transport.channels[1], FakeChannel.tell

    def tell(order: dict[str, Any], data: bytes = b"") -> None:
        told(channel, order, data)
        if order["op"] == "go":
            channel.dies = True
            raise LostWorkerError("load worker 2 on node died: its node died", "run again")

    monkeypatch.setattr(channel, "tell", tell)
    with driver, pytest.raises(InvalidRunError, match="died: its node died; 5 requests were lost with it; of the 10 "):
        driver.record(CALLS, OpenLoop(one.scheduled_s))


def test_two_lost_workers_are_both_named() -> None:
    one = recorded(100)
    transport, _, driver = driver_of(2, one)
    for channel in transport.channels:
        channel.dies = True
    with driver, pytest.raises(InvalidRunError, match=r"lost too: load worker 1 on node\); 100 requests were lost"):
        driver.record(CALLS, OpenLoop(one.scheduled_s))


def test_records_that_are_not_the_schedule_make_the_run_invalid() -> None:
    one = recorded(100)
    transport, _, driver = driver_of(2, one)
    transport.channels[0].drops = 1
    with driver, pytest.raises(InvalidRunError, match="recorded 99 requests, which are not the 100 of the schedule"):
        driver.record(CALLS, OpenLoop(one.scheduled_s))


def test_a_server_that_only_this_machine_reaches_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    one = recorded(10)
    transport, _, driver = driver_of(2, one)
    transport.channels[1].connected = False
    monkeypatch.setattr(driver._own, "connect", lambda: True)
    with driver, pytest.raises(InvalidRunError, match=r"worker 2 on node cannot reach the server at 10\.0\.0\.1:8500"):
        driver.record(CALLS, OpenLoop(one.scheduled_s))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_an_address_that_means_another_machine_elsewhere_is_refused(host: str) -> None:
    one = recorded(10)
    transport = FakeTransport(one)
    driver = Workers(1, transport).driver(ServerAddress(f"{host}:8500"))
    with driver, pytest.raises(InvalidRunError, match="is an address of this machine alone"):
        driver.record(CALLS, OpenLoop(one.scheduled_s))


def test_single_requests_come_from_this_process_and_load_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    one = recorded(10)
    _, _, driver = driver_of(1, one)
    seen: list[Any] = []

    def sends(who: str) -> Any:
        def record(calls: Any, load: ClosedLoop | OpenLoop, first_call: int) -> Requests:  # noqa: ARG001
            seen.append((who, load))
            return one

        return record

    monkeypatch.setattr(driver._own, "record", sends("here"))
    monkeypatch.setattr(driver, "_all", sends("elsewhere"))
    driver.record(CALLS, ClosedLoop(1, requests=1))
    driver.record(CALLS, ClosedLoop(1, duration_s=0.1))
    driver.record(CALLS, OpenLoop(one.scheduled_s))
    driver.close()

    assert [who for who, _ in seen] == ["here", "elsewhere", "elsewhere"]
