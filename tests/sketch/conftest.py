"""One builder's process for all tests that need TensorFlow, whose import takes 4 to 9 s."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from perfgate.sketch.builder import Builder
from perfgate.sketch.built import SketchFacts
from perfgate.sketch.process import BuilderProcess
from perfgate.sketch.source import sketch_of

SKETCHES = Path(__file__).parents[2] / "examples" / "sketches"
ALL_KINDS = Path(__file__).with_name("all_kinds.toml")
"""Every kind of block, and every way to combine vectors."""
MEMORY_BYTES = 6 << 30


class Build(Protocol):
    """Builds what is given as a sketch, with these values for its dimensions."""

    def __call__(self, given: Path | str, values: Mapping[str, int] | None = None) -> SketchFacts: ...


class Written(Protocol):
    """Writes a sketch of that name, and returns its path."""

    def __call__(self, name: str, text: str) -> str: ...


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(name: str, text: str) -> str:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return str(file)

    return write


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuilderProcess]:
    log = tmp_path_factory.mktemp("builder") / "builder.log"
    process = BuilderProcess(os.environ, log, 60.0, lambda: MEMORY_BYTES)
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def build(process: BuilderProcess, tmp_path_factory: pytest.TempPathFactory) -> Build:
    def build(given: Path | str, values: Mapping[str, int] | None = None) -> SketchFacts:
        directory = tmp_path_factory.mktemp("built")
        builder = Builder(sketch_of(str(given)), os.environ, directory, available_bytes=lambda: MEMORY_BYTES)
        builder._process = process
        return builder.build(values or {})

    return build


@pytest.fixture(scope="session")
def ranker(build: Build) -> SketchFacts:
    """The example in TOML, with its own dimensions."""
    return build(SKETCHES / "ranker.toml")


@pytest.fixture(scope="session")
def all_kinds(build: Build) -> SketchFacts:
    return build(ALL_KINDS)
