from pathlib import Path

import pytest

from perfgate.errors import UsageError
from perfgate.scenario.files import load_scenario


def _error(tmp_path: Path, text: str) -> tuple[str, str]:
    file = tmp_path / "s.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_scenario(str(file), [])
    problem = caught.value.problem
    assert problem.startswith(f"{file}: ")
    assert "\n" not in problem
    return problem.removeprefix(f"{file}: "), caught.value.remedy


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("paylod = 1", "paylod: unknown key", "did you mean payload?"),
        ("[payload]\nbatchsize = 1", "payload.batchsize: unknown key", "did you mean batch_size?"),
        ("batch_size = 1", "batch_size: unknown key", "batch_size belongs in [payload]"),
        (
            "[server.batching]\nmax_batchsize = 1",
            "server.batching.max_batchsize: unknown key",
            "did you mean max_batch_size?",
        ),
        (
            "[load]\nnum_batch_threads = 1",
            "load.num_batch_threads: unknown key",
            "num_batch_threads belongs in [server.batching]",
        ),
        ("[load]\nlow = 1", "load.low: unknown key", "low belongs in [payload.inputs.NAME]"),
        (
            "[budget]\nlength_of_run = 1",
            "budget.length_of_run: unknown key",
            "known: capacity_s, execute_share, explain_s, looks, measure_s,",
        ),
        ('[payload.inputs."a:0"]\nshpe = 1', 'payload.inputs."a:0".shpe: unknown key', "did you mean shape?"),
        ("[gate.metrics.execut_ms]", "gate.metrics.execut_ms: unknown metric", "did you mean execute_ms?"),
        ("[objectives.latency_p99]\nmax = 1", "objectives.latency_p99: unknown metric", "did you mean latency_p99_ms?"),
        ("[objectives.speed]\nmax = 1", "objectives.speed: unknown metric", "known: batch_size_mean, "),
        ("[payload]\nbatch_size = 0", "payload.batch_size = 0", "must be greater than or equal to 1"),
        ('[payload]\ndistinct = "many"', 'payload.distinct = "many"', "must be a whole number"),
        ("[budget]\nreplicas = 2.5", "budget.replicas = 2.5", "must be a whole number"),
        ("[payload.inputs]\nb = 3", "payload.inputs.b = 3", "must be a table"),
        ('[payload.inputs.a]\nshape = [1, "x"]', 'payload.inputs.a.shape[1] = "x"', "must be a whole number"),
        ("[server]\ncpus = 1", "server.cpus = 1", "must be an array"),
        ('[server]\nhuge_pages = "maybe"', 'server.huge_pages = "maybe"', "must be true or false"),
        ("description = 1", "description = 1", "must be a string"),
        ('[load]\narrivals = "burst"', 'load.arrivals = "burst"', "must be 'closed', 'constant', 'poisson', "),
        ('[load]\narrivals = "poisson"', "load: invalid combination of keys", 'arrivals = "poisson" needs rate_rps'),
        (
            '[load]\narrivals = "poisson"\nrate_rps = 5\nthink_time_s = 1',
            "load: invalid combination of keys",
            'arrivals = "poisson" does not use think_time_s; only "closed" does',
        ),
        (
            "[load]\nspeed = 2",
            "load: invalid combination of keys",
            'arrivals = "closed" does not use speed; only "trace" does',
        ),
        ("[load]\nsteps_rps = []", "load.steps_rps = []", "must be a non-empty array"),
        (
            '[load]\ndeadline_s = "5 parsecs"',
            'load.deadline_s = "5 parsecs"',
            'a number of seconds, or a duration such as "500ms"',
        ),
        ('[gate.metrics.execute_ms]\ncatch = "ten"', 'gate.metrics.execute_ms.catch = "ten"', 'such as 0.05 or "5%"'),
        ("[gate.metrics.execute_ms]\ncatch = true", "gate.metrics.execute_ms.catch = true", 'such as 0.05 or "5%"'),
        (
            "[budget]\nmeasure_s = true",
            "budget.measure_s = true",
            'must be a number of seconds or a duration such as "500ms"',
        ),
        (
            '[gate.metrics.execute_ms]\ntolerance = "1200%"',
            'gate.metrics.execute_ms.tolerance = "1200%"',
            "must be less than 10",
        ),
        ("[gate.metrics.execute_ms]\ncatch = 12", "gate.metrics.execute_ms.catch = 12", 'a share such as 0.05 or "5%"'),
        (
            '[gate.metrics.rss_growth_mb_per_1k]\ntolerance = "5%"',
            'gate.metrics.rss_growth_mb_per_1k.tolerance = "5%"',
            "must be a number of MiB/1k requests, such as 1",
        ),
        ("[gate.metrics.error_rate]\ntolerance = 1", "gate.metrics.error_rate.tolerance = 1", "must be less than 1"),
        ("[gate]\nalpha = 0.7", "gate.alpha = 0.7", "must be less than 0.5"),
        ('name = "a b"', 'name = "a b"', "letters, digits"),
        (f'[server]\ncpus = "{"x" * 80}"', f'server.cpus = "{"x" * 56}...', "must be an array"),
    ],
)
def test_each_mistake_says_where_what_and_what_instead(tmp_path: Path, text: str, problem: str, remedy: str) -> None:
    said, advised = _error(tmp_path, text)
    assert said.startswith(problem)
    assert remedy in advised
    assert "\n" not in advised


def test_several_mistakes_come_all_at_once(tmp_path: Path) -> None:
    text = "[payload]\nbatch_size = 0\n[gate.metrics.foo]\ncatch = 1\n[objectives.error_rat]\nmax = 1"
    problem, remedy = _error(tmp_path, text)
    assert problem == "payload.batch_size = 0 (and 2 more)"
    own, *others = remedy.split("\n")
    assert own == "must be greater than or equal to 1"
    assert others[0].startswith("gate.metrics.foo: unknown metric: known: ")
    assert others[1] == "objectives.error_rat: unknown metric: did you mean error_rate?"


def test_a_key_that_goes_on_is_meant_rather_than_one_that_looks_alike(tmp_path: Path) -> None:
    assert _error(tmp_path, "[load]\nrate = 1") == ("load.rate: unknown key", "did you mean rate_rps?")
