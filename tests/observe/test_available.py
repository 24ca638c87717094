"""Memory that a container's limit leaves, with the page cache that the kernel would give up."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfgate.observe.machine import available_mib

MIB = 1 << 20


@pytest.mark.parametrize(
    ("folder", "limit", "used", "cache"),
    [
        ("", "memory.max", "memory.current", "inactive_file"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ],
)
def test_page_cache_is_memory_that_servers_can_have(
    tmp_path: Path, folder: str, limit: str, used: str, cache: str
) -> None:
    place = tmp_path / folder
    place.mkdir(exist_ok=True)
    (place / limit).write_text(str(50 * MIB))
    (place / used).write_text(str(40 * MIB))
    assert available_mib(tmp_path) == pytest.approx(10)  # without details nothing is taken for cache
    (place / "memory.stat").write_text(f"anon {10 * MIB}\n{cache} {25 * MIB}\n")
    assert available_mib(tmp_path) == pytest.approx(35)
