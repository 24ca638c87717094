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
