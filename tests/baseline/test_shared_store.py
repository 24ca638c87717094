"""A store that many processes share: in a directory, and in S3 over HTTP."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from perfgate.baseline import place, s3
from perfgate.baseline.place import Seen, StoreLocation
from perfgate.baseline.record import Record
from perfgate.baseline.store import Store
from perfgate.errors import UsageError

MakeRecord = Callable[..., Record]
MakeModel = Callable[..., Path]
PROMOTERS = str(Path(__file__).with_name("promoters.py"))


@pytest.fixture(params=["directory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "directory":
        return str(tmp_path / "store")
    return f"{request.getfixturevalue('bucket')}/perfgate"


def _promoting(url: str, records: int, model: Path) -> subprocess.Popen[str]:
    program = [sys.executable, PROMOTERS, url, "8", str(records), str(model)]
    return subprocess.Popen(program, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow  # 10 s with S3, 1 s in a directory
def test_eight_processes_lose_no_record_and_leave_one_pointer(url: str, tmp_path: Path, make_model: MakeModel) -> None:
    with _promoting(url, 200, make_model(tmp_path / "m")) as promoting:
        assert promoting.stdout is not None
        promoted = sorted(line.split()[1] for line in promoting.stdout)
    assert promoting.returncode == 0
    store = Store(url)
    assert len(promoted) == 200
    assert list(store.ids("prod")) == promoted
    assert store.pointer("prod") == promoted[-1]
    assert store.models() == ("artifacts/" + "ab" * 32,)
    assert store.unfinished() == ()


@pytest.mark.slow  # 4 s with S3, 1 s in a directory
def test_a_killed_process_tears_nothing(
    url: str, tmp_path: Path, make_model: MakeModel, make_record: MakeRecord
) -> None:
    with _promoting(url, 64, make_model(tmp_path / "m")) as promoting:
        assert promoting.stdout is not None
        first = promoting.stdout.readline()
        os.kill(int(first.split()[0]), signal.SIGKILL)  # it is in the middle of its next record
        promoted = {line.split()[1] for line in (first, *promoting.stdout)}
    store = Store(url)
    assert promoted <= {record.id for record in store.list()}
    assert store.current("prod").id == store.pointer("prod")
    last = store.add(make_record(), None)
    assert store.pointer("prod") == max(last.id, *promoted)


@pytest.mark.slow  # 1 s
def test_s3_holds_the_files_that_every_perfgate_reads(
    bucket: str, tmp_path: Path, make_model: MakeModel, make_record: MakeRecord
) -> None:
    record = Store(f"{bucket}/deep/er").add(make_record(), make_model(tmp_path / "m"))
    system = fsspec.filesystem("s3")
    top = f"{bucket.removeprefix('s3://')}/deep/er"
    model = f"artifacts/{'ab' * 32}"
    names = [f"{model}/saved_model.pb", f"{model}/variables/variables.index", "prod/current", f"prod/{record.id}.json"]
    assert [path.removeprefix(f"{top}/") for path in system.find(top)] == sorted(names)
    assert system.cat_file(f"{top}/prod/current") == f"{record.id}\n".encode()


@pytest.mark.slow  # 1 s
def test_of_two_records_of_one_name_the_first_stays(bucket: str, make_record: MakeRecord) -> None:
    store = Store(bucket)
    kept = store.add(make_record(), None)
    assert store.add(make_record(), None) == kept
    with pytest.raises(UsageError, match="already stored with different content"):
        store.add(make_record(note="other"), None)
    assert store.list() == (kept,)


@pytest.mark.slow  # 1 s
def test_a_file_is_replaced_only_if_it_is_what_was_seen(bucket: str) -> None:
    location = StoreLocation(bucket)
    nothing = location.look("a")
    assert nothing == Seen(None)
    assert location.replace("a", "1", nothing)
    assert not location.replace("a", "2", nothing)
    seen = location.look("a")
    assert seen.text == "1"
    location.remove("a")
    assert not location.replace("a", "2", seen), "it is gone"
    location.write("a", "3")
    assert not location.replace("a", "2", seen)
    assert location.read("a") == "3"


class _WithoutConditions:
    """A server that knows no conditional writes."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def pipe_file(self, _: str, data: bytes, **condition: str) -> None:
        if condition:
            raise OSError(38, "A header you provided implies functionality that is not implemented")
        self.written.append(data)


