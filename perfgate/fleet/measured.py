"""What a fleet has measured of each gate, kept on disk so that a fleet that was killed goes on where it was."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

from pydantic import Field, TypeAdapter

from perfgate.errors import UsageError
from perfgate.fleet.engine import Ended
from perfgate.whole_file import write_whole

GATES = "gates"
LOG = "perfgate.log"
"""What the measurement printed."""
_NAME_THEIR_PLACE = ("result.json", "report.html", "capacity.json")
"""Files with messages that may name the directory."""
_LOCK = ".lock"
_FACTS = "measured.json"
_ATTEMPT = "attempt-"
_YEAR_9999 = 253_370_764_800
"""Unix time that no clock shows: later ones have no date."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement of a gate that ended."""

    gate_id: str
    round_number: int
    """1, or 2 for the time that others left; 0 for the capacity."""
    key: str
    """Digest of everything that the measurement depends on: models, scenario, levels."""
    budget_s: float
    """Measuring time that it was given."""
    node: str
    cpus: tuple[int, ...]
    began_s: Annotated[float, Field(ge=0, lt=_YEAR_9999)]
    """Unix time."""
    ended_s: Annotated[float, Field(ge=0, lt=_YEAR_9999)]
    """Unix time."""
    exit_code: int | None
    """None if it was lost every time that it was tried."""
    attempts: int = 1
    """How often it was begun: more than once if nodes were lost."""
    lost: str = ""
    """Why it was lost, if it was."""
    kept: bool = False
    """Whether an earlier call of the command measured it."""

    @property
    def seconds(self) -> float:
        """Wall time of the last attempt."""
        return self.ended_s - self.began_s


_FORM = TypeAdapter(Measured)


class Measurements:
    """The directories of all measurements below one: `gates/<gate>/<round>/`, and `attempt-…` while one runs."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Keep other fleets out of the directory; UsageError if one is there, OSError if it cannot be written."""
        self._lock = os.open(self.out / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise UsageError(
                f"another perfgate fleet writes to {self.out}", "wait for it, or use another --out"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let others in."""
        if self._lock is not None:
            os.close(self._lock)

    def directory(self, gate_id: str, round_number: int) -> Path:
        """Return where a finished measurement's files are."""
        return self.out / GATES / gate_id / str(round_number)

    def relative(self, path: Path) -> str:
        """Return a path relative to the fleet's directory."""
        return path.relative_to(self.out).as_posix()

    def attempt(self, gate_id: str, round_number: int, name: str) -> Path:
        """Return a new directory for one attempt, which nothing else writes to."""
        return self.out / GATES / gate_id / f"{_ATTEMPT}{round_number}-{name}"

    def kept(self, gate_id: str, round_number: int, key: str) -> Measured | None:
        """Return a finished measurement with this key; None if there is none, or something has changed since."""
        try:
            text = (self.directory(gate_id, round_number) / _FACTS).read_text(encoding="utf-8")
            found = _FORM.validate_python({**json.loads(text), "kept": True})
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        is_asked = (found.gate_id, found.round_number, found.key) == (gate_id, round_number, key)
        return found if is_asked and found.exit_code is not None else None

    def finish(self, measured: Measured, attempt: Path) -> None:
        """Keep an attempt as the gate's measurement: its facts are written first, and its directory moved in one step.

        A measurement that it replaces is moved away before and deleted after, so that whenever perfgate is killed, the
        old one or the new one is there, or none, which is measured again.
        """
        write_whole(attempt / _FACTS, json.dumps(asdict(measured)) + "\n")
        final = self.directory(measured.gate_id, measured.round_number)
        old = final.with_name(f"{_ATTEMPT}old-{os.getpid()}")
        with suppress(FileNotFoundError):
            final.rename(old)
        for name in _NAME_THEIR_PLACE:
            with suppress(FileNotFoundError):
                _moved(attempt / name, attempt, final)
        attempt.rename(final)
        with suppress(FileNotFoundError):
            self._keep_log(attempt, final)
        shutil.rmtree(old, ignore_errors=True)

    def _keep_log(self, attempt: Path, final: Path) -> None:
        """Keep what was printed, with the paths of its files as they are now."""
        log = attempt.with_name(f"{attempt.name}.log")
        _moved(log, attempt, final)
        log.replace(final / LOG)

    def last_words(self, gate_id: str, round_number: int) -> str:
        """Return the last line that a finished measurement printed, its error if it failed; empty if there is none."""
        try:
            text = (self.directory(gate_id, round_number) / LOG).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return text.rstrip().rpartition("\n")[2]

    def forget(self, gate_id: str, round_number: int) -> None:
        """Delete a measurement of something that has changed since."""
        shutil.rmtree(self.directory(gate_id, round_number), ignore_errors=True)

    def forget_all(self, gate_id: str) -> None:
        """Delete all measurements of a gate."""
        shutil.rmtree(self.out / GATES / gate_id, ignore_errors=True)

    def clear_attempts(self, wanted: Mapping[str, object]) -> None:
        """Delete attempts that a killed fleet left behind, of the gates that are wanted.

        A measurement of a fleet that has just been killed may still write its last files: what cannot be deleted stays
        until the next call.
        """
        for gate_id in wanted:
            for path in (self.out / GATES / gate_id).glob(f"{_ATTEMPT}*"):
                with suppress(OSError):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _moved(file: Path, attempt: Path, final: Path) -> None:
    """Replace the path of an attempt in a file, in messages about its other files."""
    there, place = (f"{GATES}/{final.parent.name}/{each.name}".encode() for each in (attempt, final))
    text = file.read_bytes()
    if there in text:
        file.write_bytes(text.replace(there, place))


def measured_of(  # noqa: PLR0913 - what an order's ending says, and what it was for
    ended: Ended, *, gate_id: str, round_number: int, key: str, budget_s: float, attempts: int
) -> Measured:
    """Combine an ending with what was asked."""
    return Measured(
        gate_id, round_number, key, budget_s, ended.node, ended.cpus, ended.began_s, ended.ended_s, ended.exit_code,
        attempts, ended.lost,
    )  # fmt: skip
