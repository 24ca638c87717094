from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from perfgate.cli import app
from perfgate.cli.config_file import load_config
from perfgate.cli.measuring import policy_of
from perfgate.errors import ExitCode, UsageError
from perfgate.gate.policy import NO_POLICY, Policy
from perfgate.gate.tolerance import severity_of, tolerance_of
from perfgate.metrics import BY_NAME
from perfgate.scenario.effective import project_of
from perfgate.scenario.schema import Gate, MetricGate, Scenario
from perfgate.scenario.severity import Severity
from tests.pipeline.test_answer import OPTIONS

LAST_DAY = date(2027, 3, 1)
EXECUTE = BY_NAME["execute_ms"]
ENTRY = """
[[accept]]
metric = "execute_ms"
up_to = "8%"
reason = "the new tower"
author = "jo"
expires = 2027-03-01
"""


def _policy(home: Path, text: str, today: date = LAST_DAY) -> Policy:
    (home / "perfgate.toml").write_text(text)
    return policy_of(load_config(home), today)


def test_it_holds_through_its_last_day_and_not_on_the_next(tmp_path: Path) -> None:
    for today, share, cautions in ((LAST_DAY, 0.08, 0), (LAST_DAY + timedelta(days=1), 0.025, 1)):
        policy = _policy(tmp_path, ENTRY, today)
        assert tolerance_of(EXECUTE, policy.over(Scenario()).gate, 1.0).share == share
        assert len(policy.cautions("default")) == cautions


def test_an_expired_entry_is_reported_with_its_text_and_a_remedy(tmp_path: Path) -> None:
    (caution,) = _policy(tmp_path, ENTRY, date(2028, 1, 1)).cautions("default")
    assert caution.message == "acceptance expired after 2027-03-01: execute_ms up to 8%, jo: the new tower"
    assert "perfgate.toml, or remove" in caution.remedy


def test_the_one_for_a_scenario_comes_before_the_one_for_all(tmp_path: Path) -> None:
    special = ENTRY.replace("8%", "12%").replace("[[accept]]", '[[accept]]\nscenario = "ranking"')
    for text in (special + ENTRY, ENTRY + special):
        policy = _policy(tmp_path, text)
        shares = [tolerance_of(EXECUTE, policy.over(Scenario(name=name)).gate, 1.0).share for name in ("ranking", "x")]
        assert shares == [0.12, 0.08]
    assert len(_policy(tmp_path, special, date(2028, 1, 1)).cautions("ranking")) == 1
    assert _policy(tmp_path, special, date(2028, 1, 1)).cautions("x") == ()


def test_one_whose_place_another_takes_need_not_fit(tmp_path: Path) -> None:
    special = ENTRY.replace("8%", "12%").replace("[[accept]]", '[[accept]]\nscenario = "ranking"')
    ranking = Scenario(name="ranking", gate=Gate(metrics={"execute_ms": MetricGate(tolerance=0.1)}))
    for text in (special + ENTRY, ENTRY + special):
        gate = _policy(tmp_path, text).over(ranking).gate
        assert tolerance_of(EXECUTE, gate, 1.0).share == 0.12


def test_severities_go_beside_what_the_scenario_says(tmp_path: Path) -> None:
    policy = _policy(tmp_path, '[severity]\nexecute_ms = "warn"\nlatency_p50_ms = "error"\nrss_peak_mb = "off"\n')
    said = Scenario(gate=Gate(metrics={"execute_ms": MetricGate(severity=Severity.ERROR)}))
    (plain, own) = (policy.over(each).gate for each in (Scenario(), said))
    assert [severity_of(EXECUTE, gate) for gate in (plain, own)] == [Severity.WARN, Severity.ERROR]
    assert severity_of(BY_NAME["latency_p50_ms"], plain) is Severity.ERROR
    assert severity_of(BY_NAME["rss_peak_mb"], plain) is Severity.OFF


def test_without_the_tables_a_scenario_is_as_it_was(tmp_path: Path) -> None:
    scenario = Scenario(name="x")
    assert _policy(tmp_path, "seed = 1\n").over(scenario) is scenario
    assert NO_POLICY.over(scenario) is scenario


def test_the_options_put_it_over_every_scenario(tmp_path: Path) -> None:
    from dataclasses import replace  # noqa: PLC0415

    options = replace(OPTIONS, policy=_policy(tmp_path, ENTRY))
    (scenario,) = options.load_scenarios()
    assert project_of(scenario.gate).accepted["execute_ms"].reason == "the new tower"


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (Gate(metrics={"execute_ms": MetricGate(severity=Severity.OFF)}), "execute_ms is not gated in scenario s"),
        (
            Gate(metrics={"execute_ms": MetricGate(catch=0.16)}),
            "up_to = 8% of execute_ms is not above its tolerance of 8%",
        ),
        (Gate(metrics={"execute_ms": MetricGate(tolerance=0.1)}), "is not above its tolerance of 10% in scenario s"),
    ],
)
def test_one_that_a_scenario_has_no_use_for_is_refused_while_it_holds(gate: Gate, words: str, tmp_path: Path) -> None:
    scenario = Scenario(name="s", gate=gate)
    with pytest.raises(UsageError, match="accept: ") as raised:
        _policy(tmp_path, ENTRY).over(scenario)
    assert words in raised.value.problem
    assert project_of(_policy(tmp_path, ENTRY, date(2028, 1, 1)).over(scenario).gate).accepted == {}


