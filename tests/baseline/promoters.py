"""Several processes that add records to one name of a store: `promoters.py URL PROCESSES RECORDS MODEL`.

Prints the id of each record after it was added; the first record of each process has a model. Imports once, and forks:
eight interpreters would take longer to start than to work.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

import s3fs  # noqa: F401 - once, before the forks

from perfgate.baseline.record import Record, StoredModel
from perfgate.baseline.store import Store


def record_of(number: int) -> Record:
    """The later the number, the newer the record."""
    return Record(
        name="prod",
        created_utc=f"2026-02-03T04:{number // 60:02d}:{number % 60:02d}Z",
        scenario_name="ranking",
        scenario_digest="sha256:aa",
        payload_digest="sha256:bb",
        model=StoredModel("models/v1", "sha256:" + "ab" * 32, 7),
        fingerprint="0123456789abcdef",
        environment={},
        metrics={},
        seed=number,
        perfgate_version="0",
        run_id=str(number),
    )


def add(url: str, numbers: range, model: Path) -> None:
    store = Store(url)
    for number in numbers:
        record = store.add(record_of(number), model if number == numbers.start else None)
        os.write(1, f"{os.getpid()} {record.id}\n".encode())  # whole lines, at once


def main(url: str, processes: int, records: int, model: Path) -> None:
    forking = multiprocessing.get_context("fork")
    children = [
        forking.Process(target=add, args=(url, range(first, records, processes), model)) for first in range(processes)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    sys.exit(any(child.exitcode for child in children))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
