"""The numbers of an answer of `perfgate plan` as tables of text, for all renderers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite

from perfgate.explain.profile import GroupTime, OpTime, Profile
from perfgate.explain.tables import TextTable
from perfgate.formatting import change, ends, given, quantity, share, with_unit
from perfgate.metrics import BY_NAME
from perfgate.planning.answer import ObjectiveAnswer, Promise, Scale, ScaleLimit, ScalePoint
from perfgate.planning.check import CheckedPromise
from perfgate.planning.check_sentences import outcome_words
from perfgate.planning.objective_sentences import limit_words as bound_words
from perfgate.planning.objective_sentences import margin_words
from perfgate.planning.scale_sentences import fixed_words, limit_cells

_TIMES = (">time", ">share", ">interval")


def objectives_table(objectives: Sequence[ObjectiveAnswer]) -> TextTable:
    """Return one row an objective: whether it holds, and how far it is from its bound."""
    rows = tuple(
        (
            each.metric,
            f"{each.status.value}{' by capacity' if each.by_capacity else ''}{' (warn)' if each.warns else ''}",
            bound_words(each),
            quantity(each.value, each.metric),
            ends(each.lower, each.upper, each.metric),
            margin_words(each) or each.more,
        )
        for each in objectives
    )
    return TextTable("Objectives", ("objective", "status", "required", ">value", ">interval", "margin"), rows)


def ops_table(profile: Profile, most: int = 100) -> TextTable:
    """Return one row an operation, the longest first."""
    rows = [(each.op, each.name, each.layer, *_op(each, profile)) for each in profile.ops[:most]]
    rest = profile.op_count - len(rows)
    more = f" {rest:,} more take less." if rest > 0 else ""
    columns = ("op", "name", "layer", ">calls", *_TIMES)
    return TextTable("Operations", columns, tuple(rows), f"{_note(profile)}{more}")


def _op(each: OpTime, profile: Profile) -> tuple[str, ...]:
    return (given(round(each.calls, 3)), *_time(each, profile))


def types_table(profile: Profile) -> TextTable:
    """Return one row a type of operation, the longest first, and what no operation takes."""
    return _groups("By type of operation", "op", profile.by_type, profile)


def layers_table(profile: Profile) -> TextTable:
    """Return one row a layer, the longest first, and what no operation takes."""
    return _groups("By layer", "layer", profile.by_layer, profile)


def _groups(title: str, name: str, groups: Iterable[GroupTime], profile: Profile) -> TextTable:
    rest = ("outside of ops", with_unit(profile.rest_ms, "ms"), _share(profile.rest_ms, profile), "")
    rows = (*((each.name, *_time(each, profile)) for each in groups), rest)
    return TextTable(title, (name, *_TIMES), rows, _note(profile))


def _time(each: OpTime | GroupTime, profile: Profile) -> tuple[str, ...]:
    low, high = (_share(end, profile) for end in (each.low, each.high))
    known = isfinite(each.low) and isfinite(each.high)
    return with_unit(each.ms, "ms"), _share(each.ms, profile), f"[{low}, {high}]" if known else ""


def _share(ms: float, profile: Profile) -> str:
    return share(ms / profile.execute_ms if profile.execute_ms > 0 else float("nan"))


def _note(profile: Profile) -> str:
    whole = with_unit(profile.execute_ms, "ms")
    return f"Shares of one execution, {whole}; {share(profile.confidence)} intervals over servers, each on its own."


def promises_table(promises: Sequence[Promise]) -> TextTable:
    """Return one row for each number that the trained model is expected to show."""
    rows = tuple(
        (
            each.metric,
            quantity(each.value, each.metric),
            ends(each.lower, each.upper, each.metric),
            _meaning(each.metric),
        )
        for each in promises
        if isfinite(each.value)
    )
    note = "95% intervals for another run of as many servers and of the same length, with other weights."
    return TextTable(
        "What the trained model is expected to show", ("metric", ">value", ">interval", "what it is"), rows, note
    )


def _meaning(metric: str) -> str:
    return BY_NAME[metric].description if metric in BY_NAME else ""


def check_table(promises: Sequence[CheckedPromise]) -> TextTable:
    """Return one row a promise: promised, measured with the trained model, and the error."""
    rows = tuple(
        (
            each.metric,
            outcome_words(each).partition(" (")[0] if isfinite(each.measured) else "not measured",
            quantity(each.promised, each.metric),
            ends(each.promised_lower, each.promised_upper, each.metric),
            quantity(each.measured, each.metric),
            ends(each.measured_lower, each.measured_upper, each.metric),
            change(each.error) if isfinite(each.error) else "",
        )
        for each in promises
    )
    columns = ("metric", "status", ">promised", ">interval", ">trained", ">its interval", ">error")
    note = "95% intervals. Error: what the trained model shows relative to what was promised."
    return TextTable("Promises and what the trained model shows", columns, rows, note)


def scale_table(scale: Scale, limit: ScaleLimit) -> TextTable:
    """Return one row for each value that was tried of a limit's dimension."""
    first, fixed = scale.ranges[0].dimension, fixed_words(limit)
    columns = (f">{first}", "status", "nearest to its bound", ">of the bound", ">interval", ">parameters", ">times")
    rows = tuple(map(_point, limit.points))
    return TextTable(f"{first} at each value{f', {fixed}' if fixed else ''}", columns, rows)


def _point(point: ScalePoint) -> tuple[str, ...]:
    low, high = point.ratio_lower, point.ratio_upper
    return (
        f"{point.value:,}",
        point.status.value,
        point.objective,
        share(point.ratio),
        f"[{share(low)}, {share(high)}]" if isfinite(low) and isfinite(high) else "",
        f"{point.parameters:,}",
        f"{point.measurements:,}",
    )


def frontier_table(scale: Scale) -> TextTable:
    """Return one row for each value of the second dimension: the largest value of the first one that holds."""
    first, *others = scale.ranges
    rows = tuple(
        (*(f"{value:,}" for value in each.fixed.values()), *limit_cells(each, first), *_decided(each))
        for each in scale.limits
    )
    columns = (
        *(f">{each.dimension}" for each in others),
        f">largest {first.dimension}",
        ">interval",
        ">holds",
        ">breaks",
    )
    note = "95% intervals. Holds and breaks: the largest and the smallest value for which that is proven."
    return TextTable(f"Largest {first.dimension} that holds", (*columns, "breaks first"), rows, note)


def _decided(limit: ScaleLimit) -> tuple[str, ...]:
    known = ("" if value is None else f"{value:,}" for value in (limit.holds, limit.breaks))
    return (*known, limit.objective)