def _without(key: str) -> str:
    return "\n".join(line for line in ENTRY.splitlines() if not line.startswith(key))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[severity]\nexecute_sm = "warn"\n', "severity.execute_sm: unknown metric. Did you mean execute_ms?"),
        ('[severity]\nexecute_ms = "warning"\n', "severity.execute_ms = \"warning\". Must be 'off', 'warn' or 'error'"),
        ('severity = "warn"\n', 'severity = "warn". Must be a table'),
        ('[severty]\nexecute_ms = "warn"\n', "unknown key severty. Did you mean severity?"),
        ("[[acept]]\n", "unknown key acept. Did you mean accept?"),
        (
            ENTRY.replace("[[accept]]", "[accept]"),
            "accept must be an array of tables. Write [[accept]], with double brackets",
        ),
        (ENTRY.replace("expires", "expire"), "accept[0].expire: unknown key (and 1 more). Did you mean expires?"),
        (
            _without("expires"),
            "accept[0]: expires is missing. Set it: The last day on which the entry applies, in UTC: a date",
        ),
        (_without("up_to"), "accept[0]: up_to is missing. Set it: The tolerance while the entry applies"),
        (_without("reason"), "accept[0]: reason is missing"),
        (_without("author"), "accept[0]: author is missing"),
        (_without("metric"), "accept[0]: metric is missing"),
        (
            ENTRY.replace("execute_ms", "execute"),
            'accept[0].metric = "execute": unknown metric. Did you mean execute_ms',
        ),
        (ENTRY.replace("2027-03-01", "2027-03-01T10:00:00"), "must be a date such as 2027-06-30"),
        (ENTRY.replace("2027-03-01", '"next week"'), 'accept[0].expires = "next week". Must be a date such as'),
        (ENTRY.replace("2027-03-01", "20270301"), "accept[0].expires = 20270301. Must be a date such as"),
        (ENTRY.replace("2027-03-01", "2027-02-30"), "is not valid TOML"),
        (ENTRY.replace('"8%"', '"much"'), 'accept[0].up_to = "much". Must be a number, such as 0.05 or "5%"'),
        (ENTRY.replace('"8%"', "0"), "accept[0].up_to = 0. Must be greater than 0"),
        (ENTRY.replace('"8%"', "true"), 'accept[0].up_to = true. Must be a number, such as 0.05 or "5%"'),
        (ENTRY.replace('"8%"', '"8000%"'), 'accept[0].up_to = "8000%". Must be less than 10, a share'),
        (ENTRY.replace('"8%"', "80"), 'accept[0].up_to = 80. Must be less than 10, a share such as 0.05 or "5%"'),
        (ENTRY.replace("execute_ms", "rss_growth_mb_per_1k"), 'up_to = "8%". Must be a number of MiB/1k requests'),
        (ENTRY.replace('"the new tower"', '" "'), 'accept[0].reason = " ". Must be'),
        (ENTRY + ENTRY, "accept[1]: execute_ms is listed twice. Keep only one"),
        ("accept = 3\n", "accept = 3. Must be an array"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_would_be_right(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "perfgate.toml").write_text(text)
    for command in (["run", "model"], ["compare", "a", "b"], ["config"]):
        assert app.main(command) == ExitCode.USAGE
        said = capsys.readouterr().err
        assert words.lower() in said.lower()
        assert f"{tmp_path / 'perfgate.toml'}" in said
        assert said.count("\n") == 1


def test_pyproject_has_the_same_tables(tmp_path: Path) -> None:
    text = ENTRY.replace("[[accept]]", "[[tool.perfgate.accept]]")
    (tmp_path / "pyproject.toml").write_text(f'{text}\n[tool.perfgate.severity]\nrss_peak_mb = "warn"\n')
    policy = policy_of(load_config(tmp_path), LAST_DAY)
    assert project_of(policy.over(Scenario()).gate).accepted["execute_ms"].up_to == 0.08
    assert policy.tables.severity == {"rss_peak_mb": Severity.WARN}


def test_config_shows_the_tables_and_marks_what_is_expired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    holding = ENTRY.replace("execute_ms", "rss_peak_mb").replace("2027-03-01", "9999-12-31")
    expired = ENTRY.replace("2027-03-01", "2001-01-01")
    (tmp_path / "perfgate.toml").write_text(f'[severity]\nthroughput_rps = "warn"\n{holding}{expired}')
    file = str(tmp_path / "perfgate.toml")
    assert app.main(["config"]) == ExitCode.PASS
    shown = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[-3:]]
    assert [key for key, _ in shown] == ["severity.throughput_rps", "accept[0]", "accept[1]"]
    assert shown[0][1].split() == ["warn", file]
    assert shown[1][1].startswith("until 9999-12-31: rss_peak_mb up to 8%, jo: the new tower ")
    assert shown[2][1].startswith("EXPIRED 2001-01-01: execute_ms up to 8%, jo: the new tower ")
    assert all(line.endswith(file) for _, line in shown)
    assert app.main(["config", "--json"]) == ExitCode.PASS
    found = json.loads(capsys.readouterr().out)
    assert found["severity"] == {"throughput_rps": {"value": "warn", "source": file}}
    assert [(each["metric"], each["expired"], each["expires"]) for each in found["accept"]] == [
        ("rss_peak_mb", False, "9999-12-31"),
        ("execute_ms", True, "2001-01-01"),
    ]
