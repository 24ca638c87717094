from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfgate.baseline import export_file
from perfgate.baseline.record import Record, to_json
from perfgate.baseline.store import Store
from perfgate.baseline.transfer import Exported, Imported, export, import_
from perfgate.errors import InvalidRunError, NoBaselineError, UsageError

MakeRecord = Callable[..., Record]
MakeModel = Callable[..., Path]
Digest = Callable[[Path], str]


class Moving:
    """A store with two names and a model, and another one that is empty."""

    def __init__(self, root: Path, make_record: MakeRecord, model: Path, digest: Digest) -> None:
        self.root, self.digest = root, digest
        self.file = root / "exported.tar"
        self.store, self.other = Store(str(root / "store")), Store(str(root / "other"))
        self.old = self.store.add(make_record(model_digest=digest(model)), model)
        self.new = self.store.add(
            make_record(model_digest=digest(model), created_utc="2026-03-03T00:00:00Z", run_id="r2"), model
        )
        self.canary = self.store.add(make_record(name="canary"), None)
        self._scratch = 0

    def export(self, *names: str, **changes: Any) -> Exported:
        options = {"store": self.store, "target": self.file, "numbers_only": False, **changes}
        return export(names=names, digest_of=self.digest, scratch=self.scratch(), **options)

    def import_(self, store: Store | None = None) -> Imported:
        return import_(store or self.other, self.file, self.digest, self.scratch())

    def scratch(self) -> Path:
        self._scratch += 1
        path = self.root / f"scratch-{self._scratch}"
        path.mkdir()
        return path

    def members(self) -> dict[str, bytes]:
        with tarfile.open(self.file) as archive:
            return {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]

    def write(self, members: dict[str, bytes] | list[tuple[tarfile.TarInfo, bytes]]) -> None:
        with tarfile.open(self.file, "w") as archive:
            for name, data in members.items() if isinstance(members, dict) else members:
                member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
                member.size = len(data) if member.isreg() else 0
                archive.addfile(member, io.BytesIO(data))

    def refuses(self, match: str) -> None:
        with pytest.raises(UsageError, match=match) as caught:
            self.import_()
        assert "\n" not in caught.value.in_a_line
        assert str(self.file) in caught.value.problem
        assert not (self.root / "other").exists(), "nothing was stored"
        assert not (self.root / "escaped").exists()


@pytest.fixture
def moving(tmp_path: Path, make_record: MakeRecord, make_model: MakeModel, digest: Digest) -> Moving:
    return Moving(tmp_path, make_record, make_model(tmp_path / "m"), digest)


def test_everything_arrives_in_the_other_store(moving: Moving) -> None:
    done = moving.export()
    assert (done.records, done.models, done.elsewhere) == (moving.store.list(), 1, ())
    assert done.size_bytes == moving.file.stat().st_size
    assert moving.import_() == Imported(moving.store.list(), ())
    assert moving.other.list() == moving.store.list()
    assert moving.other.current("prod") == moving.new
    path = moving.other.fetch_artifact(moving.new, moving.scratch(), moving.digest)
    assert path.is_relative_to(moving.root / "other")
    both = [
        {file.relative_to(top): file.read_bytes() for file in top.rglob("*") if file.is_file()}
        for top in (moving.root / "store", moving.root / "other")
    ]
    assert both[0] == both[1]


def test_the_same_content_makes_the_same_bytes(moving: Moving) -> None:
    moving.export()
    first = moving.file.read_bytes()
    moving.import_()
    moving.export(store=moving.other)
    assert moving.file.read_bytes() == first
    assert [path.name for path in moving.root.glob(".exported*")] == []


def test_one_name_and_no_models(moving: Moving) -> None:
    done = moving.export("prod", "prod", numbers_only=True)
    assert [each.id for each in done.records] == [moving.old.id, moving.new.id]
    assert done.models == 0
    moving.import_()
    assert moving.other.names() == ("prod",)
    assert moving.other.models() == ()
    assert moving.other.current("prod").model.artifact is None


