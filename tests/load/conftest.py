"""Real servers for the live tests, each its own process, none left behind."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class EchoServer:
    address: str
    process: subprocess.Popen[str]


@dataclass(frozen=True)
class Certificate:
    """Of `server.test`, signed by an authority of our own."""

    authority: Path
    chain: Path
    key: Path


@pytest.fixture
def start_server() -> Iterator[Callable[..., EchoServer]]:
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: str | Path) -> EchoServer:
        command = [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return EchoServer(f"127.0.0.1:{int(process.stdout.readline())}", process)

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def start_echo(start_server: Callable[..., EchoServer]) -> Callable[[], EchoServer]:
    return lambda: start_server("echo_server.py")


@pytest.fixture
def echo(start_echo: Callable[[], EchoServer]) -> EchoServer:
    return start_echo()


@pytest.fixture
def rest(start_server: Callable[..., EchoServer]) -> EchoServer:
    return start_server("rest_server.py")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Valid for two days: made anew for each test run."""
    home = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=home, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *curve, "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *curve, "-subj", "/CN=server.test", "-keyout", "server.key", "-out", "server.csr")
    (home / "names").write_text("subjectAltName=DNS:server.test\n")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    openssl("x509", "-req", "-in", "server.csr", *signing, "-out", "server.pem")
    return Certificate(home / "ca.pem", home / "server.pem", home / "server.key")
