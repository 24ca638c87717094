from pathlib import Path

import pytest

from perfgate.baseline.record import Record, StoredModel
from perfgate.baseline.store import Store
from perfgate.cli import app
from perfgate.errors import ExitCode
from perfgate.model.digest import digest

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with two names, one of them with a model of 2 MiB and with one elsewhere."""
    monkeypatch.chdir(tmp_path)
    model = Path("model")
    model.mkdir()
    (model / "saved_model.pb").write_bytes(bytes(2**21))
    store = Store("baselines")
    store.add(_record("prod", 1, digest(model)), model)
    store.add(_record("prod", 2, digest(model), "s3://models/v1"), None)
    store.add(_record("canary", 3, digest(model)), None)
    return store


def _record(name: str, second: int, model_digest: str, artifact: str | None = None) -> Record:
    return Record(
        name=name,
        created_utc=f"2026-02-03T04:05:{second:02d}Z",
        scenario_name="ranking",
        scenario_digest="sha256:aa",
        payload_digest="sha256:bb",
        model=StoredModel("models/v1", model_digest, 2**21, artifact),
        fingerprint="0123456789abcdef",
        environment={},
        metrics={},
        seed=7,
        perfgate_version="0.1.0",
        run_id="r1",
    )


def test_one_file_brings_baselines_to_another_store(store: Store, capsys: Capture) -> None:
    assert app.main(["baseline", "export", "b.tar"]) == ExitCode.PASS
    said = capsys.readouterr()
    _, old, new = store.list()
    assert said.out == f"note    prod/{new.id}: its model is not in the file, but at s3://models/v1\n"
    assert said.err == "EXPORTED 3 records and 1 model from baselines to b.tar (2.01 MiB)\n"

    for expected in (
        "IMPORTED 3 records from b.tar into there\n",
        "IMPORTED 0 records from b.tar into there; 3 records",
    ):
        assert app.main(["baseline", "import", "b.tar", "--store", "there"]) == ExitCode.PASS
        assert capsys.readouterr().err.startswith(expected)
    assert Store("there").list() == store.list()
    assert (Path("there") / str(old.model.artifact) / "saved_model.pb").stat().st_size == 2**21


def test_only_some_names_and_only_numbers(store: Store, capsys: Capture) -> None:
    assert app.main(["baseline", "export", "b.tar", "prod", "--numbers-only"]) == ExitCode.PASS
    assert capsys.readouterr().err.startswith("EXPORTED 2 records and 0 models from baselines to b.tar (0.0")
    assert app.main(["baseline", "import", "b.tar", "--store", "there"]) == ExitCode.PASS
    ids = store.ids("prod")
    assert capsys.readouterr().out == f"added  prod/{ids[0]}\nadded  prod/{ids[1]}\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["export", "b.tar", "live"], ExitCode.INCONCLUSIVE, "INCONCLUSIVE no baseline live in baselines"),
        (
            ["export", "b.tar", "--store", "none"],
            ExitCode.INCONCLUSIVE,
            "INCONCLUSIVE no baselines in none. Record one",
        ),
        (["export", "no/b.tar"], ExitCode.USAGE, "ERROR cannot write no/b.tar: No such file or directory"),
        (["export", "model"], ExitCode.USAGE, "ERROR Invalid value for 'FILE': File 'model' is a directory"),
        (["import", "b.tar"], ExitCode.USAGE, "ERROR Invalid value for 'FILE': File 'b.tar' does not exist"),
        (
            ["import", "model/saved_model.pb"],
            ExitCode.USAGE,
            "ERROR model/saved_model.pb is not a file that perfgate may",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_line(words: list[str], code: ExitCode, said: str, capsys: Capture) -> None:
    assert app.main(["baseline", *words]) == code
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1
