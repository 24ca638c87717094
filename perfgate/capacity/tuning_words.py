"""What `--tune` found, in sentences and a table, for all renderers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite

from perfgate.capacity.answer import ArmCapacity, CapacityKind, SettingsCompared, TunedSettings, Tuning
from perfgate.capacity.tuning_candidates import CURRENT
from perfgate.explain.tables import TextTable
from perfgate.formatting import change, interval, rate, with_unit

_MOST_PAIRS = 6
_NO_BATCHING = "Without batching there is no file: start TF-Serving without --enable_batching."


def tuning_lines(found: Tuning) -> tuple[str, ...]:
    """Return the comparison, which settings to take for what, and which cannot be told apart."""
    return tuple(filter(None, (compared_sentence(found), choice_sentence(found), *alike_sentences(found))))


def compared_sentence(found: Tuning) -> str:
    """Return whether the chosen settings beat the current ones, on fresh turns."""
    compared = found.compared
    if compared is None:
        others = [each for each in found.settings if each.name != CURRENT and not each.problem]
        why = "it was interrupted before" if others else "no other settings worked"
        return f"Whether other settings carry more than the current ones is not known: {why}."
    if _by_rate(compared):
        return f"{_upper(compared.name)}: {_verdict(compared)} (tested on fresh turns of both)."
    if compared.change is None:
        bare = f"{_bare(compared.other)} with {compared.name}, {_bare(compared.current)} with the current settings"
        return f"The change of the capacity is not known: {bare}."
    return f"{_upper(compared.name)}: {_verdict(compared)} (99%); {_both(compared)}, on fresh turns of both."


def short_words(found: Tuning) -> str:
    """Return the comparison for the final line; empty if there was none."""
    compared = found.compared
    if compared is None or not _verdict(compared):
        return ""
    return f"{compared.name}: {_verdict(compared)}"


def _verdict(compared: SettingsCompared) -> str:
    seen = compared.change
    if _by_rate(compared):
        carried, broken = rate(compared.carried_rps), rate(compared.current.breaks_rps)
        return f"beats the current settings: carries {carried} requests/s, while they break at {broken}"
    if seen is None:
        return ""
    ends = interval(seen.lower, seen.upper)
    if compared.better:
        return f"beats the current settings by {change(seen.change)} {ends}"
    return f"no better than the current settings: {change(seen.change)} {ends}"


def _by_rate(compared: SettingsCompared) -> bool:
    """Return whether only what holds and breaks shows that the chosen settings carry more."""
    return compared.proven and not (compared.change is not None and compared.change.lower > 0)


def _both(compared: SettingsCompared) -> str:
    return f"{rate(compared.other.rate_rps)} instead of {rate(compared.current.rate_rps)} requests/s"


def _bare(arm: ArmCapacity) -> str:
    if arm.kind is CapacityKind.ABOVE:
        return f"above {rate(arm.rate_rps)} requests/s"
    if arm.kind is CapacityKind.BELOW:
        return f"below {rate(arm.rate_rps)} requests/s"
    return f"{rate(arm.rate_rps)} requests/s" if arm.kind is CapacityKind.ESTIMATED else "not known"


def choice_sentence(found: Tuning) -> str:
    """Return which settings to take for what; empty if nothing is known."""
    parts = [
        f"for {what}, {name}"
        for what, name in (
            ("the highest rate at the objectives", found.objective),
            ("throughput alone", found.throughput),
            ("latency alone", found.latency),
        )
        if name
    ]
    return f"Take {'; '.join(parts)}." if parts else ""


def alike_sentences(found: Tuning) -> Iterator[str]:
    """Yield the pairs that cannot be told apart, without the pair that the comparison tells apart."""
    told = {CURRENT, found.compared.name} if found.compared and found.compared.better else set()
    alike = [pair for pair in found.alike if {*pair} != told]
    yield from (f"{_upper(one)} and {other} cannot be told apart." for one, other in alike[:_MOST_PAIRS])
    rest = len(alike) - _MOST_PAIRS
    if rest > 0:
        yield f"Nor can {rest} more {'pair' if rest == 1 else 'pairs'} of settings on the front."


def caution(found: Tuning) -> str:
    """Return why the table claims less than it seems to."""
    count = sum(not each.problem for each in found.settings)
    return (
        f"The best of {count} settings look better than they are, because they were chosen by their luck too (winner's "
        "curse): only the comparison on fresh turns is claimed."
    )


def tuning_table(found: Tuning) -> TextTable:
    """Return one row for each settings: capacity, and p99 at the reference rate."""
    rows = tuple(_row(each) for each in found.settings)
    at = rate(found.reference_rps)
    columns = ("settings", ">requests/s", ">95%", f">p99 at {at}/s", ">95% ", ">answers/s", "note")
    stated = "the scenario's own rate" if found.reference_stated else "half of the current settings' capacity"
    note = (
        f"front: no other settings carry more with as low a p99 at {at} requests/s, {stated}, by these estimates. "
        f"answers/s: with many requests in flight, however long each takes. {caution(found)}"
    )
    return TextTable("Settings that were tried", columns, rows, note)


def _row(each: TunedSettings) -> tuple[str, ...]:
    if each.problem:
        return (each.name, "", "", "", "", "", f"failed: {each.problem}")
    if each.rounds == 0:
        return (each.name, "", "", "", "", "", "not measured")
    return (
        each.name,
        f"{_RELATIONS.get(each.kind, '')}{rate(each.capacity_rps)}",
        _ends(each.capacity_lower_rps, each.capacity_upper_rps) if each.kind is CapacityKind.ESTIMATED else "",
        with_unit(each.p99_ms, "ms"),
        _ends(each.p99_lower_ms, each.p99_upper_ms) if isfinite(each.p99_ms) else "",
        rate(each.throughput_rps),
        "front" if each.front else "",
    )


_RELATIONS: Mapping[CapacityKind, str] = {
    CapacityKind.ABOVE: "above ",
    CapacityKind.GENERATOR: "above ",
    CapacityKind.BELOW: "below ",
    CapacityKind.OPEN: "about ",
}


def _ends(lower: float, upper: float) -> str:
    if isfinite(upper):
        return f"[{rate(lower)}, {rate(upper)}]"
    return f"at least {rate(lower)}" if lower > 0 else "not known"


def paste_blocks(found: Tuning) -> tuple[tuple[str, str], ...]:
    """Return title and text of what to paste: TF-Serving's batching file, and the tables of a scenario."""
    return (
        ("batching_parameters_file of TF-Serving", found.batching_file or _NO_BATCHING),
        ("the same in a scenario", found.server_toml),
    )


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
