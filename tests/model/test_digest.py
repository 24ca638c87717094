from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from perfgate.model.digest import content_of, digest, file_sha256


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "variables").mkdir(parents=True)
    (root / "saved_model.pb").write_bytes(b"graph")
    (root / "variables" / "data").write_bytes(bytes(range(256)) * 1000)
    return root


def test_a_copy_has_the_same_digest_and_size(tree: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tree, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    os.utime(copy / "variables", (0, 0))
    os.utime(copy / "saved_model.pb", (0, 0))
    (copy / "empty").mkdir()
    assert content_of(copy) == content_of(tree)
    assert content_of(copy).size_bytes == 256_005
    assert digest(copy) == content_of(tree).digest


def test_links_count_as_what_they_lead_to(tree: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "saved_model.pb").symlink_to(tree / "saved_model.pb")
    (linked / "variables").symlink_to(tree / "variables")
    assert content_of(linked) == content_of(tree)


def test_a_changed_byte_name_or_place_changes_the_digest(tree: Path) -> None:
    seen = {digest(tree)}
    (tree / "saved_model.pb").write_bytes(b"grapi")
    seen.add(digest(tree))
    (tree / "saved_model.pb").rename(tree / "saved_model.pbtxt")
    seen.add(digest(tree))
    (tree / "variables" / "data").rename(tree / "data")
    seen.add(digest(tree))
    assert len(seen) == 4


def test_a_name_cannot_pass_for_another_file(tmp_path: Path) -> None:
    two, one = tmp_path / "two", tmp_path / "one"
    two.mkdir()
    one.mkdir()
    for name in ("a", "b"):
        (two / name).write_bytes(b"x")
    (one / f"a\n{hashlib.sha256(b'x').hexdigest()}  b").write_bytes(b"x")
    assert digest(one) != digest(two)


def test_the_digest_is_that_of_sha256sum_output(tree: Path) -> None:
    lines = [f"{file_sha256(tree / name)}  {name}\0" for name in ("saved_model.pb", "variables/data")]
    assert digest(tree) == f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"
    assert file_sha256(tree / "saved_model.pb") == hashlib.sha256(b"graph").hexdigest()


def test_a_directory_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        digest(tmp_path / "gone")
