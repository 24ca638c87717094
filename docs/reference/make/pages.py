"""All pages by name: the source of each, and the text above the generated part."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from docs.reference.make.causes import causes
from docs.reference.make.cautions import cautions
from docs.reference.make.commands import commands
from docs.reference.make.files import (
    capacity,
    explanation,
    fleet,
    fleet_result,
    plan,
    plan_check,
    result,
    runs,
    scenario,
    settings,
    sketch,
)
from docs.reference.make.glossary import PAGE as GLOSSARY_PAGE
from docs.reference.make.glossary import glossary
from docs.reference.make.markdown import code, table
from docs.reference.make.metrics import metrics
from perfgate.cli import config_schema
from perfgate.errors import ExitCode
from perfgate.fleet import document as fleet_document
from perfgate.fleet import file as fleet_file
from perfgate.results import (
    capacity_document,
    document,
    explanation_document,
    plan_check_document,
    plan_document,
)
from perfgate.results.described import field_docs
from perfgate.scenario import files as scenario_files
from perfgate.sketch import file as sketch_file


@dataclass(frozen=True, slots=True)
class Page:
    """One page."""

    title: str
    source: str
    """The file from which it is generated."""
    lead: str
    body: Callable[[], str]


def exit_codes() -> str:
    """Describe each exit code."""
    docs = field_docs(ExitCode)
    return table(("code", "name", "when"), ((code(int(each)), each.name.lower(), docs[each.name]) for each in ExitCode))


SETTINGS = """\
A flag overrides an environment variable, a variable overrides `perfgate.toml`, and the file overrides the default.

```console
$ perfgate config                 # the settings that `perfgate run` would use here, with their sources
$ perfgate config --json
```

perfgate uses the nearest file, in the working directory or above it: `perfgate.toml`, or the table `[tool.perfgate]` of
`pyproject.toml`. Files are never merged. Paths in the file (`store`, `out`, `junit`, `metrics`, scenario files, and
`scenarios/NAME.toml`) are relative to the file, wherever the command is called from.

```toml
baseline = "prod"            # run --baseline; record and promote --name
store = "baselines"          # a directory or any fsspec URL
scenario = ["ranking"]       # names or files
budget = "60s"
replicas = 12
on_inconclusive = "fail"
junit = "perfgate.xml"
```

