from __future__ import annotations

from dataclasses import replace

import pytest

from perfgate.explain.explanation import Attribution, ChangeKind, Interval
from perfgate.explain.tables import beside_tables, differing, group_tables, ops_table, static_tables, sum_table
from tests.explain.samples import SAMPLES, equal_models, extra_layer, not_traced


@pytest.fixture
def found() -> Attribution:
    attribution = extra_layer().attribution
    assert attribution
    return attribution


@pytest.mark.parametrize("name", ["extra_layer", "equal_models"])
def test_the_samples_agree_with_themselves(name: str) -> None:
    attribution = SAMPLES[name]().attribution
    assert attribution
    before_ms, after_ms = attribution.execute_ms
    assert attribution.change_ms.estimate == pytest.approx(after_ms - before_ms)
    assert sum(part.change_ms.estimate for part in attribution.parts) == pytest.approx(after_ms - before_ms)


def test_the_sum_is_below_its_parts(found: Attribution) -> None:
    table = sum_table(found)
    assert [row[0] for row in table.rows] == ["added", "removed", "changed", "same", "rest", "sum"]
    assert table.rows[1][:3] == ("removed", "-0.098 ms", "[-0.101, -0.0951]")
    assert table.rows[-1][1] == "+0.223 ms"
    assert table.note.startswith("95% intervals over replicas")


def test_ops_that_differ_are_listed_below_their_common_scope(found: Attribution) -> None:
    table = ops_table(found, differing(found), 2)
    assert table.title == "Ops that changed"
    assert table.rows[0][:5] == ("added", "MatMul", "extra/MatMul", "", "0.168 ms")
    assert len(table.rows) == 2
    assert table.note == "5 more in explain.json. All names are in ranker/tower."


def test_all_ops_are_listed_where_they_are_asked_for(found: Attribution) -> None:
    table = ops_table(found, found.ops, 100)
    assert table.title == "Ops"
    assert len(table.rows) == len(found.ops) == 17
    assert {row[0] for row in table.rows} == {"added", "removed", "changed", "same"}


def test_the_status_says_what_is_certain_and_which_way_an_equal_op_moved(found: Attribution) -> None:
    added = next(op for op in found.ops if op.kind is ChangeKind.ADDED)
    same = next(op for op in found.ops if op.kind is ChangeKind.SAME)
    slower = replace(same, significant=True, change_ms=Interval(0.1, 0.05, 0.15))
    faster = replace(slower, change_ms=Interval(-0.1, -0.15, -0.05))
    ops = (replace(added, significant=False), slower, faster, same)
    table = ops_table(replace(found, ops=ops), ops, 9)
    assert [row[0] for row in table.rows] == ["added?", "slower", "faster", "same"]
    assert "With a question mark" in table.note


def test_calls_and_earlier_names_are_details(found: Attribution) -> None:
    op = replace(found.ops[0], calls=(1.0, 2.0), baseline_name="PartitionedCall_1/ranker/tower/old/MatMul", detail="")
    assert ops_table(found, [op, found.ops[1]], 2).rows[0][-1] == "1 to 2 calls a request; was old/MatMul"


def test_names_without_a_scope_stay_whole(found: Attribution) -> None:
    ops = [found.ops[0], replace(found.ops[1], name="Identity")]
    table = ops_table(found, ops, 2)
    assert [row[2] for row in table.rows] == ["ranker/tower/extra/MatMul", "Identity"]
    assert "All names" not in table.note
    alone = ops_table(found, [ops[1]], 1)
    assert [row[2] for row in alone.rows] == ["Identity"]
    assert "All names" not in alone.note


def test_groups_have_their_change(found: Attribution) -> None:
    types, scopes = group_tables(found)
    assert types.rows[0] == ("MatMul", "0.789 ms", "1.06 ms", "+0.269 ms", "[+0.261, +0.277]")
    assert scopes.rows[0][:3] == ("tower/extra", "", "0.195 ms")
    assert group_tables(replace(found, by_type=(), by_scope=())) == ()


def test_stages_and_tensors_are_there_if_they_were_measured() -> None:
    stages, tensors = beside_tables(extra_layer())
    assert stages.rows[1] == ("queue", "0.310 ms", "0.352 ms", "+0.042 ms")
    assert tensors.rows[0] == (
        "tensor",
        "ranker/tower/extra/MatMul:0",
        "",
        "256 KiB float32[256, 256]",
    )
    assert tensors.note == "All tensors together: 14.0 MiB and 14.2 MiB."
    assert list(beside_tables(equal_models())) == []


def test_saved_models_are_compared_in_short_and_whole() -> None:
    static = not_traced().static
    assert static
    facts, findings = static_tables(static, whole=False)
    assert facts.rows == (("size", "12.9 MiB", "13.2 MiB"), ("nodes", "214", "226"))
    assert findings.rows == (
        ("string ops", "0", "2", "works on strings, or parses them", "ranker/lookup/LookupTableFindV2"),
    )
    titles = [table.title for table in static_tables(static, whole=True)]
    assert titles[2:] == ["Types of op that differ", "Nodes that differ", "Constants and variables"]
    whole = {table.title: table for table in static_tables(static, whole=True)}
    assert len(whole["Properties"].rows) == 3
    assert whole["Nodes that differ"].note == "10 more differ."
    assert whole["Types of op that differ"].rows[0] == ("MatMul", "4", "5", "2.10 to 2.80", "1.25 to 1.50 MiB")


def test_columns_are_left_out_by_name(found: Attribution) -> None:
    table = sum_table(found).without({"what it is"})
    assert table.columns == ("part", ">change", ">interval")
    assert {len(row) for row in table.rows} == {3}
