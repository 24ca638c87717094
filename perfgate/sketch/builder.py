"""Untrained SavedModels from a sketch, built in a process of its own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from perfgate.errors import UsageError
from perfgate.formatting import number
from perfgate.model.digest import content_of, file_sha256
from perfgate.model.saved_model import open_model
from perfgate.model.table_ids import cardinalities
from perfgate.sketch.built import SketchFacts
from perfgate.sketch.dimensions import numbers_of
from perfgate.sketch.file import load_sketch
from perfgate.sketch.process import BuilderProcess
from perfgate.sketch.schema import Sketch
from perfgate.sketch.source import SketchSource
from perfgate.sketch.wiring import Wiring, wired

_MIB, _GIB = 1 << 20, 1 << 30
_TENSORFLOW_BYTES = 700 * _MIB
_SMALLER = "make its tables or layers smaller, or plan on a machine with more memory"


def _available_bytes() -> int:
    return int(psutil.virtual_memory().available)


@dataclass(frozen=True, slots=True)
class _Toml:
    """What is known of a TOML sketch before it is built."""

    sketch: Sketch
    wiring: Wiring

    @property
    def needed_bytes(self) -> int:
        """Memory that building it takes, roughly: TensorFlow's own, and each weight four times, as measured."""
        return _TENSORFLOW_BYTES + 4 * 4 * self.wiring.parameters


class Builder:
    """Builds variants of one sketch, one after the other, each into `directory/<number>/`.

    Entering starts the process, which imports TensorFlow meanwhile, and returns immediately; leaving kills it, with
    all processes that the sketch's code started. It lives no longer than the thread that started it. If it dies, the
    next variant gets a new one. `timeout_s` is for building one variant. The process may take `available_bytes` of
    memory. Its output goes to `directory/builder.log`.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the sketch, and what of the world it may use
        self,
        source: SketchSource,
        environ: Mapping[str, str],
        directory: Path,
        timeout_s: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
        available_bytes: Callable[[], int] = _available_bytes,
    ) -> None:
        self._available_bytes = available_bytes
        self._source, self._directory, self._clock = source, directory.absolute(), clock
        self._process = BuilderProcess(environ, self._directory / "builder.log", timeout_s, available_bytes)
        self._number = 0

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill the process, with all processes below it; idempotent."""
        self._process.stop()

    def build(self, values: Mapping[str, int]) -> SketchFacts:
        """Build one variant, with these values for some of its dimensions.

        UsageError, in one line, for everything that is wrong with the sketch; InvalidRunError if the process cannot
        start.
        """
        self._check_unchanged()
        toml = self._toml(values)
        self._number += 1
        saved_model = self._directory / str(self._number)
        try:
            return self._built(values, toml, saved_model)
        except BaseException:
            shutil.rmtree(saved_model, ignore_errors=True)
            raise

    def _check_unchanged(self) -> None:
        given = self._source.given
        try:
            digest = file_sha256(self._source.path)
        except OSError as error:
            raise UsageError(f"{given}: {error.strerror or error}", "it was there before; run again") from error
        if self._source.digest != f"sha256:{digest}":
            raise UsageError(f"{given} was changed meanwhile", "run again")

    def _built(self, values: Mapping[str, int], toml: _Toml | None, saved_model: Path) -> SketchFacts:
        source = self._source
        self._process.wait_until_ready()
        began_s = self._clock()
        reply = self._process.build(self._order(values, toml, saved_model))
        build_s = self._clock() - began_s
        if "problem" in reply:
            raise UsageError(reply["problem"], reply["remedy"])
        if "no_memory" in reply:
            needs = f": it needs about {_gib(toml.needed_bytes)}" if toml else ""
            raise UsageError(f"{source.given}: there is not enough memory to build it{needs}", _SMALLER)
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
            cardinalities=toml.wiring.cardinalities if toml else self._from_graph(saved_model),
            batch=toml.sketch.batch if toml else None,
        )

    def _order(self, values: Mapping[str, int], toml: _Toml | None, saved_model: Path) -> dict[str, Any]:
        source = self._source
        file = source.given.removesuffix(f":{source.function}")
        order: dict[str, Any] = {"kind": source.kind, "file": file, "directory": str(saved_model)}
        if toml is not None:
            return {**order, "sketch": toml.sketch.model_dump(mode="json", by_alias=True, exclude_none=True)}
        return {**order, "path": str(source.path), "function": source.function, "values": dict(values)}

    def _from_graph(self, saved_model: Path) -> dict[str, int]:
        return cardinalities(open_model(str(saved_model), self._directory), "serving_default")

    def _toml(self, values: Mapping[str, int]) -> _Toml | None:
        """Read a TOML sketch anew; of other kinds only this process's part can be checked ahead."""
        given = self._source.given
        if self._source.kind == "keras" and values:
            raise UsageError(
                f"{given} has no dimensions: a .keras file is one model", "write a sketch in TOML or Python to vary it"
            )
        if self._source.kind != "toml":
            return None
        sketch = load_sketch(Path(given), values)
        toml = _Toml(sketch, wired(sketch, given))
        available = self._available_bytes()
        if toml.needed_bytes > available:
            raise UsageError(
                f"{given}: building it needs about {_gib(toml.needed_bytes)} of memory, and {_gib(available)} are free",
                _SMALLER,
            )
        return toml


def _gib(size_bytes: float) -> str:
    return f"{number(size_bytes / _GIB)} GiB"
