"""How a fleet was judged, in sentences about this particular one."""

from __future__ import annotations

from collections.abc import Iterator

from perfgate import formatting
from perfgate.fleet.answer import FleetAnswer
from perfgate.fleet.family import SHARES
from perfgate.fleet.schema import Correction, Family


def method_sentences(answer: FleetAnswer) -> Iterator[str]:
    """Yield how the error level is divided, what intervals mean, what is not covered, and what a second round is.

    What the level covers is `level_sentence`, which stands before all of this.
    """
    yield _correction(answer)
    yield _intervals(answer)
    yield _missed(answer)
    if answer.rounds > 1:
        first, second = map(formatting.share, SHARES[answer.rounds])
        yield (
            "A gate that the first round of measuring leaves undecided gets a second round, with the time that the "
            f"other gates left. The first round has {first} of the error level, the second round {second}."
        )
    yield (
        "A gate fails if one of its gated metrics or objectives does. An objective is judged in the gate's own run, "
        f"at its part of the level{' of all gates' if _shared(answer) else ''} (Bonferroni)."
    )


def _shared(answer: FleetAnswer) -> bool:
    return answer.family is Family.FLEET and len(answer.gates) > 1


def _correction(answer: FleetAnswer) -> str:
    count = len(answer.gates)
    if not _shared(answer):
        why = "family: gate" if answer.family is Family.GATE else "there is only one"
        return f"Each gate is judged alone, as perfgate run judges it ({why})."
    if answer.correction is Correction.HOLM:
        return (
            f"Gates fail by Holm's procedure: the first at {_level(answer)} / {count}, which all gates share; each "
            "gate that fails leaves its part to the others (family: fleet)."
        )
    return (
        f"Gates fail by the procedure of Benjamini and Hochberg: k gates fail if each does at k / {count} of "
        f"{_level(answer)} (family: fleet)."
    )


def _intervals(answer: FleetAnswer) -> str:
    shared = _shared(answer)
    together = f"all gated metrics of all {len(answer.gates)} gates" if shared else "all gated metrics of a gate"
    of = "fleets" if shared else "measurements of a gate"
    said = (
        f"A metric moved if its interval excludes no change. Intervals hold for {together} together (Bonferroni): in "
        f"at most {_level(answer)} of {of}, any change is beyond the upper end of its interval, and likewise for the "
        "lower ends."
    )
    wider = (
        " They are wider than those in the report of each gate, which decide whether it passes: a metric can pass "
        "although its interval here reaches beyond its tolerance."
    )
    return said + wider * shared


def _missed(answer: FleetAnswer) -> str:
    count = len(answer.gates)
    said = (
        "What the level does not cover: a gate whose model is worse by its tolerance passes in at most "
        f"{_level(answer)} of measurements, for each gate on its own"
    )
    if count == 1:
        return f"{said}."
    return f"{said}. Of {count} such gates, up to {formatting.given(answer.alpha * count)} would pass on average."


def _level(answer: FleetAnswer) -> str:
    return formatting.share(answer.alpha)
