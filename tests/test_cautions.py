"""Check the table of cautions against the code that raises and matches them, and against the page made from it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from docs.reference.make.cautions import cautions
from perfgate.cautions import EARLIER_CODES, CautionKind, with_current_codes
from perfgate.experiment import cautions as limits
from perfgate.trials import Caution

PACKAGE = Path(__file__).resolve().parents[1] / "perfgate"
TABLE = PACKAGE / "cautions.py"

PUBLISHED = {
    "acceptance expired", "acceptance not needed", "back-off", "budget", "cpu pressure", "environment", "grpc server",
    "inputs", "late worker", "memory", "model gone", "not observed", "not warm", "other requests", "overload", "power",
    "repeated", "same model", "send lag", "servers alive", "since the record", "steal", "stored numbers", "throttled",
    "too few requests", "warm-up requests", "warmup_assets", "warning", "worker clock",
}  # fmt: skip
"""Codes that results contain, and that programs may rely on."""

Raised = tuple[str, frozenset[str]]
"""Name of an entry, and the words to fill in."""


def _blanks(kind: CautionKind) -> frozenset[str]:
    return frozenset(
        word for text in (kind.message, kind.remedy) for _, word, _, _ in Formatter().parse(text) if word is not None
    )


def _modules(package: Path) -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(package.rglob("*.py")):
        if file != TABLE:
            yield str(file.relative_to(package)), ast.parse(file.read_text(encoding="utf-8"))


def _filled_in(call: ast.Call, function: ast.AST) -> Iterator[str]:
    """Yield the names of the arguments, including those of a dictionary of the same function."""
    dictionaries = {
        ast.unparse(each.targets[0]): each.value
        for each in ast.walk(function)
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Dict)
    }
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg
        else:
            yield from (ast.literal_eval(key) for key in dictionaries[ast.unparse(keyword.value)].keys if key)


def raised(package: Path) -> list[Raised]:
    """Find the cautions raised by `CautionKind.NAME.caution(...)`."""
    return [
        (call.func.value.attr, frozenset(_filled_in(call, function)))
        for _, module in _modules(package)
        for function in ast.walk(module)
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "caution"
        and isinstance(call.func.value, ast.Attribute)
    ]


def around_the_table(package: Path) -> list[str]:
    """List the lines that make a caution themselves, or compare its code with text."""
    return [
        f"{file}:{node.lineno}"
        for file, module in _modules(package)
        for node in ast.walk(module)
        if isinstance(node, ast.expr) and _is_bare(node)
    ]


def _is_bare(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).rpartition(".")[2] == "Caution"
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return len(node.elts) > 1 and all(isinstance(e, ast.Constant) and e.value in PUBLISHED for e in node.elts)
    if not isinstance(node, ast.Compare):
        return False
    is_code = any(isinstance(each, ast.Attribute) and each.attr == "code" for each in ast.walk(node))
    return is_code and any(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in ast.walk(node))


@pytest.mark.slow
def test_every_entry_is_raised_with_exactly_its_words() -> None:
    assert set(raised(PACKAGE)) == {(kind.name, _blanks(kind)) for kind in CautionKind}


@pytest.mark.slow
def test_nothing_goes_around_the_table() -> None:
    assert around_the_table(PACKAGE) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("said = Caution('budget', 'late')", True),
        ("said = trials.Caution('budget', 'late')", True),
        ("said = [each for each in cautions if each.code == 'budget']", True),
        ("said = caution.code in {'budget'}", True),
        ("INPUTS = ('inputs', 'other requests')", True),
        ("said = CautionKind.BUDGET.caution(spent=3)", False),
        ("said = caution.code == CautionKind.BUDGET.code", False),
        ("PARTS = ('memory', 'CPU time')", False),
    ],
)
def test_the_check_can_fail(tmp_path: Path, line: str, *, found: bool) -> None:
    (tmp_path / "module.py").write_text(f"\n{line}\n")
    assert around_the_table(tmp_path) == ["module.py:2"] * found


def test_words_of_a_dictionary_count(tmp_path: Path) -> None:
    body = "told = {'date': 1, 'metric': m}\n    return CautionKind.POWER.caution(**told, asked=2)"
    (tmp_path / "module.py").write_text(f"def function():\n    {body}\n")
    assert raised(tmp_path) == [("POWER", frozenset({"date", "metric", "asked"}))]


def test_a_published_code_stays_or_is_read_as_todays() -> None:
    codes = {kind.code for kind in CautionKind}
    assert codes | EARLIER_CODES.keys() == PUBLISHED | {kind.code for kind in EARLIER_CODES.values()}
    assert not codes & EARLIER_CODES.keys()
    assert all(re.fullmatch(r"[a-z]+([ -][a-z]+)*", code) for code in codes)


def test_codes_of_earlier_versions_become_todays_and_unknown_ones_stay() -> None:
    known, old, new = (Caution(code, "so it is", "do this") for code in ("budget", "warmup_assets", "not yet made up"))
    assert with_current_codes([known, old, new]) == (
        known,
        Caution(CautionKind.WARMUP_ASSETS.code, "so it is", "do this"),
        new,
    )


def test_each_entry_fills_in_its_words() -> None:
    found = CautionKind.BUDGET.caution(spent="1 min 30 s", given="45 s", fewer="--replicas")
    assert found == Caution(
        "budget",
        "measuring took 1 min 30 s instead of 45 s: each lane visits every server at least once",
        "raise --budget, or lower --replicas",
    )


def test_what_is_filled_in_may_have_braces() -> None:
    found = CautionKind.MODEL_GONE.caution(error="no {file}", again="perfgate baseline record {}")
    assert (found.message, found.remedy) == (
        "the stored model was not measured again: no {file}",
        "record it with `perfgate baseline record {}`",
    )


@pytest.mark.parametrize("kind", CautionKind)
def test_each_entry_is_one_sentence_and_stands_on_the_page(kind: CautionKind) -> None:
    assert re.fullmatch(r"[A-Z](?:[^.]|\.(?! ))*\.", kind.meaning), kind.meaning
    assert f"| `{kind.code}` | {kind.meaning} | {kind.message} | {kind.remedy or '-'} |\n" in cautions()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (CautionKind.SEND_LAG, f"{limits._LATE_MS:g} ms"),
        (CautionKind.BUDGET, f"{limits._OVERTIME:g} times"),
        (CautionKind.WARMUP_REQUESTS, f"{limits._COLD_FACTOR:g} times"),
        (CautionKind.STEAL, f"{limits.STEAL_LIMIT:.0%}"),
        (CautionKind.CPU_PRESSURE, f"{limits.PRESSURE_LIMIT:.0%}"),
        (CautionKind.THROTTLED, f"{limits.THROTTLED_LIMIT:.0%}"),
    ],
)
def test_the_limits_in_the_text_are_the_actual_limits(kind: CautionKind, words: str) -> None:
    assert f"more than {words}" in kind.meaning or f"over {words}" in kind.meaning
