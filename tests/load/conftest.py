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
def start_echo() -> Iterator[Callable[[], EchoServer]]:
    started: list[subprocess.Popen[str]] = []

    def start() -> EchoServer:
        script = Path(__file__).with_name("echo_server.py")
        process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return EchoServer(f"127.0.0.1:{int(process.stdout.readline())}", process)

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def echo(start_echo: Callable[[], EchoServer]) -> EchoServer:
    return start_echo()
