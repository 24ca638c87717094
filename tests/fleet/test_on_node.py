"""The environment of a measurement on a node of a cluster."""

from __future__ import annotations

from perfgate.fleet.ray_engine import on_node


def test_the_node_keeps_its_own_and_the_settings_come_along() -> None:
    there = {"HOME": "/srv/node", "RAY_JOB_ID": "1", "OMP_NUM_THREADS": "2", "PERFGATE_SEED": "7", "PATH": "/bin"}
    asked = {"HOME": "/srv/me", "PERFGATE_STORE": "s3://b", "AWS_PROFILE": "x", "LANG": "C"}
    found = on_node(asked, there)
    assert found == {"HOME": "/srv/node", "PATH": "/bin", "PERFGATE_STORE": "s3://b", "AWS_PROFILE": "x"}


def test_what_ray_sets_is_taken_from_whoever_asks() -> None:
    assert on_node({"OMP_NUM_THREADS": "4"}, {"OMP_NUM_THREADS": "2"}) == {"OMP_NUM_THREADS": "4"}
