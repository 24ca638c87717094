from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from perfgate.cli import app
from perfgate.cli.inspect import command
from perfgate.errors import ExitCode, InvalidRunError, UsageError
from perfgate.model.messages import SavedModel
from tests.explain.graphs import Spec, perceptron, save, spec
from tests.model.test_checkpoint import entry, table, write


def _diff(*args: object) -> Result:
    return CliRunner().invoke(
        command, [*map(str, args)], catch_exceptions=False, env={"COLUMNS": "200", "NO_COLOR": "1"}
    )


def _table(output: str, title: str) -> list[list[str]]:
    """Return the cells of a table, which ends with an empty line; cells are two spaces apart."""
    lines = output.partition(f"\n{title}\n")[2].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return save(tmp_path / "old", perceptron(16, 8, 4))


def test_what_was_added_is_shown(old: Path, tmp_path: Path) -> None:
    new = save(tmp_path / "new", [*perceptron(16, 8, 8, 4, names="StatefulPartitionedCall/tower/dense_{}")])
    shown = _diff(old, "--diff", new)
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[:5] == [
        f"baseline   {old}",
        f"candidate  {new}",
        "signature  serving_default",
        "",
        "7 nodes added, none removed, none changed in what serving_default runs",
    ]
    assert ["nodes", "16", "23"] in _table(shown.stdout, "Properties")
    assert ["added", "MatMul", "tower/dense_1/MatMul", "result [?, 8]; weights float32[8, 8]"] in _table(
        shown.stdout, "Nodes that differ"
    )
    assert _table(shown.stdout, "Types of op that differ")[2][:3] == ["MatMul", "2", "3"]
    assert "tags" not in shown.stdout


def _wide(*, layers: int) -> Sequence[Spec]:
    return perceptron(16, *[8] * layers, 4)


def test_twenty_nodes_are_shown_and_verbosely_all(old: Path, tmp_path: Path) -> None:
    new = save(tmp_path / "new", _wide(layers=6))
    few, all_of_them = _diff(old, "--diff", new).stdout, _diff(old, "--diff", new, "-v").stdout
    assert "15 more differ." in few
    assert [sum(line.startswith("added ") for line in text.splitlines()) for text in (few, all_of_them)] == [20, 35]
    assert "more differ" not in all_of_them
    assert "dense_0/kernel" in all_of_them
    assert "dense_0/kernel" not in few


def test_a_model_and_itself_have_no_difference(old: Path) -> None:
    shown = _diff(old, "--diff", old).stdout
    assert shown.rstrip().endswith("no difference in what serving_default runs")


def test_other_weights_are_told(tmp_path: Path) -> None:
    models = [
        write(save(tmp_path / str(crc), perceptron(16, 4)), table({b"a": entry(256, crc, 16, 4)})) for crc in (1, 2)
    ]
    assert (
        "no difference in what serving_default runs, with other weights\n"
        in _diff(models[0], "--diff", models[1]).stdout
    )


def test_findings_are_shown(old: Path, tmp_path: Path) -> None:
    specs = [*perceptron(16, 8, 4)[:-1], spec("out", "Print", "dense_1/Relu", T="float32")]
    shown = _diff(old, "--diff", save(tmp_path / "new", specs)).stdout
    assert ["debug ops", "0", "1", "prints or checks values", "out"] in _table(shown, "Nodes that often cost time")


def test_json_is_one_document(old: Path, tmp_path: Path) -> None:
    document = json.loads(_diff("--json", old, "--diff", save(tmp_path / "new", perceptron(16, 8, 8, 4))).stdout)
    assert document["baseline"] == str(old)
    assert (document["signature"], document["same_graph"]) == ("serving_default", False)
    assert document["node_changes"] == [7, 0, 0]
    assert document["nodes"][0]["kind"] == "added"
    assert {"name": "tags", "values": ["serve", "serve"]} in document["facts"]
    assert json.loads(_diff("--json", old, "--diff", old).stdout)["same_graph"] is True


