"""Measure a model and store it as a baseline."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from perfgate.baseline.store import Store
from perfgate.errors import ExitCode, PerfgateError
from perfgate.pipeline.answer import answer, exit_code_of_record, prepare_all, show
from perfgate.pipeline.comparison import Comparison
from perfgate.pipeline.host import Host
from perfgate.pipeline.options import Options
from perfgate.pipeline.stored import Kept, ensure_storable, promote


def record_all(  # noqa: PLR0913, PLR0917 - the command's options
    comparisons: Sequence[Comparison], name: str, note: str, kept: Kept, options: Options, host: Host
) -> int:
    """Record the scenarios in sequence until one fails, and return the last exit code; `options.store` says where."""
    store = Store(options.store or "")
    ensure_storable(comparisons)
    for prepared in prepare_all(comparisons, host):
        result, out = answer(prepared, options, host, many=len(comparisons) > 1, stops_early=False)
        if code := exit_code_of_record(result):
            show(result, out, options, host)
            return code
        try:
            record = promote(result, name, store, note, kept, host.now())
        except PerfgateError as error:
            again = shlex.join(["perfgate", "baseline", "promote", str(out), "--name", name, "--store", store.url])
            error.remedy = f"{error.remedy}. The measurement is kept: `{again}`".lstrip(". ")
            raise
        host.console.print(f"RECORDED {name}/{record.id} in {store.url}  result: {out}", markup=False, soft_wrap=True)
    return ExitCode.PASS
