"""Plans in a baseline store, and what became of them when their models were trained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from perfgate.baseline.place import StoreLocation
from perfgate.baseline.store import PLANS
from perfgate.errors import UsageError
from perfgate.planning.answer import PlanAnswer
from perfgate.planning.check import PlanCheck
from perfgate.results import plan_check_document, plan_document

_PLAN, _CHECK = ".plan.json", ".check.json"


def keep_plan(store_url: str, plan: PlanAnswer) -> str:
    """Write a plan beside older ones of its scenario; returns its location. UsageError if that fails."""
    return _keep(store_url, plan.scenario["name"], plan.created_utc, plan.plan_id, _PLAN, plan_document.to_json(plan))


def keep_check(store_url: str, check: PlanCheck) -> str:
    """Write a check beside older ones of its scenario; returns its location. UsageError if that fails."""
    text = plan_check_document.to_json(check)
    return _keep(store_url, check.scenario["name"], check.created_utc, check.check_id, _CHECK, text)


def newest_plan(store_url: str, scenario: str) -> PlanAnswer:
    """Return the newest plan of a scenario; UsageError if there is none, or it cannot be read."""
    place = StoreLocation(store_url)
    found = [file for file in place.files(f"{PLANS}/{scenario}") if file.endswith(_PLAN)]
    if not found:
        problem = f"no plan of scenario {scenario} in {place.url}"
        keeping = f"keep one with `perfgate plan SKETCH -s {scenario} --keep`"
        raise UsageError(problem, f"{keeping}, or name the directory of a plan: perfgate plan DIRECTORY --check MODEL")
    return plan_document.from_json(place.read(f"{PLANS}/{scenario}/{found[-1]}") or "")


def checks_of(store_url: str, scenario: str) -> tuple[PlanCheck, ...]:
    """Return all checks of a scenario's plans, oldest first; unreadable ones are left out."""
    return tuple(_checks(StoreLocation(store_url), f"{PLANS}/{scenario}"))


def _checks(place: StoreLocation, folder: str) -> Iterator[PlanCheck]:
    for file in place.files(folder):
        if file.endswith(_CHECK) and (text := place.read(f"{folder}/{file}")) is not None:
            try:
                yield plan_check_document.from_json(text)
            except UsageError:
                continue


def _keep(store_url: str, scenario: str, created_utc: str, name: str, ending: str, text: str) -> str:  # noqa: PLR0913, PLR0917
    place = StoreLocation(store_url)
    stamp = f"{datetime.fromisoformat(created_utc).astimezone(UTC):%Y%m%dT%H%M%SZ}"
    file = f"{PLANS}/{scenario}/{stamp}-{name.rpartition('-')[2]}{ending}"
    try:
        place.write(file, text)
    except OSError as error:
        problem = f"cannot write {place.shown(file)}: {error.strerror or error}"
        raise UsageError(problem, "choose another store with --store") from error
    return place.shown(file)