def test_importing_again_changes_nothing_and_completes_what_was_killed(moving: Moving) -> None:
    moving.export()
    moving.import_()
    moving.other.remove("prod", moving.old.id)
    (moving.root / "other" / "prod" / "current").unlink()
    done = moving.import_()
    assert done.added == (moving.old,)
    assert done.present == (moving.canary, moving.new)
    assert moving.other.pointer("prod") == moving.new.id
    assert moving.import_() == Imported((), moving.store.list())


def test_a_record_that_is_there_with_its_model_keeps_it(moving: Moving) -> None:
    moving.export(numbers_only=True)
    assert moving.import_(moving.store).added == ()
    assert moving.store.current("prod").model.artifact == moving.new.model.artifact


def test_a_record_with_other_content_stops_everything(moving: Moving, make_record: MakeRecord) -> None:
    moving.export()
    there = moving.other.add(make_record(name="canary", note="mine"), None)
    with pytest.raises(UsageError, match=rf"other has canary/{there.id}\.json with different content; nothing was"):
        moving.import_()
    assert moving.other.list() == (there,)
    assert moving.other.models() == ()


def test_models_elsewhere_are_named(moving: Moving, make_record: MakeRecord) -> None:
    record = moving.store.add(make_record(name="far", artifact="s3://models/v1"), None)
    assert moving.export("far").elsewhere == (record,)
    assert moving.import_().added == (record,)


def test_what_cannot_be_exported_is_said_and_leaves_no_file(moving: Moving) -> None:
    with pytest.raises(NoBaselineError, match="no baseline live in"):
        moving.export("prod", "live")
    with pytest.raises(NoBaselineError, match=r"no baselines in .*other"):
        moving.export(store=moving.other)
    with pytest.raises(UsageError, match=r"cannot write .*nowhere/a\.tar: No such file or directory"):
        moving.export(target=moving.root / "nowhere" / "a.tar")
    with pytest.raises(UsageError, match=r"cannot write .*scratch"):
        moving.export(target=moving.scratch())
    (moving.root / "store" / str(moving.old.model.artifact) / "saved_model.pb").write_text("new", encoding="utf-8")
    with pytest.raises(InvalidRunError, match="the stored model has changed"):
        moving.export()
    assert not list(moving.root.glob("*.tar"))
    assert not list(moving.root.glob(".*"))


@pytest.mark.parametrize("length", [0, 100, 512, 5000, -512 * 23])
def test_a_file_cut_short_is_refused(moving: Moving, length: int) -> None:
    moving.export()
    moving.file.write_bytes(moving.file.read_bytes()[:length])
    moving.refuses("damaged|not a file that perfgate may import")


def test_a_file_cut_between_two_members_is_refused(moving: Moving) -> None:
    moving.export()
    *members, _ = moving.members().items()
    moving.write(dict(members))
    moving.refuses("is damaged: it does not contain what its manifest lists")


def test_a_changed_record_or_model_is_refused(moving: Moving) -> None:
    moving.export()
    members = moving.members()
    record = f"prod/{moving.new.id}.json"
    moving.write({**members, record: members[record].replace(b"1.5", b"1.6")})
    moving.refuses("is damaged: it does not contain")
    model = f"{moving.new.model.artifact}/saved_model.pb"
    moving.write({**members, model: b"other"})
    moving.refuses("is damaged: artifacts/.* has digest sha256:")


def _with_manifest(members: dict[str, bytes]) -> dict[str, bytes]:
    """Rewrite the manifest as the one who forges a file would."""
    texts = {n: export_file.text_digest(data.decode()) for n, data in members.items() if n.endswith(".json")}
    texts.pop(export_file.MANIFEST)
    models = sorted({"/".join(name.split("/")[:2]) for name in members if name.startswith("artifacts/")})
    manifest = {"format": export_file.FORMAT, "schema_version": 1, "records": texts, "models": models}
    return {**members, export_file.MANIFEST: json.dumps(manifest).encode()}


