"""The words of the project, each once: docs/explanation/glossary.md and "Terms on this page" are made of this."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_METHOD = "explanation/method.md"


@dataclass(frozen=True, slots=True)
class Term:
    """One term."""

    word: str
    meaning: str
    """Its meaning, in one or two sentences."""
    where: str
    """The page in docs/ that explains it, with an anchor."""
    field: str = ""
    """Its name elsewhere, if different."""
    forms: tuple[str, ...] = ()
    """Other forms that a page may use, besides the plural with `s`."""

    def stands_in(self, text: str) -> bool:
        """Return whether a text uses the term, in any of its forms."""
        forms = "|".join(re.escape(form) for form in (self.word, *self.forms))
        return re.search(rf"(?<![\w-])(?:{forms})s?(?![\w-])", text, re.IGNORECASE) is not None


TERMS = (
    Term(
        "accepted regression",
        "A known regression of one metric, allowed up to a bound and until a date by an entry in `perfgate.toml`.",
        "reference/severity.md#accepted-regressions",
        "waiver",
    ),
    Term(
        "arm",
        "One of the two versions that are compared, with all its server processes: the baseline or the candidate.",
        f"{_METHOD}#how-it-is-measured",
        "treatment group",
    ),
    Term(
        "arrivals",
        "The rule that says when requests are sent under load: Poisson, constant, a trace, and so on.",
        "reference/scenario-files.md#arrivals",
        "arrival process",
    ),
    Term(
        "baseline",
        "The version that the new one is compared with; also a named stored model with its measurements.",
        "reference/baselines.md",
        "control",
    ),
    Term(
        "block",
        "One round over all servers, each visited once in random order. Anything that slows down a whole block "
        "affects both arms and cancels out.",
        f"{_METHOD}#how-it-is-measured",
    ),
    Term(
        "budget",
        "How long a run may measure, and with how many servers.",
        "reference/scenario.md#budget",
    ),
    Term(
        "calibration",
        "A model measured against itself, to find how noisy a machine is and what a run of each length can detect.",
        "explanation/calibration.md",
        "A/A test",
        ("calibrated",),
    ),
    Term(
        "candidate",
        "The new version, which is being judged.",
        f"{_METHOD}#how-it-is-measured",
        "treatment",
    ),
    Term(
        "capacity",
        "The highest rate of requests at which one server holds all objectives.",
        "explanation/capacity-rates.md",
        "maximum sustainable throughput",
    ),
    Term(
        "catch",
        "The smallest regression of a metric that the gate should find reliably. The tolerance is half of it.",
        f"{_METHOD}#from-an-effect-to-a-verdict",
        "smallest effect size of interest",
    ),
    Term(
        "caution",
        "Something that weakens a result, kept as data in the result, with a remedy.",
        "reference/cautions.md",
        "warning",
    ),
    Term(
        "change point",
        "The record of a baseline at which the level of a metric changed.",
        "explanation/change-points.md",
    ),
    Term(
        "closed loop",
        "Load with a fixed number of requests in flight: a new one is sent when one completes.",
        "reference/scenario-files.md#arrivals",
    ),
    Term(
        "contrast",
        "The difference between the arms in one metric, with its standard error and degrees of freedom.",
        f"{_METHOD}#from-replicas-to-an-effect",
    ),
    Term(
        "coordinated omission",
        "Requests that a stalled server keeps a generator from sending are missing from its latencies. perfgate "
        "avoids it: open loops schedule requests ahead and count response times from the schedule.",
        f"{_METHOD}#the-load-lane",
    ),
    Term(
        "cost lane",
        "The part of a run that makes one execution or one request at a time: the cost of the model without queueing.",
        f"{_METHOD}#how-it-is-measured",
    ),
    Term(
        "depth",
        "How far a request goes: `execute` is an execution inside the server, `request` goes through the protocol.",
        "reference/targets.md",
        forms=("execute depth", "request depth"),
    ),
    Term(
        "design effect",
        "The factor by which correlated requests count as fewer: 400 requests with a design effect of 4 prove as "
        "much as 100 independent ones.",
        f"{_METHOD}#objectives",
    ),
    Term(
        "digest",
        "A SHA-256 over what identifies something: a model's files, a scenario, the requests.",
        "reference/scenario-files.md#what-identifies-a-scenario",
    ),
    Term(
        "estimator",
        "The rule that turns a metric's trials into one number per server process.",
        "reference/estimators.md",
    ),
    Term(
        "execution",
        "One run of the model inside its server, without the protocol.",
        f"{_METHOD}#how-it-is-measured",
        "inference",
    ),
    Term(
        "false alarm",
        "A failed run although nothing changed.",
        f"{_METHOD}#simulated-error-rates",
        "type I error, false positive",
    ),
    Term(
        "feasibility",
        "Whether a run can decide what its scenario asks for; checked before anything is measured.",
        f"{_METHOD}#looks-on-the-way",
        "prospective power analysis",
        ("cannot decide",),
    ),
    Term(
        "fingerprint",
        "A digest of what an environment must have in common for stored numbers to be compared: CPU, cores, memory "
        "class, TensorFlow, server settings.",
        "reference/baselines.md#the-fingerprint",
    ),
    Term(
        "fleet",
        "Many models under their scenarios, measured and judged together by `perfgate fleet`.",
        "reference/../how-to/gate-many-models.md",
    ),
    Term(
        "fork server",
        "A process that has imported TensorFlow once, and from which server processes are forked.",
        "explanation/serving.md#how-processes-are-made",
        "zygote",
    ),
    Term(
        "futility",
        "A reason to end a lane early: the remaining time is unlikely to decide what is still open.",
        f"{_METHOD}#looks-on-the-way",
    ),
    Term(
        "gate",
        "The rules by which a run passes or fails: which metrics are judged, with which tolerance, at which level. In "
        "a fleet, one model under one scenario.",
        f"{_METHOD}#from-an-effect-to-a-verdict",
        forms=("gated",),
    ),
    Term(
        "headline",
        "The numbers of the final line: those of the metric that decided the verdict.",
        "reference/terminal.md#the-final-line",
        forms=("final line",),
    ),
    Term(
        "Holm family",
        "The gated metrics and objectives, in a fleet also the gates, among which Holm's procedure divides the error "
        "level, so that more of them do not make a false alarm more likely.",
        f"{_METHOD}#from-an-effect-to-a-verdict",
        "family-wise error rate",
        ("Holm",),
    ),
    Term(
        "interim analysis",
        "A planned look at the data before a lane's time is over, with an error level of its own. A lane ends at "
        "the first one that decides everything.",
        f"{_METHOD}#looks-on-the-way",
        "group sequential test",
        ("look", "looked at"),
    ),
    Term(
        "lane",
        "A part of a run that loads servers in one way: the cost lane or the load lane.",
        f"{_METHOD}#how-it-is-measured",
    ),
    Term(
        "lead-in",
        "Requests at the beginning of a visit that are sent and not recorded.",
        "explanation/metrics.md#leaks",
    ),
    Term(
        "load generator",
        "The part of perfgate that sends requests. A run is invalid when it, and not the server, decided what was "
        "measured.",
        f"{_METHOD}#the-generator-under-suspicion",
        forms=("driver",),
    ),
    Term(
        "load lane",
        "The part of a run that sends the scenario's traffic, in turns: percentiles, throughput, memory.",
        f"{_METHOD}#the-load-lane",
        forms=("under load",),
    ),
    Term(
        "memory layout",
        "Where code and data of a process lie in memory. It affects a model's speed, so each server gets a random one.",
        f"{_METHOD}#memory-layout",
    ),
    Term(
        "minimum detectable effect",
        "The smallest regression that would fail a run in 4 of 5 cases (`detectable`).",
        f"{_METHOD}#looks-on-the-way",
        forms=("detectable", "smallest regression"),
    ),
    Term(
        "objective",
        "An absolute bound on a metric of the new version, independent of the old one.",
        "reference/scenario-files.md#what-an-objective-needs",
        "service-level objective (SLO)",
    ),
    Term(
        "occasion",
        "A machine at one point in time: a run, or records less than an hour apart. Numbers from two occasions differ "
        "even for the same model.",
        f"{_METHOD}#compared-with-stored-numbers",
        "session, batch",
    ),
    Term(
        "open loop",
        "Load in which requests are sent on a schedule, without waiting for responses to others.",
        "reference/scenario-files.md#arrivals",
    ),
    Term(
        "pacing",
        "The rule that says when the next request is due, in an open or a closed loop.",
        "explanation/architecture.md",
        "rate limiting",
    ),
    Term(
        "pair",
        "Two servers, one of each arm, that are started one after the other and visited one after the other.",
        f"{_METHOD}#from-replicas-to-an-effect",
        "matched pair",
    ),
    Term(
        "payload",
        "What a request carries.",
        "reference/payloads.md",
    ),
    Term(
        "promise",
        "A number that an untrained model shows and its trained model is expected to show, with an interval for "
        "another run with other weights.",
        "reference/plan.md#promise",
        "prediction",
    ),
    Term(
        "replica",
        "One server process of an arm. It is the unit of evidence: more requests only make its number more precise.",
        f"{_METHOD}#why-not-simply-compare-two-benchmarks",
        "experimental unit",
    ),
    Term(
        "request class",
        "One of several kinds of requests in one stream, with a weight.",
        "reference/payloads.md#several-kinds-of-requests",
        forms=("request classes",),
    ),
    Term(
        "response time",
        "The time from when a request was scheduled to its response (`latency_*`).",
        "reference/run-files.md#samplesarrow",
    ),
    Term(
        "run delay",
        "How long a thread that was ready to run waited for a CPU, as counted by the kernel.",
        "explanation/power.md#time-without-waiting",
        forms=("waiting for a CPU", "waited for a CPU"),
    ),
    Term(
        "scenario",
        "A file that says what to measure and what counts as a regression.",
        "reference/scenario-files.md",
    ),
    Term(
        "second round",
        "Another measurement of a gate that a fleet's first round left undecided, with the time that other gates left.",
        "reference/../how-to/gate-many-models.md",
    ),
    Term(
        "send lag",
        "How much later than scheduled the load generator sent a request.",
        f"{_METHOD}#the-generator-under-suspicion",
    ),
    Term(
        "service time",
        "The time from sending a request to its response (`service_*`).",
        "reference/run-files.md#samplesarrow",
        forms=("service_ms",),
    ),
    Term(
        "severity",
        "How much a failure counts: `error`, `warn` or `off`.",
        "reference/severity.md",
    ),
    Term(
        "sketch",
        "What a model will look like before it is trained: inputs, tables and layers, in TOML, as a Python function or "
        "in a `.keras` file.",
        "reference/plan.md#sketchfacts",
        "architecture",
    ),
    Term(
        "stage time",
        "How much of a request's time the server spent in its queue, executing, and encoding the response.",
        "reference/server.md#stage-times",
    ),
    Term(
        "start order",
        "The order in which a run's servers were started. Later ones can be faster, so both arms take early and "
        "late places equally often.",
        f"{_METHOD}#from-replicas-to-an-effect",
    ),
    Term(
        "stored number",
        "A number in a baseline's record, used for comparison when the model itself cannot be measured again.",
        "reference/baselines.md#comparison-with-stored-numbers",
        "historical control",
    ),
    Term(
        "target",
        "The system that handles the requests: perfgate's own server, the model alone, a command, or a running server.",
        "reference/targets.md",
        "system under test",
    ),
    Term(
        "tolerance",
        "The change for the worse that is accepted (\N{GREEK SMALL LETTER TAU}).",
        f"{_METHOD}#from-an-effect-to-a-verdict",
        "non-inferiority margin",
    ),
    Term(
        "trial",
        "What one server did in one block: the requests of one visit, with its CPU time and memory.",
        "reference/run-files.md#samplesarrow",
        "measurement, sample",
        ("visit",),
    ),
    Term(
        "turn",
        "A period of the load lane in which one pair of servers gets the scenario's traffic.",
        f"{_METHOD}#the-load-lane",
    ),
    Term(
        "variance component",
        "The part of a metric's noise that comes from requests, from server processes, from fork servers, or from "
        "occasions.",
        "explanation/calibration.md#how-it-is-computed",
        forms=("request noise",),
    ),
    Term(
        "verdict",
        "The outcome of a run: pass, fail, inconclusive or invalid.",
        f"{_METHOD}#from-an-effect-to-a-verdict",
    ),
    Term(
        "warm-up",
        "Requests to a new server until its latency has stopped falling; they are not compared.",
        f"{_METHOD}#warm-up",
        forms=("warm", "warmed"),
    ),
)


def terms_in(text: str, terms: Sequence[Term] = TERMS) -> tuple[Term, ...]:
    """Return the terms that a text uses, in the table's order."""
    return tuple(term for term in terms if term.stands_in(text))
