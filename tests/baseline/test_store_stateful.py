from __future__ import annotations

import hashlib
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import fsspec
import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from perfgate.baseline.record import Record, StoredModel
from perfgate.baseline.store import Store
from perfgate.errors import NoBaselineError

NAMES = st.sampled_from(["prod", "canary", "a.b-c_9"])
SCENARIOS = st.sampled_from(["sha256:1", "sha256:2"])
CONTENTS = st.sampled_from(["", "one", "two"])
_runs = count()


class StoreMachine(RuleBasedStateMachine):
    """Adds and removes records at random, and compares the store with a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.url = f"memory://store-{next(_runs)}"
        self.store = Store(self.url)
        self.folder = TemporaryDirectory()
        self.kept: list[Record] = []
        self.runs = count()

    def teardown(self) -> None:
        self.folder.cleanup()
        system, root = fsspec.core.url_to_fs(self.url)
        if system.exists(root):
            system.rm(root, recursive=True)

    @rule(name=NAMES, scenario=SCENARIOS, content=CONTENTS, second=st.integers(0, 59))
    def add(self, name: str, scenario: str, content: str, second: int) -> None:
        digest = f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
        created = f"2026-02-03T04:05:{second:02d}Z"
        model = StoredModel("m", digest, len(content))
        run = str(next(self.runs))
        record = Record(name, created, "s", scenario, "p", model, "f", {}, {}, 1, "0", run)
        self.kept.append(self.store.add(record, self._model(content) if content else None))

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def remove_one(self, data: st.DataObject) -> None:
        record = data.draw(st.sampled_from(self.kept))
        assert self.store.remove(record.name, record.id) == (record.id,)
        self.kept.remove(record)

    @rule(name=NAMES)
    def remove_all(self, name: str) -> None:
        doomed = self._of(name)
        if doomed:
            assert self.store.remove(name) == tuple(record.id for record in doomed)
        else:
            with pytest.raises(NoBaselineError):
                self.store.remove(name)
        self.kept = [record for record in self.kept if record.name != name]

    @invariant()
    def lists_what_is_kept(self) -> None:
        names = sorted({record.name for record in self.kept})
        assert self.store.list() == tuple(record for name in names for record in self._of(name))

    @invariant()
    def current_is_the_newest(self) -> None:
        for name in {record.name for record in self.kept}:
            of_name = self._of(name)
            assert self.store.current(name) == of_name[-1]
            for scenario in {record.scenario_digest for record in of_name}:
                newest = [record for record in of_name if record.scenario_digest == scenario][-1]
                assert self.store.current(name, scenario) == newest

    @invariant()
    def models_are_those_that_records_refer_to(self) -> None:
        system, root = fsspec.core.url_to_fs(self.url)
        there = {path[len(root) + 1 :].rpartition("/")[0] for path in system.find(f"{root}/artifacts")}
        assert there == {record.model.artifact for record in self.kept} - {None}

    def _of(self, name: str) -> list[Record]:
        return sorted((record for record in self.kept if record.name == name), key=lambda record: record.id)

    def _model(self, content: str) -> Path:
        folder = Path(self.folder.name, content)
        folder.mkdir(exist_ok=True)
        (folder / "saved_model.pb").write_text(content, encoding="utf-8")
        return folder


StoreMachine.TestCase.settings = settings(
    max_examples=15, stateful_step_count=12, deadline=None, derandomize=True, database=None
)
TestStore = StoreMachine.TestCase
