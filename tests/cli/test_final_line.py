"""The last line on stderr reports the outcome, for every command and every ending."""

from __future__ import annotations

import json

import pytest

from perfgate.cli.app import COMMANDS
from perfgate.errors import ExitCode
from tests.cli.conftest import Commands

GATE = ("-s", "s.toml", "--seed", "1", "--out", "out")
_ENDINGS = (
    (("compare", "old", "same", *GATE), (ExitCode.PASS, ExitCode.INCONCLUSIVE), r"PASS |INCONCLUSIVE "),
    (("compare", "old", "huge", *GATE), (ExitCode.FAIL,), "FAIL "),
    (("run", "old", "--baseline", "none", *GATE), (ExitCode.INCONCLUSIVE,), "INCONCLUSIVE no baseline none"),
    (("run", "old", "--against"), (ExitCode.USAGE,), "ERROR "),
    (("run", "old", "--budget", "soon"), (ExitCode.USAGE,), "ERROR "),
    (("run", "old", "-s", "there-is-none"), (ExitCode.USAGE,), "ERROR "),
    (("rum",), (ExitCode.USAGE,), "ERROR No such command"),
    ((), (ExitCode.USAGE,), "ERROR Missing command. See `perfgate --help`"),
    (("baseline",), (ExitCode.USAGE,), "ERROR Missing command. See `perfgate baseline --help`"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("args", "codes", "begins"), _ENDINGS)
@pytest.mark.parametrize("more", [(), ("-q",), ("--json",)])
def test_it_is_there(
    args: tuple[str, ...], codes: tuple[ExitCode, ...], begins: str, more: tuple[str, ...], commands: Commands
) -> None:
    asked = args[:1] + more + args[1:] if args[:1] in {("run",), ("compare",)} else args
    code, said = commands.ends(*asked)
    assert code in codes, said
    lines = said.splitlines()
    assert lines[-1].startswith(tuple(begins.split("|")))
    if more == ("-q",) and asked != args:
        assert len(lines) == 1
    if more == ("--json",) and asked[:1] == ("compare",):
        assert json.loads(commands.out)["status"] == "complete"
    else:
        assert commands.out == ""


def test_without_a_command_the_help_stands_above_it(commands: Commands) -> None:
    _, said = commands.ends()
    assert all(f"\n  {name} " in said for name in COMMANDS)
