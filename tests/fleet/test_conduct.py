"""What is measured when, and what a fleet that was killed or lost a node does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from math import inf, nan
from pathlib import Path

import pytest

from perfgate.errors import ExitCode
from perfgate.fleet.conduct import MOST_ATTEMPTS, MOST_TIMES, Conductor, RoundState, Task, extended
from perfgate.fleet.engine import OVERDUE, Ended, Order
from perfgate.fleet.fake import FakeEngine, FakeNode
from perfgate.fleet.measured import Measured, Measurements


@dataclass
class Seen:
    begun_: list[str] = field(default_factory=list)
    ended_: list[Measured] = field(default_factory=list)
    lost_: list[str] = field(default_factory=list)

    def begun(self, task: Task) -> None:
        self.begun_.append(f"{task.gate_id} {task.round_number}")

    def ended(self, measured: Measured) -> None:
        self.ended_.append(measured)

    def lost(self, task: Task, why: str) -> None:
        self.lost_.append(f"{task.gate_id}: {why}")

    def waits(self, task: Task) -> None:
        pass

    def tick(self) -> None:
        pass


def task(name: str, number: int = 1, budget_s: float = 60.0, priority: float = 0.0, key: str = "key") -> Task:
    return Task(name, number, f"{key} {number}", budget_s, (-priority, -budget_s))


@dataclass
class House:
    """A conductor on fakes."""

    out: Path
    engine: FakeEngine
    states: dict[str, RoundState] = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)
    damaged: tuple[str, ...] = ()
    deadline_s: float = inf
    cores: int = 2
    tokens: Callable[[], str] = field(default_factory=lambda: map(str, count()).__next__)
    read: list[tuple[str, int]] = field(default_factory=list)
    """Gate and round of kept measurements whose results were read."""

    def conduct(self, first: list[Task], *, second: bool = False, capacity: list[Task] | None = None) -> list[Measured]:
        conductor = Conductor(
            engine=self.engine,
            measurements=Measurements(self.out),
            order_of=self.order,
            state_of=lambda measured: self.states.get(measured.gate_id, RoundState(is_open=False, used_s=60.0)),
            watcher=self.seen,
            clock=self.engine.clock,
            token=self.tokens,
            is_whole=self.is_whole,
            deadline_s=self.deadline_s,
        )
        again = {each.gate_id: replace(each, round_number=2, key=f"{each.key} again") for each in first}
        return conductor.conduct(first, again if second else {}, capacity or [])

    def is_whole(self, measured: Measured) -> bool:
        self.read.append((measured.gate_id, measured.round_number))
        return measured.gate_id not in self.damaged

    def order(self, task: Task, directory: Path) -> Order:
        name = f"{task.gate_id} {task.round_number} {directory.name}"
        return Order(name, ("run", task.gate_id, f"{task.budget_s}"), "/", {}, "", self.cores, inf)


def house(out: Path, nodes: int = 1, cores: int = 2, seconds: float = 10.0, **others: object) -> House:
    made = [FakeNode(f"node-{place}", cores) for place in range(nodes)]
    return House(out, FakeEngine(made, lambda _: seconds), **others)  # type: ignore[arg-type]


def test_the_most_urgent_come_first_and_long_ones_before_short_ones(tmp_path: Path) -> None:
    rooms = house(tmp_path)
    rooms.conduct([task("late", priority=-1), task("short", budget_s=5), task("long"), task("first", priority=9)])
    assert rooms.seen.begun_ == ["first 1", "long 1", "short 1", "late 1"]


def test_nothing_shares_cores(tmp_path: Path) -> None:
    rooms = house(tmp_path, nodes=2, cores=4)
    done = rooms.conduct([task(f"gate-{place}") for place in range(20)])
    spans: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for each in done:
        for cpu in each.cpus:
            spans.setdefault((each.node, cpu), []).append((each.began_s, each.ended_s))
    assert len(spans) == 8
    assert all(one[1] <= other[0] for times in spans.values() for one, other in pairwise(sorted(times)))
    assert rooms.engine.now_s == 50, "20 measurements of 10 s, four at a time"


def test_every_gate_is_measured_once_and_its_facts_are_kept(tmp_path: Path) -> None:
    done = house(tmp_path).conduct([task("a"), task("b")])
    assert sorted(each.gate_id for each in done) == ["a", "b"]
    facts = json.loads((tmp_path / "gates" / "a" / "1" / "measured.json").read_text())
    assert facts["key"] == "key 1"
    assert not list(tmp_path.rglob("attempt-*"))


def test_what_was_measured_is_kept_and_what_changed_is_measured_again(tmp_path: Path) -> None:
    house(tmp_path).conduct([task("same"), task("changed")])
    again = house(tmp_path)
    done = again.conduct([task("same"), task("changed", key="other")])
    assert again.seen.begun_ == ["changed 1"]
    assert {each.gate_id: each.kept for each in done} == {"same": True, "changed": False}


def test_what_cannot_be_read_any_more_is_measured_again(tmp_path: Path) -> None:
    house(tmp_path).conduct([task("whole"), task("damaged")])
    again = house(tmp_path, damaged=("damaged",))
    done = again.conduct([task("whole"), task("damaged")])
    assert again.seen.begun_ == ["damaged 1"]
    assert {each.gate_id: each.kept for each in done} == {"whole": True, "damaged": False}


@pytest.mark.parametrize(
    "wrong",
    [{"cpus": 5}, {"began_s": "x"}, {"ended_s": None}, {"began_s": 1e99}, {"ended_s": nan}, {"gate_id": "b"}],
)
def test_facts_of_wrong_types_are_no_measurement(wrong: dict[str, object], tmp_path: Path) -> None:
    house(tmp_path).conduct([task("a")])
    file = tmp_path / "gates" / "a" / "1" / "measured.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | wrong))
    assert Measurements(tmp_path).kept("a", 1, "key 1") is None


def test_a_lost_node_gives_a_new_measurement(tmp_path: Path) -> None:
    rooms = house(tmp_path, nodes=2)
    rooms.engine._nodes[0].dies_at_s = 15.0
    done = rooms.conduct([task(f"gate-{place}") for place in range(6)])
    assert sorted(each.gate_id for each in done) == [f"gate-{place}" for place in range(6)]
    (lost,) = rooms.seen.lost_
    again = [each for each in done if each.attempts > 1]
    assert [f"{each.gate_id}: its node died" for each in again] == [lost]
    assert again[0].node == "node-1"
    assert all(each.exit_code == ExitCode.PASS for each in done)


def test_a_measurement_that_is_lost_again_and_again_is_given_up(tmp_path: Path) -> None:
    nodes = [FakeNode(f"node-{place}", 2, dies_at_s=5.0 * (place + 1)) for place in range(MOST_ATTEMPTS)]
    rooms = House(tmp_path, FakeEngine(nodes, lambda _: 10.0))
    (found,) = rooms.conduct([task("unlucky")])
    assert (found.exit_code, found.attempts, found.lost) == (None, MOST_ATTEMPTS, "its node died")
    assert Measurements(tmp_path).kept("unlucky", 1, "key 1") is None, "the next call tries again"


def test_what_no_node_can_take_any_more_is_given_up_with_the_reason(tmp_path: Path) -> None:
    rooms = House(tmp_path, FakeEngine([FakeNode("node", 2, dies_at_s=15.0)], lambda _: 10.0))
    done = rooms.conduct([task("a", priority=2), task("b", priority=1), task("c")])
    assert [(each.gate_id, each.lost) for each in done] == [
        ("a", ""), ("b", "no node has room for it"), ("c", "no node has room for it"),
    ]  # fmt: skip


def test_what_was_lost_is_begun_again_before_what_is_less_urgent(tmp_path: Path) -> None:
    codes = iter([-9, *[ExitCode.PASS] * 3])
    rooms = House(tmp_path, FakeEngine([FakeNode("node", 2)], lambda _: 10.0, lambda _: next(codes)))
    rooms.conduct([task("first", priority=2), task("second", priority=1), task("third")])
    assert rooms.seen.begun_ == ["first 1", "first 1", "second 1", "third 1"]


@pytest.mark.parametrize("code", [-9, ExitCode.INTERRUPTED])
def test_what_was_ended_from_outside_is_measured_again(tmp_path: Path, code: int) -> None:
    codes = iter([code, ExitCode.FAIL])
    rooms = House(tmp_path, FakeEngine([FakeNode("node", 2)], lambda _: 10.0, lambda _: next(codes)))
    (found,) = rooms.conduct([task("a")])
    assert (found.exit_code, found.attempts) == (ExitCode.FAIL, 2)


@pytest.mark.parametrize("code", [ExitCode.INTERNAL, ExitCode.USAGE])
def test_a_failure_of_perfgate_is_no_result_and_is_not_kept(tmp_path: Path, code: int) -> None:
    rooms = House(tmp_path, FakeEngine([FakeNode("node", 2)], lambda _: 10.0, lambda _: code))
    (found,) = rooms.conduct([task("a")])
    assert found.exit_code == code
    assert Measurements(tmp_path).kept("a", 1, "key 1") is None


def test_nothing_begins_after_the_deadline(tmp_path: Path) -> None:
    rooms = house(tmp_path, deadline_s=15.0)
    done = rooms.conduct([task(f"gate-{place}", priority=-place) for place in range(5)])
    assert [each.gate_id for each in done] == ["gate-0", "gate-1"]


def test_an_interrupt_stops_the_engine(tmp_path: Path) -> None:
    def interrupted(_: Order) -> int:
        raise KeyboardInterrupt

    rooms = House(tmp_path, FakeEngine([FakeNode("node", 2)], lambda _: 10.0, interrupted))
    with pytest.raises(KeyboardInterrupt):
        rooms.conduct([task("a")])
    assert rooms.engine.stopped


def test_undecided_gates_get_what_the_others_left(tmp_path: Path) -> None:
    left = RoundState(is_open=False, used_s=15.0)
    open_ = RoundState(is_open=True, used_s=60.0)
    rooms = house(tmp_path, states={"a": left, "b": left, "c": open_})
    done = rooms.conduct([task("a"), task("b"), task("c")], second=True)
    (second,) = [each for each in done if each.round_number == 2]
    assert (second.gate_id, second.budget_s) == ("c", 90.0), "45 s of each of the two others"


def test_the_capacity_comes_last(tmp_path: Path) -> None:
    rooms = house(tmp_path, states={"b": RoundState(is_open=True, used_s=0.0)})
    rooms.conduct([task("a"), task("b")], second=True, capacity=[task("a", 0)])
    assert rooms.seen.begun_ == ["a 1", "b 1", "b 2", "a 0"]


def _given(
    *states: tuple[str, float, bool, float],
    priority: dict[str, float] | None = None,
    kept: dict[str, float] | None = None,
) -> dict[str, float]:
    """(name, budget, whether it is open, what it used) of each gate; what each gets in the second round."""
    first = [task(name, budget_s=budget, priority=(priority or {}).get(name, 0)) for name, budget, _, _ in states]
    done = [Measured(name, 1, "k", budget, "n", (0,), 0.0, 1.0, 0) for name, budget, _, _ in states]
    found = {name: RoundState(is_open, used) for name, _, is_open, used in states}
    second = {each.gate_id: replace(each, round_number=2) for each in first}
    given = extended(done, first, second, lambda m: found[m.gate_id], kept or {})
    return {each.gate_id: each.budget_s for each in given}


def test_nobody_gets_more_than_four_times_its_budget() -> None:
    assert _given(("a", 600, False, 0), ("b", 60, True, 60)) == {"b": 60 * MOST_TIMES}


def test_time_is_divided_in_proportion_to_budgets() -> None:
    assert _given(("a", 300, False, 60), ("b", 40, True, 40), ("c", 80, True, 80)) == {"b": 80, "c": 160}


def test_too_little_time_goes_to_the_most_urgent() -> None:
    given = _given(
        ("a", 100, False, 20), ("b", 60, True, 60), ("c", 60, True, 60), priority={"c": 1}
    )  # 80 s are left, for one of the two
    assert given == {"c": 60}


def test_time_that_a_kept_second_round_took_is_not_given_again() -> None:
    states = ("a", 100, False, 0), ("b", 60, True, 60), ("c", 60, True, 60)
    assert _given(*states, kept={"b": 30}) == {"b": 30, "c": 70}
    assert _given(*states, kept={"b": 60}) == {"b": 60}, "40 s are less than the first round of c"


@pytest.mark.parametrize("used", [60.0, 80.0])
def test_without_time_left_there_is_no_second_round(used: float) -> None:
    assert _given(("a", 60, False, used), ("b", 60, True, used)) == {}
    assert _given(("a", 60, False, 0)) == {}


def test_facts_that_are_damaged_are_as_good_as_none(tmp_path: Path) -> None:
    kept = Measurements(tmp_path)
    house(tmp_path).conduct([task("a")])
    facts = kept.directory("a", 1) / "measured.json"
    for text in ("", "{", "[]", '{"gate_id": "a"}', "null"):
        facts.write_text(text)
        assert kept.kept("a", 1, "key 1") is None


@pytest.mark.parametrize("file", ["result.json", "report.html", "capacity.json"])
def test_messages_name_files_where_they_are_in_the_end(file: str, tmp_path: Path) -> None:
    kept = Measurements(tmp_path)
    attempt = kept.attempt("a", 1, "7")
    attempt.mkdir(parents=True)
    (attempt / file).write_text(f'{{"headline": "the server died: see {attempt}/servers.log"}}')
    kept.finish(Measured("a", 1, "k", 1.0, "n", (0,), 0.0, 1.0, 5), attempt)
    headline = json.loads((tmp_path / "gates" / "a" / "1" / file).read_text())["headline"]
    assert headline == f"the server died: see {tmp_path}/gates/a/1/servers.log"


def test_attempts_that_a_killed_fleet_left_are_removed(tmp_path: Path) -> None:
    kept = Measurements(tmp_path)
    house(tmp_path).conduct([task("a"), task("b")])
    for name in ("a", "b"):
        kept.attempt(name, 1, "dead").mkdir()
        kept.attempt(name, 1, "dead").with_name("attempt-1-dead.log").write_text("half")
    kept.attempt("a", 1, "link").symlink_to(tmp_path)  # cannot be deleted as a directory
    kept.clear_attempts({"a": None})
    assert sorted(each.name for each in (tmp_path / "gates" / "a").iterdir()) == ["1", "attempt-1-link"]
    assert len(list((tmp_path / "gates" / "b").iterdir())) == 3, "not one of this fleet's gates"


def test_a_second_round_that_was_measured_counts_when_no_time_is_left_for_it_any_more(tmp_path: Path) -> None:
    is_open, early, late = (RoundState(*each) for each in ((True, 60.0), (False, 0.0), (False, 60.0)))
    house(tmp_path, states={"open": is_open, "other": early}).conduct([task("open"), task("other")], second=True)
    again = house(tmp_path, states={"open": is_open, "other": late})
    done = again.conduct([task("open"), task("other", key="changed")], second=True)
    assert again.seen.begun_ == ["other 1"]
    assert [(each.gate_id, each.round_number) for each in done if each.kept] == [("open", 1), ("open", 2)]


def test_a_second_round_is_not_read_if_the_first_is_decided_now(tmp_path: Path) -> None:
    """It would be judged: a watcher keeps what it reads."""
    other, is_open = RoundState(is_open=False, used_s=0.0), RoundState(is_open=True, used_s=60.0)
    house(tmp_path, states={"a": is_open, "b": other}).conduct([task("a"), task("b")], second=True)
    shutil.rmtree(tmp_path / "gates" / "a" / "1")
    again = house(tmp_path, states={"b": other})
    done = again.conduct([task("a"), task("b")], second=True)
    assert sorted((each.gate_id, each.round_number) for each in done) == [("a", 1), ("b", 1)]
    assert again.read == [("b", 1)]


def test_what_waits_for_cores_is_withdrawn_when_the_time_is_up(tmp_path: Path) -> None:
    class HeldByOthers(FakeEngine):
        orders: list[str]

        def start(self, order: Order) -> None:
            self.orders = [order.order_id]

        def wait(self, seconds: float) -> tuple[Ended, ...]:
            self.now_s += seconds
            return ()

        def withdraw(self) -> tuple[str, ...]:
            found, self.orders = tuple(self.orders), []
            return found

    rooms = House(tmp_path, HeldByOthers([FakeNode("node", 2)], lambda _: 10.0), deadline_s=5.0)
    assert rooms.conduct([task("a")]) == []
    assert 5.0 <= rooms.engine.now_s < 10.0
    assert rooms.engine.stopped


def test_a_measurement_that_hangs_is_not_begun_again(tmp_path: Path) -> None:
    class Hangs(FakeEngine):
        def wait(self, seconds: float) -> tuple[Ended, ...]:
            return tuple(replace(each, exit_code=None, lost=OVERDUE) for each in super().wait(seconds))

    rooms = House(tmp_path, Hangs([FakeNode("node", 2)], lambda _: 10.0))
    (found,) = rooms.conduct([task("a")])
    assert (found.exit_code, found.attempts, found.lost) == (None, 1, OVERDUE)