def test_the_only_signature_is_compared(tmp_path: Path) -> None:
    models = [save(tmp_path / name, perceptron(16, 4), key="rank") for name in ("1", "2")]
    assert "signature  rank\n" in _diff(models[0], "--diff", models[1]).stdout


def _both(home: Path) -> Path:
    """Write a model with the signatures `rank` and `other`."""
    model = save(home, perceptron(16, 4), key="rank")
    saved = SavedModel.FromString((model / "saved_model.pb").read_bytes())
    definitions = saved.meta_graphs[0].signature_def
    definitions["other"].CopyFrom(definitions["rank"])
    (model / "saved_model.pb").write_bytes(saved.SerializeToString())
    return model


def test_several_signatures_need_a_choice(tmp_path: Path) -> None:
    model = _both(tmp_path / "1")
    with pytest.raises(UsageError, match="not clear which signature") as caught:
        _diff(model, "--diff", model)
    assert caught.value.remedy == "choose one with --signature: other, rank"
    assert "no difference in what rank runs" in _diff(model, "--diff", model, "--signature", "rank").stdout


def test_the_signature_that_both_have_is_compared(tmp_path: Path) -> None:
    model, one = _both(tmp_path / "1"), save(tmp_path / "2", perceptron(16, 4), key="rank")
    assert "signature  rank\n" in _diff(model, "--diff", one).stdout


def test_a_signature_of_one_model_only_leaves_the_properties(old: Path, tmp_path: Path) -> None:
    shown = _diff(old, "--diff", save(tmp_path / "new", perceptron(16, 8, 4), key="rank")).stdout
    assert "the candidate lacks the signature serving_default\n" in shown
    assert ["signatures", "serving_default", "rank"] in _table(shown, "Properties")
    assert "Nodes that differ" not in shown


def test_a_signature_of_neither_model_is_an_error(old: Path) -> None:
    with pytest.raises(UsageError, match="neither model has a signature 'servin_default'") as caught:
        _diff(old, "--diff", old, "--signature", "servin_default")
    assert caught.value.remedy == "did you mean serving_default?"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("nowhere", "nowhere does not exist"),
        ("grpc://127.0.0.1:1/m", "grpc://127.0.0.1:1/m is a URL, not a model on disk"),
    ],
)
def test_what_is_no_model_on_disk_is_an_error(old: Path, given: str, problem: str) -> None:
    for arguments in ((old, "--diff", given), (given, "--diff", old)):
        with pytest.raises(UsageError) as caught:
            _diff(*arguments)
        assert caught.value.problem == problem


def test_a_damaged_graph_is_an_error_in_a_line(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = save(tmp_path / "new", [each for each in perceptron(16, 8, 4) if each.op != "Relu"])
    with pytest.raises(InvalidRunError, match="the graph is damaged"):
        _diff(old, "--diff", broken)
    assert app.main(["inspect", str(old), "--diff", str(broken)]) == ExitCode.INVALID
    assert capsys.readouterr().err.count("\n") == 1


def test_a_signature_without_diff_is_an_error(old: Path) -> None:
    with pytest.raises(UsageError, match="--signature is for --diff"):
        _diff(old, "--signature", "serving_default")


def test_names_that_look_like_markup_are_text(tmp_path: Path) -> None:
    models = [save(tmp_path / name, perceptron(16, 4, names="[red]" + name + "{}")) for name in ("a", "b")]
    new = save(tmp_path / "c", perceptron(16, 4, 4, names="[red]\x1b[31mb{}"))
    assert _diff(models[0], "--diff", models[1]).exit_code == 0
    shown = _diff(models[0], "--diff", new).stdout
    assert "[red]" in shown
    assert "\x1b" not in shown


def test_tensorflow_and_numpy_stay_out(old: Path) -> None:
    program = (
        f"import sys; from perfgate.cli import app; app.main(['inspect', {str(old)!r}, '--diff', {str(old)!r}]); "
        "print({'tensorflow', 'numpy', 'pydantic'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "set()"
