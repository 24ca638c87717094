"""`perfgate doctor`: checks whether this machine is suitable for measuring."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from perfgate.cli.consoles import output_console
from perfgate.cli.options import verbose_option
from perfgate.errors import ExitCode

if TYPE_CHECKING:
    from perfgate.doctor.checks import Finding, Moment

_LOOK_S = 1.0


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document to stdout.")
@verbose_option
def command(as_json: bool) -> int:  # noqa: FBT001 - click's
    """Check this machine (cores, clock, limits, memory, other load) and suggest improvements.

    It observes for one second and changes nothing. The exit code is 0 whatever it finds.
    """
    import json  # noqa: PLC0415 - instant --help
    import os  # noqa: PLC0415

    from perfgate.baseline.fingerprint import environment  # noqa: PLC0415
    from perfgate.doctor.checks import findings, to_change  # noqa: PLC0415
    from perfgate.doctor.tensorflow_build import tensorflow_build  # noqa: PLC0415
    from perfgate.observe.proc_files import text  # noqa: PLC0415

    facts = environment(os.environ) | {"tensorflow_build": tensorflow_build()}
    found = findings(facts, _look_on(), text)
    if as_json:
        click.echo(json.dumps({"environment": facts, "findings": [asdict(each) for each in found]}, indent=2))
    else:
        _print(found)
    count = len(to_change(found))
    what = "nothing to change" if not count else f"{count} possible improvement{'s' * (count > 1)}"
    click.echo(f"DOCTOR {what}; `perfgate calibrate MODEL` measures how noisy the machine is", err=True)
    return ExitCode.PASS


def _look_on() -> Moment:
    import psutil  # noqa: PLC0415 - instant --help

    from perfgate.doctor.checks import Moment  # noqa: PLC0415
    from perfgate.doctor.top_processes import busiest, cpu_spent  # noqa: PLC0415
    from perfgate.loadgen.low_jitter import realtime_permitted  # noqa: PLC0415
    from perfgate.observe.machine import MachineAccounts, available_mib  # noqa: PLC0415

    processes, began_s = cpu_spent(), time.monotonic()
    accounts, before = MachineAccounts(), psutil.cpu_times()
    time.sleep(_LOOK_S)
    after, conditions = psutil.cpu_times(), accounts.conditions()
    others = busiest(processes, cpu_spent(), time.monotonic() - began_s)
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
    idle_s, total_s = spent.get("idle", 0.0) + spent.get("iowait", 0.0), sum(spent.values())
    return Moment(
        busy_share=1 - idle_s / total_s if total_s > 0 else 0.0,
        steal_share=conditions.steal_share,
        pressure_share=conditions.cpu_pressure_share,
        available_mib=available_mib(),
        realtime=realtime_permitted(),
        busiest=others,
    )


def _print(found: tuple[Finding, ...]) -> None:
    from rich.padding import Padding  # noqa: PLC0415 - instant --help
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from perfgate.doctor.checks import FindingState  # noqa: PLC0415
    from perfgate.report.terminal.tables import safe_text  # noqa: PLC0415

    styles = {FindingState.OK: "green", FindingState.CHANGE: "yellow", FindingState.UNKNOWN: "dim"}
    console = output_console()
    width = max(len(each.name) for each in found)
    for each in found:
        row = Table.grid(padding=(0, 1, 0, 0))  # long text continues on lines below itself
        row.add_column(width=7)
        row.add_column(width=width)
        row.add_column(overflow="fold")
        row.add_row(Text(each.state.value, styles[each.state]), each.name, safe_text(console, each.seen))
        console.print(row)
        for word, text in (("change", each.remedy), ("brings", each.brings)):
            if text:
                words = Text.assemble((f"{word} ", "dim"), safe_text(console, text))
                console.print(Padding(words, (0, 0, 0, 8), expand=False))
