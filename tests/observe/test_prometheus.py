from __future__ import annotations

import http.server
import math
import socket
import threading
from collections.abc import Iterator

import pytest

from perfgate.observe.prometheus import PrometheusAccounts, fetch, totals

_PAGE = """\
# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12.34
# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 4.194304e+07
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.70000000012e+09
process_open_fds 12.0 1395066363000
# HELP http_requests_total A comment with a { brace and "quotes"
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400",}    3
msdos_file_access{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find \\"}\\" here\\n"} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
rpc_seconds{quantile="0.01"}3102
rpc_seconds_bucket{le="+Inf"} 144320 # {trace_id="KOO5S4vxi0o"} 0.67
:tensorflow:cc:saved_model:load_attempt_count{model_path="/models/a b",status="success"} 1
:tensorflow:serving:request_latency_sum{} NaN
  indented\t7
nothing
broken{unclosed="x 5
not_a_number{} five
name5
name\r
process_blank{, ="x"} 5
"""


def test_a_real_page_is_read() -> None:
    nothing = ("nothing", "broken", "not_a_number", "name5", "name", "process_blank")
    wanted = {
        "process_cpu_seconds_total": 12.34,
        "process_resident_memory_bytes": 41943040,
        "process_start_time_seconds": 1700000000.12,
        "process_open_fds": 12,
        "http_requests_total": 1030,
        "msdos_file_access": 1458255915,
        "metric_without_timestamp_and_labels": 12.47,
        "something_weird": math.inf,
        "rpc_seconds": 3102,
        "rpc_seconds_bucket": 144320,
        ":tensorflow:cc:saved_model:load_attempt_count": 1,
        "indented": 7,
    }
    latency = ":tensorflow:serving:request_latency_sum"
    found = dict(totals(_PAGE, {*wanted, *nothing, latency}))
    assert math.isnan(found.pop(latency))
    assert found == wanted
    assert totals(_PAGE, {"indented"}) == {"indented": 7}


class Site:
    """Pages in turn, and the number of requests."""

    def __init__(self, *pages: str) -> None:
        self.pages, self.asked, self.now_s = list(pages), 0, 0.0

    def get(self, _: str) -> str:
        self.asked += 1
        page = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        if not page:
            raise ConnectionRefusedError
        return page

    def accounts(self) -> PrometheusAccounts:
        return PrometheusAccounts("http://x/metrics", self.get, lambda: self.now_s)


def _page(cpu_s: float, rss_mb: float = 40, began_s: float = 100) -> str:
    return (
        f"process_cpu_seconds_total {cpu_s}\nprocess_resident_memory_bytes {rss_mb * 2**20}\n"
        f"process_start_time_seconds {began_s}\n"
    )


def test_two_readings_around_a_trial_are_two_requests() -> None:
    site = Site(_page(1), _page(2), _page(5, rss_mb=30))
    server = site.accounts()
    asked = site.asked
    assert server.cpu_ms() == 2000
    server.usage()
    site.now_s = 10
    assert server.cpu_ms() == 5000
    memory = server.memory()
    assert site.asked - asked == 2
    assert (memory.rss_mb, memory.rss_peak_mb) == (30, 30)
    assert math.isnan(memory.pss_mb)
    assert server.missing == ()


def test_memory_is_asked_for_when_the_last_page_is_old() -> None:
    site = Site(_page(1, rss_mb=50), _page(2, rss_mb=40))
    server = site.accounts()
    assert server.memory().rss_mb == 50
    site.now_s = 10
    memory = server.memory()
    assert (memory.rss_mb, memory.rss_peak_mb) == (40, 50)


def test_a_server_that_started_again_is_unknown() -> None:
    server = Site(_page(100), _page(101), _page(1, began_s=999)).accounts()
    assert server.cpu_ms() == 101_000
    assert math.isnan(server.cpu_ms())
    assert math.isnan(server.memory().rss_mb)


def test_a_page_without_the_metrics_and_one_that_does_not_answer_are_missing() -> None:
    assert Site("other 1\n").accounts().missing == ("CPU time", "memory")
    assert Site("process_cpu_seconds_total 1\n").accounts().missing == ("memory",)
    gone = Site("").accounts()
    assert math.isnan(gone.cpu_ms())
    assert gone.missing == ("CPU time", "memory")


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/metrics" else 404)
        self.end_headers()
        self.wfile.write(_PAGE.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_real_server_is_asked(address: str) -> None:
    assert PrometheusAccounts(f"{address}/metrics").cpu_ms() == 12_340
    assert PrometheusAccounts(f"{address}/elsewhere").missing == ("CPU time", "memory")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "metrics", "http://", "http://127.0.0.1:1/", "http://[bad/"])
def test_an_address_that_is_none_is_unknown_not_an_error(url: str) -> None:
    assert math.isnan(PrometheusAccounts(url).cpu_ms())
    with pytest.raises((OSError, ValueError)):
        fetch(url)


@pytest.mark.parametrize(
    "said", [b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n"]
)
def test_a_server_that_does_not_speak_http_has_no_metrics(said: bytes) -> None:
    def answer(listener: socket.socket) -> None:
        accepted, _ = listener.accept()
        with accepted:
            accepted.recv(1 << 16)
            accepted.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        accounts = PrometheusAccounts(f"http://127.0.0.1:{listener.getsockname()[1]}/metrics")
        thread.join()
    assert accounts.missing == ("CPU time", "memory")
