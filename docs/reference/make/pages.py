"""All pages by name: where each comes from, and what stands above what is made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from docs.reference.make.cautions import cautions
from docs.reference.make.commands import commands
from docs.reference.make.files import result, scenario, settings
from docs.reference.make.glossary import PAGE as GLOSSARY_PAGE
from docs.reference.make.glossary import glossary
from docs.reference.make.markdown import code, table
from docs.reference.make.metrics import metrics
from perfgate.cli import config_schema
from perfgate.errors import ExitCode
from perfgate.results import document
from perfgate.results.described import field_docs
from perfgate.scenario import files as scenario_files


@dataclass(frozen=True, slots=True)
class Page:
    """One page."""

    title: str
    source: str
    """The file that says it all."""
    lead: str
    body: Callable[[], str]


def exit_codes() -> str:
    """Tell each code's meaning."""
    docs = field_docs(ExitCode)
    return table(("code", "name", "when"), ((code(int(each)), each.name.lower(), docs[each.name]) for each in ExitCode))


SETTINGS = """\
A flag comes before an environment variable, a variable before `perfgate.toml`, and the file before the default.

```console
$ perfgate config                 # what `perfgate run` would use here, and where each value comes from
$ perfgate config --json
```

The nearest file counts, in the working directory or above it: `perfgate.toml`, or the table `[tool.perfgate]` of a
`pyproject.toml`. Two are never mixed. Paths in it (`store`, `out`, `junit`, `metrics`, scenario files, and
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

An unknown key, and a value that the option does not take, end the command with exit code 2 and one line that names the
file. In `PERFGATE_SCENARIO` several scenarios are separated by blanks, and a flag replaces all of them. `NO_COLOR` and
other variables of the terminal: [what perfgate prints](terminal.md#colours-width-and-detail). What to measure and how
to judge it is in [scenario files](scenario-files.md).

As a JSON Schema: [`config.schema.json`](config.schema.json). Each key takes what its option takes:"""
"""What stands above the table of `perfgate.toml`."""

GLOSSARY = Page(
    "Glossary",
    "perfgate/report/glossary.py",
    "Each word that perfgate uses in a sense of its own, and the name that it has elsewhere. Reports explain the\n"
    "words that they use from the same table.",
    glossary,
)

PAGES = {
    "commands.md": Page(
        "Commands",
        "perfgate/cli/",
        "Every command with every option. A flag comes before its variable, a variable before\n"
        "[`perfgate.toml`](settings.md), and the file before the default. `perfgate COMMAND --help` shows the same.",
        commands,
    ),
    "metrics.md": Page(
        "Metrics",
        "perfgate/metrics.py",
        "*Catch* is the default regression to find reliably, and the tolerance half of it; *at least*: a\n"
        "smaller change in the unit never counts. *Gated* metrics are judged by default, others\n"
        "where a scenario names them, in a table `[gate.metrics.NAME]`, empty or with `catch` or\n"
        "`tolerance`. Any metric can have an [objective](scenario-files.md#what-an-objective-needs), an absolute\n"
        "bound on the new version. *Measured at* is lane and depth: the first one that the run has.\n"
        "What estimators and scales are: [estimators](estimators.md).",
        metrics,
    ),
    "exit-codes.md": Page(
        "Exit codes",
        "perfgate/errors.py",
        "Of `run` and `compare`; other commands use those that fit. The last line on stderr says why.",
        exit_codes,
    ),
    "cautions.md": Page(
        "Cautions",
        "perfgate/cautions.py",
        "What weakens a result without changing its verdict. Cautions are printed with their remedies in the\n"
        "terminal, on the report page and in job summaries. Programs find them by their codes under `cautions` in\n"
        "[`result.json`](result.md#caution). The run fills in what stands in braces. Entries share a code where the\n"
        "same problem has another remedy in other circumstances.",
        cautions,
    ),
    "scenario.md": Page(
        "Scenario keys",
        "perfgate/scenario/schema.py",
        "Every table and key of a [scenario file](scenario-files.md). All keys have defaults; `-` is none. Times are\n"
        "seconds, or text with `ms`, `s`, `m`, `min` or `h`; shares are numbers or percentages in quotes.",
        scenario,
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
        "What the keys of [`result.json`](run-files.md#resultjson) mean; as a JSON Schema:\n"
        "[`result.schema.json`](result.schema.json). Units stand in names: `_s` seconds, `_ms` milliseconds, `_mb`\n"
        "MiB. Any number may be `null`, where there is none. A *list* in columns has one item for each row.",
        result,
    ),
}


def files() -> Mapping[str, str]:
    """Make every page and the JSON Schemas: text by path in the repository."""
    schemas = {
        "docs/reference/config.schema.json": json.dumps(config_schema.json_schema(), indent=2),
        "docs/reference/result.schema.json": json.dumps(document.json_schema(), indent=1),
        "scenarios/schema.json": json.dumps(scenario_files.json_schema(), indent=2),
    }
    return {**_pages(), **{name: f"{text}\n" for name, text in schemas.items()}}


def _pages() -> Mapping[str, str]:
    pages = {GLOSSARY_PAGE: GLOSSARY, **{f"docs/reference/{name}": page for name, page in PAGES.items()}}
    return {name: _text(page) for name, page in pages.items()}


def _text(page: Page) -> str:
    note = f"<!-- Made from {page.source} by `make docs`: change that, not this. -->"
    return f"{note}\n\n# {page.title}\n\n{page.lead}\n\n{page.body()}\n"
