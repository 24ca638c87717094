"""What is said about the servers that a demand needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from perfgate.capacity.answer import ArmCapacity, CapacityAnswer, Fleet, FleetChange, ServersNeeded
from perfgate.formatting import rate, share
from perfgate.trials import Arm


def needs_sentences(answer: CapacityAnswer, arms: Sequence[ArmCapacity]) -> tuple[str, ...]:
    """Return servers of each version, the difference, and what that extrapolates from; empty without a demand.

    `arms` are the answer's, each with a name of its own.
    """
    needs = answer.needs
    if needs is None:
        return ()
    fleets = [(arm, fleet) for fleet in needs.fleets for arm in arms if arm.arm is fleet.arm]
    return (
        f"Servers for {_demand(needs)}:",
        *(line for arm, fleet in fleets for line in _fleet_lines(arm, fleet)),
        *_difference(needs, arms, change_known=answer.change is not None),
        extrapolation_sentence(needs.cores),
    )


def _demand(needs: ServersNeeded) -> str:
    headroom = f"{share(needs.headroom)} headroom" if needs.headroom else "no headroom"
    spare = {0: "no spare servers", 1: "1 spare server"}.get(needs.spare, f"{needs.spare:,} spare servers")
    return f"{rate(needs.demand_rps)} requests/s, with {headroom} and {spare}"


def _fleet_lines(arm: ArmCapacity, fleet: Fleet) -> Iterator[str]:
    least = fleet.servers_at_upper
    if fleet.servers is None:
        fewer = "" if least is None else f"; fewer than {least:,} do not suffice"
        yield f"{arm.model}: no number can be given, because no rate is known that it carries{fewer}."
        return
    if fleet.servers_at_estimate is None:
        yield f"{arm.model}: at most {_servers(fleet.servers)}, by the highest rate that it was shown to carry."
    else:
        upper = "" if least is None else f", {least:,} by its upper end"
        yield (
            f"{arm.model}: {_servers(fleet.servers)} by the lower end of the interval "
            f"({fleet.servers_at_estimate:,} by the estimate{upper}), each at {rate(fleet.rate_rps)} requests/s."
        )
    if isfinite(arm.breaks_low_rps) and fleet.rate_rps <= arm.breaks_low_rps:
        yield f"At so few requests/s {arm.model} breaks, because there is too little load for each: plan fewer servers."


def _servers(count: int) -> str:
    return "1 server" if count == 1 else f"{count:,} servers"


def _difference(needs: ServersNeeded, arms: Sequence[ArmCapacity], *, change_known: bool) -> Iterator[str]:
    if len(arms) < len(Arm):
        return
    baseline, candidate = (arm.model for arm in arms)
    if needs.change is None:
        why = f"no rate is known that {baseline} carries" if change_known else "the change is not known"
        yield f"How many more servers {candidate} needs than {baseline} cannot be said: {why}."
        return
    yield f"{candidate} needs {difference_words(needs.change)} than {baseline} (99%)."


def difference_words(found: FleetChange) -> str:
    """Return the interval of the difference: `3% to 7% more servers (+212 to +498)`."""
    most = found.servers_upper
    if most is None:
        return _at_least(found)
    counts = f"({found.servers_lower:+,} to {most:+,})"
    if found.lower < 0 < found.upper:
        return f"between {_part(found.lower)} fewer and {_part(found.upper)} more servers {counts}"
    smaller, larger = sorted((found.lower, found.upper), key=abs)
    return f"{_part(smaller)} to {_part(larger)} {'fewer' if found.lower < 0 else 'more'} servers {counts}"


def _at_least(found: FleetChange) -> str:
    if found.lower < 0:
        return f"at most {_part(found.lower)} fewer servers ({found.servers_lower:+,}), but any number more"
    return f"at least {_part(found.lower)} more servers ({found.servers_lower:+,})"


def _part(change: float) -> str:
    return share(round(abs(change), 3))


def extrapolation_sentence(cores: int) -> str:
    """Return what numbers of servers extrapolate from: one server with `cores` CPUs."""
    cpus = "its CPU" if cores == 1 else f"its {cores} CPUs"
    return (
        f"Extrapolated from one server at a time, alone on {cpus} of this machine: with several servers on a machine, "
        "on another machine, or with requests that are not distributed evenly, it can be more."
    )