def test_a_server_without_conditional_writes_just_writes() -> None:
    server = _WithoutConditions()
    assert s3.put_if(server, "bucket/a", b"1", '"etag"')
    assert server.written == [b"1"]


@pytest.mark.slow  # 2 s
def test_a_model_comes_back_from_s3_and_rm_leaves_it_to_gc(
    bucket: str, tmp_path: Path, make_model: MakeModel, make_record: MakeRecord, digest: Callable[[Path], str]
) -> None:
    model = make_model(tmp_path / "m")
    record = Store(bucket).add(make_record(model_digest=digest(model)), model)
    assert digest(Store(bucket).fetch_artifact(record, tmp_path / "cache")) == digest(model)
    Store(bucket).remove("prod")
    assert Store(bucket).names() == ()
    assert Store(bucket).pointer("prod") is None
    assert Store(bucket).models() == (record.model.artifact,), "somebody may be adding a record for it now"


def _said(url: str, make_record: MakeRecord) -> set[str]:
    """Read and write, and return the distinct one-line messages, with the store's path left out."""
    said = set()
    for what in (lambda: Store(url).names(), lambda: Store(url).current("prod"), lambda: _add(url, make_record)):
        with pytest.raises(UsageError) as caught:
            what()
        assert "\n" not in caught.value.in_a_line
        said.add(re.sub(r"cannot (read|write) \S+: ", "", caught.value.in_a_line))
    return said


def _add(url: str, make_record: MakeRecord) -> None:
    Store(url).add(make_record(), None)


@pytest.mark.slow  # 1 s
@pytest.mark.usefixtures("s3_environment")
def test_a_bucket_that_does_not_exist_is_named_and_not_made(make_record: MakeRecord) -> None:
    said = {"the bucket does not exist. Create it, or correct --store"}
    assert _said("s3://no-such-bucket/x", make_record) == said
    assert _said("s3://no-such-bucket/x", make_record) == said


@pytest.mark.slow  # 1 s
def test_missing_credentials_are_named(bucket: str, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert _said(bucket, make_record) == {
        "Unable to locate credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
    }


@pytest.mark.slow  # 3 s
def test_an_endpoint_that_is_down_is_named_soon(
    bucket: str, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for said in _said(bucket, make_record):
        assert re.fullmatch(
            r'Could not connect to the endpoint URL: "http://127.0.0.1:9/\S+"\. '
            "Check the network and AWS_ENDPOINT_URL",
            said,
        )


class _NothingHere(BaseHTTPRequestHandler):
    """Any web server."""

    def do_GET(self) -> None:
        self.send_error(404)

    do_PUT = do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.slow  # 1 s
@pytest.mark.usefixtures("bucket")
def test_a_server_that_is_not_s3_is_no_empty_store(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with ThreadingHTTPServer(("127.0.0.1", 0), _NothingHere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(UsageError, match="cannot read s3://b/x: the endpoint answers 404, not as S3 does"):
            Store("s3://b/x").names()
        server.shutdown()


@pytest.mark.slow  # 1 s
@pytest.mark.usefixtures("s3_environment")
def test_a_name_that_no_bucket_can_have_is_one_line(make_record: MakeRecord) -> None:
    said = _said("s3://my-bucket!/x", make_record)
    assert all('Invalid bucket name "my-bucket!"' in line for line in said), said


def test_s3_without_s3fs_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(place, "url_to_fs", refuse)
    with pytest.raises(UsageError, match="s3fs is not installed") as caught:
        StoreLocation("s3://bucket/x")
    assert caught.value.remedy == "run python -m pip install s3fs"
