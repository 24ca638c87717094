import contextlib
import io
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from perfgate.baseline.fingerprint import STABLE
from perfgate.baseline.record import MetricSummary, Record, StoredModel
from perfgate.baseline.store import Store

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference" / "baselines.md").read_text(encoding="utf-8")
PROGRAMS = (DOCS / "how-to" / "results-in-python.md").read_text(encoding="utf-8")


def test_the_page_names_every_key_of_a_record_and_of_the_fingerprint() -> None:
    names = {field.name for kind in (Record, StoredModel, MetricSummary) for field in fields(kind)}
    assert not {name for name in names.union(STABLE) if f"`{name}`" not in PAGE}


def test_the_page_s_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_record: Callable[..., Record]
) -> None:
    monkeypatch.chdir(tmp_path)
    record = Store("baselines").add(make_record(), None)
    (program,) = re.findall(r"\*\*Baselines\*\*:\n\n```python\n(.*?)```", PROGRAMS, re.DOTALL)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(program, "docs/how-to/results-in-python.md", "exec"), {})  # noqa: S102 - our own page
    assert printed.getvalue() == f"prod {record.id} 1.5\n"
