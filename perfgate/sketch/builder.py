"""Untrained SavedModels from a sketch, built in a process of its own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from perfgate.errors import UsageError
from perfgate.model.digest import content_of
from perfgate.sketch.built import SketchFacts
from perfgate.sketch.dimensions import numbers_of
from perfgate.sketch.file import load_sketch
from perfgate.sketch.process import BuilderProcess
from perfgate.sketch.schema import Sketch
from perfgate.sketch.source import SketchSource
from perfgate.sketch.wiring import Wiring, wired

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class _Toml:
    """What is known of a TOML sketch before it is built."""

    sketch: Sketch
    wiring: Wiring


class Builder:
    """Builds variants of one sketch, one after the other, each into `directory/<number>/`.

    Entering starts the process, which imports TensorFlow meanwhile, and returns immediately; leaving kills it, with
    all processes that the sketch's code started. `timeout_s` is for building one variant. Its output goes to
    `directory/builder.log`.
    """

    def __init__(
        self,
        source: SketchSource,
        environ: Mapping[str, str],
        directory: Path,
        timeout_s: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._directory, self._clock = source, directory.absolute(), clock
        self._process = BuilderProcess(environ, self._directory / "builder.log", timeout_s, clock)
        self._number = 0

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stop()

    def build(self, values: Mapping[str, int]) -> SketchFacts:
        """Build one variant, with these values for some of its dimensions.

        UsageError, in one line, for everything that is wrong with the sketch; InvalidRunError if the process cannot
        start.
        """
        toml = self._toml(values)
        self._number += 1
        saved_model = self._directory / str(self._number)
        try:
            return self._built(values, toml, saved_model)
        except BaseException:
            shutil.rmtree(saved_model, ignore_errors=True)
            raise

    def _built(self, values: Mapping[str, int], toml: _Toml | None, saved_model: Path) -> SketchFacts:
        source = self._source
        order: dict[str, Any] = {"kind": source.kind, "given": source.given, "directory": str(saved_model)}
        if toml is not None:
            order["sketch"] = toml.sketch.model_dump(mode="json", by_alias=True, exclude_none=True)
        else:
            order |= {"path": str(source.path), "function": source.function, "values": dict(values)}
        self._process.wait_until_ready()
        began_s = self._clock()
        reply = self._process.build(order)
        build_s = self._clock() - began_s
        if "problem" in reply:
            raise UsageError(reply["problem"], reply["remedy"])
        content = content_of(saved_model)
        return SketchFacts(
            given=source.given,
            kind=source.kind,
            digest=source.digest,
            dimensions=numbers_of(toml.sketch) if toml else reply["dimensions"],
            parameters=reply["parameters"],
            path=str(saved_model),
            model_digest=content.digest,
            size_mb=content.size_bytes / _MIB,
            build_s=build_s,
            cardinalities=toml.wiring.cardinalities if toml else {},
            batch=toml.sketch.batch if toml else None,
        )

    def _toml(self, values: Mapping[str, int]) -> _Toml | None:
        if self._source.kind != "toml":
            return None
        sketch = load_sketch(Path(self._source.given), values)
        return _Toml(sketch, wired(sketch, self._source.given))