An unknown key, or a value that the option does not accept, ends the command with exit code 2 and a one-line message
that names the file. `PERFGATE_SCENARIO` can have several scenarios, separated by spaces; a flag replaces all of them.
For `NO_COLOR` and other variables of the terminal, see [what perfgate prints](terminal.md#colours-width-and-detail).
What to measure and how to judge it is set in [scenario files](scenario-files.md).

As a JSON Schema: [`config.schema.json`](config.schema.json). Each key takes the same values as its option:"""
"""The text above the table of keys of `perfgate.toml`."""

RUNS = """\
What `perfgate export DIR --parquet OUT` writes ([how to use it](../how-to/all-runs.md)): two tables in Parquet files,
partitioned by `model`, `scenario` and `day`. `perfgate runs --csv` and `--json` print the columns of [runs](#runs)
except `day`. Names end in the unit: `_s` is seconds, `_mb` and `_mib` are MiB, `_utc` is a time in UTC. A number that
is not known is null. Columns may be added.

- A run is identified by `run_id` and `created_utc`. Another export to the same place replaces the rows of runs that are
  there already, and keeps those of all others.
- Each file is replaced in one step, so readers never see half of one. Two exports to one place should not run at once.
- `model`, `scenario` and `day` are in the names of directories, in the layout of Hive and Spark: values are
  percent-encoded, and `__HIVE_DEFAULT_PARTITION__` is null. A value over 200 bytes is cut and ends in a digest;
  `model_given` has it whole.
- What `perfgate capacity` and `perfgate plan` answer (`capacity.json`, `plan.json`) is not in the tables, nor are the
  sizes that `perfgate plan --scale` tries. Runs of theirs with a `result.json` are."""
"""The text above the columns of all runs."""

SKETCH = """\
A sketch describes a model that is not trained yet, for [`perfgate plan`](commands.md#perfgate-plan). There are three
forms:

| form | what it is | dimensions that `--set` and `--scale` change |
|---|---|---|
| `FILE.toml` | the tables below | every whole number, by its path: `layers.width`, `batch` |
| `FILE.py:FUNCTION` | a function that returns a `keras.Model` or a `tf.Module` | its whole-number parameters |
| `FILE.keras` | a Keras model, whose weights do not matter | none |

The Python file is a program: it is run, in a process of its own, with its directory first on the module path. Without a
name (`FILE.py`), the file's only public function is taken. Its dimensions are the keyword parameters whose default is a
whole number. What does not return within `--build-timeout` is killed. A `tf.Module` needs a `tf.function` with an
`input_signature`, named `__call__` or `serve`.

```toml
batch = 8                     # rows of a request

[inputs.features]
shape = [64]

[embeddings.user]             # rows x dim, of which 20 are looked up for each row of a request
rows = 1_000_000
dim = 32
lookups = 20
combine = "sequence"

[blocks.history]
kind = "attention"
from = ["user"]
width = 64
heads = 4

[layers]                      # reads everything that nothing else reads
width = 512
depth = 3

[heads.score]
activation = "sigmoid"
```

Requests carry ids that the tables have: from 0 to the number of rows, or fewer if the scenario's
`payload.inputs.NAME.high` says so; `distribution = "zipf"` there makes some of them frequent. As a JSON Schema:
[`sketch.schema.json`](sketch.schema.json)."""
"""The text above the tables of a sketch."""

FLEET = """\
A fleet file lists the models of [`perfgate fleet`](commands.md#perfgate-fleet), and how each is gated. A model under
one scenario is a *gate*. [Gate many models](../how-to/gate-many-models.md) begins with an empty file.

```toml
[defaults]
scenarios = ["ranking", "scenarios/bursty.toml"]
baseline = "prod-{name}"
budget_s = "30s"

[[models]]
model = "models/*"            # one entry for every model

[[models]]
model = "models/checkout"     # replaces what the pattern says of it
owner = "payments team"
priority = 1
demand_rps = 2_000
```

Paths are relative to the fleet file, except names of scenarios, which are looked up like those of `perfgate run`. Times
are numbers of seconds, or strings with `ms`, `s`, `m`, `min` or `h`; the headroom is a number, or a percentage in
quotes. `-` means that there is no fixed default. As a JSON Schema, for editors:
[`fleet.schema.json`](fleet.schema.json)."""
"""The text above the tables of a fleet file."""

GLOSSARY = Page(
    "Glossary",
    "perfgate/report/glossary.py",
    "Each term that perfgate uses in a specific sense, with its usual name elsewhere. The terms explained at the\n"
    "end of each report come from the same table.",
    glossary,
)

PAGES = {
    "commands.md": Page(
        "Commands",
        "perfgate/cli/",
        "Every command with all its options. A flag overrides its variable, a variable overrides\n"
        "[`perfgate.toml`](settings.md), and the file overrides the default. `perfgate COMMAND --help` shows the\n"
        "same.",
        commands,
    ),
    "metrics.md": Page(
        "Metrics",
        "perfgate/metrics.py",
        "*Gated* metrics are judged by default; `latency_p99_ms` only if the run can decide it, and\n"
        "`changed_ops_ms`, which only warns, if the graphs of both versions differ. Other metrics are\n"
        "judged if a scenario names them in a table `[gate.metrics.NAME]`, which can be empty or have a `catch` or\n"
        "`tolerance`. *Catch* is the default regression to detect reliably, and the *tolerance* is half of it; *at\n"
        "least* means that changes below that amount never count. Any metric can have an\n"
        "[objective](scenario-files.md#what-an-objective-needs), an absolute bound on the new version. *Measured\n"
        "at* is the lane and depth; the first one that the run has is used. For estimators and scales, see\n"
        "[estimators](estimators.md).",
        metrics,
    ),
    "exit-codes.md": Page(
        "Exit codes",
        "perfgate/errors.py",
        "These are the exit codes of `run` and `compare`; other commands use those that apply. The last line on\n"
        "stderr says why.",
        exit_codes,
    ),
    "cautions.md": Page(
        "Cautions",
        "perfgate/cautions.py",
        "A caution is something that weakens a result without changing its verdict. Cautions are shown with their\n"
        "remedies in the terminal, on the report page and in job summaries. Programs find them by code under\n"
        "`cautions` in [`result.json`](result.md#caution). The run fills in the fields in braces. Several entries\n"
        "have the same code if the same problem has different remedies in different circumstances.",
        cautions,
    ),
    "causes.md": Page(
        "Causes",
        "perfgate/explain/cause_table.py",
        "What `perfgate explain` can name as a cause, and a failed gate with it. Operations that differ and belong\n"
        "together are one group, and a group has the first cause of the table that fits it. The\n"
        "weightiest cause comes first: that which takes the largest share of the execution, of the memory, or of the\n"
        "cold start. [Why a version is slower](../explanation/explain.md) has the rules and their error rates.",
        causes,
    ),
    "scenario.md": Page(
        "Scenario keys",
        "perfgate/scenario/schema.py",
        "Every table and key of a [scenario file](scenario-files.md). `-` means that there is no fixed default.\n"
        "Times are numbers of seconds, or strings with `ms`, `s`, `m`, `min` or `h`; shares are numbers, or\n"
        "percentages in quotes.",
        scenario,
    ),
    "sketch.md": Page(
        "Sketches",
        "perfgate/sketch/schema.py",
        SKETCH,
        sketch,
    ),
    "fleet.md": Page(
        "Fleet files",
        "perfgate/fleet/schema.py",
        FLEET,
        fleet,
    ),
    "settings.md": Page(
        "Keys of `perfgate.toml`",
        "perfgate/cli/config_file.py",
        SETTINGS,
        settings,
    ),
    "result.md": Page(
        "Keys of `result.json`",
        "perfgate/results/result.py",
        "What the keys of [`result.json`](run-files.md#resultjson) mean. There is also a JSON Schema:\n"
        "[`result.schema.json`](result.schema.json). Names end in the unit: `_s` is seconds, `_ms` milliseconds,\n"
        "and `_mb` MiB. Any number can be `null` if it is not known. In columns, an array has one item per row.",
        result,
    ),
    "runs.md": Page(
        "Columns of all runs",
        "perfgate/results/runs/row.py",
        RUNS,
        runs,
    ),
    "explain.md": Page(
        "Keys of `explain.json`",
        "perfgate/explain/explanation.py",
        "What the keys of `explain.json` mean: why one version is slower than another, op by op. There is also a\n"
        "JSON Schema: [`explain.schema.json`](explain.schema.json). The same object is `explanation` in\n"
        "[`result.json`](result.md) if the run was explained. Names end in the unit: `_ms` is milliseconds. Pairs are\n"
        "baseline and candidate, and differences are candidate minus baseline. Any number can be `null` if it is not\n"
        "known.",
        explanation,
    ),
    "capacity.md": Page(
        "Keys of `capacity.json`",
        "perfgate/capacity/answer.py",
        "What the keys of `capacity.json` mean: how many requests a second one server of each version carries,\n"
        "and what it showed at each rate. There is also a JSON Schema:\n"
        "[`capacity.schema.json`](capacity.schema.json). `capacity.csv` has the [points](#point), one line for each\n"
        "version and rate. Names end in the unit: `_rps` is requests per second, `_ms` milliseconds, and `_mb` MiB.\n"
        "Any number can be `null` if it is not known, or if an interval has no end.",
        capacity,
    ),
    "fleet-result.md": Page(
        "Keys of `fleet.json`",
        "perfgate/fleet/answer.py",
        "What the keys of `fleet.json` mean: the verdict on every gate of a [fleet](fleet.md), what moved, and the\n"
        "servers that all models need. There is also a JSON Schema:\n"
        "[`fleet-result.schema.json`](fleet-result.schema.json). Each measurement's own\n"
        "[`result.json`](result.md) is in the directory that `measurements` names. Names end in the unit: `_s` is\n"
        "seconds, and `_rps` requests per second. Any number can be `null` if it is not known, or if an interval has\n"
        "no end.",
        fleet_result,
    ),
    "plan.md": Page(
        "Keys of `plan.json`",
        "perfgate/planning/answer.py",
        "What the keys of `plan.json` mean: whether an untrained model holds its objectives, and what it takes.\n"
        "There is also a JSON Schema: [`plan.schema.json`](plan.schema.json). Names end in the unit: `_s` is seconds,\n"
        "`_ms` milliseconds, `_mb` MiB, and `_rps` requests per second. Any number can be `null` if it is not known,\n"
        "or if an interval has no end.",
        plan,
    ),
    "plan-check.md": Page(
        "Keys of `plan-check.json`",
        "perfgate/planning/check.py",
        "What the keys of `plan-check.json` mean: whether the trained model shows what its [plan](plan.md) promised.\n"
        "There is also a JSON Schema: [`plan-check.schema.json`](plan-check.schema.json). Any number can be `null` if\n"
        "it is not known, or if an interval has no end.",
        plan_check,
    ),
}


def files() -> Mapping[str, str]:
    """Return the text of every page and JSON Schema by its path in the repository."""
    schemas = {
        "docs/reference/capacity.schema.json": json.dumps(capacity_document.json_schema(), indent=1),
        "docs/reference/config.schema.json": json.dumps(config_schema.json_schema(), indent=2),
        "docs/reference/explain.schema.json": json.dumps(explanation_document.json_schema(), indent=1),
        "docs/reference/fleet.schema.json": json.dumps(fleet_file.json_schema(), indent=1),
        "docs/reference/fleet-result.schema.json": json.dumps(fleet_document.json_schema(), indent=1),
        "docs/reference/plan.schema.json": json.dumps(plan_document.json_schema(), indent=1),
        "docs/reference/plan-check.schema.json": json.dumps(plan_check_document.json_schema(), indent=1),
        "docs/reference/result.schema.json": json.dumps(document.json_schema(), indent=1),
        "docs/reference/sketch.schema.json": json.dumps(sketch_file.json_schema(), indent=1),
        "scenarios/schema.json": json.dumps(scenario_files.json_schema(), indent=2),
    }
    return {**_pages(), **{name: f"{text}\n" for name, text in schemas.items()}}


def _pages() -> Mapping[str, str]:
    pages = {GLOSSARY_PAGE: GLOSSARY, **{f"docs/reference/{name}": page for name, page in PAGES.items()}}
    return {name: _text(page) for name, page in pages.items()}


def _text(page: Page) -> str:
    note = f"<!-- Made from {page.source} by `make docs`: change that, not this. -->"
    return f"{note}\n\n# {page.title}\n\n{page.lead}\n\n{page.body()}\n"