def test_records_and_models_must_belong_together(moving: Moving, make_record: MakeRecord) -> None:
    moving.export()
    members = moving.members()
    moving.write(_with_manifest({n: data for n, data in members.items() if not n.startswith("artifacts/")}))
    moving.refuses("artifacts/.* is without record or model")
    moving.write(_with_manifest({n: data for n, data in members.items() if not n.startswith("prod/")}))
    moving.refuses("artifacts/.* is without record or model")
    moving.write(_with_manifest({**members, f"prod/{moving.canary.id}.json": to_json(moving.canary).encode()}))
    moving.refuses("contains record canary/")
    stray = make_record(name="stray", artifact=moving.new.model.artifact)
    moving.write(_with_manifest({**members, f"stray/{stray.id}.json": to_json(stray).encode()}))
    moving.refuses("names another model")


MODEL = "artifacts/" + "ab" * 32


@pytest.mark.parametrize(
    "name",
    [
        "../escaped", "/escaped", f"{MODEL}/../../../escaped", f"{MODEL}/a\\..\\b", f"{MODEL}//a", f"{MODEL}/./a",
        f"{MODEL}/", "artifacts/../prod/x.json", "prod/current", "prod/../x/1-a.json", "notes.md", "prod/1-a.json/x",
        ".tmp/0123", "plans/p/a.json", f"{MODEL}/a\nb", "manifest.json",
    ],
)  # fmt: skip
def test_names_that_no_store_has_are_refused(moving: Moving, name: str) -> None:
    moving.export()
    moving.write([*((tarfile.TarInfo(n), data) for n, data in moving.members().items()), (tarfile.TarInfo(name), b"x")])
    moving.refuses("is not a file of a store|is not a plain file")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(moving: Moving, kind: bytes) -> None:
    moving.export()
    link = tarfile.TarInfo(f"{MODEL}/a")
    link.type, link.linkname = kind, "../../../escaped"
    moving.write([*((tarfile.TarInfo(name), data) for name, data in moving.members().items()), (link, b"")])
    moving.refuses("is not a plain file")


def test_a_file_that_is_larger_than_its_bytes_is_refused(moving: Moving) -> None:
    """A sparse member, in the form that looks like a plain file: 4 MiB in one block, or a terabyte."""
    moving.export()
    sparse = tarfile.TarInfo("GNUSparseFile/a")
    name, size = f"{MODEL}/a", str(2**22)
    sparse.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name,
                          "GNU.sparse.realsize": size}  # fmt: skip
    members = ((tarfile.TarInfo(name), data) for name, data in moving.members().items())
    moving.write([*members, (sparse, b"0\n".ljust(512, b"\0"))])
    moving.refuses("is not a plain file")


def test_a_member_that_is_there_twice_is_refused(moving: Moving) -> None:
    moving.export()
    members = [(tarfile.TarInfo(name), data) for name, data in moving.members().items()]
    for again in (members[1], members[-1]):
        moving.write([*members, again])
        moving.refuses("is in it twice")
    below = tarfile.TarInfo(f"{members[1][0].name}/a")
    moving.write([*members, (below, b"")])
    moving.refuses("is in it twice")


@pytest.mark.parametrize(
    ("manifest", "match"),
    [
        (b"{", "its manifest.json is not one of perfgate"),
        (b'{"records": [], "models": []}', "its manifest.json is not one of perfgate"),
        (b'{"records": {}, "models": [], "format": "x"}', "is x of version 1, this perfgate reads"),
        (b'{"records": {}, "models": [], "schema_version": 2}', "perfgate-baselines of version 2, this perfgate reads"),
    ],
)
def test_another_manifest_is_refused(moving: Moving, manifest: bytes, match: str) -> None:
    moving.write({"manifest.json": manifest})
    moving.refuses(match)


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b\x08\x00", b"\0" * 10240])
def test_another_file_is_refused(moving: Moving, content: bytes) -> None:
    moving.file.write_bytes(content)
    moving.refuses("not a file that perfgate may import")


@pytest.mark.slow  # 1 s
def test_from_a_directory_to_s3_and_back(moving: Moving, bucket: str) -> None:
    moving.export()
    first = moving.file.read_bytes()
    moving.import_(Store(bucket))
    assert Store(bucket).pointer("prod") == moving.new.id
    moving.export(store=Store(bucket))
    assert moving.file.read_bytes() == first
