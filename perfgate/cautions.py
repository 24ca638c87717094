"""The table of cautions: code, meaning, message and remedy of each. Code that raises or matches one names its entry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from perfgate.trials import Caution

_POWER_MESSAGE = (
    "according to the calibration of {date}, {measured} of measuring detects changes of {metric} from {caught}, but "
    "the gate asks for {asked}"
)
_TOO_FEW_MESSAGE = (
    "{what} needs {needed} requests under load per arm, but {expected} are expected: {load} at {rate} per second, "
    "shared by {arms}"
)


@dataclass(frozen=True, slots=True)
class _Entry:
    code: str
    meaning: str
    message: str
    remedy: str = ""


class CautionKind(Enum):
    """Every kind of caution, in the order in which a run meets them.

    The code that raises one fills in the `{words}` in braces, with formatted numbers. Entries share a code if the same
    problem has different remedies in different circumstances.
    """

    # Known before anything is measured

    SAME_MODEL = _Entry(
        code="same model",
        meaning=(
            "The two paths hold the same files, byte for byte: a link, a copy, or a version that was never written."
        ),
        message="{models} are the same model, byte for byte",
        remedy="check both paths",
    )
    INPUTS = _Entry(
        code="inputs",
        meaning=(
            "Requests are generated from the two signatures, and an input exists in only one version or has a "
            "different name or dtype in the candidate."
        ),
        message="the two versions take different inputs: {changes}",
        remedy="check that this is intended; shared inputs get the same data",
    )
    WARMUP_ASSETS = _Entry(
        code="warm-up assets",
        meaning=(
            'The scenario sends the model\'s own warm-up requests (`source = "warmup_assets"`), and the two versions '
            "contain different ones."
        ),
        message="the two versions contain different warm-up requests: both were sent the candidate's",
        remedy='use one file for both: payload.source = "prediction_log"',
    )
    MEMORY = _Entry(
        code="memory",
        meaning="There was not enough free memory for all servers, so fewer were started, and intervals are wider.",
        message="not enough memory: {started} replicas per arm instead of {wanted}",
        remedy="free some memory to run more",
    )
    TOO_FEW_REQUESTS = _Entry(
        code="too few requests",
        meaning="The load lane is too short to decide a percentile or an error rate that is gated or has an objective.",
        message=_TOO_FEW_MESSAGE,
        remedy="set budget.measure_s = {measure_s}, which gives {load_s} s of load",
    )
    TOO_FEW_SERVERS = _Entry(
        code="too few requests",
        meaning=(
            "The same, for an objective on a percentile with two or three servers under load: more servers are "
            "needed before more time helps."
        ),
        message=_TOO_FEW_MESSAGE,
        remedy="set load.replicas = {replicas}: {servers} servers are too few to show how servers differ",
    )
    POWER = _Entry(
        code="power",
        meaning=(
            "According to a calibration on this machine, the run is too short to catch a regression as small as the "
            "gate's `catch`."
        ),
        message=_POWER_MESSAGE,
        remedy="use --budget {budget_s}s or a larger catch",
    )
    POWER_NEEDS_SERVERS = _Entry(
        code="power",
        meaning="The same, where more time cannot help but more servers can.",
        message=_POWER_MESSAGE,
        remedy="use --replicas {replicas}",
    )
    POWER_OUT_OF_REACH = _Entry(
        code="power",
        meaning="The same, where neither more time nor more servers can help.",
        message=_POWER_MESSAGE,
        remedy="use a larger catch",
    )
    POWER_UNKNOWN = _Entry(
        code="power",
        meaning="The same, where the calibration was too short to tell how much time is needed.",
        message=_POWER_MESSAGE,
        remedy="use a larger catch, or calibrate with a longer --budget",
    )
    ACCEPTANCE_EXPIRED = _Entry(
        code="acceptance expired",
        meaning="An `[[accept]]` in `perfgate.toml` is past its last day, so the metric's own tolerance applies again.",
        message="acceptance expired after {expires}: {words}",
        remedy="fix the model, change the date of its [[accept]] in {path}, or remove the entry",
    )

    # Of a stored baseline

    ENVIRONMENT = _Entry(
        code="environment",
        meaning=(
            "The stored baseline was recorded on another machine or with other software; its model was measured "
            "again here, so the verdict does not depend on it."
        ),
        message="the baseline was recorded in another environment ({differences}); it was measured again here",
    )
    SINCE_THE_RECORD = _Entry(
        code="since the record",
        meaning=(
            "Shows how far the stored model's numbers have moved since it was recorded, which tells how much the "
            "machine has changed; the verdict does not depend on it."
        ),
        message=(
            "since {date} the stored baseline's {metric} moved by {change}, from {then} to {now}; the verdict "
            "compares what was measured now, side by side"
        ),
    )
    MODEL_GONE = _Entry(
        code="model gone",
        meaning=(
            "The baseline's model should be in the store but cannot be fetched, so its stored numbers are used instead."
        ),
        message="the stored model was not measured again: {error}",
        remedy="record it with `{again}`",
    )
    STORED_NUMBERS = _Entry(
        code="stored numbers",
        meaning=(
            "The candidate was measured alone and compared with numbers recorded earlier; days differ more than two "
            "models that are measured side by side."
        ),
        message="compared with stored numbers, not side by side: only large changes are detected",
        remedy="{keep}; or record it on other days too, with `{again}`",
    )
    OTHER_REQUESTS = _Entry(
        code="other requests",
        meaning=(
            "The stored numbers were measured with other requests than this run sent, because the two models' inputs "
            "differ."
        ),
        message="the stored baseline was measured with different requests because the models' inputs differ",
        remedy="keep the baseline's model, so that both are measured side by side",
    )
    SERVERS_ALIVE = _Entry(
        code="servers alive",
        meaning="The stored numbers were measured with more servers alive, or fewer, than in this run.",
        message="{then} servers were running when the baseline was recorded, {now} now: cache contention may differ",
        remedy="record it on its own instead of promoting a run with two arms",
    )

    # Servers and the machine

    GRPC_SERVER = _Entry(
        code="grpc server",
        meaning=(
            "The embedded server uses ngh2 for HTTP/2, which is missing or broken here, so gRPC's own, slower server "
            "is used for both arms."
        ),
        message=(
            "the servers use grpc.server because ngh2 does not work here ({reasons}): the overhead per request is "
            "about twice as high, and less is known about time waiting for a CPU"
        ),
        remedy='reinstall it: pip install --force-reinstall "ngh2~=0.3.0"',
    )
    NOT_OBSERVED = _Entry(
        code="not observed",
        meaning=(
            "The servers' processes are not known, or run on another machine, so their CPU time or memory cannot be "
            "measured."
        ),
        message="{missing} of the servers is not known, because their processes are not known",
        remedy="identify them with --pid, target.cgroup or target.prometheus_url",
    )
    NOT_WARM = _Entry(
        code="not warm",
        meaning=(
            "The latency of some servers was still falling when warm-up had used its share of the budget; the first "
            "measurements may be slow."
        ),
        message="{cold} of {servers} servers had not reached a steady latency when warm-up ended",
        remedy="raise --budget: warm-up may take a third of it",
    )
    WARMUP_REQUESTS = _Entry(
        code="warm-up requests",
        meaning=(
            "A model contains warm-up requests, but on at least half of its servers the first request took more than "
            "3 times as long as a warm one."
        ),
        message=(
            "warm-up requests had no effect: the {arm} replayed {replayed} of its own while loading, but the first "
            "request still took {first} (warm: {warm})"
        ),
        remedy=(
            "record requests with the signature, shapes and batch sizes of the traffic "
            "(assets.extra/tf_serving_warmup_requests)"
        ),
    )
    BUDGET = _Entry(
        code="budget",
        meaning="Measuring took more than 1.5 times as long as the budget allows.",
        message="measuring took {spent} instead of {given}: each lane visits every server at least once",
        remedy="raise --budget, or lower {fewer}",
    )
    STEAL = _Entry(
        code="steal",
        meaning="The hypervisor gave more than 5% of the CPU time to other virtual machines while this one needed it.",
        message="the hypervisor took {share} of the CPU time away (steal)",
        remedy="use a less shared machine, or accept wider intervals",
    )
    CPU_PRESSURE = _Entry(
        code="cpu pressure",
        meaning=(
            "With one request at a time, tasks waited for a CPU more than 50% of the time, so other programs must "
            "have kept the CPUs busy."
        ),
        message="other work kept the CPUs busy: tasks waited {share} of the time",
        remedy="stop the other work, or raise --budget",
    )
    THROTTLED = _Entry(
        code="throttled",
        meaning=(
            "A CPU limit, such as a container's, stopped perfgate and its servers for more than 1% of the time, "
            "which looks like a slow model."
        ),
        message=(
            "a CPU quota throttled perfgate and its servers for {stopped} of {wall} measured, in {hit} of "
            "{blocks} blocks"
        ),
        remedy="give the container more CPUs (cpu.max, --cpus, limits.cpu): times include waiting for the quota",
    )

    # Load

    SEND_LAG = _Entry(
        code="send lag",
        meaning=(
            "In an open loop, at least 1% of the requests were sent over 2 ms late; `latency_*` includes this lag, "
            "`service_*` does not."
        ),
        message="the load generator sent requests late: 99% within {late} of the schedule, all within {worst}",
        remedy="give it its own core with --driver-cpus; the lag is included in latency_*",
    )
    OVERLOAD = _Entry(
        code="overload",
        meaning=(
            "Arrivals have a steady rate, and requests were still queuing at the end of a turn: the rate is higher "
            "than the arm can serve."
        ),
        message=(
            "the {arm} did not keep up with {rate} requests/s: at the end of half of its turns of {turn}, requests "
            "waited {waited} or more; under sustained load latency is unbounded"
        ),
        remedy="lower rate_rps, or treat the latencies as too low",
    )
    OVERLOAD_AT_PEAK = _Entry(
        code="overload",
        meaning=(
            "Arrivals have a rate that changes, and requests queued where it was highest: that rate is higher than "
            "the arm can serve."
        ),
        message=(
            "the {arm} fell behind at about {rate} requests/s: in the worst tenth of half of its turns, requests "
            "waited {waited} or more; if that rate were sustained, latency would be unbounded"
        ),
        remedy="lower the highest rates, or expect such waits in production",
    )
    BACK_OFF = _Entry(
        code="back-off",
        meaning=("Connections broke in a closed loop, which pauses before reconnecting, so throughput is lower."),
        message="connections broke, and the closed loop paused {pauses} times for {pause} each",
        remedy="find out why the server closes connections; the pauses lower throughput",
    )

    LATE_WORKER = _Entry(
        code="late worker",
        meaning=(
            "A load worker on another node began at least one series more than 2 ms after the common first instant; "
            "its lateness is part of `latency_*`."
        ),
        message="{worker} began late in {late} of {series} series, by {worst} at most",
        remedy="use a node with less other work and a shorter way to this one",
    )
    WORKER_CLOCK = _Entry(
        code="worker clock",
        meaning=(
            "The clock of a load worker's node is not known to 1 ms, or moved by more than that during a series, so "
            "requests of different workers may be that much nearer to each other than scheduled; latencies are not "
            "affected, since each is read on one clock."
        ),
        message="the clock of {worker} is known to ±{uncertainty} at worst, and moved by {moved} during a series",
        remedy="use a node with a shorter way to this one, and with a clock that is not set while measuring",
    )

    # Of the verdict

    WARNING = _Entry(
        code="warning",
        meaning=(
            "A metric or an objective with severity `warn` failed, or could not be judged; the verdict does not "
            "count it."
        ),
        message="warn-only: {clause}",
        remedy='fix it, or set its severity to "error" if it must not happen',
    )
    ACCEPTANCE_NOT_NEEDED = _Entry(
        code="acceptance not needed",
        meaning=(
            "The whole interval of a metric lies within the metric's own tolerance, so its `[[accept]]` no longer "
            "has any effect."
        ),
        message="acceptance not needed: {metric} {seen} is within its own tolerance of {own}",
        remedy="remove its [[accept]] from perfgate.toml",
    )
    REPEATED = _Entry(
        code="repeated",
        meaning=(
            "Runs in neighbouring directories compared the same models under the same scenario and did not pass; "
            "repeating a run until it passes makes false passes more likely."
        ),
        message=(
            "the same models did not pass {times} before under this scenario ({counted}): error rates are valid for "
            "one run, not for the best of several"
        ),
        remedy="use the first result, or do one run with more time or servers",
    )

    def __init__(self, entry: _Entry) -> None:
        self.code = entry.code
        """Stable word for programs: `code` in `result.json`."""
        self.meaning = entry.meaning
        """What it means and when it appears: one sentence, in Markdown."""
        self.message = entry.message
        """Template of the message."""
        self.remedy = entry.remedy
        """Template of the remedy; empty if nothing can be done."""

    def caution(self, **values: str | int) -> Caution:
        """Fill in message and remedy; `values` has exactly one for each of their `{words}`."""
        return Caution(self.code, self.message.format(**values), self.remedy.format(**values))


EARLIER_CODES = {"warmup_assets": CautionKind.WARMUP_ASSETS}
"""Kinds by their code in results of earlier versions."""


def with_current_codes(cautions: Iterable[Caution]) -> tuple[Caution, ...]:
    """Replace codes of earlier versions by current ones; unknown ones, of a newer version, are unchanged."""
    return tuple(
        replace(each, code=EARLIER_CODES[each.code].code) if each.code in EARLIER_CODES else each for each in cautions
    )
